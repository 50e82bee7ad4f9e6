package artifact

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"testing/fstest"
	"time"

	"github.com/opencontainers/go-digest"
	v1 "github.com/opencontainers/image-spec/specs-go/v1"

	"github.com/ociferry/ferry/layout"
)

// What is known of an artifact before its files are read, and what only then.
func TestPlanContents(t *testing.T) {
	fsys := fstest.MapFS{"b/two.json": {Data: []byte("2")}, "a": {Data: []byte("one")}, "ü <&>": {Data: nil}, "z": {Data: []byte("one")}}
	p, err := NewPlan(Files, fsys, Options{Annotations: map[string]string{"k": "v"}})
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, l := range p.Layers {
		names = append(names, fmt.Sprint(l.Name, l.Size, l.MediaType))
	}
	if got := strings.Join(names, " "); got != "a3application/octet-stream b/two.json1application/json z3application/octet-stream ü <&>0application/octet-stream" {
		t.Errorf("layers: %s", got)
	}
	var read atomic.Int64
	p.Progress = func(n int) { read.Add(int64(n)) }
	c, packed, err := p.Contents("example.org/a:1", "example.org/a:2")
	if err != nil {
		t.Fatal(err)
	}
	if !c.Pending() || len(c.Blobs) != 6 || read.Load() != 0 {
		t.Errorf("before reading: %d blobs, %d bytes read", len(c.Blobs), read.Load())
	}
	size, index := packed.Size, len(c.RawIndex)
	if err := c.Hash(context.Background()); err != nil {
		t.Fatal(err)
	}
	data, err := c.Blobs[0].Bytes(context.Background())
	if err != nil || digest.FromBytes(data) != packed.Digest || int64(len(data)) != size || len(c.RawIndex) != index {
		t.Errorf("the manifest is %s of %d bytes (%v), want %s of %d; index.json has %d bytes, had %d", digest.FromBytes(data), len(data), err, packed.Digest, size, len(c.RawIndex), index)
	}
	m, err := layout.ParseManifest(data, v1.MediaTypeImageManifest)
	if err != nil || !reflect.DeepEqual(m.Layers, packed.Manifest.Layers) || m.Layers[1].Digest != digest.FromString("2") || m.Annotations["k"] != "v" {
		t.Errorf("manifest: %s", data)
	}
	parsed, err := layout.ParseIndex(c.RawIndex, "")
	if err != nil || len(parsed.Manifests) != 2 || parsed.Manifests[0].Digest != packed.Digest || parsed.Manifests[1].Digest != packed.Digest || c.Index.Manifests[1].Digest != packed.Digest {
		t.Errorf("index.json: %s, %v", c.RawIndex, err)
	}
	if c.Pending() || len(c.Blobs) != 5 || read.Load() != 7 { // the same content is there once
		t.Errorf("after reading: %d blobs, %d bytes read", len(c.Blobs), read.Load())
	}
}

// The manifest is what encoding/json makes of it.
func TestPlanEncode(t *testing.T) {
	fsys := fstest.MapFS{}
	types := map[string]string{}
	for i, name := range []string{"plain", "with space", "quote\"", "<&>", "ü", "日本", "a~b", "\u2028line", "tab'\u00a0", "layers[]", "sub/dir/x.json"} {
		name = fmt.Sprint(i%3, "/", name)
		if CheckTitle(name) == nil {
			fsys[name] = &fstest.MapFile{Data: make([]byte, i*i*i)}
			types[name] = "application/vnd.x+\"json\""
		}
	}
	delete(types, "0/plain")
	for _, o := range []Options{{}, {Annotations: map[string]string{"a\"layers\":[]": "<b>\"layers\":[]"}, ArtifactType: "a/<b>", MediaTypes: types}} {
		p, err := NewPlan(Files, fsys, o)
		if err != nil {
			t.Fatal(err)
		}
		c, packed, err := p.Contents()
		if err != nil {
			t.Fatal(err)
		}
		data, err := c.Blobs[0].Bytes(context.Background())
		if err != nil {
			t.Fatal(err)
		}
		if want, err := marshal(packed.Manifest); err != nil || string(data) != string(want) {
			t.Errorf("found %s\nwant  %s (%v)", data, want, err)
		}
	}
}

// A file that is not what it was when it was listed is never taken for whole.
func TestPlanChanged(t *testing.T) {
	for name, change := range map[string]func(name string) error{
		"longer":      func(name string) error { return os.WriteFile(name, []byte("content and more"), 0o644) },
		"shorter":     func(name string) error { return os.WriteFile(name, []byte("con"), 0o644) },
		"empty":       func(name string) error { return os.Truncate(name, 0) },
		"another":     func(name string) error { return rewrite(name, "CONTENT", time.Second) },
		"a directory": func(name string) error { return errors.Join(os.Remove(name), os.Mkdir(name, 0o755)) },
		"gone":        os.Remove,
		"the same":    func(string) error { return nil },
	} {
		dir := t.TempDir()
		file := filepath.Join(dir, "f")
		if err := os.WriteFile(file, []byte("content"), 0o644); err != nil {
			t.Fatal(err)
		}
		p, err := NewPlan(Files, os.DirFS(dir), Options{})
		if err != nil {
			t.Fatal(err)
		}
		if err := change(file); err != nil {
			t.Fatal(err)
		}
		r, err := p.Layers[0].Open()
		var data []byte
		if err == nil {
			data, err = io.ReadAll(r)
			r.Close()
		}
		switch {
		case name == "the same":
			if err != nil || string(data) != "content" {
				t.Errorf("%s: %q, %v", name, data, err)
			}
		case err == nil:
			t.Errorf("%s: read as %q", name, data)
		case name != "gone" && name != "a directory" && !errors.Is(err, ErrChanged):
			t.Errorf("%s: got %v, want ErrChanged", name, err)
		}
	}
}

func rewrite(name, data string, later time.Duration) error {
	if err := os.WriteFile(name, []byte(data), 0o644); err != nil {
		return err
	}
	when := time.Now().Add(later)
	return os.Chtimes(name, when, when)
}

func TestPlanTooMany(t *testing.T) {
	fsys := fstest.MapFS{}
	for i := range 20_000 {
		fsys[fmt.Sprintf("%0100d", i)] = &fstest.MapFile{}
	}
	p, err := NewPlan(Files, fsys, Options{})
	if err != nil {
		t.Fatal(err)
	}
	if _, _, err := p.Contents(); !errors.Is(err, ErrTooMany) {
		t.Errorf("got %v, want ErrTooMany", err)
	}
}

// pack writes an artifact into a new layout, and returns where that is.
func pack(t *testing.T, k *Kind, fsys fs.FS, o Options) (*layout.Reader, *Packed, error) {
	t.Helper()
	p, err := NewPlan(k, fsys, o)
	if err != nil {
		return nil, nil, err
	}
	dir := filepath.Join(t.TempDir(), "layout")
	w, err := layout.Create(dir, layout.WriterOptions{NoSync: true})
	if err != nil {
		t.Fatal(err)
	}
	defer w.Close()
	packed, err := Pack(context.Background(), w, p, "example.org/a:1")
	if err != nil {
		return nil, nil, err
	}
	if _, err := w.Commit(context.Background(), layout.CommitOptions{}); err != nil {
		t.Fatal(err)
	}
	r, err := layout.OpenDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { r.Close() })
	return r, packed, nil
}

// Pack puts everything that the manifest names into the layout, and the kind's
// check sees every layer, the config and the manifest.
func TestPack(t *testing.T) {
	c := &checker{seen: map[string]string{}}
	k := &Kind{Name: "test", ConfigType: "application/c", Files: []File{{Name: "a", MediaType: "application/a"}, {Name: "b", MediaType: "application/b"}}}
	k.Config = func(fs.FS, Options) (*Config, error) { return &Config{Data: []byte("config"), Tag: "t"}, nil }
	k.Inspector = func(Look) Inspector { return c }
	r, p, err := pack(t, k, fstest.MapFS{"a": {Data: []byte("A")}, "b": {Data: []byte("B")}, "c": {}}, Options{})
	if err != nil {
		t.Fatal(err)
	}
	for _, d := range append([]v1.Descriptor{p.Descriptor, p.Manifest.Config}, p.Manifest.Layers...) {
		if b, err := r.Fetch(context.Background(), d); err != nil {
			t.Errorf("%s is not in the layout: %v", d.Digest, err)
		} else {
			b.Close()
		}
	}
	if got := fmt.Sprint(c.seen); got != "map[application/a:A application/b:B application/c:config]" || c.judged != p.Digest {
		t.Errorf("the check saw %s and judged %s", got, c.judged)
	}
	c.refuse = errors.New("refused")
	if _, _, err := pack(t, k, fstest.MapFS{"a": {}, "b": {}}, Options{}); !errors.Is(err, c.refuse) {
		t.Errorf("got %v, want the check's", err)
	}
	if _, p, err := pack(t, k, fstest.MapFS{"a": {}, "b": {}}, Options{NoCheck: true}); err != nil || fmt.Sprint(p.Notices) != "[refused; packed all the same]" {
		t.Errorf("NoCheck: %v, %v", p, err)
	}
	if _, _, err := pack(t, k, fstest.MapFS{"a": {}}, Options{}); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("a file is missing: got %v", err)
	}
}

type checker struct {
	seen   map[string]string
	judged digest.Digest
	refuse error
}

func (c *checker) Blob(d v1.Descriptor) io.WriteCloser { return &seenBy{c: c, mediaType: d.MediaType} }

func (c *checker) Manifest(d v1.Descriptor, _ *v1.Manifest) error {
	c.judged = d.Digest
	return c.refuse
}

type seenBy struct {
	strings.Builder
	c         *checker
	mediaType string
}

func (s *seenBy) Close() error { s.c.seen[s.mediaType] = s.String(); return nil }

// Directories that are listed side by side come in the order of fs.WalkDir, and
// so does the first error.
func TestPlanOrder(t *testing.T) {
	fsys := fstest.MapFS{}
	for i := range 300 {
		fsys[fmt.Sprintf("d%d/e%d.x/f%d", i%7, i%11, i)] = &fstest.MapFile{Data: []byte("x")}
		fsys[fmt.Sprintf("d%d/e%d", i%7, i%11)] = &fstest.MapFile{}
	}
	for _, name := range []string{"d1.txt", "d1-", "a", "z/z/z/z", "d3/e", "d3/e1.x0"} {
		fsys[name] = &fstest.MapFile{}
	}
	var want, got []string
	if err := fs.WalkDir(fsys, ".", func(name string, e fs.DirEntry, err error) error {
		if err == nil && !e.IsDir() {
			want = append(want, name)
		}
		return err
	}); err != nil {
		t.Fatal(err)
	}
	p, err := NewPlan(Files, fsys, Options{})
	if err != nil {
		t.Fatal(err)
	}
	for _, l := range p.Layers {
		got = append(got, l.Name)
	}
	if !slices.Equal(got, want) {
		t.Errorf("found %q\nwant  %q", got, want)
	}
	for _, name := range []string{"d6/link", "d2/e5.x/link", "d4/link"} {
		fsys[name] = &fstest.MapFile{Mode: fs.ModeSymlink}
	}
	for range 20 {
		if _, err := NewPlan(Files, fsys, Options{}); err == nil || !strings.Contains(err.Error(), "d2/e5.x/link") {
			t.Fatalf("got %v, want the error of d2/e5.x/link", err)
		}
	}
}
