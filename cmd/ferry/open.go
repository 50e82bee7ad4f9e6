package main

import (
	"context"
	"fmt"
	"io"
	"io/fs"
	"os"

	"github.com/ociferry/ferry/cmd/ferry/internal/ui"
)

// open opens the source as a stream.
func (s *source) open(ctx context.Context) (io.ReadCloser, error) {
	if s.name == "-" {
		return s.e.Input(), nil
	}
	info, err := os.Stat(s.name)
	if err != nil {
		return nil, err
	}
	switch {
	case info.Mode().IsRegular():
		return os.Open(s.name)
	case info.Mode()&fs.ModeNamedPipe == 0:
		return nil, ui.Hinted(fmt.Errorf("%s: want a file or a directory, found a device or special file", s.label()), "copy what it holds into a file first, or hand it to standard input and give -")
	}
	return openPipe(ctx, s.name)
}

// regular opens the source if it is a file; the error is errNotSeekable where it
// is something else.
func (s *source) regular() (*os.File, error) {
	if s.name == "-" {
		return nil, errNotSeekable
	}
	info, err := os.Stat(s.name)
	if err == nil && !info.Mode().IsRegular() {
		err = errNotSeekable // to open a pipe is to wait for its writer
	}
	if err != nil {
		return nil, err
	}
	return os.Open(s.name)
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
