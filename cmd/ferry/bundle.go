package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"

	"github.com/opencontainers/go-digest"
	v1 "github.com/opencontainers/image-spec/specs-go/v1"
	"github.com/urfave/cli/v2"

	"github.com/ociferry/ferry/cmd/ferry/internal/output"
	"github.com/ociferry/ferry/cmd/ferry/internal/source"
	"github.com/ociferry/ferry/cmd/ferry/internal/ui"
	"github.com/ociferry/ferry/layout"
	"github.com/ociferry/ferry/layout/compression"
	"github.com/ociferry/ferry/layout/durable"
)

func bundleCommand(e *ui.Env) *cli.Command {
	return &cli.Command{
		Name:      "bundle",
		Usage:     "turn layouts and bundles into another form, or several into one",
		ArgsUsage: "SRC... -o OUT",
		Description: "Example: ferry bundle layout-dir -o bundle.tar.gz\n\n" +
			"Everything that the index of a source reaches goes over byte for byte: artifacts, container\n" +
			"images, indexes of several platforms, signatures. One source keeps its identity; SRC:TAG takes\n" +
			"one artifact out of it. Blobs that nothing refers to stay behind.",
		Flags: append([]cli.Flag{
			ui.OutputFlag("write the bundle to `OUT`"),
			&cli.BoolFlag{Name: "append", Usage: "add to an existing layout directory"},
			&cli.BoolFlag{Name: "seal", Usage: "write SHA256SUMS into a layout directory too"},
			dockerFlag(),
			ui.OverwriteFlag("an existing OUT"),
			&cli.StringFlag{Name: "tmpdir", Usage: "unpack sources that cannot be read out of order into `DIR` first (default: the output's directory; with -o -, TMPDIR or the system's)"},
			ui.NoSyncFlag(),
			source.PolicyFlag(),
			ui.FormatFlag(),
		}, append(output.SignFlags(), output.PackingListFlags()...)...),
		Action: func(c *cli.Context) error {
			out, err := output.WantOutput(c)
			if err == nil {
				err = e.NoTerminal("-o", out)
			}
			if err != nil {
				return err
			}
			if c.NArg() == 0 {
				return ui.Misuse(errors.New("bundle: missing the source"), "see ferry help bundle")
			}
			b := &bundling{
				e: e, out: out, append: c.Bool("append"), seal: c.Bool("seal"), docker: c.Bool("docker"), tmpdir: c.String("tmpdir"),
				json: c.String("format") == "json", o: durable.Options{Overwrite: c.Bool("overwrite"), NoSync: c.Bool("no-sync")},
			}
			if b.sign, err = output.NewSigner(e, c); err != nil {
				return err
			}
			b.seal = b.seal || b.sign != nil
			if b.required, err = source.NewWriterRequirements(e, c, b.sign.Fingerprints()); err != nil {
				return err
			}
			if b.list, err = output.NewListFile(e, c, "packing-list"); err != nil {
				return err
			}
			if b.list != nil && b.required == nil {
				b.required = &source.Requirements{Env: e} // what cannot be listed is not left without its list
			}
			for _, a := range c.Args().Slice() {
				s, err := source.Parse(e, a)
				if err != nil {
					return err
				}
				b.sources = append(b.sources, s)
			}
			return b.run(c.Context)
		},
	}
}

// A bundling is what one bundle command does.
type bundling struct {
	e            *ui.Env
	sources      []*source.Source
	out, tmpdir  string
	append, seal bool
	docker       bool
	json         bool
	o            durable.Options
	sign         *output.Signer       // nil to sign nothing
	required     *source.Requirements // what the policy asks of the output
	list         *output.ListFile     // nil to write no packing list
	about        []referrer
	added        *v1.Index // what is added to a layout that is there
	fresh        int       // entries that this one has by it
}

// A referrer is an artifact about one that was chosen out of a source.
type referrer struct {
	from *source.Source
	digest.Digest
}

func (b *bundling) archive() bool { return b.out == "-" || compression.ByName(b.out) != nil }

func (b *bundling) run(ctx context.Context) error {
	if b.append && b.archive() {
		return ui.Misuse(fmt.Errorf("--append: %s is an archive, want a layout directory", layout.Printable(b.out)), "bundle both sources into a new archive")
	}
	if b.docker && !b.archive() {
		return ui.Misuse(fmt.Errorf("--docker: %s is a directory, want an archive", layout.Printable(b.out)), "docker load reads .tar and .tar.gz")
	}
	if _, err := os.Lstat(b.out); err == nil && b.archive() && b.out != "-" && !b.o.Overwrite {
		return &fs.PathError{Op: "create", Path: b.out, Err: fs.ErrExist}
	}
	end := source.ShowReading(b.e, "bundling", b.sources...)
	defer end()
	if len(b.sources) == 1 && !b.archive() && !b.append && b.sources[0].Ref == "" && !b.sources[0].Docker {
		// One pass, from a pipe too.
		report, err := b.sources[0].WriteLayout(ctx, b.out, layout.WriterOptions(b.o), b.commit(), nil)
		end()
		if err != nil {
			return output.Existing(b.out, err)
		}
		if err := b.list.Of(ctx, b.out, report.Digest); err != nil {
			return err
		}
		b.left(b.sources[0].Signatures - b.sources[0].Kept)
		return b.answer(report.Index, string(report.Digest), report.Extra)
	}
	spool := filepath.Join(filepath.Dir(b.out), filepath.Base(b.out)+".spool")
	switch {
	case b.tmpdir != "":
		spool = filepath.Join(b.tmpdir, filepath.Base(spool))
	case b.out == "-":
		spool = filepath.Join(os.TempDir(), "ferry.spool")
	}
	var all []*layout.Contents
	checked := true
	for _, s := range b.sources {
		c, done, err := s.Contents(ctx, spool)
		if err != nil {
			return ui.NoRoom(filepath.Dir(spool), err)
		}
		defer done()
		checked = checked && s.Checked
		if s.Ref != "" {
			if c, err = b.choose(ctx, s, c); err != nil {
				return s.Err(err)
			}
		}
		all = append(all, c)
	}
	c, err := layout.Merge(all...)
	var clash *layout.NameError
	if errors.As(err, &clash) {
		return fmt.Errorf("%s and %s: %w", b.holder(all, clash.Have).Label(), b.holder(all, clash.New).Label(), err)
	}
	if err != nil {
		return err
	}
	if err := source.Acceptable(ctx, c, checked, "or leave it out: ferry bundle SRC:TAG -o OUT takes one of the others"); err != nil {
		var bad *layout.ArtifactError
		if errors.As(err, &bad) {
			err = b.holder(all, bad.Artifact.Digest).Err(err)
		}
		return b.corrupt(all, err)
	}
	kept := 0
	if b.sign != nil {
		c.Sign = b.sign.SignNew
	} else {
		source := *c
		c.Sign = func(seal []byte) ([]layout.Signature, error) {
			list, err := source.SignaturesFor(seal)
			kept = len(list)
			return list, err
		}
	}
	if b.archive() {
		err = output.WriteArchiveAs(b.e, b.out, b.o, func(w io.Writer, format *compression.Format) error {
			return b.writeTar(ctx, w, format, c)
		}, func(f *durable.File) error { return source.CheckOutput(ctx, b.required, f) })
	} else {
		c, err = b.toLayout(ctx, c)
	}
	if err != nil {
		return output.Existing(b.out, b.corrupt(all, err))
	}
	end()
	if err := b.list.Of(ctx, b.out, c.Digest()); err != nil {
		return err
	}
	for _, s := range b.sources {
		kept -= s.Signatures
	}
	b.left(-kept)
	b.referrersLeft(&c.Index)
	return b.answer(&c.Index, string(c.Digest()), c.Dropped)
}

// choose takes one artifact out of a source, and notes what is about it there.
func (b *bundling) choose(ctx context.Context, s *source.Source, c *layout.Contents) (*layout.Contents, error) {
	d, err := layout.Resolve(&c.Index, s.Ref)
	if err != nil {
		return nil, err
	}
	m, err := manifests(ctx, c)
	if err != nil {
		return nil, err
	}
	for _, r := range planReferrers(c, m, shipment{desc: d}) {
		b.about = append(b.about, referrer{s, r.desc.Digest})
	}
	return c.Only(s.Ref)
}

// referrersLeft says how many artifacts about what was chosen did not go along.
func (b *bundling) referrersLeft(index *v1.Index) {
	for _, s := range b.sources {
		n := 0
		for _, r := range b.about {
			if r.from == s && !slices.ContainsFunc(index.Manifests, func(d v1.Descriptor) bool { return d.Digest == r.Digest }) {
				n++
			}
		}
		if n > 0 {
			b.e.Note("%s of %s in %s stayed behind, such as signatures and SBOMs: ferry bundle %s -o OUT takes everything along", ui.Count(n, "referrer"), layout.Printable(s.Ref), s.Label(), ui.ShellWord(s.Name))
		}
	}
}

// left says of how many signatures the output has nothing.
func (b *bundling) left(n int) {
	if b.sign == nil {
		b.e.SignaturesLeft(n, b.seal || b.archive())
	}
}

func (b *bundling) toLayout(ctx context.Context, c *layout.Contents) (*layout.Contents, error) {
	var w *layout.Writer
	var err error
	if b.append {
		w, err = layout.Append(ctx, b.out, layout.WriterOptions(b.o))
		err = output.NothingToAppendTo(b.out, err)
	} else {
		w, err = layout.Create(b.out, layout.WriterOptions(b.o))
	}
	if err != nil {
		return nil, err
	}
	defer w.Close()
	if err := c.CopyTo(ctx, w); err != nil {
		return nil, err
	}
	if b.append {
		index, added := w.Index(), c.Index
		b.added, b.fresh = &added, -len(index.Manifests)
		if err := layout.AddTo(&index, c.Index.Manifests...); err != nil {
			return nil, err
		}
		if err := c.SetIndex(index); err != nil {
			return nil, err
		}
		b.fresh += len(index.Manifests)
	}
	if err := w.PutIndex(c.RawIndex); err != nil {
		return nil, err
	}
	_, err = w.Commit(ctx, b.commit())
	for _, d := range w.Repaired() {
		b.e.Note("%s was damaged there and has been written anew", d)
	}
	if err == nil {
		b.e.Unsealed(w.Removed(), b.out, b.seal, b.sign != nil)
	}
	return c, err
}

// corrupt names the source of a damaged blob, if that is the error.
func (b *bundling) corrupt(all []*layout.Contents, err error) error {
	var bad *layout.CorruptError
	if errors.As(err, &bad) {
		return b.holder(all, bad.Want).Err(err)
	}
	return err
}

// holder is the source that a blob of the output comes from.
func (b *bundling) holder(all []*layout.Contents, d digest.Digest) *source.Source {
	for i, c := range all {
		if slices.ContainsFunc(c.Blobs, func(b layout.Blob) bool { return b.Digest == d }) {
			return b.sources[i]
		}
	}
	return &source.Source{Name: b.out}
}

// bundleAnswer is what bundle reports.
type bundleAnswer struct {
	Output    string           `json:"output"`
	Identity  string           `json:"identity"`
	Artifacts []ui.ArtifactRow `json:"artifacts"`
	Added     []ui.ArtifactRow `json:"added,omitempty"` // of these, with --append
	Dropped   int              `json:"dropped"`
	Sealed    bool             `json:"sealed"`
	SignedBy  []string         `json:"signedBy,omitempty"` // with --sign
}

func (b *bundling) answer(index *v1.Index, identity string, dropped []string) error {
	a := bundleAnswer{Output: b.out, Identity: identity, Artifacts: ui.Rows(index), Dropped: len(dropped), Sealed: b.seal || b.archive(), SignedBy: b.sign.Fingerprints()}
	shown := a.Artifacts
	if b.added != nil {
		a.Added = ui.Rows(b.added)
		shown = a.Added
	}
	var w io.Writer = b.e.Stdout
	if b.out == "-" {
		w = b.e.Advice()
	}
	if b.json {
		if b.out == "-" {
			w = b.e.Stderr
		}
		return ui.PrintJSON(w, a)
	}
	fmt.Fprintf(w, "bundled %s\n", ui.Count(len(shown), "artifact"))
	s := ui.NewTable(w)
	s.Row("output", "%s (%s)", b.out, output.FormOf(b.out, a.Sealed))
	for _, r := range shown {
		s.Row("artifact", "%s", r.Name(r.Digest))
	}
	if b.added != nil {
		s.InAll(len(index.Manifests), b.fresh)
	}
	s.Row("identity", "%s", identity)
	for _, k := range a.SignedBy {
		s.Row("signed by", "%s", k)
	}
	b.e.StayedBehind(dropped)
	if b.sign != nil {
		output.CarrySigned(b.e, b.out, b.sign)
		return nil
	}
	_, file := output.NameOf(b.out)
	b.e.Next("ferry verify %s --expect %s", file, identity)
	return nil
}

// commit says how a layout directory that bundle writes is sealed, signed and
// checked.
func (b *bundling) commit() layout.CommitOptions {
	o := layout.CommitOptions{Seal: b.seal, Check: source.CheckLayout(b.required)}
	if b.sign != nil {
		o.Sign = b.sign.SignNew
	}
	return o
}
