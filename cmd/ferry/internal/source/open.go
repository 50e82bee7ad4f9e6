package source

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"

	"github.com/ociferry/ferry/bundle"
	"github.com/ociferry/ferry/cmd/ferry/internal/ui"
	"github.com/ociferry/ferry/layout"
)

// Open opens the source as a stream.
func (s *Source) Open(ctx context.Context) (io.ReadCloser, error) {
	if s.Name == "-" {
		return s.Env.Input(), nil
	}
	info, err := os.Stat(s.Name)
	if err != nil {
		return nil, err
	}
	switch {
	case info.Mode().IsRegular():
		return os.Open(s.Name)
	case info.Mode()&fs.ModeNamedPipe == 0:
		return nil, ui.Hinted(fmt.Errorf("%s: want a file or a directory, found a device or special file", s.Label()), "copy what it holds into a file first, or hand it to standard input and give -")
	}
	return openPipe(ctx, s.Name)
}

// regular opens the source if it is a file; the error is errNotSeekable where it
// is something else.
func (s *Source) regular() (*os.File, error) {
	if s.Name == "-" {
		return nil, errNotSeekable
	}
	info, err := os.Stat(s.Name)
	if err == nil && !info.Mode().IsRegular() {
		err = errNotSeekable // to open a pipe is to wait for its writer
	}
	if err != nil {
		return nil, err
	}
	return os.Open(s.Name)
}

// openPipe opens a named pipe so that a signal ends the waiting for its writer
// and for its data.
func openPipe(ctx context.Context, name string) (io.ReadCloser, error) {
	type opened struct {
		f   *os.File
		err error
	}
	c := make(chan opened, 1)
	go func() {
		f, err := os.Open(name)
		c <- opened{f, err}
	}()
	select {
	case o := <-c:
		if o.err != nil {
			return nil, o.err
		}
		return struct {
			io.Reader
			io.Closer
		}{ui.InterruptibleReader(ctx, o.f), o.f}, nil
	case <-ctx.Done():
		return nil, context.Cause(ctx)
	}
}

var errNotSeekable = errors.New("not a file that can be read out of order")

// A reader reads the layout out of order, with what must be closed after it.
type reader struct {
	*layout.Reader
	close func() error
}

func (r *reader) Close() error { return r.close() }

// Reader opens the source for reading out of order. The error is
// bundle.ErrCompressed or errNotSeekable when that cannot be.
func (s *Source) Reader() (*reader, error) {
	if s.IsDir {
		d, err := layout.OpenFS(s.Name)
		if err != nil {
			return nil, err
		}
		return &reader{layout.Open(s.Progress.Fs(d)), d.Close}, nil
	}
	f, err := s.regular()
	if err != nil {
		return nil, err
	}
	info, err := f.Stat()
	if err != nil {
		f.Close()
		return nil, err
	}
	r, err := bundle.OpenArchive(s.Progress.ReaderAt(f), info.Size())
	if err != nil {
		f.Close()
		return nil, err
	}
	return &reader{r, f.Close}, nil
}
