package layout

import (
	"cmp"
	"context"
	"fmt"
	"maps"
	"slices"

	"github.com/opencontainers/go-digest"
	"github.com/opencontainers/image-spec/specs-go"
	v1 "github.com/opencontainers/image-spec/specs-go/v1"
)

// Contents is a layout on its way: index.json, and every blob that it reaches,
// parents before children: indexes and manifests, then configs, then layers.
// The blobs lie where they are, in a directory, an archive or among a user's
// files, until somebody copies them.
type Contents struct {
	RawIndex []byte
	Index    v1.Index
	Blobs    []Blob
	Dropped  []string // of the source: what is not copied, since nothing refers to it
	// Source is what the documents of the source say, if it was a single one.
	Source *Report

	// Check, when set, is asked once, when the last pending digest has become known
	// and before anything is written under a name: known tells what a pending digest
	// has turned out to be.
	Check func(known func(digest.Digest) digest.Digest) error
	// Sign, when set, makes the signatures of the new seal: see SignaturesFor.
	// It may be asked for those of a seal that is not the last one.
	Sign func(seal []byte) ([]Signature, error)

	settled map[digest.Digest]digest.Digest // by what stood for them
	audit   *Audit                          // see Judged
	from    *Reader
}

// Digest is the identity of the layout.
func (c *Contents) Digest() digest.Digest { return digest.FromBytes(c.RawIndex) }

// OCILayout is the content of oci-layout.
func (c *Contents) OCILayout() []byte { return []byte(layoutFile) }

// Merge puts the contents of several layouts into one. A single one stays as
// it is, byte for byte. The error names the reference that stands for two
// different things.
func Merge(all ...*Contents) (*Contents, error) {
	if len(all) == 1 {
		return all[0], nil
	}
	out := &Contents{}
	index := NewIndex()
	seen := map[digest.Digest]bool{}
	for _, c := range all {
		out.Dropped = append(out.Dropped, c.Dropped...)
		if err := AddTo(&index, c.Index.Manifests...); err != nil {
			return nil, err
		}
		for _, b := range c.Blobs {
			if !seen[b.Digest] {
				seen[b.Digest] = true
				out.Blobs = append(out.Blobs, b)
			}
		}
	}
	// Parents of all layouts come before children of any.
	var docs, rest []Blob
	for _, b := range out.Blobs {
		if isDocument(b.MediaType) {
			docs = append(docs, b)
		} else {
			rest = append(rest, b)
		}
	}
	out.Blobs = append(docs, rest...)
	return out, out.SetIndex(index)
}

// SetIndex makes index the one of the contents.
func (c *Contents) SetIndex(index v1.Index) (err error) {
	c.Index = index
	c.RawIndex, err = marshal(index)
	return err
}

// AddTo adds descriptors of another index to one, each once. Where the tag of one
// is taken by another artifact of index and it has a full reference as well, the
// full reference is written in the tag's place. The error is a *NameError when a
// name that it needs stands for something else in index already; then index is
// as it was. Among those that are added a name may stand for several.
func AddTo(index *v1.Index, more ...v1.Descriptor) error {
	had := index.Manifests
	all := slices.Clone(had)
	for _, d := range more {
		full, name := FullName(d), d.Annotations[v1.AnnotationRefName]
		for _, have := range had {
			switch {
			case have.Digest == d.Digest:
			case full != "" && full == FullName(have), name != "" && name == have.Annotations[v1.AnnotationRefName] && (full == "" || name == full):
				return &NameError{cmp.Or(full, name), have.Digest, d.Digest}
			case name != "" && name == have.Annotations[v1.AnnotationRefName]:
				d.Annotations = maps.Clone(d.Annotations)
				d.Annotations[v1.AnnotationRefName] = full
			}
		}
		if !slices.ContainsFunc(all, func(have v1.Descriptor) bool {
			return have.Digest == d.Digest && maps.Equal(have.Annotations, d.Annotations)
		}) {
			all = append(all, d)
		}
	}
	index.Manifests = all
	return nil
}

// A NameError is one name for two things.
type NameError struct {
	Name      string
	Have, New digest.Digest
}

func (e *NameError) Error() string {
	return fmt.Sprintf("the name %s stands for %s already, and would stand for %s as well", Printable(e.Name), e.Have, e.New)
}

// NewContents is the layout of these blobs under an index. The same digest
// counts once, where it comes first. The caller puts parents first, and leaves
// the blobs to the layout; a document whose digest is pending is in memory.
func NewContents(index v1.Index, blobs []Blob) (*Contents, error) {
	index.Manifests = slices.Clone(index.Manifests)
	c := &Contents{Blobs: once(blobs)}
	return c, c.SetIndex(index)
}

// CopyTo writes the contents into a layout that is being written, with its
// index left to the caller. What is pending is settled by then.
func (c *Contents) CopyTo(ctx context.Context, w *Writer) error {
	w.sign = c.SignaturesFor
	var blobs, documents []Blob
	for _, b := range c.Blobs {
		switch {
		case b.Pending() && b.held != nil:
			documents = append(documents, b) // written once it is known what they say
		case !w.holdsNow(b.Digest):
			blobs = append(blobs, b)
		}
	}
	known := map[digest.Digest]digest.Digest{}
	err := ReadAhead(ctx, blobs, func(i int, d digest.Digest, data []byte) (err error) {
		b := &blobs[i]
		switch {
		case data != nil:
			err = w.put(ctx, v1.Descriptor{Digest: d, Size: b.Size}, data)
		case b.Pending():
			d, err = w.pass(ctx, b)
		default:
			err = w.pushBlob(ctx, b)
		}
		if b.Pending() {
			known[b.Digest] = d
		}
		return err
	})
	if err == nil && len(known)+len(documents) > 0 {
		err = c.Settle(known)
	}
	for _, b := range documents {
		if err == nil {
			err = w.put(ctx, v1.Descriptor{Digest: c.settled[b.Digest], Size: b.Size}, b.held)
		}
	}
	return err
}

// NewIndex is an index of nothing.
func NewIndex() v1.Index {
	return v1.Index{Versioned: specs.Versioned{SchemaVersion: 2}, MediaType: v1.MediaTypeImageIndex, Manifests: []v1.Descriptor{}}
}

// IndexDigest is the identity of a layout with this index, as Commit and Write
// write it.
func IndexDigest(index v1.Index) (digest.Digest, error) {
	raw, err := marshal(index)
	return digest.FromBytes(raw), err
}

// Only keeps what one reference chooses, with every blob that it reaches. The
// error is a *ReferenceError.
func (c *Contents) Only(reference string) (*Contents, error) {
	d, err := Resolve(&c.Index, reference)
	if err != nil {
		return nil, err
	}
	out := &Contents{}
	index := NewIndex()
	for _, m := range c.Index.Manifests {
		if m.Digest == d.Digest {
			index.Manifests = append(index.Manifests, m)
		}
	}
	want := map[digest.Digest]bool{}
	err = c.Walk(context.Background(), WalkOptions{Roots: []v1.Descriptor{d}}, func(n *Node) error {
		want[n.Digest] = true
		return nil
	})
	if err != nil {
		return nil, err
	}
	for _, b := range c.Blobs {
		if want[b.Digest] {
			out.Blobs = append(out.Blobs, b)
		}
	}
	if out.audit, out.from = c.audit, c.from; c.audit != nil {
		c.audit.only = want
	}
	return out, out.SetIndex(index)
}

// Children are the descriptors that an index or a manifest names: manifests,
// or config and layers.
func Children(mediaType string, data []byte) ([]v1.Descriptor, error) {
	if IsIndex(mediaType) {
		index, err := ParseIndex(data, mediaType)
		if err != nil {
			return nil, err
		}
		return index.Manifests, nil
	}
	m, err := ParseManifest(data, mediaType)
	if err != nil {
		return nil, err
	}
	return append([]v1.Descriptor{m.Config}, m.Layers...), nil
}
