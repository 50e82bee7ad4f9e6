package signature

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

func read(t testing.TB, name string) []byte {
	t.Helper()
	data, err := os.ReadFile(filepath.Join("testdata", name))
	if err != nil {
		t.Fatal(err)
	}
	return data
}

// opened are the keys of testdata: opening one takes time.
var opened = map[string]*PrivateKey{}

func private(t testing.TB, name string) *PrivateKey {
	t.Helper()
	if opened[name] == nil {
		k, err := ParsePrivateKey(read(t, name+".key"), []byte("test"))
		if err != nil {
			t.Fatal(err)
		}
		opened[name] = k
	}
	return opened[name]
}

func public(t testing.TB, name string) *PublicKey {
	t.Helper()
	k, err := ParsePublicKey(read(t, name+".pub"))
	if err != nil {
		t.Fatal(err)
	}
	return k
}

// Keys that cosign and Zarf made open here, and belong to their public halves.
func TestForeignKeys(t *testing.T) {
	for _, c := range []struct {
		name string
		want Algorithm
	}{{"cosign", P256}, {"zarf", P256}, {"ed25519", Ed25519}} {
		k, p := private(t, c.name), public(t, c.name)
		if k.Public().Fingerprint() != p.Fingerprint() || p.Algorithm() != c.want {
			t.Errorf("%s: %s %s, want %s %s", c.name, k.Public().Algorithm(), k.Public().Fingerprint(), c.want, p.Fingerprint())
		}
		if _, err := ParsePrivateKey(read(t, c.name+".key"), []byte("Test")); !errors.Is(err, ErrPassword) {
			t.Errorf("%s with another password: %v", c.name, err)
		}
	}
}

// Signatures that cosign made hold here, those of Ed25519 too, in which it
// leaves the digest out.
func TestForeignSignatures(t *testing.T) {
	content := read(t, "content")
	for _, name := range []string{"cosign", "ed25519"} {
		files := []File{{name, read(t, name+".sigstore.json")}}
		if _, err := Check(content, files, []*PublicKey{public(t, name)}, 1); err != nil {
			t.Errorf("%s: %v", name, err)
		}
		if _, err := Check(content[1:], files, []*PublicKey{public(t, name)}, 1); err == nil {
			t.Errorf("%s: holds for other content", name)
		}
	}
}

func TestRoundTrip(t *testing.T) {
	for _, a := range []Algorithm{P256, Ed25519} {
		for _, password := range []string{"", "correct horse"} {
			k, err := Generate(a)
			if err != nil {
				t.Fatal(err)
			}
			file, err := k.PEM([]byte(password))
			if err != nil {
				t.Fatal(err)
			}
			if !NeedsPassword(file) || !bytes.HasPrefix(file, []byte("-----BEGIN ENCRYPTED SIGSTORE PRIVATE KEY-----")) {
				t.Errorf("%s: not encrypted:\n%s", a, file)
			}
			again, err := ParsePrivateKey(file, []byte(password))
			if err != nil {
				t.Fatal(err)
			}
			if _, err := ParsePrivateKey(file, []byte(password+"x")); !errors.Is(err, ErrPassword) {
				t.Errorf("another password: %v", err)
			}
			p, err := ParsePublicKey(k.Public().PEM())
			if err != nil {
				t.Fatal(err)
			}
			one, two := sign(t, k, "content"), sign(t, again, "content")
			if !bytes.Equal(one, two) || len(one) != Size {
				t.Errorf("%s: the same key and content give %d and %d bytes that differ", a, len(one), len(two))
			}
			s, err := Parse(one)
			if err != nil {
				t.Fatal(err)
			}
			if err := s.Verify([]byte("content"), p); err != nil {
				t.Error(err)
			}
			if s.Hint() != p.Fingerprint() {
				t.Errorf("hint %s, want %s", s.Hint(), p.Fingerprint())
			}
		}
	}
}

func sign(t testing.TB, k *PrivateKey, content string) []byte {
	t.Helper()
	data, err := k.Sign([]byte(content))
	if err != nil {
		t.Fatal(err)
	}
	return data
}

var noDigest = regexp.MustCompile(`"messageDigest":\{[^}]*\}`)

// Everything that is no good signature of the content by the key is refused,
// and called what it is.
func TestRefused(t *testing.T) {
	ec, ed := private(t, "cosign"), private(t, "ed25519")
	good := string(sign(t, ec, "content"))
	field := func(from, to string) string {
		if !strings.Contains(good, from) {
			t.Fatalf("%s is not in %s", from, good)
		}
		return strings.Replace(good, from, to, 1)
	}
	value := func(data string) string {
		var b struct {
			MessageSignature struct{ Signature string }
		}
		if err := json.Unmarshal([]byte(data), &b); err != nil {
			t.Fatal(err)
		}
		return b.MessageSignature.Signature
	}
	for _, c := range []struct {
		name, data string
		key        *PrivateKey
		want       error
		text       string
	}{
		{"of other content", string(sign(t, ec, "Content")), ec, ErrOtherContent, "it signs sha256:"},
		{"by another key", string(sign(t, private(t, "zarf"), "content")), ec, ErrOtherKey, "want sha256:"},
		{"by a key of the other algorithm", string(sign(t, ed, "content")), ec, ErrOtherKey, ""},
		{"checked with a key of the other algorithm", good, ed, ErrOtherKey, ""},
		{"another value under this hint", field(value(good), value(string(sign(t, ec, "Content")))), ec, ErrForged, "did not make it"},
		{"of the other algorithm under this hint", field(value(good), value(string(sign(t, ed, "content")))), ec, ErrForged, ""},
		{"of other content with this digest", strings.Replace(good, value(good), value(string(sign(t, ec, "Content"))), 1), ec, ErrForged, ""},
		{"of other content, without a digest", noDigest.ReplaceAllString(string(sign(t, ec, "Content")), `"messageDigest":{}`), ec, ErrForged, "or made it of something else"},
		{"the hint of another", field(ec.public.hint(), private(t, "zarf").public.hint()), private(t, "zarf"), ErrForged, ""},
		{"empty", "", ec, ErrFormat, "not JSON"},
		{"an array", "[]", ec, ErrFormat, "not a JSON object"},
		{"two objects", good + good, ec, ErrFormat, "something follows"},
		{"cut short", good[:300], ec, ErrFormat, ""},
		{"too large", good + strings.Repeat(" ", MaxSize), ec, ErrFormat, "too large"},
		{"a key twice", field(`"mediaType":`, `"mediaType":"x","mediaType":`), ec, ErrFormat, "stands twice"},
		{"a key in other case", field(`"messageSignature"`, `"MessageSignature"`), ec, ErrFormat, "unknown key"},
		{"deep", strings.Repeat("[", 50), ec, ErrFormat, "nested deeper"},
		{"another version", field("v0.3", "v0.4"), ec, ErrUnsupported, "mediaType"},
		{"an attestation", field(`"messageSignature"`, `"dsseEnvelope":{},"messageSignature"`), ec, ErrUnsupported, "attestation"},
		{"with a certificate", field(`"publicKey"`, `"certificate":{"rawBytes":""},"publicKey"`), ec, ErrUnsupported, "certificate"},
		{"with a chain", field(`"publicKey"`, `"x509CertificateChain":{},"publicKey"`), ec, ErrUnsupported, "certificate"},
		{"with a key in it", field(`"publicKey":{`, `"publicKey":{"rawBytes":"AA==",`), ec, ErrFormat, "unknown key"},
		{"no key", field(`"publicKey"`, `"tlogEntries"`), ec, ErrFormat, "publicKey"},
		{"another digest", field("SHA2_256", "SHA2_512"), ec, ErrUnsupported, "SHA2_512"},
		{"the digest of nothing", field("SHA2_256", "SHA1"), ec, ErrUnsupported, ""},
		{"a short digest", field(`"digest":"`, `"digest":"AAAA","digesu":"`), ec, ErrFormat, ""},
		{"no signature", field(value(good), ""), ec, ErrFormat, "empty"},
		{"not base64", field(value(good), "****"), ec, ErrFormat, "base64"},
		{"not UTF-8", field("SHA2_256", "\xff"), ec, ErrFormat, "UTF-8"},
	} {
		_, err := Check([]byte("content"), []File{{"file", []byte(c.data)}}, []*PublicKey{c.key.Public()}, 1)
		if !errors.Is(err, c.want) || !strings.Contains(err.Error(), c.text) {
			t.Errorf("%s: %v, want %v %q", c.name, err, c.want, c.text)
		}
	}
}

// Unknown to the key holder, a log entry or a time stamp changes nothing.
func TestPassedOver(t *testing.T) {
	k := private(t, "cosign")
	data := bytes.Replace(sign(t, k, "content"), []byte(`"publicKey"`), []byte(`"tlogEntries":[{"logIndex":"1"}],"timestampVerificationData":{},"publicKey"`), 1)
	if _, err := Check([]byte("content"), []File{{"file", data}}, []*PublicKey{k.Public()}, 1); err != nil {
		t.Error(err)
	}
}

func TestThreshold(t *testing.T) {
	a, b, c := private(t, "cosign"), private(t, "zarf"), private(t, "ed25519")
	of := func(keys ...*PrivateKey) (files []File) {
		for i, k := range keys {
			files = append(files, File{fmt.Sprint(i), sign(t, k, "content")})
		}
		return files
	}
	keys := func(keys ...*PrivateKey) (all []*PublicKey) {
		for _, k := range keys {
			all = append(all, k.Public())
		}
		return all
	}
	many := of(a)
	for len(many) <= MaxFiles {
		many = append(many, many[0])
	}
	for _, x := range []struct {
		name  string
		files []File
		keys  []*PublicKey
		need  int
		want  error
		good  int
	}{
		{"one of one", of(a), keys(a), 1, nil, 1},
		{"one of two keys", of(b), keys(a, b), 1, nil, 1},
		{"both", of(a, c), keys(a, c), 2, nil, 2},
		{"in the other order", of(c, a), keys(a, c), 2, nil, 2},
		{"two of three", of(a, c), keys(a, b, c), 2, nil, 2},
		{"a stranger beside", of(b, a), keys(a), 1, nil, 1},
		{"a malformed one beside", append(of(a), File{"x", []byte("{")}), keys(a), 1, nil, 1},
		{"one twice is one", of(a, a), keys(a, b), 2, ErrTooFew, 0},
		{"a key twice is one", of(a), keys(a, a), 2, ErrTooFew, 0},
		{"one is missing", of(a), keys(a, b), 2, ErrTooFew, 0},
		{"a stranger is none", of(a, c), keys(a, b), 2, ErrTooFew, 0},
		{"none", nil, keys(a), 1, ErrUnsigned, 0},
		{"too many", many, keys(a), 1, ErrUnsupported, 0},
	} {
		good, err := Check([]byte("content"), x.files, x.keys, x.need)
		if !errors.Is(err, x.want) || len(good) != x.good {
			t.Errorf("%s: %d keys, %v; want %d, %v", x.name, len(good), err, x.good, x.want)
		}
	}
	if _, err := Check([]byte("content"), of(a), nil, 1); err == nil {
		t.Error("no keys are enough")
	}
	if _, err := Check([]byte("content"), of(a), keys(a), 0); err == nil {
		t.Error("no signatures are enough")
	}
}

// Key files that are not what they should be, or ask too much of the machine,
// are refused before any of the work is done.
func TestKeyFiles(t *testing.T) {
	sealed := func(kdf, params, cipher string) string {
		salt, nonce := base64.StdEncoding.EncodeToString(make([]byte, 32)), base64.StdEncoding.EncodeToString(make([]byte, 24))
		text := fmt.Sprintf(`{"kdf":{"name":"%s","params":%s,"salt":"%s"},"cipher":{"name":"%s","nonce":"%s"},"ciphertext":"AAAA"}`, kdf, params, salt, cipher, nonce)
		return string(pem.EncodeToMemory(&pem.Block{Type: pemCosign, Bytes: []byte(text)}))
	}
	for _, c := range []struct {
		name, data string
		want       error
		text       string
	}{
		{"empty", "", ErrFormat, "no PEM block"},
		{"text", "hello", ErrFormat, "no PEM block"},
		{"public", string(read(t, "cosign.pub")), ErrUnsupported, "a public key, want a private one"},
		{"two", string(read(t, "cosign.key")) + string(read(t, "zarf.key")), ErrUnsupported, "several keys"},
		{"too large", strings.Repeat(" ", MaxKeyFile+1), ErrFormat, "too large"},
		{"RSA", "-----BEGIN RSA PRIVATE KEY-----\nAAAA\n-----END RSA PRIVATE KEY-----\n", ErrUnsupported, "cosign import-key-pair"},
		{"not encrypted, with a password", "-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n", ErrUnsupported, "not encrypted"},
		{"another kdf", sealed("argon2", `{"N":2,"r":8,"p":1}`, cipherName), ErrUnsupported, `"argon2"`},
		{"another cipher", sealed(kdfName, `{"N":2,"r":8,"p":1}`, "aes"), ErrUnsupported, `"aes"`},
		{"128 GiB", sealed(kdfName, `{"N":134217728,"r":8,"p":1}`, cipherName), ErrUnsupported, "128 MiB"},
		{"N and r wrap around", sealed(kdfName, `{"N":1073741824,"r":2147483647,"p":1}`, cipherName), ErrUnsupported, "128 MiB"},
		{"years", sealed(kdfName, `{"N":65536,"r":8,"p":1000000}`, cipherName), ErrUnsupported, "more work"},
		{"no power of two", sealed(kdfName, `{"N":65535,"r":8,"p":1}`, cipherName), ErrFormat, "scrypt with"},
		{"negative", sealed(kdfName, `{"N":-2,"r":8,"p":1}`, cipherName), ErrFormat, "whole number"},
		{"nothing", sealed(kdfName, `{"N":2,"r":0,"p":1}`, cipherName), ErrFormat, "scrypt with"},
		{"wrong password", sealed(kdfName, `{"N":2,"r":8,"p":1}`, cipherName), ErrPassword, ""},
	} {
		_, err := ParsePrivateKey([]byte(c.data), []byte("test"))
		if !errors.Is(err, c.want) || !strings.Contains(err.Error(), c.text) {
			t.Errorf("%s: %v, want %v %q", c.name, err, c.want, c.text)
		}
	}
	for _, c := range []struct {
		name, data string
		want       error
		text       string
	}{
		{"private", string(read(t, "cosign.key")), ErrUnsupported, "a private key, want a public one"},
		{"P-384", p384, ErrUnsupported, "P-384"},
		{"RSA", rsa1024, ErrUnsupported, "rsa.PublicKey"},
		{"certificate", "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n", ErrUnsupported, "CERTIFICATE"},
		{"garbage", "-----BEGIN PUBLIC KEY-----\nAAAA\n-----END PUBLIC KEY-----\n", ErrFormat, "PKIX"},
	} {
		if _, err := ParsePublicKey([]byte(c.data)); !errors.Is(err, c.want) || !strings.Contains(err.Error(), c.text) {
			t.Errorf("%s: %v, want %v %q", c.name, err, c.want, c.text)
		}
	}
}

// A plain PKCS #8 key is taken only with an empty password.
func TestPlainKey(t *testing.T) {
	block, _ := pem.Decode(read(t, "ed25519.key"))
	der, err := open(block.Bytes, []byte("test"))
	if err != nil {
		t.Fatal(err)
	}
	plain := pem.EncodeToMemory(&pem.Block{Type: pemPlain, Bytes: der})
	k, err := ParsePrivateKey(plain, nil)
	if err != nil || k.Public().Fingerprint() != public(t, "ed25519").Fingerprint() {
		t.Errorf("%v", err)
	}
	if NeedsPassword(plain) {
		t.Error("it needs a password")
	}
}

// What parses, parses again as the same thing, and no signature that was not
// made by the key holds.
func FuzzParse(f *testing.F) {
	for _, n := range []string{"cosign", "ed25519"} {
		f.Add(read(f, n+".sigstore.json"))
	}
	k := private(f, "cosign")
	f.Add(sign(f, k, "content"))
	other := public(f, "zarf")
	f.Fuzz(func(t *testing.T, data []byte) {
		s, err := Parse(data)
		if err != nil {
			if !errors.Is(err, ErrFormat) && !errors.Is(err, ErrUnsupported) {
				t.Errorf("%v is of no class", err)
			}
			return
		}
		if strings.ContainsAny(s.Hint(), "\n\x1b") {
			t.Errorf("hint %q", s.Hint())
		}
		if s.Verify([]byte("content"), other) == nil {
			t.Errorf("a signature that nobody made holds: %q", data)
		}
	})
}

// No key file takes long, much memory, or the process down.
func FuzzKeys(f *testing.F) {
	for _, n := range []string{"cosign", "zarf", "ed25519"} {
		f.Add(read(f, n+".pub"))
	}
	f.Add([]byte("-----BEGIN ENCRYPTED SIGSTORE PRIVATE KEY-----\neyJrZGYiOnt9fQ==\n-----END ENCRYPTED SIGSTORE PRIVATE KEY-----\n"))
	f.Add([]byte(p384))
	f.Fuzz(func(t *testing.T, data []byte) {
		if k, err := ParsePublicKey(data); err == nil {
			again, err := ParsePublicKey(k.PEM())
			if err != nil || again.Fingerprint() != k.Fingerprint() {
				t.Errorf("%v", err)
			}
		}
		block, _ := pem.Decode(data)
		if block == nil {
			return
		}
		if e, err := parseEncrypted(block.Bytes); err == nil && e.KDF.Params.check() == nil {
			if s := e.KDF.Params; 128*s.N*s.R > maxScryptMemory {
				t.Errorf("%+v is allowed", s)
			}
		}
	})
}

// Keys that are not supported.
const (
	p384 = `-----BEGIN PUBLIC KEY-----
MHYwEAYHKoZIzj0CAQYFK4EEACIDYgAEoCwBTWRhJWXc7UdUpSTihhkY4lL0H5d6
WOhkmG/wtgvsfvbrUGP1Z6r24yj7tmyTEm0uAEWLqhLbel1tovl6xa61Z7x7hrf8
CabOH0D85MQatGDaWYCuVWplsmFfr6Nx
-----END PUBLIC KEY-----
`
	rsa1024 = `-----BEGIN PUBLIC KEY-----
MIGfMA0GCSqGSIb3DQEBAQUAA4GNADCBiQKBgQCpv/rAcvXOZh/fi6H1k1mByBcz
Xt9J0sCof9pm3gs7qTy84PhY04O49jqT8+3DHtUlletqR+tjhsrX+B9CkTtnRkpT
V/CMLdAAYx5LEUOnTOSCyGpf+310gxBHaR2IyqX6oAqC318udFB1eea2l2vl6Ebg
Xg/aqA1ikUPliKucyQIDAQAB
-----END PUBLIC KEY-----
`
)
