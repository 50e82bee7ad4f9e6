package layout

import (
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"slices"
	"strings"

	"github.com/opencontainers/go-digest"
	v1 "github.com/opencontainers/image-spec/specs-go/v1"
)

// A Report is what an audit found.
type Report struct {
	Digest    digest.Digest // of index.json: the identity of the layout
	RawIndex  []byte        // index.json itself
	Index     *v1.Index     // nil when index.json is absent or unsound
	Manifests int           // manifests reached
	Blobs     int           // blobs present
	Bytes     int64         // bytes read, in all files
	Raw       int64         // bytes of the archive as it lies; 0 for a directory
	Sealed    bool          // SHA256SUMS is there

	Signatures []Signature // of SHA256SUMS, as they came; see AuditOptions.Trust
	seal       sum         // SHA-256 of SHA256SUMS

	Corrupt []error  // content that is not what its name or descriptor says
	Invalid []error  // documents, names and seals that cannot be accepted
	Missing []error  // blobs that a descriptor reaches and that are not there
	Extra   []string // files and blobs that nothing refers to; no fault
	// Unlisted are those of Extra that SHA256SUMS does not list: in a sealed
	// directory no fault either, but nothing was compared with it.
	Unlisted []string

	blobs map[digest.Digest]*blob
}

// All lists every blob that came, sorted, once by each of the media types that
// descriptors give it: the empty one for what nothing refers to.
func (r *Report) All() []v1.Descriptor {
	var all []v1.Descriptor
	for _, d := range slices.Sorted(maps.Keys(r.blobs)) {
		b := r.blobs[d]
		if !b.seen {
			continue
		}
		all = append(all, v1.Descriptor{MediaType: b.media, Digest: d, Size: b.size})
		for _, t := range slices.Sorted(slices.Values(b.others)) {
			all = append(all, v1.Descriptor{MediaType: t, Digest: d, Size: b.size})
		}
	}
	return all
}

// Document is an index or a manifest that was reached and read: one of the two
// is nil, or both.
func (r *Report) Document(d digest.Digest) (*v1.Index, *v1.Manifest) { return r.blobs[d].document() }

// Changed is the error for a source whose index.json or SHA256SUMS is not the one
// that this report is about, or nil: what was judged is what is to be used. A
// SHA256SUMS that was not read, or is no longer there, changes nothing.
func (r *Report) Changed(now *Report) error {
	switch {
	case now.Digest != r.Digest:
		return &FormatError{v1.ImageIndexFile, fmt.Errorf("%w: want the %s that was checked, found %s", ErrChanged, r.Digest, now.Digest)}
	case r.Sealed && now.Sealed && now.seal != r.seal:
		return &FormatError{SealName, fmt.Errorf("%w: not the one that was checked", ErrChanged)}
	}
	return nil
}

// Problems is everything found wrong, each thing once, worst first.
func (r *Report) Problems() []error {
	var all []error
	for _, list := range [][]error{r.Invalid, r.Corrupt, r.Missing} {
		l := slices.Clone(list)
		slices.SortStableFunc(l, func(a, b error) int {
			if x, y := errors.Is(a, ErrNotLayout), errors.Is(b, ErrNotLayout); x != y {
				if x { // says why there is so much else
					return -1
				}
				return 1
			}
			return strings.Compare(a.Error(), b.Error())
		})
		all = append(all, slices.CompactFunc(l, func(a, b error) bool { return a.Error() == b.Error() })...)
	}
	return all
}

// Err is nil when the layout is whole. Otherwise it is the first problem, and
// it says how many more there are; errors.As finds every one of them.
func (r *Report) Err() error {
	all := r.Problems()
	switch len(all) {
	case 0:
		return nil
	case 1:
		return all[0]
	}
	return &problems{all}
}

type problems struct{ all []error }

func (p *problems) Error() string {
	return fmt.Sprintf("%v (and %d more)", p.all[0], len(p.all)-1)
}

func (p *problems) Unwrap() []error { return p.all }

// Incomplete reports whether err says that something is missing and nothing
// worse: the content that is there is sound.
func Incomplete(err error) bool {
	var p *problems
	if errors.As(err, &p) {
		for _, e := range p.all {
			if !Incomplete(e) {
				return false
			}
		}
		return true
	}
	var m *MissingError
	return errors.As(err, &m)
}

// ErrNotLayout is wrapped by the error for a directory or archive without
// oci-layout or index.json.
var ErrNotLayout = errors.New("missing: this is not an OCI image layout")

// A FormatError is a file of a layout that cannot be accepted as it is.
type FormatError struct {
	Name string // its path in the layout
	Err  error
}

func (e *FormatError) Error() string { return Printable(e.Name) + ": " + e.Err.Error() }

func (e *FormatError) Unwrap() error { return e.Err }

// A MissingError is a blob that is wanted and not there. It is an
// fs.ErrNotExist.
type MissingError struct {
	Name string // its path in the layout
	Size int64  // bytes; -1 when unknown
	From string // where it is asked for
}

func (e *MissingError) Error() string {
	if e.Size < 0 {
		return fmt.Sprintf("%s: missing; %s asks for it", Printable(e.Name), e.From)
	}
	return fmt.Sprintf("%s: missing; %s asks for these %d bytes", Printable(e.Name), e.From, e.Size)
}

func (e *MissingError) Is(target error) bool { return target == fs.ErrNotExist }

// A SealError is a disagreement between SHA256SUMS and the layout: something
// was changed, added or removed after the layout was sealed.
type SealError struct {
	Name string
	Msg  string
}

func (e *SealError) Error() string {
	return fmt.Sprintf("%s: %s (the layout was changed after it was sealed)", Printable(e.Name), e.Msg)
}

// Settled reports whether oci-layout, index.json and every document that is
// reached from it have been added.
func (a *Audit) Settled() bool {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.layout && a.index != nil && a.waiting == 0
}

// Partial is the report of what has been added: nothing is said of what is
// missing, and no seal is compared.
func (a *Audit) Partial() *Report {
	a.mu.Lock()
	defer a.mu.Unlock()
	return &Report{
		Digest: digest.FromBytes(a.rawIndex), RawIndex: a.rawIndex, Index: a.index, Sealed: a.seal != nil,
		Bytes: a.bytes, Corrupt: a.corrupt, Invalid: a.invalid, Signatures: a.signatures, seal: a.others[SealName], blobs: a.blobs,
	}
}

// Sealed reports whether SHA256SUMS has been added and could be read.
func (a *Audit) Sealed() bool {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.seal != nil
}

// Finish ends the audit: everything that a descriptor reaches must have come,
// the seal must agree, the inspectors must be content. The report is never
// nil; its Err is the verdict.
func (a *Audit) Finish() *Report {
	early := a.requireTrust("")
	a.mu.Lock()
	defer a.mu.Unlock()
	r := &Report{Index: a.index, RawIndex: a.rawIndex, Bytes: a.bytes, Sealed: a.seal != nil, Signatures: a.signatures, seal: a.others[SealName], blobs: a.blobs}
	if early != nil {
		r.Invalid = []error{early} // the rest was not looked at
		return r
	}
	if a.rawIndex != nil {
		r.Digest = digest.FromBytes(a.rawIndex)
	}
	if _, ok := a.others[v1.ImageLayoutFile]; !a.layout && !(ok && a.trusted) && !a.unfit[v1.ImageLayoutFile] {
		a.invalid = append(a.invalid, &FormatError{v1.ImageLayoutFile, ErrNotLayout})
	}
	if _, ok := a.others[v1.ImageIndexFile]; !ok && a.layout && !a.unfit[v1.ImageIndexFile] {
		a.invalid = append(a.invalid, &FormatError{v1.ImageIndexFile, ErrNotLayout})
	}
	a.checkDocker()
	for d, b := range a.blobs {
		if b.seen {
			r.Blobs++
			if !b.wanted {
				r.Extra = append(r.Extra, BlobPath(d))
			}
		}
	}
	for _, d := range a.order {
		if b := a.blobs[d]; !b.seen {
			a.missing = append(a.missing, &MissingError{Name: BlobPath(d), Size: b.want, From: b.from.String()})
		}
	}
	a.checkSubjects()
	if _, ok := a.others[SealName]; !ok && a.opts.Seal != nil {
		a.invalid = append(a.invalid, &FormatError{SealName, errors.New("not there any more; the source was changed")})
	}
	if a.seal != nil {
		a.checkSeal(r.Blobs)
	}
	for name := range a.others {
		switch name {
		case v1.ImageLayoutFile, v1.ImageIndexFile, SealName:
		default:
			if IsSignature(name) {
				continue
			}
			r.Extra = append(r.Extra, name)
			if _, ok := a.seal[name]; !ok && a.seal != nil {
				r.Unlisted = append(r.Unlisted, name)
			}
		}
	}
	r.Extra = append(r.Extra, a.extra...)
	if len(a.corrupt)+len(a.invalid)+len(a.missing) == 0 {
		for _, d := range a.order {
			b := a.blobs[d]
			_, m := b.document()
			if m == nil {
				continue
			}
			r.Manifests++
			if a.only != nil && !a.only[d] {
				continue
			}
			for _, in := range a.opts.Inspectors {
				if err := in.Manifest(*b.desc, m); err != nil {
					a.invalid = append(a.invalid, &FormatError{BlobPath(d), err})
				}
			}
		}
	}
	slices.Sort(r.Extra)
	slices.Sort(r.Unlisted)
	r.Corrupt, r.Invalid, r.Missing = a.corrupt, a.invalid, a.missing
	return r
}

// checkSeal compares SHA256SUMS with what came, of which so many are blobs.
// a.mu is held.
func (a *Audit) checkSeal(blobs int) {
	bad := func(name, format string, args ...any) {
		a.invalid = append(a.invalid, &SealError{name, fmt.Sprintf(format, args...)})
	}
	for _, name := range slices.Sorted(maps.Keys(a.seal)) {
		want := a.seal[name]
		got, ok := a.others[name]
		if d, isBlob, err := ParseBlobPath(name); isBlob && err == nil {
			b := a.blobs[d]
			if ok = b != nil && b.seen; ok {
				blobs--
			}
			if ok && d.Algorithm() == digest.SHA256 {
				got = sum(SHA256(d))
			} else if ok {
				got = b.sum
			}
			if ok && !b.whole {
				continue // reported already
			}
			if !ok {
				a.missing = append(a.missing, &MissingError{Name: name, Size: -1, From: SealName})
				continue
			}
		}
		switch {
		case !ok:
			bad(name, "%s lists it, but it is not there", SealName)
		case got != want:
			bad(name, "%s lists sha256:%x, found sha256:%x", SealName, want, got)
		}
	}
	for name := range a.others {
		if _, ok := a.seal[name]; ok || name == SealName || IsSignature(name) {
			continue
		}
		if name == v1.ImageIndexFile || name == v1.ImageLayoutFile || a.opts.Strict {
			bad(name, "%s does not list it", SealName)
		}
	}
	if blobs == 0 {
		return // every one was listed
	}
	for d, b := range a.blobs {
		if _, ok := a.seal[BlobPath(d)]; b.seen && !ok {
			bad(BlobPath(d), "%s does not list it", SealName)
		}
	}
}
