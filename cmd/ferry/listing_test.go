package main

import (
	"bytes"
	"context"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/ociferry/ferry/bundle/packinglist"
	"github.com/ociferry/ferry/cmd/ferry/internal/ui"
	"github.com/ociferry/ferry/layout/layouttest"
)

// listed runs ferry packing-list and gives its JSON back.
func listed(t *testing.T, args ...string) (code int, l *packinglist.List, stderr string) {
	t.Helper()
	var out, errs bytes.Buffer
	e := &ui.Env{
		Stdin: strings.NewReader(""), Stdout: &out, Stderr: &errs,
		Getenv: func(string) string { return "" }, Now: func() time.Time { panic("a packing list asks no clock") },
	}
	code = run(context.Background(), e, append([]string{"ferry", "packing-list", "--no-progress", "--format", "json"}, args...))
	l = &packinglist.List{}
	if err := json.Unmarshal(out.Bytes(), l); code == ui.CodeGood && err != nil {
		t.Fatal(err)
	}
	return code, l, errs.String()
}

// Every layout that is accepted is listed with each of its blobs, however many
// paths lead to one, and the directory says the same as the archive.
func TestListing(t *testing.T) {
	files := func(l *packinglist.List) string {
		data, err := json.Marshal([]any{l.Files, l.Artifacts, l.Encrypted, l.Executable, l.Unseen, l.Bundle.Identity})
		if err != nil {
			t.Fatal(err)
		}
		return string(data)
	}
	for _, c := range layouttest.Accepted() {
		t.Run(c.Name, func(t *testing.T) {
			tar := filepath.Join(t.TempDir(), "bundle.tar")
			data := func() []byte { return c.Artifact.Layout().Tar() }
			if c.Tar != nil {
				data = c.Tar
			}
			if err := os.WriteFile(tar, data(), 0o644); err != nil {
				t.Fatal(err)
			}
			code, l, stderr := listed(t, tar)
			if code != ui.CodeGood {
				t.Fatalf("exit code %d: %s", code, stderr)
			}
			digests, beside := map[string]bool{}, false
			for _, f := range l.Files {
				if f.Role == "beside" {
					beside = true // in a directory without a seal, nobody reads it
					continue
				}
				digests[f.Digest] = true
				if f.Type == "" {
					t.Errorf("%s %q has no type", f.Digest, f.Name)
				}
			}
			if len(digests) != l.Bundle.Blobs {
				t.Errorf("%d blobs are listed, want %d", len(digests), l.Bundle.Blobs)
			}
			if l.Bundle.SHA256 == "" || l.Bundle.Size == 0 {
				t.Errorf("the archive has no sum or size: %+v", l.Bundle)
			}
			if c.Tar == nil && c.Dir == nil && !beside {
				_, d, _ := listed(t, c.Artifact.Layout().Dir(t))
				if a, b := files(l), files(d); a != b {
					t.Errorf("as an archive %s\nas a directory %s", a, b)
				}
			}
		})
	}
}

// An image of two platforms, with an encrypted layer, a layer they share, a
// program in one of them, and a blob that nothing refers to.
func TestListingImages(t *testing.T) {
	l := layouttest.Artifact{Layers: func(l layouttest.Layout, layers []layouttest.Object) []layouttest.Object {
		return append(layers, l.Put("application/vnd.oci.image.layer.v1.tar+gzip+encrypted", []byte("who knows")))
	}, Manifests: func(l layouttest.Layout, m []layouttest.Object) []layouttest.Object {
		config := l.Put("application/vnd.oci.image.config.v1+json", []byte("{}"))
		shared := l.Put("application/octet-stream", append([]byte("\x7fELF\x02\x01\x01"), make([]byte, 100)...))
		arm := layouttest.Manifest(config, shared)
		amd := layouttest.Manifest(config, shared, l.Put("text/plain", []byte("#!/bin/sh\n")))
		put := func(m layouttest.Object, platform string) layouttest.Object {
			return l.Put("application/vnd.oci.image.manifest.v1+json", []byte(m.String())).With("platform", platform)
		}
		index := layouttest.Index(put(arm, `{"os":"linux","architecture":"arm64","variant":"v8"}`), put(amd, `{"os":"linux","architecture":"amd64"}`))
		return append(m, l.Put("application/vnd.oci.image.index.v1+json", []byte(index.String())).With("annotations", `{"org.opencontainers.image.ref.name":"both"}`))
	}, Files: func(l layouttest.Layout) { l.Put("", []byte("nobody's")) }}.Layout()
	code, got, stderr := listed(t, l.Dir(t))
	if code != ui.CodeGood {
		t.Fatalf("exit code %d: %s", code, stderr)
	}
	var names, roles []string
	for _, a := range got.Artifacts {
		names = append(names, a.Name())
	}
	again := 0
	for _, f := range got.Files {
		roles = append(roles, f.Role)
		if f.Again {
			again++
		}
	}
	if want := "both linux/arm64/v8 linux/amd64"; !strings.HasSuffix(strings.Join(names, " "), want) {
		t.Errorf("artifacts %q, want %q at the end", names, want)
	}
	if roles[len(roles)-1] != "unreferenced" || again != 2 {
		t.Errorf("roles %q, %d again, want the unreferenced last and 2", roles, again)
	}
	if len(got.Encrypted.List) != 1 || len(got.Executable.List) != 2 {
		t.Errorf("encrypted %+v, executable %+v", got.Encrypted, got.Executable)
	}
}
