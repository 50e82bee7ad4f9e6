package ui

import (
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/urfave/cli/v2"
)

// ManPage writes the man page in the macros that every man reads.
func ManPage(w io.Writer, app *cli.App, version, date string) {
	day := ""
	if t, err := time.Parse(time.RFC3339, date); err == nil {
		day = t.Format(time.DateOnly)
	}
	fmt.Fprintf(w, ".TH FERRY 1 %q %q\n", day, "ferry "+version)
	fmt.Fprintf(w, ".SH NAME\nferry \\- %s\n", roff(app.Usage))
	fmt.Fprint(w, ".SH SYNOPSIS\n\\fBferry\\fR \\fICOMMAND\\fR [\\fIARGUMENT\\fR...] [\\fIFLAG\\fR...]\n")
	fmt.Fprintf(w, ".SH DESCRIPTION\n%s", paragraphs(app.Description))
	fmt.Fprint(w, ".PP\nFlags may stand before arguments, between and behind them; behind \\fB\\-\\-\\fR everything is an argument.\n")
	fmt.Fprint(w, ".SH COMMANDS\n")
	for _, c := range Tree(app) {
		fmt.Fprintf(w, ".SS \\fBferry %s\\fR %s\n%s.\n", roff(c.Name), roff(c.args), roff(strings.ToUpper(c.Usage[:1])+c.Usage[1:]))
		if c.text != "" {
			fmt.Fprintf(w, ".PP\n%s", paragraphs(c.text))
		}
		for _, f := range c.Flags {
			fmt.Fprint(w, ".TP\n")
			for i, n := range f.Dashed() {
				if i > 0 {
					fmt.Fprint(w, ", ")
				}
				fmt.Fprintf(w, "\\fB%s\\fR", roff(n))
			}
			if f.value != "" {
				fmt.Fprintf(w, " \\fI%s\\fR", roff(f.value))
			}
			fmt.Fprintf(w, "\n%s\n", roff(f.usage))
		}
	}
	for _, t := range topics {
		fmt.Fprintf(w, ".SH %s\n%s", t.title, paragraphs(t.text))
	}
}

// roff writes text so that no character of it is a request.
func roff(s string) string {
	s = strings.NewReplacer(`\`, `\e`, `-`, `\-`, "\n", " ").Replace(s)
	if strings.HasPrefix(s, ".") || strings.HasPrefix(s, "'") {
		s = `\&` + s
	}
	return s
}

// paragraphs keeps the lines of an example and fills the others.
func paragraphs(text string) string {
	var b strings.Builder
	for i, p := range strings.Split(strings.TrimSpace(text), "\n\n") {
		if i > 0 {
			b.WriteString(".PP\n")
		}
		lines := strings.Split(p, "\n")
		asIs := strings.Contains(p, "Example") || strings.Contains(p, "  ")
		if asIs {
			b.WriteString(".nf\n")
		}
		for _, l := range lines {
			b.WriteString(roff(l) + "\n")
		}
		if asIs {
			b.WriteString(".fi\n")
		}
	}
	return b.String()
}
