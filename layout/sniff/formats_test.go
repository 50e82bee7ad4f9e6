package sniff

import (
	"encoding/asn1"
	"encoding/base64"
	"encoding/pem"
	"strings"
	"testing"
)

// Every row of the table is told at its place, in binary content, and at the
// end where it stands there.
func TestSignatures(t *testing.T) {
	for _, s := range signatures {
		content := []byte(strings.Repeat("\x01\xfe\x02", 30000))
		at := s.at
		if at < 0 {
			at += int64(len(content))
		}
		copy(content[at:], s.magic)
		f := sniff(string(content), "", 5000, Limits{})
		got := map[class]string{executable: places(f.Executable), encrypted: places(f.Encrypted), closed: places(f.Unseen), leaf: f.Type}[s.class]
		want := s.word
		if s.class == leaf {
			want = s.mediaType
		}
		if !strings.Contains(got, want) {
			t.Errorf("%q at %d: got %q, want %q", s.magic, s.at, got, want)
		}
	}
}

// cms is ContentInfo of a type, around any content.
func cms(oid string, content string) string {
	return der1(0x30, der1(0x06, oid)+der1(0xa0, content))
}

func der1(tag byte, content string) string {
	raw, err := asn1.Marshal(asn1.RawValue{Class: int(tag >> 6), Tag: int(tag & 0x1f), IsCompound: tag&0x20 != 0, Bytes: []byte(content)})
	if err != nil {
		panic(err)
	}
	return string(raw)
}

func armoured(label, content string) string {
	return "Bag Attributes\n    friendlyName: x\n" + string(pem.EncodeToMemory(&pem.Block{Type: label, Bytes: []byte(content)}))
}

func openSSH(cipher string) string {
	return "openssh-key-v1\x00\x00\x00\x00" + string(rune(len(cipher))) + cipher + strings.Repeat("k", 200)
}

// What is encrypted says so in one of many ways; what may hold anything and is
// not read here is unseen.
func TestFormats(t *testing.T) {
	const data = oidPKCS7 + "\x01"
	signedData := func(content string) string {
		return der1(0x30, der1(0x02, "\x01")+der1(0x31, "")+der1(0x30, der1(0x06, data)+content)+der1(0x31, ""))
	}
	boot := func(at int, text string) string {
		b := []byte("\xeb\x3c\x90" + strings.Repeat("\x00", 1021))
		copy(b[at:], text)
		copy(b[510:], "\x55\xaa")
		return string(b)
	}
	for _, c := range []struct {
		what, content, encrypted, unseen string // "-" for nothing, "*" for anything
	}{
		{"CMS, enveloped", cms(oidPKCS7+"\x03", noise(400)), "CMS", "-"},
		{"CMS, enveloped, of indefinite length", "\x30\x80" + der1(0x06, oidPKCS7+"\x03") + "\xa0\x80" + noise(400), "CMS", "-"},
		{"CMS, authenticated and enveloped", cms(oidSMIME+"\x17", noise(400)), "CMS", "-"},
		{"CMS, enveloped, armoured", armoured("CMS", cms(oidPKCS7+"\x03", noise(400))), "CMS", "-"},
		{"PKCS7, enveloped, armoured", armoured("PKCS7", cms(oidPKCS7+"\x03", noise(400))), "CMS", "-"},
		{"CMS, signed, with content", cms(oidSignedData, signedData(der1(0xa0, der1(0x04, elf)))), "-", "CMS, signed, with the content"},
		{"CMS, a detached signature", cms(oidSignedData, signedData("")), "-", "*"},
		{"CMS, compressed", cms(oidSMIME+"\x09", noise(400)), "-", "CMS, compressed"},
		{"PKCS#12", der1(0x30, der1(0x02, "\x03")+cms(data, noise(400))), "PKCS#12", "-"},
		{"PKCS#8, encrypted", der1(0x30, der1(0x30, der1(0x06, oidPKCS5+"\x0d"))+der1(0x04, noise(400))), "encrypted private key", "-"},
		{"PKCS#8, encrypted, armoured", armoured("ENCRYPTED PRIVATE KEY", noise(400)), "encrypted private key", "-"},
		{"PKCS#8, armoured", armoured("PRIVATE KEY", "abc"), "-", "-"},
		{"cosign's key", armoured("ENCRYPTED SIGSTORE PRIVATE KEY", noise(400)), "encrypted private key", "-"},
		{"OpenSSH key with a passphrase", armoured("OPENSSH PRIVATE KEY", openSSH("aes256-ctr")), "encrypted private key", "-"},
		{"OpenSSH key without", armoured("OPENSSH PRIVATE KEY", openSSH("none")), "-", "-"},
		{"PuTTY key with a passphrase", "PuTTY-User-Key-File-3: ssh-ed25519\nEncryption: aes256-cbc\n", "encrypted private key", "-"},
		{"PuTTY key without", "PuTTY-User-Key-File-3: ssh-ed25519\nEncryption: none\n", "-", "-"},
		{"key in JSON", `{"key": "-----BEGIN ENCRYPTED PRIVATE KEY-----\nMIIB\n-----END ENCRYPTED PRIVATE KEY-----\n"}`, "encrypted private key", "-"},
		{"key far behind in text", strings.Repeat("hello\n", 9000) + armoured("ENCRYPTED PRIVATE KEY", noise(90)), "encrypted private key", "-"},
		{"words about keys", "We look for -----BEGIN PGP MESSAGE----- and the like.\n", "-", "-"},
		{"OpenPGP message far behind", strings.Repeat("hello\n", 9000) + "-----BEGIN PGP MESSAGE-----\n\nabcd\n", "OpenPGP", "-"},
		{"OpenPGP key", "-----BEGIN PGP PRIVATE KEY BLOCK-----\n\nabcd\n", "-", "OpenPGP private key"},
		{"OpenPGP, symmetric", "\x8c\x0d\x04\x09\x03\x02" + noise(400), "OpenPGP", "-"},
		{"OpenPGP, encrypted data", "\xd2\xc0\x10\x01" + noise(400), "OpenPGP", "-"},
		{"OpenSSL in base64", base64.StdEncoding.EncodeToString([]byte("Salted__"+noise(400))) + "\n", "OpenSSL", "-"},
		{"OpenSSL in base64, in lines", wrapLines(base64.StdEncoding.EncodeToString([]byte("Salted__" + noise(4000)))), "OpenSSL", "-"},
		{"SOPS", "password: ENC[AES256_GCM,data:x,iv:y,tag:z,type:str]\n", "SOPS", "-"},
		{"Ansible Vault in YAML", "x: !vault |\n  $ANSIBLE_VAULT;1.1;AES256\n  6162\n", "Ansible Vault", "-"},
		{"S/MIME", "Content-Type: application/pkcs7-mime; smime-type=enveloped-data\n\nabc\n", "S/MIME", "*"},
		{"XML encryption", `<?xml version="1.0"?><EncryptedData Type="http://www.w3.org/2001/04/xmlenc#Element"/>`, "XML encryption", "-"},
		{"RAR with encrypted names", "Rar!\x1a\x07\x01\x00\x01\x02\x03\x04\x21\x04" + noise(90), "RAR", "*"},
		{"old RAR with encrypted names", "Rar!\x1a\x07\x00\xce\x99\x73\x80\x00\x0d\x00" + noise(90), "RAR", "*"},
		{"OLE with an encrypted package", "\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + strings.Repeat("\x00", 30000) + utf16("EncryptedPackage"), "Office file", "*"},
		{"7-Zip", "7z\xbc\xaf\x27\x1c\x00\x04" + noise(90), "-", "7-Zip"},
		{"LZH", "\x20\x20-lh5-" + strings.Repeat("\x00", 90), "-", "LZH"},
		{"text like LZH", "a -lh5- is a method\n", "-", "-"},
		{"ISO 9660", strings.Repeat("\x00", 0x8000) + "\x01CD001\x01" + strings.Repeat("\x00", 9000), "-", "ISO 9660"},
		{"ISO 9660 with a tar before it", tarOf("a", "b") + strings.Repeat("\x00", 0x8000-2048) + "\x01CD001\x01" + strings.Repeat("\x00", 9000), "-", "ISO 9660"},
		{"FAT", boot(0x36, "FAT16   "), "-", "FAT file system"},
		{"MBR", boot(446, "\x80\x00\x02\x00\x83\x00\x00\x00\x00\x08\x00\x00\x00\x10\x00\x00"), "-", "disk image (MBR)"},
		{"key file of VeraCrypt, or what it is", noise(40000), "-", "looks random"},
		{"a few bytes of binary", "\x00\x01\x02", "-", "binary content of no known form"},
		{"text in an old encoding", strings.Repeat("Gr\xfc\xdfe aus K\xf6ln\n", 20), "-", "-"},
		{"text of nothing but high bytes", strings.Repeat("\xfc\xdf\xe4 ", 20), "-", "text in an unknown encoding"},
	} {
		t.Run(c.what, func(t *testing.T) {
			f := sniff(c.content, "", 3000, Limits{})
			for _, x := range []struct{ what, got, want string }{{"encrypted", places(f.Encrypted), c.encrypted}, {"unseen", places(f.Unseen), c.unseen}} {
				if x.want != "*" && ((x.want == "-") != (x.got == "") || len(x.want) > 1 && !strings.Contains(x.got, x.want)) {
					t.Errorf("%s: got %q, want %q", x.what, x.got, x.want)
				}
			}
		})
	}
}

func TestByName(t *testing.T) {
	for _, c := range []struct {
		name    string
		program bool
	}{
		{"a.exe", true}, {"A.EXE", true}, {"dir/a.Ps1", true}, {`dir\a.bat`, true}, {"a.exe.", true}, {"a.exe. .", true}, {"a.bat ", true},
		{"a.exe::$DATA", true}, {"a.txt:b.exe", true}, {"a.exe:Zone.Identifier", true}, {"a.exe\x00.txt", true}, {".exe", true}, {"a.txt.vbs", true},
		{"xl/vbaProject.bin", true}, {"a.exe.txt", false}, {"exe", false}, {"a.exe/readme", false}, {"", false}, {"a.docx", false}, {"...", false},
	} {
		if got := ByName(c.name); (got != "") != c.program {
			t.Errorf("%q: got %q", c.name, got)
		}
	}
}

func TestClaim(t *testing.T) {
	for _, c := range []struct{ content, mediaType, encrypted, unseen string }{
		{tarOf("a", "b"), "application/vnd.oci.image.layer.v1.tar", "", ""},
		{gz(tarOf("a", "b")), "application/vnd.oci.image.layer.v1.tar+gzip", "", ""},
		{gz(tarOf("a", "b")), "application/vnd.docker.image.rootfs.diff.tar.gzip", "", ""},
		{zst(tarOf("a", "b")), "application/vnd.oci.image.layer.v1.tar+gzip", "", ""},
		{"hello", "application/vnd.oci.image.layer.v1.tar", "", ": said to be a tar archive, by its media type, and is none"},
		{gz("hello"), "application/vnd.oci.image.layer.v1.tar+gzip", "", ": said to be a tar archive, by its media type, and is none"},
		{gz(gz(tarOf("a", "b"))), "application/x-tar+gzip", "", ""},
		{zipOf("t.tar", tarOf("a", "b")), "application/x-tar", "", ": said to be a tar archive, by its media type, and is none"},
		{"", "application/x-tar", "", ""},
		{"hello", "text/plain", "", ""},
		{"hello", "application/vnd.oci.image.layer.v1.tar+gzip+encrypted", ": said to be encrypted, by its media type", ""},
	} {
		f := sniff(c.content, "", 1000, Limits{}).Claim(c.mediaType)
		if places(f.Encrypted) != c.encrypted || places(f.Unseen) != c.unseen {
			t.Errorf("%.20q as %s: %q, %q", c.content, c.mediaType, places(f.Encrypted), places(f.Unseen))
		}
	}
}
