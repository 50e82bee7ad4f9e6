package layout

import (
	"context"
	"errors"
	"fmt"

	"github.com/opencontainers/go-digest"
	v1 "github.com/opencontainers/image-spec/specs-go/v1"
)

// A Relation says how a walk came to a node.
type Relation string

// The relations of a node to its Parent.
const (
	RootNode     Relation = "root"     // the walk began with it; there is no Parent
	MemberNode   Relation = "manifest" // an index lists it
	ConfigNode   Relation = "config"   // a manifest's
	LayerNode    Relation = "layer"    // a manifest's
	SubjectNode  Relation = "subject"  // the Parent refers to it; see WalkOptions.Subjects
	ReferrerNode Relation = "referrer" // it refers to the Parent; see WalkOptions.Referrers
)

// A Node is a descriptor that a walk has come to.
type Node struct {
	v1.Descriptor              // as whoever names it has it
	Index         *v1.Index    // set for an index that is there
	Manifest      *v1.Manifest // set for a manifest that is there
	Parent        *Node
	Relation      Relation
	Depth         int  // 0 for a root
	Again         bool // it was visited before; see WalkOptions.Repeats
}

// Subject is what an index or a manifest refers to, or nil.
func (n *Node) Subject() *v1.Descriptor {
	switch {
	case n.Index != nil:
		return n.Index.Subject
	case n.Manifest != nil:
		return n.Manifest.Subject
	}
	return nil
}

// SkipChildren is returned by a visitor to leave out what a node names. It has
// no effect with ChildrenFirst.
//
//lint:ignore ST1012 named like fs.SkipDir, which it is for a layout
var SkipChildren = errors.New("skip what this names")

// WalkOptions say where a walk goes.
type WalkOptions struct {
	// Roots are where it begins.
	Roots []v1.Descriptor
	// Document parses an index or a manifest; both results are nil for one that
	// is not there. It is asked once for each digest, and only about descriptors
	// whose media type is that of an index or a manifest.
	Document func(ctx context.Context, d v1.Descriptor) (*v1.Index, *v1.Manifest, error)
	// Subjects makes the walk follow subjects.
	Subjects bool
	// Referrers, when set, lists what refers to an index or a manifest.
	Referrers func(ctx context.Context, d v1.Descriptor) ([]v1.Descriptor, error)
	// ChildrenFirst visits what a node names before the node.
	ChildrenFirst bool
	// Repeats visits a node each time that a descriptor names it. What it names
	// is walked once all the same.
	Repeats bool
}

// Walk visits the roots and all that they reach, each digest once: parents
// before children, in the order in which documents name them, and then the
// subjects and referrers of what it has visited. It ends with the first error of
// the visitor, of Document or of Referrers, when ctx is cancelled, or at the
// limits of a layout: MaxFiles blobs, 16 levels of indexes. However many paths
// lead through the graph, it takes no longer than reading the documents does.
func Walk(ctx context.Context, o WalkOptions, visit func(*Node) error) error {
	w := &walk{WalkOptions: o, visit: visit, seen: map[digest.Digest]*Node{}}
	for _, d := range o.Roots {
		w.later = append(w.later, &Node{Descriptor: d, Relation: RootNode})
		for len(w.later) > 0 { // a queue, since chains of subjects have any length
			n := w.later[0]
			w.later = w.later[1:]
			if err := w.to(ctx, n, 1); err != nil {
				return err
			}
		}
	}
	return nil
}

type walk struct {
	WalkOptions
	visit func(*Node) error
	seen  map[digest.Digest]*Node // documents, where they may be visited again; else nil
	later []*Node                 // subjects and referrers
}

func (w *walk) to(ctx context.Context, n *Node, level int) error {
	if err := context.Cause(ctx); err != nil {
		return err
	}
	first, again := w.seen[n.Digest]
	switch {
	case again && !w.Repeats:
		return nil
	case again:
		if n.Again = true; first != nil {
			n.Index, n.Manifest = first.Index, first.Manifest
		}
		return ignoreSkip(w.visit(n))
	case len(w.seen) == MaxFiles:
		return &FormatError{BlobPath(n.Digest), fmt.Errorf("too many blobs, the limit is %d", MaxFiles)}
	}
	w.seen[n.Digest] = nil
	if !isDocument(n.MediaType) {
		return ignoreSkip(w.visit(n))
	}
	if level > maxDepth {
		return &FormatError{BlobPath(n.Digest), fmt.Errorf("indexes nested deeper than %d levels", maxDepth)}
	}
	if w.Repeats {
		w.seen[n.Digest] = n
	}
	var err error
	if n.Index, n.Manifest, err = w.Document(ctx, n.Descriptor); err != nil {
		return err
	}
	if w.ChildrenFirst {
		if err := w.children(ctx, n, level); err != nil {
			return err
		}
		return ignoreSkip(w.visit(n))
	}
	if err := w.visit(n); err != nil {
		return ignoreSkip(err)
	}
	return w.children(ctx, n, level)
}

func ignoreSkip(err error) error {
	if err == SkipChildren {
		return nil
	}
	return err
}

// children walks what a document names, and leaves the rest for later.
func (w *walk) children(ctx context.Context, n *Node, level int) error {
	next := func(r Relation, list ...v1.Descriptor) error {
		for _, d := range list {
			if err := w.to(ctx, &Node{Descriptor: d, Parent: n, Relation: r, Depth: n.Depth + 1}, level+1); err != nil {
				return err
			}
		}
		return nil
	}
	var err error
	switch {
	case n.Index != nil:
		err = next(MemberNode, n.Index.Manifests...)
	case n.Manifest != nil:
		if err = next(ConfigNode, n.Manifest.Config); err == nil {
			err = next(LayerNode, n.Manifest.Layers...)
		}
	}
	if err != nil || n.Index == nil && n.Manifest == nil {
		return err
	}
	leave := func(r Relation, list ...v1.Descriptor) {
		for _, d := range list {
			w.later = append(w.later, &Node{Descriptor: d, Parent: n, Relation: r, Depth: n.Depth + 1})
		}
	}
	if s := n.Subject(); s != nil && w.Subjects {
		leave(SubjectNode, *s)
	}
	if w.Referrers != nil {
		var list []v1.Descriptor
		if list, err = w.Referrers(ctx, n.Descriptor); err == nil {
			leave(ReferrerNode, list...)
		}
	}
	return err
}

// Walk visits what the layout's index reaches, or o.Roots where they are set; see
// the function Walk. It needs no o.Document.
func (r *Report) Walk(ctx context.Context, o WalkOptions, visit func(*Node) error) error {
	if o.Roots == nil && r.Index != nil {
		o.Roots = r.Index.Manifests
	}
	if o.Document == nil {
		o.Document = func(_ context.Context, d v1.Descriptor) (*v1.Index, *v1.Manifest, error) {
			index, m := r.blobs[d.Digest].document()
			return index, m, nil
		}
	}
	return Walk(ctx, o, visit)
}

// TotalSize is how many bytes a descriptor stands for with all that it names.
// What several of these name is counted once.
func (r *Report) TotalSize(ctx context.Context, d v1.Descriptor) (n int64, err error) {
	err = r.Walk(ctx, WalkOptions{Roots: []v1.Descriptor{d}}, func(at *Node) error {
		n += at.Size
		return nil
	})
	return n, err
}

// Walk visits what the index reaches, or o.Roots where they are set; see the
// function Walk. It needs no o.Document. The error is a *CorruptError or a
// *FormatError where a document turns out to be unsound.
func (c *Contents) Walk(ctx context.Context, o WalkOptions, visit func(*Node) error) error {
	if o.Roots == nil {
		o.Roots = c.Index.Manifests
	}
	documents := map[digest.Digest]*Blob{}
	for i := range c.Blobs {
		if isDocument(c.Blobs[i].MediaType) {
			documents[c.Blobs[i].Digest] = &c.Blobs[i]
		}
	}
	if o.Document == nil {
		o.Document = func(ctx context.Context, d v1.Descriptor) (index *v1.Index, m *v1.Manifest, err error) {
			b := documents[d.Digest]
			if b == nil {
				return nil, nil, nil
			}
			data, err := b.Bytes(ctx)
			if err != nil {
				return nil, nil, err
			}
			if IsIndex(b.MediaType) {
				index, err = ParseIndex(data, b.MediaType)
			} else {
				m, err = ParseManifest(data, b.MediaType)
			}
			if err != nil {
				err = &FormatError{BlobPath(d.Digest), err}
			}
			return index, m, err
		}
	}
	return Walk(ctx, o, visit)
}
