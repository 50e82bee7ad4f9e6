package layout

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"math/rand/v2"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/opencontainers/go-digest"
	v1 "github.com/opencontainers/image-spec/specs-go/v1"
)

// blobsOf are blobs that have not been hashed.
func blobsOf(contents ...[]byte) []Blob {
	var blobs []Blob
	for _, data := range contents {
		blobs = append(blobs, Blob{
			Descriptor: v1.Descriptor{MediaType: "application/x", Digest: NewPending(), Size: int64(len(data))},
			Open:       func() (io.ReadCloser, error) { return io.NopCloser(bytes.NewReader(data)), nil },
		})
	}
	return blobs
}

func noise(seed uint64, n int) []byte {
	b := make([]byte, n)
	for i, r := 0, rand.New(rand.NewPCG(seed, 0)); i < n; i++ {
		b[i] = byte(r.Uint32())
	}
	return b
}

// Blobs of all sizes come in their order, each with its own content and digest.
func TestReadAhead(t *testing.T) {
	var contents [][]byte
	for i := range uint64(200) {
		n := []int{0, 1, 100, 30_000, MaxReadAhead - 1, MaxReadAhead, MaxReadAhead + 1}[i%7]
		contents = append(contents, noise(i, n))
	}
	for _, cores := range []int{1, 2, 8} {
		func() {
			defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(cores))
			next := 0
			err := ReadAhead(context.Background(), blobsOf(contents...), func(i int, d digest.Digest, data []byte) error {
				if i != next {
					t.Fatalf("%d cores: blob %d came, want %d", cores, i, next)
				}
				next++
				if large := len(contents[i]) > MaxReadAhead; large != (data == nil) {
					t.Fatalf("blob of %d bytes: handed over in memory: %v", len(contents[i]), data != nil)
				} else if large {
					return nil
				}
				if !bytes.Equal(data, contents[i]) || d != digest.FromBytes(contents[i]) {
					t.Fatalf("blob %d is another", i)
				}
				return nil
			})
			if err != nil || next != len(contents) {
				t.Errorf("%d cores: %d blobs, %v", cores, next, err)
			}
		}()
	}
}

// The error is the first in the order of the blobs, and nothing is left running.
func TestReadAheadErrors(t *testing.T) {
	before := runtime.NumGoroutine()
	boom := errors.New("boom")
	for _, tt := range []struct {
		name   string
		change func(b *Blob)
		want   string
	}{
		{"cannot be opened", func(b *Blob) { b.Open = func() (io.ReadCloser, error) { return nil, boom } }, "boom"},
		{"shorter", func(b *Blob) { b.Size++ }, "want 101 bytes, found 100"},
		{"longer", func(b *Blob) { b.Size-- }, "found more"},
		{"another", func(b *Blob) { b.Digest = digest.FromString("x") }, "digest mismatch"},
		{"another SHA-512", func(b *Blob) { b.Digest = digest.SHA512.FromString("x") }, "digest mismatch"},
	} {
		blobs := blobsOf(noise(1, 100), noise(2, 100), noise(3, 100), noise(4, 100))
		tt.change(&blobs[2])
		blobs[3].Size = 7
		seen := 0
		err := ReadAhead(context.Background(), blobs, func(int, digest.Digest, []byte) error { seen++; return nil })
		if err == nil || !strings.Contains(err.Error(), tt.want) || seen != 2 {
			t.Errorf("%s: got %v after %d blobs, want %s after 2", tt.name, err, seen, tt.want)
		}
	}
	if err := ReadAhead(context.Background(), blobsOf(noise(1, 9), noise(2, 9)), func(int, digest.Digest, []byte) error { return boom }); err != boom {
		t.Errorf("got %v, want boom", err)
	}
	ctx, cancel := context.WithCancelCause(context.Background())
	cancel(boom)
	if err := ReadAhead(ctx, blobsOf(noise(1, 9)), func(int, digest.Digest, []byte) error { return nil }); err != boom {
		t.Errorf("cancelled: got %v, want boom", err)
	}
	for begin := time.Now(); runtime.NumGoroutine() > before && time.Since(begin) < 5*time.Second; {
		time.Sleep(time.Millisecond)
	}
	if n := runtime.NumGoroutine(); n > before {
		t.Errorf("%d goroutines are left, %d were there before", n, before)
	}
}

// onlyWriter is io.Discard without its shortcuts.
type onlyWriter struct{}

func (onlyWriter) Write(p []byte) (int, error) { return len(p), nil }

func BenchmarkCopy(b *testing.B) {
	for _, n := range []int{1 << 10, 20 << 10, 64 << 20} {
		data := noise(1, n)
		want := v1.Descriptor{Digest: digest.FromBytes(data), Size: int64(n)}
		b.Run(fmt.Sprintf("size=%dKiB", n>>10), func(b *testing.B) {
			b.SetBytes(int64(n))
			for b.Loop() {
				if err := Copy(context.Background(), onlyWriter{}, bytes.NewReader(data), want); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

func BenchmarkReadAhead(b *testing.B) {
	var contents [][]byte
	for i := range uint64(1000) {
		contents = append(contents, noise(i, 20<<10))
	}
	blobs := blobsOf(contents...)
	b.SetBytes(1000 * 20 << 10)
	for b.Loop() {
		if err := ReadAhead(context.Background(), blobs, func(int, digest.Digest, []byte) error { return nil }); err != nil {
			b.Fatal(err)
		}
	}
}

// artifactOf is a layout of one artifact with these layers and the empty config.
func artifactOf(t *testing.T, layers []Blob) *Contents {
	t.Helper()
	config := InMemory(v1.Descriptor{MediaType: v1.MediaTypeEmptyJSON, Digest: digest.FromString("{}"), Size: 2}, []byte("{}"))
	m := v1.Manifest{MediaType: v1.MediaTypeImageManifest, ArtifactType: "application/x", Config: config.Descriptor, Layers: []v1.Descriptor{}}
	m.SchemaVersion = 2
	for _, l := range layers {
		m.Layers = append(m.Layers, l.Descriptor)
	}
	data, err := marshal(m)
	if err != nil {
		t.Fatal(err)
	}
	desc := v1.Descriptor{MediaType: m.MediaType, Digest: NewPending(), Size: int64(len(data))}
	index := NewIndex()
	index.Manifests = append(index.Manifests, desc)
	c, err := NewContents(index, append([]Blob{InMemory(desc, data), config}, layers...))
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// What begins alike and is of one size is hashed first; everything else stays
// pending, until the last is known and the check is asked.
func TestPending(t *testing.T) {
	large := noise(5, 2*MaxReadAhead)
	tail := bytes.Clone(large) // the same at first
	tail[len(tail)-1]++
	head := bytes.Clone(large)
	head[0]++
	contents := [][]byte{[]byte("one"), []byte("two"), []byte("three"), []byte("one"), large, tail, head, nil, []byte("{}")}
	layers := blobsOf(contents...)
	layers[2].Digest = digest.FromString("three")
	c := artifactOf(t, layers)
	checked := 0
	c.Check = func(known func(digest.Digest) digest.Digest) error {
		checked++
		for i, l := range layers {
			if want := digest.FromBytes(contents[i]); i != 2 && known(l.Digest) != want {
				t.Errorf("blob %d turned out to be %s, want %s", i, known(l.Digest), want)
			}
		}
		return nil
	}
	if err := c.HashTwins(context.Background()); err != nil {
		t.Fatal(err)
	}
	pending := 0
	for i := range c.Blobs {
		if c.Blobs[i].Pending() {
			pending++
		}
	}
	// The manifest, "two", head and nothing; "one" and "{}" are there once.
	if len(c.Blobs) != len(contents)+2-2 || pending != 4 || checked != 0 {
		t.Errorf("%d blobs, %d pending, checked %d times", len(c.Blobs), pending, checked)
	}
	if err := c.Hash(context.Background()); err != nil || c.Pending() || checked != 1 {
		t.Errorf("pending %v, checked %d times, %v", c.Pending(), checked, err)
	}
	if strings.Contains(string(c.RawIndex)+string(c.Blobs[0].held), pendingPrefix()) || digest.FromBytes(c.Blobs[0].held) != c.Blobs[0].Digest {
		t.Errorf("documents still hold what stood for digests: %s", c.RawIndex)
	}
	refused := errors.New("refused")
	c = artifactOf(t, blobsOf([]byte("one")))
	c.Check = func(func(digest.Digest) digest.Digest) error { return refused }
	if err := c.Hash(context.Background()); err != refused {
		t.Errorf("got %v, want what the check says", err)
	}
}

// Contents whose digests are pending become the layout that they describe, in a
// new directory as in one that is there.
func TestPendingCopyTo(t *testing.T) {
	contents := [][]byte{noise(1, 10), noise(1, 10), noise(2, MaxReadAhead+5), {}, []byte("{}")}
	dir := t.TempDir() + "/l"
	for range 2 {
		w, err := Create(dir, WriterOptions{NoSync: true})
		if errors.Is(err, fs.ErrExist) {
			w, err = Append(context.Background(), dir, WriterOptions{NoSync: true})
		}
		if err != nil {
			t.Fatal(err)
		}
		c := artifactOf(t, blobsOf(contents...))
		if err := c.CopyTo(context.Background(), w); err != nil {
			t.Fatal(err)
		}
		if err := w.AddIndex(c.Index); err != nil {
			t.Fatal(err)
		}
		if _, err := w.Commit(context.Background(), CommitOptions{}); err != nil {
			t.Fatal(err)
		}
		r, err := OpenDir(dir)
		if err != nil {
			t.Fatal(err)
		}
		report, err := r.Audit(context.Background(), AuditOptions{})
		if err == nil {
			err = report.Err()
		}
		if err != nil || report.Blobs != 5 || len(report.Extra) > 0 || report.Digest != c.Digest() {
			t.Errorf("%v, %+v", err, report)
		}
		r.Close()
	}
}
