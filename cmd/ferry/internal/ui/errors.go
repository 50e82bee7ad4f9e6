package ui

import (
	"errors"
	"fmt"
	"io/fs"
	"strings"

	"github.com/ociferry/ferry/layout"
	"github.com/ociferry/ferry/layout/visible"
)

// ErrDifferent ends a comparison whose sides differ. It is an answer, and is
// not reported.
var ErrDifferent = errors.New("the sides differ")

const codeDifferent = 1

// The exit codes.
const (
	CodeGood       = 0
	CodeFailed     = 1 // could not be done: no such file, no space, no permission
	CodeMisuse     = 2 // the command line does not say what to do
	CodeBad        = 3 // the content is not what it should be
	CodeIncomplete = 4 // something is missing, and what is there is sound
	CodeRefused    = 5 // refused by a rule, not by damage
)

// A failure is an error with the exit code and the next step that its place in
// the command gives it.
type failure struct {
	code int // 0: by the error
	err  error
	hint string // "": by the error
}

func (f *failure) Error() string { return f.err.Error() }

func (f *failure) Unwrap() error { return f.err }

// Fail gives an error its exit code and its next step; 0 and "" are those that
// the error has by itself.
func Fail(code int, err error, hint string) error { return &failure{code, err, hint} }

func Misuse(err error, hint string) error { return &failure{CodeMisuse, err, hint} }

// Settled reports whether an error has got its exit code or its next step
// already.
func Settled(err error) bool {
	var f *failure
	return errors.As(err, &f)
}

func Hinted(err error, hint string) error {
	if err == nil {
		return nil
	}
	return &failure{0, err, hint}
}

// Wrap names the file that an error is about.
func Wrap(name string, err error) error {
	if err == nil {
		return nil
	}
	var p *fs.PathError
	if errors.As(err, &p) && p.Path == name {
		return err
	}
	return fmt.Errorf("%s: %w", layout.Printable(name), err)
}

// Report prints an error, if there is one, in two lines, and says the exit
// code.
func (e *Env) Report(err error) int {
	if err == nil {
		return CodeGood
	}
	e.Flush()
	if code := SignalCode(err); code != 0 {
		var kept *keptError
		left := "nothing unfinished was left behind"
		switch {
		case errors.As(err, &kept):
			left = kept.left
		case e.out != nil && e.out.begun:
			left = "what went to standard output is not whole"
		}
		fmt.Fprintf(e.Stderr, "ferry: error: %s; %s\n", PrintableLine(err.Error()), PrintableLine(left))
		return code
	}
	code, hint := Outcome(err)
	var refused *Refusal
	if errors.As(err, &refused) && len(refused.Violations) > 1 {
		for _, v := range refused.Violations {
			fmt.Fprintf(e.Stderr, "ferry: refused: %s\n", PrintableLine(v.String()))
		}
	}
	fmt.Fprintf(e.Stderr, "ferry: error: %s\n", PrintableLine(err.Error()))
	if hint != "" {
		fmt.Fprintf(e.Stderr, "ferry: hint: %s\n", PrintableLine(hint))
	}
	return code
}

// Outcome is the exit code of an error and the next step.
func Outcome(err error) (code int, hint string) {
	if code, hint = classifyRegistry(err); code == CodeGood {
		code, hint = classify(err)
	}
	var f *failure
	for outer := err; errors.As(outer, &f); outer = f.err {
		if f.code != 0 {
			code = f.code
		}
		if f.hint != "" {
			hint = f.hint
		}
	}
	var kept *keptError
	if hint != "" && errors.As(err, &kept) {
		hint += "; " + kept.left
	}
	return code, hint
}

// PrintableLine is the last wall before a terminal or a log: one line, and no
// control character whatever the text is made of.
func PrintableLine(s string) string {
	return visible.Escape(strings.NewReplacer("\n", " ", "\t", " ").Replace(s))
}

// A keptError is an error after which a run can go on where this one stood.
type keptError struct {
	error
	left string // says what there is to go on from
}

// Leaves says of an error what there is to go on from.
func Leaves(err error, left string) error { return &keptError{err, left} }

func (e *keptError) Unwrap() error { return e.error }
