package layout

import (
	"bytes"
	"crypto/sha256"
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

// parseSeal reads SHA256SUMS as "sha256sum -c" of coreutils does: lines with one
// or two characters between digest and name, "SHA256 (NAME) = DIGEST", escaped
// names, comments, line ends of DOS. What coreutils passes over as badly formatted
// is refused. So is a digest in letters of both cases, which is damage rather than
// anybody's writing. Every name must be relative and clean, "./" in front apart,
// and stand for one digest.
func parseSeal(data []byte) (sums, error) {
	s := make(sums, min(bytes.Count(data, []byte("\n"))+1, MaxFiles))
	n, form := 0, 0
	for line := range strings.Lines(string(data)) { // of which the names are parts
		n++
		line = strings.TrimSuffix(strings.TrimSuffix(line, "\n"), "\r")
		if line == "" || line[0] == '#' {
			continue
		}
		digits, name, ok := sealedLine(line, &form)
		var v sum
		if _, err := hex.Decode(v[:], []byte(digits)); !ok || err != nil {
			return nil, fmt.Errorf("line %d: want 64 hexadecimal digits, two spaces and a name, found %s", n, quote(line))
		}
		if digits != strings.ToLower(digits) && digits != strings.ToUpper(digits) {
			return nil, fmt.Errorf("line %d: want hexadecimal digits of one case, found %s", n, quote(digits))
		}
		if name == "-" {
			if v != sha256.Sum256(nil) {
				return nil, fmt.Errorf("line %d: the name - stands for standard input, where nothing is; want a file by another name", n)
			}
			continue
		}
		name = strings.TrimPrefix(name, "./")
		if !cleanName(name) || name == SealName {
			return nil, fmt.Errorf("line %d: unsafe or impossible name %s", n, quote(name))
		}
		if old, ok := s[name]; ok && old != v {
			return nil, fmt.Errorf("line %d: duplicate name %s", n, quote(name))
		}
		if len(s) >= MaxFiles {
			return nil, fmt.Errorf("line %d: more than the limit of %d files", n, MaxFiles)
		}
		s[name] = v
	}
	return s, nil
}

// sealedLine takes apart a line as coreutils does. form is 2 once a line had two
// characters between digest and name, and 1 once one had a single one, as BSD's
// -r writes it; the two do not go together.
func sealedLine(line string, form *int) (digits, name string, ok bool) {
	if i := strings.IndexByte(line, 0); i >= 0 {
		return "", "", false
	}
	line = strings.TrimLeft(line, " \t")
	line, escaped := strings.CutPrefix(line, "\\")
	if tagged, is := strings.CutPrefix(line, "SHA256"); is {
		tagged, ok = strings.CutPrefix(strings.TrimPrefix(tagged, " "), "(")
		i := strings.LastIndexByte(tagged, ')')
		if !ok || i < 0 {
			return "", "", false
		}
		digits, ok = strings.CutPrefix(strings.TrimLeft(tagged[i+1:], " \t"), "=")
		digits, name = strings.TrimLeft(digits, " \t"), tagged[:i]
	} else {
		if len(line) < 66 || line[64] != ' ' && line[64] != '\t' {
			return "", "", false
		}
		digits, name = line[:64], line[65:]
		single := len(name) == 1 || name[0] != ' ' && name[0] != '*'
		switch ok = !single || *form != 2; {
		case single:
			*form = 1
		case *form != 1:
			*form, name = 2, name[1:]
		}
	}
	if escaped {
		name = strings.NewReplacer(`\\`, `\`, `\n`, "\n", `\r`, "\r").Replace(name)
	}
	return digits, name, ok && len(digits) == 64
}

// cleanName reports whether a name is relative, with slashes, without empty,
// "." or ".." elements, control characters, colons or backslashes, and none that
// sha256sum takes for standard input.
func cleanName(name string) bool {
	if name == "" || name == "-" || len(name) > 1024 {
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
