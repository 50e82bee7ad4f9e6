package main

import (
	"context"
	"fmt"
	"io"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"

	"github.com/opencontainers/go-digest"
	v1 "github.com/opencontainers/image-spec/specs-go/v1"
	"github.com/urfave/cli/v2"

	"github.com/ociferry/ferry/bundle"
	"github.com/ociferry/ferry/layout"
	"github.com/ociferry/ferry/layout/artifact"
	"github.com/ociferry/ferry/layout/lei"
	"github.com/ociferry/ferry/layout/policy"
	"github.com/ociferry/ferry/layout/signature"
	"github.com/ociferry/ferry/layout/sniff"
)

// readPolicy reads a policy and the keys that it names.
func (t *trust) readPolicy(name string) error {
	p, err := parsePolicy(name)
	if err != nil {
		return err
	}
	t.policy = p
	if p.Require == 0 {
		return nil
	}
	d := demand{need: p.Require}
	if d.keys, err = policyKeys(name, p); err != nil {
		return err
	}
	if n := different(d.keys); d.need > n {
		return misuse(fmt.Errorf("%s: signatures.require: want at most the number of different keys, which is %d, found %d", layout.Printable(name), n, d.need), "")
	}
	t.demands = append(t.demands, d)
	return nil
}

// policyFields are the fields of a policy, and what is in them.
var policyFields = []string{"version", "signatures (require, keys)", "kinds", "mediaTypes", "names", "limits (blob, bundle)", "forbid", "dates (min, maxAge)"}

func parsePolicy(name string) (*policy.Policy, error) {
	data, err := readSmall(name, policy.MaxSize)
	if err != nil {
		return nil, err
	}
	p, err := policy.Parse(data)
	if err != nil {
		hint := "beside version: 1 a policy may hold " + strings.Join(policyFields[1:], ", ")
		if _, field, ok := strings.Cut(err.Error(), "field "); ok {
			word, _, _ := strings.Cut(field, " ")
			var names []string
			for _, f := range policyFields {
				names = append(names, strings.FieldsFunc(f, func(r rune) bool { return strings.ContainsRune(" (,)", r) })...)
			}
			if n := closest(word, names); n != "" && n != word {
				hint = "did you mean " + n + "? " + hint
			}
		}
		return nil, misuse(in(name, err), hint)
	}
	return p, nil
}

func policyKeys(name string, p *policy.Policy) ([]*signature.PublicKey, error) {
	var names []string
	for _, k := range p.Keys {
		if !filepath.IsAbs(k) {
			k = filepath.Join(filepath.Dir(name), filepath.FromSlash(k))
		}
		names = append(names, k)
	}
	return publicKeys(names)
}

// writerTrust is a policy on what pack and bundle write. Its rule on
// signatures they cannot keep, since others sign later; but they refuse to sign
// with a key that it does not list.
func (e *env) writerTrust(c *cli.Context, s *signing) (*trust, error) {
	name := c.String("policy")
	if name == "" {
		return nil, nil
	}
	if c.String("output") == "-" || c.Bool("append") {
		return nil, misuse(fmt.Errorf("--policy: not with -o - or --append, which cannot take back what was written"), "write it to a file of its own first")
	}
	t := &trust{e: e}
	if err := t.readPolicy(name); err != nil {
		return nil, err
	}
	for _, d := range t.demands {
		known := map[string]bool{}
		for _, k := range d.keys {
			known[k.Fingerprint()] = true
		}
		for _, f := range s.fingerprints() {
			if !known[f] {
				return nil, &failure{codeRefused, fmt.Errorf("--sign: the policy does not list the key %s", f), "sign with one of its keys, or add the public key to the policy"}
			}
		}
	}
	t.demands = nil
	return t, nil
}

// measure notes how large a bundle is as it lies there, if a rule is on that.
func (t *trust) measure(size func() (int64, error)) (err error) {
	if t != nil && t.facts != nil && t.facts.rules.MaxBundle > 0 {
		t.facts.size, err = size()
	}
	return err
}

// sized is a stream that knows its length, once it has been read to its end,
// by a decompressor in a goroutine of its own perhaps.
type sized struct {
	io.Reader
	n atomic.Int64
}

func (s *sized) Read(p []byte) (int, error) {
	n, err := s.Reader.Read(p)
	s.n.Add(int64(n))
	return n, err
}

func (s *sized) size() (int64, error) { return s.n.Load(), nil }

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

// A refusal is everything that the rules do not allow.
type refusal struct{ violations []policy.Violation }

func (r *refusal) Error() string {
	s := "refused: " + r.violations[0].String()
	if n := len(r.violations) - 1; n > 0 {
		s += fmt.Sprintf(" (and %d more)", n)
	}
	return s
}

// hint is the next step: what is only too old, or has no date, cannot be mended
// by packing it again.
func (r *refusal) hint() string {
	const rule = ", or have the rule changed by who answers for it"
	undated, old := 0, 0
	for _, v := range r.violations {
		switch v.Rule {
		case "date", "dates":
			undated++
		case "--min-date", "--max-age", "dates.min", "dates.maxAge":
			old++
		}
	}
	switch len(r.violations) {
	case undated:
		return "many artifacts carry no date, container images among them: a rule on dates cannot be used for these"
	case undated + old:
		return "get a newer one" + rule
	}
	return "take out what is not allowed and pack it again" + rule
}

// checkOutput asks a policy about an archive that has been written and has not
// got its name yet, by reading it as the other side will.
func (e *env) checkOutput(ctx context.Context, t *trust, out bundle.Target) error {
	if t == nil {
		return nil
	}
	f, ok := out.(*output)
	if !ok {
		return nil
	}
	info, err := f.f.Stat()
	if err != nil {
		return f.err(err)
	}
	written := io.NewSectionReader(f.f, 0, info.Size())
	return t.examine(ctx, f.name, func(ctx context.Context, o layout.AuditOptions) (*layout.Report, error) {
		return bundle.Verify(ctx, written, o)
	}, func() (int64, error) { return written.Size(), nil })
}

// checkLayout asks it about a layout directory at its Commit.
func (e *env) checkLayout(t *trust, w *layout.Writer) {
	if t == nil {
		return
	}
	w.CheckWith(func(ctx context.Context, r *layout.Reader) error {
		return t.examine(ctx, "", r.Audit, r.Size)
	})
}

func (t *trust) examine(ctx context.Context, name string, audit func(context.Context, layout.AuditOptions) (*layout.Report, error), size func() (int64, error)) error {
	ins, _ := inspectors()
	o, err := t.begin(ctx, &source{name: "-", e: t.e}, layout.AuditOptions{Inspectors: ins})
	if err != nil {
		return err
	}
	report, err := audit(ctx, o)
	if err == nil {
		err = report.Err()
	}
	if err == nil {
		err = t.measure(size)
	}
	if err == nil {
		err = t.check(report, "", "")
	}
	if err == nil || name == "" {
		return err
	}
	return in(name, err)
}

// prepare lets a layout directory that bundle writes be signed and checked.
func (b *bundling) prepare(w *layout.Writer) {
	if b.sign != nil {
		w.SignWith(b.sign.sign)
	}
	b.e.checkLayout(b.trust, w)
}
