package compression

import (
	"bytes"
	stdgzip "compress/gzip"
	"errors"
	"io"
	"math/rand/v2"
	"runtime"
	"testing"
)

// What is stored has the length that was told before, and every reader gets it
// back, also where it stands between compressed parts.
func TestStored(t *testing.T) {
	random := make([]byte, 1<<20)
	rand.NewChaCha8([32]byte{2}).Read(random)
	for _, f := range formats {
		for _, n := range []int{0, 1, 511, 65534, 65535, 65536, 128<<10 - 1, 128 << 10, 128<<10 + 1, 3 * 65535, 1 << 20} {
			var b bytes.Buffer
			w := f.newStored(&b, int64(n))
			for p := random[:n]; len(p) > 0; p = p[min(len(p), 100_000):] {
				if _, err := w.Write(p[:min(len(p), 100_000)]); err != nil {
					t.Fatal(err)
				}
			}
			if err := w.Close(); err != nil {
				t.Fatal(err)
			}
			if int64(b.Len()) != f.StoredLen(int64(n)) {
				t.Errorf("%s, %d bytes: stored in %d, StoredLen says %d", f, n, b.Len(), f.StoredLen(int64(n)))
			}
			z := f.NewWriter(&b)
			z.Write(random[:1000])
			if err := z.Close(); err != nil {
				t.Fatal(err)
			}
			want := append(bytes.Clone(random[:n]), random[:1000]...)
			check := func(r io.Reader, err error) {
				t.Helper()
				var got []byte
				if err == nil {
					got, err = io.ReadAll(r)
				}
				if err != nil || !bytes.Equal(got, want) {
					t.Errorf("%s, %d bytes: read back as %d bytes (%v)", f, n, len(got), err)
				}
			}
			r, err := f.NewReader(bytes.NewReader(b.Bytes()))
			check(r, err)
			if f == Gzip {
				r, err := stdgzip.NewReader(bytes.NewReader(b.Bytes()))
				check(r, err)
			}
		}
	}
}

func TestStoredLength(t *testing.T) {
	for _, f := range formats {
		w := f.newStored(io.Discard, 10)
		if _, err := w.Write(make([]byte, 11)); err == nil {
			t.Errorf("%s: took 11 bytes of 10", f)
		}
		if w.Close() == nil {
			t.Errorf("%s: closed with bytes to come", f)
		}
	}
}

func TestCompressed(t *testing.T) {
	for head, want := range map[string]bool{
		"\x1f\x8b\x08\x00\x00\x00": true, "\x28\xb5\x2f\xfd\x00\x00": true, "PK\x03\x04..": true, "\xfd7zXZ\x00": true,
		"": false, "{": false, "%PDF-1": false, "\x7fELF..": false,
	} {
		if Compressed([]byte(head)) != want {
			t.Errorf("%q: got %v", head, !want)
		}
	}
}

// The same input gives the same bytes, however many cores there are and however
// it is cut.
func TestSameBytes(t *testing.T) {
	raw := text(9, 3<<20)
	for _, f := range formats {
		var want []byte
		for _, cores := range []int{1, 2, 8} {
			func() {
				defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(cores))
				var b bytes.Buffer
				w := f.NewWriter(&b)
				for p := raw; len(p) > 0; p = p[min(len(p), 70_000*cores):] {
					if _, err := w.Write(p[:min(len(p), 70_000*cores)]); err != nil {
						t.Fatal(err)
					}
				}
				if err := w.Close(); err != nil {
					t.Fatal(err)
				}
				if want == nil {
					want = b.Bytes()
				} else if !bytes.Equal(want, b.Bytes()) {
					t.Errorf("%s: other bytes on %d cores", f, cores)
				}
			}()
		}
	}
}

// Whatever is written comes out, and no write but the last of a flush ends
// within a block, or lies across two.
func TestBlocks(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	for range 50 {
		var out, want bytes.Buffer
		flushing := false
		w := &blocks{w: writerFunc(func(p []byte) (int, error) {
			if !flushing && (out.Len()+len(p))%blockLen != 0 {
				t.Errorf("a write of %d bytes at %d ends within a block", len(p), out.Len())
			}
			if from, to := out.Len()/blockLen, (out.Len()+len(p)-1)/blockLen; from != to {
				t.Errorf("a write of %d bytes at %d", len(p), out.Len())
			}
			return out.Write(p)
		})}
		for range 20 {
			p := make([]byte, []int{0, 1, 512, blockLen - 1, blockLen, r.IntN(3 * blockLen), 8*blockLen + 5}[r.IntN(7)])
			for i := range p {
				p[i] = byte(r.Uint32())
			}
			want.Write(p)
			if n, err := w.Write(p); n != len(p) || err != nil {
				t.Fatal(n, err)
			}
			if r.IntN(4) == 0 {
				flushing = true
				w.Flush()
				flushing = false
				if out.Len() != want.Len() {
					t.Fatalf("flushed: %d of %d bytes", out.Len(), want.Len())
				}
			} else if want.Len()-out.Len() >= blockLen {
				t.Errorf("%d bytes are held back", want.Len()-out.Len())
			}
		}
		flushing = true
		if err := w.Flush(); err != nil || !bytes.Equal(out.Bytes(), want.Bytes()) {
			t.Fatalf("the bytes differ (%v)", err)
		}
	}
	short := &blocks{w: writerFunc(func(p []byte) (int, error) { return len(p) - 1, nil })}
	if _, err := short.Write(make([]byte, blockLen)); err != io.ErrShortWrite {
		t.Errorf("got %v, want %v", err, io.ErrShortWrite)
	}
	boom := errors.New("boom")
	w := &blocks{w: writerFunc(func([]byte) (int, error) { return 0, boom })}
	if _, err := w.Write(make([]byte, 2*blockLen)); err != boom {
		t.Errorf("got %v, want boom", err)
	}
	if err := w.Flush(); err != boom {
		t.Errorf("flushed: got %v, want boom", err)
	}
}

type writerFunc func(p []byte) (int, error)

func (f writerFunc) Write(p []byte) (int, error) { return f(p) }
