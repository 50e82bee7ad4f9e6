package diff

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"

	"github.com/opencontainers/go-digest"

	"github.com/ociferry/ferry/layout"
	"github.com/ociferry/ferry/layout/artifact"
)

// ErrChanged is the error for a layout that was another when it was read again.
var ErrChanged = errors.New("it changed while it was compared")

// An End is one of two artifacts that belong together.
type End struct {
	Reference string `json:"reference,omitempty"`
	Digest    string `json:"digest"`
	Date      string `json:"date,omitempty"` // that the content says
}

// Name is the reference, or the digest.
func (e End) Name() string {
	if e.Reference == "" {
		return e.Digest
	}
	return e.Reference
}

// Names are names of things by what became of them, as far as the limits reach.
type Names struct {
	Added     []string `json:"added"`
	Removed   []string `json:"removed"`
	Changed   []string `json:"changed"`
	Truncated bool     `json:"truncated,omitempty"`
}

// These bound the names that are held, and with them the memory.
const (
	MaxNames     = 100_000
	maxName      = 4096 // bytes
	maxNameBytes = 16 << 20
)

func newNames(truncated bool) *Names {
	return &Names{Added: []string{}, Removed: []string{}, Changed: []string{}, Truncated: truncated}
}

func (n *Names) add(c artifact.Change, name string) {
	switch c {
	case artifact.Added:
		n.Added = append(n.Added, name)
	case artifact.Removed:
		n.Removed = append(n.Removed, name)
	case artifact.Changed:
		n.Changed = append(n.Changed, name)
	}
}

// Files are two artifacts of files, compared by their titles.
type Files struct {
	Before End `json:"before"`
	After  End `json:"after"`
	Same   int `json:"same"`
	*Names
}

// A Pair is two artifacts of a kind that tells what is in them.
type Pair struct {
	Before, After End
	Kind          *artifact.Kind
	Counts        []artifact.NamedCounts
	Names         *Names // nil where they were not asked for

	comparison artifact.Comparison
}

// MarshalJSON writes each of the counts under its key.
func (p *Pair) MarshalJSON() ([]byte, error) {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	field := func(key string, v any) error {
		fmt.Fprintf(&b, ",%q:", key)
		return e.Encode(v)
	}
	err := errors.Join(field("before", p.Before), field("after", p.After))
	for _, c := range p.Counts {
		err = errors.Join(err, field(c.Key, c.Counts))
	}
	if p.Names != nil {
		err = errors.Join(err, field("names", p.Names))
	}
	b.Bytes()[0] = '{'
	b.WriteByte('}')
	return b.Bytes(), err
}

// contents compares the artifacts whose kinds tell what is in them.
func (d *Difference) contents(ctx context.Context, before, after *side, o Options) error {
	left := MaxNames
	for _, k := range o.Kinds {
		x, y := before.in.Comparer(k), after.in.Comparer(k)
		if x == nil || y == nil {
			continue
		}
		var pairs []*Pair
		var all []artifact.Comparison
		was, is := before.found(x), after.found(y)
		for _, p := range counterparts(was, is) {
			c, err := x.Compare(ctx, digest.Digest(p[0].Digest), y, digest.Digest(p[1].Digest), left)
			if err != nil {
				return err
			}
			n, more := c.Named()
			left -= n
			pair := &Pair{Before: p[0], After: p[1], Kind: k, Counts: c.Counts(), comparison: c}
			if o.Names {
				pair.Names = newNames(more)
			}
			pairs, all = append(pairs, pair), append(all, c)
		}
		d.Contents = append(d.Contents, pairs...)
		if !o.Names || len(pairs) == 0 {
			continue
		}
		t := &teller{pairs: pairs, left: maxNameBytes}
		for _, s := range []*side{before, after} {
			report, err := s.Read(ctx, layout.AuditOptions{Inspectors: []layout.Inspector{x.Namer(s == before, all, t.tell)}})
			if err != nil {
				return err
			}
			if report.Digest != s.report.Digest {
				return s.err(ErrChanged)
			}
		}
	}
	return nil
}

// A teller takes names, within the limits.
type teller struct {
	mu    sync.Mutex
	pairs []*Pair
	left  int
}

func (t *teller) tell(which int, c artifact.Change, name []byte) {
	t.mu.Lock()
	defer t.mu.Unlock()
	names := t.pairs[which].Names
	if t.left -= len(name); t.left < 0 || len(name) > maxName {
		names.Truncated = true
		return
	}
	names.add(c, string(name))
}

// found are the artifacts that a comparer has seen among what the roots reach.
func (s *side) found(c artifact.Comparer) (out []End) {
	for _, f := range c.Findings() {
		if a, ok := s.artifacts[f.Digest]; ok {
			out = append(out, a.end(f.Date))
		}
	}
	return out
}

func (a *Artifact) end(date string) End {
	e := End{Digest: a.Digest, Date: date}
	if len(a.References) > 0 {
		e.Reference = a.References[0]
	}
	return e
}

// directories are the artifacts whose files have titles, in the order of their
// names.
func (s *side) directories() (out []End) {
	for _, a := range s.artifacts {
		if a.Kind == artifact.Files.Name {
			out = append(out, a.end(""))
		}
	}
	slices.SortFunc(out, func(a, b End) int {
		return strings.Compare(a.Reference+" "+a.Digest, b.Reference+" "+b.Digest)
	})
	return out
}

// files compares artifacts of files. The manifests have it all; they are in
// memory, and bounded there.
func (d *Difference) files(before, after *side, names bool) {
	pairs := counterparts(before.directories(), after.directories())
	d.Named = len(pairs)
	if !names {
		return
	}
	d.Files = []*Files{}
	for _, p := range pairs {
		f := &Files{Before: p[0], After: p[1], Names: newNames(false)}
		each(before.titles(p[0]), after.titles(p[1]), func(name string, c artifact.Change) {
			if c == artifact.Same {
				f.Same++
			}
			f.add(c, name)
		})
		for _, list := range [][]string{f.Added, f.Removed, f.Changed} {
			slices.Sort(list)
		}
		d.Files = append(d.Files, f)
	}
}

// titles are the blobs of an artifact by the names of the files.
func (s *side) titles(e End) map[string]digest.Digest {
	_, m := s.report.Document(digest.Digest(e.Digest))
	all := map[string]digest.Digest{}
	names, _ := s.in.FileNames(m) // the audit has had its say
	for i, name := range names {
		if name != "" {
			all[name] = m.Layers[i].Digest
		}
	}
	return all
}

// repository is the reference without its tag.
func (e End) repository() string {
	if i := strings.LastIndexByte(e.Reference, ':'); i > strings.LastIndexByte(e.Reference, '/') {
		return e.Reference[:i]
	}
	return e.Reference
}

// counterparts finds the artifacts of one kind that belong together. Two that
// are the same artifact have nothing to say.
func counterparts(a, b []End) (out [][2]End) {
	if len(a) == 1 && len(b) == 1 {
		if a[0].Digest != b[0].Digest {
			out = append(out, [2]End{a[0], b[0]})
		}
		return out
	}
	rest := func(list, others []End, key func(End) string) map[string][]End {
		same := map[string]bool{}
		for _, e := range others {
			same[e.Digest] = true
		}
		left := map[string][]End{}
		for _, e := range list {
			if e.Reference != "" && !same[e.Digest] {
				left[key(e)] = append(left[key(e)], e)
			}
		}
		return left
	}
	reference := func(e End) string { return e.Reference }
	paired := map[string]bool{}
	for _, key := range []func(End) string{reference, End.repository} {
		was, is := rest(a, b, key), rest(b, a, key)
		for _, y := range b {
			k := key(y)
			if len(was[k]) == 1 && len(is[k]) == 1 && is[k][0].Digest == y.Digest && !paired[y.Digest] && !paired[was[k][0].Digest] {
				paired[y.Digest], paired[was[k][0].Digest] = true, true
				out = append(out, [2]End{was[k][0], y})
			}
		}
	}
	return out
}
