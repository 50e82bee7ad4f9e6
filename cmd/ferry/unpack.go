package main

import (
	"errors"
	"fmt"
	"io/fs"
	"slices"

	"github.com/urfave/cli/v2"

	"github.com/ociferry/ferry/cmd/ferry/internal/output"
	"github.com/ociferry/ferry/cmd/ferry/internal/source"
	"github.com/ociferry/ferry/cmd/ferry/internal/ui"
	"github.com/ociferry/ferry/layout"
	"github.com/ociferry/ferry/layout/artifact"
	"github.com/ociferry/ferry/layout/durable"
)

func unpackCommand(e *ui.Env) *cli.Command {
	return &cli.Command{
		Name:      "unpack",
		Usage:     "verify a bundle and write an artifact's files, whole or not at all",
		ArgsUsage: "SRC -o DIR",
		Description: "Example: ferry unpack lei-cache.tar -o lei-cache --expect sha256:...\n\n" +
			"Everything that ferry verify checks is checked while the files are written; they appear in\n" +
			"DIR only when all of it was good. No space is needed but that of the files.",
		Flags: append([]cli.Flag{
			ui.OutputFlag("write the files into the new directory `DIR`"),
			&cli.StringFlag{Name: "tag", Aliases: []string{"t"}, Usage: "the artifact to unpack, by `REF`, tag or digest"},
			&cli.BoolFlag{Name: "layout", Usage: "write the layout directory instead of the files"},
			&cli.BoolFlag{Name: "seal", Usage: "with --layout, write SHA256SUMS into it too"},
			source.ExpectFlag(),
			ui.OverwriteFlag("files of the same names in an existing DIR"),
			ui.NoSyncFlag(),
			ui.FormatFlag(),
		}, append(source.RequirementFlags(), receiptFlags()...)...),
		Action: func(c *cli.Context) error {
			out, err := output.WantOutput(c)
			if err != nil {
				return err
			}
			if out == "-" {
				return ui.Misuse(errors.New("unpack: -o -: want a directory"), "ferry bundle SRC -o - writes a tar to standard output")
			}
			if c.Bool("seal") && !c.Bool("layout") {
				return ui.Misuse(errors.New("--seal is for --layout"), "files have no seal; leave it out")
			}
			arg, err := ui.OneArg(c, "bundle or layout to unpack")
			if err != nil {
				return err
			}
			src, err := source.Parse(e, arg)
			if err != nil {
				return err
			}
			if err := src.Choose(c.String("tag")); err != nil {
				return err
			}
			if src.Requirements, err = source.NewRequirements(e, c); err != nil {
				return err
			}
			o := durable.Options{Overwrite: c.Bool("overwrite"), NoSync: c.Bool("no-sync")}
			slip, err := newReceipt(e, c, src)
			if err != nil {
				return err
			}
			var report *layout.Report
			check := func(r *layout.Report) error { report = r; return source.Expect(c, src, r) }
			var a *unpackAnswer
			if c.Bool("layout") {
				if src.Ref != "" {
					return ui.Misuse(errors.New("unpack: --layout writes the whole layout, not one artifact"), "ferry bundle SRC:TAG -o DIR makes a layout of one")
				}
				a, err = unpackLayout(c.Context, src, out, o, c.Bool("seal"), check)
			} else {
				a, err = unpackFiles(c.Context, src, out, o, check)
			}
			if errors.Is(err, fs.ErrExist) {
				if e := output.InTheWay(out, c.Bool("layout")); e != nil {
					return e
				}
				err = ui.Hinted(err, "choose a new directory, or replace the files of the same names with --overwrite")
			}
			if err != nil {
				return err
			}
			a.SignedBy = src.Requirements.SignedBy()
			if err := slip.write(c.Context, src, report, a); err != nil {
				return err
			}
			if c.String("format") == "json" {
				return ui.PrintJSON(e.Stdout, a)
			}
			fmt.Fprintf(e.Stdout, "unpacked %s\n", src.Label())
			s := ui.NewTable(e.Stdout)
			s.Row("output", "%s", out)
			if a.Reference != "" {
				s.Row("artifact", "%s", a.Reference)
			}
			if a.Manifest != "" {
				s.Row("manifest", "%s", a.Manifest)
			}
			for i, f := range a.Files {
				if more := len(a.Files) - i; i == filesNamed && more > 1 {
					s.Row("", "and %d more; --format json lists them all", more)
					break
				}
				s.Row("file", "%s, %s", f.Name, ui.Size(f.Size))
			}
			s.Row("identity", "%s", a.Identity)
			for _, n := range a.Notices {
				e.Note("%s", n)
			}
			if c.Bool("layout") {
				e.StayedBehind(a.Extra)
			} else {
				e.Extra(a.Extra, len(report.Unlisted))
			}
			fmt.Fprintln(e.Stdout, src.Requirements.Line())
			switch {
			case c.Bool("layout"):
				e.Next("ferry ls %s", ui.ShellWord(out))
			case a.snapshot():
				e.Next("ferry summary %s", ui.ShellWord(out))
			case a.packed:
				e.Next("the files are in %s; ferry unpack --receipt FILE writes down what was checked", layout.Printable(out))
			default:
				e.Next("the files are in %s, as they were packed; ferry unpack --receipt FILE writes down what was checked", layout.Printable(out))
			}
			return nil
		},
	}
}

// filesNamed is how many files the answer to a person names.
const filesNamed = 20

// unpackAnswer is what unpack reports.
type unpackAnswer struct {
	Output    string         `json:"output"`
	Reference string         `json:"reference,omitempty"`
	Manifest  string         `json:"manifest,omitempty"`
	Identity  string         `json:"identity"`
	SignedBy  []string       `json:"signedBy,omitempty"`
	Files     []fileRow      `json:"files,omitempty"`
	Extra     []string       `json:"extra,omitempty"` // in the source, and nothing refers to them
	Notices   []string       `json:"notices,omitempty"`
	kind      *artifact.Kind // nil with --layout
	packed    bool           // some files are directories that oras packed
}

// snapshot reports whether the files that were written are those of a snapshot:
// others of these names may have been there before.
func (a *unpackAnswer) snapshot() bool {
	if a.kind == nil || a.kind.Files == nil {
		return false
	}
	for _, f := range a.kind.Files {
		if !slices.ContainsFunc(a.Files, func(r fileRow) bool { return r.Name == f.Name }) {
			return false
		}
	}
	return true
}

type fileRow struct {
	Name   string `json:"name"`
	Size   int64  `json:"size"`
	Digest string `json:"digest"`
}
