package bundle

import (
	"archive/tar"
	"bytes"
	stdgzip "compress/gzip"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"runtime"
	"strings"
	"sync"
	"testing"

	"github.com/opencontainers/go-digest"
	v1 "github.com/opencontainers/image-spec/specs-go/v1"

	"github.com/ociferry/ferry/layout"
	"github.com/ociferry/ferry/layout/compression"
)

// draftOf is an artifact with these layers and the empty config.
func draftOf(layers [][]byte) *layout.Draft {
	d := &layout.Draft{}
	for _, data := range append(layers, []byte("{}")) {
		d.Blobs = append(d.Blobs, layout.InMemory(v1.Descriptor{MediaType: "application/octet-stream", Size: int64(len(data))}, data))
	}
	n := len(layers)
	d.Finish = func(digests []digest.Digest) (*layout.Contents, error) {
		m := v1.Manifest{MediaType: v1.MediaTypeImageManifest, Config: d.Blobs[n].Descriptor, Layers: []v1.Descriptor{}}
		m.SchemaVersion = 2
		m.Config.Digest = digests[n]
		var blobs []layout.Blob
		for i, b := range d.Blobs[:n] {
			b.Digest = digests[i]
			m.Layers = append(m.Layers, b.Descriptor)
			blobs = append(blobs, b)
		}
		data, err := json.Marshal(m)
		if err != nil {
			return nil, err
		}
		desc := v1.Descriptor{MediaType: m.MediaType, Digest: digest.FromBytes(data), Size: int64(len(data))}
		index := layout.NewIndex()
		index.Manifests = append(index.Manifests, desc)
		config := d.Blobs[n]
		config.Digest = digests[n]
		return layout.NewContents(index, append([]layout.Blob{layout.InMemory(desc, data), config}, blobs...))
	}
	return d
}

// randomLayers have sizes around those at which something changes, and every
// kind of content: text, noise, what is compressed already, the same again.
func randomLayers(r *rand.Rand) [][]byte {
	sizes := []int{0, 1, 2, 511, 512, 513, 5000, 65535, 256<<10 - 1, 256 << 10, 256<<10 + 1, 400_000, 1 << 20}
	var layers [][]byte
	for range r.IntN(12) {
		if len(layers) > 0 && r.IntN(4) == 0 {
			layers = append(layers, layers[r.IntN(len(layers))])
			continue
		}
		size := sizes[r.IntN(len(sizes))]
		data := make([]byte, size)
		switch r.IntN(4) {
		case 0:
			copy(data, bytes.Repeat([]byte(fmt.Sprintf("line %d\n", r.IntN(10))), size/7+1))
		case 1:
			for i := range data {
				data[i] = byte(r.Uint32())
			}
		case 2:
			for i := range data {
				data[i] = byte(r.Uint32())
			}
			copy(data, "\x1f\x8b\x08")
		case 3:
			copy(data, "{}")
		}
		layers = append(layers, data)
	}
	return layers
}

// memory is a Target.
type memory struct{ b []byte }

func (m *memory) Write(p []byte) (int, error) {
	m.b = append(m.b, p...)
	return len(p), nil
}

func (m *memory) WriteAt(p []byte, at int64) (int, error) {
	if at+int64(len(p)) > int64(len(m.b)) {
		return 0, errors.New("written behind the end")
	}
	return copy(m.b[at:], p), nil
}

var formats = []*compression.Format{compression.None, compression.Gzip, compression.Zstd}

// twoPasses writes the same with the digests known.
func twoPasses(t *testing.T, f *compression.Format, d *layout.Draft) []byte {
	t.Helper()
	c, err := d.Contents(context.Background())
	if err != nil {
		t.Fatal(err)
	}
	var b bytes.Buffer
	z := f.NewWriter(&b)
	if err := Write(context.Background(), z, c); err != nil {
		t.Fatal(err)
	}
	if err := z.Close(); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// One pass gives the bytes of two, for any blobs, in every format, on any
// number of cores, and they are a sound bundle.
func TestWriteDraft(t *testing.T) {
	for seed := range uint64(25) {
		layers := randomLayers(rand.New(rand.NewPCG(seed, 0)))
		for _, f := range formats {
			var want []byte
			for _, cores := range []int{1, 2, 8} {
				func() {
					defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(cores))
					var m memory
					c, err := WriteDraft(context.Background(), &m, f, draftOf(layers))
					if err != nil {
						t.Fatalf("seed %d, %s: %v", seed, f, err)
					}
					if want == nil {
						want = twoPasses(t, f, draftOf(layers))
					}
					if !bytes.Equal(m.b, want) {
						t.Fatalf("seed %d, %s, %d cores: %d bytes, two passes give other %d", seed, f, cores, len(m.b), len(want))
					}
					report, err := Verify(context.Background(), bytes.NewReader(m.b), layout.AuditOptions{})
					if err == nil {
						err = report.Err()
					}
					if err != nil || report.Digest != c.Digest() || len(report.Extra) > 0 {
						t.Fatalf("seed %d, %s: %v, extra %q", seed, f, err, report.Extra)
					}
				}()
			}
			if f == compression.Gzip {
				checkWithStandardLibrary(t, want)
			}
		}
	}
}

// What others read the archive with reads it as one stream of several members.
func checkWithStandardLibrary(t *testing.T, archive []byte) {
	t.Helper()
	z, err := stdgzip.NewReader(bytes.NewReader(archive))
	if err != nil {
		t.Fatal(err)
	}
	for r := tar.NewReader(z); ; {
		h, err := r.Next()
		if err == io.EOF {
			break
		}
		if err != nil {
			t.Fatal(err)
		}
		data, err := io.ReadAll(r)
		if err != nil {
			t.Fatal(err)
		}
		if d, ok, _ := layout.ParseBlobPath(h.Name); ok && digest.FromBytes(data) != d {
			t.Errorf("%s holds something else", h.Name)
		}
	}
}

// The same content is stored once, and what is compressed already is not
// compressed again.
func TestWriteDraftStores(t *testing.T) {
	dense := make([]byte, 2<<20)
	rand.NewChaCha8([32]byte{}).Read(dense)
	copy(dense, "\x1f\x8b\x08")
	for _, f := range formats {
		var m memory
		if _, err := WriteDraft(context.Background(), &m, f, draftOf([][]byte{dense, dense, dense})); err != nil {
			t.Fatal(err)
		}
		if len(m.b) > len(dense)+16<<10 {
			t.Errorf("%s: three times the same %d bytes take %d", f, len(dense), len(m.b))
		}
		if !bytes.Contains(m.b, dense[:60000]) {
			t.Errorf("%s: compressed what is compressed", f)
		}
	}
}

// fickle is content that is another every time it is read.
type fickle struct {
	mu    sync.Mutex
	data  [][]byte
	reads int
}

func (f *fickle) blob(size int) layout.Blob {
	return layout.Blob{Descriptor: v1.Descriptor{MediaType: "text/plain", Size: int64(size)}, Open: func() (io.ReadCloser, error) {
		f.mu.Lock()
		defer f.mu.Unlock()
		data := f.data[min(f.reads, len(f.data)-1)]
		f.reads++
		return io.NopCloser(bytes.NewReader(data)), nil
	}}
}

func TestWriteDraftChanged(t *testing.T) {
	text := func(n int, c string) []byte { return []byte(strings.Repeat(c, n)) }
	for _, large := range []bool{false, true} {
		n := 1000
		if large {
			n = 300 << 10
		}
		for name, tt := range map[string]struct {
			other []byte   // the layer beside it
			data  [][]byte // what it is, reading by reading; it is listed with n bytes
		}{
			"shorter":                  {nil, [][]byte{text(n-1, "a")}},
			"longer":                   {nil, [][]byte{text(n+1, "a")}},
			"empty":                    {nil, [][]byte{{}}},
			"another when read again":  {text(n, "a"), [][]byte{text(n, "a"), text(n, "a"), text(n, "b")}},
			"shorter when read again":  {text(n, "a"), [][]byte{text(n, "a"), text(n, "a"), text(n-1, "a")}},
			"becomes the same as next": {append(text(n-1, "b"), 'c'), [][]byte{text(n, "a"), append(text(n-1, "b"), 'c')}},
		} {
			for _, f := range formats {
				d := draftOf([][]byte{text(n, "-"), tt.other})
				fick := &fickle{data: tt.data}
				d.Blobs[0] = fick.blob(n)
				var m memory
				if _, err := WriteDraft(context.Background(), &m, f, d); err == nil {
					t.Errorf("%s, large %v, %s: no error", name, large, f)
				} else if e := new(layout.CorruptError); !errors.As(err, &e) && !errors.Is(err, ErrChanged) {
					t.Errorf("%s, large %v, %s: got %v, want a *layout.CorruptError or ErrChanged", name, large, f, err)
				}
			}
		}
	}
}

func TestWriteDraftErrors(t *testing.T) {
	boom := errors.New("boom")
	for _, f := range formats {
		for _, n := range []int{100, 300 << 10} {
			d := draftOf([][]byte{make([]byte, 10), make([]byte, n)})
			d.Blobs[1].Open = func() (io.ReadCloser, error) { return nil, boom }
			if _, err := WriteDraft(context.Background(), &memory{}, f, d); !errors.Is(err, boom) {
				t.Errorf("%s, %d bytes: got %v, want boom", f, n, err)
			}
			ctx, cancel := context.WithCancelCause(context.Background())
			cancel(boom)
			if _, err := WriteDraft(ctx, &memory{}, f, draftOf([][]byte{make([]byte, n)})); !errors.Is(err, boom) {
				t.Errorf("%s, %d bytes, cancelled: got %v, want boom", f, n, err)
			}
			if _, err := WriteDraft(context.Background(), &full{left: n}, f, draftOf([][]byte{randomBytes(n), randomBytes(2 * n)})); !errors.Is(err, errFull) {
				t.Errorf("%s, %d bytes, full: got %v, want %v", f, n, err, errFull)
			}
		}
	}
}

var errFull = errors.New("no space")

type full struct{ left int }

func (f *full) Write(p []byte) (int, error) {
	if f.left -= len(p); f.left < 0 {
		return 0, errFull
	}
	return len(p), nil
}

func (f *full) WriteAt(p []byte, _ int64) (int, error) { return len(p), nil }

func randomBytes(n int) []byte {
	b := make([]byte, n)
	rand.NewChaCha8([32]byte{7}).Read(b)
	return b
}

// Every blob is seen once by those who watch, whether it is hashed before or
// while it is written.
func TestWriteDraftWatch(t *testing.T) {
	layers := [][]byte{randomBytes(10), randomBytes(10), randomBytes(400 << 10), randomBytes(400 << 10), randomBytes(20), randomBytes(500 << 10), {}}
	for _, f := range formats {
		d := draftOf(layers)
		var mu sync.Mutex
		seen := map[int]*watcher{}
		d.Watch = func(i int) io.WriteCloser {
			mu.Lock()
			defer mu.Unlock()
			if seen[i] != nil {
				t.Errorf("blob %d is watched twice", i)
			}
			seen[i] = &watcher{}
			return seen[i]
		}
		if _, err := WriteDraft(context.Background(), &memory{}, f, d); err != nil {
			t.Fatal(err)
		}
		for i, want := range layers {
			w := seen[i]
			if w == nil || !bytes.Equal(w.Bytes(), want) || w.closed != 1 {
				t.Errorf("%s: blob %d was not watched to its end and closed once", f, i)
			}
		}
	}
}

type watcher struct {
	bytes.Buffer
	closed int
}

func (w *watcher) Close() error { w.closed++; return nil }

// The quick header is that of archive/tar.
func TestHeader(t *testing.T) {
	for _, name := range []string{"a", layout.SealName, layout.BlobPath(unknown), strings.Repeat("n", 100), strings.Repeat("n", 101)} {
		for _, size := range []int64{0, 1, 7, 8, 511, 1 << 32, 1<<33 - 1, 1 << 33, 1 << 40} {
			got, err := header(name, size)
			if err != nil {
				t.Fatal(err)
			}
			want, err := fullHeader(name, size)
			if err != nil || !bytes.Equal(got, want) {
				t.Errorf("%s, %d bytes: the header differs (%v)", name, size, err)
			}
		}
	}
}

func BenchmarkWrite(b *testing.B) {
	for _, f := range formats {
		for _, size := range []int{20 << 10, 32 << 20} {
			var layers [][]byte
			for n := 0; n < 64<<20; n += size {
				data := make([]byte, size)
				rand.NewChaCha8([32]byte{byte(n >> 20), byte(n >> 12)}).Read(data)
				layers = append(layers, data)
			}
			d := draftOf(layers)
			b.Run(fmt.Sprintf("format=%s/blob=%dKiB/passes=1", f, size>>10), func(b *testing.B) {
				b.SetBytes(int64(size * len(layers)))
				for b.Loop() {
					if _, err := WriteDraft(context.Background(), &full{left: 1 << 40}, f, d); err != nil {
						b.Fatal(err)
					}
				}
			})
			c, err := d.Contents(context.Background())
			if err != nil {
				b.Fatal(err)
			}
			b.Run(fmt.Sprintf("format=%s/blob=%dKiB/digests=known", f, size>>10), func(b *testing.B) {
				b.SetBytes(int64(size * len(layers)))
				for b.Loop() {
					z := f.NewWriter(io.Discard)
					if err := Write(context.Background(), z, c); err != nil {
						b.Fatal(err)
					}
					z.Close()
				}
			})
		}
	}
}

func BenchmarkVerify(b *testing.B) {
	for _, f := range formats {
		for _, size := range []int{20 << 10, 32 << 20} {
			var layers [][]byte
			for n := 0; n < 64<<20; n += size {
				data := make([]byte, size)
				rand.NewChaCha8([32]byte{byte(n >> 20), byte(n >> 12)}).Read(data)
				layers = append(layers, data)
			}
			var m memory
			if _, err := WriteDraft(context.Background(), &m, f, draftOf(layers)); err != nil {
				b.Fatal(err)
			}
			b.Run(fmt.Sprintf("format=%s/blob=%dKiB", f, size>>10), func(b *testing.B) {
				b.SetBytes(int64(size * len(layers)))
				for b.Loop() {
					report, err := Verify(context.Background(), bytes.NewReader(m.b), layout.AuditOptions{})
					if err != nil || report.Err() != nil {
						b.Fatal(err, report.Err())
					}
				}
			})
		}
	}
}
