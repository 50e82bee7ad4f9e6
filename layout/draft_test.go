package layout

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/opencontainers/go-digest"
	v1 "github.com/opencontainers/image-spec/specs-go/v1"

	"github.com/ociferry/ferry/layout/durable"
)

// blobsOf are blobs without digests.
func blobsOf(contents ...[]byte) []Blob {
	var blobs []Blob
	for _, data := range contents {
		blobs = append(blobs, InMemory(v1.Descriptor{Size: int64(len(data))}, data))
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
func TestInOrder(t *testing.T) {
	var contents [][]byte
	for i := range uint64(200) {
		n := []int{0, 1, 100, 30_000, bufferSize - 1, bufferSize, bufferSize + 1}[i%7]
		contents = append(contents, noise(i, n))
	}
	for _, cores := range []int{1, 2, 8} {
		func() {
			defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(cores))
			next := 0
			err := ReadAhead(context.Background(), blobsOf(contents...), nil, func(i int, d digest.Digest, data []byte) error {
				if i != next {
					t.Fatalf("%d cores: blob %d came, want %d", cores, i, next)
				}
				next++
				if large := len(contents[i]) > bufferSize; large != (data == nil) {
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
func TestInOrderErrors(t *testing.T) {
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
		err := ReadAhead(context.Background(), blobs, nil, func(int, digest.Digest, []byte) error { seen++; return nil })
		if err == nil || !strings.Contains(err.Error(), tt.want) || seen != 2 {
			t.Errorf("%s: got %v after %d blobs, want %s after 2", tt.name, err, seen, tt.want)
		}
	}
	if err := ReadAhead(context.Background(), blobsOf(noise(1, 9), noise(2, 9)), nil, func(int, digest.Digest, []byte) error { return boom }); err != boom {
		t.Errorf("got %v, want boom", err)
	}
	ctx, cancel := context.WithCancelCause(context.Background())
	cancel(boom)
	if err := ReadAhead(ctx, blobsOf(noise(1, 9)), nil, func(int, digest.Digest, []byte) error { return nil }); err != boom {
		t.Errorf("cancelled: got %v, want boom", err)
	}
	for begin := time.Now(); runtime.NumGoroutine() > before && time.Since(begin) < 5*time.Second; {
		time.Sleep(time.Millisecond)
	}
	if n := runtime.NumGoroutine(); n > before {
		t.Errorf("%d goroutines are left, %d were there before", n, before)
	}
}

// What begins alike and is of one size is hashed before the shape is known;
// everything else has a digest that is made up.
func TestShape(t *testing.T) {
	large := noise(5, 2*bufferSize)
	tail := bytes.Clone(large) // the same at first
	tail[len(tail)-1]++
	head := bytes.Clone(large)
	head[0]++
	blobs := blobsOf([]byte("one"), []byte("two"), []byte("three"), []byte("one"), large, tail, head, nil)
	blobs[2].Digest = digest.FromString("three")
	d := &Draft{Blobs: blobs, Finish: func(ds []digest.Digest) (*Contents, error) {
		var all []Blob
		for i, b := range blobs {
			b.Digest = ds[i]
			all = append(all, b)
		}
		return NewContents(NewIndex(), all)
	}}
	s, err := d.Shape(context.Background())
	if err != nil {
		t.Fatal(err)
	}
	if len(s.Blobs) != len(blobs)-1 {
		t.Errorf("%d blobs, want the same content once: %d", len(s.Blobs), len(blobs)-1)
	}
	for i, late := range []bool{false, true, false, false, false, false, true, true} {
		at, ok := s.Late(s.Digests[i])
		if ok != late || ok && at != i {
			t.Errorf("blob %d: late %v, want %v", i, ok, late)
		}
		if data, _ := blobs[i].Open(); !late {
			b, _ := io.ReadAll(data)
			if s.Digests[i] != digest.FromBytes(b) {
				t.Errorf("blob %d: its digest is another", i)
			}
		}
	}
}

// A draft copied into a layout is the layout that it describes.
func TestDraftCopyTo(t *testing.T) {
	contents := [][]byte{noise(1, 10), noise(1, 10), noise(2, bufferSize+5), {}, []byte("{}")}
	blobs := blobsOf(contents...)
	d := &Draft{Blobs: blobs, Finish: func(ds []digest.Digest) (*Contents, error) {
		m := v1.Manifest{MediaType: v1.MediaTypeImageManifest, Layers: []v1.Descriptor{}}
		m.SchemaVersion = 2
		var all []Blob
		for i, b := range blobs {
			b.Digest, b.MediaType = ds[i], "application/x"
			m.Layers, all = append(m.Layers, b.Descriptor), append(all, b)
		}
		m.Config = m.Layers[4]
		data, err := marshal(m)
		if err != nil {
			return nil, err
		}
		desc := v1.Descriptor{MediaType: m.MediaType, Digest: digest.FromBytes(data), Size: int64(len(data))}
		index := NewIndex()
		index.Manifests = append(index.Manifests, desc)
		return NewContents(index, append([]Blob{InMemory(desc, data)}, all...))
	}}
	for _, again := range []bool{false, true} {
		dir := t.TempDir() + "/l"
		for range 2 {
			w, err := Create(dir, durable.Options{NoSync: true})
			if again && err != nil {
				w, err = Append(context.Background(), dir, durable.Options{NoSync: true})
			}
			if err != nil {
				t.Fatal(err)
			}
			c, err := d.CopyTo(context.Background(), w)
			if err != nil {
				t.Fatal(err)
			}
			w.SetIndex(c.Index)
			if _, err := w.Commit(context.Background(), false); err != nil {
				t.Fatal(err)
			}
			if !again {
				break
			}
		}
		r, err := OpenDir(dir)
		if err != nil {
			t.Fatal(err)
		}
		report, err := r.Audit(context.Background(), AuditOptions{})
		if err == nil {
			err = report.Err()
		}
		if err != nil || report.Blobs != 5 || len(report.Extra) > 0 {
			t.Errorf("again %v: %v, %+v", again, err, report)
		}
		r.Close()
	}
}

func BenchmarkTee(b *testing.B) {
	data := noise(1, 64<<20)
	for _, bb := range []struct {
		name  string
		sinks []io.Writer
	}{
		{"discard", []io.Writer{onlyWriter{}}},
		{"sha256", []io.Writer{digest.SHA256.Hash()}},
		{"sha256,discard", []io.Writer{digest.SHA256.Hash(), onlyWriter{}}},
		{"sha256,sha512", []io.Writer{digest.SHA256.Hash(), digest.SHA512.Hash()}},
	} {
		b.Run("sinks="+bb.name, func(b *testing.B) {
			b.SetBytes(int64(len(data)))
			for b.Loop() {
				if _, err := Tee(context.Background(), bytes.NewReader(data), bb.sinks...); err != nil {
					b.Fatal(err)
				}
			}
		})
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

func BenchmarkInOrder(b *testing.B) {
	var contents [][]byte
	for i := range uint64(1000) {
		contents = append(contents, noise(i, 20<<10))
	}
	blobs := blobsOf(contents...)
	b.SetBytes(1000 * 20 << 10)
	for b.Loop() {
		if err := ReadAhead(context.Background(), blobs, nil, func(int, digest.Digest, []byte) error { return nil }); err != nil {
			b.Fatal(err)
		}
	}
}
