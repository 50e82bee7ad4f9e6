package main

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	v1 "github.com/opencontainers/image-spec/specs-go/v1"

	"github.com/ociferry/ferry/cmd/ferry/internal/ui"
	"github.com/ociferry/ferry/layout"
	"github.com/ociferry/ferry/layout/kinds"
	"github.com/ociferry/ferry/layout/registry"
)

func (p *pushRun) plan(ctx context.Context, c *layout.Contents) ([]registry.Shipment, error) {
	if p.all {
		return p.planAll(ctx, c)
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
	var m *v1.Manifest
	err = c.Walk(ctx, layout.WalkOptions{Roots: []v1.Descriptor{d}}, func(n *layout.Node) error {
		m = n.Manifest
		return layout.SkipChildren
	})
	if err != nil {
		return nil, p.src.Err(err)
	}
	tags, err := p.defaultTags(d, m)
	if err != nil {
		return nil, err
	}
	s := []registry.Shipment{{Descriptor: d, To: p.to, Tags: tags}}
	if p.referrers {
		more, err := registry.PlanReferrers(ctx, c, s[0])
		if err != nil {
			return nil, p.src.Err(err)
		}
		s = append(s, more...)
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
func (p *pushRun) planAll(ctx context.Context, c *layout.Contents) ([]registry.Shipment, error) {
	all, left, err := registry.PlanAll(ctx, c, p.to.Host, p.path)
	var clash *registry.ClashError
	var nameless *registry.NamelessError
	switch {
	case errors.As(err, &clash):
		return nil, ui.Misuse(err, "push them one by one with -t, to different repositories")
	case errors.As(err, &nameless):
		return nil, ui.Misuse(err, "give one: ferry push SRC HOST/REPOSITORY --all")
	case err != nil:
		return nil, p.src.Err(err)
	}
	for _, d := range left {
		p.e.Note("%s has no name and stays here; push it alone with -t", d.Digest)
	}
	if len(all) == 0 {
		return nil, fmt.Errorf("%s: nothing in it has a name to be pushed under", p.src.Label())
	}
	return all, nil
}
