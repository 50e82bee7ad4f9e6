package main

import (
	"context"
	"slices"
	"strings"
	"testing"

	"github.com/urfave/cli/v2"

	"github.com/ociferry/ferry/cmd/ferry/internal/ui"
)

// Help of every command begins with an example of that command, names only
// flags that it has, and fits into 80 columns.
func TestHelp(t *testing.T) {
	for _, c := range ui.Tree(&cli.App{Commands: commands(&ui.Env{})}) {
		args := []string{"help", c.Name}
		code, stdout, stderr := ferry(args...)
		if code != 0 || stderr != "" {
			t.Fatalf("%s: exit code %d, %s", c.Name, code, stderr)
		}
		for line := range strings.Lines(stdout) {
			if n := len([]rune(strings.TrimSuffix(line, "\n"))); n > ui.HelpWidth && !strings.Contains(line, "ferry completion") {
				t.Errorf("%s: a line of %d columns: %s", c.Name, n, line)
			}
		}
		if c.Name == "help" {
			continue
		}
		examples, _ := c.Examples()
		if len(examples) == 0 {
			t.Errorf("%s: no example", c.Name)
		}
		if !strings.HasPrefix(strings.Join(strings.Fields(stdout), " "), "ferry "+c.Name+": "+c.Usage+" $ ferry "+c.Name) {
			t.Errorf("%s: help does not begin with an example:\n%s", c.Name, stdout)
		}
		var names []string
		for _, f := range c.Flags {
			names = append(names, f.Dashed()...)
		}
		for _, x := range examples {
			for _, word := range strings.Fields(x) {
				if strings.HasPrefix(word, "-") && !slices.Contains(names, word) {
					t.Errorf("%s: there is no flag %s, in the example %s", c.Name, word, x)
				}
			}
		}
	}
}

// On a narrow terminal help is broken at words. What is to be copied stays in
// one line.
func TestNarrowHelp(t *testing.T) {
	app := &cli.App{Name: "ferry", Usage: "carry", Description: strings.Repeat("words ", 40), Commands: commands(&ui.Env{})}
	for _, width := range []int{60, 40} {
		var b strings.Builder
		p := ui.Page{Writer: &b, Width: width}
		ui.PrintHelp(p, "", app)
		for _, c := range app.Commands {
			ui.PrintHelp(p, "", c)
		}
		for line := range strings.Lines(b.String()) {
			line = strings.TrimSuffix(line, "\n")
			example := strings.HasPrefix(line, "  $ ") || strings.Contains(line, "ferry completion")
			if n := len([]rune(line)); n > width && len(strings.Fields(line)) > 1 && !example {
				t.Errorf("%d columns of %d: %s", n, width, line)
			}
		}
	}
}

// The flag --help and the command help say the same.
func TestHelpFlag(t *testing.T) {
	_, want, _ := ferry("help", "unpack")
	for _, args := range [][]string{{"unpack", "--help"}, {"unpack", "-h"}, {"unpack", "x.tar", "--help"}} {
		if code, got, _ := ferry(args...); code != 0 || got != want {
			t.Errorf("ferry %q: exit code %d and\n%s", args, code, got)
		}
	}
	if code := run(context.Background(), &ui.Env{Stdout: &strings.Builder{}, Stderr: &strings.Builder{}}, []string{"ferry"}); code != 0 {
		t.Errorf("ferry alone: exit code %d", code)
	}
}
