package registry

import (
	"context"
	"fmt"
	"path"
	"slices"

	"github.com/opencontainers/go-digest"
	v1 "github.com/opencontainers/image-spec/specs-go/v1"

	"github.com/ociferry/ferry/layout"
)

// A Shipment is one artifact with its destination: a repository, and the tags to
// set there.
type Shipment struct {
	v1.Descriptor
	To   Reference
	Tags []string
}

// A ClashError says that two artifacts would go to the same place.
type ClashError struct {
	Place string
	Both  [2]digest.Digest
}

func (e *ClashError) Error() string {
	return fmt.Sprintf("%s: both %s and %s would go there", e.Place, e.Both[0], e.Both[1])
}

// A NamelessError is a name that says nothing of a repository.
type NamelessError struct{ Name string }

func (e *NamelessError) Error() string {
	return layout.Printable(e.Name) + " names no repository, only a tag"
}

// PlanAll gives every artifact of a layout its place in a registry: its
// repository below a path, which may be empty, and its tag. What has a tag alone
// goes to the path itself; a nameless artifact goes to its subject's repository.
// Left are those that have neither. The error is a *ClashError, a *NamelessError,
// a *ReferenceError, or one of the layout.
func PlanAll(ctx context.Context, c *layout.Contents, host, below string) (all []Shipment, left []v1.Descriptor, err error) {
	p := plan{at: map[digest.Digest][]int{}, taken: map[string]digest.Digest{}}
	var named []digest.Digest
	for _, d := range c.Index.Manifests {
		names := layout.Names(d)
		if len(names) == 0 {
			continue
		}
		to, tag, err := place(host, below, names[0])
		if err != nil {
			return nil, nil, err
		}
		if err := p.add(d, to, tag); err != nil {
			return nil, nil, err
		}
		named = append(named, d.Digest)
	}
	referrers, err := c.Referrers(ctx, named, false)
	if err != nil {
		return nil, nil, err
	}
	for _, r := range referrers {
		var on []int
		for _, d := range r.On {
			on = append(on, p.at[d]...)
		}
		slices.Sort(on)
		for _, i := range on {
			p.add(r.Descriptor, p.all[i].To, "")
		}
	}
	for _, d := range c.Index.Manifests {
		if p.at[d.Digest] == nil {
			left = append(left, d)
		}
	}
	return p.all, left, nil
}

// PlanReferrers are what refers to a shipment, and to that in turn; it goes to
// the same repository.
func PlanReferrers(ctx context.Context, c *layout.Contents, first Shipment) (all []Shipment, err error) {
	referrers, err := c.Referrers(ctx, []digest.Digest{first.Digest}, true)
	for _, r := range referrers {
		s := Shipment{Descriptor: r.Descriptor, To: first.To}
		if r.Tag != "" {
			s.Tags = []string{r.Tag}
		}
		all = append(all, s)
	}
	return all, err
}

type plan struct {
	all   []Shipment
	at    map[digest.Digest][]int // of all
	taken map[string]digest.Digest
}

// add adds a shipment, or a tag to the one that is there.
func (p *plan) add(d v1.Descriptor, to Reference, tag string) error {
	if tag != "" {
		full := to.Name() + ":" + tag
		if have, ok := p.taken[full]; ok && have != d.Digest {
			return &ClashError{full, [2]digest.Digest{have, d.Digest}}
		}
		p.taken[full] = d.Digest
	}
	at := -1
	for _, i := range p.at[d.Digest] {
		if p.all[i].To == to {
			at = i
		}
	}
	if at < 0 {
		at = len(p.all)
		p.all = append(p.all, Shipment{Descriptor: d, To: to})
		p.at[d.Digest] = append(p.at[d.Digest], at)
	}
	if tag != "" && !slices.Contains(p.all[at].Tags, tag) {
		p.all[at].Tags = append(p.all[at].Tags, tag)
	}
	return nil
}

// place is where an artifact goes by its name.
func place(host, below, name string) (to Reference, tag string, err error) {
	to = Reference{Host: host, Repository: below}
	if layout.ValidTag(name) {
		if below == "" {
			err = &NamelessError{name}
		}
		return to, name, err
	}
	r, err := Parse(name)
	if err != nil {
		return to, "", err
	}
	to.Repository = path.Join(below, r.Repository)
	_, err = Parse(to.Name())
	return to, r.Tag, err
}
