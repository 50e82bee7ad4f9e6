package layout

import (
	"errors"
	"fmt"
	"regexp"
	"slices"
	"sync"

	"github.com/opencontainers/go-digest"
	v1 "github.com/opencontainers/image-spec/specs-go/v1"
)

// A visit is a descriptor that asks for its document to be followed.
type visit struct {
	desc  v1.Descriptor
	at    place
	depth int
}

// A place is where a descriptor stands.
type place struct {
	file, field string
	n           int // in a list of descriptors, from 1; 0 for a single one
}

func (p place) String() string { return p.file + ": " + p.path() }

func (p place) path() string {
	if p.n > 0 {
		return fmt.Sprintf("%s[%d]", p.field, p.n-1)
	}
	return p.field
}

func (p place) bad(format string, args ...any) error {
	return &FormatError{p.file, fmt.Errorf(p.path()+format, args...)}
}

// A subjectOf is what a manifest or index refers to without carrying it.
type subjectOf struct {
	file string
	desc v1.Descriptor
}

// ErrEmpty is wrapped by the error for a layout whose index.json lists nothing,
// in an empty array or as null: umoci, oras and crane begin a layout so. Append
// takes one; there is nothing in it to verify or to carry.
var ErrEmpty = errors.New("manifests: empty, nothing is in this layout")

var nullManifests = sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(`("manifests"\s*:\s*)null`) })

// parseRoot reads index.json.
func parseRoot(data []byte) (*v1.Index, error) {
	index, err := ParseIndex(data, "")
	if err != nil {
		var e error
		if index, e = ParseIndex(nullManifests().ReplaceAll(data, []byte("$1[]")), ""); e != nil {
			return nil, err
		}
	}
	if len(index.Manifests) == 0 {
		return nil, ErrEmpty
	}
	return index, err
}

func (a *Audit) addIndex(data []byte) error {
	a.rawIndex = data
	if err := a.count(data); err != nil {
		return err
	}
	index, err := parseRoot(data)
	if err != nil {
		return err
	}
	a.index = index
	for i, d := range index.Manifests {
		if err := a.reach(d, place{v1.ImageIndexFile, "manifests", i + 1}, 1, true); err != nil {
			a.invalid = append(a.invalid, err) // it names the file itself
		}
	}
	a.refers(v1.ImageIndexFile, index.Subject)
	return nil
}

// count bounds what all documents together take in memory once they are parsed.
func (a *Audit) count(data []byte) error {
	if a.elements += elements(data); a.elements > maxElements {
		return fmt.Errorf("too many descriptors, annotations and other values in all indexes and manifests, the limit is %d", maxElements)
	}
	return nil
}

// refers notes a subject. It may be absent: a signature can travel without
// what it signs. What is known of it in the end must agree; see checkSubjects.
func (a *Audit) refers(file string, subject *v1.Descriptor) {
	if subject != nil {
		a.subjects = append(a.subjects, subjectOf{file, *subject})
	}
}

// reach notes that a descriptor wants a blob, and follows it if it is an index
// or a manifest. a.mu is held.
func (a *Audit) reach(d v1.Descriptor, at place, depth int, follow bool) error {
	b := a.blob(d.Digest)
	if !b.wanted {
		b.wanted, b.want, b.from, b.media = true, d.Size, at, d.MediaType
		a.order = append(a.order, d.Digest)
		if len(a.order) > MaxFiles {
			return at.bad(": too many blobs, the limit is %d", MaxFiles)
		}
	} else if d.MediaType != b.media && len(b.others) < 8 && !slices.Contains(b.others, d.MediaType) {
		b.others = append(b.others, d.MediaType)
	}
	if b.want != d.Size {
		return at.bad(".size: %d bytes for %s, but %s says %d", d.Size, d.Digest, b.from, b.want)
	}
	if b.seen && b.size != d.Size {
		a.corrupt = append(a.corrupt, &CorruptError{Name: BlobPath(d.Digest), WantSize: d.Size, GotSize: b.size})
		return nil
	}
	if !follow {
		return nil
	}
	if !isDocument(d.MediaType) {
		b.listed = true
		return a.checkListed(b, d.Digest)
	}
	if depth > maxDepth {
		return at.bad(": indexes nested deeper than %d levels", maxDepth)
	}
	if d.Size > MaxDocument {
		return at.bad(".size: %d bytes is too large for a document, the limit is %d", d.Size, MaxDocument)
	}
	if b.desc == nil {
		b.desc = &d
	}
	v := visit{d, at, depth}
	if !b.seen {
		if !b.waits && !b.absent {
			b.waits = true
			a.waiting++
			a.docs = append(a.docs, d.Digest)
		}
		b.visits = append(b.visits, v)
		return nil
	}
	if !b.whole {
		return nil // reported already
	}
	return a.follow(b, v)
}

// checkListed refuses an index or a manifest that an index lists under the
// media type of something else: it would be followed by one reader and not by
// another.
func (a *Audit) checkListed(b *blob, d digest.Digest) error {
	if !b.listed || b.raw == nil || b.parsedAs != "" {
		return nil
	}
	if found := documentWithin(b.raw); found != "" {
		return &FormatError{BlobPath(d), fmt.Errorf("mediaType: the descriptor (%s) says %s, but this is an OCI %s", b.from, quote(b.media), found)}
	}
	return nil
}

// follow reads a document that is in memory and reaches for what it names.
func (a *Audit) follow(b *blob, v visit) error {
	name := BlobPath(v.desc.Digest)
	if b.parsedAs != "" { // once is enough, if it is the same thing to everybody
		if b.parsedAs != v.desc.MediaType {
			return v.at.bad(".mediaType: %s for a document that is also described as %s", quote(v.desc.MediaType), quote(b.parsedAs))
		}
		return nil
	}
	if b.raw == nil {
		return &FormatError{name, fmt.Errorf("want a JSON document of type %s (named by %s), found something else", v.desc.MediaType, v.at)}
	}
	b.parsedAs = v.desc.MediaType
	if err := a.count(b.raw); err != nil {
		return &FormatError{name, err}
	}
	if IsIndex(v.desc.MediaType) {
		index, err := ParseIndex(b.raw, v.desc.MediaType)
		if err != nil {
			return &FormatError{name, err}
		}
		if a.elements <= keptElements {
			b.children = index
		}
		for i, d := range index.Manifests {
			if err := a.reach(d, place{name, "manifests", i + 1}, v.depth+1, true); err != nil {
				return err
			}
		}
		a.refers(name, index.Subject)
		return nil
	}
	m, err := ParseManifest(b.raw, v.desc.MediaType)
	if err != nil {
		return &FormatError{name, err}
	}
	if a.elements <= keptElements {
		b.manifest = m
	}
	if err := a.reach(m.Config, place{name, "config", 0}, v.depth+1, false); err != nil {
		return err
	}
	for i, d := range m.Layers {
		if err := a.reach(d, place{name, "layers", i + 1}, v.depth+1, false); err != nil {
			return err
		}
	}
	a.refers(name, m.Subject)
	return nil
}

// checkSubjects compares subjects with what is known of them. a.mu is held.
func (a *Audit) checkSubjects() {
	for _, s := range a.subjects {
		at := place{s.file, "subject", 0}
		b := a.blobs[s.desc.Digest]
		switch {
		case b == nil:
		case b.seen && b.size != s.desc.Size:
			a.invalid = append(a.invalid, at.bad(".size: want the %d bytes of %s, found %d", b.size, s.desc.Digest, s.desc.Size))
		case b.wanted && b.want != s.desc.Size:
			a.invalid = append(a.invalid, at.bad(".size: %d bytes for %s, but %s says %d", s.desc.Size, s.desc.Digest, b.from, b.want))
		case b.parsedAs != "" && b.parsedAs != s.desc.MediaType:
			a.invalid = append(a.invalid, at.bad(".mediaType: %s for a document that is also described as %s", quote(s.desc.MediaType), quote(b.parsedAs)))
		}
	}
}

// settle takes a document off the list of those that are waited for.
func (a *Audit) settle(b *blob) {
	if b.waits {
		b.waits = false
		a.waiting--
	}
}

// Next is a blob that a descriptor wants and that has not been added nor
// handed out by Next before; indexes and manifests come before what they name.
// ok is false when there is none, for now.
func (a *Audit) Next() (d v1.Descriptor, document, ok bool) {
	a.mu.Lock()
	defer a.mu.Unlock()
	for len(a.docs) > 0 {
		x := a.docs[0]
		b := a.blobs[x]
		if b.waits {
			return v1.Descriptor{MediaType: b.media, Digest: x, Size: b.want}, true, true
		}
		a.docs = a.docs[1:]
	}
	for ; a.next < len(a.order); a.next++ {
		x := a.order[a.next]
		if b := a.blobs[x]; !b.seen && !b.absent {
			a.next++
			return v1.Descriptor{MediaType: b.media, Digest: x, Size: b.want}, false, true
		}
	}
	return v1.Descriptor{}, false, false
}

// MarkMissing tells the audit that a blob that Next named is not there.
func (a *Audit) MarkMissing(d digest.Digest) {
	a.mu.Lock()
	defer a.mu.Unlock()
	b := a.blobs[d]
	a.settle(b)
	b.absent, b.visits = true, nil
}
