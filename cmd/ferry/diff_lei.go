package main

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"sync"

	"github.com/opencontainers/go-digest"
	v1 "github.com/opencontainers/image-spec/specs-go/v1"

	"github.com/ociferry/ferry/cmd/ferry/internal/ui"
	"github.com/ociferry/ferry/layout/artifact"
	"github.com/ociferry/ferry/layout/lei"
)

// A diffCache compares two LEI caches.
type diffCache struct {
	Before       diffSnapshot `json:"before"`
	After        diffSnapshot `json:"after"`
	Reports      lei.Counts   `json:"reports"`
	Repositories lei.Counts   `json:"repositories"`
	Names        *diffNames   `json:"names,omitempty"`

	found [2]cache
	d     *lei.Difference
}

type diffSnapshot struct {
	Reference string `json:"reference,omitempty"`
	Digest    string `json:"digest"`
	Date      string `json:"date"`
}

// diffNames are the names of repositories or files, as far as maxDiffNames
// reaches.
type diffNames struct {
	Added     []string `json:"added"`
	Removed   []string `json:"removed"`
	Changed   []string `json:"changed"`
	Truncated bool     `json:"truncated,omitempty"`
}

// These bound the names that are held, and with them the memory.
const (
	maxDiffNames     = 100_000
	maxDiffName      = 4096 // bytes
	maxDiffNameBytes = 16 << 20
)

// A cache is an LEI artifact of a side.
type cache struct {
	lei.Found
	reference string
	payload   digest.Digest
}

func (c cache) snapshot() diffSnapshot {
	return diffSnapshot{c.reference, string(c.Digest), c.Snapshot.Date}
}

// caches are the LEI artifacts among what the roots reach.
func (s *side) caches() (out []cache) {
	for _, f := range s.check.Found() {
		a, ok := s.artifacts[f.Digest]
		if !ok {
			continue
		}
		c := cache{Found: f}
		if len(a.References) > 0 {
			c.reference = a.References[0]
		}
		_, m := s.report.Document(f.Digest)
		for _, l := range m.Layers {
			if l.MediaType == lei.CacheJSONLMediaType {
				c.payload = l.Digest
			}
		}
		out = append(out, c)
	}
	return out
}

// pair compares the caches that belong together.
func pair(ctx context.Context, before, after *side) (out []*diffCache, err error) {
	var sides [2][]counterpart
	found := [2]map[digest.Digest]cache{{}, {}}
	for i, s := range []*side{before, after} {
		for _, c := range s.caches() {
			sides[i] = append(sides[i], counterpart{c.Digest, c.reference})
			found[i][c.Digest] = c
		}
	}
	left := maxDiffNames
	for _, p := range counterparts(sides[0], sides[1]) {
		x, y := found[0][p[0].digest], found[1][p[1].digest]
		d, err := lei.Compare(ctx, before.reports, x.Payload, after.reports, y.Payload, left)
		if err != nil {
			return nil, err
		}
		left -= d.Named()
		out = append(out, &diffCache{Before: x.snapshot(), After: y.snapshot(), Reports: d.Reports, Repositories: d.Repos, found: [2]cache{x, y}, d: d})
	}
	return out, nil
}

// names finds the names of the files that came, went or changed, and reads both
// sides again for those of the repositories. They are checked again as well.
func (d *difference) names(ctx context.Context, before, after *side) error {
	d.Files = files(before, after)
	if len(d.Caches) == 0 {
		return nil
	}
	left := maxDiffNameBytes
	for which, s := range []*side{before, after} {
		want := map[digest.Digest][]*diffCache{}
		for _, c := range d.Caches {
			if c.Names == nil {
				c.Names = &diffNames{Added: []string{}, Removed: []string{}, Changed: []string{}, Truncated: c.d.More()}
			}
			want[c.found[which].payload] = append(want[c.found[which].payload], c)
		}
		var mu sync.Mutex
		again := &side{src: s.src}
		err := again.read(ctx, lei.NewChecker(artifact.IgnoreSecrets, func(payload v1.Descriptor) lei.Watch {
			return lei.Watch{Report: func(r *lei.Report) error {
				mu.Lock()
				defer mu.Unlock()
				for _, c := range want[payload.Digest] {
					c.take(r.Repo(), which == 0, &left)
				}
				return nil
			}}
		}))
		if err != nil {
			return err
		}
		if again.report.Digest != s.report.Digest {
			return fmt.Errorf("%s: it changed while it was compared", s.src.Label())
		}
	}
	return nil
}

// take notes the name of a repository: of one that went while the side before
// is read, of the others in that after.
func (c *diffCache) take(repo []byte, before bool, left *int) {
	var list *[]string
	switch c.d.Take(repo, before) {
	case lei.Added:
		list = &c.Names.Added
	case lei.Removed:
		list = &c.Names.Removed
	case lei.Changed:
		list = &c.Names.Changed
	default:
		return // the same, or told already
	}
	if *left -= len(repo); *left < 0 || len(repo) > maxDiffName {
		c.Names.Truncated = true
		return
	}
	*list = append(*list, string(repo))
}

// print prints for people.
func (d *difference) print(e *ui.Env) {
	w := e.Stdout
	s := ui.NewTable(w)
	if d.Same {
		fmt.Fprintf(w, "the same: %s and %s\n", d.Before.label(), d.After.label())
		if one := cmp.Or(d.Before.Artifact, d.After.Artifact); one != "" {
			s.Row("artifact", "%s", one)
		} else {
			s.Row("identity", "%s", d.After.Identity)
		}
		return
	}
	fmt.Fprintln(w, "different")
	s.Row("before", "%s, %s", d.Before.label(), d.Before.digest())
	s.Row("after", "%s, %s", d.After.label(), d.After.digest())
	told := map[string]bool{} // by the artifact's own line
	for _, a := range append(slices.Clone(d.Artifacts.Added), d.Artifacts.Removed...) {
		told[a.Digest] = true
	}
	for _, r := range d.References.Moved {
		s.Row("moved", "%s", r.Reference)
		s.Row("", "from %s", r.From)
		s.Row("", "to   %s", r.To)
	}
	for _, r := range d.References.Added {
		if !told[r.To] {
			s.Row("new name", "%s, %s", r.Reference, r.To)
		}
	}
	for _, r := range d.References.Removed {
		if !told[r.From] {
			s.Row("gone name", "%s, %s", r.Reference, r.From)
		}
	}
	for _, a := range d.Artifacts.Added {
		s.Row("added", "%s", a)
	}
	for _, a := range d.Artifacts.Removed {
		s.Row("removed", "%s", a)
	}
	b := d.Blobs
	s.Row("blobs", "+%d -%d, %d the same", b.Added.Count, b.Removed.Count, b.Same.Count)
	s.Row("bytes", "+%s -%s, %s the same", ui.Size(b.Added.Bytes), ui.Size(b.Removed.Bytes), ui.Size(b.Same.Bytes))
	if len(d.Artifacts.Added)+len(d.Artifacts.Removed)+len(d.References.Added)+len(d.References.Removed)+len(d.References.Moved) == 0 {
		s.Row("index", "index.json alone differs: its order, or an annotation")
	}
	listed := false
	for _, c := range d.Caches {
		name := c.After.Reference
		if name == "" {
			name = c.After.Digest
		}
		s.Row("lei cache", "%s, dated %s, and %s before", name, c.After.Date, c.Before.Date)
		s.Row("reports", "%s", counts(c.Reports))
		s.Row("repos", "%s", counts(c.Repositories))
		if c.Names == nil {
			continue
		}
		listed = true
		c.Names.print(e)
	}
	for _, f := range d.Files {
		s.Row("files", "%s, +%d -%d ~%d, %d the same", cmp.Or(f.After.Reference, f.After.Digest), len(f.Added), len(f.Removed), len(f.Changed), f.Same)
		f.diffNames.print(e)
	}
	switch {
	case len(d.Caches) > 0 && !listed:
		e.Next("ferry diff --list names the repositories")
	case d.named > 0 && d.Files == nil:
		e.Next("ferry diff --list names the files")
	}
}

func (n *diffNames) print(e *ui.Env) {
	for _, l := range []struct {
		mark  string
		names []string
	}{{"+", n.Added}, {"-", n.Removed}, {"~", n.Changed}} {
		for _, name := range l.names {
			fmt.Fprintf(e.Stdout, "    %s %s\n", l.mark, ui.PrintableLine(name))
		}
	}
	if n.Truncated {
		e.Note("there are more than %d names; the rest is left out", maxDiffNames)
	}
}

func counts(c lei.Counts) string {
	return fmt.Sprintf("+%d -%d ~%d, %d the same", c.Added, c.Removed, c.Changed, c.Same)
}

func (a diffArtifact) String() string {
	name := a.Digest
	switch {
	case len(a.References) > 0:
		name = a.References[0] + ", " + a.Digest
	case a.Platform != "":
		name = a.Platform + ", " + a.Digest
	}
	return fmt.Sprintf("%s, %s, %s", a.Kind, name, ui.Size(a.Size))
}
