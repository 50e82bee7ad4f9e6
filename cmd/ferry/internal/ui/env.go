// Package ui is how ferry talks with people and with the programs that call it.
//
//   - Data goes to standard output, everything else to standard error.
//   - An error is one line, "ferry: error: ...", and its next step another,
//     "ferry: hint: ...". Report prints them and gives the exit code; Outcome is
//     the table behind it.
//   - A "note: ..." says something about the content, which a quiet run prints as
//     well. "next: ..." is advice, which a quiet run leaves out.
//   - What comes from outside is made printable before it is printed.
//   - Progress is shown on a terminal by a bar, elsewhere by a line now and then.
//
// Nothing here decides anything about a layout.
package ui

import (
	"context"
	"io"
	"time"
)

// Lookup is an environment variable, and whether it is set.
func (e *Env) Lookup(name string) (string, bool) {
	if e.LookupEnv != nil {
		return e.LookupEnv(name)
	}
	v := e.Getenv(name)
	return v, v != ""
}

// An Env is the world of one run: what the command may know of the machine. It
// is the only way to the clock, the environment and the standard streams.
type Env struct {
	Stdin          io.Reader
	Typed          bool // standard input is a terminal
	Stdout, Stderr io.Writer
	out            *buffered // behind stdout, while a command runs
	Getenv         func(string) string
	LookupEnv      func(string) (string, bool)
	Ask            func(ctx context.Context, prompt string) ([]byte, error) // a password; nil without a terminal
	Now            func() time.Time
	Version        string // of ferry
	Quiet          bool
	NoProgress     bool
}
