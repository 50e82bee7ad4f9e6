package registry_test

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/opencontainers/go-digest"
	v1 "github.com/opencontainers/image-spec/specs-go/v1"

	"github.com/ociferry/ferry/layout"
	"github.com/ociferry/ferry/layout/registry"
	"github.com/ociferry/ferry/layout/registry/registrytest"
)

// A world is a registry on loopback with one artifact in it, and a client.
type world struct {
	t      *testing.T
	reg    *registrytest.Registry
	srv    *httptest.Server
	host   string
	ref    registry.Reference // the artifact's
	layer  []byte
	config []byte
	doc    []byte
	dir    string
	now    atomic.Value // a hook, of those that change while the registry runs
}

type hook func(http.ResponseWriter, *http.Request) bool

// hook changes how the registry misbehaves, while it runs.
func (w *world) hook(h hook) { w.now.Store(h) }

const repository = "team/app"

func newWorld(t *testing.T, layerSize int) *world {
	w := &world{t: t, reg: &registrytest.Registry{}, dir: t.TempDir()}
	w.reg.Hook = func(rw http.ResponseWriter, r *http.Request) bool {
		h, _ := w.now.Load().(hook)
		return h != nil && h(rw, r)
	}
	w.srv = httptest.NewServer(w.reg)
	t.Cleanup(w.srv.Close)
	w.host = strings.TrimPrefix(w.srv.URL, "http://")
	w.layer = noise(layerSize)
	w.config = []byte(`{"architecture":"amd64","os":"linux"}`)
	w.doc = w.image(w.config, w.layer)
	w.reg.Put(repository, "v1", v1.MediaTypeImageManifest, w.doc)
	w.ref = registry.Reference{Host: w.host, Repository: repository, Tag: "v1"}
	return w
}

// noise is content that is the same every time.
func noise(n int) []byte {
	b := make([]byte, n)
	rand.NewChaCha8([32]byte{1}).Read(b)
	return b
}

func blob(mediaType string, data []byte) v1.Descriptor {
	return v1.Descriptor{MediaType: mediaType, Digest: digest.FromBytes(data), Size: int64(len(data))}
}

// image puts an image's blobs into the registry and returns its manifest.
func (w *world) image(config []byte, layers ...[]byte) []byte {
	m := v1.Manifest{MediaType: v1.MediaTypeImageManifest, Config: blob(v1.MediaTypeImageConfig, config), Layers: []v1.Descriptor{}}
	m.SchemaVersion = 2
	w.reg.PutBlob(repository, config)
	for _, l := range layers {
		w.reg.PutBlob(repository, l)
		m.Layers = append(m.Layers, blob(v1.MediaTypeImageLayer, l))
	}
	return w.json(m)
}

func (w *world) json(v any) []byte {
	data, err := json.Marshal(v)
	if err != nil {
		w.t.Fatal(err)
	}
	return data
}

// referrer puts a manifest into the registry that is about another.
func (w *world) referrer(subject []byte, what string) []byte {
	empty := []byte("{}")
	w.reg.PutBlob(repository, empty)
	w.reg.PutBlob(repository, []byte(what))
	s := blob(v1.MediaTypeImageManifest, subject)
	m := v1.Manifest{MediaType: v1.MediaTypeImageManifest, ArtifactType: "application/vnd.example.sig", Config: blob(v1.MediaTypeEmptyJSON, empty),
		Layers: []v1.Descriptor{blob("text/plain", []byte(what))}, Subject: &s}
	m.SchemaVersion = 2
	return w.json(m)
}

func (w *world) client(change ...func(*registry.Options)) *registry.Client {
	var o registry.Options
	for _, c := range change {
		c(&o)
	}
	c, err := registry.New(o)
	if err != nil {
		w.t.Fatal(err)
	}
	w.t.Cleanup(c.Close)
	return c
}

func retry(n int) func(*registry.Options) {
	return func(o *registry.Options) { o.Retry = n }
}

func (w *world) stage() *registry.Stage {
	s, err := registry.OpenStage(w.stageDir())
	if err != nil {
		w.t.Fatal(err)
	}
	w.t.Cleanup(func() { s.Close(true) })
	return s
}

// stageAgain gives the world another stage, while the first is still in use.
func (w *world) stageAgain() { w.dir = w.t.TempDir() }

func (w *world) stageDir() string { return registry.StageFor(filepath.Join(w.dir, "out")) }

// pull pulls into a layout directory and audits that.
func (w *world) pull(c *registry.Client, o registry.PullOptions) ([]v1.Descriptor, *layout.Report, error) {
	w.t.Helper()
	s := w.stage()
	got, err := c.Pull(context.Background(), w.ref, s, o)
	if err != nil {
		s.Close(true)
		return nil, nil, err
	}
	index := layout.NewIndex()
	for _, d := range got {
		if err := layout.AddTo(&index, d); err != nil {
			w.t.Fatal(err)
		}
	}
	if _, err = s.Contents(context.Background(), index, false); err != nil {
		w.t.Fatal(err)
	}
	r, err := layout.OpenDir(w.stageDir())
	if err != nil {
		w.t.Fatal(err)
	}
	report, err := r.Audit(context.Background(), layout.AuditOptions{})
	r.Close()
	if err == nil {
		err = report.Err()
	}
	if err != nil {
		w.t.Fatal(err)
	}
	if len(report.Extra) > 0 {
		w.t.Errorf("the stage holds what nobody asked for: %q", report.Extra)
	}
	s.Close(false)
	if _, err := os.Stat(w.stageDir()); err == nil {
		w.t.Error("the stage is still there")
	}
	return got, report, nil
}

// staged lists the files in the stage, without its lock.
func (w *world) staged() (names []string) {
	filepath.WalkDir(w.stageDir(), func(name string, e os.DirEntry, err error) error {
		if err == nil && e.Type().IsRegular() {
			rel, _ := filepath.Rel(w.stageDir(), name)
			names = append(names, filepath.ToSlash(rel))
		}
		return nil
	})
	return names
}

// contents is the layout of one image, to be pushed.
func contents(t *testing.T, dir string, layers ...[]byte) (*layout.Contents, v1.Descriptor) {
	t.Helper()
	ctx := context.Background()
	w, err := layout.Create(dir, fast)
	if err != nil {
		t.Fatal(err)
	}
	defer w.Close()
	add := func(mediaType string, data []byte) v1.Descriptor {
		d, err := w.Add(ctx, mediaType, func() (io.ReadCloser, error) { return io.NopCloser(bytes.NewReader(data)), nil })
		if err != nil {
			t.Fatal(err)
		}
		return d
	}
	m := v1.Manifest{MediaType: v1.MediaTypeImageManifest, Config: add(v1.MediaTypeImageConfig, []byte(`{"os":"linux","architecture":"arm64"}`))}
	m.SchemaVersion = 2
	for _, l := range layers {
		m.Layers = append(m.Layers, add(v1.MediaTypeImageLayer, l))
	}
	data, err := json.Marshal(m)
	if err != nil {
		t.Fatal(err)
	}
	d := add(v1.MediaTypeImageManifest, data)
	index := layout.NewIndex()
	if err := layout.AddTo(&index, d); err != nil {
		t.Fatal(err)
	}
	w.SetIndex(index)
	if _, err := w.Commit(ctx, layout.CommitOptions{}); err != nil {
		t.Fatal(err)
	}
	r, err := layout.OpenDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { r.Close() })
	c, err := r.Contents(ctx)
	if err != nil {
		t.Fatal(err)
	}
	return c, d
}

// once lets a hook answer the first request that matches, or the first n.
func once(n int, match string, answer http.HandlerFunc) func(http.ResponseWriter, *http.Request) bool {
	left := make(chan struct{}, n)
	for range n {
		left <- struct{}{}
	}
	return func(w http.ResponseWriter, r *http.Request) bool {
		if !strings.Contains(r.Method+" "+r.URL.Path, match) {
			return false
		}
		select {
		case <-left:
			answer(w, r)
			return true
		default:
			return false
		}
	}
}
