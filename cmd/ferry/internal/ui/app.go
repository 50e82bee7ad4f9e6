package ui

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/urfave/cli/v2"
)

// Run parses the arguments, runs one command of the app, reports its error and
// returns the exit code.
func Run(ctx context.Context, e *Env, args []string, app *cli.App) int {
	e.hold()
	e.HideUserinfo(args[1:])
	profiles := &profiling{e: e}
	defer profiles.end()
	e.prepare(app, args, profiles)
	if len(args) == 2 && slices.Contains([]string{"--version", "-v", "-V"}, args[1]) {
		args = []string{args[0], "version"}
	}
	if len(args) > 1 && args[1] == completeWord {
		complete(e.Stdout, app, args[2:])
		return e.Report(e.Flush())
	}
	if len(args) > 2 && args[1] == "help" {
		if slices.Contains([]string{"help", "--help", "-h"}, args[2]) {
			args = args[:2]
		} else if app.Command(args[2]) == nil {
			return e.Report(e.helpTopic(app, args[2]))
		}
	}
	args, err := permute(app.Commands, args)
	if err != nil {
		return e.Report(err)
	}
	err = app.RunContext(ctx, args)
	if lost := e.Flush(); err == nil {
		err = lost
	}
	if errors.Is(err, ErrDifferent) {
		return codeDifferent
	}
	if code, hint := Outcome(err); err != nil && code == CodeMisuse && hint == "" && len(args) > 1 {
		err = Hinted(err, "see ferry help "+args[1])
	}
	return e.Report(err)
}

// prepare gives the app and its commands what they have in common.
func (e *Env) prepare(app *cli.App, args []string, profiles *profiling) {
	onUsageError := func(c *cli.Context, err error, _ bool) error { return usageError(c, err, args) }
	app.Writer, app.ErrWriter = e.page(), e.Stderr
	app.HideVersion, app.DisableSliceFlagSeparator = true, true
	app.ExitErrHandler = func(*cli.Context, error) {} // Run reports it, once
	app.OnUsageError = onUsageError
	app.CommandNotFound = func(*cli.Context, string) {}
	app.Action = func(c *cli.Context) error {
		if c.Args().Present() {
			return noCommand(c.App, c.Args().First())
		}
		return cli.ShowAppHelp(c)
	}
	for _, c := range app.Commands {
		c.OnUsageError = onUsageError
		c.Before = func(c *cli.Context) error {
			if err := checkValues(c); err != nil {
				return err
			}
			return profiles.begin(c)
		}
		c.HideHelpCommand = true
		c.Flags = append(c.Flags, &cli.BoolFlag{Name: "quiet", Aliases: []string{"q"}, Usage: "no advice, only results and errors", Destination: &e.Quiet})
		if c.Name != "version" {
			c.Flags = append(c.Flags, &cli.BoolFlag{Name: "no-progress", Usage: "do not show how far it has come", Destination: &e.NoProgress})
		}
		for _, f := range c.Flags {
			if b, ok := f.(*cli.BoolFlag); ok {
				b.DisableDefaultText = true
			}
		}
		c.Flags = append(c.Flags, profiles.flags()...)
	}
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
	return Misuse(fmt.Errorf("there is no command %q", name), didYouMean("ferry ", ours)+"ferry help lists the commands")
}
