package ui

import (
	"github.com/ociferry/ferry/layout"
	"github.com/ociferry/ferry/layout/compression"
)

// NameOf is what an output is called in a sentence and in a command. What went
// to standard output is where somebody else has put it.
func NameOf(out string) (what, file string) {
	if out == "-" {
		return "the file that the stream went into", "FILE.tar"
	}
	return layout.Printable(out), ShellWord(out)
}

func FormOf(out string, sealed bool) string {
	f := compression.ByName(out)
	word := "OCI layout directory"
	switch {
	case out == "-", f == compression.None:
		word = "OCI layout, tar"
	case f != nil:
		word = "OCI layout, tar with " + f.Name
	}
	if sealed {
		word += ", sealed"
	}
	return word
}
