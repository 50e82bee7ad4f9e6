package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	v1 "github.com/opencontainers/image-spec/specs-go/v1"
	"github.com/urfave/cli/v2"

	"github.com/ociferry/ferry/bundle"
	"github.com/ociferry/ferry/cmd/ferry/internal/output"
	"github.com/ociferry/ferry/cmd/ferry/internal/source"
	"github.com/ociferry/ferry/cmd/ferry/internal/ui"
	"github.com/ociferry/ferry/layout"
	"github.com/ociferry/ferry/layout/artifact"
	"github.com/ociferry/ferry/layout/compression"
	"github.com/ociferry/ferry/layout/durable"
	"github.com/ociferry/ferry/layout/kinds"
)

func packCommand(e *ui.Env) *cli.Command {
	return &cli.Command{
		Name:      "pack",
		Usage:     "pack an LEI snapshot or any directory as an OCI artifact",
		ArgsUsage: "DIR [FILE:MEDIATYPE]... -o OUT",
		Description: "Example: ferry pack lei-cache-2026-02-05 -o lei-cache.tar\n" +
			"Example: ferry pack handbook -o handbook.tar.zst -t docs.internal/handbook:3\n\n" +
			"DIR is an LEI snapshot (manifest.json and cache.jsonl.gz), which is checked first, or\n" +
			"any directory. OUT says the form by its name: .tar, .tar.gz or .tgz, .tar.zst, else a\n" +
			"layout directory; - is a tar on standard output. FILE:MEDIATYPE gives a file of DIR\n" +
			"another media type. Packing twice gives the same bytes: what is packed of a directory is the\n" +
			"names and contents of its files, not their modes and times, and no empty directories.",
		Flags: append([]cli.Flag{
			ui.OutputFlag("write the bundle to `OUT`"),
			&cli.StringSliceFlag{Name: "tag", Aliases: []string{"t"}, Usage: "give the artifact this `REF`, a full reference or a tag; may be repeated"},
			&cli.BoolFlag{Name: "lei-tags", Usage: "tag with the snapshot's date, latest, and weekly on Sundays"},
			&cli.StringFlag{Name: "kind", Usage: strings.Join(kinds.All.Names(), " or ") + ", instead of what DIR looks like"},
			&cli.StringSliceFlag{Name: "annotation", Aliases: []string{"a"}, Usage: "add `KEY=VALUE` to the manifest; may be repeated"},
			&cli.StringFlag{Name: "artifact-type", Usage: "the artifact's media `TYPE`"},
			&cli.StringFlag{Name: "created", Usage: "the `TIME` of packing in RFC 3339, instead of the snapshot's own"},
			&cli.BoolFlag{Name: "no-check", Usage: "pack a snapshot that is not sound, which the far side refuses"},
			&cli.BoolFlag{Name: "allow-secrets", Usage: "pack a snapshot whose reports hold secrets"},
			&cli.BoolFlag{Name: "append", Usage: "add to an existing layout directory"},
			&cli.BoolFlag{Name: "seal", Usage: "write SHA256SUMS into a layout directory too"},
			ui.OverwriteFlag("an existing OUT; with --append, move names"),
			ui.NoSyncFlag(),
			source.PolicyFlag(),
			ui.FormatFlag(),
		}, append(output.SignFlags(), output.PackingListFlags()...)...),
		Action: func(c *cli.Context) error {
			p, err := newPacking(c, e)
			if err != nil {
				return err
			}
			return p.run(c.Context)
		},
	}
}

// A packing is what one pack command does.
type packing struct {
	e         *ui.Env
	dir, out  string
	kind      *artifact.Kind
	repo      string
	tags      []string
	o         artifact.Options
	leiTags   bool
	append    bool
	seal      bool
	overwrite bool
	noSync    bool
	json      bool
	sign      *output.Signer       // nil to sign nothing
	required  *source.Requirements // what the policy asks of the output
	list      *output.ListFile     // nil to write no packing list
	notices   []string
}

func newPacking(c *cli.Context, e *ui.Env) (*packing, error) {
	out, err := output.WantOutput(c)
	if err == nil {
		err = e.NoTerminal("-o", out)
	}
	if err != nil {
		return nil, err
	}
	if c.NArg() == 0 {
		return nil, ui.Misuse(errors.New("pack: missing the directory to pack"), "see ferry help pack")
	}
	p := &packing{
		e: e, dir: c.Args().First(), out: out, tags: c.StringSlice("tag"), leiTags: c.Bool("lei-tags"),
		append: c.Bool("append"), seal: c.Bool("seal"), overwrite: c.Bool("overwrite"), noSync: c.Bool("no-sync"),
		json: c.String("format") == "json",
		o:    artifact.Options{ArtifactType: c.String("artifact-type"), NoCheck: c.Bool("no-check")},
	}
	if p.append && (out == "-" || compression.ByName(out) != nil) {
		return nil, ui.Misuse(fmt.Errorf("--append: %s is an archive, want a layout directory", layout.Printable(out)), "pack into a directory, then ferry bundle it")
	}
	if p.dir == "" {
		return nil, ui.Misuse(errors.New("pack: the name of the directory is empty"), "look at the variable that it came from")
	}
	info, err := os.Stat(p.dir)
	if err != nil {
		return nil, err
	}
	if !info.IsDir() {
		return nil, ui.Misuse(fmt.Errorf("%s: want a directory, found a file", layout.Printable(p.dir)), "ferry bundle converts a bundle; ferry export makes a snapshot of reports")
	}
	if p.kind = kinds.All.For(c.String("kind"), os.DirFS(p.dir)); p.kind == nil {
		return nil, ui.Misuse(fmt.Errorf("--kind %q: there is no such kind", c.String("kind")), "the kinds are: "+strings.Join(kinds.All.Names(), ", "))
	}
	p.repo = strings.ReplaceAll(p.kind.Repository, "%s", slug(p.dir))
	switch {
	case p.kind.Tags == nil && p.leiTags:
		return nil, ui.Misuse(errors.New("--lei-tags is for an LEI snapshot, and this is none"), "give names with -t")
	case p.kind.Files != nil && c.NArg() > 1:
		return nil, ui.Misuse(fmt.Errorf("%s: the files of %s have media types of their own", layout.Printable(c.Args().Get(1)), p.kind.Noun), "leave it out, or pack the directory with --kind files")
	}
	if err := p.whole(p.kind); err != nil {
		return nil, err
	}
	p.o.Secrets = onSecrets(c.Bool("allow-secrets"))
	if t := p.o.ArtifactType; t != "" && !layout.IsMediaType(t) {
		return nil, noMediaType("--artifact-type", t)
	}
	if c.String("kind") == "" {
		for _, k := range kinds.All {
			if k.Incomplete == nil {
				continue
			}
			switch maybe, surely := k.Incomplete(os.DirFS(p.dir)); {
			case surely:
				return nil, p.whole(k)
			case maybe:
				e.Note("%v; packed as plain files", p.whole(k))
			}
		}
	}
	p.overlooked(c.String("kind") != "")
	if p.o.MediaTypes, err = mediaTypes(c.Args().Tail()); err != nil {
		return nil, err
	}
	if p.o.Annotations, err = annotations(c.StringSlice("annotation")); err != nil {
		return nil, err
	}
	if p.o.Created, p.o.CreatedElse, err = created(c, e); err != nil {
		return nil, err
	}
	if p.sign, err = output.NewSigner(e, c); err != nil {
		return nil, err
	}
	p.seal = p.seal || p.sign != nil
	if p.list, err = output.NewListFile(e, c, "packing-list"); err != nil {
		return nil, err
	}
	p.required, err = source.NewWriterRequirements(e, c, p.sign.Fingerprints())
	return p, err
}

// onSecrets is what packing does about secrets in the content.
func onSecrets(allow bool) artifact.Secrets {
	if allow {
		return artifact.AllowSecrets
	}
	return artifact.RefuseSecrets
}

// whole says which file of a kind the directory lacks.
func (p *packing) whole(k *artifact.Kind) error {
	missing := k.Missing(os.DirFS(p.dir))
	if missing == "" {
		return nil
	}
	found := "none"
	if _, err := os.Stat(filepath.Join(p.dir, missing)); err == nil {
		found = "something else"
	}
	return ui.Hinted(fmt.Errorf("%s: not %s: want a file %s in it, found %s", layout.Printable(p.dir), k.Noun, missing, found), k.Make+"; --kind files packs any directory as files")
}

func (p *packing) run(ctx context.Context) error {
	fsys, err := layout.OpenFS(p.dir)
	if err != nil {
		return err
	}
	defer fsys.Close()
	var packed *artifact.Packed
	var index v1.Index
	if p.out == "-" || compression.ByName(p.out) != nil {
		packed, index, err = p.toArchive(ctx, fsys)
	} else {
		packed, index, err = p.toLayout(ctx, fsys)
	}
	if err != nil {
		return err
	}
	identity, err := layout.IndexDigest(index)
	if err == nil {
		err = p.list.Of(ctx, p.out, identity)
	}
	if err != nil {
		return err
	}
	return p.answer(packed, index)
}

func (p *packing) toArchive(ctx context.Context, fsys fs.FS) (*artifact.Packed, v1.Index, error) {
	var index v1.Index
	if p.out != "-" {
		// Asked before anything is read, so that the answer comes at once.
		if _, err := os.Lstat(p.out); err == nil && !p.overwrite {
			return nil, index, &fs.PathError{Op: "create", Path: p.out, Err: fs.ErrExist}
		}
	}
	plan, names, err := p.plan(fsys)
	if err != nil {
		return nil, index, err
	}
	seen := p.progress(plan)
	defer seen.End()
	o := bundle.PackOptions{Names: names}
	if p.sign != nil {
		o.Sign = p.sign.SignNew
	}
	var packed *artifact.Packed
	err = output.WriteArchiveAs(p.e, p.out, durable.Options{Overwrite: p.overwrite, NoSync: p.noSync}, func(w io.Writer, format *compression.Format) error {
		var c *layout.Contents
		var err error
		if packed, c, err = bundle.Pack(ctx, w, format, plan, o); err == nil {
			index = c.Index
		}
		return p.packError(err)
	}, func(f *durable.File) error { return source.CheckOutput(ctx, p.required, f) })
	return packed, index, err
}

// plan lists the files, and names the artifact.
func (p *packing) plan(fsys fs.FS) (*artifact.Plan, []string, error) {
	plan, err := artifact.NewPlan(p.kind, fsys, p.o)
	if err != nil {
		return nil, nil, p.packError(err)
	}
	names, err := p.names(plan.Tag)
	return plan, names, err
}

// progress shows how much of the files has been read.
func (p *packing) progress(plan *artifact.Plan) *ui.Progress {
	seen := p.e.Progress("packing", plan.Size())
	if seen != nil {
		plan.Progress = seen.Add
	}
	return seen
}

func (p *packing) toLayout(ctx context.Context, fsys fs.FS) (*artifact.Packed, v1.Index, error) {
	var index v1.Index
	o := layout.WriterOptions{Overwrite: p.overwrite, NoSync: p.noSync}
	create := func() (*layout.Writer, error) { return layout.Create(p.out, o) }
	if p.append {
		create = func() (*layout.Writer, error) {
			w, err := layout.Append(ctx, p.out, o)
			if !errors.Is(err, durable.ErrBusy) { // which names it
				err = ui.Wrap(p.out, err)
			}
			return w, output.NothingToAppendTo(p.out, err)
		}
	}
	w, err := create()
	if err != nil {
		return nil, index, output.Existing(p.out, err)
	}
	defer w.Close()
	before := w.Index()
	plan, names, err := p.plan(fsys)
	if err != nil {
		return nil, index, err
	}
	seen := p.progress(plan)
	defer seen.End()
	packed, err := artifact.Pack(ctx, w, plan, names...)
	if err != nil {
		return nil, index, p.packError(err)
	}
	commit := layout.CommitOptions{Seal: p.seal, Check: source.CheckLayout(p.required)}
	if p.sign != nil {
		commit.Sign = p.sign.SignNew
	}
	index = w.Index()
	_, err = w.Commit(ctx, commit)
	for _, d := range w.Repaired() {
		p.e.Note("%s was damaged there and has been written anew", d)
	}
	if err == nil {
		p.e.Unsealed(w.Removed(), p.out, p.seal, p.sign != nil)
		p.moved(before, index, packed.Digest)
	}
	return packed, index, err
}

// packAnswer is what pack reports.
type packAnswer struct {
	Output     string   `json:"output"`
	Kind       string   `json:"kind"`
	References []string `json:"references"`
	Manifest   string   `json:"manifest"`
	Identity   string   `json:"identity"`
	Files      int      `json:"files"`
	Bytes      int64    `json:"bytes"`
	Sealed     bool     `json:"sealed"`
	SignedBy   []string `json:"signedBy,omitempty"`
	Notices    []string `json:"notices,omitempty"`
}

func (p *packing) answer(packed *artifact.Packed, index v1.Index) error {
	identity, err := layout.IndexDigest(index)
	if err != nil {
		return err
	}
	a := packAnswer{
		Output: p.out, Kind: p.kind.Name, Manifest: string(packed.Digest), Identity: string(identity),
		SignedBy: p.sign.Fingerprints(),
		Files:    len(packed.Manifest.Layers), Sealed: p.seal || p.out == "-" || compression.ByName(p.out) != nil,
	}
	refused := p.refused(packed.Refused)
	a.Notices = append(packed.Notices, p.notices...)
	for _, d := range index.Manifests {
		if n := layout.Names(d); d.Digest == packed.Digest && len(n) > 0 {
			a.References = append(a.References, n[0])
		}
	}
	for _, l := range packed.Manifest.Layers {
		a.Bytes += l.Size
	}
	var w io.Writer = p.e.Stdout
	if p.out == "-" {
		w = p.e.Advice() // standard output holds the bundle
	}
	for _, n := range a.Notices {
		p.e.Note("%s", n)
	}
	if p.json {
		if p.out == "-" {
			w = p.e.Stderr
		}
		return ui.PrintJSON(w, a)
	}
	fmt.Fprintf(w, "packed %s\n", layout.Printable(p.dir))
	s := ui.NewTable(w)
	s.Row("output", "%s (%s)", p.out, output.FormOf(p.out, a.Sealed))
	for _, r := range a.References {
		s.Row("artifact", "%s", r)
	}
	s.Row("manifest", "%s", a.Manifest)
	s.Row("content", "%s, %s", ui.Count(a.Files, "file"), ui.Size(a.Bytes))
	s.Row("identity", "%s", a.Identity)
	for _, k := range a.SignedBy {
		s.Row("signed by", "%s", k)
	}
	what, file := output.NameOf(p.out)
	if refused {
		p.e.Next("ferry verify %s says what the far side will say; mend the snapshot, and pack it again", file)
		return nil
	}
	if p.sign != nil {
		output.CarrySigned(p.e, p.out, p.sign)
		return nil
	}
	p.e.Next("carry %s over, and the identity by another way; on the far side:\n      ferry verify %s --expect %s", what, file, a.Identity)
	return nil
}
