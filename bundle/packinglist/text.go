package packinglist

import (
	"bufio"
	"fmt"
	"io"
	"strings"
	"unicode/utf8"
)

// A pen writes text and keeps quiet after an error, which bufio remembers.
type pen struct{ *bufio.Writer }

func (p pen) line(format string, args ...any) { fmt.Fprintf(p, format+"\n", args...) }

func (p pen) head(s string) {
	p.line("\n%s\n%s", strings.ToUpper(s), strings.Repeat("-", utf8.RuneCountInString(s)))
}

// row is a name and a value; lines that follow the first stand below it.
func (p pen) row(name, value string) {
	for _, v := range strings.Split(value, "\n") {
		p.line("%-19s %s", name, v)
		name = ""
	}
}

// wrapped breaks prose into lines of 80 columns, where it can.
func wrapped(indent, s string) string {
	var b strings.Builder
	column := 0
	for word := range strings.FieldsSeq(s) {
		n := utf8.RuneCountInString(word)
		switch {
		case b.Len() == 0:
			b.WriteString(indent)
			column = len(indent)
		case column+1+n > 80:
			b.WriteString("\n" + indent)
			column = len(indent)
		default:
			b.WriteByte(' ')
			column++
		}
		b.WriteString(word)
		column += n
	}
	return b.String()
}

// spoken is a digest, and its groups in lines of eight.
func spoken(digest string) string {
	g := groups(digest)
	s := digest
	for len(g) > 0 {
		n := min(8, len(g))
		s += "\n" + strings.Join(g[:n], " ")
		g = g[n:]
	}
	return s
}

func (l *List) text(w io.Writer) error {
	p := pen{bufio.NewWriter(w)}
	p.line("%s", strings.ToUpper(l.Title()))
	p.line("%s\n", strings.Repeat("=", len(l.Title())))
	p.line("%s\n", l.What())
	p.row("bundle", visible(l.Bundle.Name))
	p.row("form", l.Bundle.Form)
	p.row("size", exact(l.Bundle.Size))
	p.row("identity", spoken(l.Bundle.Identity))
	if l.Bundle.SHA256 != "" {
		p.row("archive SHA-256", spoken(l.Bundle.SHA256))
	}
	p.row("sealed", sealed(l))
	p.row("signature", l.signatureWords())
	p.row("came from", given(l.Given.Origin))
	p.row("packed by", given(l.Given.PackedBy))
	p.row("packed at", given(l.Given.PackedAt))
	for _, v := range l.verdicts() {
		p.row(strings.ToLower(v.Name), v.Answer)
	}
	if r := l.Receipt; r != nil {
		p.head("What was checked")
		p.row("received at", given(r.ReceivedAt))
		p.row("received by", given(r.ReceivedBy))
		p.row("written to", fmt.Sprintf("%s, %s", visible(r.Output), plural(int64(r.Files), "file")))
		if r.Artifact != "" {
			p.row("artifact", visible(r.Artifact))
		}
		if r.Manifest != "" {
			p.row("manifest", r.Manifest)
		}
		for _, c := range r.Checks {
			mark := "[x]"
			if !c.Done {
				mark = "[ ]"
			}
			p.line("%s %s\n%s", mark, visible(c.What), wrapped("    ", visible(c.How)))
		}
	}
	p.head("Artifacts")
	for i := range l.Artifacts {
		p.artifact(i+1, &l.Artifacts[i])
	}
	p.head("What fills it")
	fills := l.fills()
	var total int64
	for _, c := range fills {
		total += c.N
	}
	for _, c := range fills {
		p.line("%6s %-10s %s", percent(c.N, total), size(c.N), c.Name)
	}
	p.findings("Encrypted content", &l.Encrypted)
	p.findings("Executable content", &l.Executable)
	p.findings("Not looked into", &l.Unseen)
	if len(l.Notices) > 0 {
		p.head("Notes")
		for _, n := range l.Notices {
			p.line("- %s", strings.TrimSpace(wrapped("  ", visible(n))))
		}
	}
	if l.Receipt == nil {
		p.head("To check it, with ferry")
		p.steps(l.withFerry())
		p.head("To check it, without ferry")
		p.steps(l.withoutFerry())
	}
	p.head("Signed")
	for _, b := range l.boxes() {
		p.line("")
		p.line("%-12s name      %s", b.Title, blank(b.Name))
		p.line("%-12s date      %s", "", blank(b.Date))
		p.line("%-12s signature %s", "", blank(""))
	}
	p.head(fmt.Sprintf("Contents (%d)", len(l.Files)))
	for i := range l.Files {
		p.file(i+1, &l.Files[i])
	}
	p.line("\n%s", wrapped("", "Types are told by the first bytes of the content. Nesting, encryption and programs are looked for in gzip, zstd, bzip2, zip and tar; this is no search for malicious software."))
	p.line("%s", l.Form)
	return p.Flush()
}

func blank(s string) string {
	if s == "" {
		return strings.Repeat("_", 40)
	}
	return s
}

func given(s string) string {
	if s == "" {
		return "not given"
	}
	return visible(s)
}

func sealed(l *List) string {
	if l.Bundle.Sealed {
		return "yes, by SHA256SUMS"
	}
	return "no, compare the identity"
}

func percent(n, total int64) string {
	if total == 0 {
		return "0 %"
	}
	if v := 100 * float64(n) / float64(total); v >= 0.1 || n == 0 {
		return fmt.Sprintf("%.1f %%", v)
	}
	return "<0.1 %"
}

func (p pen) artifact(n int, a *Artifact) {
	p.line("%d. %s", n, visible(a.Name()))
	row := func(name, value string) {
		if value != "" {
			p.line("   %-13s %s", name, value)
		}
	}
	for i, r := range a.References {
		if i > 0 {
			row("also", visible(r))
		}
	}
	row("kind", visible(a.Kind))
	row("platform", visible(a.Platform))
	row("digest", a.Digest)
	row("type", visible(a.Type))
	row("source", visible(a.Source))
	row("created", visible(a.Created))
	row("part of", a.Within)
	row("content", fmt.Sprintf("%s, %s", plural(int64(a.Files), "file"), size(a.Size)))
	e := a.LEI
	if e == nil {
		return
	}
	row("date", visible(e.Date))
	row("LEI version", visible(e.Version))
	row("reports", fmt.Sprintf("%s about %s", thousands(e.Reports), plural(e.Repositories, "repository")))
	var risks []string
	for _, c := range e.Risk {
		risks = append(risks, fmt.Sprintf("%s %s", visible(c.Name), thousands(c.N)))
	}
	row("risk", strings.Join(risks, ", "))
	row("oldest", visible(e.Oldest))
	row("newest", visible(e.Newest))
	for i, s := range secretsWords(&e.Secrets) {
		row([]string{"secrets", ""}[min(i, 1)], s)
	}
}

// secretsWords say what the search for secrets found, a line each.
func secretsWords(s *Secrets) []string {
	var lines []string
	if len(s.Found) == 0 && s.More == 0 {
		lines = append(lines, "searched, none found")
	}
	for _, c := range s.Found {
		lines = append(lines, fmt.Sprintf("%s (%s)", visible(c.Name), plural(c.N, "value")))
	}
	if s.More > 0 {
		lines = append(lines, plural(s.More, "value")+" at still other keys")
	}
	for _, c := range s.Defaults {
		lines = append(lines, fmt.Sprintf("published default, no secret: %s (%s)", visible(c.Name), plural(c.N, "report")))
	}
	return lines
}

func (p pen) file(n int, f *File) {
	p.line("%4d. %s", n, fileName(f))
	p.line("      %s, %s%s", typeWords(f), exact(f.Size), flags(f))
	if f.Claimed != "" && f.Claimed != f.Type {
		p.line("      said to be %s", visible(f.Claimed))
	}
	p.line("      %s", f.Digest)
}

func flags(f *File) string {
	s := ""
	if f.Entries > 0 {
		s += ", " + plural(f.Entries, "file") + " in it"
	}
	for _, x := range []struct {
		is   bool
		word string
	}{{f.Encrypted, "encrypted"}, {f.Executable, "executable"}, {f.Unseen, "not wholly looked into"}, {f.Again, "same content as above"}} {
		if x.is {
			s += ", " + x.word
		}
	}
	return s
}

func (p pen) findings(title string, f *Findings) {
	if f.Len() == 0 {
		return
	}
	p.head(title)
	for _, x := range f.List {
		p.line("- %s", findingPlace(&x))
		p.line("  %s", visible(x.What))
	}
	if f.More > 0 {
		p.line("- and %s", plural(f.More, "more place"))
	}
}

func findingPlace(x *Finding) string {
	if x.Path == "" {
		return visible(x.File)
	}
	return visible(x.File) + " > " + visible(x.Path)
}

func (p pen) steps(s []step) {
	for _, x := range s {
		p.line("$ %s\n  %s", x.Command, x.Why)
	}
}
