package main

import (
	"fmt"
	"io"
	"os"
	"strings"
	"unicode/utf8"

	"github.com/urfave/cli/v2"
	"golang.org/x/term"
)

// Help begins with an example, since that is what people look for, and fits
// into 80 columns, or the terminal's if these are fewer. It is written from the
// command tree, as completion and the man page are.

const helpWidth = 80

func init() { cli.HelpPrinter = printHelp } // the library's place for it

// A page is what help is written on.
type page struct {
	io.Writer
	width int // columns
}

// page is standard output.
func (e *env) page() page {
	p := page{e.stdout, helpWidth}
	if f, ok := e.out.w.(*os.File); ok {
		if n, _, err := term.GetSize(int(f.Fd())); err == nil && n > 0 {
			p.width = min(p.width, n)
		}
	}
	return p
}

func printHelp(w io.Writer, _ string, data any) {
	p, ok := w.(page)
	if !ok {
		p = page{w, helpWidth}
	}
	switch x := data.(type) {
	case *cli.App:
		p.app(x)
	case *cli.Command:
		p.command(commandOf(x))
	}
}

func (p page) app(app *cli.App) {
	p.text(app.Name + ": " + app.Usage)
	fmt.Fprintln(p)
	p.text(app.Description)
	fmt.Fprint(p, "\nCommands:\n")
	for _, c := range tree(app) {
		p.entry(16, c.name, c.usage)
	}
	fmt.Fprint(p, "\nTopics:\n")
	for _, t := range topics {
		p.entry(16, t.name, t.usage)
	}
	fmt.Fprintln(p)
	p.text("ferry help COMMAND, or TOPIC, says more. Flags may stand anywhere behind the command.")
}

func (p page) command(c *command) {
	p.text("ferry " + c.name + ": " + c.usage)
	examples, text := c.examples()
	for _, x := range examples {
		fmt.Fprintf(p, "  $ %s\n", x)
	}
	fmt.Fprintln(p)
	p.text("Usage: ferry " + c.name + " " + c.args + " [FLAG...]")
	if text != "" {
		fmt.Fprintln(p)
		p.text(text)
	}
	fmt.Fprint(p, "\nFlags:\n")
	for _, f := range c.flags {
		names := f.dashed()
		head := "    " + names[0]
		if len(names) > 1 {
			head = names[1] + ", " + names[0]
		}
		if f.value != "" {
			head += " " + f.value
		}
		usage := f.usage
		if f.def != "" {
			usage += " (default: " + f.def + ")"
		}
		p.entry(26, head, usage)
	}
}

// examples are the lines that a command's text begins with, and the rest of it.
func (c *command) examples() (lines []string, rest string) {
	rest = c.text
	for {
		line, more, _ := strings.Cut(rest, "\n")
		example, ok := strings.CutPrefix(line, "Example: ")
		if !ok {
			return lines, strings.TrimSpace(rest)
		}
		lines, rest = append(lines, example), more
	}
}

// entry is a name and what it means, beside it where there is room.
func (p page) entry(column int, name, meaning string) {
	if p.width < column+34 {
		column = 8 // mostly below it
	}
	indent := strings.Repeat(" ", column+2)
	lines := wrap(meaning, p.width-len(indent))
	if utf8.RuneCountInString(name) >= column {
		fmt.Fprintf(p, "  %s\n", name)
	} else {
		fmt.Fprintf(p, "  %-*s%s\n", column, name, lines[0])
		lines = lines[1:]
	}
	for _, l := range lines {
		fmt.Fprintf(p, "%s%s\n", indent, l)
	}
}

// text fills paragraphs anew; one with columns in it stays as it is.
func (p page) text(text string) {
	for i, par := range strings.Split(strings.TrimSpace(text), "\n\n") {
		if i > 0 {
			fmt.Fprintln(p)
		}
		lines := strings.Split(par, "\n")
		if !strings.Contains(par, "  ") {
			lines = wrap(par, p.width)
		}
		for _, l := range lines {
			fmt.Fprintln(p, l)
		}
	}
}

// wrap breaks a text into lines, of which there is at least one. A word is
// never broken.
func wrap(text string, width int) []string {
	lines := []string{""}
	for _, word := range strings.Fields(text) {
		last := &lines[len(lines)-1]
		switch {
		case *last == "":
			*last = word
		case utf8.RuneCountInString(*last)+1+utf8.RuneCountInString(word) <= width:
			*last += " " + word
		default:
			lines = append(lines, word)
		}
	}
	return lines
}
