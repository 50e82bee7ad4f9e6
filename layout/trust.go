package layout

import (
	"bytes"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"sort"
	"strconv"
	"strings"

	v1 "github.com/opencontainers/image-spec/specs-go/v1"

	"github.com/ociferry/ferry/layout/stream"
)

// SealName's signatures are the files that a seal does not list. The first is
// SHA256SUMS.sigstore.json, the next SHA256SUMS.2.sigstore.json and so on; a
// file with a larger number than MaxSignatures is any other file.
const (
	SignatureName    = SealName + ".sigstore.json"
	MaxSignatures    = 16
	MaxSignatureSize = 64 << 10 // bytes
)

// SignatureFile is the name of the nth signature, from 1.
func SignatureFile(n int) string {
	if n == 1 {
		return SignatureName
	}
	return SealName + "." + strconv.Itoa(n) + ".sigstore.json"
}

// signatureNumber is n for SignatureFile(n), and 0 for any other name.
func signatureNumber(name string) int {
	if !strings.HasPrefix(name, SealName+".") {
		return 0
	}
	for n := 1; n <= MaxSignatures; n++ {
		if name == SignatureFile(n) {
			return n
		}
	}
	return 0
}

// IsSignature reports whether a file is one by its name.
func IsSignature(name string) bool { return signatureNumber(name) > 0 }

// A Signature is a file that signs SHA256SUMS. This package neither makes nor
// checks it.
type Signature struct {
	Name string // its path in the layout
	Data []byte // at most MaxSignatureSize
}

func sortSignatures(list []Signature) {
	sort.Slice(list, func(i, j int) bool { return signatureNumber(list[i].Name) < signatureNumber(list[j].Name) })
}

// ErrUnsealed is wrapped by the error for a layout whose signature shall be
// checked, and that has no SHA256SUMS.
var ErrUnsealed = errors.New("not sealed: there is no " + SealName + ", and so no signature of it")

// ErrEarly is wrapped by the error for content that stands in front of the
// signature that shall answer for it.
var ErrEarly = errors.New("comes before " + SealName + " and its signature; nothing is looked at before that holds")

// begin makes o.Seal the one that was judged.
func (a *Audit) begin() {
	if a.opts.Seal == nil {
		return
	}
	a.trusted = true
	var err error
	if a.seal, err = parseSeal(a.opts.Seal); err != nil {
		a.invalid = append(a.invalid, &FormatError{SealName, err})
	}
}

// addSeal takes SHA256SUMS. a.mu is held.
func (a *Audit) addSeal(data []byte) (err error) {
	switch {
	case a.opts.Seal != nil && !bytes.Equal(data, a.opts.Seal):
		return errors.New("not the one whose signature was checked")
	case a.opts.Seal != nil:
		return nil
	}
	if a.opts.Trust != nil {
		a.rawSeal = data // read when it has been judged
		return nil
	}
	a.seal, err = parseSeal(data)
	return err
}

func (a *Audit) addSignature(name string) func([]byte) error {
	return func(data []byte) error {
		a.signatures = append(a.signatures, Signature{name, data})
		sortSignatures(a.signatures)
		return nil
	}
}

// A heldFile waits for the signature that answers for it.
type heldFile struct {
	name  string
	data  []byte
	parse func([]byte) error
}

// deferUntilTrusted parses a file that no descriptor covers, once the seal has said
// that it is the right one, if that is to be asked. a.mu is held.
func (a *Audit) deferUntilTrusted(name string, parse func([]byte) error) func([]byte) error {
	return func(data []byte) error {
		switch {
		case a.opts.Trust != nil && !a.trusted:
			a.held = append(a.held, heldFile{name, data, parse})
			return nil
		case a.trusted && (a.seal == nil || a.seal[name] != sha256.Sum256(data)):
			return nil // Finish says that it is not what the seal lists
		}
		return parse(data)
	}
}

// requireTrust stands before everything that a signature has to answer for: name is
// that of a file that has come, or "" when no more will come.
func (a *Audit) requireTrust(name string) error {
	a.mu.Lock()
	defer a.mu.Unlock()
	switch {
	case a.opts.Trust == nil || a.trusted:
		return nil
	case a.rawSeal == nil && name != "":
		return &FormatError{name, ErrEarly}
	case a.rawSeal == nil:
		return ErrUnsealed
	}
	return a.judge()
}

// judge asks whether the seal is genuine, and then reads what has waited for
// the answer. a.mu is held.
func (a *Audit) judge() (err error) {
	if err := a.opts.Trust(a.rawSeal, a.signatures); err != nil {
		return err
	}
	a.trusted = true
	if a.seal, err = parseSeal(a.rawSeal); err != nil {
		return &FormatError{SealName, err}
	}
	held := a.held
	a.held, a.rawSeal = nil, nil
	for _, h := range held {
		if err := a.deferUntilTrusted(h.name, h.parse)(h.data); err != nil {
			a.invalid = append(a.invalid, &FormatError{h.name, err})
		}
	}
	return nil
}

// inspectable reports whether inspectors may look at a blob: not at one that a
// seal which was judged does not list. a.mu is held.
func (a *Audit) inspectable(name string) bool {
	if !a.trusted || a.seal == nil {
		return !a.trusted
	}
	_, ok := a.seal[name]
	return ok
}

// Signed is what a layout says of itself at its root, unchecked.
type Signed struct {
	Seal       []byte // SHA256SUMS, or nil
	Signatures []Signature
}

// Signed reads SHA256SUMS and its signatures, and nothing else.
func (r *Reader) Signed(ctx context.Context) (*Signed, error) {
	s := &Signed{}
	for n := 0; n <= MaxSignatures; n++ {
		name := SealName
		if n > 0 {
			name = SignatureFile(n)
		}
		f, size, err := r.openFile(name)
		if errors.Is(err, fs.ErrNotExist) {
			continue
		}
		if err != nil {
			return nil, err
		}
		err = s.Read(ctx, name, size, f)
		f.Close()
		if err != nil {
			return nil, err
		}
	}
	return s, nil
}

// Read takes the file of that name, if it is SHA256SUMS or a signature.
func (s *Signed) Read(ctx context.Context, name string, size int64, r io.Reader) error {
	limit := int64(maxSeal)
	if name != SealName {
		limit = MaxSignatureSize
	}
	if name != SealName && !IsSignature(name) {
		return nil
	}
	if size > limit {
		return &FormatError{name, fmt.Errorf("%d bytes is too large, the limit is %d", size, limit)}
	}
	var b bytes.Buffer
	if _, err := stream.FanOut(ctx, io.LimitReader(r, limit), &b); err != nil {
		return err
	}
	if name == SealName {
		s.Seal = b.Bytes()
		return nil
	}
	s.Signatures = append(s.Signatures, Signature{name, b.Bytes()})
	sortSignatures(s.Signatures)
	return nil
}

// SignaturesFor are the signatures that go along with contents whose seal is
// this one: what Sign makes, or else those that the source had, if they sign
// the same seal.
func (c *Contents) SignaturesFor(seal []byte) ([]Signature, error) {
	if c.Sign != nil {
		return c.Sign(seal)
	}
	if c.Source == nil {
		return nil, nil
	}
	return c.Source.SignaturesFor(seal)
}

// SignaturesFor are the layout's signatures, if seal is what they sign.
func (r *Report) SignaturesFor(seal []byte) ([]Signature, error) {
	if len(r.Signatures) == 0 || r.seal != sha256.Sum256(seal) {
		return nil, nil
	}
	return r.Signatures, nil
}

// rootFiles are the files that an audit of a directory reads first.
func rootFiles() []string {
	names := []string{v1.ImageLayoutFile, v1.ImageIndexFile, SealName}
	for n := 1; n <= MaxSignatures; n++ {
		names = append(names, SignatureFile(n))
	}
	return names
}
