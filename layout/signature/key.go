package signature

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"encoding/hex"
	"encoding/pem"
	"fmt"
	"strings"
)

// MaxKeyFile is the size in bytes of the largest file that is read as a key.
const MaxKeyFile = 16 << 10

// An Algorithm is the kind of a key.
type Algorithm string

// The algorithms.
const (
	P256    Algorithm = "ECDSA P-256"
	Ed25519 Algorithm = "Ed25519"
)

// The types of PEM blocks.
const (
	pemPublic    = "PUBLIC KEY"
	pemPlain     = "PRIVATE KEY"
	pemEncrypted = "ENCRYPTED SIGSTORE PRIVATE KEY"
	pemCosign    = "ENCRYPTED COSIGN PRIVATE KEY"
)

// A PublicKey checks signatures.
type PublicKey struct {
	key crypto.PublicKey // *ecdsa.PublicKey on P-256, or ed25519.PublicKey
	der []byte           // PKIX
}

// ParsePublicKey reads a public key in PEM. The error wraps ErrFormat or
// ErrUnsupported and says what was found, for example a private key.
func ParsePublicKey(data []byte) (*PublicKey, error) {
	block, err := onlyBlock(data)
	if err != nil {
		return nil, err
	}
	switch {
	case strings.Contains(block.Type, "PRIVATE KEY"):
		return nil, fmt.Errorf("%w: a private key, want a public one (%s)", ErrUnsupported, pemPublic)
	case block.Type != pemPublic:
		return nil, fmt.Errorf("%w: want a PEM block %q, found %q", ErrUnsupported, pemPublic, block.Type)
	}
	key, err := x509.ParsePKIXPublicKey(block.Bytes)
	if err != nil {
		return nil, fmt.Errorf("%w: not a public key in PKIX form: %q", ErrFormat, err.Error())
	}
	return newPublicKey(key)
}

func newPublicKey(key crypto.PublicKey) (*PublicKey, error) {
	switch k := key.(type) {
	case *ecdsa.PublicKey:
		if k.Curve != elliptic.P256() {
			return nil, fmt.Errorf("%w: an ECDSA key on the curve %s, want %s or %s", ErrUnsupported, k.Params().Name, P256, Ed25519)
		}
	case ed25519.PublicKey:
	default:
		return nil, fmt.Errorf("%w: a key of type %T, want %s or %s", ErrUnsupported, key, P256, Ed25519)
	}
	// Marshaled anew, so that one key has one form and one fingerprint.
	der, err := x509.MarshalPKIXPublicKey(key)
	if err != nil {
		return nil, fmt.Errorf("%w: %v", ErrFormat, err)
	}
	return &PublicKey{key, der}, nil
}

// onlyBlock is the one PEM block of a key file.
func onlyBlock(data []byte) (*pem.Block, error) {
	if len(data) > MaxKeyFile {
		return nil, fmt.Errorf("%w: %d bytes is too large for a key, the limit is %d", ErrFormat, len(data), MaxKeyFile)
	}
	block, rest := pem.Decode(data)
	if block == nil {
		return nil, fmt.Errorf("%w: no PEM block; a key begins with -----BEGIN", ErrFormat)
	}
	if second, _ := pem.Decode(rest); second != nil {
		return nil, fmt.Errorf("%w: several keys in one file; want each in a file of its own", ErrUnsupported)
	}
	return block, nil
}

// Algorithm is the kind of the key.
func (k *PublicKey) Algorithm() Algorithm {
	if _, ok := k.key.(ed25519.PublicKey); ok {
		return Ed25519
	}
	return P256
}

// Fingerprint is "sha256:" and the hexadecimal SHA-256 of the key's PKIX form.
func (k *PublicKey) Fingerprint() string {
	sum := sha256.Sum256(k.der)
	return "sha256:" + hex.EncodeToString(sum[:])
}

// hint is what cosign and sigstore-go call the key in a bundle.
func (k *PublicKey) hint() string {
	sum := sha256.Sum256(k.der)
	return base64.StdEncoding.EncodeToString(sum[:])
}

// PEM is the key as a file.
func (k *PublicKey) PEM() []byte {
	return pem.EncodeToMemory(&pem.Block{Type: pemPublic, Bytes: k.der})
}

// A PrivateKey makes signatures.
type PrivateKey struct {
	key    crypto.Signer
	public *PublicKey
}

// Generate makes a new key.
func Generate(a Algorithm) (*PrivateKey, error) {
	switch a {
	case P256:
		key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
		if err != nil {
			return nil, err
		}
		return newPrivateKey(key)
	case Ed25519:
		_, key, err := ed25519.GenerateKey(rand.Reader)
		if err != nil {
			return nil, err
		}
		return newPrivateKey(key)
	}
	return nil, fmt.Errorf("%w: %q, want %s or %s", ErrUnsupported, string(a), P256, Ed25519)
}

func newPrivateKey(key any) (*PrivateKey, error) {
	signer, ok := key.(crypto.Signer)
	if !ok {
		return nil, fmt.Errorf("%w: a private key of type %T, want %s or %s", ErrUnsupported, key, P256, Ed25519)
	}
	public, err := newPublicKey(signer.Public())
	if err != nil {
		return nil, err
	}
	return &PrivateKey{signer, public}, nil
}

// ParsePrivateKey opens a private key in PEM with its password, which may be
// empty. The error wraps ErrPassword when the password does not open it, and
// else ErrFormat or ErrUnsupported.
func ParsePrivateKey(data, password []byte) (*PrivateKey, error) {
	block, err := onlyBlock(data)
	if err != nil {
		return nil, err
	}
	var der []byte
	switch block.Type {
	case pemEncrypted, pemCosign:
		if der, err = open(block.Bytes, password); err != nil {
			return nil, err
		}
	case pemPlain:
		if len(password) > 0 {
			return nil, fmt.Errorf("%w: this private key is not encrypted, but a password was given for it", ErrUnsupported)
		}
		der = block.Bytes
	case pemPublic:
		return nil, fmt.Errorf("%w: a public key, want a private one (%s)", ErrUnsupported, pemEncrypted)
	default:
		return nil, fmt.Errorf("%w: want a PEM block %q, found %q; cosign import-key-pair converts other private keys", ErrUnsupported, pemEncrypted, block.Type)
	}
	key, err := x509.ParsePKCS8PrivateKey(der)
	if err != nil {
		// The error may quote what is secret; that it is none is enough.
		return nil, fmt.Errorf("%w: not a private key in PKCS #8 form", ErrFormat)
	}
	return newPrivateKey(key)
}

// NeedsPassword reports whether a private key in PEM is an encrypted one.
func NeedsPassword(data []byte) bool {
	block, err := onlyBlock(data)
	return err == nil && (block.Type == pemEncrypted || block.Type == pemCosign)
}

// Public is the key that checks the signatures of k.
func (k *PrivateKey) Public() *PublicKey { return k.public }

// PEM is the key as a file, encrypted under a password, which may be empty.
func (k *PrivateKey) PEM(password []byte) ([]byte, error) {
	der, err := x509.MarshalPKCS8PrivateKey(k.key)
	if err != nil {
		return nil, err
	}
	sealed, err := seal(der, password)
	if err != nil {
		return nil, err
	}
	return pem.EncodeToMemory(&pem.Block{Type: pemEncrypted, Bytes: sealed}), nil
}
