package compression

import (
	"bytes"
	"compress/flate"
	stdgzip "compress/gzip"
	"io"
	"math/rand/v2"
	"strings"
	"testing"
	"testing/iotest"
)

// collect is an inflater that keeps what it emits.
func collect(out *bytes.Buffer) *inflater {
	return &inflater{
		fresh: func() *Block { return new(Block) },
		emit:  func(b *Block) error { out.Write(b.Bytes()); return nil },
	}
}

// inflateRaw inflates deflate data without a gzip header.
func inflateRaw(r io.Reader) ([]byte, error) {
	var out bytes.Buffer
	f := collect(&out)
	f.src = r
	f.begin(f.fresh())
	f.low, f.from = f.op, f.op
	for last := false; !last; {
		var err error
		if last, err = f.deflate(); err != nil {
			return nil, err
		}
	}
	if err := f.flush(); err != nil {
		return nil, err
	}
	return out.Bytes(), nil
}

func deflated(t testing.TB, raw []byte, level int) []byte {
	t.Helper()
	var b bytes.Buffer
	w, err := flate.NewWriter(&b, level)
	if err != nil {
		t.Fatal(err)
	}
	w.Write(raw)
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func TestInflate(t *testing.T) {
	random := make([]byte, 300<<10)
	rand.NewChaCha8([32]byte{2}).Read(random)
	far := append(bytes.Clone(random[:window]), random[:window]...)
	for name, raw := range map[string][]byte{
		"nothing": nil, "one byte": []byte("x"), "text": text(1, 1<<19), "random": random,
		"one byte repeated": bytes.Repeat([]byte{'a'}, 1<<19), "two bytes repeated": bytes.Repeat([]byte("ab"), 1<<18),
		"seven bytes repeated": bytes.Repeat([]byte("abcdefg"), 100_000), "nine bytes repeated": bytes.Repeat([]byte("abcdefghi"), 100_000),
		"matches from as far as can be": far, "blocks of the same": bytes.Repeat(random[:30<<10], 30),
	} {
		for _, level := range []int{flate.HuffmanOnly, 0, 1, 6, 9} {
			data := deflated(t, raw, level)
			readers := []io.Reader{bytes.NewReader(data), iotest.HalfReader(bytes.NewReader(data))}
			if len(data) < 20_000 {
				readers = append(readers, iotest.OneByteReader(bytes.NewReader(data)))
			}
			for _, r := range readers {
				got, err := inflateRaw(r)
				if err != nil || !bytes.Equal(got, raw) {
					t.Fatalf("%s, level %d: %d bytes, %v", name, level, len(got), err)
				}
			}
			for _, cut := range []int{0, 1, len(data) / 2, len(data) - 1} {
				if _, err := inflateRaw(bytes.NewReader(data[:cut])); err != io.ErrUnexpectedEOF {
					t.Fatalf("%s, level %d, cut at %d: %v", name, level, cut, err)
				}
			}
		}
	}
}

func TestGzipHeader(t *testing.T) {
	whole := func(edit func(*stdgzip.Header)) []byte {
		var b bytes.Buffer
		w := stdgzip.NewWriter(&b)
		edit(&w.Header)
		w.Write([]byte("hello"))
		w.Close()
		return b.Bytes()
	}
	plain := whole(func(*stdgzip.Header) {})
	set := func(at int, to byte) []byte {
		b := bytes.Clone(plain)
		b[at] = to
		return b
	}
	for _, tt := range []struct {
		name string
		in   []byte
		err  string
	}{
		{"plain", plain, ""},
		{"name, comment, extra", whole(func(h *stdgzip.Header) {
			h.Name, h.Comment, h.Extra = strings.Repeat("n", 1000), "c", bytes.Repeat([]byte{0x1f}, 5000)
		}), ""},
		{"cut in the name", whole(func(h *stdgzip.Header) { h.Name = "name" })[:12], "unexpected EOF"},
		{"cut in the extra", whole(func(h *stdgzip.Header) { h.Extra = make([]byte, 100) })[:30], "unexpected EOF"},
		{"endless name", append(set(3, 8)[:10], bytes.Repeat([]byte("n"), 1<<20)...), "gzip: invalid header"},
		{"checksum of the header", append(append(set(3, 2)[:10:10], 0, 0), plain[10:]...), "gzip: invalid header"},
		{"magic", set(1, 0x8c), "gzip: invalid header"},
		{"method", set(2, 7), "gzip: invalid header"},
		{"reserved flag", set(3, 0x20), "gzip: invalid header"},
		{"type of block", set(10, 7), "invalid deflate data"},
	} {
		var out bytes.Buffer
		err := collect(&out).run(bytes.NewReader(tt.in))
		if tt.err == "" && (err != nil || out.String() != "hello") || tt.err != "" && (err == nil || err.Error() != tt.err) {
			t.Errorf("%s: got %q, %v, want %s", tt.name, out.String(), err, tt.err)
		}
	}
}

// A match that reaches before the begin of its member is refused: what went
// before belongs to another.
func TestInflateMembersApart(t *testing.T) {
	first := stored(text(1, 1000))
	// A fixed block: a match of length 3 at distance 1, then the end.
	second := append(bytes.Clone(memberHeader), 0x03, 0x02, 0x00)
	second = append(second, make([]byte, 8)...)
	var out bytes.Buffer
	if err := collect(&out).run(bytes.NewReader(append(first, second...))); err != errFlate {
		t.Errorf("got %v, want %v", err, errFlate)
	}
}

// The inflater and compress/flate agree on any data.
func FuzzInflate(f *testing.F) {
	for _, level := range []int{flate.HuffmanOnly, 0, 1, 9} {
		f.Add(deflated(f, text(1, 3000), level), 7)
	}
	f.Add(deflated(f, bytes.Repeat([]byte("a"), 100_000), 9), 1)
	f.Add([]byte{0x03, 0x00}, 1)
	f.Fuzz(func(t *testing.T, data []byte, size int) {
		z := flate.NewReader(bytes.NewReader(data))
		want, wantErr := io.ReadAll(io.LimitReader(z, 10<<20))
		if len(want) == 10<<20 {
			return
		}
		var r io.Reader = bytes.NewReader(data)
		if size%2 == 0 {
			r = iotest.OneByteReader(r)
		}
		got, err := inflateRaw(r)
		if (err == nil) != (wantErr == nil) {
			t.Fatalf("got %v, compress/flate says %v", err, wantErr)
		}
		if err == nil && !bytes.Equal(got, want) {
			t.Fatalf("%d bytes differ from the %d of compress/flate", len(got), len(want))
		}
	})
}
