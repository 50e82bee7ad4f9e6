package zarf_test

import (
	"bytes"
	"errors"
	"flag"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/ociferry/ferry/zarf"
)

var update = flag.Bool("update", false, "write the golden files anew")

const (
	manifestType = "application/vnd.oci.image.manifest.v1+json"
	indexType    = "application/vnd.oci.image.index.v1+json"
	leiName      = "lei.internal/lei/cache:2026.08.01"
)

func hex(c string) string    { return strings.Repeat(c, 64) }
func digest(c string) string { return "sha256:" + hex(c) }

// names are the two annotations ferry writes.
func names(ref string) map[string]string {
	return map[string]string{
		"io.containerd.image.name":          ref,
		"org.opencontainers.image.ref.name": ref[strings.LastIndexByte(ref, ':')+1:],
	}
}

// lei is a bundle with one LEI snapshot; edit may change it.
func lei(edit ...func(*zarf.Bundle)) zarf.Bundle {
	b := zarf.Bundle{
		Path: "lei-cache-2026.08.01.tar.gz", SHA256: hex("a"), Index: digest("b"), Compression: "gzip", Sealed: true,
		Artifacts: []zarf.Artifact{{
			Digest: digest("c"), MediaType: manifestType, ArtifactType: "application/vnd.lei.cache.config.v1+json",
			Annotations: names(leiName), Description: "LEI analysis cache snapshot",
			Files: []zarf.Layer{{Name: "manifest.json", Digest: digest("7")}, {Name: "cache.jsonl.gz", Digest: digest("8")}},
		}},
	}
	for _, e := range edit {
		e(&b)
	}
	return b
}

// add gives a bundle another artifact.
func add(a zarf.Artifact) func(*zarf.Bundle) {
	return func(b *zarf.Bundle) { b.Artifacts = append(b.Artifacts, a) }
}

var (
	ferryAMD64 = zarf.Binary{Path: "bin/ferry-linux-amd64", SHA256: hex("d"), OS: "linux", Architecture: "amd64"}
	ferryARM64 = zarf.Binary{Path: "bin/ferry-linux-arm64", SHA256: hex("e"), OS: "linux", Architecture: "arm64"}

	signature = zarf.Artifact{Digest: digest("5"), MediaType: manifestType}
	image     = zarf.Artifact{
		Digest: digest("1"), MediaType: indexType, Annotations: names("tools.internal/viewer:1.2"),
		Platforms: []zarf.Platform{{OS: "linux", Architecture: "arm64"}, {OS: "linux", Architecture: "amd64"}},
	}
)

// golden are the definitions under testdata, which the module schematest holds
// against Zarf's own schema.
var golden = []struct {
	name    string
	bundle  zarf.Bundle
	options zarf.Options
}{
	{"files", lei(), zarf.Options{Shape: zarf.Files}},
	{"registry", lei(), zarf.Options{Shape: zarf.Registry}},
	{"both", lei(), zarf.Options{}},
	{"both-ferry", lei(), zarf.Options{Shape: zarf.Both, Ferry: []zarf.Binary{ferryAMD64}, Readme: "README.md"}},
	{"files-ferries", lei(add(signature)), zarf.Options{Shape: zarf.Files, Ferry: []zarf.Binary{ferryAMD64, ferryARM64}, Target: "/opt/lei"}},
	{"several", lei(add(image), add(signature)), zarf.Options{
		Name: "transfer", Version: "2026.08.03", Architecture: "arm64", Target: "~/in coming/it's", Description: "Everything, for \"August\": 100% #1",
	}},
	{"public", lei(add(zarf.Artifact{Digest: digest("2"), MediaType: manifestType, Annotations: names("ghcr.io/acme/app:2026.08.01")})),
		zarf.Options{Shape: zarf.Registry, Name: "app", Images: []string{"ghcr.io/acme/app:2026.08.01"}}},
}

func TestGolden(t *testing.T) {
	for _, c := range golden {
		t.Run(c.name, func(t *testing.T) {
			p, err := zarf.Define(c.bundle, c.options)
			if err != nil {
				t.Fatal(err)
			}
			compare(t, c.name+".yaml", p.Write)
			compare(t, c.name+".uds-bundle.yaml", p.WriteUDS)
			compare(t, c.name+".md", p.WriteReadme)
		})
	}
}

func compare(t *testing.T, name string, write func(io.Writer) error) {
	t.Helper()
	var got bytes.Buffer
	if err := write(&got); err != nil {
		t.Fatal(err)
	}
	file := filepath.Join("testdata", name)
	if *update {
		if err := os.WriteFile(file, got.Bytes(), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(got.Bytes(), want) {
		t.Errorf("%s is not what is written now (go test ./zarf -update):\n%s", file, got.Bytes())
	}
}

func TestNeverWritten(t *testing.T) {
	for _, c := range golden {
		data, err := os.ReadFile(filepath.Join("testdata", c.name+".yaml"))
		if err != nil {
			t.Fatal(err)
		}
		for _, word := range []string{"uncompressed", "dataInjections", "@sha256"} {
			if bytes.Contains(data, []byte(word)) {
				t.Errorf("%s: has %q", c.name, word)
			}
		}
	}
}

func TestDefaults(t *testing.T) {
	for _, c := range []struct {
		name          string
		bundle        zarf.Bundle
		pkg, version_ string
	}{
		{"from the reference", lei(), "lei-cache", "2026.08.01"},
		{"from the archive", lei(func(b *zarf.Bundle) {
			b.Artifacts[0].Annotations = map[string]string{"org.opencontainers.image.ref.name": "2026.08.01"}
		}), "lei-cache", "2026.08.01"},
		{"one artifact, two names: the first", lei(add(zarf.Artifact{
			Digest: digest("c"), MediaType: manifestType, Annotations: names("lei.internal/lei/cache:latest"),
		})), "lei-cache", "2026.08.01"},
		{"dots and underscores", lei(func(b *zarf.Bundle) { b.Artifacts[0].Annotations = names("x.internal/a.b/c_d:1") }), "a-b-c-d", "1"},
	} {
		t.Run(c.name, func(t *testing.T) {
			p, err := zarf.Define(c.bundle, zarf.Options{Shape: zarf.Files})
			if err != nil {
				t.Fatal(err)
			}
			if p.Name != c.pkg || p.Version != c.version_ {
				t.Errorf("got %s %s, want %s %s", p.Name, p.Version, c.pkg, c.version_)
			}
		})
	}
}

func TestForeignDescription(t *testing.T) {
	for _, s := range []string{"###ZARF_VAR_X###", "two\nlines", "\x1b[31mred", strings.Repeat("x", 201), "bad \xff"} {
		p, err := zarf.Define(lei(func(b *zarf.Bundle) { b.Artifacts[0].Description = s }), zarf.Options{})
		if err != nil {
			t.Fatal(err)
		}
		if want := "OCI artifact " + leiName; p.Description != want {
			t.Errorf("%q: got %q, want %q", s, p.Description, want)
		}
	}
}

func TestNotes(t *testing.T) {
	p, err := zarf.Define(lei(add(image), add(signature)), zarf.Options{Version: "1", Name: "x"})
	if err != nil {
		t.Fatal(err)
	}
	all := strings.Join(p.Notes, "\n")
	for _, want := range []string{"index of 2 manifests", "1 artifact without a name"} {
		if !strings.Contains(all, want) {
			t.Errorf("notes lack %q:\n%s", want, all)
		}
	}
}

// Each row breaks one rule of the package comment.
func TestRules(t *testing.T) {
	refName := func(ref string) func(*zarf.Bundle) {
		return func(b *zarf.Bundle) { b.Artifacts[0].Annotations = names(ref) }
	}
	path := func(p string) func(*zarf.Bundle) {
		return func(b *zarf.Bundle) { b.Path, b.Compression = p, "" }
	}
	children := func(p ...zarf.Platform) func(*zarf.Bundle) {
		return func(b *zarf.Bundle) { b.Artifacts[0].MediaType, b.Artifacts[0].Platforms = indexType, p }
	}
	for _, c := range []struct {
		name    string
		bundle  zarf.Bundle
		options zarf.Options
		field   string
		message string
	}{
		{"name in upper case", lei(), zarf.Options{Name: "Lei"}, "name", `"Lei"`},
		{"name with a slash", lei(), zarf.Options{Name: "lei/cache"}, "name", ""},
		{"name with a newline", lei(), zarf.Options{Name: "lei\ncache"}, "name", `"lei\ncache"`},
		{"name ends in a hyphen", lei(), zarf.Options{Name: "lei-"}, "name", ""},
		{"name longer than a label", lei(), zarf.Options{Name: strings.Repeat("x", 64)}, "name", ""},
		{"component longer than a label", lei(), zarf.Options{Name: strings.Repeat("x", 60)}, "component", "-registry"},
		{"version with a slash", lei(), zarf.Options{Version: "1/2"}, "version", ""},
		{"version with a plus", lei(), zarf.Options{Version: "1.0+x"}, "version", ""},
		{"version of dots", lei(), zarf.Options{Version: ".."}, "version", ""},
		{"version with a command", lei(), zarf.Options{Version: "1$(id)"}, "version", ""},
		{"version ends in a newline", lei(), zarf.Options{Version: "1\n"}, "version", ""},
		{"version too long", lei(), zarf.Options{Version: strings.Repeat("1", 129)}, "version", ""},
		{"version is the archive's name", lei(), zarf.Options{Version: "lei-cache-2026.08.01.tar.gz"}, "version", "another than the archive's name"},
		{"version is the ferry's name", lei(), zarf.Options{Version: "ferry", Ferry: []zarf.Binary{ferryAMD64}}, "version", "the ferry beside it"},
		{"no version", lei(func(b *zarf.Bundle) { b.Artifacts[0].Annotations = nil }), zarf.Options{Shape: zarf.Files}, "version", "has a tag"},
		{"several tags", lei(add(image)), zarf.Options{}, "version", "2026.08.01, 1.2"},
		{"architecture", lei(), zarf.Options{Architecture: "../amd64"}, "architecture", ""},
		{"shape", lei(), zarf.Options{Shape: "all"}, "shape", `"all"`},
		{"description with a template", lei(), zarf.Options{Description: "###ZARF_PKG_TMPL_X###"}, "description", "template"},
		{"readme outside", lei(), zarf.Options{Readme: "/etc/motd"}, "readme", "relative"},

		{"archive absolute", lei(path("/tmp/x.tar.gz")), zarf.Options{}, "archive", "relative to zarf.yaml"},
		{"archive a URL", lei(path("https://h/x.tar.gz")), zarf.Options{}, "archive", "not a URL"},
		{"archive not clean", lei(path("./x.tar.gz")), zarf.Options{}, "archive", "clean"},
		{"archive with a newline", lei(path("x\n.tar.gz")), zarf.Options{}, "archive", `x\n.tar.gz`},
		{"archive with a template", lei(path("###X###.tar.gz")), zarf.Options{}, "archive", ""},
		{"archive with a backslash", lei(path(`a\b.tar.gz`)), zarf.Options{}, "archive", ""},
		{"archive a directory", lei(path("layout")), zarf.Options{}, "archive", ".tar.zst"},
		{"archive .oci", lei(path("x.oci")), zarf.Options{}, "archive", ".tar.zst"},
		{"archive all suffix", lei(path(".tar.gz")), zarf.Options{}, "archive", ".tar.zst"},
		{"archive with a colon", lei(path("a:b.tar.gz")), zarf.Options{}, "target", `"a:b.tar.gz"`},
		{"archive named like a device", lei(path("d/con.tar.gz")), zarf.Options{Shape: zarf.Files}, "target", "Windows device"},
		{"archive named like a port", lei(path("COM1.x.tar.gz")), zarf.Options{}, "target", "Windows device"},
		{"archive in upper case", lei(path("X.TAR.GZ")), zarf.Options{}, "archive", ".tar.zst"},
		{"archive compressed otherwise", lei(func(b *zarf.Bundle) { b.Compression = "zstd" }), zarf.Options{}, "archive", "compression gzip"},
		{"archive not sealed, no ferry", lei(func(b *zarf.Bundle) { b.Sealed = false }), zarf.Options{}, "archive", "SHA256SUMS"},
		{"shasum in upper case", lei(func(b *zarf.Bundle) { b.SHA256 = hex("A") }), zarf.Options{}, "shasum", ""},
		{"index digest", lei(func(b *zarf.Bundle) { b.Index = "b" }), zarf.Options{}, "index", ""},
		{"nothing in it", lei(func(b *zarf.Bundle) { b.Artifacts = nil }), zarf.Options{}, "index", "at least one artifact"},
		{"entry with another digest", lei(func(b *zarf.Bundle) { b.Artifacts[0].Digest = "md5:1" }), zarf.Options{}, "index", ""},
		{"entry nobody can parse", lei(add(zarf.Artifact{Digest: digest("3"), Annotations: map[string]string{"org.opencontainers.image.ref.name": "2026.08.01-RC1"}})), zarf.Options{Images: []string{leiName}}, "index", "2026.08.01-RC1"},
		{"two with one name", lei(add(zarf.Artifact{Digest: digest("3"), Annotations: names(leiName)})), zarf.Options{}, "index", "each name once"},

		{"target with a newline", lei(), zarf.Options{Target: "a\nb"}, "target", ""},
		{"target with an escape", lei(), zarf.Options{Target: "a\x1bb"}, "target", ""},
		{"target with a template", lei(), zarf.Options{Target: "###ZARF_TEMP###"}, "target", ""},
		{"target another's home", lei(), zarf.Options{Target: "~root"}, "target", "~/"},
		{"target not clean", lei(), zarf.Options{Target: "a/../b"}, "target", "clean"},
		{"target that Zarf would replace", lei(), zarf.Options{Target: "./zarf bin"}, "target", "replaces"},
		{"target with a backslash", lei(), zarf.Options{Target: `C:\lei`}, "target", ""},

		{"image not there", lei(), zarf.Options{Images: []string{"lei.internal/lei/cache:1"}}, "image", leiName},
		{"image by bare tag", lei(), zarf.Options{Images: []string{"2026.08.01"}}, "image", "docker.io/library/2026.08.01:latest"},
		{"image by digest", lei(), zarf.Options{Images: []string{leiName + "@" + digest("c")}}, "image", "no digest"},
		{"image twice", lei(), zarf.Options{Images: []string{leiName, leiName}}, "image", "once"},
		{"image for the shape files", lei(), zarf.Options{Shape: zarf.Files, Images: []string{leiName}}, "image", "carries the archive whole"},
		{"image with a bad host", lei(refName("lei_.internal/x:1")), zarf.Options{}, "index", "registry's name"},
		{"bare tag only", lei(func(b *zarf.Bundle) {
			b.Artifacts[0].Annotations = map[string]string{"org.opencontainers.image.ref.name": "2026.08.01"}
		}), zarf.Options{}, "image", "full name"},
		{"only by distribution source", lei(func(b *zarf.Bundle) {
			b.Artifacts[0].Annotations = map[string]string{"containerd.io/distribution.source.lei.internal": "lei/cache"}
		}), zarf.Options{Version: "1"}, "image", "no digest"},
		{"no name at all", lei(func(b *zarf.Bundle) { b.Artifacts[0].Annotations = nil }), zarf.Options{Version: "1", Name: "x"}, "images", "a name for at least one"},
		{"public name not asked for", lei(refName("ghcr.io/acme/app:1")), zarf.Options{}, "image", ".internal"},
		{"index without platforms", lei(children(zarf.Platform{}, zarf.Platform{})), zarf.Options{}, "image", "no platform"},
		{"index for others", lei(children(zarf.Platform{OS: "linux", Architecture: "s390x"})), zarf.Options{}, "image", "linux/s390x"},
		{"index that is empty", lei(children()), zarf.Options{}, "image", "linux/amd64"},

		{"ferry for the shape registry", lei(), zarf.Options{Shape: zarf.Registry, Ferry: []zarf.Binary{ferryAMD64}}, "ferry", "unpacks nothing"},
		{"ferry for Windows", lei(), zarf.Options{Ferry: []zarf.Binary{{Path: "ferry.exe", SHA256: hex("d"), OS: "windows", Architecture: "amd64"}}}, "ferry", "windows/amd64"},
		{"two ferries for one system", lei(), zarf.Options{Ferry: []zarf.Binary{ferryAMD64, ferryAMD64}}, "ferry", "one for each system"},
		{"ferry by absolute path", lei(), zarf.Options{Ferry: []zarf.Binary{{Path: "/bin/ferry", SHA256: hex("d"), OS: "linux", Architecture: "amd64"}}}, "file", "relative"},
	} {
		t.Run(c.name, func(t *testing.T) {
			p, err := zarf.Define(c.bundle, c.options)
			var e *zarf.Error
			if !errors.As(err, &e) {
				t.Fatalf("got %v, %v; want a *zarf.Error", p, err)
			}
			if e.Field != c.field || !strings.Contains(err.Error(), c.message) {
				t.Errorf("got %s: %v\nwant field %s and %q", e.Field, err, c.field, c.message)
			}
			if strings.ContainsAny(strings.ReplaceAll(err.Error(), "\nzarf: ", ""), "\n\x1b") {
				t.Errorf("control characters in %q", err)
			}
		})
	}
}

func TestAllErrorsAtOnce(t *testing.T) {
	_, err := zarf.Define(lei(), zarf.Options{Name: "A", Version: "/"})
	for _, want := range []string{"zarf: name:", "zarf: version:"} {
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%v lacks %q", err, want)
		}
	}
}

// A package made by hand is checked as well, and nothing is written.
func TestWriteChecks(t *testing.T) {
	p, err := zarf.Define(lei(), zarf.Options{})
	if err != nil {
		t.Fatal(err)
	}
	p.Components[1].Archives[0].Images[0] += "@" + digest("c")
	var b bytes.Buffer
	for _, write := range []func(io.Writer) error{p.Write, p.WriteUDS, p.WriteReadme} {
		if err := write(&b); err == nil || b.Len() > 0 {
			t.Errorf("error %v, and %d bytes", err, b.Len())
		}
	}
}
