package sniff

import (
	"archive/tar"
	"archive/zip"
	"bytes"
	"compress/gzip"
	"context"
	"encoding/base64"
	"encoding/binary"
	"fmt"
	"hash/crc32"
	"io"
	"math/rand/v2"
	"reflect"
	"strings"
	"testing"

	"github.com/ociferry/ferry/layout/compression"
)

var (
	elf = "\x7fELF\x02\x01\x01" + strings.Repeat("\x00", 9) + "\x02\x00\x3e\x00" + strings.Repeat("\x00", 100)
	exe = "MZ" + strings.Repeat("\x00", 58) + "\x80\x00\x00\x00" + strings.Repeat("\x00", 64) + "PE\x00\x00" + strings.Repeat("\x00", 100)
	age = "age-encryption.org/v1\n-> X25519 abc\n"
)

func gz(s string) string {
	var b bytes.Buffer
	w := gzip.NewWriter(&b)
	io.WriteString(w, s)
	w.Close()
	return b.String()
}

func zst(s string) string {
	var b bytes.Buffer
	w := compression.Zstd.NewWriter(&b)
	io.WriteString(w, s)
	w.Close()
	return b.String()
}

func tarOf(pairs ...string) string {
	var b bytes.Buffer
	w := tar.NewWriter(&b)
	for i := 0; i < len(pairs); i += 2 {
		w.WriteHeader(&tar.Header{Name: pairs[i], Size: int64(len(pairs[i+1])), Mode: 0o644})
		io.WriteString(w, pairs[i+1])
	}
	w.Close()
	return b.String()
}

// zipOf streams, so that sizes stand behind the contents.
func zipOf(pairs ...string) string {
	var b bytes.Buffer
	w := zip.NewWriter(&b)
	for i := 0; i < len(pairs); i += 2 {
		f, _ := w.Create(pairs[i])
		io.WriteString(f, pairs[i+1])
	}
	w.Close()
	return b.String()
}

// zipTwice is one stored entry as Info-ZIP writes it when it encrypts: its sizes
// stand in the header, and in a descriptor behind the content.
func zipTwice(flags uint16, name, content string) string {
	le := binary.LittleEndian
	var b []byte
	fields := func() { // from the version to the lengths
		b = le.AppendUint16(b, 10)
		b = le.AppendUint16(b, flags)
		b = append(b, 0, 0, 0, 0, 0, 0) // stored; time and date
		b = le.AppendUint32(b, crc32.ChecksumIEEE([]byte(content)))
		b = le.AppendUint32(b, uint32(len(content)))
		b = le.AppendUint32(b, uint32(len(content)))
		b = le.AppendUint16(b, uint16(len(name)))
	}
	b = le.AppendUint32(b, zipLocal)
	fields()
	b = append(b, 0, 0)
	b = append(append(b, name...), content...)
	b = le.AppendUint32(b, zipData)
	b = le.AppendUint32(b, crc32.ChecksumIEEE([]byte(content)))
	b = le.AppendUint32(b, uint32(len(content)))
	b = le.AppendUint32(b, uint32(len(content)))
	central := len(b)
	b = le.AppendUint32(b, zipCentral)
	b = le.AppendUint16(b, 10)
	fields()
	b = append(b, make([]byte, 16)...)
	b = append(b, name...)
	end := len(b)
	b = append(b, "PK\x05\x06\x00\x00\x00\x00\x01\x00\x01\x00"...)
	b = le.AppendUint32(b, uint32(end-central))
	b = le.AppendUint32(b, uint32(central))
	return string(append(b, 0, 0))
}

// zipRaw knows the sizes beforehand; flags are those of each entry.
func zipRaw(method, flags uint16, pairs ...string) string {
	var b bytes.Buffer
	w := zip.NewWriter(&b)
	for i := 0; i < len(pairs); i += 2 {
		n := uint64(len(pairs[i+1]))
		f, _ := w.CreateRaw(&zip.FileHeader{Name: pairs[i], Method: method, Flags: flags, CompressedSize64: n, UncompressedSize64: n})
		io.WriteString(f, pairs[i+1])
	}
	w.Close()
	return b.String()
}

func noise(n int) string {
	r := rand.New(rand.NewPCG(1, 2))
	b := make([]byte, n)
	for i := range b {
		b[i] = byte(r.Uint32())
	}
	return string(b)
}

// sniff looks at content, written in pieces of n bytes.
func sniff(content, name string, n int, o Limits) *Findings {
	s := NewBudget(context.Background(), o).New(name, int64(len(content)))
	for rest := content; rest != ""; rest = rest[min(n, len(rest)):] {
		s.Write([]byte(rest[:min(n, len(rest))]))
	}
	s.Close()
	s.Close()
	return s.Findings()
}

func TestSniff(t *testing.T) {
	jsonl := strings.Repeat(`{"a":1}`+"\n", 1000)
	for _, c := range []struct {
		what, name, content     string
		nesting                 string // short words
		encrypted, exec, unseen string // "path: what; ..."
	}{
		{what: "nothing", nesting: "inode/x-empty"},
		{what: "text", content: "hello\n", nesting: "text/plain"},
		{what: "JSON lines in gzip", name: "cache.jsonl.gz", content: gz(jsonl), nesting: "application/gzip > application/x-ndjson"},
		{what: "JSON, cut off", content: `{"a":[` + strings.Repeat(`{"b":"c d e"},`, 400), nesting: "application/json"},
		{what: "JSON lines, cut off", content: `{"a":1}` + "\n" + `{"a":[` + strings.Repeat(`{"b":"c d e"},`, 400), nesting: "application/x-ndjson"},
		{what: "no JSON", content: `{"a":[` + strings.Repeat(`{"b":c d e"},`, 400), nesting: "text/plain"},
		{what: "ELF called .txt", name: "a.txt", content: elf, nesting: "application/x-executable", exec: ": ELF program"},
		{what: "Windows program", content: exe, nesting: "application/vnd.microsoft.portable-executable", exec: ": Windows program (PE)"},
		{what: "script", content: "#!/usr/bin/env python3\nprint(1)\n", nesting: "text/x-python", exec: ": script for python3"},
		{what: "script with a hostile interpreter", content: "#!<script>\n", nesting: "text/plain", exec: ": script"},
		{what: "named as a program", name: "run.ps1", content: "Write-Host 1\n", nesting: "text/plain", exec: ": named as a program (.ps1)"},
		{what: "program in tar in gzip", content: gz(tarOf("a/readme", "x", "bin/tool", elf)), nesting: "application/gzip > application/x-tar > text/plain", exec: "bin/tool: ELF program"},
		{what: "program in tar in zstd", content: zst(tarOf("bin/tool", elf)), nesting: "application/zstd > application/x-tar > application/x-executable", exec: "bin/tool: ELF program"},
		{what: "program in zip in tar", content: tarOf("z.zip", zipOf("x.exe", exe, "y", "y")), nesting: "application/x-tar > application/zip > application/vnd.microsoft.portable-executable", exec: "z.zip > x.exe: Windows program (PE)"},
		{what: "program in a zip of known sizes", content: zipRaw(0, 0, "a", "a", "tool", elf), nesting: "application/zip > text/plain", exec: "tool: ELF program"},
		{what: "encrypted zip", content: zipRaw(8, 1, "secret.txt", noise(40), "run.exe", noise(50)), nesting: "application/zip", encrypted: "secret.txt: zip entry; run.exe: zip entry", exec: "run.exe: named as a program (.exe)"},
		{what: "zip of sizes in front and behind", content: zipTwice(1<<3, "tool", elf), nesting: "application/zip > application/x-executable", exec: "tool: ELF program"},
		{what: "encrypted zip of sizes in front and behind", content: zipTwice(1<<3|1, "a", noise(40)), nesting: "application/zip", encrypted: "a: zip entry"},
		{what: "zip with macros", content: zipOf("word/vbaProject.bin", "\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1rest"), nesting: "*", exec: "word/vbaProject.bin: Office macros"},
		{what: "zip method", content: zipRaw(14, 0, "a", "aaaa"), nesting: "application/zip", unseen: "a: zip compression method 14 is not read here"},
		{what: "age", content: age, nesting: "text/plain", encrypted: ": age"},
		{what: "age within", content: gz(tarOf("k.age", age)), nesting: "*", encrypted: "k.age: age"},
		{what: "OpenPGP, armoured", content: "-----BEGIN PGP MESSAGE-----\n\nabc\n", nesting: "text/plain", encrypted: ": OpenPGP"},
		{what: "OpenPGP signature", content: "-----BEGIN PGP SIGNATURE-----\n\nabc\n", nesting: "text/plain"},
		{what: "OpenPGP, binary", content: "\x85\x01\x0c\x03" + "12345678" + "\x01" + noise(300), nesting: "*", encrypted: ": OpenPGP"},
		{what: "OpenSSL", content: "Salted__" + noise(40), nesting: "*", encrypted: ": OpenSSL"},
		{what: "key", content: "-----BEGIN RSA PRIVATE KEY-----\nProc-Type: 4,ENCRYPTED\n", nesting: "text/plain", encrypted: ": encrypted private key"},
		{what: "PDF", content: "%PDF-1.7\n" + strings.Repeat("x", 40000) + "\ntrailer << /Encrypt 5 0 R >>\n", nesting: "application/pdf", encrypted: ": PDF"},
		{what: "plain PDF", content: "%PDF-1.7\n" + strings.Repeat("x", 40000), nesting: "application/pdf"},
		{what: "xz", content: "\xfd7zXZ\x00" + noise(40), nesting: "application/x-xz", unseen: ": xz is not read here"},
		{what: "noise", content: noise(5000), nesting: unknown, unseen: ": looks random and is of no known form: encrypted or compressed, perhaps"},
		{what: "zeros", content: strings.Repeat("\x00", 5000), nesting: unknown, unseen: ": binary content of no known form"},
		{what: "gzip cut off", content: gz(tarOf("a", noise(9000)))[:2000], nesting: "*", unseen: "a: looks random and is of no known form: encrypted or compressed, perhaps; a: damaged: gzip stream is truncated (unexpected EOF)"},
		{what: "too deep", content: gz(gz(gz(gz(gz(gz("x")))))), nesting: strings.TrimSuffix(strings.Repeat("application/gzip > ", 5), " > "), unseen: ": application/gzip, nested deeper than 4 levels"},
	} {
		t.Run(c.what, func(t *testing.T) {
			f := sniff(c.content, c.name, 4000, Limits{})
			if f.Nesting == nil {
				f.Nesting = []string{f.Type}
			}
			for _, x := range []struct{ what, got, want string }{
				{"nesting", strings.Join(f.Nesting, " > "), c.nesting},
				{"encrypted", places(f.Encrypted), c.encrypted},
				{"executable", places(f.Executable), c.exec},
				{"unseen", places(f.Unseen), c.unseen},
			} {
				if x.got != x.want && x.want != "*" {
					t.Errorf("%s: got %q, want %q", x.what, x.got, x.want)
				}
			}
		})
	}
}

func places(p Places) string {
	var all []string
	for _, x := range p.List {
		all = append(all, x.Path+": "+x.What)
	}
	return strings.Join(all, "; ")
}

// Findings do not depend on how the content is cut into writes.
func TestWrites(t *testing.T) {
	content := gz(tarOf("a", strings.Repeat("a", 9000), "b", elf, "c.zip", zipOf("d", age)))
	want := sniff(content, "x", len(content), Limits{})
	for _, n := range []int{1, 7, 3071, 3072, 3073, 16383} {
		if got := sniff(content, "x", n, Limits{}); !reflect.DeepEqual(got, want) {
			t.Errorf("in writes of %d bytes: %+v, want %+v", n, got, want)
		}
	}
}

func TestLimits(t *testing.T) {
	bomb := gz(tarOf("zeros", strings.Repeat("\x00", 1<<20), "z.gz", gz(strings.Repeat("\x00", 8<<20)), "tool", elf))
	var many []string
	for i := range 50 {
		many = append(many, fmt.Sprint("f", i), age)
	}
	for _, c := range []struct {
		what, content string
		o             Limits
		unseen        string
	}{
		{"bytes", bomb, Limits{Bytes: 100 << 10}, "zeros: binary content of no known form; : inflates to more than 102400 bytes, the limit"},
		{"entries", tarOf(many...), Limits{Entries: 3}, ": holds more than 3 entries, the limit"},
		{"levels", gz("x"), Limits{Levels: -1}, ": application/gzip, nested deeper than 0 levels"},
	} {
		if got := places(sniff(c.content, "", 4000, c.o).Unseen); got != c.unseen {
			t.Errorf("%s: got %q, want %q", c.what, got, c.unseen)
		}
	}
	f := sniff(tarOf(many...), "", 4000, Limits{})
	if len(f.Encrypted.List) != maxPlaces || f.Encrypted.Len() != 50 {
		t.Errorf("%d places of %d listed", len(f.Encrypted.List), f.Encrypted.Len())
	}
}

// Whatever comes, looking ends, stays within its limits, those of content that is
// read in two ways twice, and says the same twice.
func FuzzSniff(f *testing.F) {
	for _, s := range []string{gz(tarOf("a", elf)), zipOf("a", "b"), zipRaw(0, 0, "a", age), tarOf("z", zipOf("a", gz("b"))), "%PDF-1.0 /Encrypt", noise(2000),
		zst(tarBlock("x", 'x', paxRecord("path", "y")) + tarBlock("a", '0', elf)), skippable(elf) + zst("a"), gzField("extra", elf), zipComment("a", "b", "c"),
		zipTwice(1<<3, "a", "b"), wrapLines(base64.StdEncoding.EncodeToString([]byte("Salted__" + noise(100)))), cms(oidPKCS7+"\x03", "x"), armoured("CMS", "x"), tarBlock("PK\x03\x04", '0', "x")} {
		f.Add([]byte(s), "name.sh")
	}
	f.Fuzz(func(t *testing.T, data []byte, name string) {
		o := Limits{Bytes: 1 << 20, Entries: 1000}
		a, b := sniff(string(data), name, 1000, o), sniff(string(data), name, 5000, o)
		if !reflect.DeepEqual(a, b) {
			t.Errorf("%+v\n%+v", a, b)
		}
		if a.Inflated > 2*o.Bytes+64<<10 || a.Entries > 2*o.Entries || a.Entries < 0 || len(a.Nesting) > 6 {
			t.Errorf("beyond the limits: %+v", a)
		}
	})
}
