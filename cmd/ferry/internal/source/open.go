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

// open opens the source once: whatever is read again is held against what was
// read first.
func (s *Source) open(ctx context.Context) (*bundle.Source, error) {
	if s.opened != nil {
		return s.opened, nil
	}
	if s.IsDir {
		d, err := layout.OpenFS(s.Name)
		if err != nil {
			return nil, err
		}
		s.opened, s.fsys, s.close = bundle.DirSource(s.Progress.Fs(d)), d, d.Close
		return s.opened, nil
	}
	f, err := s.Open(ctx)
	if err != nil {
		return nil, err
	}
	s.close = f.Close
	s.opened = bundle.StreamSource(s.Progress.Reader(f))
	if f, ok := f.(*os.File); ok {
		if info, err := f.Stat(); err == nil && info.Mode().IsRegular() {
			s.opened = bundle.FileSource(s.Progress.ReaderAt(f), info.Size())
		}
	}
	return s.opened, nil
}

// Close closes what was opened. It is harmless to call twice.
func (s *Source) Close() error {
	if s.close == nil {
		return nil
	}
	closeIt := s.close
	s.opened, s.close = nil, nil
	return closeIt()
}
