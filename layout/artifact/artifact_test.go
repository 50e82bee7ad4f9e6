package artifact_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/opencontainers/go-digest"
	v1 "github.com/opencontainers/image-spec/specs-go/v1"

	"github.com/ociferry/ferry/layout/artifact"
	"github.com/ociferry/ferry/layout/durable"
	"github.com/ociferry/ferry/layout/helm"
	"github.com/ociferry/ferry/layout/kinds"
	"github.com/ociferry/ferry/layout/lei"
)

var ctx = context.Background()

// memory is what was packed, and a Fetcher.
type memory map[digest.Digest][]byte

func (m memory) fetch(_ context.Context, d v1.Descriptor) (io.ReadCloser, error) {
	data, ok := m[d.Digest]
	if !ok {
		return nil, fs.ErrNotExist
	}
	return io.NopCloser(bytes.NewReader(data)), nil
}

func tree() fstest.MapFS {
	return fstest.MapFS{
		"a.txt":         {Data: []byte("alpha"), Mode: 0o600},
		"dir/b.json":    {Data: []byte("{}"), Mode: 0o644},
		"dir/sub/c.bin": {Data: bytes.Repeat([]byte("c"), 100_000), Mode: 0o755},
		"empty":         {Mode: 0o644},
		"dir2":          {Mode: fs.ModeDir | 0o755},
	}
}

func pack(t *testing.T, fsys fs.FS, o artifact.Options) (memory, *artifact.Packed) {
	t.Helper()
	m, p, err := packFiles(fsys, o)
	if err != nil {
		t.Fatal(err)
	}
	return m, p
}

func packFiles(fsys fs.FS, o artifact.Options) (memory, *artifact.Packed, error) {
	plan, err := artifact.NewPlan(artifact.Files, fsys, o)
	if err != nil {
		return nil, nil, err
	}
	c, packed, err := plan.Contents()
	if err == nil {
		err = c.Hash(ctx)
	}
	if err != nil {
		return nil, nil, err
	}
	m := memory{}
	for i := range c.Blobs {
		var data bytes.Buffer
		if _, err := c.Blobs[i].CopyTo(ctx, &data); err != nil {
			return nil, nil, err
		}
		m[c.Blobs[i].Digest] = data.Bytes()
	}
	return m, packed, nil
}

func TestFiles(t *testing.T) {
	store, p := pack(t, tree(), artifact.Options{Created: "2026-02-05T00:00:00Z", Annotations: map[string]string{"k": "v"}, MediaTypes: map[string]string{"empty": "text/x-nothing"}})
	var got []string
	for _, l := range p.Manifest.Layers {
		got = append(got, l.Annotations[v1.AnnotationTitle]+" "+l.MediaType)
	}
	want := []string{"a.txt text/plain", "dir/b.json application/json", "dir/sub/c.bin application/octet-stream", "empty text/x-nothing"}
	if !slices.Equal(got, want) {
		t.Errorf("layers: %q, want %q", got, want)
	}
	m := p.Manifest
	if m.Config.MediaType != v1.MediaTypeEmptyJSON || string(store[m.Config.Digest]) != "{}" || m.ArtifactType != artifact.DefaultArtifactType {
		t.Errorf("config %s, artifactType %s", m.Config.MediaType, m.ArtifactType)
	}
	if m.Annotations["k"] != "v" || m.Annotations[v1.AnnotationCreated] != "2026-02-05T00:00:00Z" {
		t.Errorf("annotations: %q", m.Annotations)
	}
	if _, ok := store[p.Digest]; !ok {
		t.Error("the manifest is not in the store")
	}
	if _, again := pack(t, tree(), artifact.Options{Created: "2026-02-05T00:00:00Z", Annotations: map[string]string{"k": "v"}, MediaTypes: map[string]string{"empty": "text/x-nothing"}}); again.Digest != p.Digest {
		t.Error("packed again it is another artifact")
	}
	if _, other := pack(t, tree(), artifact.Options{ArtifactType: "application/x-own"}); other.Manifest.ArtifactType != "application/x-own" || other.Manifest.Annotations[v1.AnnotationCreated] != "" {
		t.Errorf("artifactType %s, created %q", other.Manifest.ArtifactType, other.Manifest.Annotations[v1.AnnotationCreated])
	}
}

func TestPackRefuses(t *testing.T) {
	for _, c := range []struct {
		name, want string
		fsys       fstest.MapFS
		o          artifact.Options
	}{
		{"nothing", "no files", fstest.MapFS{"dir": {Mode: fs.ModeDir}}, artifact.Options{}},
		{"a link", "symbolic link", fstest.MapFS{"a": {Mode: fs.ModeSymlink}}, artifact.Options{}},
		{"a FIFO", "FIFO", fstest.MapFS{"a": {Mode: fs.ModeNamedPipe}}, artifact.Options{}},
		{"a device", "device", fstest.MapFS{"a": {Mode: fs.ModeDevice}}, artifact.Options{}},
		{"a socket", "socket", fstest.MapFS{"a": {Mode: fs.ModeSocket}}, artifact.Options{}},
		{"a backslash", "unsafe character", fstest.MapFS{`a\b`: {}}, artifact.Options{}},
		{"a colon", "unsafe character", fstest.MapFS{"a:b": {}}, artifact.Options{}},
		{"an escape sequence", "unsafe character", fstest.MapFS{"a\x1b[2J": {}}, artifact.Options{}},
		{"a variation selector", "nobody sees", fstest.MapFS{"report\ufe0f.pdf": {}}, artifact.Options{}},
		{"a blank letter", "nobody sees", fstest.MapFS{"\u3164": {}}, artifact.Options{}},
		{"a device of Windows", "device", fstest.MapFS{"d/NUL.txt": {}}, artifact.Options{}},
		{"a device of Windows, as a directory", "device", fstest.MapFS{"com¹/a": {}}, artifact.Options{}},
		{"a dot at the end", "Windows drops", fstest.MapFS{"evil.exe.": {}}, artifact.Options{}},
		{"a space at the end of a directory", "Windows drops", fstest.MapFS{"d /a": {}}, artifact.Options{}},
		{"two cases", "duplicate", fstest.MapFS{"a/README": {}, "a/readme": {}}, artifact.Options{}},
		{"two compositions", "duplicate", fstest.MapFS{"\u00e9": {}, "e\u0301": {}}, artifact.Options{}},
		{"a bad time", "RFC 3339", tree(), artifact.Options{Created: "now"}},
		{"a media type for no file", "absent", tree(), artifact.Options{MediaTypes: map[string]string{"absent": "a/b"}}},
	} {
		_, _, err := packFiles(c.fsys, c.o)
		if err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: want %q, found %v", c.name, c.want, err)
		}
		if err != nil && strings.ContainsFunc(err.Error(), func(r rune) bool { return r < ' ' }) {
			t.Errorf("%s: %q", c.name, err)
		}
	}
	many := fstest.MapFS{}
	for i := range 30_000 {
		many[fmt.Sprint("file", i)] = &fstest.MapFile{}
	}
	if _, _, err := packFiles(many, artifact.Options{}); !errors.Is(err, artifact.ErrTooMany) {
		t.Errorf("30,000 files: %v", err)
	}
}

// extract writes the files into a directory that is there.
func extract(fetch artifact.Fetcher, m *v1.Manifest, dir string) error {
	_, err := artifact.Extract(ctx, kinds.All, m, fetch, dir, durable.Options{Overwrite: true})
	return err
}

func TestExtract(t *testing.T) {
	store, p := pack(t, tree(), artifact.Options{})
	dir := t.TempDir()
	for range 2 { // files that are there are replaced
		if err := extract(store.fetch, p.Manifest, dir); err != nil {
			t.Fatal(err)
		}
		for name, f := range tree() {
			if f.Mode.IsDir() {
				continue
			}
			if data, err := os.ReadFile(filepath.Join(dir, name)); err != nil || !bytes.Equal(data, f.Data) {
				t.Errorf("%s: %d bytes, %v", name, len(data), err)
			}
		}
	}
	if left, _ := filepath.Glob(filepath.Join(dir, ".ferry*")); len(left) > 0 {
		t.Errorf("left behind: %q", left)
	}
}

// What goes wrong leaves the directory as it was.
func TestExtractFails(t *testing.T) {
	broken := errors.New("no route")
	for _, c := range []struct {
		name  string
		fetch func(memory) artifact.Fetcher
		want  string
	}{
		{"nothing there", func(memory) artifact.Fetcher { return memory{}.fetch }, "failed to fetch blob sha256:"},
		{"no connection", func(memory) artifact.Fetcher {
			return func(context.Context, v1.Descriptor) (io.ReadCloser, error) { return nil, broken }
		}, "no route"},
		{"other content", func(m memory) artifact.Fetcher {
			return func(_ context.Context, d v1.Descriptor) (io.ReadCloser, error) {
				return io.NopCloser(bytes.NewReader(bytes.Repeat([]byte("x"), int(d.Size)))), nil
			}
		}, "config: blobs/"},
		{"other content of a layer", func(m memory) artifact.Fetcher {
			return func(_ context.Context, d v1.Descriptor) (io.ReadCloser, error) {
				return io.NopCloser(bytes.NewReader(bytes.Replace(m[d.Digest], []byte("alpha"), []byte("omega"), 1))), nil
			}
		}, "a.txt: blobs/"},
		{"too much", func(m memory) artifact.Fetcher {
			return func(_ context.Context, d v1.Descriptor) (io.ReadCloser, error) {
				return io.NopCloser(io.MultiReader(bytes.NewReader(m[d.Digest]), strings.NewReader("more"))), nil
			}
		}, "found more (at least 3)"},
		{"too little", func(m memory) artifact.Fetcher {
			return func(_ context.Context, d v1.Descriptor) (io.ReadCloser, error) {
				return io.NopCloser(io.LimitReader(bytes.NewReader(m[d.Digest]), 2)), nil
			}
		}, "a.txt: blobs/"},
	} {
		store, p := pack(t, tree(), artifact.Options{})
		dir := t.TempDir()
		if err := os.WriteFile(filepath.Join(dir, "a.txt"), []byte("old"), 0o644); err != nil {
			t.Fatal(err)
		}
		if err := extract(c.fetch(store), p.Manifest, dir); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: want %q, found %v", c.name, c.want, err)
		}
		entries, _ := os.ReadDir(dir)
		data, err := os.ReadFile(filepath.Join(dir, "a.txt"))
		if len(entries) != 1 || string(data) != "old" {
			t.Errorf("%s: the directory holds %v, a.txt %q, %v", c.name, entries, data, err)
		}
	}
}

// Links in the target lead nobody anywhere.
func TestExtractOverLinks(t *testing.T) {
	outside := t.TempDir()
	victim := filepath.Join(outside, "victim")
	if err := os.WriteFile(victim, []byte("untouched"), 0o644); err != nil {
		t.Fatal(err)
	}
	store, p := pack(t, tree(), artifact.Options{})
	dir := t.TempDir()
	for name, to := range map[string]string{"a.txt": victim, ".ferry-partial-0": victim} {
		if err := os.Symlink(to, filepath.Join(dir, name)); err != nil {
			t.Fatal(err)
		}
	}
	if err := extract(store.fetch, p.Manifest, dir); err != nil {
		t.Fatal(err)
	}
	if info, err := os.Lstat(filepath.Join(dir, "a.txt")); err != nil || !info.Mode().IsRegular() {
		t.Errorf("a.txt is %v, %v", info.Mode(), err)
	}
	dir = t.TempDir()
	if err := os.Symlink(outside, filepath.Join(dir, "dir")); err != nil {
		t.Fatal(err)
	}
	if err := extract(store.fetch, p.Manifest, dir); err == nil {
		t.Error("through a linked directory: no error")
	}
	if entries, _ := os.ReadDir(dir); len(entries) != 1 {
		t.Errorf("after an error there is %v", entries)
	}
	dir = t.TempDir()
	if err := os.MkdirAll(filepath.Join(dir, "empty", "mine"), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := extract(store.fetch, p.Manifest, dir); err == nil || !strings.Contains(err.Error(), "directory") {
		t.Errorf("over a directory: %v", err)
	}
	if _, err := os.Lstat(filepath.Join(dir, "a.txt")); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("after an error there is a.txt, %v", err)
	}
	entries, _ := os.ReadDir(outside)
	data, err := os.ReadFile(victim)
	if len(entries) != 1 || string(data) != "untouched" {
		t.Errorf("outside there is %v, %q, %v", entries, data, err)
	}
}

func titled(mediaType, title string) v1.Descriptor {
	d := v1.Descriptor{MediaType: mediaType, Digest: digest.FromString(title)}
	if title != "" {
		d.Annotations = map[string]string{v1.AnnotationTitle: title}
	}
	return d
}

func TestFileNames(t *testing.T) {
	const other = "text/plain"
	snapshot, payload := lei.CacheManifestMediaType, lei.CacheJSONLMediaType
	for _, c := range []struct {
		kind   *artifact.Kind
		layers []v1.Descriptor
		want   string // the names, or of the error
	}{
		{artifact.Files, []v1.Descriptor{titled(other, "a"), titled(other, "b/c")}, "a b/c"},
		{artifact.Files, nil, ""},
		{artifact.Other, []v1.Descriptor{titled(other, "")}, "plain-e3b0c44298fc.txt"},
		{artifact.Other, []v1.Descriptor{titled("application/vnd.cncf.flux.content.v1.tar+gzip", "")}, "cncf.flux.content.v1-e3b0c44298fc.tar.gz"},
		{artifact.Other, []v1.Descriptor{titled("application/wasm", ""), titled("application/vnd.a!b+json", "b/c"), titled("application/vnd.a!b+json", "")}, "wasm-e3b0c44298fc.wasm b/c a-b-e3b0c44298fc.json"},
		{artifact.Other, []v1.Descriptor{titled("x/..", ""), titled("x/..", ""), titled(v1.MediaTypeEmptyJSON, ""), titled("x/vnd.", "")}, "layer-e3b0c44298fc.bin   "},
		{artifact.Other, []v1.Descriptor{titled(other, ""), titled("a/b", "Plain-e3b0c44298fc.txt")}, "error: duplicate"},
		{helm.Chart, []v1.Descriptor{titled(helm.ProvenanceMediaType, ""), titled(helm.ChartMediaType, "other.tgz")}, "chart-1.0.tgz.prov chart-1.0.tgz"},
		{helm.Chart, []v1.Descriptor{titled(helm.ProvenanceMediaType, "")}, "error: missing chart-1.0.tgz"},
		{helm.Chart, []v1.Descriptor{titled(helm.ChartMediaType, ""), titled(helm.ChartMediaType, "")}, "error: second"},
		{artifact.Files, []v1.Descriptor{titled(other, "a"), titled(other, "A")}, "error: duplicate"},
		{artifact.Files, []v1.Descriptor{titled(other, "stra\u017fe"), titled(other, "strase")}, "error: duplicate"},
		{artifact.Files, []v1.Descriptor{titled(other, "a"), titled(other, "a/b")}, "error: conflict"},
		{artifact.Files, []v1.Descriptor{titled(other, "a/b"), titled(other, "a")}, "error: duplicate"},
		{artifact.Files, []v1.Descriptor{titled(other, "../a")}, "error: unsafe"},
		{lei.Cache, []v1.Descriptor{titled(snapshot, ""), titled(payload, "")}, "manifest.json cache.jsonl.gz"},
		{lei.Cache, []v1.Descriptor{titled(payload, "cache.jsonl.gz"), titled(snapshot, "manifest.json")}, "cache.jsonl.gz manifest.json"},
		{lei.Cache, []v1.Descriptor{titled(snapshot, "snapshot-manifest.json"), titled(payload, "")}, "manifest.json cache.jsonl.gz"},
		{lei.Cache, []v1.Descriptor{titled(snapshot, ""), titled(other, "note"), titled(payload, "")}, "manifest.json  cache.jsonl.gz"},
		{lei.Cache, []v1.Descriptor{titled(snapshot, "")}, "error: missing cache.jsonl.gz"},
		{lei.Cache, []v1.Descriptor{titled(snapshot, ""), titled(payload, ""), titled(payload, "")}, "error: second"},
		{lei.Cache, []v1.Descriptor{titled(snapshot, "../x"), titled(payload, "")}, "error: title"},
		{lei.Cache, []v1.Descriptor{titled(snapshot, ""), titled(payload, ""), titled(other, "Manifest.json")}, "error: on a layer of type"},
	} {
		names, err := c.kind.FileNames(&v1.Manifest{Layers: c.layers}, "chart-1.0")
		if want, ok := strings.CutPrefix(c.want, "error: "); ok {
			if err == nil || !strings.Contains(err.Error(), want) {
				t.Errorf("%v: want %q, found %q, %v", c.layers, want, names, err)
			}
		} else if err != nil || strings.Join(names, " ") != c.want {
			t.Errorf("%v: want %q, found %q, %v", c.layers, c.want, names, err)
		}
	}
	deep := strings.Repeat("d/", 100)
	for _, c := range []struct {
		title string
		n     int
		want  string
	}{{deep + "a", 1, ""}, {"d/" + deep + "a", 1, "too deep"}, {"%d/" + deep[2:] + "a", 655, ""}, {"%d/" + deep[2:] + "a", 656, "too many directories"}} {
		layers := make([]v1.Descriptor, c.n)
		for i := range layers {
			layers[i] = titled(other, strings.ReplaceAll(c.title, "%d", fmt.Sprint(i)))
		}
		if _, err := artifact.Files.FileNames(&v1.Manifest{Layers: layers}, ""); fmt.Sprint(err) == "<nil>" != (c.want == "") || err != nil && !strings.Contains(err.Error(), c.want) {
			t.Errorf("%d of %.20s: want %q, found %v", c.n, c.title, c.want, err)
		}
	}
}

func TestTitles(t *testing.T) {
	m := &v1.Manifest{Config: titled("a/b", "config.json"), Layers: []v1.Descriptor{titled("a/b", "x"), titled("a/b", "")}}
	if err := (artifact.Titles{}).Manifest(v1.Descriptor{}, m); err != nil {
		t.Error(err)
	}
	m.Config = titled("a/b", "../x")
	if err := (artifact.Titles{}).Manifest(v1.Descriptor{}, m); err == nil || !strings.Contains(err.Error(), "config: title") {
		t.Errorf("a config that goes upwards: %v", err)
	}
	m.Config = titled("a/b", "X")
	if err := (artifact.Titles{}).Manifest(v1.Descriptor{}, m); err == nil || !strings.Contains(err.Error(), "duplicate") {
		t.Errorf("a config with a layer's title: %v", err)
	}
	if (artifact.Titles{}).Blob(v1.Descriptor{}) != nil {
		t.Error("Titles looks into content")
	}
}

// A title that is accepted stays below the directory it is meant for, on every
// system, and is printed as it is.
func FuzzCheckTitle(f *testing.F) {
	for _, s := range []string{"a", "dir/b.txt", "../x", "/x", "a//b", "C:x", `a\b`, "a\x00", "\u202e", "", ".", "a/.", strings.Repeat("x", 1025)} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, title string) {
		if err := artifact.CheckTitle(title); err != nil {
			if strings.ContainsFunc(err.Error(), func(r rune) bool { return r < ' ' || r == 0x7f }) {
				t.Fatalf("a control character in %q", err)
			}
			return
		}
		if !fs.ValidPath(title) || title == "." || !filepath.IsLocal(filepath.FromSlash(title)) || strings.ContainsAny(title, "\\:\x00\n\x1b") {
			t.Fatalf("%q is accepted", title)
		}
	})
}
