package layout_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/opencontainers/go-digest"
	v1 "github.com/opencontainers/image-spec/specs-go/v1"

	"github.com/ociferry/ferry/layout"
)

// A graph is documents by a name each, "i" for an index and "m" for a manifest;
// other names are blobs.
type graph struct {
	index    map[string][]string // what it lists
	manifest map[string][]string // its config, then its layers
	subject  map[string]string
}

func node(name string) v1.Descriptor {
	d := v1.Descriptor{MediaType: "text/plain", Digest: digest.FromString(name), Size: 1, ArtifactType: name}
	switch name[0] {
	case 'i':
		d.MediaType = v1.MediaTypeImageIndex
	case 'm':
		d.MediaType = v1.MediaTypeImageManifest
	}
	return d
}

func nodes(names []string) (all []v1.Descriptor) {
	for _, n := range names {
		all = append(all, node(n))
	}
	return all
}

func (g graph) document(_ context.Context, d v1.Descriptor) (*v1.Index, *v1.Manifest, error) {
	var subject *v1.Descriptor
	if s := g.subject[d.ArtifactType]; s != "" {
		about := node(s)
		subject = &about
	}
	if list, ok := g.index[d.ArtifactType]; ok {
		return &v1.Index{Manifests: nodes(list), Subject: subject}, nil, nil
	}
	if list, ok := g.manifest[d.ArtifactType]; ok {
		return nil, &v1.Manifest{Config: node(list[0]), Layers: nodes(list[1:]), Subject: subject}, nil
	}
	return nil, nil, nil
}

func (g graph) referrers(_ context.Context, d v1.Descriptor) (all []v1.Descriptor, err error) {
	for _, from := range slices.Sorted(func(yield func(string) bool) {
		for from, to := range g.subject {
			if to == d.ArtifactType && !yield(from) {
				return
			}
		}
	}) {
		all = append(all, node(from))
	}
	return all, nil
}

// A walk visits each digest once, parents first, unless it is told otherwise.
func TestWalk(t *testing.T) {
	g := graph{
		index:    map[string][]string{"i": {"m1", "m2", "i2", "gone"}, "i2": {"m2", "m1"}},
		manifest: map[string][]string{"m1": {"c", "l"}, "m2": {"c", "k", "l"}, "m.sig": {"c", "s"}, "m.sig2": {"c"}},
		subject:  map[string]string{"m.sig": "m1", "m.sig2": "m.sig", "m2": "absent"},
	}
	for _, c := range []struct {
		name, roots string
		o           layout.WalkOptions
		want        string
	}{
		{"parents first", "i", layout.WalkOptions{}, "i m1 c l m2 k i2 gone"},
		{"children first", "i", layout.WalkOptions{ChildrenFirst: true}, "c l m1 k m2 i2 gone i"},
		{"repeats", "i i2", layout.WalkOptions{Repeats: true}, "i m1 c l m2 c* k l* i2 m2* m1* gone i2*"},
		{"subjects", "m.sig2", layout.WalkOptions{Subjects: true}, "m.sig2 c m.sig s m1 l"},
		{"no subjects", "m.sig2", layout.WalkOptions{}, "m.sig2 c"},
		{"a subject that is absent", "m2", layout.WalkOptions{Subjects: true}, "m2 c k l absent"},
		{"referrers", "m1", layout.WalkOptions{Referrers: g.referrers}, "m1 c l m.sig s m.sig2"},
		{"both ways", "m.sig", layout.WalkOptions{Subjects: true, Referrers: g.referrers}, "m.sig c s m1 l m.sig2"},
		{"a document that is not there", "m9 m2", layout.WalkOptions{}, "m9 m2 c k l"},
	} {
		c.o.Roots, c.o.Document = nodes(strings.Fields(c.roots)), g.document
		var got []string
		err := layout.Walk(context.Background(), c.o, func(n *layout.Node) error {
			name := n.ArtifactType
			if n.Again {
				name += "*"
			}
			got = append(got, name)
			if (n.Parent == nil) != (n.Relation == layout.RootNode) || n.Parent != nil && n.Depth != n.Parent.Depth+1 {
				t.Errorf("%s: %s is %s at depth %d", c.name, name, n.Relation, n.Depth)
			}
			return nil
		})
		if found := strings.Join(got, " "); err != nil || found != c.want {
			t.Errorf("%s: visited %s, %v\nwant %s", c.name, found, err, c.want)
		}
	}
}

// A walk ends: at the visitor's word, at the limits, and when it is cancelled,
// and it takes no longer for many paths.
func TestWalkEnds(t *testing.T) {
	g := graph{index: map[string][]string{}, manifest: map[string][]string{"m": {"c", "l"}}, subject: map[string]string{}}
	for i := range 16 { // four times each of the next: 4^15 paths to the last
		next := fmt.Sprintf("i%d", i+1)
		g.index[fmt.Sprintf("i%d", i)] = []string{next, next, next, next}
	}
	g.index["i16"] = []string{"m"}
	for i := range 5000 {
		g.manifest[fmt.Sprintf("m%d", i)] = []string{"c"}
		g.subject[fmt.Sprintf("m%d", i)] = fmt.Sprintf("m%d", i+1)
	}
	g.subject["m5000"] = "m0"
	ctx, cancel := context.WithCancelCause(context.Background())
	stop := errors.New("stop")
	var visited int
	count := func(*layout.Node) error { visited++; return nil }
	for _, c := range []struct {
		name, root string
		visit      func(*layout.Node) error
		want       int
		err        string
	}{
		{"15 levels of indexes and a manifest", "i2", count, 18, ""},
		{"one level more", "i0", count, 16, "nested deeper than 16"},
		{"a circle of subjects", "m0", count, 5002, ""},
		{"skip", "i2", func(n *layout.Node) error { visited++; return layout.SkipChildren }, 1, ""},
		{"stop", "i2", func(n *layout.Node) error { visited++; return stop }, 1, "stop"},
		{"cancelled", "i2", func(n *layout.Node) error { visited++; cancel(stop); return nil }, 1, "stop"},
	} {
		visited = 0
		o := layout.WalkOptions{Roots: nodes([]string{c.root}), Document: g.document, Subjects: true}
		err := layout.Walk(ctx, o, c.visit)
		if visited != c.want || (c.err == "") != (err == nil) || err != nil && !strings.Contains(err.Error(), c.err) {
			t.Errorf("%s: visited %d, want %d; error %v, want %q", c.name, visited, c.want, err, c.err)
		}
	}
}
