package registry_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/opencontainers/go-digest"
	v1 "github.com/opencontainers/image-spec/specs-go/v1"

	"github.com/ociferry/ferry/layout"
	"github.com/ociferry/ferry/layout/durable"
	"github.com/ociferry/ferry/layout/registry"
	"github.com/ociferry/ferry/layout/registry/registrytest"
)

// fast is the same for a layout.
var fast = layout.WriterOptions{NoSync: true}

func TestPull(t *testing.T) {
	w := newWorld(t, 100_000)
	got, report, err := w.pull(w.client(), registry.PullOptions{})
	if err != nil {
		t.Fatal(err)
	}
	d := report.Index.Manifests[0]
	if d.Digest != digest.FromBytes(w.doc) || report.Blobs != 3 || len(got) != 1 {
		t.Errorf("found %v, %d blobs", d, report.Blobs)
	}
	if d.Annotations[layout.AnnotationContainerdName] != w.ref.String() || d.Annotations[v1.AnnotationRefName] != "v1" {
		t.Errorf("names: found %q", d.Annotations)
	}
}

// A manifest that is refused costs no fetching of what it names.
func TestPullJudge(t *testing.T) {
	w := newWorld(t, 10)
	var blobs atomic.Int64
	w.hook(func(_ http.ResponseWriter, r *http.Request) bool {
		if strings.Contains(r.URL.Path, "/blobs/") {
			blobs.Add(1)
		}
		return false
	})
	refused := errors.New("refused")
	judge := func(d v1.Descriptor, m *v1.Manifest) error {
		if d.Digest != digest.FromBytes(w.doc) || len(m.Layers) != 1 {
			t.Errorf("asked about %v, %v", d, m)
		}
		return refused
	}
	if _, _, err := w.pull(w.client(), registry.PullOptions{Judge: judge}); err != refused || blobs.Load() != 0 {
		t.Errorf("want the judge's error and no blob fetched, found %v and %d", err, blobs.Load())
	}
}

// A pinned digest is compared with what the tag stands for.
func TestPullPinned(t *testing.T) {
	w := newWorld(t, 10)
	w.ref.Digest = digest.FromBytes(w.doc)
	if _, _, err := w.pull(w.client(), registry.PullOptions{}); err != nil {
		t.Fatal(err)
	}
	w.ref.Digest = digest.FromString("another")
	_, _, err := w.pull(w.client(), registry.PullOptions{})
	var pin *registry.PinError
	if !errors.As(err, &pin) || pin.Got != digest.FromBytes(w.doc) {
		t.Errorf("want a PinError, found %v", err)
	}
	// By the digest alone there is no tag, and the name says so.
	w.ref = registry.Reference{Host: w.host, Repository: repository, Digest: digest.FromBytes(w.doc)}
	got, _, err := w.pull(w.client(), registry.PullOptions{})
	if err != nil {
		t.Fatal(err)
	}
	if a := got[0].Annotations; a[layout.AnnotationContainerdName] != w.ref.String() || len(a) != 1 {
		t.Errorf("names: found %q", a)
	}
}

// cutAt sends the first n bytes of a blob and breaks the connection.
func cutAt(w *world, data []byte, n int) http.HandlerFunc {
	return func(rw http.ResponseWriter, r *http.Request) {
		from := 0
		if s, ok := strings.CutPrefix(r.Header.Get("Range"), "bytes="); ok {
			fmt.Sscanf(s, "%d-", &from)
			rw.Header().Set("Content-Range", fmt.Sprintf("bytes %d-%d/%d", from, len(data)-1, len(data)))
		}
		rw.Header().Set("Content-Length", strconv.Itoa(len(data)-from))
		if from > 0 {
			rw.WriteHeader(http.StatusPartialContent)
		}
		rw.Write(data[from : from+n])
		rw.(http.Flusher).Flush()
		panic(http.ErrAbortHandler)
	}
}

// A connection that breaks within a blob: the next request asks for the rest.
func TestCutConnection(t *testing.T) {
	w := newWorld(t, 300_000)
	at := registrytest.Digest(w.layer)
	w.reg.Hook = once(2, "GET /v2/team/app/blobs/"+at, cutAt(w, w.layer, 100_000))
	if _, _, err := w.pull(w.client(retry(2)), registry.PullOptions{}); err != nil {
		t.Fatal(err)
	}
	var ranges []string
	for _, r := range w.reg.Requests("GET .*blobs/" + at) {
		ranges = append(ranges, r.Range)
	}
	if want := []string{"", "bytes=100000-299999", "bytes=200000-299999"}; !slices.Equal(ranges, want) {
		t.Errorf("want the ranges %q, found %q", want, ranges)
	}
}

// A run that ended within a blob is taken up by the next: what is whole is not
// asked for again, and of the other only the rest.
func TestResume(t *testing.T) {
	w := newWorld(t, 300_000)
	at := registrytest.Digest(w.layer)
	w.reg.Hook = once(1, "GET /v2/team/app/blobs/"+at, cutAt(w, w.layer, 100_000))
	// One at a time: the config is whole before the layer begins.
	client := w.client(func(o *registry.Options) { o.Concurrency = 1 })
	_, _, err := w.pull(client, registry.PullOptions{})
	var failed *registry.Error
	if !errors.As(err, &failed) || !errors.Is(err, io.ErrUnexpectedEOF) {
		t.Fatalf("want an Error about an unexpected end, found %v", err)
	}
	if names := w.staged(); len(names) != 3 {
		t.Fatalf("want the manifest, the config and a part in the stage, found %q", names)
	}
	if _, _, err := w.pull(client, registry.PullOptions{}); err != nil {
		t.Fatal(err)
	}
	if n := len(w.reg.Requests("GET .*blobs/" + registrytest.Digest(w.config))); n != 1 {
		t.Errorf("the config was fetched %d times", n)
	}
	if r := w.reg.Requests("GET .*blobs/" + at); len(r) != 2 || r[1].Range != "bytes=100000-299999" {
		t.Errorf("found the requests %v", r)
	}
}

// What lies in the stage is not believed.
func TestResumeDamaged(t *testing.T) {
	for name, noRange := range map[string]bool{"with ranges": false, "without ranges": true} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t, 300_000)
			w.reg.NoRange = noRange
			at := registrytest.Digest(w.layer)
			w.reg.Hook = once(1, "GET /v2/team/app/blobs/"+at, cutAt(w, w.layer, 100_000))
			if _, _, err := w.pull(w.client(), registry.PullOptions{}); err == nil {
				t.Fatal("want an error")
			}
			for _, name := range w.staged() { // the part and the config, which is whole
				if !strings.Contains(name, registrytest.Digest(w.doc)[7:]) {
					f, err := os.OpenFile(filepath.Join(w.stageDir(), name), os.O_WRONLY, 0)
					if err != nil {
						t.Fatal(err)
					}
					f.WriteAt([]byte("damage"), 5)
					f.Close()
				}
			}
			if err := os.WriteFile(filepath.Join(w.stageDir(), "blobs", "sha256", strings.Repeat("0", 64)), []byte("x"), 0o644); err != nil {
				t.Fatal(err)
			}
			if _, _, err := w.pull(w.client(), registry.PullOptions{}); err != nil {
				t.Fatal(err)
			}
		})
	}
}

// What a layout holds already is taken from there, if it is whole.
func TestBorrow(t *testing.T) {
	w := newWorld(t, 1000)
	dir := filepath.Join(w.dir, "have")
	contents(t, dir, w.layer, []byte("another"))
	for _, c := range []struct {
		damage bool
		want   int // requests for the layer so far
	}{{false, 0}, {true, 1}} {
		if c.damage {
			name := filepath.Join(dir, filepath.FromSlash(layout.BlobPath(digest.FromBytes(w.layer))))
			if err := os.WriteFile(name, make([]byte, len(w.layer)), 0o644); err != nil {
				t.Fatal(err)
			}
		}
		r, err := layout.OpenDir(dir)
		if err != nil {
			t.Fatal(err)
		}
		s := w.stage()
		s.Borrow(r)
		if _, err := w.client().Pull(context.Background(), w.ref, s, registry.PullOptions{}); err != nil {
			t.Fatal(err)
		}
		s.Close(false)
		r.Close()
		if n := len(w.reg.Requests("GET .*blobs/" + registrytest.Digest(w.layer))); n != c.want {
			t.Errorf("damaged %v: want %d requests for the layer, found %d", c.damage, c.want, n)
		}
	}
}

// Only one run at a time uses a stage.
func TestStageBusy(t *testing.T) {
	w := newWorld(t, 1)
	s := w.stage()
	if _, err := registry.OpenStage(w.stageDir()); !errors.Is(err, durable.ErrBusy) {
		t.Errorf("want ErrBusy, found %v", err)
	}
	s.Close(false)
	s.Close(false)
}

// A registry that lies: a clear error, and nothing of it is kept.
func TestLies(t *testing.T) {
	layerPath := func(w *world) string { return "GET /v2/team/app/blobs/" + registrytest.Digest(w.layer) }
	manifest := func(contentType string, body []byte, header ...string) func(*world) (string, http.HandlerFunc) {
		return func(*world) (string, http.HandlerFunc) {
			return "GET /v2/team/app/manifests/", func(rw http.ResponseWriter, r *http.Request) {
				rw.Header().Set("Content-Type", contentType)
				for i := 0; i+1 < len(header); i += 2 {
					rw.Header().Set(header[i], header[i+1])
				}
				rw.Write(body)
			}
		}
	}
	layer := func(answer func(w *world, rw http.ResponseWriter)) func(*world) (string, http.HandlerFunc) {
		return func(w *world) (string, http.HandlerFunc) {
			return layerPath(w), func(rw http.ResponseWriter, r *http.Request) { answer(w, rw) }
		}
	}
	endless := func(rw http.ResponseWriter, chunk []byte) {
		for range 1 << 14 { // 64 MiB at most: it is the reader who ends it
			if _, err := rw.Write(chunk); err != nil {
				return
			}
		}
	}
	index := func(child v1.Descriptor) []byte {
		return []byte(fmt.Sprintf(`{"schemaVersion":2,"mediaType":%q,"manifests":[{"mediaType":%q,"digest":%q,"size":%d}]}`,
			v1.MediaTypeImageIndex, child.MediaType, child.Digest, child.Size))
	}
	for name, c := range map[string]struct {
		lie  func(*world) (match string, answer http.HandlerFunc)
		want string
	}{
		"another blob": {layer(func(w *world, rw http.ResponseWriter) { rw.Write(make([]byte, len(w.layer))) }), "wrong blob: want sha256:"},
		"one byte more, announced": {layer(func(w *world, rw http.ResponseWriter) {
			rw.Header().Set("Content-Length", strconv.Itoa(len(w.layer)+1))
			rw.Write(append(w.layer, 0))
		}), "wrong blob: want 20000 bytes, the registry announces 20001"},
		"one byte less, announced": {layer(func(w *world, rw http.ResponseWriter) {
			rw.Header().Set("Content-Length", strconv.Itoa(len(w.layer)-1))
			rw.Write(w.layer[1:])
		}), "wrong blob: want 20000 bytes, the registry announces 19999"},
		"an endless blob": {layer(func(w *world, rw http.ResponseWriter) {
			rw.(http.Flusher).Flush()
			endless(rw, make([]byte, 4096))
		}), "wrong blob: want 20000 bytes, found more"},
		"a short blob without a length": {layer(func(w *world, rw http.ResponseWriter) {
			rw.(http.Flusher).Flush()
			rw.Write(w.layer[:100])
		}), "it ended after 100 of 20000 bytes"},
		"a part that was not asked for": {layer(func(w *world, rw http.ResponseWriter) {
			rw.Header().Set("Content-Range", "bytes 0-19999/20000")
			rw.WriteHeader(http.StatusPartialContent)
			rw.Write(w.layer)
		}), "wrong blob: want all of it, found a part"},
		"a web page as a blob": {layer(func(w *world, rw http.ResponseWriter) {
			rw.Header().Set("Content-Type", "text/html")
			fmt.Fprint(rw, "<html>log in, please</html>")
		}), "wrong blob"},
		"a web page as a manifest":   {manifest("text/html; charset=utf-8", []byte("<html>\x1b[31m log in")), `wrong manifest: want an OCI or Docker manifest, found Content-Type text/html; it begins with "<html>\x1b[31m log in"`},
		"a web page called JSON":     {manifest("application/json", []byte("<html>log in")), "wrong manifest: want an OCI or Docker manifest"},
		"a web page called manifest": {manifest(v1.MediaTypeImageManifest, []byte("<html>log in")), "wrong manifest"},
		"an empty manifest":          {manifest(v1.MediaTypeImageManifest, nil), "wrong manifest"},
		"a manifest of schema 1":     {manifest("application/vnd.docker.distribution.manifest.v1+prettyjws", []byte(`{"schemaVersion":1}`)), "wrong manifest: want an OCI or Docker manifest"},
		"no content type":            {manifest("nonsense;;", []byte("{}")), "Content-Type"},
		"an index called a manifest": {manifest(v1.MediaTypeImageManifest, index(blob(v1.MediaTypeImageManifest, nil))), "wrong manifest"},
		"two media types": {func(w *world) (string, http.HandlerFunc) {
			return manifest(v1.MediaTypeImageIndex, w.doc)(w)
		}, "wrong manifest"},
		"a digest that is not its own": {func(w *world) (string, http.HandlerFunc) {
			return manifest(v1.MediaTypeImageManifest, w.doc, "Docker-Content-Digest", string(digest.FromString("x")))(w)
		}, "the registry announces sha256:2d711642"},
		"a digest that is none": {func(w *world) (string, http.HandlerFunc) {
			return manifest(v1.MediaTypeImageManifest, w.doc, "Docker-Content-Digest", "sha256:../../x")(w)
		}, "Docker-Content-Digest: digest"},
		"a huge manifest, announced": {manifest(v1.MediaTypeImageManifest, nil, "Content-Length", "4194305"), "4194305 bytes is too large for a manifest"},
		"an endless manifest": {func(w *world) (string, http.HandlerFunc) {
			return "GET /v2/team/app/manifests/", func(rw http.ResponseWriter, r *http.Request) {
				rw.Header().Set("Content-Type", v1.MediaTypeImageManifest)
				rw.Write([]byte("{"))
				rw.(http.Flusher).Flush()
				endless(rw, []byte(strings.Repeat(" ", 4096)))
			}
		}, "larger than the limit of 4194304 bytes"},
		"a child of another size": {func(w *world) (string, http.HandlerFunc) {
			d := blob(v1.MediaTypeImageManifest, w.doc)
			d.Size++
			m, h := manifest(v1.MediaTypeImageIndex, index(d))(w)
			return m + "v1", h
		}, "wrong manifest: want"},
		"a child of another type": {func(w *world) (string, http.HandlerFunc) {
			d := blob(v1.MediaTypeImageIndex, w.doc)
			m, h := manifest(v1.MediaTypeImageIndex, index(d))(w)
			return m + "v1", h
		}, "wrong manifest: want the media type"},
		"a child that is too large": {func(w *world) (string, http.HandlerFunc) {
			d := blob(v1.MediaTypeImageManifest, w.doc)
			d.Size = 1 << 40
			m, h := manifest(v1.MediaTypeImageIndex, index(d))(w)
			return m + "v1", h
		}, "too large for a manifest"},
		"redirects in a circle": {func(*world) (string, http.HandlerFunc) {
			return "GET /v2/team/app/", func(rw http.ResponseWriter, r *http.Request) {
				http.Redirect(rw, r, r.URL.Path, http.StatusTemporaryRedirect)
			}
		}, "stopped after 10 redirects"},
		"a redirect to a file": {func(*world) (string, http.HandlerFunc) {
			return "GET /v2/team/app/", func(rw http.ResponseWriter, r *http.Request) {
				http.Redirect(rw, r, "file:///etc/hostname", http.StatusTemporaryRedirect)
			}
		}, "HTTP error fetching the manifest"},
		"a redirect to plain HTTP elsewhere": {func(*world) (string, http.HandlerFunc) {
			return "GET /v2/team/app/", func(rw http.ResponseWriter, r *http.Request) {
				http.Redirect(rw, r, "http://192.0.2.1/x", http.StatusTemporaryRedirect)
			}
		}, `refused to go on to "192.0.2.1" over plain HTTP`},
		"nothing but a status": {func(*world) (string, http.HandlerFunc) {
			return "GET /v2/team/app/manifests/", func(rw http.ResponseWriter, r *http.Request) { rw.WriteHeader(http.StatusNoContent) }
		}, "found 204"},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t, 20_000)
			match, answer := c.lie(w)
			w.reg.Hook = once(1000, match, answer)
			_, _, err := w.pull(w.client(retry(1)), registry.PullOptions{})
			if err == nil || !strings.Contains(err.Error(), c.want) {
				t.Fatalf("want an error with %q, found %v", c.want, err)
			}
			if !strings.Contains(err.Error(), w.host+"/"+repository) || strings.ContainsRune(err.Error(), '\x1b') {
				t.Errorf("the error does not name the repository, or not safely: %q", err)
			}
			var lie *registry.ContentError
			if !errors.As(err, &lie) {
				return // it may have been the line
			}
			for _, name := range w.staged() {
				if strings.Contains(name, registrytest.Digest(w.layer)[7:]) {
					t.Errorf("%s is still there", name)
				}
			}
		})
	}
}

// Failures that may pass are tried again, and no others.
func TestRetry(t *testing.T) {
	status := func(code int, header ...string) http.HandlerFunc {
		return func(rw http.ResponseWriter, r *http.Request) {
			for i := 0; i+1 < len(header); i += 2 {
				rw.Header().Set(header[i], header[i+1])
			}
			rw.WriteHeader(code)
			fmt.Fprint(rw, strings.Repeat("out of order ", 1000), "\x1b[2J")
		}
	}
	for name, c := range map[string]struct {
		answer    http.HandlerFunc
		fail, try int // how often it fails, and how often it is tried again
		requests  int
		err       string
		wait      time.Duration
	}{
		"500 then good":          {status(500), 1, 2, 2, "", 0},
		"503 twice then good":    {status(503), 2, 2, 3, "", 0},
		"429 with Retry-After":   {status(429, "Retry-After", "1"), 1, 1, 2, "", time.Second},
		"503 with a date":        {status(503, "Retry-After", time.Now().Add(2*time.Second).UTC().Format(http.TimeFormat)), 1, 1, 2, "", 100 * time.Millisecond},
		"Retry-After for ever":   {status(429, "Retry-After", "86400"), 9, 5, 1, "registry returned 429", 0},
		"500 for good":           {status(500), 9, 1, 2, "registry returned 500", 0},
		"no tries":               {status(500), 9, 0, 1, "registry returned 500", 0},
		"404 is an answer":       {status(404), 9, 3, 1, "registry returned 404", 0},
		"501 is an answer":       {status(501), 9, 3, 1, "registry returned 501", 0},
		"401 without challenge":  {status(401), 9, 3, 1, "registry returned 401", 0},
		"a connection cut early": {func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) }, 1, 1, 2, "", 0},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t, 10)
			w.reg.Hook = once(c.fail, "GET /v2/team/app/manifests/v1", c.answer)
			start := time.Now()
			_, _, err := w.pull(w.client(retry(c.try)), registry.PullOptions{})
			if (err == nil) != (c.err == "") || err != nil && !strings.Contains(err.Error(), c.err) {
				t.Fatalf("want %q, found %v", c.err, err)
			}
			if err != nil && (len(err.Error()) > 500 || strings.ContainsRune(err.Error(), '\x1b')) {
				t.Errorf("the answer is repeated as it is: %q", err)
			}
			if n := len(w.reg.Requests("GET .*manifests/v1")); n != c.requests {
				t.Errorf("want %d requests, found %d", c.requests, n)
			}
			if d := time.Since(start); d < c.wait || d > c.wait+8*time.Second {
				t.Errorf("want a wait of %v, it took %v", c.wait, d)
			}
		})
	}
}

// The whole index, or the image for one platform out of it.
func TestPlatform(t *testing.T) {
	setup := func(t *testing.T) (w *world, docs map[string][]byte) {
		w = newWorld(t, 10)
		docs = map[string][]byte{}
		index := v1.Index{MediaType: v1.MediaTypeImageIndex}
		index.SchemaVersion = 2
		for _, p := range []string{"linux/amd64", "linux/arm64/v8", "linux/arm/v6", "linux/arm/v7"} {
			f := strings.Split(p+"/", "/")
			doc := w.image([]byte(fmt.Sprintf(`{"os":"linux","architecture":%q}`, f[1])), []byte("layer of "+p))
			w.reg.Put(repository, "", v1.MediaTypeImageManifest, doc)
			d := blob(v1.MediaTypeImageManifest, doc)
			d.Platform = &v1.Platform{OS: f[0], Architecture: f[1], Variant: f[2]}
			index.Manifests = append(index.Manifests, d)
			docs[p] = doc
		}
		w.reg.Put(repository, "v1", v1.MediaTypeImageIndex, w.json(index))
		return w, docs
	}
	for _, c := range []struct{ ask, want, err string }{
		{"linux/amd64", "linux/amd64", ""},
		{"linux/arm64", "linux/arm64/v8", ""},
		{"linux/arm64/v8", "linux/arm64/v8", ""},
		{"linux/arm/v7", "linux/arm/v7", ""},
		{"linux/arm", "", `several images fit the platform linux/arm: linux/arm/v6, linux/arm/v7`},
		{"linux/s390x", "", "no image for the platform linux/s390x"},
		{"windows/amd64", "", "no image for the platform"},
	} {
		w, docs := setup(t)
		f := strings.Split(c.ask+"/", "/")
		got, report, err := w.pull(w.client(), registry.PullOptions{Platform: &v1.Platform{OS: f[0], Architecture: f[1], Variant: f[2]}})
		switch {
		case err != nil:
			if c.err == "" || !strings.Contains(err.Error(), c.err) {
				t.Errorf("%s: want %q, found %v", c.ask, c.err, err)
			}
		case c.err != "":
			t.Errorf("%s: want the error %q", c.ask, c.err)
		case got[0].Digest != digest.FromBytes(docs[c.want]) || report.Blobs != 3:
			t.Errorf("%s: want %s, found %v and %d blobs", c.ask, c.want, got[0].Digest, report.Blobs)
		}
	}
	w, docs := setup(t)
	got, report, err := w.pull(w.client(), registry.PullOptions{})
	if err != nil || report.Manifests != 4 {
		t.Fatalf("want all four, found %+v, %v", report, err)
	}
	// Chosen out of an index that was asked for by digest, it is named by its own.
	w.ref = registry.Reference{Host: w.host, Repository: repository, Digest: got[0].Digest}
	got, _, err = w.pull(w.client(), registry.PullOptions{Platform: &v1.Platform{OS: "linux", Architecture: "amd64"}})
	if err != nil {
		t.Fatal(err)
	}
	if name, want := layout.Names(got[0])[0], w.host+"/"+repository+"@"+string(digest.FromBytes(docs["linux/amd64"])); name != want {
		t.Errorf("named %s, want %s", name, want)
	}
	// A single image is asked for its own.
	w = newWorld(t, 10)
	if _, _, err := w.pull(w.client(), registry.PullOptions{Platform: &v1.Platform{OS: "linux", Architecture: "amd64"}}); err != nil {
		t.Error(err)
	}
	if _, _, err := w.pull(w.client(), registry.PullOptions{Platform: &v1.Platform{OS: "linux", Architecture: "arm64"}}); err == nil || !strings.Contains(err.Error(), `there are: linux/amd64`) {
		t.Errorf("want a PlatformError, found %v", err)
	}
}

// Referrers come along: by the interface, by the tag in its place, and cosign's.
func TestReferrers(t *testing.T) {
	for name, old := range map[string]bool{"interface": false, "tag": true} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t, 10)
			w.reg.NoReferrers = old
			signature := w.referrer(w.doc, "a signature")
			second := w.referrer(signature, "a signature of the signature")
			cosign := w.image([]byte("{}"), []byte("cosign's"))
			tag := "sha256-" + registrytest.Digest(w.doc)[7:]
			w.reg.Put(repository, "", v1.MediaTypeImageManifest, signature)
			w.reg.Put(repository, "", v1.MediaTypeImageManifest, second)
			w.reg.Put(repository, tag+".sig", v1.MediaTypeImageManifest, cosign)
			if old {
				for subject, by := range map[string][]byte{string(w.doc): signature, string(signature): second} {
					d := blob(v1.MediaTypeImageManifest, by)
					// Names in what a registry lists are not taken over.
					d.Annotations = map[string]string{v1.AnnotationRefName: "evil"}
					index := v1.Index{MediaType: v1.MediaTypeImageIndex, Manifests: []v1.Descriptor{d}}
					index.SchemaVersion = 2
					w.reg.Put(repository, "sha256-"+registrytest.Digest([]byte(subject))[7:], v1.MediaTypeImageIndex, w.json(index))
				}
			}
			got, report, err := w.pull(w.client(), registry.PullOptions{Referrers: true})
			if err != nil {
				t.Fatal(err)
			}
			var have []string
			for _, d := range got {
				have = append(have, string(d.Digest)+" "+d.Annotations[v1.AnnotationRefName])
			}
			for _, want := range []string{
				registrytest.Digest(w.doc) + " v1", registrytest.Digest(signature) + " ", registrytest.Digest(second) + " ",
				registrytest.Digest(cosign) + " " + tag + ".sig",
			} {
				if !slices.Contains(have, want) {
					t.Errorf("want %s, found %q", want, have)
				}
			}
			if len(have) != 4 || report.Manifests != 4 {
				t.Errorf("found %q, %d manifests", have, report.Manifests)
			}
			// Without being asked for they stay.
			if got, _, err = w.pull(w.client(), registry.PullOptions{}); err != nil || len(got) != 1 {
				t.Errorf("found %v, %v", got, err)
			}
		})
	}
}

// Memory does not grow with a blob.
func TestMemory(t *testing.T) {
	const size = 64 << 20
	zeros := make([]byte, 64<<10)
	h := digest.SHA256.Hash()
	for range size / len(zeros) {
		h.Write(zeros)
	}
	d := v1.Descriptor{MediaType: v1.MediaTypeImageLayer, Digest: digest.NewDigest(digest.SHA256, h), Size: size}
	w := newWorld(t, 10)
	m := v1.Manifest{MediaType: v1.MediaTypeImageManifest, Config: blob(v1.MediaTypeImageConfig, w.config), Layers: []v1.Descriptor{d}}
	m.SchemaVersion = 2
	w.reg.Put(repository, "v1", v1.MediaTypeImageManifest, w.json(m))
	w.reg.Hook = once(1, "GET /v2/team/app/blobs/"+string(d.Digest), func(rw http.ResponseWriter, r *http.Request) {
		rw.Header().Set("Content-Length", strconv.Itoa(size))
		for range size / len(zeros) {
			rw.Write(zeros)
		}
	})
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	if _, err := w.client().Pull(context.Background(), w.ref, w.stage(), registry.PullOptions{}); err != nil {
		t.Fatal(err)
	}
	runtime.ReadMemStats(&after)
	if n := after.TotalAlloc - before.TotalAlloc; n > 8<<20 {
		t.Errorf("%d bytes were allocated for a blob of %d", n, size)
	}
}

// A stage becomes a layout, and a layout of the same name is not lost to it.
func TestCommit(t *testing.T) {
	w := newWorld(t, 1000)
	out := filepath.Join(w.dir, "out")
	build := func(o durable.Options) error {
		s := w.stage()
		defer s.Close(false)
		got, err := w.client().Pull(context.Background(), w.ref, s, registry.PullOptions{})
		if err != nil {
			t.Fatal(err)
		}
		index := layout.NewIndex()
		index.Manifests = got
		if _, err := s.Contents(context.Background(), index, true); err != nil {
			t.Fatal(err)
		}
		return s.Commit(out, o)
	}
	if err := build(durable.Options{}); err != nil {
		t.Fatal(err)
	}
	r, err := layout.OpenDir(out)
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	if report, err := r.Audit(context.Background(), layout.AuditOptions{Strict: true}); err != nil || report.Err() != nil || !report.Sealed {
		t.Errorf("found %+v, %v", report, err)
	}
	if err := build(durable.Options{}); !errors.Is(err, os.ErrExist) {
		t.Errorf("want that it exists, found %v", err)
	}
	if err := build(durable.Options{Overwrite: true}); err != nil {
		t.Error(err)
	}
	os.RemoveAll(out)
	os.MkdirAll(out, 0o755)
	os.WriteFile(filepath.Join(out, "mine"), nil, 0o644)
	if err := build(durable.Options{Overwrite: true}); !errors.Is(err, os.ErrExist) {
		t.Errorf("a directory that is no layout: want that it exists, found %v", err)
	}
	if names, _ := filepath.Glob(filepath.Join(w.dir, ".*")); len(names) > 0 {
		t.Errorf("left behind: %q", names)
	}
}

// Tags and documents can be looked at without pulling.
func TestList(t *testing.T) {
	w := newWorld(t, 10)
	c := w.client()
	tags, err := c.Tags(context.Background(), w.ref)
	if err != nil || !slices.Equal(tags, []string{"v1"}) {
		t.Errorf("found %q, %v", tags, err)
	}
	docs, err := c.Documents(context.Background(), []registry.Reference{w.ref})
	if err != nil {
		t.Fatal(err)
	}
	_, report, err := w.pull(c, registry.PullOptions{})
	if err != nil || docs.Digest != report.Digest {
		t.Errorf("the identities differ: %v, %v", docs.Digest, report)
	}
	for body, want := range map[string]string{
		`<html>`:                   "the registry sent a wrong list of tags",
		`{"tags":["../x"]}`:        "../x is not a tag",
		`{"tags":["\u001b[31m"]}`:  `"\x1b[31m" is not a tag`,
		`{"tags":"v1"}`:            "the registry sent a wrong list of tags",
		`{"tags":["a"]} trailing `: "",
	} {
		w.hook(once(1, "GET /v2/team/app/tags/list", func(rw http.ResponseWriter, r *http.Request) { fmt.Fprint(rw, body) }))
		if _, err := w.client().Tags(context.Background(), w.ref); (err == nil) != (want == "") || err != nil && !strings.Contains(err.Error(), want) {
			t.Errorf("%s: want %q, found %v", body, want, err)
		}
	}
	// Pages in a circle have an end.
	w.hook(once(5000, "GET /v2/team/app/tags/list", func(rw http.ResponseWriter, r *http.Request) {
		rw.Header().Set("Link", `</v2/team/app/tags/list?last=a>; rel="next"`)
		fmt.Fprint(rw, `{"tags":["a"]}`)
	}))
	if _, err := w.client().Tags(context.Background(), w.ref); err == nil {
		t.Error("want an error about endless pages")
	}
}

// A context that ends ends the pull with its cause.
func TestCancel(t *testing.T) {
	w := newWorld(t, 10)
	cause := errors.New("enough")
	ctx, cancel := context.WithCancelCause(context.Background())
	w.reg.Hook = func(rw http.ResponseWriter, r *http.Request) bool {
		if strings.Contains(r.URL.Path, "/blobs/") {
			cancel(cause)
			<-r.Context().Done()
		}
		return false
	}
	if _, err := w.client(retry(5)).Pull(ctx, w.ref, w.stage(), registry.PullOptions{}); !errors.Is(err, cause) {
		t.Errorf("want the cause, found %v", err)
	}
}
