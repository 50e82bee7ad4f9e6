package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/urfave/cli/v2"

	"github.com/ociferry/ferry/layout"
	"github.com/ociferry/ferry/layout/compression"
)

// commands are the verbs, in the order of the help text. A new one is a file
// of its own and a line here.
func commands(e *env) []*cli.Command {
	return []*cli.Command{
		packCommand(e),
		bundleCommand(e),
		verifyCommand(e),
		unpackCommand(e),
		lsCommand(e),
		inspectCommand(e),
		diffCommand(e),
		pullCommand(e),
		pushCommand(e),
		sealCommand(e),
		keygenCommand(e),
		signCommand(e),
		zarfCommand(e),
		exportCommand(e),
		summaryCommand(e),
		packingListCommand(e),
		completionCommand(e),
		manCommand(e),
		versionCommand(e),
	}
}

// run is the command: it parses, runs one verb and returns the exit code.
func run(ctx context.Context, e *env, args []string) int {
	e.hold()
	usageError := func(c *cli.Context, err error, _ bool) error { return onUsageError(c, err, args) }
	app := &cli.App{
		Name:  "ferry",
		Usage: "carry OCI artifacts across an air gap",
		Description: "Pack a directory into an OCI image layout or a sealed tar of one, carry it over,\n" +
			"verify it and write the files back. Only pull and push open network connections, and ls and\n" +
			"inspect of a reference into a registry.\n\n" +
			"A source (SRC) is a layout directory, a .tar, .tar.gz or .tar.zst, or - for standard\n" +
			"input; SRC:TAG and SRC@sha256:... choose one artifact; oci:DIR:TAG, oci-archive:FILE:TAG and,\n" +
			"for ferry bundle, docker-archive:FILE are understood as well.\n\n" +
			"Exit codes: 0 good, 1 failed, 2 misuse, 3 the content is not what it should be,\n" +
			"4 incomplete, 5 refused by a signature or a rule.",
		Commands:                  commands(e),
		Writer:                    e.page(),
		ErrWriter:                 e.stderr,
		HideVersion:               true,
		DisableSliceFlagSeparator: true,
		ExitErrHandler:            func(*cli.Context, error) {}, // reported below, once
		OnUsageError:              usageError,
		CommandNotFound:           func(*cli.Context, string) {},
		Action: func(c *cli.Context) error {
			if c.Args().Present() {
				return noCommand(c.App, c.Args().First())
			}
			return cli.ShowAppHelp(c)
		},
	}
	profiles := &profiling{e: e}
	defer profiles.end()
	for _, c := range app.Commands {
		c.OnUsageError = usageError
		c.Before = func(c *cli.Context) error {
			if err := checkValues(c); err != nil {
				return err
			}
			return profiles.begin(c)
		}
		c.HideHelpCommand = true
		for _, f := range c.Flags {
			if b, ok := f.(*cli.BoolFlag); ok {
				b.DisableDefaultText = true
			}
		}
		c.Flags = append(c.Flags, &cli.BoolFlag{Name: "quiet", Aliases: []string{"q"}, Usage: "no advice, only results and errors", DisableDefaultText: true, Destination: &e.quiet})
		if c.Name != "version" {
			c.Flags = append(c.Flags, &cli.BoolFlag{Name: "no-progress", Usage: "do not show how far it has come", DisableDefaultText: true, Destination: &e.noProgress})
		}
		c.Flags = append(c.Flags, profiles.flags()...)
	}
	if len(args) == 2 && slices.Contains([]string{"--version", "-v", "-V"}, args[1]) {
		args = []string{args[0], "version"}
	}
	if len(args) > 2 && args[1] == "help" && (args[2] == "help" || args[2] == "--help" || args[2] == "-h") {
		args = args[:2]
	}
	if len(args) > 2 && args[1] == "help" && app.Command(args[2]) == nil {
		t := topicOf(args[2])
		if t == nil {
			return e.report(noCommand(app, args[2]))
		}
		e.page().topic(t)
		return e.report(e.flush())
	}
	args, err := permute(app.Commands, args)
	if err != nil {
		return e.report(err)
	}
	err = app.RunContext(ctx, args)
	if lost := e.flush(); err == nil {
		err = lost
	}
	if errors.Is(err, errDifferent) {
		return codeDifferent
	}
	return e.report(withHelp(err, args))
}

func noCommand(app *cli.App, name string) error {
	var names []string
	for _, cmd := range app.Commands {
		names = append(names, cmd.Names()...)
	}
	ours := elsewhere[name]
	if ours == nil {
		ours = meant(name, names)
	}
	return misuse(fmt.Errorf("there is no command %q", name), didYouMean("ferry ", ours)+"ferry help lists the commands")
}

// withHelp gives a misuse without another next step the help of its command.
func withHelp(err error, args []string) error {
	if code, hint := outcome(err); err == nil || code != codeMisuse || hint != "" || len(args) < 2 {
		return err
	}
	return hinted(err, "see ferry help "+args[1])
}

func onUsageError(c *cli.Context, err error, args []string) error {
	msg, hint := err.Error(), "ferry help lists the commands"
	if c.Command != nil && c.Command.Name != "" && c.Command.Name != "ferry" {
		hint = "see ferry help " + c.Command.Name
	}
	if err := valueError(msg, hint); err != nil {
		return err
	}
	if rest, ok := strings.CutPrefix(msg, "flag provided but not defined: "); ok {
		for _, a := range args { // as it was typed: the library says it with one dash
			if name, _, _ := strings.Cut(a, "="); strings.TrimLeft(name, "-") == strings.TrimLeft(rest, "-") && strings.HasPrefix(a, "-") {
				rest = name
				break
			}
		}
		msg = "there is no flag " + rest
		name := strings.TrimLeft(rest, "-")
		behind := func(cmd *cli.Command) bool { return slices.Contains(flagNames(cmd), name) }
		if c.Command != nil {
			hint = didYouMean("--", meant(name, flagNames(c.Command))) + hint
		}
		if (c.Command == nil || c.Command.Name == "ferry") && slices.ContainsFunc(c.App.Commands, behind) {
			hint = "flags of a command stand behind it; " + hint
		}
	}
	return misuse(fmt.Errorf("%s", msg), hint)
}

// closest is the name that is a typing error or two away from word, or "".
func closest(word string, names []string) string {
	best, found := 3, ""
	for _, n := range names {
		if d := distance(word, n); d < best && d < len(n)-1 {
			best, found = d, n
		}
	}
	return found
}

// distance counts the letters to change, insert, remove or swap with their
// neighbour to make b of a.
func distance(a, b string) int {
	var before, above []int
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := 1; i <= len(a); i++ {
		before, above, row = above, row, make([]int, len(b)+1)
		row[0] = i
		for j := 1; j <= len(b); j++ {
			cost := 1
			if a[i-1] == b[j-1] {
				cost = 0
			}
			row[j] = min(above[j]+1, row[j-1]+1, above[j-1]+cost)
			if i > 1 && j > 1 && a[i-1] == b[j-2] && a[i-2] == b[j-1] {
				row[j] = min(row[j], before[j-2]+1)
			}
		}
	}
	return row[len(b)]
}

// permute puts the flags of a command before its arguments, as urfave/cli
// wants them, so that people can type them where they like. Behind "--"
// everything is an argument.
func permute(cmds []*cli.Command, args []string) ([]string, error) {
	at := 1
	for at < len(args) && strings.HasPrefix(args[at], "-") {
		at++
	}
	if at >= len(args) {
		return args, nil
	}
	var cmd *cli.Command
	for _, c := range cmds {
		if c.HasName(args[at]) {
			cmd = c
		}
	}
	if cmd == nil {
		return args, nil
	}
	args, at = behind(cmd, args, at)
	var flags, rest []string
	for i := at + 1; i < len(args); i++ {
		a := args[i]
		switch {
		case a == "--":
			rest = append(rest, args[i+1:]...)
			i = len(args)
		case isStdin(a) || !strings.HasPrefix(a, "-"):
			rest = append(rest, a)
		case a == "--help" || a == "-help" || a == "-h":
			return append(args[:at+1:at+1], "--help"), nil // whatever else there is
		default:
			flags = append(flags, apart(cmd, a)...)
			if a = flags[len(flags)-1]; !strings.Contains(a, "=") && takesValue(cmd, strings.TrimLeft(a, "-")) {
				if i++; i == len(args) {
					return nil, misuse(fmt.Errorf("%s: the flag %s wants a value", cmd.Name, a), "see ferry help "+cmd.Name)
				}
				flags = append(flags, args[i])
			}
		}
	}
	out := append([]string{}, args[:at+1]...)
	out = append(out, flags...)
	return append(append(out, "--"), rest...), nil
}

func takesValue(cmd *cli.Command, name string) bool {
	for _, f := range cmd.Flags {
		for _, n := range f.Names() {
			if n == name {
				_, isBool := f.(*cli.BoolFlag)
				return !isBool
			}
		}
	}
	return false
}

// checkValues refuses a flag that was given and holds nothing, as one from a
// variable that is not set: what it asks for must not go unasked.
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
			return misuse(fmt.Errorf("--%s: want a value, found an empty one", name), "leave the flag out, or fill the variable that the value comes from")
		}
	}
	return nil
}

// Flags that several commands have.
func outputFlag(usage string) cli.Flag {
	return &cli.StringFlag{Name: "output", Aliases: []string{"o"}, Usage: usage, Required: false}
}

func formatFlag() cli.Flag {
	return &cli.StringFlag{Name: "format", Value: "text", Usage: "text or json"}
}

func overwriteFlag(what string) cli.Flag {
	return &cli.BoolFlag{Name: "overwrite", Usage: "replace " + what}
}

func noSyncFlag() cli.Flag {
	return &cli.BoolFlag{Name: "no-sync", Usage: "do not wait until the data is on the disc; a power cut may then tear it"}
}

// checkFormat refuses a format that is not there.
func checkFormat(c *cli.Context) error {
	if f := c.String("format"); f != "text" && f != "json" {
		return misuse(fmt.Errorf("--format %q: want text or json", f), "")
	}
	return nil
}

// oneArg is the only argument of a command.
func oneArg(c *cli.Context, what string) (string, error) {
	switch c.NArg() {
	case 1:
		if c.Args().First() == "" {
			return "", misuse(fmt.Errorf("%s: the name of the %s is empty", c.Command.Name, what), "look at the variable that it came from")
		}
		return c.Args().First(), nil
	case 0:
		return "", misuse(fmt.Errorf("%s: missing the %s", c.Command.Name, what), "see ferry help "+c.Command.Name)
	}
	return "", misuse(fmt.Errorf("%s: want one %s, found %s", c.Command.Name, what, arguments(c)), "see ferry help "+c.Command.Name)
}

// wantOutput is the value of -o, which has no default.
func wantOutput(c *cli.Context) (string, error) {
	o := c.String("output")
	for _, suffix := range []string{".zip", ".tar.xz", ".txz", ".tar.bz2", ".tbz2", ".7z", ".oci", ".gz", ".zst"} {
		if strings.HasSuffix(strings.ToLower(o), suffix) && compression.ByName(o) == nil {
			return "", misuse(fmt.Errorf("-o %s: no form that ferry writes", layout.Printable(o)), "want .tar, .tar.gz, .tgz or .tar.zst for an archive, or a name without such a suffix for a directory")
		}
	}
	if o != "" {
		return o, slashed(o)
	}
	return "", misuse(fmt.Errorf("%s: missing -o, the name of the output", c.Command.Name), "see ferry help "+c.Command.Name)
}

// advice is standard error, or what throws everything away when the run is quiet.
func (e *env) advice() io.Writer {
	e.flush() // its error is reported at the end
	if e.quiet {
		return io.Discard
	}
	return e.stderr
}

// next tells what to do next.
func (e *env) next(format string, args ...any) {
	for _, line := range strings.Split(fmt.Sprintf("next: "+format, args...), "\n") {
		fmt.Fprintln(e.advice(), printableLine(line))
	}
}

// note says something of the content that is worth knowing and no error: a
// result, which a quiet run has as well.
func (e *env) note(format string, args ...any) {
	e.flush() // its error is reported at the end
	noteTo(e.stderr, format, args...)
}

// remark says something of the run itself, and nothing when that is quiet.
func (e *env) remark(format string, args ...any) {
	noteTo(e.advice(), format, args...)
}

func noteTo(w io.Writer, format string, args ...any) {
	fmt.Fprintln(w, "note: "+printableLine(fmt.Sprintf(format, args...)))
}
