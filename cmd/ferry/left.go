package main

import "github.com/ociferry/ferry/layout"

// What an output has not of its source, and what it has lost, is said in notes.

// signaturesLeft says that n signatures did not go along, and why.
func (e *env) signaturesLeft(n int, sealed bool) {
	switch {
	case n <= 0:
	case sealed:
		e.note("%s stayed behind: the bundle that was signed is not the one that was written; ferry sign signs this one", count(n, "signature"))
	default:
		e.note("%s stayed behind, together with SHA256SUMS: --seal keeps them where the whole of one bundle is written", count(n, "signature"))
	}
}

// unsealed says that a layout which was added to has lost its seal, and for how
// many signatures none came in place.
func (e *env) unsealed(removed []string, out string, sealed, signed bool) {
	lost := len(signaturesIn(removed))
	if lost < len(removed) && !sealed {
		e.note("%s was sealed, and is not any more: ferry seal %s", layout.Printable(out), shellWord(out))
	}
	if lost > 0 && !signed {
		e.note("%s lost %s: ferry sign %s -k KEY signs what it is now", layout.Printable(out), count(lost, "signature"), shellWord(out))
	}
}

func signaturesIn(names []string) (list []string) {
	for _, n := range names {
		if layout.IsSignature(n) {
			list = append(list, n)
		}
	}
	return list
}

// stayedBehind says what of a source is not in the output.
func (e *env) stayedBehind(names []string) {
	if n := len(names); n > 0 {
		e.note("%s that nothing refers to stayed behind: %s", count(n, "file"), firstOf(names))
	}
}
