package ui

import (
	"strings"

	"github.com/urfave/cli/v2"

	"github.com/ociferry/ferry/layout/kinds"
	"github.com/ociferry/ferry/zarf"
)

// A command is what help, completion and the man page know of one.
type command struct {
	Name, Usage, args, text string
	Flags                   []flag
	words                   []string // that it takes as arguments, instead of files
}

// A flag has its names without dashes, the long one first.
type flag struct {
	names  []string
	usage  string
	value  string   // what its value is called, "" if it has none
	def    string   // the value that it has by itself, ""  if that is nothing
	values []string // all that it may be, if that is a short list
}

// Tree is the commands that are shown, with help.
func Tree(app *cli.App) []*command {
	var out []*command
	var names []string
	for _, c := range app.Commands {
		if c.Hidden || c.Name == "help" {
			continue
		}
		names = append(names, c.Name)
		out = append(out, commandOf(c))
	}
	for _, t := range topics {
		names = append(names, t.name)
	}
	return append(out, &command{Name: "help", Usage: "show help of a command or topic", args: "[COMMAND|TOPIC]", words: names})
}

func commandOf(c *cli.Command) *command {
	cmd := &command{Name: c.Name, Usage: c.Usage, args: c.ArgsUsage, text: c.Description}
	if c.Name == "completion" {
		cmd.words = strings.Split(c.ArgsUsage, "|")
	}
	for _, f := range c.VisibleFlags() {
		if f.Names()[0] != "help" {
			cmd.Flags = append(cmd.Flags, flagOf(f))
		}
	}
	cmd.Flags = append(cmd.Flags, flag{names: []string{"help", "h"}, usage: "show help"})
	return cmd
}

// choices are the values of the flags that have few, by the name of the flag.
var choices = map[string][]string{
	"format": {"text", "json"}, "kind": kinds.All.Names(), "type": {"p256", "ed25519"},
	"shape": {string(zarf.Files), string(zarf.Registry), string(zarf.Both)},
}

func flagOf(f cli.Flag) flag {
	out := flag{names: f.Names(), values: choices[f.Names()[0]]}
	if d, ok := f.(cli.DocGenerationFlag); ok {
		out.usage = d.GetUsage()
		if d.TakesValue() {
			out.value = "VALUE"
			out.def = strings.Trim(d.GetDefaultText(), `"`)
		}
	}
	if before, rest, ok := strings.Cut(out.usage, "`"); ok {
		if word, after, ok := strings.Cut(rest, "`"); ok {
			out.usage = before + word + after
			if out.value != "" {
				out.value = word
			}
		}
	}
	return out
}

// Dashed are the flag's names as they are typed.
func (f flag) Dashed() []string {
	var out []string
	for _, n := range f.names {
		if len(n) == 1 {
			out = append(out, "-"+n)
		} else {
			out = append(out, "--"+n)
		}
	}
	return out
}
