package main

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/urfave/cli/v2"

	"github.com/ociferry/ferry/cmd/ferry/internal/ui"
)

// commands are the verbs, in the order of the help text. A new one is a file
// of its own and a line here.
func commands(e *ui.Env) []*cli.Command {
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
func run(ctx context.Context, e *ui.Env, args []string) int {
	e.Hold()
	e.HideUserinfo(args[1:])
	usageError := func(c *cli.Context, err error, _ bool) error { return ui.OnUsageError(c, err, args) }
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
		Writer:                    e.Page(),
		ErrWriter:                 e.Stderr,
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
	profiles := &ui.Profiling{E: e}
	defer profiles.End()
	for _, c := range app.Commands {
		c.OnUsageError = usageError
		c.Before = func(c *cli.Context) error {
			if err := ui.CheckValues(c); err != nil {
				return err
			}
			return profiles.Begin(c)
		}
		c.HideHelpCommand = true
		for _, f := range c.Flags {
			if b, ok := f.(*cli.BoolFlag); ok {
				b.DisableDefaultText = true
			}
		}
		c.Flags = append(c.Flags, &cli.BoolFlag{Name: "quiet", Aliases: []string{"q"}, Usage: "no advice, only results and errors", DisableDefaultText: true, Destination: &e.Quiet})
		if c.Name != "version" {
			c.Flags = append(c.Flags, &cli.BoolFlag{Name: "no-progress", Usage: "do not show how far it has come", DisableDefaultText: true, Destination: &e.NoProgress})
		}
		c.Flags = append(c.Flags, profiles.Flags()...)
	}
	if len(args) == 2 && slices.Contains([]string{"--version", "-v", "-V"}, args[1]) {
		args = []string{args[0], "version"}
	}
	if len(args) > 2 && args[1] == "help" && (args[2] == "help" || args[2] == "--help" || args[2] == "-h") {
		args = args[:2]
	}
	if len(args) > 2 && args[1] == "help" && app.Command(args[2]) == nil {
		t := ui.TopicNamed(args[2])
		if t == nil {
			return e.Report(noCommand(app, args[2]))
		}
		e.Page().Topic(t)
		return e.Report(e.Flush())
	}
	if len(args) > 1 && args[1] == ui.CompleteWord {
		ui.Complete(e.Stdout, app, args[2:])
		return e.Report(e.Flush())
	}
	args, err := ui.Permute(app.Commands, args)
	if err != nil {
		return e.Report(err)
	}
	err = app.RunContext(ctx, args)
	if lost := e.Flush(); err == nil {
		err = lost
	}
	if errors.Is(err, ui.ErrDifferent) {
		return ui.CodeDifferent
	}
	return e.Report(withHelp(err, args))
}

func noCommand(app *cli.App, name string) error {
	var names []string
	for _, cmd := range app.Commands {
		names = append(names, cmd.Names()...)
	}
	ours := ui.Elsewhere[name]
	if ours == nil {
		ours = ui.Meant(name, names)
	}
	return ui.Misuse(fmt.Errorf("there is no command %q", name), ui.DidYouMean("ferry ", ours)+"ferry help lists the commands")
}

// withHelp gives a misuse without another next step the help of its command.
func withHelp(err error, args []string) error {
	if code, hint := ui.Outcome(err); err == nil || code != ui.CodeMisuse || hint != "" || len(args) < 2 {
		return err
	}
	return ui.Hinted(err, "see ferry help "+args[1])
}
