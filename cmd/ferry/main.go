// Command ferry carries OCI artifacts across an air gap: it packs a directory
// into an OCI image layout or a sealed tar of one, and on the other side
// verifies it and writes the files back.
package main

import (
	"context"
	"errors"
	"io"
	"os"
	"os/signal"
	"runtime/debug"
	"syscall"
	"time"
)

// An env is the world of one run: what the command may know of the machine. It
// is the only way to the clock, the environment and the standard streams.
type env struct {
	stdin          io.Reader
	typed          bool // standard input is a terminal
	stdout, stderr io.Writer
	out            *outlet // behind stdout, while a command runs
	getenv         func(string) string
	lookupEnv      func(string) (string, bool)
	ask            func(ctx context.Context, prompt string) ([]byte, error) // a password; nil without a terminal
	now            func() time.Time
	quiet          bool
	noProgress     bool
}

func main() {
	// Nothing here needs much memory; a soft limit keeps the collector from
	// taking what it could have.
	if os.Getenv("GOMEMLIMIT") == "" {
		debug.SetMemoryLimit(36 << 20)
	}
	fixUmask()
	ctx, stop := interruptible(context.Background())
	defer stop()
	e := &env{stdin: stdin(ctx), typed: isTerminal(os.Stdin), stdout: os.Stdout, stderr: os.Stderr, getenv: os.Getenv, lookupEnv: os.LookupEnv, ask: askTerminal, now: time.Now}
	os.Exit(run(ctx, e, os.Args))
}

// An interruption is the signal that ended a run.
type interruption struct{ sig syscall.Signal }

func (i interruption) Error() string {
	if i.sig == syscall.SIGINT {
		return "interrupted"
	}
	return "interrupted by the signal " + i.sig.String()
}

// interruptible ends the context on the signals that ask a program to end. The
// second signal ends the process as if nobody had listened.
func interruptible(ctx context.Context) (context.Context, func()) {
	ctx, cancel := context.WithCancelCause(ctx)
	c := make(chan os.Signal, 1)
	signal.Notify(c, os.Interrupt, syscall.SIGTERM, syscall.SIGHUP)
	go func() {
		if s, ok := (<-c).(syscall.Signal); ok {
			signal.Stop(c)
			cancel(interruption{s})
		}
	}()
	return ctx, func() { signal.Stop(c); cancel(nil) }
}

// stdin reads standard input so that a signal ends a read that would wait for
// ever.
func stdin(ctx context.Context) io.Reader { return &patient{ctx: ctx, r: os.Stdin} }

type patient struct {
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

func (s *patient) Read(p []byte) (int, error) {
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

// signalCode is the exit code of a run that a signal ended, or 0.
func signalCode(err error) int {
	var i interruption
	if errors.As(err, &i) {
		return 128 + int(i.sig)
	}
	return 0
}
