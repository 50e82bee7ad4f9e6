package registry

import (
	"context"
	"errors"
	"fmt"
	"net/http"

	v1 "github.com/opencontainers/image-spec/specs-go/v1"
	"oras.land/oras-go/v2/errdef"
	"oras.land/oras-go/v2/registry/remote/auth"

	"github.com/ociferry/ferry/layout"
)

// cosignTags are the ends of the tags under which cosign keeps what belongs to
// a manifest; they begin with its digest, a dash in place of the colon.
var cosignTags = []string{".sig", ".att", ".sbom"}

// referrers takes along what refers to the documents in the stage, and what
// refers to that.
func (p *pull) referrers(ctx context.Context) error {
	for i := 0; i < len(p.order); i++ {
		d := p.order[i]
		list, err := p.c.referrersOf(ctx, p.ref, d)
		if err != nil {
			return err
		}
		for _, r := range list {
			if err := p.add(ctx, r); err != nil {
				return err
			}
		}
		for _, end := range cosignTags {
			at := p.ref
			at.Tag, at.Digest = string(d.Digest.Algorithm())+"-"+d.Digest.Encoded()+end, ""
			if !layout.ValidTag(at.Tag) {
				continue // a SHA-512 is too long for one
			}
			doc, err := p.c.document(ctx, at, nil)
			if NotFound(err) {
				continue
			}
			if err != nil {
				return err
			}
			p.came[doc.Digest] = doc
			if err := p.walk(ctx, doc.Descriptor); err != nil {
				return err
			}
			doc.Annotations = layout.NameAnnotations(at.String())
			if err := p.addRoot(doc.Descriptor); err != nil {
				return err
			}
		}
	}
	return nil
}

// add fetches a referrer. What the registry says of it beside its digest, size
// and type is left behind: names are given here.
func (p *pull) add(ctx context.Context, r v1.Descriptor) error {
	if p.done[r.Digest] {
		return nil
	}
	if err := p.walk(ctx, r); err != nil {
		return err
	}
	return p.addRoot(v1.Descriptor{MediaType: r.MediaType, Digest: r.Digest, Size: r.Size, ArtifactType: p.types[r.Digest]})
}

func (p *pull) addRoot(d v1.Descriptor) error {
	if len(p.found) > maxReferrers {
		return p.wrong(p.found[0].Digest, fmt.Errorf("too many referrers, the limit is %d", maxReferrers))
	}
	p.found = append(p.found, d)
	return nil
}

// referrersOf asks the registry what refers to a manifest.
func (c *Client) referrersOf(ctx context.Context, ref Reference, d v1.Descriptor) (list []v1.Descriptor, err error) {
	const doing = "listing the referrers"
	at := ref.Name() + "@" + string(d.Digest)
	ctx, cancel := c.hurry(ctx, at, doing)
	defer cancel()
	err = c.try(ctx, at, doing, func(ctx context.Context) error {
		repo, err := c.repository(ctx, ref)
		if err != nil {
			return err
		}
		list = nil
		ctx = auth.AppendRepositoryScope(ctx, repo.Reference, auth.ActionPull)
		page := func(found []v1.Descriptor) error {
			if len(list)+len(found) > maxReferrers {
				return &ContentError{at, "list of referrers", fmt.Errorf("more than the limit of %d", maxReferrers)}
			}
			for _, r := range found {
				if _, err := layout.ParseDigest(string(r.Digest)); err != nil {
					return &ContentError{at, "list of referrers", err}
				}
				if layout.IsIndex(r.MediaType) || layout.IsManifest(r.MediaType) {
					list = append(list, r)
				}
			}
			return nil
		}
		err = repo.Referrers(ctx, d, "", page)
		switch _, _, status, _ := recordOf(ctx).last(); {
		case errors.Is(err, errdef.ErrNotFound):
			return nil
		case err != nil && (status == http.StatusBadRequest || status == http.StatusMethodNotAllowed || status == http.StatusNotImplemented):
			// An old registry may say so in its own way. The tag is asked for.
			repo.SetReferrersCapability(false)
			err = repo.Referrers(ctx, d, "", page)
			if errors.Is(err, errdef.ErrNotFound) {
				return nil
			}
		}
		return err
	})
	return list, err
}
