package policy

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/opencontainers/go-digest"

	"github.com/ociferry/ferry/layout/sniff"
)

// An Input is what a policy judges: a layout that is whole. An Inspector makes
// it.
type Input struct {
	Names     []string // in index.json
	Artifacts []Artifact
	Blobs     []Blob
	Files     []File // that are no part of the layout
	Size      int64  // bytes of the bundle as it lies there, for MaxBundle
	// Content is what sniff found in a blob; see Policy.Looks.
	Content map[digest.Digest]*sniff.Findings
	// Secrets are messages about secrets, a line each.
	Secrets []string
	Now     time.Time // for Dates.MaxAge
}

// A Blob is carried, and is called so by one descriptor or more.
type Blob struct {
	Digest    digest.Digest
	MediaType string // empty where no descriptor names it
	Title     string // the name of a file, or ""
	Size      int64
}

// A File is carried with a layout and is no part of it.
type File struct {
	Name   string
	Size   int64
	Found  *sniff.Findings // nil if nobody looked
	Digest digest.Digest   // SHA-256, if somebody looked
}

// An Artifact is one manifest, or a blob that belongs to none.
type Artifact struct {
	Digest digest.Digest
	Name   string    // in index.json, or ""
	Kind   string    // one of Kinds
	Date   time.Time // zero when it has none

	unreferenced bool // no index has it
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
func (p *Policy) Judge(in *Input) []Violation {
	j := &judge{titles: map[digest.Digest]string{}}
	for _, a := range in.Artifacts {
		if a.Name != "" {
			j.titles[a.Digest] = a.Name
		}
	}
	for _, b := range in.Blobs {
		if b.Title != "" && j.titles[b.Digest] == "" {
			j.titles[b.Digest] = b.Title
		}
	}
	for _, r := range rules {
		if r.judge != nil {
			r.judge(p, in, j)
		}
	}
	return j.list
}

func (p *Policy) judgeKinds(in *Input, j *judge) {
	for _, a := range in.Artifacts {
		switch {
		case p.Kinds == nil || slices.Contains(p.Kinds, a.Kind):
		case a.unreferenced:
			j.add("kinds", j.where(a.Digest), "a blob that nothing refers to is not allowed")
		case a.Kind == KindBlob:
			j.add("kinds", j.where(a.Digest), "an entry of the index that is no manifest is not allowed")
		default:
			j.add("kinds", j.where(a.Digest), "an artifact of kind %s is not allowed", a.Kind)
		}
	}
}

func (p *Policy) judgeMediaTypes(in *Input, j *judge) {
	if p.MediaTypes == nil {
		return
	}
	type pair struct{ d, t string }
	seen := map[pair]bool{}
	for _, b := range in.Blobs {
		if x := (pair{string(b.Digest), b.MediaType}); !matchAny(p.MediaTypes, b.MediaType) && !seen[x] {
			seen[x] = true
			j.add("mediaTypes", j.where(b.Digest), "%q is not allowed", b.MediaType)
		}
	}
	for _, f := range in.Files {
		j.add("mediaTypes", f.where(), "no part of the layout, and of no media type")
	}
}

func (p *Policy) judgeNames(in *Input, j *judge) {
	for _, n := range in.Names {
		if host, _, ok := strings.Cut(n, "/"); p.Names == nil {
			return
		} else if !ok {
			j.add("names", fmt.Sprintf("%q", n), "the name has no host, want one of %s", strings.Join(p.Names, ", "))
		} else if !matchAny(p.Names, hostname(host)) {
			j.add("names", fmt.Sprintf("%q", n), "the host is not allowed, want one of %s", strings.Join(p.Names, ", "))
		}
	}
}

// hostname is a host without its port.
func hostname(host string) string {
	h, _, _ := strings.Cut(host, ":")
	return h
}

func (f File) where() string { return fmt.Sprintf("%.200q", f.Name) }

func (p *Policy) judgeBlobs(in *Input, j *judge) {
	if p.MaxBlob == 0 {
		return
	}
	for _, f := range in.Files {
		if f.Size > p.MaxBlob {
			j.add("limits.blob", f.where(), "%d bytes, the limit is %d", f.Size, p.MaxBlob)
		}
	}
	seen := map[digest.Digest]bool{}
	for _, b := range in.Blobs {
		if b.Size > p.MaxBlob && !seen[b.Digest] {
			seen[b.Digest] = true
			j.add("limits.blob", j.where(b.Digest), "%d bytes, the limit is %d", b.Size, p.MaxBlob)
		}
	}
}

func (p *Policy) judgeBundle(in *Input, j *judge) {
	if p.MaxBundle > 0 && in.Size > p.MaxBundle {
		j.add("limits.bundle", "all of it", "%d bytes, the limit is %d", in.Size, p.MaxBundle)
	}
}

// content refuses what was found in blobs and files, and files that nobody
// looked at.
func (j *judge) content(in *Input, word string, of func(*sniff.Findings) *sniff.Places) {
	var blobs []digest.Digest
	for d, f := range in.Content {
		if of(f).Len() > 0 {
			blobs = append(blobs, d)
		}
	}
	slices.Sort(blobs)
	rule := "forbid " + word
	for _, d := range blobs {
		j.places(rule, j.where(d), of(in.Content[d]))
	}
	for _, f := range in.Files {
		if f.Found == nil {
			j.add(rule, f.where(), "no part of the layout, and not looked at")
		} else {
			j.places(rule, f.where(), of(f.Found))
		}
	}
}

// programs refuses blobs that are run for their names.
func (j *judge) programs(in *Input) {
	for _, b := range in.Blobs {
		if w := in.Program(b.Digest, b.Title); w != "" {
			j.add("forbid executables", title(b.Digest, b.Title), "%s", w)
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
		switch {
		case a.unreferenced:
			continue
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
func (j *judge) where(d digest.Digest) string { return title(d, j.titles[d]) }

func (a Artifact) where() string { return title(a.Digest, a.Name) }

func title(d digest.Digest, name string) string {
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
