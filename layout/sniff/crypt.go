package sniff

import (
	"bytes"
	"crypto/x509"
	"encoding/asn1"
	"encoding/base64"
	"encoding/binary"
	"regexp"
	"strings"
)

// structure tells content by more than a few bytes at a place.
func structure(head []byte) (class, string) {
	switch {
	case openPGP(head):
		return encrypted, "OpenPGP"
	case len(head) > 11 && string(head[:7]) == "Rar!\x1a\x07\x00" && head[9] == 0x73 && head[10]&0x80 != 0, rar5Encrypted(head):
		return encrypted, "RAR, with the names"
	}
	return der(head)
}

// rar5Encrypted tells an archive whose first header is that of encryption: a
// checksum, the header's length and its type, which is 4.
func rar5Encrypted(head []byte) bool {
	rest, ok := bytes.CutPrefix(head, []byte("Rar!\x1a\x07\x01\x00"))
	if !ok || len(rest) < 8 {
		return false
	}
	_, n := binary.Uvarint(rest[4:])
	return n > 0 && len(rest) > 4+n && rest[4+n] == 4
}

// The object identifiers that matter, in DER (RFC 5652, RFC 7292, RFC 8018).
const (
	oidPKCS7      = "\x2a\x86\x48\x86\xf7\x0d\x01\x07"
	oidSignedData = oidPKCS7 + "\x02"
	oidPKCS5      = "\x2a\x86\x48\x86\xf7\x0d\x01\x05"
	oidPKCS12     = "\x2a\x86\x48\x86\xf7\x0d\x01\x0c\x01"
	oidSMIME      = "\x2a\x86\x48\x86\xf7\x0d\x01\x09\x10\x01"
)

var contentTypes = map[string]struct {
	class class
	word  string
}{
	oidPKCS7 + "\x03": {encrypted, "CMS"},
	oidPKCS7 + "\x04": {encrypted, "CMS"},
	oidPKCS7 + "\x06": {encrypted, "CMS"},
	oidSMIME + "\x17": {encrypted, "CMS"},
	oidPKCS7 + "\x01": {closed, "CMS"},
	oidPKCS7 + "\x05": {closed, "CMS"},
	oidSMIME + "\x02": {closed, "CMS"},
	oidSMIME + "\x09": {closed, "CMS, compressed,"},
}

// der tells what ASN.1 says of itself by its first elements: CMS, PKCS#12 and
// encrypted PKCS#8. Lengths may be indefinite, and the rest may be missing.
func der(head []byte) (class, string) {
	tag, body, ok := element(head)
	if !ok || tag != 0x30 {
		return leaf, ""
	}
	first, inner, ok := element(body)
	if !ok {
		return leaf, ""
	}
	switch first {
	case 0x06: // ContentInfo
		if string(inner) == oidSignedData && !detached(body[2+len(inner):]) {
			return closed, "CMS, signed, with the content in it,"
		}
		t := contentTypes[string(inner)]
		return t.class, t.word
	case 0x02: // PFX: version 3 and a ContentInfo
		if string(inner) == "\x03" {
			if t, info, ok := element(body[3:]); ok && t == 0x30 {
				if t, id, ok := element(info); ok && t == 0x06 && strings.HasPrefix(string(id), oidPKCS7) {
					return encrypted, "PKCS#12"
				}
			}
		}
	case 0x30: // EncryptedPrivateKeyInfo: an algorithm and an octet string
		if t, id, ok := element(inner); ok && t == 0x06 && (strings.HasPrefix(string(id), oidPKCS5) || strings.HasPrefix(string(id), oidPKCS12)) {
			return encrypted, "encrypted private key"
		}
	}
	return leaf, ""
}

// detached reports whether CMS signed data, in a [0], carries no content: a
// version, a set of digests, and a sequence of nothing but a type.
func detached(rest []byte) bool {
	_, b, ok := element(rest)
	if !ok {
		return false
	}
	if _, b, ok = element(b); !ok { // SignedData
		return false
	}
	for range 2 {
		_, v, ok := element(b)
		n := len(v)
		if !ok || len(b) < 2+n || b[1]&0x80 != 0 {
			return false
		}
		b = b[2+n:]
	}
	tag, info, ok := element(b)
	if !ok || tag != 0x30 || len(b) < 2 || b[1]&0x80 != 0 {
		return false
	}
	t, id, ok := element(info)
	return ok && t == 0x06 && len(info) == 2+len(id)
}

// element is the tag and the content of the first element, as far as it is there.
func element(b []byte) (tag byte, content []byte, ok bool) {
	if len(b) < 2 {
		return 0, nil, false
	}
	n, at := int64(b[1]), 2
	switch {
	case n == 0x80: // of indefinite length
		return b[0], b[2:], true
	case n > 0x80:
		k := int(n & 0x7f)
		if k > 4 || len(b) < 2+k {
			return 0, nil, false
		}
		n = 0
		for _, c := range b[2 : 2+k] {
			n = n<<8 | int64(c)
		}
		at += k
	}
	return b[0], b[at:min(int64(len(b)), int64(at)+n)], true
}

// certificate tells an X.509 certificate, which is otherwise binary content of no
// known form. It must be all there.
func certificate(head []byte) bool {
	if len(head) == headLen || len(head) < 64 || head[0] != 0x30 {
		return false
	}
	var whole asn1.RawValue
	rest, err := asn1.Unmarshal(head, &whole)
	if err != nil || len(rest) > 0 {
		return false
	}
	_, err = x509.ParseCertificate(head)
	return err == nil
}

// openPGP tells a binary message by its first packet: a session key for a
// public key or a passphrase, or encrypted data (RFC 9580, sections 4.2, 5.1,
// 5.3, 5.7 and 5.13).
func openPGP(head []byte) bool {
	if len(head) < 16 || head[0]&0x80 == 0 {
		return false
	}
	var tag byte
	var body []byte
	if head[0]&0x40 != 0 {
		tag = head[0] & 0x3f
		switch l := head[1]; {
		case l < 192 || l >= 224 && l < 255:
			body = head[2:]
		case l < 224:
			body = head[3:]
		default:
			body = head[6:]
		}
	} else {
		tag = head[0] >> 2 & 0xf
		body = head[[]int{2, 3, 5, 1}[head[0]&3]:]
	}
	switch tag {
	case 1:
		if body[0] == 3 {
			algorithm := body[9]
			return algorithm >= 1 && algorithm <= 3 || algorithm == 16 || algorithm == 18 || algorithm == 25 || algorithm == 26
		}
		return body[0] == 6 && body[1] <= 33
	case 3:
		return body[0] >= 4 && body[0] <= 6 && body[1] >= 1 && body[1] <= 32 && (body[0] != 4 || body[1] <= 13 && body[2] <= 4)
	case 18:
		return body[0] == 1 || body[0] == 2 && body[1] >= 1 && body[1] <= 13
	case 20:
		return body[0] == 1 && body[1] >= 1 && body[1] <= 13
	}
	return false
}

// markers are what text says of itself, wherever it stands.
var markers = []struct {
	text  string
	class class
	word  string
}{
	{"$ANSIBLE_VAULT;", encrypted, "Ansible Vault"},
	{"ENC[AES256_GCM,", encrypted, "SOPS"},
	{"Proc-Type: 4,ENCRYPTED", encrypted, "encrypted private key"},
	{"---- BEGIN SSH2 ENCRYPTED PRIVATE KEY ----", encrypted, "encrypted private key"},
	{"smime-type=enveloped-data", encrypted, "S/MIME"},
	{"smime-type=\"enveloped-data\"", encrypted, "S/MIME"},
	{"smime-type=authEnveloped-data", encrypted, "S/MIME"},
	{"http://www.w3.org/2001/04/xmlenc#Element", encrypted, "XML encryption"},
	{"http://www.w3.org/2001/04/xmlenc#Content", encrypted, "XML encryption"},
	{"Content-Transfer-Encoding: base64", closed, "mail with parts in base64"},
	{"application/pkcs7-mime", closed, "S/MIME"},
	{"\nbegin 644 ", closed, "uuencoded data"},
	{"\nbegin 755 ", closed, "uuencoded data"},
	{"\nbegin-base64 ", closed, "uuencoded data"},
	{"\n=ybegin ", closed, "yEnc"},
	{"\\objdata", closed, "an embedded object"},
	{armour, leaf, ""},
}

const armour = "-----BEGIN "

// textWord tells text that says at its beginning how it is encrypted or packed.
func textWord(head []byte) (class, string) {
	if bytes.HasPrefix(head, []byte("PuTTY-User-Key-File-")) && !bytes.Contains(head, []byte("\nEncryption: none")) {
		return encrypted, "encrypted private key"
	}
	if bytes.HasPrefix(head, []byte("begin")) && uuencoded.Match(head) {
		return closed, "uuencoded data"
	}
	return leaf, ""
}

var uuencoded = regexp.MustCompile(`^begin(-base64)? [0-7]{3,4} \S`)

// pemBlock tells what a block of armoured text, from "-----BEGIN " on, holds by
// its label and, where that says little, by its first bytes.
func pemBlock(block []byte) (class, string) {
	label, rest, ok := strings.Cut(string(block[len(armour):]), "-----")
	if !ok || len(label) > 64 || strings.ContainsAny(label, "\n\r") {
		return leaf, ""
	}
	// A line end, also as it is written in JSON, and what may begin a body.
	body := strings.TrimLeft(strings.NewReplacer(`\r`, "\r", `\n`, "\n").Replace(rest), " \t")
	if body == "" || body[0] != '\n' && body[0] != '\r' {
		return leaf, ""
	}
	switch {
	case label == "PGP MESSAGE":
		return encrypted, "OpenPGP"
	case label == "AGE ENCRYPTED FILE":
		return encrypted, "age"
	case strings.Contains(label, "ENCRYPTED"):
		return encrypted, "encrypted private key"
	case label == "PGP PRIVATE KEY BLOCK":
		return closed, "an OpenPGP private key"
	}
	var b strings.Builder
	for line := range strings.Lines(body) {
		line = strings.TrimSpace(line)
		if !strings.ContainsAny(line, ":-") {
			b.WriteString(line)
		}
	}
	text := b.String()
	raw, _ := base64.RawStdEncoding.DecodeString(text[:len(text)/4*4])
	switch label {
	case "CMS", "PKCS7", "PKCS #7 SIGNED DATA", "PKCS12":
		c, word := der(raw)
		return c, word
	case "OPENSSH PRIVATE KEY":
		if cipher, ok := bytes.CutPrefix(raw, []byte("openssh-key-v1\x00")); ok && !bytes.HasPrefix(cipher, []byte("\x00\x00\x00\x04none")) {
			return encrypted, "encrypted private key"
		}
	}
	return leaf, ""
}
