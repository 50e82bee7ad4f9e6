package stream_test

import (
	"bytes"
	"context"
	"errors"
	"io"
	"strings"
	"testing"

	"github.com/opencontainers/go-digest"

	"github.com/ociferry/ferry/layout/stream"
)

func BenchmarkFanOut(b *testing.B) {
	data := make([]byte, 64<<20)
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
				if _, err := stream.FanOut(context.Background(), bytes.NewReader(data), bb.sinks...); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

// onlyWriter is io.Discard without its shortcuts.
type onlyWriter struct{}

func (onlyWriter) Write(p []byte) (int, error) { return len(p), nil }

func TestFanOut(t *testing.T) {
	ctx := context.Background()
	for _, n := range []int{0, 1, 256<<10 - 1, 256 << 10, 256<<10 + 1, 5 << 20} {
		data := bytes.Repeat([]byte("0123456789abcde\n"), n/16+1)[:n]
		var a, b bytes.Buffer
		total, err := stream.FanOut(ctx, iotestReader{bytes.NewReader(data)}, &a, &b)
		if err != nil || total != int64(n) || !bytes.Equal(a.Bytes(), data) || !bytes.Equal(b.Bytes(), data) {
			t.Errorf("%d bytes: %d, %v", n, total, err)
		}
	}
	if n, err := stream.FanOut(ctx, strings.NewReader("no sinks")); n != 8 || err != nil {
		t.Errorf("no sinks: %d, %v", n, err)
	}
	broken := errors.New("broken")
	for _, n := range []int{10, 3 << 20} {
		data := strings.Repeat("x", n)
		var b bytes.Buffer
		if _, err := stream.FanOut(ctx, io.MultiReader(strings.NewReader(data), failing{broken}), &b); !errors.Is(err, broken) {
			t.Errorf("a reader that breaks after %d bytes: %v", n, err)
		}
		if _, err := stream.FanOut(ctx, io.MultiReader(strings.NewReader(data), failing{io.ErrUnexpectedEOF}), &b); !errors.Is(err, io.ErrUnexpectedEOF) {
			t.Errorf("a reader that is cut after %d bytes: %v", n, err)
		}
		if _, err := stream.FanOut(ctx, strings.NewReader(data), &b, brokenSink{broken}); !errors.Is(err, broken) {
			t.Errorf("a sink that breaks on %d bytes: %v", n, err)
		}
		cancelled, cancel := context.WithCancelCause(ctx)
		cancel(broken)
		if _, err := stream.FanOut(cancelled, strings.NewReader(data), &b); !errors.Is(err, broken) { // the command tells a signal by it
			t.Errorf("cancelled, of %d bytes: %v", n, err)
		}
	}
}

// iotestReader gives odd portions, and the last together with io.EOF.
type iotestReader struct{ r *bytes.Reader }

func (r iotestReader) Read(p []byte) (int, error) {
	n, err := r.r.Read(p[:min(len(p), 70_001)])
	if r.r.Len() == 0 {
		err = io.EOF
	}
	return n, err
}

type brokenSink struct{ err error }

func (s brokenSink) Write([]byte) (int, error) { return 0, s.err }

type failing struct{ err error }

func (f failing) Read([]byte) (int, error) { return 0, f.err }
