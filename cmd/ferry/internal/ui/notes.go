package ui

import (
	"fmt"

	"github.com/ociferry/ferry/layout"
)

// SignaturesLeft says that n signatures did not go along, and why.
func (e *Env) SignaturesLeft(n int, sealed bool) {
	switch {
	case n <= 0:
	case sealed:
		e.Note("%s stayed behind: the bundle that was signed is not the one that was written; ferry sign signs this one", Count(n, "signature"))
	default:
		e.Note("%s stayed behind, together with SHA256SUMS: --seal keeps them where the whole of one bundle is written", Count(n, "signature"))
	}
}

// Unsealed says that a layout which was added to has lost its seal, and for how
// many signatures none came in place.
func (e *Env) Unsealed(removed []string, out string, sealed, signed bool) {
	lost := len(SignaturesIn(removed))
	if lost < len(removed) && !sealed {
		e.Note("%s was sealed, and is not any more: ferry seal %s", layout.Printable(out), ShellWord(out))
	}
	if lost > 0 && !signed {
		e.Note("%s lost %s: ferry sign %s -k KEY signs what it is now", layout.Printable(out), Count(lost, "signature"), ShellWord(out))
	}
}

func SignaturesIn(names []string) (list []string) {
	for _, n := range names {
		if layout.IsSignature(n) {
			list = append(list, n)
		}
	}
	return list
}

// StayedBehind says what of a source is not in the output.
func (e *Env) StayedBehind(names []string) {
	if n := len(names); n > 0 {
		e.Note("%s that nothing refers to stayed behind: %s", Count(n, "file"), FirstOf(names))
	}
}

// Extra says what lies in a bundle and is no part of it; of these, so many files
// are not in its seal.
func (e *Env) Extra(names []string, unlisted int) {
	n, seal := len(names), ""
	switch {
	case n == 0:
		return
	case unlisted == n:
		seal = ", not even SHA256SUMS"
	case unlisted > 0:
		seal = fmt.Sprintf(", %d of them not in SHA256SUMS either", unlisted)
	}
	e.Note("%s that nothing refers to%s, the first is %s", Count(n, "file"), seal, layout.Printable(names[0]))
}
