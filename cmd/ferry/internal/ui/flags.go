package ui

import (
	"fmt"
	"slices"
	"strings"

	"github.com/urfave/cli/v2"

	"github.com/ociferry/ferry/layout/policy"
)

// checkValues refuses a flag that was given and holds nothing, as one from a
// variable that is not set: what it asks for must not go unasked. It refuses a
// format that is not there as well.
func checkValues(c *cli.Context) error {
	for _, f := range c.Command.Flags {
		name := f.Names()[0]
		var values []string
		switch f.(type) {
		case *cli.StringFlag:
			values = []string{c.String(name)}
		case *cli.StringSliceFlag:
			values = c.StringSlice(name)
		}
		if c.IsSet(name) && slices.Contains(values, "") {
			return Misuse(fmt.Errorf("--%s: want a value, found an empty one", name), "leave the flag out, or fill the variable that the value comes from")
		}
		if name == "format" && values[0] != "text" && values[0] != "json" {
			return Misuse(fmt.Errorf("--format %q: want text or json", values[0]), "")
		}
	}
	return nil
}

// Flags that several commands have.
func OutputFlag(usage string) cli.Flag {
	return &cli.StringFlag{Name: "output", Aliases: []string{"o"}, Usage: usage, Required: false}
}

func FormatFlag() cli.Flag {
	return &cli.StringFlag{Name: "format", Value: "text", Usage: "text or json"}
}

func OverwriteFlag(what string) cli.Flag {
	return &cli.BoolFlag{Name: "overwrite", Usage: "replace " + what}
}

func NoSyncFlag() cli.Flag {
	return &cli.BoolFlag{Name: "no-sync", Usage: "do not wait until the data is on the disc; a power cut may then tear it"}
}

// OneArg is the only argument of a command.
func OneArg(c *cli.Context, what string) (string, error) {
	switch c.NArg() {
	case 1:
		if c.Args().First() == "" {
			return "", Misuse(fmt.Errorf("%s: the name of the %s is empty", c.Command.Name, what), "look at the variable that it came from")
		}
		return c.Args().First(), nil
	case 0:
		return "", Misuse(fmt.Errorf("%s: missing the %s", c.Command.Name, what), "see ferry help "+c.Command.Name)
	}
	return "", Misuse(fmt.Errorf("%s: want one %s, found %s", c.Command.Name, what, Arguments(c)), "see ferry help "+c.Command.Name)
}

// SizeFlag is a flag that is a number of bytes: 4096, 64KiB, 4.7GB.
func SizeFlag(c *cli.Context, name string) (int64, error) {
	n, err := policy.ParseSize(c.String(name))
	if err != nil {
		return 0, Misuse(fmt.Errorf("--%s %w", name, err), "for example 64MiB or 4.7GB")
	}
	return n, nil
}

// FlagsAgain are flags as they were given, with a space before each.
func FlagsAgain(c *cli.Context, names ...string) string {
	var b strings.Builder
	for _, name := range names {
		switch v := c.Value(name).(type) {
		case bool:
			if v {
				b.WriteString(" --" + name)
			}
		case cli.StringSlice:
			for _, s := range v.Value() {
				b.WriteString(" --" + name + " " + ShellWord(s))
			}
		default:
			if c.IsSet(name) && fmt.Sprint(v) != "" {
				b.WriteString(" --" + name + " " + ShellWord(fmt.Sprint(v)))
			}
		}
	}
	return b.String()
}
