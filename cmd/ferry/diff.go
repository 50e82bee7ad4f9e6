package main

import (
	"context"
	"errors"
	"fmt"

	"github.com/urfave/cli/v2"

	"github.com/ociferry/ferry/cmd/ferry/internal/source"
	"github.com/ociferry/ferry/cmd/ferry/internal/ui"
	"github.com/ociferry/ferry/layout"
	"github.com/ociferry/ferry/layout/diff"
	"github.com/ociferry/ferry/layout/kinds"
)

func diffCommand(e *ui.Env) *cli.Command {
	return &cli.Command{
		Name:      "diff",
		Usage:     "say what changed between two bundles or layouts",
		ArgsUsage: "BEFORE AFTER",
		Description: "Example: ferry diff last-week.tar this-week.tar.gz\n\n" +
			"References that came, went or moved; artifacts; blobs and bytes; and for LEI caches the\n" +
			"reports and repositories. Both sides are verified whole. SRC:TAG compares one artifact;\n" +
			"one side may be -. Two LEI caches, or two artifacts of files, are compared when each side\n" +
			"has one, or when they have the same reference, or are the only ones of the same repository.\n\n" +
			"Exit codes as diff has them: 0 the same, 1 different, 2 trouble; and 3 and 4 as ever, when\n" +
			"a side is not what it should be.",
		Flags: []cli.Flag{
			&cli.BoolFlag{Name: "list", Usage: "name the repositories of LEI caches, and the files of other artifacts, that came (+), went (-) or changed (~); reads LEI caches twice"},
			&cli.StringFlag{Name: "tmpdir", Usage: "where what is known of more than a hundred thousand reports waits (default: TMPDIR or the system's)"},
			ui.FormatFlag(),
		},
		Action: func(c *cli.Context) error {
			err := diffAction(e, c)
			if err == nil || errors.Is(err, ui.ErrDifferent) {
				lost := e.Flush()
				if lost == nil {
					return err
				}
				err = lost
			}
			return trouble(err)
		},
	}
}

// trouble keeps exit code 1 for sides that differ.
func trouble(err error) error {
	if code, hint := ui.Outcome(err); code == ui.CodeFailed && ui.SignalCode(err) == 0 {
		return ui.Fail(ui.CodeMisuse, err, hint)
	}
	return err
}

func diffAction(e *ui.Env, c *cli.Context) error {
	if c.NArg() != 2 {
		return ui.Misuse(fmt.Errorf("diff: want two bundles or layouts, found %s", ui.Arguments(c)), "see ferry help diff")
	}
	var sources []*source.Source
	for _, arg := range c.Args().Slice() {
		s, err := source.Parse(e, arg)
		if err != nil {
			return err
		}
		sources = append(sources, s)
	}
	if sources[0].Name == "-" && sources[1].Name == "-" {
		return ui.Misuse(errors.New("diff: both sides are standard input"), "give one of them as a file")
	}
	if c.Bool("list") && (sources[0].Name == "-" || sources[1].Name == "-") {
		return ui.Misuse(errors.New("--list: standard input cannot be read twice"), "write it to a file first")
	}
	end := source.ShowReading(e, "comparing", sources...)
	defer end()
	d, err := diff.Compare(c.Context, content(sources[0]), content(sources[1]), diff.Options{Kinds: kinds.All, Names: c.Bool("list"), TempDir: c.String("tmpdir")})
	if err != nil {
		return ui.NoRoom(c.String("tmpdir"), err)
	}
	end()
	if c.String("format") == "json" {
		err = ui.PrintJSON(e.Stdout, d)
	} else {
		printDifference(e, d, c.Bool("list"))
	}
	if err == nil && !d.Same {
		err = ui.ErrDifferent
	}
	return err
}

// content is a source as diff reads it.
func content(s *source.Source) diff.Content {
	return diff.Content{Source: s.Name, Reference: s.Ref, Err: s.Err, Read: func(ctx context.Context, o layout.AuditOptions) (*layout.Report, error) {
		report, err := s.Audit(ctx, o)
		if err == nil {
			err = s.Err(report.Err())
		}
		return report, err
	}}
}
