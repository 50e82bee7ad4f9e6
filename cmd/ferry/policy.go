package main

import (
	"context"
	"fmt"
	"io"
	"path/filepath"
	"strings"
	"sync/atomic"

	"github.com/urfave/cli/v2"

	"github.com/ociferry/ferry/bundle"
	"github.com/ociferry/ferry/layout"
	"github.com/ociferry/ferry/layout/policy"
	"github.com/ociferry/ferry/layout/signature"
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
