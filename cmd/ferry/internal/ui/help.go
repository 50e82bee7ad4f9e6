package ui

import (
	"fmt"
	"io"
	"os"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/urfave/cli/v2"
	"golang.org/x/term"
)

// Help begins with an example, since that is what people look for, and fits
// into 80 columns, or the terminal's if these are fewer. It is written from the
// command tree, as completion and the man page are.

// HelpWidth is how many columns help takes at most.
const HelpWidth = 80

func init() { cli.HelpPrinter = PrintHelp } // the library's place for it

// A Page is what help is written on.
type Page struct {
	io.Writer
	Width int // columns
}

// page is standard output.
func (e *Env) page() Page {
	p := Page{e.Stdout, HelpWidth}
	if f, ok := e.out.w.(*os.File); ok {
		if n, _, err := term.GetSize(int(f.Fd())); err == nil && n > 0 {
			p.Width = min(p.Width, n)
		}
	}
	return p
}

// helpTopic prints what help says of something that is no command.
func (e *Env) helpTopic(app *cli.App, name string) error {
	i := slices.IndexFunc(topics, func(t topic) bool { return t.name == name })
	if i < 0 {
		return noCommand(app, name)
	}
	p := e.page()
	p.text("ferry help " + name + ": " + topics[i].usage)
	fmt.Fprintln(p)
	p.text(topics[i].text)
	return e.Flush()
}

// PrintHelp prints help for the library.
func PrintHelp(w io.Writer, _ string, data any) {
	p, ok := w.(Page)
	if !ok {
		p = Page{w, HelpWidth}
	}
	switch x := data.(type) {
	case *cli.App:
		p.app(x)
	case *cli.Command:
		p.command(commandOf(x))
	}
}

func (p Page) app(app *cli.App) {
	p.text(app.Name + ": " + app.Usage)
	fmt.Fprintln(p)
	p.text(app.Description)
	fmt.Fprint(p, "\nCommands:\n")
	for _, c := range Tree(app) {
		p.entry(16, c.Name, c.Usage)
	}
	fmt.Fprint(p, "\nTopics:\n")
	for _, t := range topics {
		p.entry(16, t.name, t.usage)
	}
	fmt.Fprintln(p)
	p.text("ferry help COMMAND, or TOPIC, says more. Flags may stand anywhere behind the command.")
}

func (p Page) command(c *command) {
	p.text("ferry " + c.Name + ": " + c.Usage)
	examples, text := c.Examples()
	for _, x := range examples {
		fmt.Fprintf(p, "  $ %s\n", x)
	}
	fmt.Fprintln(p)
	p.text("Usage: ferry " + c.Name + " " + c.args + " [FLAG...]")
	if text != "" {
		fmt.Fprintln(p)
		p.text(text)
	}
	fmt.Fprint(p, "\nFlags:\n")
	for _, f := range c.Flags {
		names := f.Dashed()
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

// Examples are the lines that a command's text begins with, and the rest of it.
func (c *command) Examples() (lines []string, rest string) {
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
func (p Page) entry(column int, name, meaning string) {
	if p.Width < column+34 {
		column = 8 // mostly below it
	}
	indent := strings.Repeat(" ", column+2)
	lines := wrap(meaning, p.Width-len(indent))
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
func (p Page) text(text string) {
	for i, par := range strings.Split(strings.TrimSpace(text), "\n\n") {
		if i > 0 {
			fmt.Fprintln(p)
		}
		lines := strings.Split(par, "\n")
		if !strings.Contains(par, "  ") {
			lines = wrap(par, p.Width)
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
