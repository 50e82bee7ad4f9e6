package main

import (
	"fmt"
	"io"
	"strings"
	"unicode/utf8"

	"github.com/urfave/cli/v2"
)

// Help begins with an example, since that is what people look for, and fits
// into 80 columns. It is written from the command tree, as completion and the
// man page are.

const helpWidth = 80

func init() { cli.HelpPrinter = printHelp } // the library's place for it

func printHelp(w io.Writer, _ string, data any) {
	switch x := data.(type) {
	case *cli.App:
		appHelp(w, x)
	case *cli.Command:
		commandHelp(w, commandOf(x))
	}
}

func appHelp(w io.Writer, app *cli.App) {
	fmt.Fprintf(w, "%s: %s\n\n%s\nCommands:\n", app.Name, app.Usage, reflow(app.Description))
	for _, c := range tree(app) {
		entry(w, 16, c.name, c.usage)
	}
	fmt.Fprint(w, "\nTopics:\n")
	for _, t := range topics {
		entry(w, 16, t.name, t.usage)
	}
	fmt.Fprint(w, "\nferry help COMMAND, or TOPIC, says more. Flags may stand anywhere behind the\ncommand.\n")
}

func commandHelp(w io.Writer, c *command) {
	fmt.Fprintf(w, "%s\n", reflow("ferry "+c.name+": "+c.usage))
	examples, text := c.examples()
	for _, x := range examples {
		fmt.Fprintf(w, "  $ %s\n", x)
	}
	fmt.Fprintf(w, "\nUsage: ferry %s\n", strings.Join(strings.Fields(c.name+" "+c.args+" [FLAG...]"), " "))
	if text != "" {
		fmt.Fprintf(w, "\n%s", reflow(text))
	}
	fmt.Fprint(w, "\nFlags:\n")
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
		entry(w, 26, head, usage)
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
func entry(w io.Writer, column int, name, meaning string) {
	indent := strings.Repeat(" ", column+2)
	lines := wrap(meaning, helpWidth-len(indent))
	if utf8.RuneCountInString(name) >= column {
		fmt.Fprintf(w, "  %s\n", name)
	} else {
		fmt.Fprintf(w, "  %-*s%s\n", column, name, lines[0])
		lines = lines[1:]
	}
	for _, l := range lines {
		fmt.Fprintf(w, "%s%s\n", indent, l)
	}
}

// reflow fills paragraphs anew; one with columns in it stays as it is.
func reflow(text string) string {
	var b strings.Builder
	for i, p := range strings.Split(strings.TrimSpace(text), "\n\n") {
		if i > 0 {
			b.WriteString("\n")
		}
		lines := strings.Split(p, "\n")
		if !strings.Contains(p, "  ") {
			lines = wrap(p, helpWidth)
		}
		for _, l := range lines {
			b.WriteString(l + "\n")
		}
	}
	return b.String()
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
