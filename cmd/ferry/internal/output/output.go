package output

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"

	"github.com/urfave/cli/v2"

	"github.com/ociferry/ferry/cmd/ferry/internal/source"
	"github.com/ociferry/ferry/cmd/ferry/internal/ui"
	"github.com/ociferry/ferry/layout"
	"github.com/ociferry/ferry/layout/compression"
	"github.com/ociferry/ferry/layout/durable"
)

// An Output is what pack, bundle, pull and export write: an archive, or a layout
// directory, which is new or is added to.
type Output struct {
	Env          *ui.Env
	Name         string // "-" is standard output
	Append, Seal bool
	JSON         bool // the answer
	Options      durable.Options
	Sign         *Signer              // nil signs nothing
	Required     *source.Requirements // what the policy asks of it; nil asks nothing
	List         *ListFile            // nil writes no packing list
}

// Parse reads -o and the flags about how it is written.
func Parse(e *ui.Env, c *cli.Context) (*Output, error) {
	name, err := WantOutput(c)
	if err == nil {
		err = e.NoTerminal("-o", name)
	}
	return &Output{
		Env: e, Name: name, Append: c.Bool("append"), Seal: c.Bool("seal"), JSON: c.String("format") == "json",
		Options: durable.Options{Overwrite: c.Bool("overwrite"), NoSync: c.Bool("no-sync")},
	}, err
}

// ParseTrust reads the flags about signatures, the policy and the packing list.
func (o *Output) ParseTrust(c *cli.Context) (err error) {
	if o.Sign, err = NewSigner(o.Env, c); err != nil {
		return err
	}
	o.Seal = o.Seal || o.Sign != nil
	if o.Required, err = source.NewWriterRequirements(o.Env, c, o.Sign.Fingerprints()); err != nil {
		return err
	}
	o.List, err = NewListFile(o.Env, c, "packing-list")
	return err
}

// IsArchive reports whether the output is an archive, by its name.
func (o *Output) IsArchive() bool { return o.Name == "-" || compression.ByName(o.Name) != nil }

// Sealed reports whether the output has SHA256SUMS.
func (o *Output) Sealed() bool { return o.Seal || o.IsArchive() }

// NoAppend refuses --append where the output is an archive.
func (o *Output) NoAppend(hint string) error {
	if !o.Append || !o.IsArchive() {
		return nil
	}
	return ui.Misuse(fmt.Errorf("--append: %s is an archive, want a layout directory", layout.Printable(o.Name)), hint)
}

// Free refuses an archive that is there already. It is asked before anything is
// read, so that the answer comes at once.
func (o *Output) Free() error {
	if _, err := os.Lstat(o.Name); err == nil && o.IsArchive() && o.Name != "-" && !o.Options.Overwrite {
		return &fs.PathError{Op: "create", Path: o.Name, Err: fs.ErrExist}
	}
	return nil
}

// WriteArchive has write make the archive in the form that the name asks for. A
// file gets its name only when the policy allows what is in it.
func (o *Output) WriteArchive(ctx context.Context, write func(io.Writer, *compression.Format) error) error {
	if o.Name == "-" {
		if err := write(o.Env.Stdout, compression.None); err != nil {
			return err
		}
		return o.Env.Flush()
	}
	return CreateFile(o.Name, o.Options, func(f *durable.File) error {
		if err := write(f, compression.ByName(o.Name)); err != nil {
			return err
		}
		return source.CheckOutput(ctx, o.Required, f)
	})
}

// Open opens the layout directory for writing. The caller closes it.
func (o *Output) Open(ctx context.Context) (w *layout.Writer, err error) {
	if !o.Append {
		w, err = layout.Create(o.Name, layout.WriterOptions(o.Options))
		return w, Existing(o.Name, err)
	}
	w, err = layout.Append(ctx, o.Name, layout.WriterOptions(o.Options))
	if !errors.Is(err, durable.ErrBusy) { // which names it
		err = ui.Wrap(o.Name, err)
	}
	return w, NothingToAppendTo(o.Name, err)
}

// CommitOptions say how a layout directory is sealed, signed and checked.
func (o *Output) CommitOptions() layout.CommitOptions {
	c := layout.CommitOptions{Seal: o.Seal, Check: source.CheckLayout(o.Required)}
	if o.Sign != nil {
		c.Sign = o.Sign.SignNew
	}
	return c
}

// Commit completes a layout directory, and notes what was found in it.
func (o *Output) Commit(ctx context.Context, w *layout.Writer) error {
	_, err := w.Commit(ctx, o.CommitOptions())
	for _, d := range w.Repaired() {
		o.Env.Note("%s was damaged there and has been written anew", d)
	}
	if err == nil {
		o.Env.Unsealed(w.Removed(), o.Name, o.Seal, o.Sign != nil)
	}
	return err
}

// WriteLayout copies contents into the layout directory. Where that is added to,
// c gets the whole index, of which so many entries are fresh. judge, which may be
// nil, says the verdict on what was copied.
func (o *Output) WriteLayout(ctx context.Context, c *layout.Contents, judge func() error) (fresh int, err error) {
	w, err := o.Open(ctx)
	if err != nil {
		return 0, err
	}
	defer w.Close()
	if err := c.CopyTo(ctx, w); err != nil {
		return 0, err
	}
	if judge != nil {
		if err := judge(); err != nil {
			return 0, err
		}
	}
	if o.Append {
		index := w.Index()
		before := len(index.Manifests)
		if err := layout.AddTo(&index, c.Index.Manifests...); err != nil {
			return 0, err
		}
		if err := c.SetIndex(index); err != nil {
			return 0, err
		}
		fresh = len(index.Manifests) - before
	}
	if err := w.PutIndex(c.RawIndex); err != nil {
		return 0, err
	}
	return fresh, o.Commit(ctx, w)
}

// Answer prints v as JSON, or a table for people and then what comes after it.
// Where the output is on standard output, the answer goes to standard error.
func (o *Output) Answer(v any, title, identity string, rows func(ui.Table), after func()) error {
	w := o.Env.Stdout
	switch {
	case o.Name == "-" && o.JSON:
		w = o.Env.Stderr
	case o.Name == "-":
		w = o.Env.Advice()
	}
	if o.JSON {
		return ui.PrintJSON(w, v)
	}
	fmt.Fprintln(w, title)
	t := ui.NewTable(w)
	t.Row("output", "%s (%s)", o.Name, FormOf(o.Name, o.Sealed()))
	rows(t)
	t.Row("identity", "%s", identity)
	for _, k := range o.Sign.Fingerprints() {
		t.Row("signed by", "%s", k)
	}
	after()
	return nil
}

// Next says what comes after writing it.
func (o *Output) Next(identity string) {
	what, file := NameOf(o.Name)
	if o.Sign != nil {
		o.Env.Next("carry %s over; on the far side, with the public key that is there:\n      ferry verify %s%s", what, file, o.Sign.KeyFlags())
		return
	}
	o.Env.Next("carry %s over, and the identity by another way; on the far side:\n      ferry verify %s --expect %s", what, file, identity)
}
