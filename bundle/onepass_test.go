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

// pendingOf is an artifact with these layers, which have not been hashed, and the
// empty config.
func pendingOf(layers [][]byte) *layout.Contents {
	var blobs []layout.Blob
	for _, data := range layers {
		blobs = append(blobs, pendingBlob(int64(len(data)), func() (io.ReadCloser, error) { return io.NopCloser(bytes.NewReader(data)), nil }))
	}
	return artifactOf(blobs)
}

func pendingBlob(size int64, open func() (io.ReadCloser, error)) layout.Blob {
	return layout.Blob{Descriptor: v1.Descriptor{MediaType: "application/octet-stream", Digest: layout.NewPending(), Size: size}, Open: open}
}

func artifactOf(layers []layout.Blob) *layout.Contents {
	config := layout.InMemory(v1.Descriptor{MediaType: "application/octet-stream", Digest: digest.FromString("{}"), Size: 2}, []byte("{}"))
	m := v1.Manifest{MediaType: v1.MediaTypeImageManifest, Config: config.Descriptor, Layers: []v1.Descriptor{}}
	m.SchemaVersion = 2
	for _, b := range layers {
		m.Layers = append(m.Layers, b.Descriptor)
	}
	data, err := json.Marshal(m)
	if err != nil {
		panic(err)
	}
	desc := v1.Descriptor{MediaType: m.MediaType, Digest: layout.NewPending(), Size: int64(len(data))}
	index := layout.NewIndex()
	index.Manifests = append(index.Manifests, desc)
	c, err := layout.NewContents(index, append([]layout.Blob{layout.InMemory(desc, data), config}, layers...))
	if err != nil {
		panic(err)
	}
	return c
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

// memory is Uncommitted.
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

func (m *memory) Commit() error { return nil }

var formats = []*compression.Format{compression.None, compression.Gzip, compression.Zstd}

// onePass writes contents in one pass.
func onePass(t *testing.T, f *compression.Format, c *layout.Contents) []byte {
	t.Helper()
	var m memory
	if err := Write(context.Background(), &m, f, c); err != nil {
		t.Fatal(err)
	}
	return m.b
}

// twoPasses writes the same with the digests known.
func twoPasses(t *testing.T, f *compression.Format, c *layout.Contents) []byte {
	t.Helper()
	var b bytes.Buffer
	if err := Write(context.Background(), &b, f, c); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// One pass gives the bytes of two, for any blobs, in every format, on any
// number of cores, and they are a sound bundle.
func TestOnePass(t *testing.T) {
	for seed := range uint64(25) {
		layers := randomLayers(rand.New(rand.NewPCG(seed, 0)))
		for _, f := range formats {
			var want []byte
			for _, cores := range []int{1, 2, 8} {
				func() {
					defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(cores))
					c := pendingOf(layers)
					got := onePass(t, f, c)
					if want == nil {
						want = twoPasses(t, f, pendingOf(layers))
					}
					if !bytes.Equal(got, want) {
						t.Fatalf("seed %d, %s, %d cores: %d bytes, two passes give other %d", seed, f, cores, len(got), len(want))
					}
					report, err := Verify(context.Background(), bytes.NewReader(got), layout.AuditOptions{})
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
func TestOnePassStores(t *testing.T) {
	dense := make([]byte, 2<<20)
	rand.NewChaCha8([32]byte{}).Read(dense)
	copy(dense, "\x1f\x8b\x08")
	for _, f := range formats {
		got := onePass(t, f, pendingOf([][]byte{dense, dense, dense}))
		if len(got) > len(dense)+16<<10 {
			t.Errorf("%s: three times the same %d bytes take %d", f, len(dense), len(got))
		}
		if !bytes.Contains(got, dense[:60000]) {
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
	return pendingBlob(int64(size), func() (io.ReadCloser, error) {
		f.mu.Lock()
		defer f.mu.Unlock()
		data := f.data[min(f.reads, len(f.data)-1)]
		f.reads++
		return io.NopCloser(bytes.NewReader(data)), nil
	})
}

func TestOnePassChanged(t *testing.T) {
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
				fick := &fickle{data: tt.data}
				other := pendingBlob(int64(len(tt.other)), func() (io.ReadCloser, error) { return io.NopCloser(bytes.NewReader(tt.other)), nil })
				if err := Write(context.Background(), &memory{}, f, artifactOf([]layout.Blob{fick.blob(n), other})); err == nil {
					t.Errorf("%s, large %v, %s: no error", name, large, f)
				} else if e := new(layout.CorruptError); !errors.As(err, &e) && !errors.Is(err, layout.ErrChanged) {
					t.Errorf("%s, large %v, %s: got %v, want a *layout.CorruptError or ErrChanged", name, large, f, err)
				}
			}
		}
	}
}

func TestOnePassErrors(t *testing.T) {
	boom := errors.New("boom")
	for _, f := range formats {
		for _, n := range []int{100, 300 << 10} {
			c := artifactOf([]layout.Blob{pendingBlob(int64(n), func() (io.ReadCloser, error) { return nil, boom })})
			if err := Write(context.Background(), &memory{}, f, c); !errors.Is(err, boom) {
				t.Errorf("%s, %d bytes: got %v, want boom", f, n, err)
			}
			ctx, cancel := context.WithCancelCause(context.Background())
			cancel(boom)
			if err := Write(ctx, &memory{}, f, pendingOf([][]byte{make([]byte, n)})); !errors.Is(err, boom) {
				t.Errorf("%s, %d bytes, cancelled: got %v, want boom", f, n, err)
			}
			if err := Write(context.Background(), &full{left: n}, f, pendingOf([][]byte{randomBytes(n), randomBytes(2 * n)})); !errors.Is(err, errFull) {
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

func (f *full) Commit() error { return nil }

func (f *full) WriteAt(p []byte, _ int64) (int, error) { return len(p), nil }

func randomBytes(n int) []byte {
	b := make([]byte, n)
	rand.NewChaCha8([32]byte{7}).Read(b)
	return b
}

// Every blob is seen once by those who watch, whether it is hashed before or
// while it is written.
func TestOnePassWatch(t *testing.T) {
	layers := [][]byte{randomBytes(10), randomBytes(10), randomBytes(400 << 10), randomBytes(400 << 10), randomBytes(20), randomBytes(500 << 10), {}}
	for _, f := range formats {
		c := pendingOf(layers)
		var mu sync.Mutex
		seen := make([]*watcher, len(layers))
		for i := range layers {
			c.Blobs[i+2].Watch = func() io.WriteCloser {
				mu.Lock()
				defer mu.Unlock()
				if seen[i] != nil {
					t.Errorf("blob %d is watched twice", i)
				}
				seen[i] = &watcher{}
				return seen[i]
			}
		}
		if err := Write(context.Background(), &memory{}, f, c); err != nil {
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
	for _, name := range []string{"a", layout.SealName, layout.BlobPath(layout.NewPending()), strings.Repeat("n", 100), strings.Repeat("n", 101)} {
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
			b.Run(fmt.Sprintf("format=%s/blob=%dKiB/passes=1", f, size>>10), func(b *testing.B) {
				b.SetBytes(int64(size * len(layers)))
				for b.Loop() {
					if err := Write(context.Background(), &full{left: 1 << 40}, f, pendingOf(layers)); err != nil {
						b.Fatal(err)
					}
				}
			})
			c := pendingOf(layers)
			if err := c.Hash(context.Background()); err != nil {
				b.Fatal(err)
			}
			b.Run(fmt.Sprintf("format=%s/blob=%dKiB/digests=known", f, size>>10), func(b *testing.B) {
				b.SetBytes(int64(size * len(layers)))
				for b.Loop() {
					if err := Write(context.Background(), io.Discard, f, c); err != nil {
						b.Fatal(err)
					}
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
			if err := Write(context.Background(), &m, f, pendingOf(layers)); err != nil {
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
