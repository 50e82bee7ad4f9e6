package layout

import (
	"bytes"
	"encoding/hex"
	"fmt"
	"slices"
	"strings"
)

// SealName is the file at the root of a sealed layout that lists every other
// file with its SHA-256, index.json and oci-layout included, in the format of
// coreutils: "sha256sum -c SHA256SUMS" checks a layout with no tool of ours.
const SealName = "SHA256SUMS"

type sum [32]byte

// A Seal collects the lines of SHA256SUMS.
type Seal struct{ lines []sealLine }

type sealLine struct {
	name string
	sum  sum
}

// Grow makes room for n more files.
func (s *Seal) Grow(n int) { s.lines = slices.Grow(s.lines, n) }

// Add enters one file, once, with its SHA-256.
func (s *Seal) Add(name string, sha256 [32]byte) { s.lines = append(s.lines, sealLine{name, sha256}) }

// Bytes is the file: one line a file, sorted by name.
func (s *Seal) Bytes() []byte {
	slices.SortFunc(s.lines, func(a, b sealLine) int { return strings.Compare(a.name, b.name) })
	size := 0
	for _, l := range s.lines {
		size += 64 + 2 + len(l.name) + 1
	}
	out := make([]byte, 0, size)
	for _, l := range s.lines {
		out = hex.AppendEncode(out, l.sum[:])
		out = append(append(out, "  "...), l.name...)
		out = append(out, '\n')
	}
	return out
}

// sums are the lines of a SHA256SUMS by name.
type sums map[string]sum

// parseSeal reads SHA256SUMS: text or binary mode, names with or without "./".
// Every name must be relative, clean and there once.
func parseSeal(data []byte) (sums, error) {
	if i := bytes.IndexByte(data, '\r'); i >= 0 {
		return nil, fmt.Errorf("line %d: holds a carriage return (CR), which coreutils takes for a part of the name; want line ends of LF alone", 1+bytes.Count(data[:i], []byte("\n")))
	}
	s := make(sums, min(bytes.Count(data, []byte("\n")), MaxFiles))
	n := 0
	for line := range strings.Lines(string(data)) { // of which the names are parts
		n++
		line = strings.TrimSuffix(line, "\n")
		if len(line) < 67 || line[64] != ' ' || line[65] != ' ' && line[65] != '*' {
			return nil, fmt.Errorf("line %d: want 64 hexadecimal digits, two spaces and a name, found %s", n, quote(line))
		}
		var v sum
		if _, err := hex.Decode(v[:], []byte(line[:64])); err != nil || strings.ToLower(line[:64]) != line[:64] {
			return nil, fmt.Errorf("line %d: want 64 lower-case hexadecimal digits, found %s", n, quote(line[:64]))
		}
		name := strings.TrimPrefix(line[66:], "./")
		if !cleanName(name) || name == SealName {
			return nil, fmt.Errorf("line %d: unsafe or impossible name %s", n, quote(name))
		}
		if _, ok := s[name]; ok {
			return nil, fmt.Errorf("line %d: duplicate name %s", n, quote(name))
		}
		if len(s) >= MaxFiles {
			return nil, fmt.Errorf("line %d: more than the limit of %d files", n, MaxFiles)
		}
		s[name] = v
	}
	if !bytes.HasSuffix(data, []byte("\n")) {
		return nil, fmt.Errorf("does not end with a line end; it may be truncated")
	}
	return s, nil
}

// cleanName reports whether a name is relative, with slashes, without empty,
// "." or ".." elements, control characters, colons or backslashes.
func cleanName(name string) bool {
	if name == "" || len(name) > 1024 {
		return false
	}
	for i := range len(name) {
		if c := name[i]; c < ' ' || c == 0x7f || c == '\\' || c == ':' {
			return false
		}
	}
	for e := range strings.SplitSeq(name, "/") {
		if e == "" || e == "." || e == ".." {
			return false
		}
	}
	return true
}
