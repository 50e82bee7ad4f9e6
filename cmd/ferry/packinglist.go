package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/opencontainers/go-digest"
	"github.com/urfave/cli/v2"

	"github.com/ociferry/ferry/bundle/packinglist"
	"github.com/ociferry/ferry/cmd/ferry/internal/source"
	"github.com/ociferry/ferry/cmd/ferry/internal/ui"
	"github.com/ociferry/ferry/layout"
	"github.com/ociferry/ferry/layout/artifact"
	"github.com/ociferry/ferry/layout/durable"
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
		}, append(givenFlags(), source.RequirementFlags()...)...),
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
			p, err := newPaper(e, c, "output")
			if err != nil {
				return err
			}
			l, err := p.list(c.Context, src, func(r *layout.Report) error { return source.Expect(c, src, r) })
			if err != nil {
				return err
			}
			if p.name == "" {
				if c.String("format") == "json" {
					return l.Write(ui.PrintableJSON{Writer: e.Stdout}, packinglist.JSON)
				}
				return l.Write(e.Stdout, packinglist.Text)
			}
			if err := p.write(l); err != nil {
				return err
			}
			if c.String("format") == "json" {
				return ui.PrintJSON(e.Stdout, struct {
					Source   string `json:"source"`
					Output   string `json:"output"`
					Identity string `json:"identity"`
					SHA256   string `json:"sha256,omitempty"`
				}{src.Name, p.name, l.Bundle.Identity, l.Bundle.SHA256})
			}
			fmt.Fprintf(e.Stdout, "listed %s\n", src.Label())
			s := ui.NewTable(e.Stdout)
			s.Row("output", "%s", p.name)
			s.Row("identity", "%s", l.Bundle.Identity)
			e.Next("read it, or print it and have it signed; it carries the commands for the far side")
			return nil
		},
	}
}

// givenFlags are what nobody but the user can know.
func givenFlags() []cli.Flag {
	return []cli.Flag{
		&cli.StringFlag{Name: "packed-by", Usage: "on the packing list: `WHO` packed it"},
		&cli.StringFlag{Name: "packed-at", Usage: "on the packing list: `WHEN`, a time in RFC 3339"},
		&cli.StringFlag{Name: "origin", Usage: "on the packing list: `WHERE` the content came from"},
	}
}

// packingListFlags are for commands that write a bundle.
func packingListFlags() []cli.Flag {
	return append([]cli.Flag{&cli.StringFlag{Name: "packing-list", Usage: "read the bundle back and write what is in it to `FILE`, a .txt, .json or .html"}}, givenFlags()...)
}

// A paper is a packing list or a receipt that is to be written. A nil paper is
// not asked for.
type paper struct {
	e     *ui.Env
	name  string
	form  packinglist.Form
	given packinglist.Given
	o     durable.Options
}

// newPaper reads the flags; flag names the file.
func newPaper(e *ui.Env, c *cli.Context, flag string) (*paper, error) {
	p := &paper{
		e: e, name: c.String(flag),
		given: packinglist.Given{PackedBy: c.String("packed-by"), PackedAt: c.String("packed-at"), Origin: c.String("origin")},
		o:     durable.Options{Overwrite: c.Bool("overwrite"), NoSync: c.Bool("no-sync")},
	}
	for _, f := range []string{"packed-at", "received-at"} {
		if _, err := artifact.ParseTime(c.String(f)); c.String(f) != "" && err != nil {
			return nil, ui.Misuse(fmt.Errorf("--%s: %w", f, err), "for example 2026-02-05T10:00:00Z")
		}
	}
	if p.name == "" {
		for _, f := range []string{"packed-by", "packed-at", "origin", "received-by", "received-at"} {
			if c.IsSet(f) && flag != "output" {
				return nil, ui.Misuse(fmt.Errorf("--%s is for --%s, which is not given", f, flag), "for example --"+flag+" "+flag+".html")
			}
		}
		if flag != "output" {
			return nil, nil
		}
		return &paper{e: e, given: p.given}, nil
	}
	var ok bool
	if p.form, ok = packinglist.FormOf(p.name); !ok {
		hint := "for example --" + flag + " " + ui.ShellWord(p.name) + ".html"
		switch {
		case p.name == "-" && flag == "output":
			hint = "leave it out: the text, or with --format json the JSON, goes to standard output by itself"
		case p.name == "-":
			hint = "for example --" + flag + " " + flag + ".txt, to be read with cat; standard output has the command's own answer"
		}
		return nil, ui.Misuse(fmt.Errorf("--%s %s: want a name that ends in .txt, .json or .html", flag, layout.Printable(p.name)), hint)
	}
	if c.String("output") == "-" {
		return nil, ui.Misuse(fmt.Errorf("--%s: the bundle goes to standard output and cannot be read back", flag), "write it to a file with -o, or list it on the way with ferry packing-list -")
	}
	// Asked before anything is read, so that the answer comes at once.
	if _, err := os.Lstat(p.name); err == nil && !p.o.Overwrite {
		return nil, &fs.PathError{Op: "create", Path: p.name, Err: fs.ErrExist}
	}
	if rel, err := filepath.Rel(c.String("output"), p.name); err == nil && filepath.IsLocal(rel) && rel != "." {
		return p, nil // into the output, which is not there yet
	}
	var path *fs.PathError
	if _, err := os.Stat(filepath.Dir(p.name)); errors.As(err, &path) {
		return nil, &fs.PathError{Op: "create", Path: p.name, Err: path.Err}
	}
	return p, nil
}

// list reads a source to its end and says what is in it. check has the last
// word on whether it is the right one.
func (p *paper) list(ctx context.Context, src *source.Source, check func(*layout.Report) error) (*packinglist.List, error) {
	collected := newListing()
	src.Collector = collected
	end := source.ShowReading(p.e, "listing", src)
	report, err := src.Audit(ctx, layout.AuditOptions{Inspectors: source.Inspectors()})
	end()
	if err != nil {
		return nil, err
	}
	err = report.Err()
	if err == nil {
		err = check(report)
	}
	if err != nil {
		return nil, src.Err(err)
	}
	l, err := collected.list(ctx, src, report)
	if err == nil {
		l.Given = p.given
	}
	return l, err
}

// write writes the list, whole or not at all.
func (p *paper) write(l *packinglist.List) error {
	f, err := durable.Create(p.name, p.o)
	if err != nil {
		return err
	}
	defer f.Close()
	b := bufio.NewWriter(f)
	if err := l.Write(b, p.form); err != nil {
		return ui.FileError(p.name, err)
	}
	if err := b.Flush(); err != nil {
		return ui.FileError(p.name, err)
	}
	return ui.FileError(p.name, f.Commit())
}

// of reads a bundle back that was just written, and writes its packing list.
func (p *paper) of(ctx context.Context, out string, identity digest.Digest) error {
	if p == nil {
		return nil
	}
	src := &source.Source{Env: p.e, Name: out}
	info, err := os.Stat(out)
	if err == nil {
		src.IsDir = info.IsDir()
		var l *packinglist.List
		if l, err = p.list(ctx, src, func(r *layout.Report) error {
			if r.Digest != identity {
				return fmt.Errorf("identity: want %s, which was written, found %s when it was read back", identity, r.Digest)
			}
			return nil
		}); err == nil {
			err = p.write(l)
		}
	}
	if err != nil && ui.SignalCode(err) == 0 {
		return fmt.Errorf("%s is written, its packing list is not: %w", layout.Printable(out), err)
	}
	return err
}
