package main

import (
	"slices"
	"strings"

	"github.com/opencontainers/go-digest"
	v1 "github.com/opencontainers/image-spec/specs-go/v1"
)

// A counterpart is an artifact that may belong to one of the other side.
type counterpart struct {
	digest    digest.Digest
	reference string // "" if it has none
}

// repository is the reference without its tag.
func (c counterpart) repository() string {
	if i := strings.LastIndexByte(c.reference, ':'); i > strings.LastIndexByte(c.reference, '/') {
		return c.reference[:i]
	}
	return c.reference
}

// counterparts finds the artifacts of one kind that belong together, as the
// help text says. Two that are the same artifact have nothing to say.
func counterparts(a, b []counterpart) (out [][2]counterpart) {
	if len(a) == 1 && len(b) == 1 {
		if a[0].digest != b[0].digest {
			out = append(out, [2]counterpart{a[0], b[0]})
		}
		return out
	}
	rest := func(list, others []counterpart, key func(counterpart) string) map[string][]counterpart {
		left := map[string][]counterpart{}
		for _, c := range list {
			same := func(o counterpart) bool { return o.digest == c.digest }
			if c.reference != "" && !slices.ContainsFunc(others, same) {
				left[key(c)] = append(left[key(c)], c)
			}
		}
		return left
	}
	reference := func(c counterpart) string { return c.reference }
	paired := map[digest.Digest]bool{}
	for _, key := range []func(counterpart) string{reference, counterpart.repository} {
		was, is := rest(a, b, key), rest(b, a, key)
		for _, y := range b {
			k := key(y)
			if len(was[k]) == 1 && len(is[k]) == 1 && is[k][0].digest == y.digest && !paired[y.digest] && !paired[was[k][0].digest] {
				paired[y.digest], paired[was[k][0].digest] = true, true
				out = append(out, [2]counterpart{was[k][0], y})
			}
		}
	}
	return out
}

// A diffFiles compares the files of two artifacts by their titles.
type diffFiles struct {
	Before diffSide `json:"before"`
	After  diffSide `json:"after"`
	Same   int      `json:"same"`
	*diffNames
}

type diffSide struct {
	Reference string `json:"reference,omitempty"`
	Digest    string `json:"digest"`
}

// directories are the artifacts whose files have titles, in the order of their
// names.
func (s *side) directories() (out []counterpart) {
	for d, a := range s.artifacts {
		if a.Kind == "files" {
			c := counterpart{digest: d}
			if len(a.References) > 0 {
				c.reference = a.References[0]
			}
			out = append(out, c)
		}
	}
	slices.SortFunc(out, func(a, b counterpart) int {
		return strings.Compare(a.reference+" "+string(a.digest), b.reference+" "+string(b.digest))
	})
	return out
}

// files names the files that came, went or changed. The manifests have it all;
// they are in memory, and bounded there.
func files(before, after *side) []*diffFiles {
	all := []*diffFiles{}
	for _, p := range counterparts(before.directories(), after.directories()) {
		f := &diffFiles{Before: p[0].side(), After: p[1].side(), diffNames: &diffNames{Added: []string{}, Removed: []string{}, Changed: []string{}}}
		was, is := before.titles(p[0].digest), after.titles(p[1].digest)
		for name, d := range is {
			switch old, ok := was[name]; {
			case !ok:
				f.Added = append(f.Added, name)
			case old != d:
				f.Changed = append(f.Changed, name)
			default:
				f.Same++
			}
		}
		for name := range was {
			if _, ok := is[name]; !ok {
				f.Removed = append(f.Removed, name)
			}
		}
		for _, list := range [][]string{f.Added, f.Removed, f.Changed} {
			slices.Sort(list)
		}
		all = append(all, f)
	}
	return all
}

func (c counterpart) side() diffSide { return diffSide{c.reference, string(c.digest)} }

// titles are the blobs of an artifact by the names of the files.
func (s *side) titles(d digest.Digest) map[string]digest.Digest {
	_, m := s.report.Document(d)
	names := map[string]digest.Digest{}
	for _, l := range m.Layers {
		if t := l.Annotations[v1.AnnotationTitle]; t != "" {
			names[t] = l.Digest
		}
	}
	return names
}
