package main

import (
	"context"
	"errors"
	"fmt"
	"io"
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
			out, err := output.Parse(e, c)
			if err != nil {
				return err
			}
			if c.NArg() == 0 {
				return ui.Misuse(errors.New("bundle: missing the source"), "see ferry help bundle")
			}
			b := &bundleRun{Output: out, docker: c.Bool("docker"), tmpdir: c.String("tmpdir")}
			if err := b.ParseTrust(c); err != nil {
				return err
			}
			if b.List != nil && b.Required == nil {
				b.Required = &source.Requirements{Env: e} // what cannot be listed is not left without its list
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

// A bundleRun is one run of ferry bundle.
type bundleRun struct {
	*output.Output
	sources []*source.Source
	tmpdir  string
	docker  bool
	about   []referrer
	added   *v1.Index // what is added to a layout that is there
	fresh   int       // entries that this one has by it
}

// A referrer is an artifact about one that was chosen out of a source.
type referrer struct {
	from *source.Source
	digest.Digest
}

func (b *bundleRun) run(ctx context.Context) error {
	if err := b.NoAppend("bundle both sources into a new archive"); err != nil {
		return err
	}
	if b.docker && !b.IsArchive() {
		return ui.Misuse(fmt.Errorf("--docker: %s is a directory, want an archive", layout.Printable(b.Name)), "docker load reads .tar and .tar.gz")
	}
	if err := b.Free(); err != nil {
		return err
	}
	end := source.ShowReading(b.Env, "bundling", b.sources...)
	defer end()
	if len(b.sources) == 1 && !b.IsArchive() && !b.Append && b.sources[0].Ref == "" && !b.sources[0].Docker {
		// One pass, from a pipe too.
		report, err := b.sources[0].WriteLayout(ctx, b.Name, layout.WriterOptions(b.Options), b.CommitOptions(), nil)
		end()
		if err != nil {
			return output.Existing(b.Name, err)
		}
		if err := b.List.Of(ctx, b.Name, report.Digest); err != nil {
			return err
		}
		b.left(b.sources[0].Signatures - b.sources[0].Kept)
		return b.answer(report.Index, string(report.Digest), report.Extra)
	}
	tmpdir := filepath.Dir(b.Name)
	switch {
	case b.tmpdir != "":
		tmpdir = b.tmpdir
	case b.Name == "-":
		tmpdir = os.TempDir()
	}
	var all []*layout.Contents
	checked := true
	for _, s := range b.sources {
		c, done, err := s.Contents(ctx, tmpdir)
		if err != nil {
			return ui.NoRoom(tmpdir, err)
		}
		defer done()
		checked = checked && s.Content != nil
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
	if err := source.Acceptable(ctx, c, checked, others); err != nil {
		var bad *layout.ArtifactError
		if errors.As(err, &bad) {
			err = b.holder(all, bad.Artifact.Digest).Err(err)
		}
		return b.corrupt(all, err)
	}
	kept := 0
	if b.Sign != nil {
		c.Sign = b.Sign.SignNew
	} else {
		source := *c
		c.Sign = func(seal []byte) ([]layout.Signature, error) {
			list, err := source.SignaturesFor(seal)
			kept = len(list)
			return list, err
		}
	}
	var verdict error
	judge := func() error {
		verdict = b.judge(ctx, all)
		return verdict
	}
	if b.Name == "-" { // which cannot be taken back
		if err = c.Read(ctx); err == nil {
			err = judge()
		}
		judge = func() error { return nil }
	}
	switch {
	case err != nil:
	case b.IsArchive():
		err = b.WriteArchive(ctx, func(w io.Writer, format *compression.Format) error {
			if err := b.writeTar(ctx, w, format, c); err != nil {
				return err
			}
			return judge()
		})
	default:
		if b.Append {
			b.added = new(v1.Index)
			*b.added = c.Index
		}
		b.fresh, err = b.WriteLayout(ctx, c, judge)
	}
	if verdict != nil {
		return verdict
	}
	if err != nil {
		return output.Existing(b.Name, b.corrupt(all, err))
	}
	end()
	if err := b.List.Of(ctx, b.Name, c.Digest()); err != nil {
		return err
	}
	for _, s := range b.sources {
		kept -= s.Signatures
	}
	b.left(-kept)
	b.referrersLeft(&c.Index)
	return b.answer(&c.Index, string(c.Digest()), c.Dropped)
}

const others = "or leave it out: ferry bundle SRC:TAG -o OUT takes one of the others"

// judge says the verdict on the sources, which were judged while they were copied.
func (b *bundleRun) judge(ctx context.Context, all []*layout.Contents) error {
	for i, s := range b.sources {
		if err := s.Finish(ctx, all[i], others); err != nil {
			return err
		}
	}
	return nil
}

// choose takes one artifact out of a source, and notes what is about it there.
func (b *bundleRun) choose(ctx context.Context, s *source.Source, c *layout.Contents) (*layout.Contents, error) {
	d, err := layout.Resolve(&c.Index, s.Ref)
	if err != nil {
		return nil, err
	}
	referrers, err := c.Referrers(ctx, []digest.Digest{d.Digest}, true)
	if err != nil {
		return nil, err
	}
	for _, r := range referrers {
		b.about = append(b.about, referrer{s, r.Digest})
	}
	return c.Only(s.Ref)
}

// referrersLeft says how many artifacts about what was chosen did not go along.
func (b *bundleRun) referrersLeft(index *v1.Index) {
	for _, s := range b.sources {
		n := 0
		for _, r := range b.about {
			if r.from == s && !slices.ContainsFunc(index.Manifests, func(d v1.Descriptor) bool { return d.Digest == r.Digest }) {
				n++
			}
		}
		if n > 0 {
			b.Env.Note("%s of %s in %s stayed behind, such as signatures and SBOMs: ferry bundle %s -o OUT takes everything along", ui.Count(n, "referrer"), layout.Printable(s.Ref), s.Label(), ui.ShellWord(s.Name))
		}
	}
}

// left says of how many signatures the output has nothing.
func (b *bundleRun) left(n int) {
	if b.Sign == nil {
		b.Env.SignaturesLeft(n, b.Sealed())
	}
}

// corrupt names the source of a damaged blob, if that is the error.
func (b *bundleRun) corrupt(all []*layout.Contents, err error) error {
	var bad *layout.CorruptError
	if errors.As(err, &bad) {
		return b.holder(all, bad.Want).Err(err)
	}
	return err
}

// holder is the source that a blob of the output comes from.
func (b *bundleRun) holder(all []*layout.Contents, d digest.Digest) *source.Source {
	for i, c := range all {
		if slices.ContainsFunc(c.Blobs, func(b layout.Blob) bool { return b.Digest == d }) {
			return b.sources[i]
		}
	}
	return &source.Source{Name: b.Name}
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

func (b *bundleRun) answer(index *v1.Index, identity string, dropped []string) error {
	a := bundleAnswer{Output: b.Name, Identity: identity, Artifacts: ui.Rows(index), Dropped: len(dropped), Sealed: b.Sealed(), SignedBy: b.Sign.Fingerprints()}
	shown := a.Artifacts
	if b.added != nil {
		a.Added = ui.Rows(b.added)
		shown = a.Added
	}
	title := "bundled " + ui.Count(len(shown), "artifact")
	return b.Answer(a, title, identity, func(t ui.Table) {
		for _, r := range shown {
			t.Row("artifact", "%s", r.Name(r.Digest))
		}
		if b.added != nil {
			t.InAll(len(index.Manifests), b.fresh)
		}
	}, func() {
		b.Env.StayedBehind(dropped)
		if b.Sign != nil {
			b.Next(identity)
			return
		}
		_, file := output.NameOf(b.Name)
		b.Env.Next("ferry verify %s --expect %s", file, identity)
	})
}
