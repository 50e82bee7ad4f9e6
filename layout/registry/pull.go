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

// Limits of what a registry can make a pull do.
const (
	maxDepth     = 16
	maxReferrers = 1000
)

// Pull fetches what a reference stands for into a stage, and returns what belongs
// into index.json, with its names: first what the reference stands for, then what
// refers to it. A tag beside a digest must stand for it, or the error is a
// *PinError. Otherwise the error is an *Error, a *ContentError, a *PlatformError,
// or one of the stage. What has come by then stays in the stage.
func (c *Client) Pull(ctx context.Context, ref Reference, s *Stage, o PullOptions) ([]v1.Descriptor, error) {
	if ref.Tag == "" && ref.Digest == "" {
		ref.Tag = "latest"
	}
	p := &pull{c: c, ref: ref, s: s, judge: o.Judge, docs: map[digest.Digest]bool{}, types: map[digest.Digest]string{}, leaves: map[digest.Digest]v1.Descriptor{}}
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
	if err := p.follow(ctx, top, 1); err != nil {
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
	c      *Client
	ref    Reference
	s      *Stage
	judge  func(v1.Descriptor, *v1.Manifest) error
	found  []v1.Descriptor
	docs   map[digest.Digest]bool // put into the stage
	order  []v1.Descriptor        // of these, as they came
	types  map[digest.Digest]string
	leaves map[digest.Digest]v1.Descriptor
	list   []v1.Descriptor // of leaves, as they came
}

// at is the reference to something else in the same repository.
func (p *pull) at(d digest.Digest) Reference {
	return Reference{Host: p.ref.Host, Repository: p.ref.Repository, Digest: d}
}

// follow puts a document into the stage, and all documents that it reaches; it
// notes the other blobs.
func (p *pull) follow(ctx context.Context, doc document, depth int) error {
	switch {
	case p.docs[doc.Digest]:
		return nil
	case depth > maxDepth:
		return p.wrong(doc.Digest, fmt.Errorf("indexes nested deeper than %d levels", maxDepth))
	case len(p.docs)+len(p.list) > layout.MaxFiles:
		return p.wrong(doc.Digest, fmt.Errorf("too many blobs, the limit is %d", layout.MaxFiles))
	}
	if err := p.s.put(doc); err != nil {
		return err
	}
	p.docs[doc.Digest] = true
	p.order = append(p.order, doc.Descriptor)
	children, err := layout.Children(doc.MediaType, doc.data)
	if err != nil {
		return p.wrong(doc.Digest, err)
	}
	if !layout.IsIndex(doc.MediaType) {
		m, err := layout.ParseManifest(doc.data, doc.MediaType)
		if err != nil {
			return p.wrong(doc.Digest, err)
		}
		p.types[doc.Digest] = m.ArtifactType
		if p.judge != nil {
			if err := p.judge(doc.Descriptor, m); err != nil {
				return err
			}
		}
	}
	for _, d := range children {
		if !layout.IsIndex(d.MediaType) && !layout.IsManifest(d.MediaType) {
			if have, ok := p.leaves[d.Digest]; ok && have.Size != d.Size {
				return p.wrong(doc.Digest, fmt.Errorf("it gives %s two sizes, %d and %d bytes", d.Digest, have.Size, d.Size))
			} else if !ok {
				p.leaves[d.Digest] = d
				p.list = append(p.list, d)
			}
			continue
		}
		if p.docs[d.Digest] {
			continue
		}
		child, err := p.c.document(ctx, p.at(d.Digest), &d)
		if err != nil {
			return err
		}
		if err := p.follow(ctx, child, depth+1); err != nil {
			return err
		}
	}
	return nil
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
