package layout

import (
	"bytes"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"sync"

	"github.com/opencontainers/go-digest"
	v1 "github.com/opencontainers/image-spec/specs-go/v1"

	"github.com/ociferry/ferry/layout/stream"
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

// A FileInspector is an Inspector that looks into the other files as well,
// those that are no part of a layout. Of a directory without a seal an Audit
// sees none.
type FileInspector interface {
	Inspector
	// File is called before the content of a file passes, as Blob is.
	File(name string, size int64) io.WriteCloser
}

// An Aborter is a sink that takes back what it has been given. Abort is called
// in the place of Close when the content turned out damaged.
type Aborter interface{ Abort() }

// An AsideInspector is an Inspector that looks as well at what a stream that
// carries a layout holds beside its files, such as the comment of a compression.
type AsideInspector interface {
	Inspector
	// Aside reads as much of r as it likes. what says what it is. The error ends
	// the audit.
	Aside(what string, size int64, r io.Reader) error
}

// AuditOptions say what an Audit does beside its checks.
type AuditOptions struct {
	// Inspectors look into the content.
	Inspectors []Inspector
	// Sink, when set, is called before the content of each blob and returns
	// where to write it, or nil; it may ask the audit what is known by then,
	// and is called from as many goroutines as Add.
	// The writer is closed when the content proved whole; otherwise, where it is
	// an Aborter, it is aborted. An error of the sink ends the audit.
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
// and manifests. Documents, and what comes before the last of them, are added
// one after another, since each may name the next; once Settled reports true,
// Add may be called from several goroutines.
type Audit struct {
	opts AuditOptions

	mu       sync.Mutex
	layout   bool // oci-layout was seen
	rawIndex []byte
	index    *v1.Index
	seal     sums
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
	docker   []byte          // DockerManifest
	extra    []string        // other files that were not read
	named    int             // bytes of the names in others
	unfit    map[string]bool // files that are there and cannot be read; reported
	kept     int             // bytes of documents in memory
	elements int             // in the documents that were parsed
	corrupt  []error
	invalid  []error
	missing  []error
	bytes    int64
	files    int
	only     map[digest.Digest]bool // when set, the blobs that are judged; see Contents.Finish

	signatures []Signature
}

type blob struct {
	size   int64    // as found
	seen   bool     // it has passed
	whole  bool     // and was what its name says
	wanted bool     // a descriptor reaches it
	want   int64    // the size in that descriptor
	from   place    // where that descriptor stands
	media  string   // its media type
	others []string // further media types under which it is described
	sum    sum      // SHA-256, unless that is the name

	raw      []byte // of a document, or of what may be one
	waits    bool   // it is in docs and has not come
	absent   bool   // it is not there
	listed   bool   // an index has it, as something that is no document
	visits   []visit
	manifest *v1.Manifest // see Document
	children *v1.Index
	parsedAs string
	desc     *v1.Descriptor // of a document, the first
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
		return a.addSmall(ctx, name, size, 64<<10, r, a.deferUntilTrusted(name, func(data []byte) error {
			a.layout = true
			return parseLayout(data)
		}))
	case v1.ImageIndexFile:
		return a.addSmall(ctx, name, size, MaxDocument, r, a.deferUntilTrusted(name, a.addIndex))
	case SealName:
		return a.addSmall(ctx, name, size, maxSeal, r, a.addSeal)
	}
	if IsSignature(name) {
		return a.addSmall(ctx, name, size, MaxSignatureSize, r, a.addSignature(name))
	}
	if err := a.requireTrust(name); err != nil {
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
	b.Grow(int(min(max(size, 0), MaxDocument))) // no more on anybody's word
	if _, err := stream.FanOut(ctx, io.LimitReader(r, limit+1), &b); err != nil {
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

// Aside has inspectors look at what a stream that carries the layout holds beside
// its files; see AsideInspector.
func (a *Audit) Aside(what string, size int64, r io.Reader) error {
	for _, in := range a.opts.Inspectors {
		if in, ok := in.(AsideInspector); ok {
			return in.Aside(what, size, r) // there is one
		}
	}
	return nil
}

func (a *Audit) addOther(ctx context.Context, name string, size int64, r io.Reader) error {
	h := sha256.New()
	sinks := []io.Writer{h}
	var docker bytes.Buffer
	if name == DockerManifest && size <= MaxDocument {
		sinks = append(sinks, &docker)
	}
	for _, in := range a.opts.Inspectors {
		if in, ok := in.(FileInspector); ok && a.inspectable(name) {
			if w := in.File(name, size); w != nil {
				defer w.Close()
				sinks = append(sinks, w)
			}
		}
	}
	n, err := stream.FanOut(ctx, r, sinks...)
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
	if docker.Len() > 0 {
		a.docker = docker.Bytes()
	}
	a.bytes += n
	return nil
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
	b := a.blobs[d]
	if b != nil {
		b.children, b.manifest = b.document()
	}
	return b.document()
}

// document is what was kept of a document, or what its bytes say; both are nil
// for what is none.
func (b *blob) document() (*v1.Index, *v1.Manifest) {
	if b == nil {
		return nil, nil
	}
	if b.children == nil && b.manifest == nil {
		return b.parse()
	}
	return b.children, b.manifest
}

// parse reads a document again: parsed, it takes several times what it takes as
// bytes, and of many large ones only those are kept that somebody asks for. Both
// are nil if it is not sound.
func (b *blob) parse() (index *v1.Index, m *v1.Manifest) {
	if IsIndex(b.parsedAs) {
		index, _ = ParseIndex(b.raw, b.parsedAs)
	} else if b.parsedAs != "" {
		m, _ = ParseManifest(b.raw, b.parsedAs)
	}
	return index, m
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
	b := a.blob(d)
	b.seen = true
	a.settle(b)
}

// beside names what lies in a layout without a seal and was not read.
func (a *Audit) beside(name string) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if !a.unfit[name] {
		a.extra = append(a.extra, name)
	}
}

// refused reports whether a link or special file has been reported already: it
// was asked for by its name.
func (a *Audit) refused(name string) bool {
	d, ok, err := ParseBlobPath(name)
	if ok && err == nil {
		return a.Seen(d)
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.unfit[name]
}

func (a *Audit) has(name string) bool {
	a.mu.Lock()
	defer a.mu.Unlock()
	_, ok := a.others[name]
	return ok
}

// checkRoot compares index.json and oci-layout with SHA256SUMS: no descriptor
// covers these two.
func (a *Audit) checkRoot() error {
	if a.seal == nil {
		return nil
	}
	for _, name := range []string{v1.ImageIndexFile, v1.ImageLayoutFile} {
		want, ok := a.seal[name]
		switch {
		case !ok:
			return &SealError{name, SealName + " does not list it"}
		case want != a.others[name]:
			return &SealError{name, fmt.Sprintf("%s lists sha256:%x, found sha256:%x", SealName, want, a.others[name])}
		}
	}
	return nil
}
