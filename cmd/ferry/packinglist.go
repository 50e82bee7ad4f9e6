package main

import (
	"fmt"

	"github.com/urfave/cli/v2"

	"github.com/ociferry/ferry/bundle/packinglist"
	"github.com/ociferry/ferry/cmd/ferry/internal/output"
	"github.com/ociferry/ferry/cmd/ferry/internal/source"
	"github.com/ociferry/ferry/cmd/ferry/internal/ui"
	"github.com/ociferry/ferry/layout"
)

func packingListCommand(e *ui.Env) *cli.Command {
	return &cli.Command{
		Name:      "packing-list",
		Usage:     "say what is in a bundle, for the person who approves its transfer",
		ArgsUsage: "SRC",
		Description: "Example: ferry packing-list lei-cache.tar -o lei-cache.html --packed-by 'A. Packer'\n\n" +
			"The whole of SRC is verified and looked into in one pass: each file with its type, told by its\n" +
			"bytes, and whether anything encrypted or executable is in it. FILE says the form by its name:\n" +
			".txt, .json or .html, a page to print that needs nothing from anywhere. Without -o the text goes\n" +
			"to standard output. The same bundle and flags give the same bytes.",
		Flags: append([]cli.Flag{
			ui.OutputFlag("write the packing list to `FILE`"),
			source.ExpectFlag(),
			ui.OverwriteFlag("an existing FILE"),
			ui.NoSyncFlag(),
			ui.FormatFlag(),
		}, append(output.GivenFlags(), source.RequirementFlags()...)...),
		Action: func(c *cli.Context) error {
			arg, err := ui.OneArg(c, "bundle or layout to list")
			if err != nil {
				return err
			}
			src, err := source.Parse(e, arg)
			if err != nil {
				return err
			}
			if src.Ref != "" {
				return ui.Misuse(fmt.Errorf("%s: a packing list is about all that is carried, not one artifact", layout.Printable(arg)), "ferry bundle SRC:TAG -o OUT takes one artifact out")
			}
			if src.Requirements, err = source.NewRequirements(e, c); err != nil {
				return err
			}
			p, err := output.NewListFile(e, c, "output")
			if err != nil {
				return err
			}
			l, err := p.List(c.Context, src, func(r *layout.Report) error { return source.Expect(c, src, r) })
			if err != nil {
				return err
			}
			if p.Name == "" {
				if c.String("format") == "json" {
					return l.Write(ui.PrintableJSON{Writer: e.Stdout}, packinglist.JSON)
				}
				return l.Write(e.Stdout, packinglist.Text)
			}
			if err := p.Write(l); err != nil {
				return err
			}
			if c.String("format") == "json" {
				return ui.PrintJSON(e.Stdout, struct {
					Source   string `json:"source"`
					Output   string `json:"output"`
					Identity string `json:"identity"`
					SHA256   string `json:"sha256,omitempty"`
				}{src.Name, p.Name, l.Bundle.Identity, l.Bundle.SHA256})
			}
			fmt.Fprintf(e.Stdout, "listed %s\n", src.Label())
			s := ui.NewTable(e.Stdout)
			s.Row("output", "%s", p.Name)
			s.Row("identity", "%s", l.Bundle.Identity)
			e.Next("read it, or print it and have it signed; it carries the commands for the far side")
			return nil
		},
	}
}
