package output

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

// GivenFlags are what nobody but the user can know.
func GivenFlags() []cli.Flag {
	return []cli.Flag{
		&cli.StringFlag{Name: "packed-by", Usage: "on the packing list: `WHO` packed it"},
		&cli.StringFlag{Name: "packed-at", Usage: "on the packing list: `WHEN`, a time in RFC 3339"},
		&cli.StringFlag{Name: "origin", Usage: "on the packing list: `WHERE` the content came from"},
	}
}

// PackingListFlags are for commands that write a bundle.
func PackingListFlags() []cli.Flag {
	return append([]cli.Flag{&cli.StringFlag{Name: "packing-list", Usage: "read the bundle back and write what is in it to `FILE`, a .txt, .json or .html"}}, GivenFlags()...)
}

// A ListFile is a packing list or a receipt that is to be written. A nil paper is
// not asked for.
type ListFile struct {
	e     *ui.Env
	Name  string
	form  packinglist.Form
	given packinglist.Given
	o     durable.Options
}

// NewListFile reads the flags; flag names the file.
func NewListFile(e *ui.Env, c *cli.Context, flag string) (*ListFile, error) {
	p := &ListFile{
		e: e, Name: c.String(flag),
		given: packinglist.Given{PackedBy: c.String("packed-by"), PackedAt: c.String("packed-at"), Origin: c.String("origin")},
		o:     durable.Options{Overwrite: c.Bool("overwrite"), NoSync: c.Bool("no-sync")},
	}
	for _, f := range []string{"packed-at", "received-at"} {
		if _, err := artifact.ParseTime(c.String(f)); c.String(f) != "" && err != nil {
			return nil, ui.Misuse(fmt.Errorf("--%s: %w", f, err), "for example 2026-02-05T10:00:00Z")
		}
	}
	if p.Name == "" {
		for _, f := range []string{"packed-by", "packed-at", "origin", "received-by", "received-at"} {
			if c.IsSet(f) && flag != "output" {
				return nil, ui.Misuse(fmt.Errorf("--%s is for --%s, which is not given", f, flag), "for example --"+flag+" "+flag+".html")
			}
		}
		if flag != "output" {
			return nil, nil
		}
		return &ListFile{e: e, given: p.given}, nil
	}
	var ok bool
	if p.form, ok = packinglist.FormOf(p.Name); !ok {
		hint := "for example --" + flag + " " + ui.ShellWord(p.Name) + ".html"
		switch {
		case p.Name == "-" && flag == "output":
			hint = "leave it out: the text, or with --format json the JSON, goes to standard output by itself"
		case p.Name == "-":
			hint = "for example --" + flag + " " + flag + ".txt, to be read with cat; standard output has the command's own answer"
		}
		return nil, ui.Misuse(fmt.Errorf("--%s %s: want a name that ends in .txt, .json or .html", flag, layout.Printable(p.Name)), hint)
	}
	if c.String("output") == "-" {
		return nil, ui.Misuse(fmt.Errorf("--%s: the bundle goes to standard output and cannot be read back", flag), "write it to a file with -o, or list it on the way with ferry packing-list -")
	}
	// Asked before anything is read, so that the answer comes at once.
	if _, err := os.Lstat(p.Name); err == nil && !p.o.Overwrite {
		return nil, &fs.PathError{Op: "create", Path: p.Name, Err: fs.ErrExist}
	}
	if rel, err := filepath.Rel(c.String("output"), p.Name); err == nil && filepath.IsLocal(rel) && rel != "." {
		return p, nil // into the output, which is not there yet
	}
	var path *fs.PathError
	if _, err := os.Stat(filepath.Dir(p.Name)); errors.As(err, &path) {
		return nil, &fs.PathError{Op: "create", Path: p.Name, Err: path.Err}
	}
	return p, nil
}

// List reads a source to its end and says what is in it. check has the last
// word on whether it is the right one.
func (p *ListFile) List(ctx context.Context, src *source.Source, check func(*layout.Report) error) (*packinglist.List, error) {
	collected := packinglist.NewCollector()
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
	l, err := ListOf(ctx, collected, src, report)
	if err == nil {
		l.Given = p.given
	}
	return l, err
}

// ListOf is what was collected of a source.
func ListOf(ctx context.Context, c *packinglist.Collector, src *source.Source, report *layout.Report) (*packinglist.List, error) {
	s := packinglist.Signature{Keys: src.Requirements.SignedBy()}
	s.KeyFiles, s.Beside, s.Required = src.Requirements.Files()
	l, err := c.List(ctx, report, packinglist.Bundle{Name: src.Base(), Stream: src.Name == "-", Directory: src.IsDir}, s)
	if n := len(report.Unlisted); err == nil && n > 0 {
		l.Notices = append(l.Notices, fmt.Sprintf("SHA256SUMS does not list %s beside the layout: %s", ui.Count(n, "file"), ui.FirstOf(report.Unlisted)))
	}
	return l, err
}

// Write writes the list, whole or not at all.
func (p *ListFile) Write(l *packinglist.List) error {
	f, err := durable.Create(p.Name, p.o)
	if err != nil {
		return err
	}
	defer f.Close()
	b := bufio.NewWriter(f)
	if err := l.Write(b, p.form); err != nil {
		return ui.Wrap(p.Name, err)
	}
	if err := b.Flush(); err != nil {
		return ui.Wrap(p.Name, err)
	}
	return ui.Wrap(p.Name, f.Commit())
}

// Of reads a bundle back that was just written, and writes its packing list.
func (p *ListFile) Of(ctx context.Context, out string, identity digest.Digest) error {
	if p == nil {
		return nil
	}
	src := &source.Source{Env: p.e, Name: out}
	info, err := os.Stat(out)
	if err == nil {
		src.IsDir = info.IsDir()
		var l *packinglist.List
		if l, err = p.List(ctx, src, func(r *layout.Report) error {
			if r.Digest != identity {
				return fmt.Errorf("identity: want %s, which was written, found %s when it was read back", identity, r.Digest)
			}
			return nil
		}); err == nil {
			err = p.Write(l)
		}
	}
	if err != nil && ui.SignalCode(err) == 0 {
		return fmt.Errorf("%s is written, its packing list is not: %w", layout.Printable(out), err)
	}
	return err
}
