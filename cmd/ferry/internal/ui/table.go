package ui

import (
	"fmt"
	"io"
	"strconv"
)

// A Table prints names and values in two columns.
type Table struct{ w io.Writer }

// NewTable prints to w.
func NewTable(w io.Writer) Table { return Table{w} }

func (s Table) Row(name, format string, args ...any) {
	fmt.Fprintf(s.w, "  %-10s %s\n", name, PrintableLine(fmt.Sprintf(format, args...)))
}

// InAll says how many entries a layout has that was added to, and how many of
// them are fresh.
func (s Table) InAll(n, fresh int) {
	word := "none"
	if fresh > 0 {
		word = strconv.Itoa(fresh)
	}
	s.Row("in all", "%s now, %s of them new", Count(n, "artifact"), word)
}
