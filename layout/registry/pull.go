package registry

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"sync"

	"github.com/opencontainers/go-digest"
	v1 "github.com/opencontainers/image-spec/specs-go/v1"
	"oras.land/oras-go/v2/errdef"
	"oras.land/oras-go/v2/registry/remote/auth"

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
}

// A Pulled says what a pull brought.
type Pulled struct {
	// Descriptors belong into index.json, with their names. The first is what
	// the reference stands for; the others refer to it.
	Descriptors []v1.Descriptor
	Manifests   []*v1.Manifest // all that were reached
}

// Limits of what a registry can make a pull do.
const (
	maxDepth     = 16
	maxReferrers = 1000
)

// cosignTags are the ends of the tags under which cosign keeps what belongs to
// a manifest; they begin with its digest, a dash in place of the colon.
var cosignTags = []string{".sig", ".att", ".sbom"}

// Pull fetches what a reference stands for into a stage. A tag beside a digest
// must stand for it, or the error is a *PinError. Otherwise the error is an
// *Error, a *ContentError, a *PlatformError, or one of the stage. What has come
// by then stays in the stage.
func (c *Client) Pull(ctx context.Context, ref Reference, s *Stage, o PullOptions) (*Pulled, error) {
	if ref.Tag == "" && ref.Digest == "" {
		ref.Tag = "latest"
	}
	p := &pull{c: c, ref: ref, s: s, docs: map[digest.Digest]bool{}, types: map[digest.Digest]string{}, leaves: map[digest.Digest]v1.Descriptor{}}
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
	p.out.Descriptors = []v1.Descriptor{named(top, ref)}
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
	return &p.out, p.blobs(ctx)
}

// A pull is one reference on its way.
type pull struct {
	c      *Client
	ref    Reference
	s      *Stage
	out    Pulled
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
		p.out.Manifests = append(p.out.Manifests, m)
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

// A PlatformError says that an index has not just one image for a platform.
type PlatformError struct {
	Reference string
	Want      string
	Have      []string // what there is, or what fits
	Several   bool
}

func (e *PlatformError) Error() string {
	if e.Several {
		return fmt.Sprintf("%s: several images fit the platform %s: %q", e.Reference, e.Want, e.Have)
	}
	return fmt.Sprintf("%s: no image for the platform %s; there are: %q", e.Reference, e.Want, e.Have)
}

// FormatPlatform is OS/ARCH or OS/ARCH/VARIANT.
func FormatPlatform(p v1.Platform) string {
	s := p.OS + "/" + p.Architecture
	if p.Variant != "" {
		s += "/" + p.Variant
	}
	return s
}

// fits reports whether an image for p runs where want is asked for. For arm64
// the variant v8 is the only one, written or not.
func fits(p, want v1.Platform) bool {
	if p.OS != want.OS || p.Architecture != want.Architecture {
		return false
	}
	if p.Architecture == "arm64" && (p.Variant == "v8" || p.Variant == "") && (want.Variant == "v8" || want.Variant == "") {
		return true
	}
	return want.Variant == "" || p.Variant == want.Variant
}

// choose takes the image for a platform out of an index, and the attestations
// that the index holds about it.
func (p *pull) choose(ctx context.Context, top document, want v1.Platform) (document, []v1.Descriptor, error) {
	fail := &PlatformError{Reference: p.ref.String(), Want: FormatPlatform(want)}
	if !layout.IsIndex(top.MediaType) {
		have, err := p.platformOf(ctx, top)
		if err == nil && have != nil && !fits(*have, want) {
			fail.Have = []string{FormatPlatform(*have)}
			err = fail
		}
		return top, nil, err
	}
	index, err := layout.ParseIndex(top.data, top.MediaType)
	if err != nil {
		return top, nil, err
	}
	var found []v1.Descriptor
	var names []string
	for _, d := range index.Manifests {
		if d.Platform == nil {
			continue
		}
		fail.Have = append(fail.Have, FormatPlatform(*d.Platform))
		if fits(*d.Platform, want) {
			found = append(found, d)
			names = append(names, FormatPlatform(*d.Platform))
		}
	}
	switch {
	case len(found) == 0:
		return top, nil, fail
	case len(found) > 1:
		fail.Have, fail.Several = names, true
		return top, nil, fail
	}
	var about []v1.Descriptor
	for _, d := range index.Manifests {
		// How BuildKit puts attestations beside images.
		if d.Annotations["vnd.docker.reference.digest"] == string(found[0].Digest) && d.Digest != found[0].Digest {
			about = append(about, d)
		}
	}
	doc, err := p.c.document(ctx, p.at(found[0].Digest), &found[0])
	return doc, about, err
}

// platformOf reads the config of a single image; nil means that it is for none.
func (p *pull) platformOf(ctx context.Context, doc document) (*v1.Platform, error) {
	m, err := layout.ParseManifest(doc.data, doc.MediaType)
	if err != nil {
		return nil, p.wrong(doc.Digest, err)
	}
	switch m.Config.MediaType {
	case v1.MediaTypeImageConfig, "application/vnd.docker.container.image.v1+json":
	default:
		return nil, nil
	}
	if m.Config.Size > layout.MaxDocument {
		return nil, p.wrong(m.Config.Digest, tooLarge(m.Config.Size))
	}
	if there, err := p.s.holds(ctx, m.Config); err != nil {
		return nil, err
	} else if !there {
		if err := p.c.blob(ctx, p.ref, m.Config, p.s); err != nil {
			return nil, err
		}
	}
	f, err := layout.Open(layout.RootFS(p.s.root)).Fetch(ctx, m.Config)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	var b bytes.Buffer
	if err := layout.Copy(ctx, &b, f, m.Config); err != nil {
		return nil, err
	}
	var config v1.Platform
	if err := json.Unmarshal(b.Bytes(), &config); err != nil {
		return nil, &ContentError{p.ref.Name() + "@" + string(m.Config.Digest), "image config", err}
	}
	return &config, nil
}

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
			if !ValidTag(at.Tag) {
				continue // a SHA-512 is too long for one
			}
			doc, err := p.c.document(ctx, at, nil)
			if NotFound(err) {
				continue
			}
			if err != nil {
				return err
			}
			if err := p.follow(ctx, doc, 1); err != nil {
				return err
			}
			doc.Annotations = layout.NameAnnotations(at.String())
			if err := p.list1(doc.Descriptor); err != nil {
				return err
			}
		}
	}
	return nil
}

// add fetches a referrer. What the registry says of it beside its digest, size
// and type is left behind: names are given here.
func (p *pull) add(ctx context.Context, r v1.Descriptor) error {
	if p.docs[r.Digest] {
		return nil
	}
	doc, err := p.c.document(ctx, p.at(r.Digest), &r)
	if err != nil {
		return err
	}
	if err := p.follow(ctx, doc, 1); err != nil {
		return err
	}
	d := doc.Descriptor
	d.ArtifactType = p.types[d.Digest]
	return p.list1(d)
}

func (p *pull) list1(d v1.Descriptor) error {
	if len(p.out.Descriptors) > maxReferrers {
		return p.wrong(p.out.Descriptors[0].Digest, fmt.Errorf("too many referrers, the limit is %d", maxReferrers))
	}
	p.out.Descriptors = append(p.out.Descriptors, d)
	return nil
}

// referrersOf asks the registry what refers to a manifest.
func (c *Client) referrersOf(ctx context.Context, ref Reference, d v1.Descriptor) (list []v1.Descriptor, err error) {
	at := ref.Name() + "@" + string(d.Digest)
	err = c.try(ctx, at, "listing the referrers", func(ctx context.Context) error {
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
