package layout

import (
	"bytes"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"hash"
	"io"
	"slices"
	"sync"

	"github.com/opencontainers/go-digest"
	v1 "github.com/opencontainers/image-spec/specs-go/v1"
)

// An Inspector looks into the content of blobs while an Audit hashes them, and
// judges the manifests that an Audit reaches. It is how a kind of artifact
// checks its payload in the one pass.
type Inspector interface {
	// Blob is called before the content of a blob passes. The media type of d
	// is empty when no manifest that names the blob has been seen yet. What it
	// returns receives the content and is closed after it, also when the
	// content turns out damaged; nil means not interested. It must not fail.
	Blob(d v1.Descriptor) io.WriteCloser
	// Manifest is called once for each manifest, when every blob has passed
	// and was whole. The error is reported as found in that manifest.
	Manifest(d v1.Descriptor, m *v1.Manifest) error
}

// AuditOptions say what an Audit does beside its checks.
type AuditOptions struct {
	// Inspectors look into the content.
	Inspectors []Inspector
	// Sink, when set, is called before the content of each blob and returns
	// where to write it, or nil; it may ask the audit what is known by then,
	// and is called from as many goroutines as Add.
	// The writer is closed when the content proved whole and not otherwise. An
	// error of the sink ends the audit.
	Sink func(a *Audit, d v1.Descriptor) (io.WriteCloser, error)
	// Strict makes SHA256SUMS the whole list: a file that it does not name is
	// refused even where it is no part of the layout. For archives, which
	// nobody adds to.
	Strict bool
	// Trust, when set, judges SHA256SUMS by its signatures before anything that
	// it lists is parsed, looked into or handed to Sink: before the first blob,
	// with the signatures that have come by then. Its error ends the audit, as
	// do ErrUnsealed and ErrEarly.
	Trust func(seal []byte, signatures []Signature) error
	// Seal, when set, is a SHA256SUMS that has been judged before; the layout
	// must have this one, wherever it stands. It takes the place of Trust.
	Seal []byte
}

// An Audit checks a layout whose files come one by one and in any order: from
// a tar stream as from a directory. It holds no blob in memory but the indexes
// and manifests. Add may be called from several goroutines.
type Audit struct {
	opts AuditOptions

	mu       sync.Mutex
	layout   bool // oci-layout was seen
	rawIndex []byte
	index    *v1.Index
	seal     *Seal
	trusted  bool // the seal was judged, and holds
	rawSeal  []byte
	held     []heldFile
	blobs    map[digest.Digest]*blob
	order    []digest.Digest // in the order in which descriptors reached them
	next     int             // order[:next] has been handed out by Next
	docs     []digest.Digest // documents wanted, in that order; those that came are passed over
	waiting  int             // how many of docs have not come
	subjects []subjectOf
	others   map[string]sum  // files that are not blobs
	named    int             // bytes of the names in others
	unfit    map[string]bool // files that are there and cannot be read; reported
	kept     int             // bytes of documents in memory
	corrupt  []error
	invalid  []error
	missing  []error
	bytes    int64
	files    int

	signatures []Signature
}

type blob struct {
	size   int64    // as found
	seen   bool     // it has passed
	whole  bool     // and was what its name says
	wanted bool     // a descriptor reaches it
	want   int64    // the size in that descriptor
	from   string   // where that descriptor stands
	media  string   // its media type
	others []string // further media types under which it is described
	sum    sum      // SHA-256, unless that is the name

	raw       []byte // of a document, or of what may be one
	waits     bool   // it is in docs and has not come
	absent    bool   // it is not there
	listed    bool   // an index has it, as something that is no document
	visits    []visit
	manifest  *v1.Manifest
	children  *v1.Index
	parsedAs  string
	annotated v1.Descriptor // the first descriptor
}

// A visit is a descriptor that asks for its document to be followed.
type visit struct {
	desc  v1.Descriptor
	at    place
	depth int
}

// A place is where a descriptor stands.
type place struct{ file, path string }

func (p place) String() string { return p.file + ": " + p.path }

func (p place) bad(format string, args ...any) error {
	return &FormatError{p.file, fmt.Errorf(p.path+format, args...)}
}

// A subjectOf is what a manifest or index refers to without carrying it.
type subjectOf struct {
	file string
	desc v1.Descriptor
}

// NewAudit begins an audit.
func NewAudit(o AuditOptions) *Audit {
	if o.Seal != nil {
		o.Trust = nil
	}
	a := &Audit{opts: o, blobs: map[digest.Digest]*blob{}, others: map[string]sum{}}
	a.begin()
	return a
}

// Add takes the next file: its path in the layout, its size and its content,
// which it reads to the end unless the size alone is wrong. What is wrong with
// the content is kept for Finish; the error is one that ends the audit: the
// reader's, the sink's, or a limit.
func (a *Audit) Add(ctx context.Context, name string, size int64, r io.Reader) error {
	a.mu.Lock()
	a.files++
	n := a.files
	a.mu.Unlock()
	if n > MaxFiles {
		return &FormatError{name, fmt.Errorf("too many files, the limit is %d", MaxFiles)}
	}
	switch name {
	case v1.ImageLayoutFile:
		return a.addSmall(ctx, name, size, 64<<10, r, a.underSeal(name, func(data []byte) error {
			a.layout = true
			return parseLayout(data)
		}))
	case v1.ImageIndexFile:
		return a.addSmall(ctx, name, size, MaxDocument, r, a.underSeal(name, a.addIndex))
	case SealName:
		return a.addSmall(ctx, name, size, maxSeal, r, a.addSeal)
	}
	if IsSignature(name) {
		return a.addSmall(ctx, name, size, MaxSignatureSize, r, a.addSignature(name))
	}
	if err := a.gate(name); err != nil {
		return err
	}
	d, ok, err := ParseBlobPath(name)
	switch {
	case err != nil:
		a.fault(&a.invalid, &FormatError{name, err})
		return nil
	case ok:
		return a.addBlob(ctx, d, size, r)
	}
	return a.addOther(ctx, name, size, r)
}

func (a *Audit) fault(list *[]error, err error) {
	a.mu.Lock()
	*list = append(*list, err)
	a.mu.Unlock()
}

// addSmall takes a file that is held in memory.
func (a *Audit) addSmall(ctx context.Context, name string, size, limit int64, r io.Reader, parse func([]byte) error) error {
	if size > limit {
		return &FormatError{name, fmt.Errorf("%d bytes is too large, the limit is %d", size, limit)}
	}
	var b bytes.Buffer
	if _, err := Tee(ctx, io.LimitReader(r, limit+1), &b); err != nil {
		return err
	}
	if int64(b.Len()) > limit {
		return &FormatError{name, fmt.Errorf("too large, the limit is %d bytes", limit)}
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	if _, ok := a.others[name]; ok {
		return &FormatError{name, errors.New("duplicate file")}
	}
	a.others[name] = sha256.Sum256(b.Bytes())
	a.bytes += int64(b.Len())
	if err := parse(b.Bytes()); err != nil {
		a.invalid = append(a.invalid, &FormatError{name, err})
	}
	return nil
}

func (a *Audit) addOther(ctx context.Context, name string, size int64, r io.Reader) error {
	h := sha256.New()
	n, err := Tee(ctx, r, h)
	if err != nil {
		return err
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	if _, ok := a.others[name]; ok {
		return &FormatError{name, errors.New("duplicate file")}
	}
	if a.named += len(name); a.named > 8<<20 {
		return &FormatError{name, errors.New("too many files that are no part of the layout; their names exceed the limit of 8 MiB")}
	}
	a.others[name] = sum(h.Sum(nil))
	a.bytes += n
	return nil
}

func (a *Audit) addIndex(data []byte) error {
	a.rawIndex = data
	index, err := ParseIndex(data, "")
	if err != nil {
		return err
	}
	if len(index.Manifests) == 0 {
		return errors.New("manifests: empty, the index names no manifests: nothing is in this layout")
	}
	if err := checkNames(index); err != nil {
		return err
	}
	a.index = index
	for i, d := range index.Manifests {
		if err := a.reach(d, place{v1.ImageIndexFile, fmt.Sprintf("manifests[%d]", i)}, 1, true); err != nil {
			a.invalid = append(a.invalid, err) // it names the file itself
		}
	}
	a.refers(v1.ImageIndexFile, index.Subject)
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
	b := a.blobs[d.Digest]
	if b == nil {
		b = &blob{}
		a.blobs[d.Digest] = b
	}
	if !b.wanted {
		b.wanted, b.want, b.from, b.media, b.annotated = true, d.Size, at.String(), d.MediaType, d
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
		return &FormatError{BlobPath(d), fmt.Errorf("mediaType: the descriptor (%s) says %s, but this is an OCI %s", b.from, quote(b.annotated.MediaType), found)}
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
	if IsIndex(v.desc.MediaType) {
		index, err := ParseIndex(b.raw, v.desc.MediaType)
		if err != nil {
			return &FormatError{name, err}
		}
		b.children = index
		for i, d := range index.Manifests {
			if err := a.reach(d, place{name, fmt.Sprintf("manifests[%d]", i)}, v.depth+1, true); err != nil {
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
	b.manifest = m
	if err := a.reach(m.Config, place{name, "config"}, v.depth+1, false); err != nil {
		return err
	}
	for i, d := range m.Layers {
		if err := a.reach(d, place{name, fmt.Sprintf("layers[%d]", i)}, v.depth+1, false); err != nil {
			return err
		}
	}
	a.refers(name, m.Subject)
	return nil
}

// checkSubjects compares subjects with what is known of them. a.mu is held.
func (a *Audit) checkSubjects() {
	for _, s := range a.subjects {
		at := place{s.file, "subject"}
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

func (a *Audit) addBlob(ctx context.Context, d digest.Digest, size int64, r io.Reader) error {
	a.mu.Lock()
	b := a.blobs[d]
	if b == nil {
		b = &blob{}
		a.blobs[d] = b
	}
	if b.seen {
		a.mu.Unlock()
		return &FormatError{BlobPath(d), errors.New("duplicate file")}
	}
	b.seen, b.size = true, size
	desc := v1.Descriptor{MediaType: b.media, Digest: d, Size: size}
	if b.wanted && b.want != size {
		a.corrupt = append(a.corrupt, &CorruptError{Name: BlobPath(d), WantSize: b.want, GotSize: size})
		a.settle(b)
		a.mu.Unlock()
		return nil
	}
	var keep *keeper
	if size <= MaxDocument && (len(b.visits) > 0 || b.listed || a.index == nil || a.waiting > 0) {
		keep = &keeper{sure: len(b.visits) > 0}
	}
	var watchers []io.WriteCloser
	inspectors := a.opts.Inspectors
	if !a.inspectable(BlobPath(d)) {
		inspectors = nil
	}
	for _, media := range append([]string{b.media}, b.others...) {
		for _, in := range inspectors {
			if w := in.Blob(v1.Descriptor{MediaType: media, Digest: d, Size: size}); w != nil {
				watchers = append(watchers, w)
			}
		}
	}
	a.mu.Unlock()

	h := d.Algorithm().Hash()
	sinks := []io.Writer{h}
	var plain hash.Hash
	if d.Algorithm() != digest.SHA256 {
		plain = sha256.New()
		sinks = append(sinks, plain)
	}
	if keep != nil {
		sinks = append(sinks, keep)
	}
	for _, w := range watchers {
		sinks = append(sinks, w)
		defer w.Close()
	}
	var out io.WriteCloser
	if a.opts.Sink != nil {
		var err error
		if out, err = a.opts.Sink(a, desc); err != nil {
			return err
		}
		if out != nil {
			sinks = append(sinks, out)
		}
	}
	n, err := Tee(ctx, io.LimitReader(r, size+1), sinks...)
	if err != nil {
		return err
	}
	bad := compare(BlobPath(d), v1.Descriptor{Digest: d, Size: size}, n, h)
	if bad == nil && out != nil {
		if err := out.Close(); err != nil {
			return err
		}
	}

	a.mu.Lock()
	defer a.mu.Unlock()
	a.bytes += n
	a.settle(b)
	if bad != nil {
		a.corrupt = append(a.corrupt, bad)
		return nil
	}
	b.whole = true
	if plain != nil {
		b.sum = sum(plain.Sum(nil))
	}
	if keep != nil {
		if b.raw = keep.document(); b.raw != nil {
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

// settle takes a document off the list of those that are waited for.
func (a *Audit) settle(b *blob) {
	if b.waits {
		b.waits = false
		a.waiting--
	}
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
	if k.not || !k.sure && !bytes.Contains(k.b.Bytes(), []byte(`"schemaVersion"`)) {
		return nil
	}
	return append([]byte{}, k.b.Bytes()...) // not nil, though it may be empty
}

// Index is index.json, or nil while it has not been added or was not sound.
func (a *Audit) Index() *v1.Index {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.index
}

// Document is an index or a manifest that has been reached and read: one of
// the two is nil, or both.
func (a *Audit) Document(d digest.Digest) (*v1.Index, *v1.Manifest) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if b := a.blobs[d]; b != nil {
		return b.children, b.manifest
	}
	return nil, nil
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

// Absent tells the audit that a blob that Next named is not there.
func (a *Audit) Absent(d digest.Digest) {
	a.mu.Lock()
	defer a.mu.Unlock()
	b := a.blobs[d]
	a.settle(b)
	b.absent, b.visits = true, nil
}

// refuse notes that a file is there but cannot be read as one.
func (a *Audit) refuse(name string, why *FormatError) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.invalid = append(a.invalid, why)
	d, ok, err := ParseBlobPath(name)
	if !ok || err != nil {
		if a.unfit == nil {
			a.unfit = map[string]bool{}
		}
		a.unfit[name] = true
		return
	}
	b := a.blobs[d]
	if b == nil {
		b = &blob{}
		a.blobs[d] = b
	}
	b.seen = true
	a.settle(b)
}

// Seen reports whether a blob has been added.
func (a *Audit) Seen(d digest.Digest) bool {
	a.mu.Lock()
	defer a.mu.Unlock()
	b := a.blobs[d]
	return b != nil && b.seen
}

// Wants reports whether a descriptor announces a blob of this size.
func (a *Audit) Wants(d digest.Digest, size int64) bool {
	a.mu.Lock()
	defer a.mu.Unlock()
	b := a.blobs[d]
	return b != nil && b.wanted && b.want == size
}

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
	r := &Report{Index: a.index, RawIndex: a.rawIndex, Bytes: a.bytes, Sealed: a.seal != nil, Signatures: a.signatures, seal: a.others[SealName]}
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
			a.missing = append(a.missing, &MissingError{Name: BlobPath(d), Size: b.want, From: b.from})
		}
	}
	a.checkSubjects()
	if _, ok := a.others[SealName]; !ok && a.opts.Seal != nil {
		a.invalid = append(a.invalid, &FormatError{SealName, errors.New("not there any more; the source was changed")})
	}
	if a.seal != nil {
		a.checkSeal()
	}
	for name := range a.others {
		switch name {
		case v1.ImageLayoutFile, v1.ImageIndexFile, SealName:
		default:
			if !IsSignature(name) {
				r.Extra = append(r.Extra, name)
			}
		}
	}
	if len(a.corrupt)+len(a.invalid)+len(a.missing) == 0 {
		for _, d := range a.order {
			b := a.blobs[d]
			if b.manifest == nil {
				continue
			}
			r.Manifests++
			for _, in := range a.opts.Inspectors {
				desc := b.annotated
				if err := in.Manifest(desc, b.manifest); err != nil {
					a.invalid = append(a.invalid, &FormatError{BlobPath(d), err})
				}
			}
		}
	}
	r.Corrupt, r.Invalid, r.Missing = a.corrupt, a.invalid, a.missing
	return r
}

// checkSeal compares SHA256SUMS with what came. a.mu is held.
func (a *Audit) checkSeal() {
	bad := func(name, format string, args ...any) {
		a.invalid = append(a.invalid, &SealError{name, fmt.Sprintf(format, args...)})
	}
	for _, name := range sortedKeys(a.seal.lines) {
		want := a.seal.lines[name]
		got, ok := a.others[name]
		if d, isBlob, err := ParseBlobPath(name); isBlob && err == nil {
			b := a.blobs[d]
			if ok = b != nil && b.seen; ok && d.Algorithm() == digest.SHA256 {
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
		if _, ok := a.seal.lines[name]; ok || name == SealName || IsSignature(name) {
			continue
		}
		if name == v1.ImageIndexFile || name == v1.ImageLayoutFile || a.opts.Strict {
			bad(name, "%s does not list it", SealName)
		}
	}
	for d, b := range a.blobs {
		if _, ok := a.seal.lines[BlobPath(d)]; b.seen && !ok {
			bad(BlobPath(d), "%s does not list it", SealName)
		}
	}
}
