package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"sort"
	"strings"

	"github.com/opencontainers/go-digest"
	v1 "github.com/opencontainers/image-spec/specs-go/v1"
	"github.com/urfave/cli/v2"

	"github.com/ociferry/ferry/cmd/ferry/internal/source"
	"github.com/ociferry/ferry/cmd/ferry/internal/ui"
	"github.com/ociferry/ferry/layout"
	"github.com/ociferry/ferry/layout/artifact"
	"github.com/ociferry/ferry/layout/lei"
)

func diffCommand(e *ui.Env) *cli.Command {
	return &cli.Command{
		Name:      "diff",
		Usage:     "say what changed between two bundles or layouts",
		ArgsUsage: "BEFORE AFTER",
		Description: "Example: ferry diff last-week.tar this-week.tar.gz\n\n" +
			"References that came, went or moved; artifacts; blobs and bytes; and for LEI caches the\n" +
			"reports and repositories. Both sides are verified whole. SRC:TAG compares one artifact;\n" +
			"one side may be -. Two LEI caches, or two artifacts of files, are compared when each side\n" +
			"has one, or when they have the same reference, or are the only ones of the same repository.\n\n" +
			"Exit codes as diff has them: 0 the same, 1 different, 2 trouble; and 3 and 4 as ever, when\n" +
			"a side is not what it should be.",
		Flags: []cli.Flag{
			&cli.BoolFlag{Name: "list", Usage: "name the repositories of LEI caches, and the files of other artifacts, that came (+), went (-) or changed (~); reads LEI caches twice"},
			&cli.StringFlag{Name: "tmpdir", Usage: "where what is known of more than a hundred thousand reports waits (default: TMPDIR or the system's)"},
			ui.FormatFlag(),
		},
		Action: func(c *cli.Context) error {
			err := diffAction(e, c)
			if err == nil || errors.Is(err, ui.ErrDifferent) {
				lost := e.Flush()
				if lost == nil {
					return err
				}
				err = lost
			}
			return trouble(err)
		},
	}
}

// trouble keeps exit code 1 for sides that differ.
func trouble(err error) error {
	if code, hint := ui.Outcome(err); code == ui.CodeFailed && ui.SignalCode(err) == 0 {
		return ui.Fail(ui.CodeMisuse, err, hint)
	}
	return err
}

func diffAction(e *ui.Env, c *cli.Context) error {
	if c.NArg() != 2 {
		return ui.Misuse(fmt.Errorf("diff: want two bundles or layouts, found %s", ui.Arguments(c)), "see ferry help diff")
	}
	var sources []*source.Source
	for _, arg := range c.Args().Slice() {
		s, err := source.Parse(e, arg)
		if err != nil {
			return err
		}
		sources = append(sources, s)
	}
	if sources[0].Name == "-" && sources[1].Name == "-" {
		return ui.Misuse(errors.New("diff: both sides are standard input"), "give one of them as a file")
	}
	if c.Bool("list") && (sources[0].Name == "-" || sources[1].Name == "-") {
		return ui.Misuse(errors.New("--list: standard input cannot be read twice"), "write it to a file first")
	}
	end := source.ShowReading(e, "comparing", sources...)
	defer end()
	before, err := newSide(c.Context, sources[0], c.String("tmpdir"))
	if err != nil {
		return err
	}
	defer before.reports.Close()
	after, err := newSide(c.Context, sources[1], c.String("tmpdir"))
	if err != nil {
		return err
	}
	defer after.reports.Close()
	d := compare(before, after)
	if d.Caches, err = pair(c.Context, before, after); err != nil {
		return ui.NoRoom(c.String("tmpdir"), err)
	}
	if c.Bool("list") {
		if err := d.names(c.Context, before, after); err != nil {
			return err
		}
	}
	end()
	if c.String("format") == "json" {
		err = ui.PrintJSON(e.Stdout, d)
	} else {
		d.print(e)
	}
	if err == nil && !d.Same {
		err = ui.ErrDifferent
	}
	return err
}

// A side is one of the two that are compared.
type side struct {
	src       *source.Source
	report    *layout.Report
	check     *lei.Checker
	reports   *lei.Fingerprints
	roots     []v1.Descriptor
	artifacts map[digest.Digest]diffArtifact // indexes and manifests, in whatever depth
	blobs     map[digest.Digest]int64        // all that the roots reach
}

// newSide reads a source whole and checks it.
func newSide(ctx context.Context, src *source.Source, tmpdir string) (*side, error) {
	s := &side{src: src, reports: lei.NewFingerprints(tmpdir), artifacts: map[digest.Digest]diffArtifact{}, blobs: map[digest.Digest]int64{}}
	s.check = lei.NewChecker(artifact.IgnoreSecrets, s.reports.Watch)
	if err := s.read(ctx, s.check); err != nil {
		s.reports.Close()
		return nil, err
	}
	s.roots = s.report.Index.Manifests
	if src.Ref != "" {
		d, err := layout.Resolve(s.report.Index, src.Ref)
		if err != nil {
			s.reports.Close()
			return nil, src.Err(err)
		}
		s.roots = slices.DeleteFunc(slices.Clone(s.roots), func(r v1.Descriptor) bool { return r.Digest != d.Digest })
	}
	for _, d := range s.roots {
		s.reach(d)
	}
	return s, nil
}

func (s *side) read(ctx context.Context, check *lei.Checker) error {
	report, err := s.src.Audit(ctx, layout.AuditOptions{
		Inspectors: []layout.Inspector{check, artifact.Titles{}},
	})
	if err == nil {
		err = s.src.Err(report.Err())
	}
	s.report = report
	return err
}

func (s *side) reach(d v1.Descriptor) {
	if _, ok := s.blobs[d.Digest]; ok {
		return
	}
	s.blobs[d.Digest] = d.Size
	index, m := s.report.Document(d.Digest)
	switch {
	case index != nil:
		s.add(d)
		for _, child := range index.Manifests {
			s.reach(child)
		}
	case m != nil:
		s.add(d)
		for _, b := range append([]v1.Descriptor{m.Config}, m.Layers...) {
			s.blobs[b.Digest] = b.Size
		}
	}
}

func (s *side) add(d v1.Descriptor) {
	kind, total := describe(s.report, d)
	a := diffArtifact{Digest: string(d.Digest), Kind: kind, Size: total, References: layout.Names(d)}
	if p := d.Platform; p != nil {
		a.Platform = p.OS + "/" + p.Architecture
	}
	s.artifacts[d.Digest] = a
}

// references are the names of the roots; the full one alone where there is one
// and the other is its tag.
func (s *side) references() map[string]digest.Digest {
	out := map[string]digest.Digest{}
	for _, d := range s.roots {
		if n := layout.Names(d); len(n) > 0 {
			out[n[0]] = d.Digest
			if other := ui.Also(n); other != "" {
				out[other] = d.Digest
			}
		}
	}
	return out
}

// A difference is what diff reports.
type difference struct {
	Before     diffSource    `json:"before"`
	After      diffSource    `json:"after"`
	Same       bool          `json:"same"`
	References diffRefs      `json:"references"`
	Artifacts  diffArtifacts `json:"artifacts"`
	Blobs      diffBlobs     `json:"blobs"`
	Caches     []*diffCache  `json:"leiCaches,omitempty"`
	Files      []*diffFiles  `json:"files,omitempty"` // with --list

	named int // how many artifacts Files can compare
}

type diffSource struct {
	Source    string `json:"source"`
	Reference string `json:"reference,omitempty"` // of the one artifact that is compared
	Artifact  string `json:"artifact,omitempty"`  // its digest
	Identity  string `json:"identity"`
}

func (s *side) source() diffSource {
	out := diffSource{Source: s.src.Name, Reference: s.src.Ref, Identity: string(s.report.Digest)}
	if s.src.Ref != "" {
		out.Artifact = string(s.roots[0].Digest)
	}
	return out
}

// label is the source as it was given.
func (s diffSource) label() string {
	switch {
	case s.Reference == "":
		return layout.Printable(s.Source)
	case s.Reference == s.Artifact:
		return layout.Printable(s.Source + "@" + s.Reference)
	}
	return layout.Printable(s.Source + ":" + s.Reference)
}

// digest is that of what is compared.
func (s diffSource) digest() string { return cmp.Or(s.Artifact, s.Identity) }

type diffRefs struct {
	Added   []diffRef `json:"added"`
	Removed []diffRef `json:"removed"`
	Moved   []diffRef `json:"moved"`
}

type diffRef struct {
	Reference string `json:"reference"`
	From      string `json:"from,omitempty"`
	To        string `json:"to,omitempty"`
}

type diffArtifacts struct {
	Added   []diffArtifact `json:"added"`
	Removed []diffArtifact `json:"removed"`
	Same    int            `json:"same"`
}

type diffArtifact struct {
	Digest     string   `json:"digest"`
	Kind       string   `json:"kind"`
	Platform   string   `json:"platform,omitempty"`
	Size       int64    `json:"totalSize"` // bytes of it and all it names
	References []string `json:"references,omitempty"`
}

type diffBlobs struct {
	Added   diffSum `json:"added"`
	Removed diffSum `json:"removed"`
	Same    diffSum `json:"same"`
}

type diffSum struct {
	Count int   `json:"count"`
	Bytes int64 `json:"bytes"`
}

func (s *diffSum) add(n int64) { s.Count++; s.Bytes += n }

// compare compares two sides, of which the documents are in memory.
func compare(before, after *side) *difference {
	d := &difference{
		Before:     before.source(),
		After:      after.source(),
		References: diffRefs{[]diffRef{}, []diffRef{}, []diffRef{}},
		Artifacts:  diffArtifacts{Added: []diffArtifact{}, Removed: []diffArtifact{}},
	}
	was, is := before.references(), after.references()
	for name, to := range is {
		switch from, ok := was[name]; {
		case !ok:
			d.References.Added = append(d.References.Added, diffRef{Reference: name, To: string(to)})
		case from != to:
			d.References.Moved = append(d.References.Moved, diffRef{name, string(from), string(to)})
		}
	}
	for name, from := range was {
		if _, ok := is[name]; !ok {
			d.References.Removed = append(d.References.Removed, diffRef{Reference: name, From: string(from)})
		}
	}
	for x, a := range after.artifacts {
		if _, ok := before.artifacts[x]; ok {
			d.Artifacts.Same++
		} else {
			d.Artifacts.Added = append(d.Artifacts.Added, a)
		}
	}
	for x, a := range before.artifacts {
		if _, ok := after.artifacts[x]; !ok {
			d.Artifacts.Removed = append(d.Artifacts.Removed, a)
		}
	}
	for x, n := range after.blobs {
		if _, ok := before.blobs[x]; ok {
			d.Blobs.Same.add(n)
		} else {
			d.Blobs.Added.add(n)
		}
	}
	for x, n := range before.blobs {
		if _, ok := after.blobs[x]; !ok {
			d.Blobs.Removed.add(n)
		}
	}
	for _, list := range [][]diffRef{d.References.Added, d.References.Removed, d.References.Moved} {
		sort.Slice(list, func(i, k int) bool { return list[i].Reference < list[k].Reference })
	}
	for _, list := range [][]diffArtifact{d.Artifacts.Added, d.Artifacts.Removed} {
		sort.Slice(list, func(i, k int) bool {
			return strings.Join(list[i].References, " ")+list[i].Digest < strings.Join(list[k].References, " ")+list[k].Digest
		})
	}
	d.named = len(counterparts(before.directories(), after.directories()))
	d.Same = before.report.Digest == after.report.Digest
	if before.src.Ref != "" || after.src.Ref != "" {
		d.Same = len(d.Artifacts.Added)+len(d.Artifacts.Removed) == 0
	}
	return d
}
