// Package sigstoretest holds ferry's signatures and keys against the code that
// cosign and Zarf check and open them with: sigstore-go and securesystemslib.
// It is a module of its own so that ferry does not depend on either.
package sigstoretest

import (
	"bytes"
	"crypto"
	"crypto/x509"
	"encoding/pem"
	"testing"
	"time"

	"github.com/secure-systems-lab/go-securesystemslib/encrypted"
	"github.com/sigstore/sigstore-go/pkg/bundle"
	"github.com/sigstore/sigstore-go/pkg/root"
	"github.com/sigstore/sigstore-go/pkg/verify"
	sigs "github.com/sigstore/sigstore/pkg/signature"

	"github.com/ociferry/ferry/layout/signature"
)

func generate(t *testing.T, a signature.Algorithm) (*signature.PrivateKey, crypto.PublicKey) {
	t.Helper()
	k, err := signature.Generate(a)
	if err != nil {
		t.Fatal(err)
	}
	block, _ := pem.Decode(k.Public().PEM())
	key, err := x509.ParsePKIXPublicKey(block.Bytes)
	if err != nil {
		t.Fatal(err)
	}
	return k, key
}

// check is what cosign verify-blob --key does, with no transparency log.
func check(t *testing.T, key crypto.PublicKey, data, content []byte) error {
	t.Helper()
	var b bundle.Bundle
	if err := b.UnmarshalJSON(data); err != nil {
		return err
	}
	verifier, err := sigs.LoadVerifier(key, crypto.SHA256)
	if err != nil {
		t.Fatal(err)
	}
	trusted := root.NewTrustedPublicKeyMaterial(func(string) (root.TimeConstrainedVerifier, error) {
		return root.NewExpiringKey(verifier, zeroTime, zeroTime), nil
	})
	v, err := verify.NewVerifier(trusted, verify.WithNoObserverTimestamps())
	if err != nil {
		t.Fatal(err)
	}
	_, err = v.Verify(&b, verify.NewPolicy(verify.WithArtifact(bytes.NewReader(content)), verify.WithKey()))
	return err
}

func TestSignature(t *testing.T) {
	for _, a := range []signature.Algorithm{signature.P256, signature.Ed25519} {
		k, key := generate(t, a)
		content := []byte("18f0797eab35  oci-layout\n")
		data, err := k.Sign(content)
		if err != nil {
			t.Fatal(err)
		}
		if err := check(t, key, data, content); err != nil {
			t.Errorf("%s: %v", a, err)
		}
		if err := check(t, key, data, []byte("18f0797eab36  oci-layout\n")); err == nil {
			t.Errorf("%s: holds for other content", a)
		}
		_, other := generate(t, a)
		if err := check(t, other, data, content); err == nil {
			t.Errorf("%s: holds with another key", a)
		}
	}
}

// The container that cosign and Zarf open private keys with opens ours, and
// theirs opens here.
func TestKey(t *testing.T) {
	k, _ := generate(t, signature.P256)
	file, err := k.PEM([]byte("test"))
	if err != nil {
		t.Fatal(err)
	}
	block, _ := pem.Decode(file)
	der, err := encrypted.Decrypt(block.Bytes, []byte("test"))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := x509.ParsePKCS8PrivateKey(der); err != nil {
		t.Fatal(err)
	}
	theirs, err := encrypted.Encrypt(der, []byte("other"))
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"ENCRYPTED SIGSTORE PRIVATE KEY", "ENCRYPTED COSIGN PRIVATE KEY"} {
		again, err := signature.ParsePrivateKey(pem.EncodeToMemory(&pem.Block{Type: name, Bytes: theirs}), []byte("other"))
		if err != nil {
			t.Fatal(err)
		}
		if again.Public().Fingerprint() != k.Public().Fingerprint() {
			t.Errorf("%s: another key", name)
		}
	}
}

// zeroTime stands for no end of a key's life.
var zeroTime time.Time
