package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"

	v1 "github.com/opencontainers/image-spec/specs-go/v1"
	"github.com/urfave/cli/v2"

	"github.com/ociferry/ferry/bundle"
	"github.com/ociferry/ferry/cmd/ferry/internal/output"
	"github.com/ociferry/ferry/cmd/ferry/internal/remote"
	"github.com/ociferry/ferry/cmd/ferry/internal/source"
	"github.com/ociferry/ferry/cmd/ferry/internal/ui"
	"github.com/ociferry/ferry/layout"
	"github.com/ociferry/ferry/layout/compression"
	"github.com/ociferry/ferry/layout/kinds"
	"github.com/ociferry/ferry/layout/registry"
)

func pullCommand(e *ui.Env) *cli.Command {
	return &cli.Command{
		Name:      "pull",
		Usage:     "fetch artifacts and images from registries into a bundle",
		ArgsUsage: "REF... -o OUT",
		Description: "Example: ferry pull ghcr.io/team/lei-cache:latest -o lei-cache.tar\n\n" +
			"REF is [oci://]HOST[:PORT]/REPOSITORY with :TAG, @DIGEST or both, which must then agree; a\n" +
			"host alone means its repository " + registry.DefaultRepository + ". OUT says the form by its name, as in ferry pack.\n" +
			"All that comes is hashed on the way. A pull that was cut off goes on where it stood when it\n" +
			"is run again: until then, what has come lies in .OUT.ferry-pull beside OUT.",
		Flags: append([]cli.Flag{
			ui.OutputFlag("write the bundle to `OUT`"),
			&cli.StringFlag{Name: "platform", Usage: "take the image for one `OS/ARCH[/VARIANT]` out of an index"},
			&cli.BoolFlag{Name: "all-platforms", Usage: "take the whole index (the default)"},
			&cli.BoolFlag{Name: "include-referrers", Usage: "take signatures, SBOMs and attestations along"},
			&cli.BoolFlag{Name: "append", Usage: "add to an existing layout directory"},
			&cli.BoolFlag{Name: "seal", Usage: "write SHA256SUMS into a layout directory too"},
			ui.OverwriteFlag("an existing OUT"),
			&cli.StringFlag{Name: "tmpdir", Usage: "with -o -, collect the blobs in `DIR` first (default: TMPDIR or the system's)"},
			ui.NoSyncFlag(),
			ui.FormatFlag(),
		}, remote.Flags()...),
		Action: func(c *cli.Context) error {
			p, err := newPullRun(c, e)
			if err != nil {
				return err
			}
			p.show = remote.NewProgress(e, "pulling")
			defer p.show.End()
			client, err := remote.Connect(e, c, p.show, p.refs...)
			if err != nil {
				return err
			}
			defer client.Close()
			p.client = client
			return p.run(c.Context)
		},
	}
}

// A pullRun is one run of ferry pull.
type pullRun struct {
	*output.Output
	c      *cli.Context
	client *registry.Client
	show   *remote.Progress
	refs   []registry.Reference
	tmpdir string
	what   registry.PullOptions
}

func newPullRun(c *cli.Context, e *ui.Env) (*pullRun, error) {
	out, err := output.Parse(e, c)
	if err != nil {
		return nil, err
	}
	p := &pullRun{Output: out, c: c, tmpdir: c.String("tmpdir"), what: registry.PullOptions{Referrers: c.Bool("include-referrers")}}
	if p.what.Platform, err = remote.ParsePlatform(c.String("platform")); err != nil {
		return nil, err
	}
	switch {
	case p.what.Platform != nil && c.Bool("all-platforms"):
		return nil, ui.Misuse(errors.New("--platform and --all-platforms exclude each other"), "all platforms are the default")
	case c.NArg() == 0:
		return nil, ui.Misuse(errors.New("pull: missing the reference"), "see ferry help pull")
	}
	if err := p.NoAppend("pull into a new archive, and put both together with ferry bundle"); err != nil {
		return nil, err
	}
	for _, a := range c.Args().Slice() {
		ref, err := registry.Parse(a)
		if err != nil {
			return nil, err
		}
		p.refs = append(p.refs, ref)
	}
	return p, p.checkOutput()
}

// checkOutput asks before anything is fetched whether the output can be made.
func (p *pullRun) checkOutput() error {
	info, err := os.Lstat(p.Name)
	switch {
	case p.Name == "-" || errors.Is(err, fs.ErrNotExist) && !p.Append:
		return nil
	case err != nil:
		return output.NothingToAppendTo(p.Name, err)
	case p.Append || p.Options.Overwrite:
		return nil
	}
	if info.IsDir() && !p.IsArchive() {
		if f, err := os.Open(p.Name); err == nil {
			names, _ := f.Readdirnames(1)
			f.Close()
			if len(names) == 0 {
				return nil
			}
		}
	}
	err = output.Existing(p.Name, &fs.PathError{Op: "create", Path: p.Name, Err: fs.ErrExist})
	if dir := registry.StageFor(p.Name); ui.IsThere(dir) {
		err = ui.Leaves(err, fmt.Sprintf("an earlier pull left %s in %s: --overwrite goes on from there, or remove it", ui.Size(ui.FilesSize(os.DirFS(dir))), layout.Printable(dir)))
	}
	return err
}

// stage opens the place where blobs are collected.
func (p *pullRun) stage() (*registry.Stage, error) {
	if p.Name != "-" {
		return registry.OpenStage(registry.StageFor(p.Name))
	}
	return registry.TempStage(p.tmpdir)
}

func (p *pullRun) run(ctx context.Context) (err error) {
	s, err := p.stage()
	if err != nil {
		return p.noRoom(err)
	}
	if p.Append || p.Options.Overwrite && !p.IsArchive() {
		// What the layout holds already need not come again.
		if r, err := layout.OpenDir(p.Name); err == nil {
			defer r.Close()
			s.Borrow(r)
		}
	}
	taken := false // another output has the name: the same command would not do
	defer func() {
		kept, e := s.Close(p.Name != "-" && !taken && worthKeeping(err))
		switch {
		case kept:
			err = ui.Leaves(err, "what has come is kept in "+layout.Printable(s.Path())+", and the same command goes on from there")
		case err == nil:
			err = e
		}
	}()
	index, err := p.fetch(ctx, s)
	p.show.End()
	if err != nil {
		return p.noRoom(err)
	}
	c, err := s.Contents(ctx, index, p.Seal && !p.IsArchive() && !p.Append)
	if err != nil {
		return err
	}
	if err := source.Acceptable(ctx, c, false, othersPulled); err != nil {
		return err
	}
	fresh := 0
	switch {
	case p.IsArchive():
		err = p.WriteArchive(ctx, func(w io.Writer, format *compression.Format) error { return bundle.Write(ctx, w, format, c) })
	case p.Append:
		fresh, err = p.WriteLayout(ctx, c, nil)
	default:
		err = s.Commit(p.Name, p.Options)
	}
	if err != nil {
		taken = errors.Is(err, fs.ErrExist)
		return output.Existing(p.Name, err)
	}
	return p.answer(c, &index, fresh)
}

const othersPulled = "or leave it out, and pull the others"

// noRoom is noRoom where blobs are collected elsewhere than beside the output.
func (p *pullRun) noRoom(err error) error {
	if p.Name != "-" {
		return err
	}
	return ui.NoRoom(p.tmpdir, err)
}

// fetch brings everything into the stage.
func (p *pullRun) fetch(ctx context.Context, s *registry.Stage) (v1.Index, error) {
	index := layout.NewIndex()
	for _, ref := range p.refs {
		p.what.Judge = func(d v1.Descriptor, m *v1.Manifest) error {
			if err := kinds.All.CheckManifest(m); err != nil {
				return source.Unacceptable(fmt.Errorf("%s: %w", ref, &layout.FormatError{Name: layout.BlobPath(d.Digest), Err: err}), othersPulled)
			}
			return nil
		}
		got, err := p.client.Pull(ctx, ref, s, p.what)
		if err != nil {
			return index, remote.NotThere(ctx, p.c, p.client, ref, err)
		}
		if err := layout.AddTo(&index, got...); err != nil {
			return index, err
		}
	}
	return index, nil
}

// worthKeeping reports whether what has come before an error is wanted all the
// same: one blob that is wrong says nothing about others.
func worthKeeping(err error) bool {
	var content *registry.ContentError
	code, _ := ui.Outcome(err)
	return err != nil && (code == ui.CodeFailed || ui.SignalCode(err) != 0 || errors.As(err, &content))
}

// pullAnswer is what pull reports.
type pullAnswer struct {
	Output    string           `json:"output"`
	Identity  string           `json:"identity"`
	Artifacts []ui.ArtifactRow `json:"artifacts"`
	Added     []ui.ArtifactRow `json:"added,omitempty"` // of these, with --append
	Blobs     int              `json:"blobs"`
	Bytes     int64            `json:"bytes"`
	Sealed    bool             `json:"sealed"`
}

// answer says what was pulled, and how many entries of the output are fresh by it.
func (p *pullRun) answer(c *layout.Contents, pulled *v1.Index, fresh int) error {
	a := pullAnswer{Output: p.Name, Identity: string(c.Digest()), Artifacts: ui.Rows(&c.Index), Blobs: len(c.Blobs), Sealed: p.Sealed()}
	for _, b := range c.Blobs {
		a.Bytes += b.Size
	}
	shown := a.Artifacts
	if p.Append {
		a.Added = ui.Rows(pulled)
		shown = a.Added
	}
	title := "pulled " + ui.Count(len(shown), "artifact")
	return p.Answer(a, title, a.Identity, func(t ui.Table) {
		for _, r := range shown {
			t.Row("artifact", "%s", r.Name("(no name)"))
			t.Row("", "%s", r.Digest)
		}
		if p.Append {
			t.InAll(len(c.Index.Manifests), fresh)
		}
		t.Row("content", "%s, %s, all hashed", ui.Count(a.Blobs, "blob"), ui.Size(a.Bytes))
	}, func() { p.Next(a.Identity) })
}
