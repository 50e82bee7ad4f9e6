package main

import (
	"fmt"
	"io"
	"strings"
	"sync"

	"github.com/opencontainers/go-digest"
	v1 "github.com/opencontainers/image-spec/specs-go/v1"

	"github.com/ociferry/ferry/layout"
	"github.com/ociferry/ferry/layout/artifact"
	"github.com/ociferry/ferry/layout/lei"
	"github.com/ociferry/ferry/layout/policy"
	"github.com/ociferry/ferry/layout/sniff"
)

// facts are what a policy is about, gathered while a source is audited.
type facts struct {
	t     *trust
	rules policy.Policy
	cache *lei.Checker // nil when nobody looks into LEI snapshots

	mu        sync.Mutex
	artifacts []policy.Artifact
	blobs     []v1.Descriptor
	content   map[digest.Digest]*sniff.Findings
	files     []policy.File
	size      int64 // of the bundle, in bytes
}

// newFacts is nil when no rule wants any.
func (t *trust) newFacts(ins []layout.Inspector) *facts {
	if t.policy == nil && !t.dates.Dated() {
		return nil
	}
	f := &facts{t: t, content: map[digest.Digest]*sniff.Findings{}}
	if t.policy != nil {
		f.rules = *t.policy
	}
	for _, in := range ins {
		if c, ok := in.(*lei.Checker); ok {
			f.cache = c
			if f.rules.Forbid.Secrets {
				// A notice is enough: the policy refuses them with the rest.
				c.Secrets, c.TellSecrets = true, true
			}
		}
	}
	return f
}

// Blob looks into a blob if a rule asks for it.
func (f *facts) Blob(d v1.Descriptor) io.WriteCloser {
	if !f.rules.Looks() {
		return nil
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.content[d.Digest] != nil {
		return nil
	}
	s := sniff.New("", d.Size, sniff.Limits{})
	f.content[d.Digest] = s.Findings()
	return s
}

// File looks into a file that is no part of the layout.
func (f *facts) File(name string, size int64) io.WriteCloser {
	file := policy.File{Name: name, Size: size}
	var w io.WriteCloser
	if f.rules.Looks() {
		s := sniff.New(name, size, sniff.Limits{})
		file.Found, w = s.Findings(), s
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	f.files = append(f.files, file)
	return w
}

// Manifest notes what a manifest says.
func (f *facts) Manifest(d v1.Descriptor, m *v1.Manifest) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	a := policy.Artifact{Digest: d.Digest, Kind: kindWord(m)}
	if m.Subject != nil {
		a.About = m.Subject.Digest
	}
	if t, err := artifact.ParseTime(m.Annotations[v1.AnnotationCreated]); err == nil {
		a.Date = t
	}
	f.artifacts = append(f.artifacts, a)
	f.blobs = append(append(append(f.blobs, d), m.Config), m.Layers...)
	if f.rules.Forbid.Executables {
		for _, l := range m.Layers {
			f.title(l)
		}
	}
	return nil
}

// title asks whether a file would be run for its name alone.
func (f *facts) title(l v1.Descriptor) {
	name := l.Annotations[v1.AnnotationTitle]
	at := f.content[l.Digest]
	if name == "" || at == nil || at.Executable.Len() > 0 {
		return
	}
	s := sniff.New(name, 0, sniff.Limits{})
	s.Close()
	for _, p := range s.Findings().Executable.List {
		at.Executable.List = append(at.Executable.List, sniff.Place{Path: name, What: p.What})
	}
}

// judge refuses what the rules do not allow.
func (f *facts) judge(r *layout.Report, ref string) error {
	f.name(r.Index)
	s := &policy.Subject{Artifacts: f.artifacts, Blobs: f.blobs, Content: f.content, Files: f.files, Size: f.size, Now: f.t.e.now()}
	s.Blobs = append(s.Blobs, r.All()...) // below nested indexes, and what nothing refers to
	for _, d := range r.Index.Manifests {
		s.Blobs = append(s.Blobs, d)
		names := layout.Names(d)
		for i, n := range names {
			if i == 0 || strings.Contains(n, "/") {
				s.Names = append(s.Names, n)
			}
		}
	}
	for _, sig := range r.Signatures { // files that no seal answers for
		w := sniff.New(sig.Name, int64(len(sig.Data)), sniff.Limits{})
		w.Write(sig.Data)
		w.Close()
		if found := w.Findings(); found.Executable.Len()+found.Encrypted.Len() > 0 {
			s.Files = append(s.Files, policy.File{Name: sig.Name, Size: int64(len(sig.Data)), Found: found})
		}
	}
	f.lei(s)
	refused := &refusal{violations: f.rules.Judge(s)}
	chosen := f.chosen(r, ref)
	f.t.dates.Judge(chosen, s.Now, func(rule, where, format string, args ...any) {
		flag := map[string]string{"dates": "date", "dates.min": "--min-date", "dates.maxAge": "--max-age"}[rule]
		refused.violations = append(refused.violations, policy.Violation{Rule: flag, Where: where, What: fmt.Sprintf(format, args...)})
	})
	if len(refused.violations) == 0 {
		return nil
	}
	return refused
}

// name gives artifacts the first of the names that the index has for them.
func (f *facts) name(index *v1.Index) {
	names := map[digest.Digest]string{}
	for _, d := range index.Manifests {
		if n := layout.Names(d); len(n) > 0 && names[d.Digest] == "" {
			names[d.Digest] = n[0]
		}
	}
	for i := range f.artifacts {
		f.artifacts[i].Name = names[f.artifacts[i].Digest]
	}
}

// lei adds what is known of LEI snapshots: their own dates, and secrets.
func (f *facts) lei(s *policy.Subject) {
	if f.cache == nil {
		return
	}
	for _, c := range f.cache.Found() {
		for i := range s.Artifacts {
			if t, err := policy.ParseDate(c.Snapshot.Date); err == nil && s.Artifacts[i].Digest == c.Digest {
				s.Artifacts[i].Date = t
			}
		}
		if c.Payload.Secrets.Err() != nil {
			for _, p := range c.Payload.Secrets.Found {
				s.Secrets = append(s.Secrets, printableLine(fmt.Sprintf("%s of %s, in %s", p.Path, c.Digest, count(int(p.Count), "report"))))
			}
		}
	}
}

// chosen are the artifacts that the dates are about: the one that a reference
// chooses, or all.
func (f *facts) chosen(r *layout.Report, ref string) []policy.Artifact {
	d, err := layout.Resolve(r.Index, ref)
	if ref == "" || err != nil {
		return f.artifacts
	}
	for _, a := range f.artifacts {
		if a.Digest == d.Digest {
			return []policy.Artifact{a}
		}
	}
	return f.artifacts // an index: all that may be under it
}
