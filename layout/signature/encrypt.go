package signature

import (
	"crypto/rand"
	"encoding/json"
	"fmt"

	"golang.org/x/crypto/nacl/secretbox"
	"golang.org/x/crypto/scrypt"
)

// The form of an encrypted private key that cosign and Zarf share: scrypt makes
// a key of the password, nacl/secretbox encrypts under it.
type encrypted struct {
	KDF struct {
		Name   string       `json:"name"`
		Params scryptParams `json:"params"`
		Salt   []byte       `json:"salt"`
	} `json:"kdf"`
	Cipher struct {
		Name  string `json:"name"`
		Nonce []byte `json:"nonce"`
	} `json:"cipher"`
	Ciphertext []byte `json:"ciphertext"`
}

type scryptParams struct {
	N int `json:"N"`
	R int `json:"r"`
	P int `json:"p"`
}

const (
	kdfName    = "scrypt"
	cipherName = "nacl/secretbox"

	maxScryptMemory = 128 << 20 // bytes: 128 * N * r
	maxScryptWork   = 4 << 20   // N * r * p
)

// The parameters that cosign writes: 64 MiB. It refuses others than 2^15, 2^16
// and 2^17 for N.
var standardScrypt = scryptParams{N: 1 << 16, R: 8, P: 1}

// check bounds what a key file may ask of this machine.
func (s scryptParams) check() error {
	n, r, p := uint64(s.N), uint64(s.R), uint64(s.P)
	switch {
	case n < 2 || n&(n-1) != 0 || r == 0 || p == 0:
		return fmt.Errorf("%w: scrypt with N=%d r=%d p=%d", ErrFormat, s.N, s.R, s.P)
	case n > maxScryptMemory/128 || r > maxScryptMemory/128 || n*r > maxScryptMemory/128:
		return fmt.Errorf("%w: scrypt with N=%d r=%d asks for more than the limit of %d MiB of memory", ErrUnsupported, s.N, s.R, maxScryptMemory>>20)
	case p > maxScryptWork || n*r*p > maxScryptWork:
		return fmt.Errorf("%w: scrypt with N=%d r=%d p=%d asks for more work than the limit", ErrUnsupported, s.N, s.R, s.P)
	}
	return nil
}

func parseEncrypted(data []byte) (e encrypted, err error) {
	o, err := parseJSON(data)
	if err != nil {
		return e, err
	}
	kdf, err := o.object("kdf")
	if err != nil {
		return e, err
	}
	params, err := kdf.object("params")
	if err != nil {
		return e, err
	}
	cipher, err := o.object("cipher")
	if err != nil {
		return e, err
	}
	var errs [8]error
	e.KDF.Name, errs[0] = kdf.text("name")
	e.KDF.Params.N, errs[1] = params.number("N")
	e.KDF.Params.R, errs[2] = params.number("r")
	e.KDF.Params.P, errs[3] = params.number("p")
	e.KDF.Salt, errs[4] = kdf.bytes("salt")
	e.Cipher.Name, errs[5] = cipher.text("name")
	e.Cipher.Nonce, errs[6] = cipher.bytes("nonce")
	e.Ciphertext, errs[7] = o.bytes("ciphertext")
	for _, err := range errs {
		if err != nil {
			return e, err
		}
	}
	return e, nil
}

// open decrypts a private key.
func open(data, password []byte) ([]byte, error) {
	e, err := parseEncrypted(data)
	switch {
	case err != nil:
		return nil, err
	case e.KDF.Name != kdfName:
		return nil, fmt.Errorf("%w: kdf %q, want %s", ErrUnsupported, e.KDF.Name, kdfName)
	case e.Cipher.Name != cipherName:
		return nil, fmt.Errorf("%w: cipher %q, want %s", ErrUnsupported, e.Cipher.Name, cipherName)
	case len(e.Cipher.Nonce) != 24:
		return nil, fmt.Errorf("%w: a nonce of %d bytes, want 24", ErrFormat, len(e.Cipher.Nonce))
	case len(e.KDF.Salt) < 8:
		return nil, fmt.Errorf("%w: a salt of %d bytes, want 8 or more", ErrFormat, len(e.KDF.Salt))
	}
	key, err := e.key(password)
	if err != nil {
		return nil, err
	}
	der, ok := secretbox.Open(nil, e.Ciphertext, (*[24]byte)(e.Cipher.Nonce), key)
	if !ok {
		return nil, ErrPassword
	}
	return der, nil
}

func (e *encrypted) key(password []byte) (*[32]byte, error) {
	s := e.KDF.Params
	if err := s.check(); err != nil {
		return nil, err
	}
	key, err := scrypt.Key(password, e.KDF.Salt, s.N, s.R, s.P, 32)
	if err != nil {
		return nil, fmt.Errorf("%w: %v", ErrFormat, err)
	}
	return (*[32]byte)(key), nil
}

// seal encrypts a private key.
func seal(der, password []byte) ([]byte, error) {
	var e encrypted
	e.KDF.Name, e.KDF.Params, e.KDF.Salt = kdfName, standardScrypt, make([]byte, 32)
	e.Cipher.Name, e.Cipher.Nonce = cipherName, make([]byte, 24)
	rand.Read(e.KDF.Salt) // never fails
	rand.Read(e.Cipher.Nonce)
	key, err := e.key(password)
	if err != nil {
		return nil, err
	}
	e.Ciphertext = secretbox.Seal(nil, der, (*[24]byte)(e.Cipher.Nonce), key)
	return json.Marshal(e)
}
