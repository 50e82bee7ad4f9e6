package signature

import (
	"bytes"
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/rand"
	"crypto/sha256"
	"crypto/sha512"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"fmt"
)

// MaxSize is the size in bytes of the largest signature that is read.
const MaxSize = 64 << 10

// Size is the size in bytes of every signature that is made here, so that
// room can be left for one before it is made.
const Size = 512

const (
	mediaType    = "application/vnd.dev.sigstore.bundle.v0.3+json"
	mediaTypeOld = "application/vnd.dev.sigstore.bundle+json;version=0.3"
	sha256Name   = "SHA2_256"
)

// A Signature is a Sigstore bundle that was parsed. Nothing in it is true
// because it stands there.
type Signature struct {
	hint   string
	digest []byte // SHA-256 of what was signed, or nil where it does not say
	value  []byte
}

// Hint is what the signature says of its key: a fingerprint where it is one,
// else the quoted text. It proves nothing.
func (s *Signature) Hint() string {
	if sum, err := base64.StdEncoding.DecodeString(s.hint); err == nil && len(sum) == sha256.Size {
		return "sha256:" + hex.EncodeToString(sum)
	}
	return fmt.Sprintf("%.80q", s.hint)
}

// Parse reads a Sigstore bundle. The error wraps ErrFormat, or ErrUnsupported
// for a bundle of another version or kind: one with a certificate, or with a
// DSSE envelope.
func Parse(data []byte) (*Signature, error) {
	if len(data) > MaxSize {
		return nil, fmt.Errorf("%w: %d bytes is too large for a signature, the limit is %d", ErrFormat, len(data), MaxSize)
	}
	o, err := parseJSON(data)
	if err != nil {
		return nil, err
	}
	media, err := o.text("mediaType")
	if err != nil {
		return nil, err
	}
	if media != mediaType && media != mediaTypeOld {
		return nil, fmt.Errorf("%w: mediaType %.100q, want %s", ErrUnsupported, media, mediaType)
	}
	if _, ok := o["dsseEnvelope"]; ok {
		return nil, fmt.Errorf("%w: an attestation (dsseEnvelope), want a messageSignature", ErrUnsupported)
	}
	if err := o.only("mediaType", "verificationMaterial", "messageSignature"); err != nil {
		return nil, err
	}
	material, err := o.object("verificationMaterial")
	if err != nil {
		return nil, err
	}
	for _, k := range []string{"certificate", "x509CertificateChain"} {
		if _, ok := material[k]; ok {
			return nil, fmt.Errorf("%w: made with a certificate (%s), want one made with a key", ErrUnsupported, k)
		}
	}
	if err := material.only("publicKey", "tlogEntries", "timestampVerificationData"); err != nil {
		return nil, err
	}
	key, err := material.object("publicKey")
	if err != nil {
		return nil, err
	}
	if err := key.only("hint"); err != nil {
		return nil, err
	}
	s := &Signature{}
	if _, ok := key["hint"]; ok { // it may be left out when empty
		if s.hint, err = key.text("hint"); err != nil {
			return nil, err
		}
	}
	return s, s.parseMessage(o)
}

func (s *Signature) parseMessage(o object) error {
	message, err := o.object("messageSignature")
	if err != nil {
		return err
	}
	if err := message.only("messageDigest", "signature"); err != nil {
		return err
	}
	sum, err := message.object("messageDigest")
	if err != nil {
		return err
	}
	if s.digest, err = sum.digest(); err != nil {
		return err
	}
	s.value, err = message.bytes("signature")
	if err == nil && len(s.value) == 0 {
		err = fmt.Errorf("%w: signature: empty", ErrFormat)
	}
	return err
}

// digest reads a messageDigest. cosign leaves it empty with an Ed25519 key.
func (o object) digest() ([]byte, error) {
	if len(o) == 0 {
		return nil, nil
	}
	if err := o.only("algorithm", "digest"); err != nil {
		return nil, err
	}
	algorithm, err := o.text("algorithm")
	if err != nil {
		return nil, err
	}
	if algorithm != sha256Name {
		return nil, fmt.Errorf("%w: messageDigest.algorithm %.40q, want %s", ErrUnsupported, algorithm, sha256Name)
	}
	sum, err := o.bytes("digest")
	if err == nil && len(sum) != sha256.Size {
		err = fmt.Errorf("%w: messageDigest.digest: %d bytes, want %d", ErrFormat, len(sum), sha256.Size)
	}
	return sum, err
}

// Verify is nil when key made the signature of exactly this content. Else the
// error wraps ErrOtherContent, ErrOtherKey or ErrForged.
func (s *Signature) Verify(content []byte, key *PublicKey) error {
	sum := sha256.Sum256(content)
	if s.digest != nil && !bytes.Equal(sum[:], s.digest) {
		return fmt.Errorf("%w: it signs sha256:%x, found sha256:%x", ErrOtherContent, s.digest, sum)
	}
	var good bool
	switch k := key.key.(type) {
	case *ecdsa.PublicKey:
		good = ecdsa.VerifyASN1(k, sum[:], s.value)
	case ed25519.PublicKey:
		good = verifyEd25519(k, content, s.value)
	}
	switch {
	case good:
		return nil
	case s.hint == key.hint() && s.digest == nil:
		return fmt.Errorf("%w: it names the key %s, which did not make it, or made it of something else", ErrForged, key.Fingerprint())
	case s.hint == key.hint():
		return fmt.Errorf("%w: it names the key %s, which did not make it", ErrForged, key.Fingerprint())
	}
	return fmt.Errorf("%w: want %s, found one that says %s", ErrOtherKey, key.Fingerprint(), s.Hint())
}

// verifyEd25519 accepts the two ways of signing with such a key. They are kept
// apart by the algorithm itself: a signature of one is none of the other.
func verifyEd25519(key ed25519.PublicKey, content, sig []byte) bool {
	if ed25519.Verify(key, content, sig) {
		return true
	}
	sum := sha512.Sum512(content)
	return ed25519.VerifyWithOptions(key, sum[:], sig, &ed25519.Options{Hash: crypto.SHA512}) == nil
}

// Sign makes a signature of content: a Sigstore bundle, for
// "cosign verify-blob --key KEY --bundle FILE" as for Parse. The same key and
// content give the same bytes, Size of them.
func (k *PrivateKey) Sign(content []byte) ([]byte, error) {
	sum := sha256.Sum256(content)
	var value []byte
	var err error
	if _, ok := k.key.(ed25519.PrivateKey); ok {
		value, err = k.key.Sign(rand.Reader, content, crypto.Hash(0))
	} else {
		// Without a source of randomness ECDSA is that of RFC 6979.
		value, err = k.key.Sign(nil, sum[:], crypto.SHA256)
	}
	if err != nil {
		return nil, err
	}
	type m = map[string]any // its keys come out sorted
	data, err := json.Marshal(m{
		"mediaType":            mediaType,
		"verificationMaterial": m{"publicKey": m{"hint": k.public.hint()}},
		"messageSignature":     m{"messageDigest": m{"algorithm": sha256Name, "digest": sum[:]}, "signature": value},
	})
	if err != nil {
		return nil, err
	}
	// ECDSA's values differ in length; see Size.
	data = append(data, bytes.Repeat([]byte(" "), max(0, Size-1-len(data)))...)
	return append(data, '\n'), nil
}
