package layout

import (
	"bytes"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"hash"
	"io"
	"io/fs"
	"slices"
	"strings"

	"github.com/opencontainers/go-digest"
	v1 "github.com/opencontainers/image-spec/specs-go/v1"

	"github.com/ociferry/ferry/layout/stream"
)

func (a *Audit) addBlob(ctx context.Context, d digest.Digest, size int64, r io.Reader) error {
	p, err := a.pass(d, size)
	if p == nil || err != nil {
		return err
	}
	h := d.Algorithm().Hash()
	n, err := stream.FanOut(ctx, io.LimitReader(r, size+1), append(p.sinks, h)...)
	if err != nil {
		p.Abort()
		return err
	}
	return p.end(n, compare(BlobPath(d), v1.Descriptor{Digest: d, Size: size}, n, h))
}

// A passing is a blob on its way through an audit, whose content goes to the
// sinks and to who hashes it. It ends with end, or else with Abort.
type passing struct {
	a        *Audit
	d        digest.Digest
	b        *blob
	sinks    []io.Writer
	keep     *keeper
	plain    hash.Hash        // SHA-256, unless that is the name
	watchers []io.WriteCloser // those of the inspectors
	out      io.WriteCloser   // that of AuditOptions.Sink
}

// pass begins with a blob. It is nil for one that has not the size that it should:
// nothing of it is to be read.
func (a *Audit) pass(d digest.Digest, size int64) (*passing, error) {
	p := &passing{a: a, d: d}
	desc, err := p.begin(size)
	if p.b == nil || err != nil {
		return nil, err
	}
	if d.Algorithm() != digest.SHA256 {
		p.plain = sha256.New()
		p.sinks = append(p.sinks, p.plain)
	}
	if p.keep != nil {
		p.sinks = append(p.sinks, p.keep)
	}
	for _, w := range p.watchers {
		p.sinks = append(p.sinks, w)
	}
	if a.opts.Sink == nil {
		return p, nil
	}
	if p.out, err = a.opts.Sink(a, desc); err != nil {
		p.Abort()
		return nil, err
	}
	if p.out != nil {
		p.sinks = append(p.sinks, p.out)
	}
	return p, nil
}

// begin is the part of pass that looks at the audit. p.b stays nil where the
// size is wrong.
func (p *passing) begin(size int64) (desc v1.Descriptor, err error) {
	a, d := p.a, p.d
	a.mu.Lock()
	defer a.mu.Unlock()
	b := a.blob(d)
	if b.seen {
		return desc, &FormatError{BlobPath(d), errors.New("duplicate file")}
	}
	b.seen, b.size = true, size
	if b.wanted && b.want != size {
		a.corrupt = append(a.corrupt, &CorruptError{Name: BlobPath(d), WantSize: b.want, GotSize: size})
		a.settle(b)
		return desc, nil
	}
	p.b = b
	if size <= MaxDocument && (len(b.visits) > 0 || b.listed || a.index == nil || a.waiting > 0) {
		p.keep = &keeper{sure: len(b.visits) > 0}
		if p.keep.sure {
			p.keep.b.Grow(int(max(size, 0)))
		}
	}
	inspectors := a.opts.Inspectors
	if !a.inspectable(BlobPath(d)) {
		inspectors = nil
	}
	for _, media := range append([]string{b.media}, b.others...) {
		for _, in := range inspectors {
			if w := in.Blob(v1.Descriptor{MediaType: media, Digest: d, Size: size}); w != nil {
				p.watchers = append(p.watchers, w)
			}
		}
	}
	return v1.Descriptor{MediaType: b.media, Digest: d, Size: size}, nil
}

// Abort ends what was not read to its end.
func (p *passing) Abort() {
	for _, w := range p.watchers {
		w.Close()
	}
	if w, ok := p.out.(Aborter); ok {
		w.Abort()
	}
}

// end takes the blob into the audit, after n bytes; bad is what is wrong with its
// content, or nil.
func (p *passing) end(n int64, bad error) error {
	a, d, b := p.a, p.d, p.b
	if bad == nil && p.out != nil {
		if err := p.out.Close(); err != nil {
			p.Abort()
			return err
		}
		p.out = nil
	}
	p.Abort()
	a.mu.Lock()
	defer a.mu.Unlock()
	a.bytes += n
	a.settle(b)
	if bad != nil {
		a.corrupt = append(a.corrupt, bad)
		return nil
	}
	b.whole = true
	if p.plain != nil {
		b.sum = sum(p.plain.Sum(nil))
	}
	if p.keep != nil {
		if b.raw = p.keep.document(); b.raw != nil {
			if err := a.checkListed(b, d); err != nil {
				a.invalid = append(a.invalid, err)
			}
			if a.index != nil && a.waiting == 0 && len(b.visits) == 0 {
				b.raw = nil // nothing is left that could ask for it
			}
			if a.kept += len(b.raw); a.kept > maxDocuments {
				return &FormatError{BlobPath(d), fmt.Errorf("too many indexes and manifests, the limit is %d bytes of them", maxDocuments)}
			}
		}
	}
	visits := b.visits
	b.visits = nil
	for _, v := range visits {
		if err := a.follow(b, v); err != nil {
			a.invalid = append(a.invalid, err)
		}
	}
	return nil
}

// blob is what is known of a blob. a.mu is held.
func (a *Audit) blob(d digest.Digest) *blob {
	b := a.blobs[d]
	if b == nil {
		b = &blob{}
		a.blobs[d] = b
	}
	return b
}

// watch is a passing for a blob that somebody else hashes while it is copied, or
// nil if it has been added already. Closing it says that the content was whole.
func (a *Audit) watch(d digest.Digest, size int64) io.WriteCloser {
	if a.Seen(d) {
		return nil
	}
	a.mu.Lock()
	a.files++
	a.mu.Unlock()
	p, err := a.pass(d, size)
	if p == nil || err != nil {
		return nil // the size was compared before: two goroutines copy it
	}
	return &hashed{p, size}
}

type hashed struct {
	*passing
	size int64
}

func (h *hashed) Write(b []byte) (int, error) {
	for _, s := range h.sinks {
		if _, err := s.Write(b); err != nil {
			return 0, err
		}
	}
	return len(b), nil
}

func (h *hashed) Close() error { return h.end(h.size, nil) }

// assumeFile takes a file for what SHA256SUMS says, if it is listed there.
func (a *Audit) assumeFile(name string, e fs.DirEntry) error {
	info, err := e.Info()
	if err != nil {
		return err
	}
	d, ok, err := ParseBlobPath(name)
	if err != nil {
		return &FormatError{name, err}
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	if ok {
		a.assume(d, info.Size())
	} else {
		a.others[name] = a.seal[name]
	}
	return nil
}

// assume takes a blob for whole that is there and that nobody reads. a.mu is held.
func (a *Audit) assume(d digest.Digest, size int64) {
	b := a.blob(d)
	b.seen, b.whole, b.size = true, true, size
	b.sum = a.seal[BlobPath(d)]
}

// assumeDocument gives a blob that is assumed its content.
func (a *Audit) assumeDocument(d digest.Digest, data []byte) error {
	a.mu.Lock()
	defer a.mu.Unlock()
	b := a.blob(d)
	a.settle(b)
	b.raw = data
	if a.kept += len(data); a.kept > maxDocuments {
		return &FormatError{BlobPath(d), fmt.Errorf("too many indexes and manifests, the limit is %d bytes of them", maxDocuments)}
	}
	visits := b.visits
	b.visits = nil
	for _, v := range visits {
		if err := a.follow(b, v); err != nil {
			a.invalid = append(a.invalid, err)
		}
	}
	return nil
}

// A keeper holds what may be an index or a manifest, and drops the rest at the
// first bytes.
type keeper struct {
	sure bool // it is one
	not  bool
	b    bytes.Buffer
}

func (k *keeper) Write(p []byte) (int, error) {
	if !k.sure && !k.not && k.b.Len() == 0 {
		t := bytes.TrimLeft(p, " \t\r\n")
		k.not = len(t) > 0 && t[0] != '{'
	}
	if !k.not {
		k.b.Write(p)
	}
	return len(p), nil
}

func (k *keeper) document() []byte {
	if k.not || !k.sure && !mayBeDocument(k.b.Bytes()) {
		return nil
	}
	if k.sure && k.b.Len() > 0 {
		return k.b.Bytes() // there is no more room in it than it needs
	}
	return append([]byte{}, k.b.Bytes()...) // not nil, though it may be empty
}

// mayBeDocument is quick for nearly all that is none. A key may be written with
// escapes, which only parsing sees through.
func mayBeDocument(data []byte) bool {
	return bytes.Contains(data, []byte(`"schemaVersion"`)) || bytes.Contains(data, []byte(`\u`)) && documentWithin(data) != ""
}

// Seen reports whether a blob has been added.
func (a *Audit) Seen(d digest.Digest) bool {
	a.mu.Lock()
	defer a.mu.Unlock()
	b := a.blobs[d]
	return b != nil && b.seen
}

// Compressed reports whether a descriptor of a blob gives it a media type that
// says so.
func (a *Audit) Compressed(d digest.Digest) bool {
	a.mu.Lock()
	defer a.mu.Unlock()
	b := a.blobs[d]
	return b != nil && slices.ContainsFunc(append([]string{b.media}, b.others...), func(t string) bool {
		return strings.HasSuffix(t, "+gzip") || strings.HasSuffix(t, "+zstd") || strings.HasSuffix(t, ".gzip")
	})
}

// Wants reports whether a descriptor announces a blob of this size.
func (a *Audit) Wants(d digest.Digest, size int64) bool {
	a.mu.Lock()
	defer a.mu.Unlock()
	b := a.blobs[d]
	return b != nil && b.wanted && b.want == size
}
