// Package policy says what may pass. A policy is a short YAML file; what it
// does not speak of is allowed, and what it does not know is an error, so that
// a rule with a typing mistake does not silently allow everything. Example holds
// every rule that there is; schema.json beside this file describes them for
// editors and checkers.
//
//   - executables and encrypted are what package sniff tells of a blob's
//     content, and of what is nested in it. unseen is what that could not look
//     into. secrets are those that package lei finds in the reports of an LEI
//     snapshot, and no others: a private key among files is not looked for.
//   - Every rule on kinds, content, sizes and media types holds for all that is
//     carried: entries of an index that are no manifests and blobs that nothing
//     refers to, which are of the kind blob, and files beside the layout.
//   - limits.bundle is about what goes on the medium: of an archive all its
//     bytes, compressed as they are; of a directory the sum of its files.
//   - A date is that of an LEI snapshot, else the manifest's annotation
//     org.opencontainers.image.created. Every artifact is judged by its own;
//     where a date is wanted, one without is refused, a referrer to an artifact
//     with a date as well. A date that lies ahead of the clock is not: a host
//     behind an air gap may have a clock that is behind.
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
	"strings"
	"time"

	"go.yaml.in/yaml/v3"

	"github.com/ociferry/ferry/layout/kinds"
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

// Kinds are the words for kinds of artifacts. KindBlob is what is no manifest:
// an entry of an index, or a blob that nothing refers to.
var Kinds = append(kinds.All.Words(), KindBlob)

// KindBlob is one of Kinds.
const KindBlob = "blob"

// Parse reads a policy. The error says what is wrong with which rule.
func Parse(data []byte) (*Policy, error) {
	if len(data) > MaxSize {
		return nil, fmt.Errorf("%d bytes is too large for a policy, the limit is %d", len(data), MaxSize)
	}
	var n yaml.Node
	d := yaml.NewDecoder(bytes.NewReader(data))
	if err := d.Decode(&n); err == io.EOF {
		return nil, errors.New("empty; a policy begins with version: 1")
	} else if err != nil {
		return nil, yamlError(err)
	}
	if err := d.Decode(new(yaml.Node)); err != io.EOF {
		return nil, errors.New("more than one YAML document")
	}
	p := &Policy{}
	version := 0
	all := append([]rule{{key: "version", parse: func(_ *Policy, n *yaml.Node) error { return n.Decode(&version) }}}, rules...)
	if err := p.parse(all, "", n.Content[0]); err != nil {
		return nil, yamlError(err)
	}
	if version != 1 {
		return nil, fmt.Errorf("version: want 1, found %d", version)
	}
	if p.Require == 0 && p.Keys != nil {
		p.Require = 1
	}
	if p.Require > len(p.Keys) {
		return nil, fmt.Errorf("signatures.require: want a number from 1 to that of the keys, which is %d, found %d", len(p.Keys), p.Require)
	}
	return p, nil
}

// parse reads what stands below a key, which ends with a dot, or all.
func (p *Policy) parse(rules []rule, below string, n *yaml.Node) error {
	if n.Kind == yaml.AliasNode {
		n = n.Alias
	}
	if n.ShortTag() == "!!null" {
		return fmt.Errorf("line %d: a rule without a value; leave it out to allow everything", n.Line)
	}
	if n.Kind != yaml.MappingNode {
		return n.Decode(new(map[string]any))
	}
	seen := map[string]int{}
	for i := 0; i < len(n.Content); i += 2 {
		key, value := n.Content[i], n.Content[i+1]
		if line := seen[key.Value]; line > 0 {
			return fmt.Errorf("line %d: mapping key %q already defined at line %d", key.Line, key.Value, line)
		}
		seen[key.Value] = key.Line
		name := below + key.Value
		at := slices.IndexFunc(rules, func(r rule) bool { return r.key == name })
		switch {
		case at >= 0:
			if line := empty(value); line > 0 {
				return fmt.Errorf("line %d: a rule without a value; leave it out to allow everything", line)
			}
			if err := rules[at].parse(p, value); err != nil {
				return named(name, err)
			}
		case name == "forbid":
			if err := p.forbid(value); err != nil {
				return err
			}
		case slices.ContainsFunc(rules, func(r rule) bool { return strings.HasPrefix(r.key, name+".") }):
			if err := p.parse(rules, name+".", value); err != nil {
				return err
			}
		default:
			return fmt.Errorf("line %d: field %s not found", key.Line, key.Value)
		}
	}
	if below == "signatures." && p.Keys == nil {
		return fmt.Errorf("signatures.require: want a number from 1 to that of the keys, which is 0, found %d", max(p.Require, 1))
	}
	return nil
}

// named gives an error of a rule its name, unless it says where it is itself.
func named(name string, err error) error {
	if _, ok := errors.AsType[*yaml.TypeError](err); ok {
		return err
	}
	return fmt.Errorf("%s: %w", name, err)
}

// forbid reads a list of words, each a rule.
func (p *Policy) forbid(n *yaml.Node) error {
	if line := empty(n); line > 0 {
		return fmt.Errorf("line %d: a rule without a value; leave it out to allow everything", line)
	}
	words, err := list(n)
	if err != nil {
		return named("forbid", err)
	}
	for _, w := range words {
		at := slices.IndexFunc(rules, func(r rule) bool { return r.key == "forbid."+w })
		if at < 0 {
			return fmt.Errorf("forbid: %q is not known, want some of %s", w, strings.Join(keys("forbid."), ", "))
		}
		if err := rules[at].parse(p, n); err != nil {
			return err
		}
	}
	return nil
}

// list reads a list of words that are not empty.
func list(n *yaml.Node) (words []string, err error) {
	if err := n.Decode(&words); err != nil {
		return nil, err
	}
	if slices.Contains(words, "") || len(words) == 0 {
		return nil, errors.New("an empty list or an empty entry; leave out the rule to allow everything")
	}
	return words, nil
}

// empty is the line of a key or an entry without a value, or 0.
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
	if all, ok := errors.AsType[*yaml.TypeError](err); ok {
		return errors.New(strings.Join(all.Errors, "; "))
	}
	return errors.New(strings.TrimPrefix(err.Error(), "yaml: "))
}
