package compression

import (
	"bytes"
	stdgzip "compress/gzip"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"runtime"
	"strings"
	"testing"
	"testing/iotest"
	"time"
)

// text is n bytes that compress about as JSON does.
func text(seed uint64, n int) []byte {
	r := rand.New(rand.NewPCG(seed, 1))
	var b bytes.Buffer
	for b.Len() < n {
		fmt.Fprintf(&b, `{"repo":"https://example.com/%x","risk":"low","count":%d}`+"\n", r.Uint64(), r.IntN(1000))
	}
	return b.Bytes()[:n]
}

// members writes raw as members of the given size.
func members(t testing.TB, raw []byte, size int) []byte {
	t.Helper()
	var b bytes.Buffer
	w := NewMemberWriter(&b)
	for len(raw) > 0 {
		n := min(len(raw), 1000, size-int(w.Len()))
		if _, err := w.Write(raw[:n]); err != nil {
			t.Fatal(err)
		}
		if raw = raw[n:]; int(w.Len()) == size {
			if err := w.Cut(); err != nil {
				t.Fatal(err)
			}
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func stored(raw []byte) []byte {
	var b bytes.Buffer
	w, _ := stdgzip.NewWriterLevel(&b, stdgzip.NoCompression)
	w.Write(raw)
	w.Close()
	return b.Bytes()
}

func TestMemberReader(t *testing.T) {
	big := text(1, 3<<20)
	ours := members(t, big, 300<<10)
	small := members(t, big[:1<<20], 5000)
	var foreign bytes.Buffer
	w := stdgzip.NewWriter(&foreign)
	w.Name = "cache.jsonl"
	w.Write(big)
	w.Close()
	// Members inside a member: every boundary but the first is false.
	nested := stored(ours)
	random := make([]byte, 2<<20)
	rand.NewChaCha8([32]byte{1}).Read(random)

	for _, tt := range []struct {
		name string
		in   []byte
		want []byte // nil for an error
	}{
		{"our members", ours, big},
		{"small members", small, big[:1<<20]},
		{"one foreign member", foreign.Bytes(), big},
		{"foreign behind ours", append(bytes.Clone(ours), foreign.Bytes()...), append(bytes.Clone(big), big...)},
		{"ours behind foreign", append(foreign.Bytes()[:foreign.Len():foreign.Len()], ours...), append(bytes.Clone(big), big...)},
		{"members within a member", nested, ours},
		{"members within a member, then members", append(bytes.Clone(nested), ours...), append(bytes.Clone(ours), big...)},
		{"members, then members within a member", append(bytes.Clone(ours), nested...), append(bytes.Clone(big), ours...)},
		{"incompressible", members(t, random, 300<<10), random},
		{"empty member", stored(nil), []byte{}},
		{"empty input", nil, nil},
		{"cut in the header", ours[:7], nil},
		{"cut in the last member", ours[:len(ours)-9], nil},
		{"cut in the trailer", ours[:len(ours)-3], nil},
		{"cut at half", ours[:len(ours)/2], nil},
		{"trailing garbage", append(bytes.Clone(ours), "garbage, twelve bytes"...), nil},
		{"trailing byte", append(bytes.Clone(ours), 'x'), nil},
		{"trailing zeros", append(bytes.Clone(ours), make([]byte, 512)...), nil},
		{"not gzip", big, nil},
	} {
		t.Run(tt.name, func(t *testing.T) {
			for _, workers := range []int{1, 3} {
				m := NewMemberReader(bytes.NewReader(tt.in), workers)
				got, err := io.ReadAll(m)
				if cerr := m.Close(); cerr != nil {
					t.Fatal(cerr)
				}
				if tt.want == nil {
					var e *Error
					if !errors.As(err, &e) {
						t.Fatalf("%d workers: got %v, want an *Error", workers, err)
					}
					continue
				}
				if err != nil {
					t.Fatalf("%d workers: %v", workers, err)
				}
				if !bytes.Equal(got, tt.want) {
					t.Fatalf("%d workers: %d bytes differ from the %d wanted", workers, len(got), len(tt.want))
				}
			}
		})
	}
}

// Every flipped byte behind a header must be noticed; one worker's damage must
// not be another's success.
func TestMemberReaderDamage(t *testing.T) {
	raw := text(2, 900<<10)
	whole := members(t, raw, 100<<10)
	for at := 11; at < len(whole); at += 2993 {
		bad := bytes.Clone(whole)
		bad[at] ^= 0x20
		m := NewMemberReader(bytes.NewReader(bad), 2)
		got, err := io.ReadAll(m)
		m.Close()
		if err == nil && !bytes.Equal(got, raw) {
			t.Fatalf("byte %d: flipped, and not noticed", at)
		}
	}
}

func TestMemberReaderReadError(t *testing.T) {
	boom := errors.New("boom")
	for _, n := range []int{0, 100, 200 << 10} {
		whole := members(t, text(3, 3<<20), 100<<10)
		m := NewMemberReader(io.MultiReader(bytes.NewReader(whole[:n]), iotest.ErrReader(boom)), 2)
		_, err := io.ReadAll(m)
		m.Close()
		if !errors.Is(err, boom) {
			t.Errorf("after %d bytes: got %v, want boom", n, err)
		}
	}
}

func TestMemberReaderCloseEarly(t *testing.T) {
	whole := members(t, text(4, 3<<20), 100<<10)
	before := runtime.NumGoroutine()
	m := NewMemberReader(bytes.NewReader(whole), 2)
	m.Read(make([]byte, 10))
	m.Close()
	m.Close()
	if _, err := m.Read(make([]byte, 10)); err == nil {
		t.Error("a closed reader reads on")
	}
	for range 1000 {
		if runtime.NumGoroutine() <= before {
			return
		}
		time.Sleep(10 * time.Millisecond)
	}
	t.Errorf("%d goroutines are left, %d were there before", runtime.NumGoroutine(), before)
}

func TestMemberWriter(t *testing.T) {
	raw := text(5, 2<<20)
	for _, size := range []int{1 << 10, 100 << 10, blockSize, 1 << 20, 4 << 20} {
		whole := members(t, raw, size)
		z, err := stdgzip.NewReader(bytes.NewReader(whole))
		if err != nil {
			t.Fatal(err)
		}
		got, err := io.ReadAll(z)
		if err != nil || !bytes.Equal(got, raw) {
			t.Fatalf("size %d: the standard library reads something else (%v)", size, err)
		}
		if n := bytes.Count(whole, memberHeader); n != (len(raw)+size-1)/size {
			t.Errorf("size %d: %d members", size, n)
		}
		defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(1))
		if !bytes.Equal(whole, members(t, raw, size)) {
			t.Errorf("size %d: other bytes on one core", size)
		}
	}
}

func TestMemberWriterError(t *testing.T) {
	pr, pw := io.Pipe()
	pr.CloseWithError(errors.New("disk full"))
	w := NewMemberWriter(pw)
	_, err := w.Write(bytes.Repeat([]byte("x"), 100*blockSize))
	if cerr := w.Close(); cerr == nil || !strings.Contains(cerr.Error(), "disk full") {
		t.Errorf("Close: got %v after Write %v, want disk full", cerr, err)
	}
	if w.Close() == nil {
		t.Error("the second Close forgot the error")
	}
}

// Nothing makes one member, and cutting it again makes no other.
func TestMemberWriterEmpty(t *testing.T) {
	for _, text := range []string{"", "x"} {
		var b bytes.Buffer
		w := NewMemberWriter(&b)
		w.Cut()
		io.WriteString(w, text)
		w.Cut()
		w.Cut()
		if err := w.Close(); err != nil {
			t.Fatal(err)
		}
		if n := bytes.Count(b.Bytes(), memberHeader); n != 1 {
			t.Errorf("%q: %d members", text, n)
		}
		if z, err := stdgzip.NewReader(&b); err != nil {
			t.Error(err)
		} else if got, err := io.ReadAll(z); err != nil || string(got) != text {
			t.Errorf("%q: got %q, %v", text, got, err)
		}
	}
}

func BenchmarkMemberReader(b *testing.B) {
	raw := text(6, 32<<20)
	whole := members(b, raw, 300<<10)
	block := make([]byte, blockSize)
	b.SetBytes(int64(len(raw)))
	for b.Loop() {
		m := NewMemberReader(bytes.NewReader(whole), 0)
		for {
			if _, err := m.Read(block); err == io.EOF {
				break
			} else if err != nil {
				b.Fatal(err)
			}
		}
		m.Close()
	}
}

// A stream ends where a member ends, and nowhere within a header.
func TestGzipCutInHeader(t *testing.T) {
	var b bytes.Buffer
	ends := map[int]bool{}
	for _, h := range []stdgzip.Header{{Name: "a"}, {Name: "reports", Comment: "of a week", Extra: []byte("extra")}, {}} {
		z := stdgzip.NewWriter(&b)
		z.Header = h
		z.Write([]byte("content\n"))
		z.Close()
		ends[b.Len()] = true
	}
	whole := b.Bytes()
	for n := 1; n <= len(whole); n++ {
		for name, open := range map[string]func(io.Reader) (io.ReadCloser, error){
			"Gzip":         Gzip.NewReader,
			"MemberReader": func(r io.Reader) (io.ReadCloser, error) { return NewMemberReader(r, 2), nil },
		} {
			z, err := open(bytes.NewReader(whole[:n]))
			if err == nil {
				_, err = io.Copy(io.Discard, z)
				z.Close()
			}
			if (err == nil) != ends[n] {
				t.Errorf("%s: cut after %d bytes: %v", name, n, err)
			}
		}
	}
}

// Between members that are read side by side nothing else may stand, not even
// what begins like a header.
func TestMemberReaderGarbageBetween(t *testing.T) {
	var b bytes.Buffer
	for range 2 {
		w := NewMemberWriter(&b)
		random := make([]byte, 2*minSegment)
		rand.NewChaCha8([32]byte{1}).Read(random)
		w.Write(random)
		w.Close()
		b.WriteString("\x1f\x8b\x08\x08\x00\x00\x00\x00\x00\xff" + "garbage that is no name, for it has no end")
	}
	z := NewMemberReader(bytes.NewReader(b.Bytes()), 2)
	defer z.Close()
	if n, err := io.Copy(io.Discard, z); err == nil {
		t.Errorf("read %d bytes of a stream with garbage in it", n)
	}
}
