package main

import (
	"fmt"
	"regexp"
	"slices"
	"strings"
)

// A matrix is matrix.txt, read.
type matrix struct {
	tools []*tool
	kinds []*kind
	rows  []*row
}

type tool struct {
	name, asks string // asks prints the version
	lines      []string
	version    string
	why        error // it cannot run here
}

type kind struct {
	name   string
	lines  []string
	roots  []root
	holds  bool // those above
	docker bool // docker's form has something to hold
}

type root struct {
	name, tag, digest string
	config            string   // the digest of an image's
	packed            string   // the directory that was packed
	referrers         []string // digests
}

type row struct {
	tool         *tool
	forms, kinds []string // no kinds are all kinds
	whole        bool
	lines        []string
	limits       []limit
}

// A limit is what a neighbour cannot do.
type limit struct {
	outcome   outcome
	when      []string // forms or kinds; none is always
	why, says string
}

type outcome string

const yes, changed, no, notRun outcome = "yes", "changed", "no", "not run"

var limits = regexp.MustCompile(`^(no|changed|but)([A-Za-z ]*): (.*?)(?: \| ([^|]*))?$`)

func parse(text string) (*matrix, error) {
	type block struct{ head, lines []string }
	var blocks []*block
	macros := map[string][]string{}
	for line := range strings.Lines(text) {
		line = strings.TrimRight(line, "\n")
		switch f := strings.Fields(line); {
		case len(f) == 0 || f[0][0] == '#':
		case line[0] != '\t':
			blocks = append(blocks, &block{head: f})
		default:
			b := blocks[len(blocks)-1]
			lines, ok := macros[line[1:]]
			if !ok {
				lines = []string{line[1:]}
			}
			if b.lines = append(b.lines, lines...); b.head[0] == "macro" {
				macros[b.head[1]] = b.lines
			}
		}
	}
	m := &matrix{}
	for _, b := range blocks {
		switch head, of := b.head, slices.Index(b.head, "of"); {
		case head[0] == "macro":
		case head[0] == "tool" && len(head) > 2:
			m.tools = append(m.tools, &tool{name: head[1], asks: strings.Join(head[2:], " "), lines: b.lines})
		case head[0] == "kind" && len(head) > 1:
			k := &kind{name: head[1], lines: b.lines, holds: len(head) == 2}
			if m.kinds = append(m.kinds, k); !k.holds {
				k.roots = []root{{name: head[2], packed: strings.Join(head[3:], "")}}
			}
		case of > 0 && of+1 < len(head):
			r := &row{forms: head[:of], tool: m.tool(head[of+1]), whole: slices.Contains(head, "whole")}
			if i := slices.Index(head, "for"); i > 0 {
				r.kinds = head[i+1:]
			}
			for _, line := range b.lines {
				if l := limits.FindStringSubmatch(line); l != nil {
					o := map[string]outcome{"no": no, "changed": changed, "but": yes}[l[1]]
					r.limits = append(r.limits, limit{o, strings.Fields(l[2]), l[3], l[4]})
				} else {
					r.lines = append(r.lines, line)
				}
			}
			if m.rows = append(m.rows, r); r.tool != nil {
				continue
			}
			fallthrough
		default:
			return nil, fmt.Errorf("matrix.txt: nobody knows what %q is", strings.Join(head, " "))
		}
	}
	return m, nil
}

func (m *matrix) tool(name string) *tool {
	if i := slices.IndexFunc(m.tools, func(t *tool) bool { return t.name == name }); i >= 0 {
		return m.tools[i]
	}
	return nil
}

// in is what a neighbour sees of a kind in a form, or nil.
func (k *kind) in(form string) *kind {
	some := *k
	if form == "images" {
		some.roots = nil
		for _, r := range k.roots {
			if r.referrers = nil; r.config != "" {
				some.roots = append(some.roots, r)
			}
		}
	}
	if (form == "images" || form == "docker") && !k.docker {
		return nil
	}
	return &some
}

// A result is how a row ended for one form of one kind.
type result struct {
	*row
	form, kind string
	outcome    outcome
	message    string
}

func (r *result) name() string { return r.tool.name + " " + r.form + " " + r.kind }

// limit is the first one that is about this form or this kind.
func (r *result) limit() limit {
	for _, l := range r.limits {
		if len(l.when) == 0 || slices.Contains(l.when, r.form) || slices.Contains(l.when, r.kind) {
			return l
		}
	}
	return limit{outcome: yes}
}

// problem says in what a result differs from the matrix, or "".
func (r *result) problem() string {
	l := r.limit()
	switch {
	case r.outcome == notRun:
		return ""
	case r.outcome != l.outcome:
		return fmt.Sprintf("UNEXPECTED: want %s (%s), found %s: %s", l.outcome, l.why, r.outcome, r.message)
	case !strings.Contains(r.message, l.says):
		return fmt.Sprintf("UNEXPECTED: %s for another reason: want %q, found: %s", r.outcome, l.says, r.message)
	}
	return ""
}

// The columns of the table, each of some forms.
var columns = []struct{ forms, head string }{
	{"dir", "reads our directory"}, {"tar", "our .tar"}, {"targz", "our .tar.gz"}, {"docker images", "our .tar with --docker"},
	{"", "digest unchanged"}, {"wrote-dir", "we read its directory"}, {"wrote-tar", "we read its archive"},
}

const (
	above = "# Who reads it\n\n`make interop` runs the neighbours against what ferry writes, and ferry against what they write, and puts the outcome here. Every cell is commands that were run: those of [matrix.txt](matrix.txt).\n\n"
	below = `
Kinds:
**LEI** an LEI cache artifact, **files** a directory of files, **image** a container image, **index** an image of two platforms, **referrer** an image with an SBOM that refers to it, **several** all of these in one bundle. "Yes" is yes for every kind; "–" is a form that the tool has no command for. The digest is the manifest's or the index's, in docker's store the image ID.

`
)

// table is the outcome: a line a tool, a cell a column, and below it why each
// no is one.
func (m *matrix) table(results []result) string {
	var b strings.Builder
	var notes []string
	b.WriteString(above + "| neighbour |")
	for _, c := range columns {
		b.WriteString(" " + c.head + " |")
	}
	b.WriteString("\n|" + strings.Repeat("---|", len(columns)+1) + "\n")
	for _, t := range m.tools {
		fmt.Fprintf(&b, "| %s %s |", t.name, t.version)
		for _, c := range columns {
			fmt.Fprintf(&b, " %s |", cell(results, t, strings.Fields(c.forms), &notes))
		}
		b.WriteByte('\n')
	}
	b.WriteString(below)
	for i, n := range notes {
		fmt.Fprintf(&b, "%d. %s\n", i+1, n)
	}
	return b.String()
}

// place is where in a list a string stands, from 1; it is added if need be.
func place(list *[]string, s string) int {
	if !slices.Contains(*list, s) {
		*list = append(*list, s)
	}
	return slices.Index(*list, s) + 1
}

// cell sums up the results of a tool with some forms. A no and a remark have a
// note, with the kinds that it is about. Without forms it sums up what became
// of the digests of what arrived.
func cell(results []result, t *tool, forms []string, notes *[]string) string {
	all, ran, good, digests := 0, false, false, len(forms) == 0
	var whys []string
	kinds := map[string][]string{}
	for _, r := range results {
		arrived := r.outcome == yes || r.outcome == changed
		if r.tool != t || digests && !arrived || !digests && !slices.Contains(forms, r.form) {
			continue
		}
		all++
		ran = ran || r.outcome != notRun
		good = good || r.outcome == yes || r.outcome == changed && !digests
		l := r.limit()
		if r.outcome == no || digests && r.outcome == changed || !digests && l.outcome == yes && l.why != "" {
			if place(&whys, l.why); !slices.Contains(kinds[l.why], r.kind) {
				kinds[l.why] = append(kinds[l.why], r.kind)
			}
		}
	}
	for i, why := range whys {
		whys[i] = fmt.Sprintf("[%d]", place(notes, why))
		if good {
			whys[i] = strings.Join(kinds[why], ", ") + " " + whys[i]
		}
	}
	switch {
	case all == 0:
		return "–"
	case !ran:
		return string(notRun)
	case !good:
		return "no " + strings.Join(whys, " ")
	case whys == nil:
		return "yes"
	}
	return "yes; but " + strings.Join(whys, "; ")
}
