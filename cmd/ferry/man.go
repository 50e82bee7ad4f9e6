package main

import (
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/urfave/cli/v2"
)

func manCommand(e *env) *cli.Command {
	return &cli.Command{
		Name:        "man",
		Usage:       "write the man page",
		Description: "Example: ferry man > /usr/local/share/man/man1/ferry.1",
		Action: func(c *cli.Context) error {
			if c.Args().Present() {
				return misuse(fmt.Errorf("man: want no arguments, found %s", arguments(c)), "ferry man > ferry.1")
			}
			var b strings.Builder
			manPage(&b, c.App, thisBuild())
			_, err := io.WriteString(e.stdout, b.String())
			return err
		},
	}
}

// manPage writes the man page in the macros that every man reads.
func manPage(w io.Writer, app *cli.App, b build) {
	date := ""
	if t, err := time.Parse(time.RFC3339, b.Date); err == nil {
		date = t.Format(time.DateOnly)
	}
	fmt.Fprintf(w, ".TH FERRY 1 %q %q\n", date, "ferry "+b.Version)
	fmt.Fprintf(w, ".SH NAME\nferry \\- %s\n", roff(app.Usage))
	fmt.Fprint(w, ".SH SYNOPSIS\n\\fBferry\\fR \\fICOMMAND\\fR [\\fIARGUMENT\\fR...] [\\fIFLAG\\fR...]\n")
	fmt.Fprintf(w, ".SH DESCRIPTION\n%s", paragraphs(app.Description))
	fmt.Fprint(w, ".PP\nFlags may stand before arguments, between and behind them; behind \\fB\\-\\-\\fR everything is an argument.\n")
	fmt.Fprint(w, ".SH COMMANDS\n")
	for _, c := range tree(app) {
		fmt.Fprintf(w, ".SS \\fBferry %s\\fR %s\n%s.\n", roff(c.name), roff(c.args), roff(strings.ToUpper(c.usage[:1])+c.usage[1:]))
		if c.text != "" {
			fmt.Fprintf(w, ".PP\n%s", paragraphs(c.text))
		}
		for _, f := range c.flags {
			fmt.Fprint(w, ".TP\n")
			for i, n := range f.dashed() {
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
