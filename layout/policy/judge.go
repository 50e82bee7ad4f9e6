package policy

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/opencontainers/go-digest"
	v1 "github.com/opencontainers/image-spec/specs-go/v1"

	"github.com/ociferry/ferry/layout/sniff"
)

// An Input is what a policy judges: a layout that is whole.
type Input struct {
	Names     []string // in index.json
	Artifacts []Artifact
	Blobs     []v1.Descriptor // with their titles, where they have any
	Files     []File          // that are no part of the layout
	Size      int64           // bytes of the bundle as it lies there, for MaxBundle
	// Content is what sniff found in a blob; see Policy.Looks.
	Content map[digest.Digest]*sniff.Findings
	// Secrets are messages about secrets, a line each.
	Secrets []string
	Now     time.Time // for Dates.MaxAge
}

// A File is carried with a layout and is no part of it.
type File struct {
	Name  string
	Size  int64
	Found *sniff.Findings // nil if nobody looked
}

// An Artifact is one manifest.
type Artifact struct {
	Digest digest.Digest
	Name   string        // in index.json, or ""
	About  digest.Digest // of the subject that a referrer names
	Kind   string        // one of Kinds
	Date   time.Time     // zero when it has none
}

// A Violation is one thing that a policy does not allow.
type Violation struct {
	Rule  string `json:"rule"`
	Where string `json:"where"` // printable
	What  string `json:"what"`  // printable
}

func (v Violation) String() string { return v.Rule + ": " + v.Where + ": " + v.What }

// MaxViolations is the largest number of violations that Judge lists; a last
// one says that there are more.
const MaxViolations = 1000

// Looks reports whether a rule needs the findings of sniff.
func (p *Policy) Looks() bool {
	return p.Forbid.Executables || p.Forbid.Encrypted || p.Forbid.Unseen
}

// Dated reports whether a rule needs the dates of artifacts.
func (d Dates) Dated() bool { return !d.Min.IsZero() || d.MaxAge > 0 }

// Judge lists what is not allowed, in the order of the rules.
func (p *Policy) Judge(s *Input) []Violation {
	j := &judge{titles: map[digest.Digest]string{}}
	for _, a := range s.Artifacts {
		j.titles[a.Digest] = a.Name
	}
	for _, b := range s.Blobs {
		if t := b.Annotations[v1.AnnotationTitle]; t != "" && j.titles[b.Digest] == "" {
			j.titles[b.Digest] = t
		}
	}
	if p.Kinds != nil {
		for _, a := range s.Artifacts {
			if !slices.Contains(p.Kinds, a.Kind) {
				j.add("kinds", j.where(a.Digest), "an artifact of kind %s is not allowed", a.Kind)
			}
		}
	}
	if p.MediaTypes != nil {
		type pair struct{ d, t string }
		seen := map[pair]bool{}
		for _, b := range s.Blobs {
			if x := (pair{string(b.Digest), b.MediaType}); !seen[x] && !matchAny(p.MediaTypes, b.MediaType) {
				seen[x] = true
				j.add("mediaTypes", j.where(b.Digest), "%q is not allowed", b.MediaType)
			}
		}
	}
	if p.MediaTypes != nil {
		for _, f := range s.Files {
			j.add("mediaTypes", f.where(), "no part of the layout, and of no media type")
		}
	}
	if p.Names != nil {
		for _, n := range s.Names {
			if host, _, ok := strings.Cut(n, "/"); !ok {
				j.add("names", fmt.Sprintf("%q", n), "the name has no host, want one of %s", strings.Join(p.Names, ", "))
			} else if !matchAny(p.Names, hostname(host)) {
				j.add("names", fmt.Sprintf("%q", n), "the host is not allowed, want one of %s", strings.Join(p.Names, ", "))
			}
		}
	}
	p.sizes(j, s)
	p.content(j, s)
	p.Dates.Judge(s.Artifacts, s.Now, j.add)
	return j.list
}

// hostname is a host without its port.
func hostname(host string) string {
	h, _, _ := strings.Cut(host, ":")
	return h
}

func (f File) where() string { return fmt.Sprintf("%.200q", f.Name) }

func (p *Policy) sizes(j *judge, s *Input) {
	for _, f := range s.Files {
		if p.MaxBlob > 0 && f.Size > p.MaxBlob {
			j.add("limits.blob", f.where(), "%d bytes, the limit is %d", f.Size, p.MaxBlob)
		}
	}
	seen := map[digest.Digest]bool{}
	for _, b := range s.Blobs {
		if seen[b.Digest] {
			continue
		}
		seen[b.Digest] = true
		if p.MaxBlob > 0 && b.Size > p.MaxBlob {
			j.add("limits.blob", j.where(b.Digest), "%d bytes, the limit is %d", b.Size, p.MaxBlob)
		}
	}
	if p.MaxBundle > 0 && s.Size > p.MaxBundle {
		j.add("limits.bundle", "all of it", "%d bytes, the limit is %d", s.Size, p.MaxBundle)
	}
}

func (p *Policy) content(j *judge, s *Input) {
	blobs := make([]digest.Digest, 0, len(s.Content))
	for d := range s.Content {
		blobs = append(blobs, d)
	}
	slices.Sort(blobs)
	for _, rule := range []struct {
		on   bool
		name string
		of   func(*sniff.Findings) *sniff.Places
	}{
		{p.Forbid.Executables, "executables", func(f *sniff.Findings) *sniff.Places { return &f.Executable }},
		{p.Forbid.Encrypted, "encrypted", func(f *sniff.Findings) *sniff.Places { return &f.Encrypted }},
		{p.Forbid.Unseen, "unseen", func(f *sniff.Findings) *sniff.Places { return &f.Unseen }},
	} {
		if !rule.on {
			continue
		}
		for _, d := range blobs {
			j.places("forbid "+rule.name, j.where(d), rule.of(s.Content[d]))
		}
		for _, f := range s.Files {
			if f.Found == nil {
				j.add("forbid "+rule.name, f.where(), "no part of the layout, and not looked at")
			} else {
				j.places("forbid "+rule.name, f.where(), rule.of(f.Found))
			}
		}
	}
	if p.Forbid.Executables {
		for _, b := range s.Blobs {
			if w := s.Program(b); w != "" {
				j.add("forbid executables", named(b.Digest, b.Annotations[v1.AnnotationTitle]), "%s", w)
			}
		}
	}
	if p.Forbid.Secrets {
		for _, m := range s.Secrets {
			j.add("forbid secrets", "reports", "%s", m)
		}
	}
}

func (j *judge) places(rule, what string, places *sniff.Places) {
	for _, at := range places.List {
		where := what
		if at.Path != "" {
			where += " > " + fmt.Sprintf("%q", at.Path)
		}
		j.add(rule, where, "%s", at.What)
	}
	if places.More > 0 {
		j.add(rule, what, "and %d more", places.More)
	}
}

// Judge calls add for each artifact that is too old, or has no date though one
// is wanted.
func (d Dates) Judge(artifacts []Artifact, now time.Time, add func(rule, where, format string, args ...any)) {
	if !d.Dated() {
		return
	}
	for _, a := range artifacts {
		about := func(x Artifact) bool { return x.Digest == a.About }
		if a.Kind == "referrer" && slices.ContainsFunc(artifacts, about) {
			continue // it is as old as what it is about
		}
		switch {
		case a.Date.IsZero():
			add("dates", a.where(), "the artifact has no date, and a date is asked for")
			continue
		case !d.Min.IsZero() && a.Date.Before(d.Min):
			add("dates.min", a.where(), "dated %s, want %s or later", day(a.Date), day(d.Min))
		}
		if d.MaxAge > 0 && now.Sub(a.Date) > d.MaxAge {
			add("dates.maxAge", a.where(), "dated %s, which is %s ago; want %s at most", day(a.Date), days(now.Sub(a.Date)), days(d.MaxAge))
		}
	}
}

func day(t time.Time) string {
	t = t.UTC()
	if t.Equal(t.Truncate(24 * time.Hour)) {
		return t.Format(time.DateOnly)
	}
	return t.Format(time.RFC3339)
}

func days(d time.Duration) string {
	if d < 48*time.Hour {
		return d.Round(time.Minute).String()
	}
	return fmt.Sprintf("%d days", d/(24*time.Hour))
}

type judge struct {
	titles map[digest.Digest]string // and names, of artifacts
	list   []Violation
	full   bool
}

// where is a blob by its digest, and by its file's or artifact's name if that is
// known.
func (j *judge) where(d digest.Digest) string { return named(d, j.titles[d]) }

func (a Artifact) where() string { return named(a.Digest, a.Name) }

func named(d digest.Digest, name string) string {
	if name == "" {
		return string(d)
	}
	return fmt.Sprintf("%s (%.200q)", d, name)
}

func (j *judge) add(rule, where, format string, args ...any) {
	switch {
	case j.full:
	case len(j.list) == MaxViolations:
		j.full = true
		j.list = append(j.list, Violation{rule, where, "and more; only the first are listed"})
	default:
		j.list = append(j.list, Violation{rule, where, fmt.Sprintf(format, args...)})
	}
}

func matchAny(patterns []string, s string) bool {
	for _, p := range patterns {
		if match(p, s) {
			return true
		}
	}
	return false
}

// match compares without case; * stands for any text.
func match(pattern, s string) bool {
	pattern, s = strings.ToLower(pattern), strings.ToLower(s)
	parts := strings.Split(pattern, "*")
	if len(parts) == 1 {
		return pattern == s
	}
	last := len(parts) - 1
	rest, ok := strings.CutPrefix(s, parts[0])
	if !ok {
		return false
	}
	for _, p := range parts[1:last] {
		_, after, found := strings.Cut(rest, p)
		if !found {
			return false
		}
		rest = after
	}
	return len(rest) >= len(parts[last]) && strings.HasSuffix(rest, parts[last])
}
