package bundle

import (
	"bytes"
	"context"
	"errors"
	"io"
	"os"
	"path/filepath"
	"testing"

	"github.com/ociferry/ferry/layout"
	"github.com/ociferry/ferry/layout/compression"
)

// twoBundles are two sealed archives of the same size, of one layer each.
func twoBundles(t *testing.T, f *compression.Format) (one, two []byte) {
	t.Helper()
	return twoPasses(t, f, pendingOf([][]byte{[]byte("content one")})), twoPasses(t, f, pendingOf([][]byte{[]byte("content two")}))
}

// A source that is exchanged, or changed, between two readings is refused: what
// was judged is what is used.
func TestSourceChanged(t *testing.T) {
	ctx := context.Background()
	dir := func(t *testing.T, archive []byte) string {
		name := filepath.Join(t.TempDir(), "layout")
		w, err := layout.Create(name, layout.WriterOptions{NoSync: true})
		if err != nil {
			t.Fatal(err)
		}
		defer w.Close()
		_, err = Unpack(ctx, bytes.NewReader(archive), w, layout.AuditOptions{})
		if err == nil {
			_, err = w.Commit(ctx, layout.CommitOptions{Seal: true})
		}
		if err != nil {
			t.Fatal(err)
		}
		return name
	}
	file := func(t *testing.T, archive []byte) string {
		name := filepath.Join(t.TempDir(), "archive")
		if err := os.WriteFile(name, archive, 0o644); err != nil {
			t.Fatal(err)
		}
		return name
	}
	open := func(t *testing.T, name string) *Source {
		if info, err := os.Stat(name); err == nil && info.IsDir() {
			fsys, err := layout.OpenFS(name)
			if err != nil {
				t.Fatal(err)
			}
			t.Cleanup(func() { fsys.Close() })
			return DirSource(fsys)
		}
		f, err := os.Open(name)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { f.Close() })
		info, err := f.Stat()
		if err != nil {
			t.Fatal(err)
		}
		return FileSource(f, info.Size())
	}
	readings := map[string]func(*Source) error{
		"audit":     func(s *Source) error { _, err := s.Audit(ctx, layout.AuditOptions{}); return err },
		"documents": func(s *Source) error { _, err := s.Documents(ctx); return err },
		"contents":  func(s *Source) error { _, err := s.Contents(ctx); return err },
		"judged":    func(s *Source) error { _, err := s.Judged(ctx, layout.AuditOptions{}); return err },
	}
	for _, form := range []struct {
		name   string
		make   func(*testing.T, []byte) string
		format *compression.Format
	}{{"directory", dir, compression.None}, {"tar", file, compression.None}, {"tar.gz", file, compression.Gzip}} {
		one, two := twoBundles(t, form.format)
		for _, exchange := range []struct {
			name   string
			change func(t *testing.T, name, other string)
			seen   bool // by who holds the source open
		}{
			{"nothing", func(*testing.T, string, string) {}, false},
			{"another in its place", func(t *testing.T, name, other string) {
				if err := errors.Join(os.Rename(name, name+".old"), os.Rename(other, name)); err != nil {
					t.Fatal(err)
				}
			}, false},
			{"written over", writeOver, true},
		} {
			for first, read := range readings {
				for second, again := range readings {
					name := form.make(t, one)
					s := open(t, name)
					if err := read(s); errors.Is(err, ErrCompressed) {
						continue
					} else if err != nil {
						t.Fatalf("%s: %s: %v", form.name, first, err)
					}
					exchange.change(t, name, form.make(t, two))
					err := again(s)
					if errors.Is(err, ErrCompressed) {
						continue
					}
					if exchange.seen != errors.Is(err, layout.ErrChanged) || err != nil && !exchange.seen {
						t.Errorf("%s, %s between %s and %s: %v", form.name, exchange.name, first, second, err)
					}
				}
			}
		}
	}
}

// writeOver gives a bundle the content of another, in its place.
func writeOver(t *testing.T, name, other string) {
	err := filepath.WalkDir(other, func(from string, e os.DirEntry, err error) error {
		if err != nil || e.IsDir() {
			return err
		}
		rel, err := filepath.Rel(other, from)
		if err != nil {
			return err
		}
		data, err := os.ReadFile(from)
		if err != nil {
			return err
		}
		return os.WriteFile(filepath.Join(name, rel), data, 0o644)
	})
	if err != nil {
		t.Fatal(err)
	}
}

// A blob that is changed after it was judged is not handed over.
func TestSourceBlobChanged(t *testing.T) {
	ctx := context.Background()
	for _, size := range []int{1, 100, 300 << 10, 1 << 20} {
		data := randomBytes(size)
		archive := twoPasses(t, nil, pendingOf([][]byte{data}))
		s := FileSource(bytes.NewReader(archive), int64(len(archive)))
		if report, err := s.Audit(ctx, layout.AuditOptions{}); err != nil || report.Err() != nil {
			t.Fatal(err, report.Err())
		}
		c, err := s.Contents(ctx)
		if err != nil {
			t.Fatal(err)
		}
		b := c.Blobs[len(c.Blobs)-1]
		read := func() ([]byte, error) {
			r, err := b.Verified()
			if err != nil {
				t.Fatal(err)
			}
			defer r.Close()
			return io.ReadAll(r)
		}
		if got, err := read(); err != nil || !bytes.Equal(got, data) {
			t.Errorf("%d bytes: read %d, %v", size, len(got), err)
		}
		at := bytes.Index(archive, data)
		archive[at]++
		var bad *layout.CorruptError
		if got, err := read(); !errors.As(err, &bad) || len(got) >= size {
			t.Errorf("%d bytes, changed: read %d, %v", size, len(got), err)
		}
		if err := Write(ctx, io.Discard, nil, c); !errors.As(err, &bad) {
			t.Errorf("%d bytes, changed: written, %v", size, err)
		}
	}
}

// A stream is read once.
func TestSourceStream(t *testing.T) {
	ctx := context.Background()
	archive, _ := twoBundles(t, nil)
	s := StreamSource(bytes.NewReader(archive))
	if _, err := s.Contents(ctx); !errors.Is(err, ErrStream) {
		t.Errorf("out of order: %v", err)
	}
	report, err := s.Audit(ctx, layout.AuditOptions{})
	if err != nil || report.Err() != nil || report.Raw != int64(len(archive)) {
		t.Errorf("%v; %d bytes of %d", err, report.Raw, len(archive))
	}
	if _, err := s.Audit(ctx, layout.AuditOptions{}); !errors.Is(err, ErrStream) {
		t.Errorf("again: %v", err)
	}
}
