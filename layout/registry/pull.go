package registry

import (
	"context"
	"fmt"
	"sync"

	"github.com/opencontainers/go-digest"
	v1 "github.com/opencontainers/image-spec/specs-go/v1"

	"github.com/ociferry/ferry/layout"
)

// PullOptions say what is pulled. The zero value is all that a reference
// reaches and nothing that refers to it.
type PullOptions struct {
	// Platform takes the one image for it out of an index.
	Platform *v1.Platform
	// Referrers takes signatures, SBOMs and attestations along: what the
	// registry lists as referrers of a manifest, by its interface or by the tag
	// that stands in for it, theirs in turn, and cosign's tags.
	Referrers bool
	// Judge, when set, is asked about every manifest before any other blob is
	// fetched. Its error ends the pull, and is Pull's, as it is.
	Judge func(v1.Descriptor, *v1.Manifest) error
}

// maxReferrers is how many referrers a pull takes along.
const maxReferrers = 1000

// Pull fetches what a reference stands for into a stage, and returns what belongs
// into index.json, with its names: first what the reference stands for, then what
// refers to it. A tag beside a digest must stand for it, or the error is a
// *PinError. Otherwise the error is an *Error, a *ContentError, a *PlatformError,
// or one of the stage. What has come by then stays in the stage.
func (c *Client) Pull(ctx context.Context, ref Reference, s *Stage, o PullOptions) ([]v1.Descriptor, error) {
	if ref.Tag == "" && ref.Digest == "" {
		ref.Tag = "latest"
	}
	p := &pull{c: c, ref: ref, s: s, judge: o.Judge, came: map[digest.Digest]document{}, done: map[digest.Digest]bool{}, types: map[digest.Digest]string{}, sizes: map[digest.Digest]int64{}}
	top, err := c.document(ctx, ref, nil)
	if err != nil {
		return nil, err
	}
	var extra []v1.Descriptor
	if o.Platform != nil {
		if top, extra, err = p.choose(ctx, top, *o.Platform); err != nil {
			return nil, err
		}
	}
	p.came[top.Digest] = top
	if err := p.walk(ctx, top.Descriptor); err != nil {
		return nil, err
	}
	p.found = []v1.Descriptor{named(top, ref)}
	if o.Referrers {
		for _, d := range extra {
			if err := p.add(ctx, d); err != nil {
				return nil, err
			}
		}
		if err := p.referrers(ctx); err != nil {
			return nil, err
		}
	}
	return p.found, p.blobs(ctx)
}

// A pull is one reference on its way.
type pull struct {
	c     *Client
	ref   Reference
	s     *Stage
	judge func(v1.Descriptor, *v1.Manifest) error
	found []v1.Descriptor
	came  map[digest.Digest]document // fetched, and not put into the stage yet
	done  map[digest.Digest]bool     // documents that are in the stage
	order []v1.Descriptor            // of these, as they came
	types map[digest.Digest]string   // of these, their artifact types
	size  int64                      // of these, in bytes
	sizes map[digest.Digest]int64    // of the other blobs
	list  []v1.Descriptor            // of these, as they were named
}

// at is the reference to something else in the same repository.
func (p *pull) at(d digest.Digest) Reference {
	return Reference{Host: p.ref.Host, Repository: p.ref.Repository, Digest: d}
}

// walk puts a document into the stage, and all documents that it reaches; it
// notes the other blobs.
func (p *pull) walk(ctx context.Context, d v1.Descriptor) error {
	err := layout.Walk(ctx, layout.WalkOptions{Roots: []v1.Descriptor{d}, Document: p.document, Repeats: true}, p.visit)
	if format, ok := err.(*layout.FormatError); ok { // of the walk itself
		err = p.wrong(d.Digest, format)
	}
	return err
}

// document is nothing for a document that is in the stage: it has been walked.
// Documents are counted before one more is asked for.
func (p *pull) document(ctx context.Context, d v1.Descriptor) (*v1.Index, *v1.Manifest, error) {
	switch {
	case p.done[d.Digest]:
		return nil, nil, nil
	case d.Size <= layout.MaxDocument && p.size+d.Size > maxDocuments: // a larger one is refused by itself
		return nil, nil, tooManyDocuments(p.ref)
	case len(p.done)+len(p.list) > layout.MaxFiles:
		return nil, nil, p.wrong(d.Digest, fmt.Errorf("too many blobs, the limit is %d", layout.MaxFiles))
	}
	doc, ok := p.came[d.Digest]
	if !ok {
		var err error
		if doc, err = p.c.document(ctx, p.at(d.Digest), &d); err != nil {
			return nil, nil, err
		}
	}
	delete(p.came, d.Digest)
	p.done[d.Digest] = true
	p.size += doc.Size
	p.order = append(p.order, doc.Descriptor)
	return doc.index, doc.manifest, p.s.put(doc)
}

// visit judges a manifest, and notes what else there is to fetch.
func (p *pull) visit(n *layout.Node) error {
	if isDocument(n.Descriptor) {
		if n.Manifest == nil || n.Again {
			return nil
		}
		p.types[n.Digest] = n.Manifest.ArtifactType
		if p.judge != nil {
			return p.judge(v1.Descriptor{MediaType: n.MediaType, Digest: n.Digest, Size: n.Size}, n.Manifest)
		}
		return nil
	}
	have, ok := p.sizes[n.Digest]
	if ok && have != n.Size {
		return p.wrong(n.Parent.Digest, fmt.Errorf("it gives %s two sizes, %d and %d bytes", n.Digest, have, n.Size))
	}
	if !ok {
		p.sizes[n.Digest] = n.Size
		p.list = append(p.list, n.Descriptor)
	}
	return nil
}

func isDocument(d v1.Descriptor) bool {
	return layout.IsIndex(d.MediaType) || layout.IsManifest(d.MediaType)
}

func (p *pull) wrong(d digest.Digest, err error) error {
	return &ContentError{p.ref.Name() + "@" + string(d), "manifest", err}
}

// blobs fetches what the documents name.
func (p *pull) blobs(ctx context.Context) error {
	for _, d := range p.list {
		p.c.total.Add(d.Size)
	}
	return p.c.each(ctx, len(p.list), func(ctx context.Context, i int) error {
		d := p.list[i]
		there, err := p.s.holds(ctx, d)
		if there || err != nil {
			p.c.carried(d.Size)
			return err
		}
		return p.c.blob(ctx, p.ref, d, p.s)
	})
}

// each does something n times, a few at a time, and ends with the first error.
func (c *Client) each(ctx context.Context, n int, one func(ctx context.Context, i int) error) error {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	var wg sync.WaitGroup
	slots := make(chan struct{}, c.o.Concurrency)
	for i := range n {
		slots <- struct{}{}
		if ctx.Err() != nil {
			break
		}
		wg.Go(func() {
			defer func() { <-slots }()
			if err := one(ctx, i); err != nil {
				cancel(err)
			}
		})
	}
	wg.Wait()
	return context.Cause(ctx)
}
