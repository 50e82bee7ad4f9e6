// Package policy says what may pass. A policy is a short YAML file; what it
// does not speak of is allowed, and what it does not know is an error, so that
// a rule with a typing mistake does not silently allow everything:
//
//	version: 1
//	signatures:
//	  require: 2              # by so many different ones of these keys
//	  keys: [alice.pub, bob.pub]   # relative to the policy file
//	kinds: [lei, files]       # of artifacts: lei, files, image, artifact, referrer
//	mediaTypes:               # of manifests, configs and layers; * is any text
//	  - application/vnd.oci.image.manifest.v1+json
//	  - application/vnd.lei.*
//	names: ["*.internal"]     # hosts of the names in index.json
//	limits:
//	  blob: 2GiB              # the largest blob
//	  bundle: 20GB            # the archive as it lies there, or all files of the directory
//	forbid: [executables, encrypted, secrets, unseen]
//	dates:
//	  min: 2026-02-01         # no artifact is older than that
//	  maxAge: 30d             # nor than that
//
// schema.json beside this file describes it for editors and checkers.
//
//   - executables and encrypted are what package sniff tells of a blob's
//     content, and of what is nested in it. unseen is what that could not look
//     into. secrets are those that package lei finds in the reports of an LEI
//     snapshot, and no others: a private key among files is not looked for.
//   - Every rule on content, sizes and media types holds for all that is
//     carried: blobs that nothing refers to, and files beside the layout.
//   - limits.bundle is about what goes on the medium: of an archive all its
//     bytes, compressed as they are; of a directory the sum of its files.
//   - A date is that of an LEI snapshot, else the manifest's annotation
//     org.opencontainers.image.created. Where a date is wanted, an artifact
//     without one is refused. A date that lies ahead of the clock is not: a
//     host behind an air gap may have a clock that is behind.
//   - Judge lists every violation there is, not the first.
//
// The package reads no files, knows no clock and checks no signature: the rule
// on signatures is the caller's to enforce.
package policy

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"
	"time"

	"go.yaml.in/yaml/v3"
)

// MaxSize is the size in bytes of the largest policy that is read.
const MaxSize = 64 << 10

// A Policy is a set of rules. The zero value allows everything.
type Policy struct {
	Require    int      // signatures; 0 for none
	Keys       []string // files of public keys, relative to the policy
	Kinds      []string // nil allows all
	MediaTypes []string // nil allows all
	Names      []string // hosts; nil allows all
	MaxBlob    int64    // bytes; 0 is no limit
	MaxBundle  int64    // bytes of the archive, or of the directory's files; 0 is no limit
	Forbid     Forbid
	Dates      Dates
}

// Forbid says what content may not be.
type Forbid struct{ Executables, Encrypted, Secrets, Unseen bool }

// Dates bound the age of an artifact. The zero value does not.
type Dates struct {
	Min    time.Time
	MaxAge time.Duration
}

// file is the form in which a policy is written.
type file struct {
	Version    int `yaml:"version"`
	Signatures *struct {
		Require *int     `yaml:"require"`
		Keys    []string `yaml:"keys"`
	} `yaml:"signatures"`
	Kinds      []string `yaml:"kinds"`
	MediaTypes []string `yaml:"mediaTypes"`
	Names      []string `yaml:"names"`
	Limits     struct {
		Blob   string `yaml:"blob"`
		Bundle string `yaml:"bundle"`
	} `yaml:"limits"`
	Forbid []string `yaml:"forbid"`
	Dates  struct {
		Min    string `yaml:"min"`
		MaxAge string `yaml:"maxAge"`
	} `yaml:"dates"`
}

// Kinds are the words for kinds of artifacts.
var Kinds = []string{"lei", "files", "image", "artifact", "referrer"}

// Parse reads a policy. The error says what is wrong with which rule.
func Parse(data []byte) (*Policy, error) {
	if len(data) > MaxSize {
		return nil, fmt.Errorf("%d bytes is too large for a policy, the limit is %d", len(data), MaxSize)
	}
	var f file
	d := yaml.NewDecoder(bytes.NewReader(data))
	d.KnownFields(true)
	if err := d.Decode(&f); err == io.EOF {
		return nil, errors.New("empty; a policy begins with version: 1")
	} else if err != nil {
		return nil, yamlError(err)
	}
	if err := d.Decode(new(yaml.Node)); err != io.EOF {
		return nil, errors.New("more than one YAML document")
	}
	var n yaml.Node
	if err := yaml.Unmarshal(data, &n); err != nil {
		return nil, yamlError(err)
	}
	if line := empty(&n); line > 0 {
		return nil, fmt.Errorf("line %d: a rule without a value; leave it out to allow everything", line)
	}
	return f.policy()
}

// empty is the line of a key without a value, or 0.
func empty(n *yaml.Node) int {
	if n.ShortTag() == "!!null" {
		return n.Line
	}
	for _, c := range n.Content {
		if line := empty(c); line > 0 {
			return line
		}
	}
	return 0
}

// yamlError puts what is wrong into one line.
func yamlError(err error) error {
	var all *yaml.TypeError
	if errors.As(err, &all) {
		return errors.New(strings.ReplaceAll(strings.Join(all.Errors, "; "), " in type policy.file", ""))
	}
	return errors.New(strings.TrimPrefix(err.Error(), "yaml: "))
}

func (f *file) policy() (p *Policy, err error) {
	if f.Version != 1 {
		return nil, fmt.Errorf("version: want 1, found %d", f.Version)
	}
	p = &Policy{Kinds: f.Kinds, MediaTypes: f.MediaTypes, Names: f.Names}
	if s := f.Signatures; s != nil {
		p.Require, p.Keys = 1, s.Keys
		if s.Require != nil {
			p.Require = *s.Require
		}
		if p.Require < 1 || p.Require > len(p.Keys) {
			return nil, fmt.Errorf("signatures.require: want a number from 1 to that of the keys, which is %d, found %d", len(p.Keys), p.Require)
		}
	}
	for _, k := range p.Kinds {
		if !slices.Contains(Kinds, k) {
			return nil, fmt.Errorf("kinds: there is no kind %q, want some of %s", k, strings.Join(Kinds, ", "))
		}
	}
	for _, list := range [][]string{p.Kinds, p.MediaTypes, p.Names, p.Keys, f.Forbid} {
		if slices.Contains(list, "") || list != nil && len(list) == 0 {
			return nil, errors.New("an empty list or an empty entry; leave out the rule to allow everything")
		}
	}
	for _, w := range f.Forbid {
		switch w {
		case "executables":
			p.Forbid.Executables = true
		case "encrypted":
			p.Forbid.Encrypted = true
		case "secrets":
			p.Forbid.Secrets = true
		case "unseen":
			p.Forbid.Unseen = true
		default:
			return nil, fmt.Errorf("forbid: %q is not known, want executables, encrypted, secrets or unseen", w)
		}
	}
	if p.MaxBlob, err = ParseSize(f.Limits.Blob); err != nil {
		return nil, fmt.Errorf("limits.blob: %w", err)
	}
	if p.MaxBundle, err = ParseSize(f.Limits.Bundle); err != nil {
		return nil, fmt.Errorf("limits.bundle: %w", err)
	}
	if p.Dates.Min, err = ParseDate(f.Dates.Min); err != nil {
		return nil, fmt.Errorf("dates.min: %w", err)
	}
	if p.Dates.MaxAge, err = ParseAge(f.Dates.MaxAge); err != nil {
		return nil, fmt.Errorf("dates.maxAge: %w", err)
	}
	return p, nil
}

var units = []struct {
	name string
	n    float64
}{
	{"KiB", 1 << 10}, {"MiB", 1 << 20}, {"GiB", 1 << 30}, {"TiB", 1 << 40},
	{"kB", 1e3}, {"KB", 1e3}, {"MB", 1e6}, {"GB", 1e9}, {"TB", 1e12}, {"B", 1}, {"", 1},
}

// ParseSize reads a number of bytes such as 1048576, 4.7GB or 4GiB; "" is 0.
func ParseSize(s string) (int64, error) {
	if s == "" {
		return 0, nil
	}
	for _, u := range units {
		number, ok := strings.CutSuffix(s, u.name)
		if !ok {
			continue
		}
		v, err := strconv.ParseFloat(strings.TrimSpace(number), 64)
		if n := v * u.n; err == nil && n >= 1 && n < 1<<62 {
			return int64(n), nil
		}
		break
	}
	return 0, fmt.Errorf("%q: want a size such as 650MB, 4.7GB or 2GiB", s)
}

// ParseDate reads a day, which begins at midnight UTC, or a time in RFC 3339;
// "" is the zero time.
func ParseDate(s string) (time.Time, error) {
	if s == "" {
		return time.Time{}, nil
	}
	for _, form := range []string{time.DateOnly, time.RFC3339} {
		if t, err := time.Parse(form, s); err == nil {
			return t, nil
		}
	}
	return time.Time{}, fmt.Errorf("%q: want a day such as 2026-02-05, or a time in RFC 3339", s)
}

// ParseAge reads a duration such as 30d, 2w or 36h; "" is 0.
func ParseAge(s string) (time.Duration, error) {
	if s == "" {
		return 0, nil
	}
	var d time.Duration
	var err error
	day := 24 * time.Hour
	switch n := len(s) - 1; s[n] {
	case 'd', 'w':
		unit := day
		if s[n] == 'w' {
			unit = 7 * day
		}
		var k int64
		k, err = strconv.ParseInt(s[:n], 10, 16)
		d = time.Duration(k) * unit
	default:
		d, err = time.ParseDuration(s)
	}
	if err != nil || d <= 0 {
		return 0, fmt.Errorf("%q: want an age such as 30d, 2w or 36h", s)
	}
	return d, nil
}
