package packinglist

import (
	"fmt"
	"slices"
	"strings"
	"unicode/utf8"

	seen "github.com/ociferry/ferry/layout/visible"
)

// MaxShown is how many characters of a foreign word are shown in text and page.
const MaxShown = 300

// visible makes foreign text fit to be read: what cannot be seen, or turns the
// direction of what follows, is written as an escape.
func visible(s string) string {
	n, cut := 0, ""
	for i := range s {
		if n++; n > MaxShown {
			cut = fmt.Sprintf("… (%d characters)", n-1+utf8.RuneCountInString(s[i:]))
			s = s[:i]
			break
		}
	}
	return seen.Escape(s) + cut
}

// groups cuts a digest's hexadecimal digits into groups of four.
func groups(digest string) []string {
	if _, hex, ok := strings.Cut(digest, ":"); ok {
		digest = hex
	}
	var g []string
	for len(digest) > 4 {
		g = append(g, digest[:4])
		digest = digest[4:]
	}
	return append(g, digest)
}

// algorithm is what stands before the colon of a digest.
func algorithm(digest string) string {
	a, _, ok := strings.Cut(digest, ":")
	if !ok {
		return ""
	}
	return a
}

// size is a number of bytes in a handy unit.
func size(n int64) string {
	const units = "KMGTPE"
	if n < 1<<10 {
		return fmt.Sprintf("%d B", n)
	}
	v, i := float64(n)/1024, 0
	for v >= 1024 && i < len(units)-1 {
		v /= 1024
		i++
	}
	return fmt.Sprintf("%.1f %ciB", v, units[i])
}

// thousands writes a number with commas.
func thousands(n int64) string {
	s := fmt.Sprint(n)
	for i := len(s) - 3; i > 0 && s[i-1] != '-'; i -= 3 {
		s = s[:i] + "," + s[i:]
	}
	return s
}

// exact is a size with its bytes.
func exact(n int64) string {
	if n < 1<<10 {
		return plural(n, "byte")
	}
	return size(n) + " (" + thousands(n) + " bytes)"
}

func plural(n int64, one string) string {
	if n == 1 {
		return "1 " + one
	}
	if strings.HasSuffix(one, "y") {
		return thousands(n) + " " + strings.TrimSuffix(one, "y") + "ies"
	}
	return thousands(n) + " " + one + "s"
}

// short names the media types that people meet.
var short = map[string]string{
	"application/gzip": "gzip", "application/zstd": "zstd", "application/x-bzip2": "bzip2", "application/x-xz": "xz",
	"application/x-tar": "tar", "application/zip": "zip", "application/x-7z-compressed": "7-Zip", "application/vnd.rar": "RAR",
	"application/json": "JSON", "application/x-ndjson": "JSON lines", "text/plain": "text", "text/html": "HTML", "text/xml": "XML",
	"application/pdf": "PDF", "application/octet-stream": "unknown", "inode/x-empty": "empty", "image/png": "PNG image", "image/jpeg": "JPEG image",
	"application/x-executable": "ELF program", "application/x-sharedlib": "ELF program", "application/x-elf": "ELF file", "application/x-object": "ELF object",
	"application/vnd.microsoft.portable-executable": "Windows program", "application/x-mach-binary": "Mach-O program",
	"text/x-shellscript": "shell script", "text/x-python": "Python", "text/csv": "CSV", "text/javascript": "JavaScript",
	"application/vnd.sqlite3": "SQLite", "application/java-archive": "Java archive", "image/svg+xml": "SVG image",
	"application/vnd.debian.binary-package": "Debian package", "application/x-rpm": "RPM package",
}

func typeWord(t string) string {
	if w := short[t]; w != "" {
		return w
	}
	return visible(t)
}

// typeWords says what a file is, outermost first: "gzip › tar".
func typeWords(f *File) string {
	if len(f.Nesting) < 2 {
		return typeWord(f.Type)
	}
	var w []string
	for _, t := range f.Nesting {
		w = append(w, typeWord(t))
	}
	return strings.Join(w, " › ")
}

// roleWord says what a file without a name is.
func fileName(f *File) string {
	if f.Name != "" {
		return visible(f.Name)
	}
	return "(" + f.Role + ")"
}

// top keeps the n largest; the last stands for the rest where there are more.
func top(all []Count, n int) []Count {
	slices.SortStableFunc(all, func(a, b Count) int {
		switch {
		case a.N != b.N && a.N > b.N:
			return -1
		case a.N != b.N:
			return 1
		}
		return strings.Compare(a.Name, b.Name)
	})
	if len(all) <= n {
		return all
	}
	rest := Count{Name: plural(int64(len(all)-n+1), "other type")}
	for _, c := range all[n-1:] {
		rest.N += c.N
	}
	return append(all[:n-1:n-1], rest)
}

// shellWord is a word as it is typed in a shell.
func shellWord(s string) string {
	if s == "" || s[0] == '-' {
		s = "./" + s
	}
	for _, r := range s {
		if !(r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' || strings.ContainsRune("_@%+=:,./-", r)) {
			return "'" + strings.ReplaceAll(s, "'", `'\''`) + "'"
		}
	}
	return s
}

// A step is a command on the far side and what it is for.
type step struct {
	Command, Why string
}

// file is the bundle in a command.
func (b *Bundle) file() string {
	if b.Stream {
		return "FILE.tar"
	}
	return shellWord(visible(b.Name))
}

// withFerry are the steps on a host that has ferry.
func (l *List) withFerry() []step {
	name := l.Bundle.file()
	asked := " --expect " + l.Bundle.Identity
	for _, k := range l.Signature.KeyFiles {
		asked += " --key " + shellWord(visible(k))
	}
	for _, s := range l.Signature.Beside {
		asked += " --signature " + shellWord(visible(s))
	}
	if l.Signature.Required > 1 {
		asked += fmt.Sprintf(" --require %d", l.Signature.Required)
	}
	what, why := l.unpacked()
	return []step{
		{"ferry verify " + name + asked, "checks every byte, one pass, nothing written"},
		{"ferry unpack " + name + what + asked + " -o DIR --receipt receipt.html", "checks again and writes " + why + ", whole or not at all"},
	}
}

// unpacked chooses what unpack is to write: the files of the first artifact
// that has any, or else the layout, for the tools of images.
func (l *List) unpacked() (flags, why string) {
	var first *Artifact
	several := false
	for i := range l.Artifacts {
		switch a := &l.Artifacts[i]; {
		case a.Within != "":
		case first == nil && a.unpackable():
			first, several = a, several || i > 0
		default:
			several = true
		}
	}
	switch {
	case first == nil:
		return " --layout", "the layout, which oras and skopeo read"
	case several:
		return " -t " + shellWord(visible(first.Name())), "the files of this artifact"
	}
	return "", "the files"
}

// unpackable reports whether the artifact is one of files that stands for itself.
func (a *Artifact) unpackable() bool {
	switch a.Kind {
	case "image", "referrer", "blob":
		return false
	}
	return a.Files > 0 && !strings.HasPrefix(a.Kind, "index")
}

// withoutFerry are the steps on any host with the usual tools.
func (l *List) withoutFerry() []step {
	name := l.Bundle.file()
	var s []step
	dir := name
	if !l.Bundle.Directory {
		if l.Bundle.SHA256 != "" {
			s = append(s, step{"sha256sum " + name, "must print the archive's SHA-256 above"})
		}
		dir = "layout"
		unpack := "tar -xf " + name + " -C layout"
		if strings.Contains(l.Bundle.Form, "zstd") {
			unpack = "zstd -dc " + name + " | tar -x -C layout"
		}
		s = append(s, step{"mkdir layout && " + unpack, "gives an OCI image layout, which oras and skopeo read"})
	}
	s = append(s, step{"cd " + dir + " && sha256sum index.json", "must print the identity above"})
	if l.Bundle.Sealed {
		s = append(s, step{"sha256sum -c SHA256SUMS", "in the same directory: must say OK for every file"})
	} else {
		s = append(s, step{"cd blobs/sha256 && sha256sum *", "must print each file's own name"})
	}
	return s
}

// signatureWords say how it stands with signatures.
func (l *List) signatureWords() string {
	s := &l.Signature
	switch {
	case !s.Present:
		return "not signed"
	case !s.Checked && len(s.Hints) > 0:
		return "signed, not checked; says of its key: " + visible(strings.Join(s.Hints, ", "))
	case !s.Checked:
		return "signed, not checked"
	}
	var keys []string
	for _, k := range s.Keys {
		keys = append(keys, visible(k))
	}
	return "signed and checked, by " + strings.Join(keys, ", ")
}

// A verdict is one answer to what a transfer officer asks first.
type verdict struct {
	Name, Answer string
	Good         bool
}

func (l *List) verdicts() []verdict {
	none := func(name string, f *Findings) verdict {
		switch {
		case f.Len() > 0:
			return verdict{name, plural(f.Len(), "place"), false}
		case l.Unseen.Len() > 0:
			return verdict{name, "none found in what was looked into; see below for the rest", false}
		}
		return verdict{name, "none found", true}
	}
	v := []verdict{none("Encrypted content", &l.Encrypted), none("Executable content", &l.Executable), {"Not looked into", "nothing", true}}
	if n := l.Unseen.Len(); n > 0 {
		v[2] = verdict{"Not looked into", plural(n, "place"), false}
	}
	var secrets, defaults int64
	has := false
	for i := range l.Artifacts {
		if e := l.Artifacts[i].LEI; e != nil {
			has = true
			secrets += e.Secrets.Total()
			defaults += int64(len(e.Secrets.Defaults))
		}
	}
	switch {
	case !has:
	case secrets > 0:
		v = append(v, verdict{"Secrets in reports", plural(secrets, "value"), false})
	case defaults > 0:
		v = append(v, verdict{"Secrets in reports", "published defaults only", true})
	default:
		v = append(v, verdict{"Secrets in reports", "none found", true})
	}
	return v
}

// boxes are signed by hand.
func (l *List) boxes() []struct{ Title, Name, Date string } {
	b := []struct{ Title, Name, Date string }{{"Packed by", visible(l.Given.PackedBy), visible(l.Given.PackedAt)}, {Title: "Approved by"}, {Title: "Received by"}}
	if r := l.Receipt; r != nil {
		b[2].Name, b[2].Date = visible(r.ReceivedBy), visible(r.ReceivedAt)
	}
	return b
}
