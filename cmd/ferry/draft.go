package main

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"slices"

	"github.com/opencontainers/go-digest"
	v1 "github.com/opencontainers/image-spec/specs-go/v1"

	"github.com/ociferry/ferry/bundle"
	"github.com/ociferry/ferry/cmd/ferry/internal/ui"
	"github.com/ociferry/ferry/layout"
	"github.com/ociferry/ferry/layout/artifact"
)

// A drafting is what a plan becomes once its digests are known.
type drafting struct {
	*layout.Draft
	seen   *ui.Progress
	plan   *artifact.Plan
	packed *artifact.Packed
	index  v1.Index
}

// draft lists the files; base is the index that the artifact is added to.
func (p *packing) draft(fsys fs.FS, base v1.Index) (*drafting, error) {
	plan, err := artifact.NewPlan(p.kind, fsys, p.o)
	if err != nil {
		return nil, p.packError(err)
	}
	// The config is the last of the blobs: a file may be the same.
	n := len(plan.Layers)
	total := int64(0)
	for i := range plan.Layers {
		total += plan.Layers[i].Size
	}
	d := &drafting{plan: plan, seen: p.e.Progress("packing", total)}
	blobs := make([]layout.Blob, n+1)
	for i := range plan.Layers {
		l := &plan.Layers[i]
		blobs[i] = layout.Blob{Descriptor: v1.Descriptor{MediaType: l.MediaType, Size: l.Size}, Open: func() (io.ReadCloser, error) {
			r, err := l.Open()
			if err != nil || d.seen == nil {
				return r, err
			}
			return countedCloser{d.seen.Reader(r), r}, nil
		}}
	}
	blobs[n] = layout.InMemory(plan.ConfigDescriptor(), plan.Config)
	d.Draft = &layout.Draft{Blobs: blobs, Watch: func(i int) io.WriteCloser {
		if i == n {
			return nil
		}
		return plan.Watch(i)
	}}
	all := make([]layout.Blob, 0, n+2) // some megabytes, where there are many files
	d.Finish = func(digests []digest.Digest) (c *layout.Contents, err error) {
		if d.packed, err = plan.Finish(digests[:n]); err != nil {
			return nil, err
		}
		d.index = base
		d.index.Manifests = slices.Clone(base.Manifests)
		if err := p.name(&d.index, d.packed); err != nil {
			return nil, err
		}
		all = append(all[:0], layout.InMemory(d.packed.Descriptor, d.packed.Data), blobs[n])
		for i, l := range d.packed.Manifest.Layers {
			all = append(all, layout.Blob{Descriptor: l, Open: blobs[i].Open})
		}
		if c, err = layout.NewContents(d.index, all); err == nil && p.sign != nil {
			c.Sign = p.sign.sign
		}
		return c, err
	}
	return d, nil
}

type countedCloser struct {
	io.Reader
	io.Closer
}

// packError is an error of packing the files.
func (p *packing) packError(err error) error {
	var bad *layout.CorruptError
	if errors.As(err, &bad) || errors.Is(err, artifact.ErrChanged) || errors.Is(err, bundle.ErrChanged) {
		return ui.Hinted(fmt.Errorf("%s: a file was changed while it was packed: %w", layout.Printable(p.dir), err), "wait until nobody writes there, and pack again")
	}
	var path *fs.PathError
	if errors.As(err, &path) || ui.Settled(err) || ui.SignalCode(err) != 0 {
		return err // it names the file, of either side, or needs none
	}
	var content artifact.ContentError
	if err = ui.Wrap(p.dir, err); errors.As(err, &content) && !content.Refused() {
		err = ui.Hinted(err, p.kind.Repack+"; --no-check packs it as it is, and the far side refuses it")
	}
	return err
}
