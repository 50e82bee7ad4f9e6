package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"path"
	"slices"
	"strings"

	"github.com/opencontainers/go-digest"
	v1 "github.com/opencontainers/image-spec/specs-go/v1"

	"github.com/ociferry/ferry/cmd/ferry/internal/ui"
	"github.com/ociferry/ferry/layout"
	"github.com/ociferry/ferry/layout/kinds"
	"github.com/ociferry/ferry/layout/registry"
)

// A shipment is one artifact with its destination.
type shipment struct {
	desc v1.Descriptor
	to   registry.Reference
	tags []string
}

func (p *pushRun) plan(ctx context.Context, c *layout.Contents) ([]shipment, error) {
	m, err := manifests(ctx, c)
	if err != nil {
		return nil, p.src.Err(err)
	}
	if p.all {
		return p.planAll(c, m)
	}
	d, err := layout.Resolve(&c.Index, p.src.Ref)
	var ref *layout.ReferenceError
	if errors.As(err, &ref) && !ref.Several && layout.ValidTag(p.src.Ref) {
		return nil, ui.Hinted(p.src.Err(err), "-t chooses among what is there; --add-tag "+p.src.Ref+" sets a further tag")
	}
	if err != nil {
		return nil, p.src.Err(err)
	}
	if p.to.Digest != "" && p.to.Digest != d.Digest {
		return nil, ui.Fail(ui.CodeBad, fmt.Errorf("%s: want %s, found %s", p.src.Label(), p.to.Digest, d.Digest), "ferry ls shows the digests; leave the digest out of REF to push whatever it is")
	}
	tags, err := p.defaultTags(d, m[d.Digest])
	if err != nil {
		return nil, err
	}
	s := []shipment{{d, p.to, tags}}
	if p.referrers {
		s = append(s, planReferrers(c, m, s[0])...)
	}
	return s, nil
}

// defaultTags are the tags to set, each once.
func (p *pushRun) defaultTags(d v1.Descriptor, m *v1.Manifest) ([]string, error) {
	var tags []string
	switch {
	case p.to.Tag != "":
		tags = []string{p.to.Tag}
	case p.to.Digest != "":
	case m != nil && kinds.All.Of(m) != nil && kinds.All.Of(m).Tags != nil:
		found, _ := p.src.Content.Finding(d.Digest)
		var err error
		if tags, err = found.Kind.Tags(found.Date); err != nil {
			return nil, p.src.Err(err)
		}
	default:
		tags = []string{"latest"}
		for _, n := range layout.Names(d) {
			if i := strings.LastIndexByte(n, ':'); layout.ValidTag(n[i+1:]) {
				tags = []string{n[i+1:]}
			}
		}
	}
	for _, t := range p.tags {
		if !slices.Contains(tags, t) {
			tags = append(tags, t)
		}
	}
	return tags, nil
}

// planAll gives every artifact its place below the path.
func (p *pushRun) planAll(c *layout.Contents, m map[digest.Digest]*v1.Manifest) ([]shipment, error) {
	var all []shipment
	taken := map[string]digest.Digest{}
	var nameless []v1.Descriptor
	for _, d := range c.Index.Manifests {
		to, tag, ok, err := p.place(d)
		if err != nil {
			return nil, err
		}
		if !ok {
			nameless = append(nameless, d)
			continue
		}
		if tag != "" {
			full := to.Name() + ":" + tag
			if have, ok := taken[full]; ok && have != d.Digest {
				return nil, ui.Misuse(fmt.Errorf("%s: both %s and %s would go there", full, have, d.Digest), "push them one by one with -t, to different repositories")
			}
			taken[full] = d.Digest
		}
		all = add(all, shipment{desc: d, to: to}, tag)
	}
	// What has no name goes where that is which it is about; signatures of
	// signatures after these.
	for again := true; again && len(nameless) > 0; {
		again = false
		for i, d := range nameless {
			found := false
			for _, s := range slices.Clone(all) {
				if about(m[d.Digest], s.desc, c) {
					all = add(all, shipment{desc: d, to: s.to}, "")
					found = true
				}
			}
			if found {
				nameless = slices.Delete(nameless, i, i+1)
				again = true
				break
			}
		}
	}
	for _, d := range nameless {
		p.e.Note("%s has no name and stays here; push it alone with -t", d.Digest)
	}
	if len(all) == 0 {
		return nil, fmt.Errorf("%s: nothing in it has a name to be pushed under", p.src.Label())
	}
	return all, nil
}

// add adds a shipment, or a tag to the one that is there.
func add(all []shipment, s shipment, tag string) []shipment {
	at := slices.IndexFunc(all, func(x shipment) bool { return x.desc.Digest == s.desc.Digest && x.to == s.to })
	if at < 0 {
		all = append(all, s)
		at = len(all) - 1
	}
	if tag != "" && !slices.Contains(all[at].tags, tag) {
		all[at].tags = append(all[at].tags, tag)
	}
	return all
}

// place is where an artifact goes by its name.
func (p *pushRun) place(d v1.Descriptor) (to registry.Reference, tag string, ok bool, err error) {
	to = p.to
	names := layout.Names(d)
	if len(names) == 0 {
		return to, "", false, nil
	}
	n := names[0]
	if layout.ValidTag(n) {
		if p.path == "" {
			return to, "", false, ui.Misuse(fmt.Errorf("%s names no repository, only a tag", layout.Printable(n)), "give one: ferry push SRC HOST/REPOSITORY --all")
		}
		to.Repository = p.path
		return to, n, true, nil
	}
	r, err := registry.Parse(n)
	if err != nil {
		return to, "", false, fmt.Errorf("%s: %w", p.src.Label(), err)
	}
	to.Repository = path.Join(p.path, r.Repository)
	_, err = registry.Parse(to.Name())
	return to, r.Tag, true, err
}

// planReferrers are the artifacts that are about another, and about these.
func planReferrers(c *layout.Contents, m map[digest.Digest]*v1.Manifest, first shipment) []shipment {
	all := []shipment{first}
	for again := true; again; {
		again = false
		for _, d := range c.Index.Manifests {
			if slices.ContainsFunc(all, func(s shipment) bool { return s.desc.Digest == d.Digest }) {
				continue
			}
			for _, s := range all {
				tag, isCosign := cosignTag(d, s.desc, c)
				if isCosign || about(m[d.Digest], s.desc, c) {
					all = add(all, shipment{desc: d, to: first.to}, tag)
					again = true
					break
				}
			}
		}
	}
	return all[1:]
}

// about reports whether a manifest's subject is d or what d reaches.
func about(m *v1.Manifest, d v1.Descriptor, c *layout.Contents) bool {
	if m == nil || m.Subject == nil {
		return false
	}
	return reaches(c, d, m.Subject.Digest)
}

// cosignTag is the tag of d if cosign keeps it so for what of reaches.
func cosignTag(d, of v1.Descriptor, c *layout.Contents) (string, bool) {
	for _, n := range layout.Names(d) {
		tag := n[strings.LastIndexByte(n, ':')+1:]
		name, _, ok := strings.Cut(tag, ".")
		algorithm, hex, ok2 := strings.Cut(name, "-")
		if x, err := layout.ParseDigest(algorithm + ":" + hex); ok && ok2 && err == nil && reaches(c, of, x) {
			return tag, true
		}
	}
	return "", false
}

func reaches(c *layout.Contents, d v1.Descriptor, x digest.Digest) bool {
	if d.Digest == x {
		return true
	}
	only, err := c.Only(string(d.Digest))
	return err == nil && slices.ContainsFunc(only.Blobs, func(b layout.Blob) bool { return b.Digest == x })
}

// manifests reads every manifest that the index of the contents has.
func manifests(ctx context.Context, c *layout.Contents) (map[digest.Digest]*v1.Manifest, error) {
	listed := map[digest.Digest]bool{}
	for _, d := range c.Index.Manifests {
		listed[d.Digest] = layout.IsManifest(d.MediaType)
	}
	all := map[digest.Digest]*v1.Manifest{}
	for _, b := range c.Blobs {
		if !listed[b.Digest] {
			continue
		}
		r, err := b.Open()
		if err != nil {
			return nil, err
		}
		var data bytes.Buffer
		err = layout.Copy(ctx, &data, r, b.Descriptor)
		r.Close()
		if err != nil {
			return nil, err
		}
		if all[b.Digest], err = layout.ParseManifest(data.Bytes(), b.MediaType); err != nil {
			return nil, err
		}
	}
	return all, nil
}
