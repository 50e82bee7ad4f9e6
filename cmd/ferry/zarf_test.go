package main

import (
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	v1 "github.com/opencontainers/image-spec/specs-go/v1"

	"github.com/ociferry/ferry/cmd/ferry/internal/source"
	"github.com/ociferry/ferry/layout/kinds"
)

// The test binary is built of this module, as ferry is.
func TestZarfBinary(t *testing.T) {
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	b, err := zarfBinary(self, dir)
	if err != nil {
		t.Fatal(err)
	}
	if b.OS != runtime.GOOS || b.Architecture != runtime.GOARCH || len(b.SHA256) != 64 {
		t.Errorf("%+v", b)
	}
	if info, err := os.Stat(filepath.Join(dir, b.Path)); err != nil || info.IsDir() {
		t.Errorf("%s does not lead to the binary: %v", b.Path, err)
	}
	if goTool, err := exec.LookPath("go"); err == nil {
		if _, err := zarfBinary(goTool, dir); err == nil || !strings.Contains(err.Error(), "want a ferry binary") {
			t.Errorf("the go command: %v", err)
		}
	}
}

// Behind a link, ".." leads to another place than the name says.
func TestRelativeResolvesLinks(t *testing.T) {
	dir := t.TempDir()
	for _, d := range []string{"real/deep", "bundles"} {
		if err := os.MkdirAll(filepath.Join(dir, d), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	bundle := filepath.Join(dir, "bundles", "x.tar")
	if err := os.WriteFile(bundle, []byte("x"), 0o644); err != nil {
		t.Fatal(err)
	}
	link := filepath.Join(dir, "link")
	if err := os.Symlink(filepath.Join("real", "deep"), link); err != nil {
		t.Fatal(err)
	}
	rel, err := relative(link, bundle)
	if err != nil {
		t.Fatal(err)
	}
	if data, err := os.ReadFile(link + "/" + rel); err != nil || string(data) != "x" {
		t.Errorf("%s from the link: %q, %v", rel, data, err)
	}
}

func TestArtifactFacts(t *testing.T) {
	index := &v1.Index{Manifests: []v1.Descriptor{{Platform: &v1.Platform{OS: "linux", Architecture: "amd64"}}, {}}}
	in := kinds.All.Inspect(source.Usual)
	a := artifactFacts(in, v1.Descriptor{MediaType: v1.MediaTypeImageIndex}, index, nil)
	if len(a.Platforms) != 2 || a.Platforms[0].Architecture != "amd64" || a.Platforms[1].OS != "" || !a.IsIndex() {
		t.Errorf("%+v", a)
	}
	layer := v1.Descriptor{Digest: "sha256:aa", Annotations: map[string]string{v1.AnnotationTitle: "a/b"}}
	m := &v1.Manifest{Config: v1.Descriptor{MediaType: v1.MediaTypeEmptyJSON}, Layers: []v1.Descriptor{layer}, Annotations: map[string]string{v1.AnnotationTitle: "what it is"}}
	a = artifactFacts(in, v1.Descriptor{}, nil, m)
	if len(a.Files) != 1 || a.Files[0].Name != "a/b" || a.Description != "what it is" || a.ArtifactType != v1.MediaTypeEmptyJSON {
		t.Errorf("%+v", a)
	}
	m.Layers[0].Annotations[v1.AnnotationTitle] = "../b"
	if a = artifactFacts(in, v1.Descriptor{}, nil, m); len(a.Files) != 0 {
		t.Errorf("a name that leads out: %+v", a.Files)
	}
}
