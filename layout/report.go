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
