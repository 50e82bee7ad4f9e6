package sniff

import (
	"archive/tar"
	"archive/zip"
	"bytes"
	"compress/gzip"
	"encoding/base64"
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"io"
	"strings"
	"testing"
)

// tarBlock is one header as it stands, and its content in whole blocks.
func tarBlock(name string, flag byte, content string) string {
	var b bytes.Buffer
	w := tar.NewWriter(&b)
	w.WriteHeader(&tar.Header{Name: strings.Repeat("x", len(name)), Size: int64(len(content)), Mode: 0o755, Format: tar.FormatUSTAR})
	io.WriteString(w, content)
	w.Flush()
	raw := b.Bytes()
	copy(raw, name)
	raw[156] = flag
	sum := int64(8 * ' ')
	for i, c := range raw[:blockLen] {
		if i < 148 || i >= 156 {
			sum += int64(c)
		}
	}
	copy(raw[148:], fmt.Sprintf("%06o\x00 ", sum))
	return string(raw)
}

func paxRecord(key, value string) string {
	n := len(key) + len(value) + 3
	for len(fmt.Sprint(n))+len(key)+len(value)+3 != n {
		n++
	}
	return fmt.Sprintf("%d %s=%s\n", n, key, value)
}

var tarEnd = strings.Repeat("\x00", 2*blockLen)

func gzField(field, content string) string {
	var b bytes.Buffer
	w := gzip.NewWriter(&b)
	switch field {
	case "extra":
		w.Extra = []byte(content)
	case "comment":
		w.Comment = content
	case "name":
		w.Name = content
	}
	io.WriteString(w, "hello")
	w.Close()
	return b.String()
}

func skippable(content string) string {
	return string(binary.LittleEndian.AppendUint32([]byte("\x53\x2a\x4d\x18"), uint32(len(content)))) + content
}

// zipEdit changes what the directory of a zip file says of a name.
func zipEdit(z, from, to string) string {
	at := strings.LastIndex(z, from)
	return z[:at] + to + z[at+len(from):]
}

// zipComment is a zip file with a comment.
func zipComment(name, content, comment string) string {
	var b bytes.Buffer
	w := zip.NewWriter(&b)
	f, _ := w.CreateRaw(&zip.FileHeader{Name: name, CompressedSize64: uint64(len(content)), UncompressedSize64: uint64(len(content))})
	io.WriteString(f, content)
	w.SetComment(comment)
	w.Close()
	return b.String()
}

// Where a program can lie so that one reader or another comes upon it. It is
// found, or the place is said to be unseen: never neither.
func TestHidden(t *testing.T) {
	plainZip := zipRaw(0, 0, "a.txt", "hello")
	for _, c := range []struct {
		what, content string
		exec, unseen  string // a part of what is found, "-" for nothing
	}{
		{"tar whose first entry is called as a GIF begins", tarOf("GIF89a", "x", "tool", elf), "tool: ELF", "-"},
		{"tar whose first entry is called as gzip begins", tarBlock("\x1f\x8b\x08", '0', "x") + tarOf("tool", elf), "tool: ELF", "damaged: gzip"},
		{"tar whose first entry is called as a zip begins", tarBlock("PK\x03\x04", '0', "x") + tarOf("tool", elf), "tool: ELF", "between the parts of the zip"},
		{"gzip of such a tar", gz(tarOf("GIF89a", "x", "tool", elf)), "tool: ELF", "-"},
		{"tar, contiguous file", tarBlock("tool", '7', elf) + tarEnd, "tool: ELF", "-"},
		{"tar, vendor's type", tarBlock("tool", 'Z', elf) + tarEnd, "tool: ELF", "-"},
		{"tar, type of the oldest form", tarBlock("tool", 0, elf) + tarEnd, "tool: ELF", "-"},
		{"tar, directory with content", tarBlock("tool", '5', elf) + tarEnd, "tool: ELF", "tool: is no regular file and has content"},
		{"tar, symbolic link with content", tarBlock("tool", '2', elf) + tarEnd, "tool: ELF", "tool: is no regular file and has content"},
		{"tar, content of a directory that is headers", tarBlock("d", '5', tarOf("tool", elf)) + tarEnd, "d > tool: ELF", "d: is no regular file"},
		{"tar after the end of a tar", tarOf("a", "b") + tarOf("tool", elf), "tool: ELF", "data after the end"},
		{"program after the end of a tar", tarOf("a", "b") + elf, "what follows the last tar header): ELF", "data after the end"},
		{"tar after one block of zeros", tarBlock("a", '0', "b") + tarEnd[:blockLen] + tarOf("tool", elf), "tool: ELF", "data after the end"},
		{"zeros after the end of a tar", tarOf("a", "b") + strings.Repeat("\x00", 10240), "-", "-"},
		{"program in a record of pax", tarBlock("x", 'x', paxRecord("comment", elf)) + tarBlock("a", '0', "b") + tarEnd, `tar header "comment": ELF`, "-"},
		{"program in a global header", tarBlock("x", 'g', paxRecord("VENDOR.x", elf)) + tarBlock("a", '0', "b") + tarEnd, `tar header "VENDOR.x": ELF`, "-"},
		{"program by its name in pax", tarBlock("x", 'x', paxRecord("path", "setup.exe")) + tarBlock("a", '0', "b") + tarEnd, "setup.exe: named as a program", "-"},
		{"program by a long name of GNU", tarBlock("x", 'L', "setup.exe\x00") + tarBlock("a", '0', "b") + tarEnd, "setup.exe: named as a program", "-"},
		{"two sizes", tarBlock("x", 'x', paxRecord("size", "1024")) + tarBlock("a", '0', "b") + tarBlock("tool", '0', elf) + tarEnd, "*", "a: has two sizes"},
		{"sparse file", tarBlock("x", 'x', paxRecord("GNU.sparse.major", "1")+paxRecord("GNU.sparse.minor", "0")+paxRecord("GNU.sparse.name", "tool")) +
			tarBlock("a", '0', "1\n0\n120\n"+strings.Repeat("\x00", 504)+elf) + tarEnd, "tool: ELF", "tool: is sparse"},
		{"padding of a file", strings.Replace(tarBlock("a", '0', "b")+tarEnd, "b"+strings.Repeat("\x00", 200), "b"+elf+strings.Repeat("\x00", 200-len(elf)), 1), "(padding): ELF", "-"},
		{"gzip of a tar, cut off after its end", cut(gz(tarOf("a", "b"))), "-", "damaged: gzip stream is truncated"},
		{"gzip extra field", gzField("extra", elf), "gzip extra field: ELF", "-"},
		{"gzip comment", gzField("comment", "age-encryption.org/v1"), "-", "-"},
		{"gzip comment of a script", gzField("comment", "#!/bin/sh\nrm -rf "+strings.Repeat("/", 60)), "gzip comment: script for sh", "-"},
		{"gzip name of a program", gzField("name", "setup.exe"), "setup.exe: named as a program", "-"},
		{"gzip extra field of a later member", gz("a") + gzField("extra", elf), "gzip extra field: ELF", "-"},
		{"data after gzip", gz("a") + elf, "-", "damaged: gzip header is invalid or trailing"},
		{"program in a skippable zstd frame", skippable(elf) + zst("a"), "skippable zstd frame: ELF", "-"},
		{"noise in a skippable zstd frame", zst("a") + skippable(noise(3000)), "-", "skippable zstd frame: looks random"},
		{"short skippable frame, as pzstd writes it", skippable("\x00\x01\x02\x03") + zst("a"), "-", "-"},
		{"zip end to end, the second with a program", plainZip + zipRaw(0, 0, "evil", elf), "evil: ELF", "a second zip file"},
		{"zip whose directory has another name", zipEdit(zipRaw(0, 0, "12.txt", "hello"), "12.txt", "12.exe"), "-", "does not list alike"},
		{"zip whose directory has fewer entries", strings.Replace(zipRaw(0, 0, "a", "b", "c", "d"), "PK\x01\x02", "PK\x08\x06", 1), "-", "data between the parts"},
		{"zip with a prefix", "GIF89a" + strings.Repeat("x", 100) + zipRaw(0, 0, "evil", elf), "-", "ends as a zip file"},
		{"zip in a stored entry of a zip", zipRaw(0, 0, "z.zip", zipRaw(0, 0, "tool", elf)), "z.zip > tool: ELF", "-"},
		{"zip whose comment ends as a zip", zipComment("a", zipRaw(0, 0, "evil", elf), zipRaw(0, 0, "evil", "xyz")), "evil: ELF", "ends as a zip file"},
		{"zip whose short comment is the end of another", zipComment("a", "b", "PK\x05\x06\x00\x00\x00\x00\x01\x00\x01\x00\x2e\x00\x00\x00\x10\x00\x00\x00\x00\x00"), "-", "ends as a zip file"},
		{"program after a zip", plainZip + elf, "what follows the zip file): ELF", "data after the end of the zip file"},
		{"program between the entries of a zip", strings.Replace(plainZip, "PK\x01\x02", elf+"PK\x01\x02", 1), "ELF", "data between the parts"},
		{"zip after a tar", tarOf("a", "b") + zipRaw(0, 0, "evil", elf), "evil: ELF", "data after the end"},
		{"program in base64", base64.StdEncoding.EncodeToString([]byte(elf)), ": ELF", "-"},
		{"program in base64, in lines", wrapLines(base64.StdEncoding.EncodeToString([]byte(elf + noise(4000)))), ": ELF", "-"},
		{"program in hexadecimal digits", hex.EncodeToString([]byte(elf)), ": ELF", "-"},
		{"tar in base64", base64.StdEncoding.EncodeToString([]byte(gz(tarOf("tool", elf)))), "tool: ELF", "-"},
		{"words that might be base64", strings.Repeat("hRkYOoTheQuickBrownFox\n", 9), "-", "-"},
		{"a checksum", strings.Repeat("1f8b0a7e", 8) + "\n", "-", "-"},
		{"uuencoded", "begin 755 tool\n#0V%T\n`\nend\n", "-", "uuencoded"},
		{"mail with an attachment", "From: a\nContent-Type: multipart/mixed\n\n--x\nContent-Transfer-Encoding: base64\n\nf0VMRg==\n", "-", "mail with parts in base64"},
		{"binary data after text", strings.Repeat("hello\n", 1000) + "\x00\x01", "-", "binary data after text"},
		{"PDF with a file in it", "%PDF-1.7\n" + strings.Repeat("x", 20000) + "/EmbeddedFile", "-", "a file embedded in PDF"},
		{"Office file with macros", "\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + strings.Repeat("\x00", 20000) + utf16("_VBA_PROJECT"), "Office macros", "*"},
	} {
		t.Run(c.what, func(t *testing.T) {
			for _, n := range []int{1000, 1 << 20} {
				f := sniff(c.content, "", n, Limits{})
				for _, x := range []struct{ what, got, want string }{{"executable", places(f.Executable), c.exec}, {"unseen", places(f.Unseen), c.unseen}} {
					if x.want == "*" {
						continue
					}
					if (x.want == "-") != (x.got == "") || len(x.want) > 1 && !strings.Contains(x.got, x.want) {
						t.Errorf("%s: got %q, want %q", x.what, x.got, x.want)
					}
				}
			}
		})
	}
}

func cut(s string) string { return s[:len(s)-4] }

func wrapLines(s string) string {
	var b strings.Builder
	for ; len(s) > 76; s = s[76:] {
		b.WriteString(s[:76] + "\n")
	}
	return b.String() + s + "\n"
}
