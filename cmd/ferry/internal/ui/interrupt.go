package ui

import (
	"context"
	"errors"
	"os"
	"os/signal"
	"syscall"
)

// An Interruption is the signal that ended a run.
type Interruption struct{ Signal syscall.Signal }

func (i Interruption) Error() string {
	if i.Signal == syscall.SIGINT {
		return "interrupted"
	}
	return "interrupted by the signal " + i.Signal.String()
}

// Interruptible ends the context on the signals that ask a program to end. The
// second signal ends the process as if nobody had listened.
func Interruptible(ctx context.Context) (context.Context, func()) {
	ctx, cancel := context.WithCancelCause(ctx)
	c := make(chan os.Signal, 1)
	signal.Notify(c, os.Interrupt, syscall.SIGTERM, syscall.SIGHUP)
	go func() {
		if s, ok := (<-c).(syscall.Signal); ok {
			signal.Stop(c)
			cancel(Interruption{Signal: s})
		}
	}()
	return ctx, func() { signal.Stop(c); cancel(nil) }
}

// SignalCode is the exit code of a run that a signal ended, or 0.
func SignalCode(err error) int {
	var i Interruption
	if errors.As(err, &i) {
		return 128 + int(i.Signal)
	}
	return 0
}
