// Package output is what a command writes: an archive or a layout directory,
// which is named, made, signed, judged by a policy and listed on paper.
package output

import (
	"fmt"
	"strings"

	"github.com/urfave/cli/v2"

	"github.com/ociferry/ferry/cmd/ferry/internal/ui"
	"github.com/ociferry/ferry/layout"
	"github.com/ociferry/ferry/layout/compression"
)

// WantOutput is the value of -o, which has no default.
func WantOutput(c *cli.Context) (string, error) {
	o := c.String("output")
	for _, suffix := range []string{".zip", ".tar.xz", ".txz", ".tar.bz2", ".tbz2", ".7z", ".oci", ".gz", ".zst"} {
		if strings.HasSuffix(strings.ToLower(o), suffix) && compression.ByName(o) == nil {
			return "", ui.Misuse(fmt.Errorf("-o %s: no form that ferry writes", layout.Printable(o)), "want .tar, .tar.gz, .tgz or .tar.zst for an archive, or a name without such a suffix for a directory")
		}
	}
	if o != "" {
		return o, slashed(o)
	}
	return "", ui.Misuse(fmt.Errorf("%s: missing -o, the name of the output", c.Command.Name), "see ferry help "+c.Command.Name)
}

// NameOf is what an output is called in a sentence and in a command. What went
// to standard output is where somebody else has put it.
func NameOf(out string) (what, file string) {
	if out == "-" {
		return "the file that the stream went into", "FILE.tar"
	}
	return layout.Printable(out), ui.ShellWord(out)
}

// FormOf says what an output is, for people.
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
