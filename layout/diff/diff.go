// Package diff says what changed from one layout to another: references,
// artifacts, blobs, and what is in artifacts of the same kind.
//
//   - Both sides are read and audited whole; what is not sound is an error.
//   - Two artifacts of one kind are compared with each other when each side has
//     one, or when they have the same reference, or are the only ones of the same
//     repository.
//   - What is in them a kind tells by itself (see artifact.Comparer); artifacts
//     of files are compared by their titles, which takes no reading.
//   - Memory is that of the documents of both sides, and at most 100,000 names.
package diff

import (
	"cmp"
	"context"
	"slices"
	"strings"

	"github.com/opencontainers/go-digest"
	v1 "github.com/opencontainers/image-spec/specs-go/v1"

	"github.com/ociferry/ferry/layout"
	"github.com/ociferry/ferry/layout/artifact"
)

// Content is one of the two layouts that are compared.
type Content struct {
	// Read audits the layout. What Report.Err says is its error too.
	Read func(context.Context, layout.AuditOptions) (*layout.Report, error)
	// Source is what the layout is called in the answer.
	Source string
	// Err names the layout in an error that Read has not made; it may be nil.
	Err func(error) error
	// Reference chooses one artifact; "" compares all.
	Reference string
}

// Options say how layouts are compared.
type Options struct {
	Kinds artifact.Kinds
	// Names tells the names of what differs in artifacts, for which they are
	// read a second time where the kind needs it.
	Names bool
	// TempDir is where what does not stay in memory waits; "" is the system's.
	TempDir string
}

// A Difference is what changed. Its form in JSON is the answer of ferry diff.
type Difference struct {
	Before     Side      `json:"before"`
	After      Side      `json:"after"`
	Same       bool      `json:"same"`
	References Refs      `json:"references"`
	Artifacts  Artifacts `json:"artifacts"`
	Blobs      Blobs     `json:"blobs"`
	Contents   []*Pair   `json:"leiCaches,omitempty"`
	Files      []*Files  `json:"files,omitempty"` // with Options.Names

	Named int `json:"-"` // how many Files there are with Options.Names
}

// A Side is what a content was found to be.
type Side struct {
	Source    string `json:"source"`
	Reference string `json:"reference,omitempty"`
	Artifact  string `json:"artifact,omitempty"` // that the reference chooses, by its digest
	Identity  string `json:"identity"`
}

// Refs are references by what became of them.
type Refs struct {
	Added   []Ref `json:"added"`
	Removed []Ref `json:"removed"`
	Moved   []Ref `json:"moved"`
}

// A Ref is a reference and the digests that it stood for and stands for.
type Ref struct {
	Reference string `json:"reference"`
	From      string `json:"from,omitempty"`
	To        string `json:"to,omitempty"`
}

// Artifacts are indexes and manifests, in whatever depth.
type Artifacts struct {
	Added   []Artifact `json:"added"`
	Removed []Artifact `json:"removed"`
	Same    int        `json:"same"`
}

// An Artifact is an index or a manifest.
type Artifact struct {
	Digest     string   `json:"digest"`
	Kind       string   `json:"kind"`
	Platform   string   `json:"platform,omitempty"`
	Size       int64    `json:"totalSize"` // bytes of it and all it names
	References []string `json:"references,omitempty"`
}

// Blobs are all blobs that the roots reach, each once.
type Blobs struct {
	Added   Sum `json:"added"`
	Removed Sum `json:"removed"`
	Same    Sum `json:"same"`
}

// A Sum is a number of blobs and their bytes.
type Sum struct {
	Count int   `json:"count"`
	Bytes int64 `json:"bytes"`
}

func (s *Sum) add(n int64) { s.Count++; s.Bytes += n }

// Compare compares two layouts.
func Compare(ctx context.Context, before, after Content, o Options) (*Difference, error) {
	a, err := read(ctx, before, o)
	if err != nil {
		return nil, err
	}
	defer a.in.Close()
	b, err := read(ctx, after, o)
	if err != nil {
		return nil, err
	}
	defer b.in.Close()
	d := compare(a, b)
	if err := d.contents(ctx, a, b, o); err != nil {
		return nil, err
	}
	d.files(a, b, o.Names)
	return d, nil
}

// A side is a content that was read.
type side struct {
	Content
	in        *artifact.Inspection
	report    *layout.Report
	roots     []v1.Descriptor
	artifacts map[digest.Digest]*Artifact
	blobs     map[digest.Digest]int64
}

func read(ctx context.Context, c Content, o Options) (*side, error) {
	s := &side{Content: c, in: o.Kinds.Inspect(artifact.Look{Compare: true, TempDir: o.TempDir}), artifacts: map[digest.Digest]*Artifact{}, blobs: map[digest.Digest]int64{}}
	err := s.open(ctx, o.Kinds)
	if err != nil {
		s.in.Close()
	}
	return s, err
}

func (s *side) open(ctx context.Context, kinds artifact.Kinds) (err error) {
	if s.report, err = s.Read(ctx, layout.AuditOptions{Inspectors: []layout.Inspector{s.in}}); err != nil {
		return err
	}
	s.roots = s.report.Index.Manifests
	if s.Reference != "" {
		d, err := layout.Resolve(s.report.Index, s.Reference)
		if err != nil {
			return s.err(err)
		}
		s.roots = slices.DeleteFunc(slices.Clone(s.roots), func(r v1.Descriptor) bool { return r.Digest != d.Digest })
	}
	return s.report.Walk(ctx, layout.WalkOptions{Roots: s.roots}, func(n *layout.Node) error {
		s.blobs[n.Digest] = n.Size
		if n.Index == nil && n.Manifest == nil {
			return nil
		}
		a := &Artifact{Digest: string(n.Digest), Kind: kinds.WordFor(n.Index, n.Manifest), Platform: layout.FormatPlatform(n.Platform), References: layout.Names(n.Descriptor)}
		a.Size, err = s.report.TotalSize(ctx, n.Descriptor)
		s.artifacts[n.Digest] = a
		return err
	})
}

func (s *side) err(err error) error {
	if s.Err == nil {
		return err
	}
	return s.Err(err)
}

func (s *side) side() Side {
	out := Side{Source: s.Source, Reference: s.Reference, Identity: string(s.report.Digest)}
	if s.Reference != "" {
		out.Artifact = string(s.roots[0].Digest)
	}
	return out
}

// references are the names of the roots; the full one alone where there is one
// and the other is its tag.
func (s *side) references() map[string]digest.Digest {
	out := map[string]digest.Digest{}
	for _, d := range s.roots {
		if n := layout.Names(d); len(n) > 0 {
			out[n[0]] = d.Digest
			if other := layout.OtherName(n); other != "" {
				out[other] = d.Digest
			}
		}
	}
	return out
}

// compare compares what the documents say, which are in memory.
func compare(before, after *side) *Difference {
	d := &Difference{
		Before:     before.side(),
		After:      after.side(),
		References: Refs{[]Ref{}, []Ref{}, []Ref{}},
		Artifacts:  Artifacts{Added: []Artifact{}, Removed: []Artifact{}},
	}
	was, is := before.references(), after.references()
	each(was, is, func(name string, change artifact.Change) {
		switch r := (Ref{name, string(was[name]), string(is[name])}); change {
		case artifact.Added:
			d.References.Added = append(d.References.Added, r)
		case artifact.Removed:
			d.References.Removed = append(d.References.Removed, r)
		case artifact.Changed:
			d.References.Moved = append(d.References.Moved, r)
		}
	})
	each(before.artifacts, after.artifacts, func(x digest.Digest, change artifact.Change) {
		switch change {
		case artifact.Added:
			d.Artifacts.Added = append(d.Artifacts.Added, *after.artifacts[x])
		case artifact.Removed:
			d.Artifacts.Removed = append(d.Artifacts.Removed, *before.artifacts[x])
		default:
			d.Artifacts.Same++
		}
	})
	each(before.blobs, after.blobs, func(x digest.Digest, change artifact.Change) {
		switch change {
		case artifact.Added:
			d.Blobs.Added.add(after.blobs[x])
		case artifact.Removed:
			d.Blobs.Removed.add(before.blobs[x])
		default:
			d.Blobs.Same.add(after.blobs[x])
		}
	})
	for _, list := range [][]Ref{d.References.Added, d.References.Removed, d.References.Moved} {
		slices.SortFunc(list, func(a, b Ref) int { return cmp.Compare(a.Reference, b.Reference) })
	}
	for _, list := range [][]Artifact{d.Artifacts.Added, d.Artifacts.Removed} {
		slices.SortFunc(list, func(a, b Artifact) int {
			return cmp.Compare(strings.Join(a.References, " ")+a.Digest, strings.Join(b.References, " ")+b.Digest)
		})
	}
	d.Same = before.report.Digest == after.report.Digest
	if before.Reference != "" || after.Reference != "" {
		d.Same = len(d.Artifacts.Added)+len(d.Artifacts.Removed) == 0
	}
	return d
}

// each says what became of each key.
func each[K, V comparable](was, is map[K]V, tell func(K, artifact.Change)) {
	for k, v := range is {
		switch old, ok := was[k]; {
		case !ok:
			tell(k, artifact.Added)
		case old != v:
			tell(k, artifact.Changed)
		default:
			tell(k, artifact.Same)
		}
	}
	for k := range was {
		if _, ok := is[k]; !ok {
			tell(k, artifact.Removed)
		}
	}
}
