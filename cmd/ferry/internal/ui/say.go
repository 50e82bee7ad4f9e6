package ui

import (
	"fmt"
	"io"
	"strings"
)

// Advice is standard error, or what throws everything away when the run is quiet.
func (e *Env) Advice() io.Writer {
	e.Flush() // its error is reported at the end
	if e.Quiet {
		return io.Discard
	}
	return e.Stderr
}

// Next tells what to do next.
func (e *Env) Next(format string, args ...any) {
	for _, line := range strings.Split(fmt.Sprintf("next: "+format, args...), "\n") {
		fmt.Fprintln(e.Advice(), PrintableLine(line))
	}
}

// Note says something of the content that is worth knowing and no error: a
// result, which a quiet run has as well.
func (e *Env) Note(format string, args ...any) {
	e.Flush() // its error is reported at the end
	noteTo(e.Stderr, format, args...)
}

// Remark says something of the run itself, and nothing when that is quiet.
func (e *Env) Remark(format string, args ...any) {
	noteTo(e.Advice(), format, args...)
}

func noteTo(w io.Writer, format string, args ...any) {
	fmt.Fprintln(w, "note: "+PrintableLine(fmt.Sprintf(format, args...)))
}
