package ui

import (
	"context"
	"io"
	"os"
)

// Stdin reads standard input so that a signal ends a read that would wait for
// ever.
func Stdin(ctx context.Context) io.Reader { return InterruptibleReader(ctx, os.Stdin) }

// InterruptibleReader reads r so that the end of ctx ends a read that would wait
// for ever.
func InterruptibleReader(ctx context.Context, r io.Reader) io.Reader {
	return &interruptibleReader{ctx: ctx, r: r}
}

type interruptibleReader struct {
	ctx  context.Context
	r    io.Reader
	data chan chunk
	back chan []byte
	cur  chunk
}

type chunk struct {
	buf, p []byte
	err    error
}

func (s *interruptibleReader) Read(p []byte) (int, error) {
	if s.data == nil {
		s.data, s.back = make(chan chunk), make(chan []byte, 2)
		s.back <- make([]byte, 256<<10)
		s.back <- make([]byte, 256<<10)
		go func() {
			for buf := range s.back {
				n, err := s.r.Read(buf[:cap(buf)])
				s.data <- chunk{buf, buf[:n], err}
				if err != nil {
					return
				}
			}
		}()
	}
	for len(s.cur.p) == 0 {
		if s.cur.err != nil {
			return 0, s.cur.err
		}
		if s.cur.buf != nil {
			s.back <- s.cur.buf
		}
		select {
		case s.cur = <-s.data:
		case <-s.ctx.Done():
			return 0, context.Cause(s.ctx)
		}
	}
	n := copy(p, s.cur.p)
	s.cur.p = s.cur.p[n:]
	return n, nil
}
