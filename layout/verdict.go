package layout

import (
	"errors"
	"fmt"
	"maps"
	"slices"

	"github.com/opencontainers/go-digest"
	v1 "github.com/opencontainers/image-spec/specs-go/v1"
)

// Settled reports whether oci-layout, index.json and every document that is
// reached from it have been added.
func (a *Audit) Settled() bool {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.layout && a.index != nil && a.waiting == 0
}

// Sofar is the report of what has been added: nothing is said of what is
// missing, and no seal is compared.
func (a *Audit) Sofar() *Report {
	a.mu.Lock()
	defer a.mu.Unlock()
	return &Report{
		Digest: digest.FromBytes(a.rawIndex), RawIndex: a.rawIndex, Index: a.index, Sealed: a.seal != nil,
		Bytes: a.bytes, Corrupt: a.corrupt, Invalid: a.invalid, Signatures: a.signatures,
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
	early := a.gate("")
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
