package registry_test

import (
	"context"
	"errors"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync/atomic"
	"testing"

	v1 "github.com/opencontainers/image-spec/specs-go/v1"

	"github.com/ociferry/ferry/layout"
	"github.com/ociferry/ferry/layout/registry"
	"github.com/ociferry/ferry/layout/registry/registrytest"
)

// Blobs first, then the manifest by its digest, then the tags in their order;
// what is there is not sent again.
func TestPush(t *testing.T) {
	w := newWorld(t, 10)
	ctx := context.Background()
	c, d := contents(t, filepath.Join(w.dir, "in"), noise(5000), []byte("second"))
	to := registry.Reference{Host: w.host, Repository: "new/place"}
	got, err := w.client().Push(ctx, c, d, to, []string{"one", "two"}, nil)
	if err != nil {
		t.Fatal(err)
	}
	if got.Sent != 3 || got.Present != 0 || !slices.Equal(got.Tags, []string{"one", "two"}) || got.Digest != d.Digest {
		t.Errorf("found %+v", got)
	}
	var order []string
	for _, r := range w.reg.Requests("PUT .*manifests/") {
		order = append(order, filepath.Base(r.Path))
	}
	if want := []string{string(d.Digest), "one", "two"}; !slices.Equal(order, want) {
		t.Errorf("want the order %q, found %q", want, order)
	}
	if _, data := w.reg.Manifest("new/place", "two"); registrytest.Digest(data) != string(d.Digest) {
		t.Error("the tag stands for something else")
	}
	got, err = w.client().Push(ctx, c, d, to, []string{"one"}, nil)
	if err != nil || got.Sent != 0 || got.Present != 3 {
		t.Errorf("again: found %+v, %v", got, err)
	}
	if n := len(w.reg.Requests("POST ")); n != 3 {
		t.Errorf("want 3 uploads in all, found %d", n)
	}
}

// An image that has a name of its own stands before an index that has it: the
// index still goes last, each document once, to every repository.
func TestPushChildrenFirst(t *testing.T) {
	w := newWorld(t, 10)
	ctx := context.Background()
	c, image := contents(t, filepath.Join(w.dir, "in"), noise(500))
	doc := func(children ...v1.Descriptor) layout.Blob {
		index := layout.NewIndex()
		index.Manifests = children
		data := w.json(index)
		return layout.InMemory(blob(v1.MediaTypeImageIndex, data), data)
	}
	inner := doc(image)
	outer := doc(inner.Descriptor, image)
	index := layout.NewIndex()
	index.Manifests = []v1.Descriptor{image, outer.Descriptor}
	c, err := layout.NewContents(index, append(slices.Clone(c.Blobs), inner, outer))
	if err != nil {
		t.Fatal(err)
	}
	client := w.client()
	for _, repository := range []string{"one", "two"} {
		to := registry.Reference{Host: w.host, Repository: repository}
		if _, err := client.Push(ctx, c, outer.Descriptor, to, []string{"multi"}, nil); err != nil {
			t.Fatal(err)
		}
		var order []string
		for _, r := range w.reg.Requests("PUT /v2/" + repository + "/manifests/") {
			order = append(order, filepath.Base(r.Path))
		}
		if want := []string{string(image.Digest), string(inner.Digest), string(outer.Digest), "multi"}; !slices.Equal(order, want) {
			t.Errorf("%s: want the order %q, found %q", repository, want, order)
		}
	}
}

// A blob that another repository of the registry has is taken over.
func TestMount(t *testing.T) {
	for name, noMount := range map[string]bool{"taken over": false, "refused": true} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t, 10)
			w.reg.NoMount = noMount
			ctx := context.Background()
			c, d := contents(t, filepath.Join(w.dir, "in"), noise(5000))
			client := w.client()
			if _, err := client.Push(ctx, c, d, registry.Reference{Host: w.host, Repository: "a"}, nil, nil); err != nil {
				t.Fatal(err)
			}
			got, err := client.Push(ctx, c, d, registry.Reference{Host: w.host, Repository: "b"}, nil, nil)
			if err != nil || (got.Mounted == 2) == noMount || got.Mounted+got.Sent != 2 {
				t.Errorf("found %+v, %v", got, err)
			}
			// Where it is known from the name alone.
			got, err = w.client().Push(ctx, c, d, registry.Reference{Host: w.host, Repository: "c"}, nil, []string{"a"})
			if err != nil || (got.Mounted == 2) == noMount {
				t.Errorf("by name: found %+v, %v", got, err)
			}
		})
	}
}

// A mount that is forbidden is no reason to give up.
func TestMountForbidden(t *testing.T) {
	w := newWorld(t, 10)
	w.reg.Hook = func(rw http.ResponseWriter, r *http.Request) bool {
		if r.URL.Query().Get("from") != "" {
			registrytest.Fail(rw, http.StatusForbidden, "DENIED")
			return true
		}
		return false
	}
	c, d := contents(t, filepath.Join(w.dir, "in"), noise(5000))
	got, err := w.client().Push(context.Background(), c, d, registry.Reference{Host: w.host, Repository: "b"}, nil, []string{"a"})
	if err != nil || got.Sent != 2 {
		t.Errorf("found %+v, %v", got, err)
	}
}

// When a tag fails, the others are accounted for.
func TestTagFails(t *testing.T) {
	w := newWorld(t, 10)
	w.reg.Hook = once(9, "PUT /v2/x/manifests/two", func(rw http.ResponseWriter, r *http.Request) {
		registrytest.Fail(rw, http.StatusForbidden, "DENIED")
	})
	c, d := contents(t, filepath.Join(w.dir, "in"), []byte("x"))
	got, err := w.client().Push(context.Background(), c, d, registry.Reference{Host: w.host, Repository: "x"}, []string{"one", "two", "three"}, nil)
	var tags *registry.TagError
	if !errors.As(err, &tags) || !slices.Equal(tags.Set, []string{"one"}) || tags.Tag != "two" || !slices.Equal(tags.Rest, []string{"three"}) || got == nil {
		t.Fatalf("found %+v, %v", got, err)
	}
	for _, want := range []string{"manifest push failed for tag two (403)", "DENIED", "tags set: one; failed: two; not tried: three"} {
		if !strings.Contains(err.Error(), want) {
			t.Errorf("want %q in %q", want, err)
		}
	}
}

// Each step of a push can fail, and says which it was.
func TestPushFails(t *testing.T) {
	for name, c := range map[string]struct {
		match  string
		answer http.HandlerFunc
		want   string
	}{
		"asking for a blob": {"HEAD ", func(rw http.ResponseWriter, r *http.Request) { rw.WriteHeader(500) }, "registry returned 500 looking for the blob"},
		"no right":          {"HEAD ", func(rw http.ResponseWriter, r *http.Request) { rw.WriteHeader(401) }, "registry returned 401"},
		"initiation":        {"POST ", func(rw http.ResponseWriter, r *http.Request) { registrytest.Fail(rw, 401, "UNAUTHORIZED") }, `upload initiation failed (401): "UNAUTHORIZED: as the test wants it"`},
		"no location":       {"POST ", func(rw http.ResponseWriter, r *http.Request) { rw.WriteHeader(202) }, "no Location header"},
		"completion":        {"PUT /v2/x/blobs", func(rw http.ResponseWriter, r *http.Request) { registrytest.Fail(rw, 413, "SIZE_INVALID") }, `upload completion failed (413): "SIZE_INVALID`},
		"manifest":          {"PUT /v2/x/manifests", func(rw http.ResponseWriter, r *http.Request) { registrytest.Fail(rw, 400, "MANIFEST_INVALID") }, "manifest push failed for its digest (400)"},
		"another location": {"POST ", func(rw http.ResponseWriter, r *http.Request) {
			rw.Header().Set("Location", "http://192.0.2.1/upload")
			rw.WriteHeader(202)
		}, "different host"},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t, 10)
			w.reg.Hook = once(99, c.match, c.answer)
			contents, d := contents(t, filepath.Join(w.dir, "in"), []byte("x"))
			_, err := w.client().Push(context.Background(), contents, d, registry.Reference{Host: w.host, Repository: "x"}, []string{"t"}, nil)
			if err == nil || !strings.Contains(err.Error(), c.want) || !strings.Contains(err.Error(), w.host+"/x") {
				t.Errorf("want %q, found %v", c.want, err)
			}
			if m, _ := w.reg.Manifest("x", "t"); m != "" {
				t.Error("the tag was set all the same")
			}
		})
	}
}

// A push that a registry throws back is tried again, from the first byte of the
// blob that it was at.
func TestPushRetry(t *testing.T) {
	w := newWorld(t, 10)
	cut := once(1, "PUT /v2/x/blobs", func(rw http.ResponseWriter, r *http.Request) { panic(http.ErrAbortHandler) })
	busy := once(1, "PUT /v2/x/blobs", func(rw http.ResponseWriter, r *http.Request) { rw.WriteHeader(503) })
	tag := once(1, "PUT /v2/x/manifests/t", func(rw http.ResponseWriter, r *http.Request) { rw.WriteHeader(500) })
	w.reg.Hook = func(rw http.ResponseWriter, r *http.Request) bool { return cut(rw, r) || busy(rw, r) || tag(rw, r) }
	c, d := contents(t, filepath.Join(w.dir, "in"), noise(1<<20))
	if _, err := w.client(retry(4)).Push(context.Background(), c, d, registry.Reference{Host: w.host, Repository: "x"}, []string{"t"}, nil); err != nil {
		t.Fatal(err)
	}
	if m, _ := w.reg.Manifest("x", "t"); m == "" {
		t.Error("the tag was not set")
	}
}

// What is interrupted goes on where it was: what is whole is not sent again.
func TestPushResume(t *testing.T) {
	w := newWorld(t, 10)
	layers := [][]byte{noise(1000), noise(2000), noise(3000)}
	c, d := contents(t, filepath.Join(w.dir, "in"), layers...)
	last := registrytest.Digest(layers[2])
	var fail atomic.Bool
	fail.Store(true)
	w.reg.Hook = func(rw http.ResponseWriter, r *http.Request) bool {
		if fail.Load() && r.Method == http.MethodPut && r.URL.Query().Get("digest") == last {
			panic(http.ErrAbortHandler)
		}
		return false
	}
	one := func(o *registry.Options) { o.Concurrency = 1 }
	to := registry.Reference{Host: w.host, Repository: "x"}
	if _, err := w.client(one).Push(context.Background(), c, d, to, nil, nil); err == nil {
		t.Fatal("want an error")
	}
	fail.Store(false)
	got, err := w.client(one).Push(context.Background(), c, d, to, nil, nil)
	if err != nil || got.Present != 3 || got.Sent != 1 {
		t.Errorf("found %+v, %v", got, err)
	}
}

// A blob of the source that cannot be read is no fault of the registry.
func TestPushSourceGone(t *testing.T) {
	w := newWorld(t, 10)
	c, d := contents(t, filepath.Join(w.dir, "in"), noise(1000))
	if err := os.RemoveAll(filepath.Join(w.dir, "in", "blobs")); err != nil {
		t.Fatal(err)
	}
	_, err := w.client().Push(context.Background(), c, d, registry.Reference{Host: w.host, Repository: "x"}, nil, nil)
	var failed *registry.Error
	if !errors.Is(err, os.ErrNotExist) || errors.As(err, &failed) {
		t.Errorf("want that it does not exist, found %v", err)
	}
}

// What refers to something is indexed where the registry does not do so itself.
func TestPushReferrer(t *testing.T) {
	for name, old := range map[string]bool{"interface": false, "tag": true} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t, 10)
			signature := w.referrer(w.doc, "a signature")
			w.reg.Put(repository, "", "application/vnd.oci.image.manifest.v1+json", signature)
			s := w.stage()
			got, err := w.client().Pull(context.Background(), w.ref, s, registry.PullOptions{Referrers: true})
			if err != nil {
				t.Fatal(err)
			}
			index := layout.NewIndex()
			index.Manifests = got
			c, err := s.Contents(context.Background(), index, false)
			if err != nil {
				t.Fatal(err)
			}
			far := &registrytest.Registry{NoReferrers: old}
			srv := httptest.NewServer(far)
			defer srv.Close()
			to := registry.Reference{Host: strings.TrimPrefix(srv.URL, "http://"), Repository: "far/app"}
			for _, d := range got {
				if _, err := w.client().Push(context.Background(), c, d, to, nil, nil); err != nil {
					t.Fatal(err)
				}
			}
			to.Digest = got[0].Digest
			w.stageAgain()
			back, err := w.client().Pull(context.Background(), to, w.stage(), registry.PullOptions{Referrers: true})
			if err != nil || len(back) != 2 || back[1].Digest != got[1].Digest {
				t.Errorf("found %+v, %v", back, err)
			}
		})
	}
}
