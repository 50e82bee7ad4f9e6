package output

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"

	"github.com/opencontainers/go-digest"
	v1 "github.com/opencontainers/image-spec/specs-go/v1"

	"github.com/ociferry/ferry/bundle"
	"github.com/ociferry/ferry/cmd/ferry/internal/ui"
	"github.com/ociferry/ferry/layout"
	"github.com/ociferry/ferry/layout/artifact"
	"github.com/ociferry/ferry/layout/compression"
)

// A Packing is a directory that becomes an artifact in an output.
type Packing struct {
	*Output
	Dir        string // as it is called
	Kind       *artifact.Kind
	Artifact   artifact.Options
	Repository string // of a name that is a tag alone
	Tags       []string
	KindTags   bool // give it the tags of its kind as well
	Notices    []string
}

// Notice keeps what is said when all is packed.
func (p *Packing) Notice(format string, args ...any) {
	p.Notices = append(p.Notices, fmt.Sprintf(format, args...))
}

// Pack packs the files, and returns the index that the output has then.
func (p *Packing) Pack(ctx context.Context, fsys fs.FS) (packed *artifact.Packed, index v1.Index, err error) {
	if p.IsArchive() {
		packed, index, err = p.toArchive(ctx, fsys)
	} else {
		packed, index, err = p.toLayout(ctx, fsys)
	}
	return packed, index, err
}

func (p *Packing) toArchive(ctx context.Context, fsys fs.FS) (packed *artifact.Packed, index v1.Index, err error) {
	if err := p.Free(); err != nil {
		return nil, index, err
	}
	plan, names, end, err := p.plan(fsys)
	if err != nil {
		return nil, index, err
	}
	defer end()
	o := bundle.PackOptions{Names: names}
	if p.Sign != nil {
		o.Sign = p.Sign.SignNew
	}
	err = p.WriteArchive(ctx, func(w io.Writer, format *compression.Format) (err error) {
		var c *layout.Contents
		if packed, c, err = bundle.Pack(ctx, w, format, plan, o); err == nil {
			index = c.Index
		}
		return p.packError(err)
	})
	return packed, index, err
}

func (p *Packing) toLayout(ctx context.Context, fsys fs.FS) (packed *artifact.Packed, index v1.Index, err error) {
	w, err := p.Open(ctx)
	if err != nil {
		return nil, index, Existing(p.Name, err)
	}
	defer w.Close()
	before := w.Index()
	plan, names, end, err := p.plan(fsys)
	if err != nil {
		return nil, index, err
	}
	defer end()
	if packed, err = artifact.Pack(ctx, w, plan, names...); err != nil {
		return nil, index, p.packError(err)
	}
	index = w.Index()
	if err = p.Commit(ctx, w); err == nil {
		p.moved(before, index, packed.Digest)
	}
	return packed, index, err
}

// plan lists the files and names the artifact. Until end it is shown how much of
// the files has been read.
func (p *Packing) plan(fsys fs.FS) (plan *artifact.Plan, names []string, end func(), err error) {
	if plan, err = artifact.NewPlan(p.Kind, fsys, p.Artifact); err != nil {
		return nil, nil, nil, p.packError(err)
	}
	if names, err = p.names(plan.Tag); err != nil {
		return nil, nil, nil, err
	}
	seen := p.Env.Progress("packing", plan.Size())
	if seen != nil {
		plan.Progress = seen.Add
	}
	return plan, names, seen.End, nil
}

// moved says from what an artifact has taken its names.
func (p *Packing) moved(before, after v1.Index, packed digest.Digest) {
	names := map[digest.Digest]int{}
	for _, d := range after.Manifests {
		names[d.Digest] += len(layout.Names(d))
	}
	for i, d := range before.Manifests {
		had, has := layout.Names(d), layout.Names(after.Manifests[i])
		if d.Digest == packed || len(had) == len(has) {
			continue
		}
		left := "under its other names"
		if names[d.Digest] == 0 {
			left = "without a name, and is carried over with it; ferry bundle " + ui.ShellWord(p.Name+":"+had[0]) + " -o OUT takes the new one alone"
		}
		p.Notice("%s stood for %s before, which stays in %s %s", layout.Printable(had[0]), d.Digest, layout.Printable(p.Name), left)
	}
}

// packError is an error of packing the files.
func (p *Packing) packError(err error) error {
	var bad *layout.CorruptError
	if errors.As(err, &bad) || errors.Is(err, artifact.ErrChanged) || errors.Is(err, layout.ErrChanged) {
		return ui.Hinted(fmt.Errorf("%s: a file was changed while it was packed: %w", layout.Printable(p.Dir), err), "wait until nobody writes there, and pack again")
	}
	var taken *layout.NameError
	if errors.As(err, &taken) {
		return ui.Hinted(err, "choose another name with -t, or move this one with --overwrite")
	}
	var path *fs.PathError
	if errors.As(err, &path) || ui.Settled(err) || ui.SignalCode(err) != 0 {
		return err // it names the file, of either side, or needs none
	}
	var content artifact.ContentError
	if err = ui.Wrap(p.Dir, err); errors.As(err, &content) && !content.Refused() {
		err = ui.Hinted(err, p.Kind.Repack+"; --no-check packs it as it is, and the far side refuses it")
	}
	return err
}
