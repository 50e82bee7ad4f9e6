package sniff

import (
	"bytes"
	"math"
	"path"
	"strings"
)

// ownType tells what the library does not.
func ownType(head []byte) string {
	for _, m := range []struct{ magic, mediaType string }{
		{"\x28\xb5\x2f\xfd", typeZstd},
		{"dex\n", "application/vnd.android.dex"},
		{"hsqs", "application/vnd.squashfs"},
		{"\x04\x22\x4d\x18", "application/x-lz4"},
		{"QFI\xfb", "application/x-qemu-disk"},
	} {
		if bytes.HasPrefix(head, []byte(m.magic)) {
			return m.mediaType
		}
	}
	return ""
}

// executable are the types that are run, in the words for them.
var executable = map[string]string{
	"application/vnd.microsoft.portable-executable": "Windows program (PE)",
	"application/x-elf":                             "ELF file",
	"application/x-object":                          "ELF object",
	"application/x-executable":                      "ELF program",
	"application/x-sharedlib":                       "ELF program or library",
	"application/x-mach-binary":                     "Mach-O program",
	"application/wasm":                              "WebAssembly module",
	"application/x-java-applet":                     "Java class",
	"application/java-archive":                      "Java archive",
	"application/x-bytecode.python":                 "Python byte code",
	"application/vnd.android.package-archive":       "Android package",
	"application/vnd.android.dex":                   "Android byte code",
	"application/vnd.debian.binary-package":         "Debian package",
	"application/x-rpm":                             "RPM package",
	"application/x-ms-installer":                    "Windows installer",
	"application/x-ms-shortcut":                     "Windows shortcut",
	"application/x-chrome-extension":                "browser extension",
	"application/x-shockwave-flash":                 "Flash file",
}

// endings are those that make a system run a file.
var endings = func() map[string]bool {
	m := map[string]bool{}
	for _, e := range strings.Fields(".exe .dll .com .scr .bat .cmd .ps1 .psm1 .vbs .vbe .jse .wsf .wsh .hta .lnk .msi .msp .cpl .reg .sh .bash .command .desktop .run .appimage") {
		m[e] = true
	}
	return m
}()

// executableWord says as what content is run, or "".
func executableWord(mediaType string, head []byte, name string) string {
	if w := executable[mediaType]; w != "" {
		return w
	}
	if bytes.HasPrefix(head, []byte("#!")) {
		line, _, _ := bytes.Cut(head[2:min(len(head), 128)], []byte("\n"))
		if words := strings.Fields(string(line)); len(words) > 0 && strings.HasPrefix(words[0], "/") && plain(words[0]) {
			at := path.Base(words[0])
			if at == "env" && len(words) > 1 && plain(words[1]) {
				at = words[1]
			}
			return "script for " + at
		}
		return "script"
	}
	if len(head) > 0 {
		return ByName(name)
	}
	return ""
}

// ByName says as what a system runs a file of this name, whatever its bytes
// are; "" if it does not.
func ByName(name string) string {
	base := path.Base(strings.ToLower(name))
	if base == "vbaproject.bin" {
		return "Office macros"
	}
	if e := path.Ext(base); endings[e] {
		return "named as a program (" + e + ")"
	}
	return ""
}

func plain(s string) bool {
	for _, c := range s {
		if !(c == '/' || c == '.' || c == '-' || c == '_' || c == '+' || c >= '0' && c <= '9' || c >= 'A' && c <= 'Z' || c >= 'a' && c <= 'z') {
			return false
		}
	}
	return len(s) > 0 && len(s) <= 64
}

// encryptedWord says how content is encrypted, or "".
func encryptedWord(head []byte) string {
	for _, m := range []struct{ magic, word string }{
		{"age-encryption.org/", "age"},
		{"-----BEGIN AGE ENCRYPTED FILE-----", "age"},
		{"-----BEGIN PGP MESSAGE-----", "OpenPGP"},
		{"-----BEGIN ENCRYPTED PRIVATE KEY-----", "encrypted private key"},
		{"Salted__", "OpenSSL"},
		{"$ANSIBLE_VAULT;", "Ansible Vault"},
		{"LUKS\xba\xbe", "LUKS"},
		{"\x03\xd9\xa2\x9a", "KeePass"},
		{"\x00GITCRYPT\x00", "git-crypt"},
	} {
		if bytes.HasPrefix(head, []byte(m.magic)) {
			return m.word
		}
	}
	switch {
	case len(head) > 11 && string(head[3:11]) == "-FVE-FS-":
		return "BitLocker"
	case bytes.HasPrefix(head, []byte("-----BEGIN ")) && bytes.Contains(head, []byte("\nProc-Type: 4,ENCRYPTED")):
		return "encrypted private key"
	case bytes.Contains(head, []byte("smime-type=enveloped-data")), bytes.Contains(head, []byte("smime-type=\"enveloped-data\"")):
		return "S/MIME"
	case bytes.HasPrefix(head, []byte("-----BEGIN PGP ")):
		return ""
	case openPGP(head):
		return "OpenPGP"
	}
	return ""
}

// openPGP tells a binary message by its first packet: a session key for a
// public key or a passphrase (RFC 9580, sections 4.2, 5.1 and 5.3).
func openPGP(head []byte) bool {
	if len(head) < 16 || head[0]&0x80 == 0 {
		return false
	}
	var tag byte
	var body []byte
	if head[0]&0x40 != 0 {
		tag = head[0] & 0x3f
		switch l := head[1]; {
		case l < 192:
			body = head[2:]
		case l < 224:
			body = head[3:]
		default:
			return false
		}
	} else {
		tag = head[0] >> 2 & 0xf
		switch head[0] & 3 {
		case 0:
			body = head[2:]
		case 1:
			body = head[3:]
		default:
			return false
		}
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
	}
	return false
}

// closed are formats that may hold anything and are not read here.
var closed = map[string]string{
	"application/x-7z-compressed":           "7-Zip",
	"application/vnd.rar":                   "RAR",
	"application/x-xz":                      "xz",
	"application/lzip":                      "lzip",
	"application/x-lz4":                     "lz4",
	"application/x-compress":                "compress",
	"application/x-cpio":                    "cpio",
	"application/x-archive":                 "ar",
	"application/x-xar":                     "xar",
	"application/x-installshield":           "cabinet",
	"application/x-iso9660-image":           "ISO 9660",
	"application/vnd.squashfs":              "SquashFS",
	"application/x-qemu-disk":               "disk image",
	"application/vnd.ms-cab-compressed":     "cabinet",
	"application/vnd.debian.binary-package": "Debian package",
	"application/x-rpm":                     "RPM package",
}

// random says whether bytes of no known form look as compressed or encrypted
// ones do: every value about as often as any other. Fewer than a thousand are
// too few to tell.
func random(head []byte) bool {
	if len(head) < 1024 {
		return false
	}
	var n [256]float64
	for _, c := range head {
		n[c]++
	}
	var chi float64
	want := float64(len(head)) / 256
	for _, x := range n {
		chi += (x - want) * (x - want) / want
	}
	// 255 degrees of freedom; true randomness stays within five deviations.
	return math.Abs(chi-255) < 5*math.Sqrt(2*255)
}
