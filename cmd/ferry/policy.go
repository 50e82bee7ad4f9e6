package main

import (
	"context"
	"fmt"
	"io"
	"path/filepath"
	"strings"
	"sync/atomic"
	"time"

	"github.com/opencontainers/go-digest"
	"github.com/urfave/cli/v2"

	"github.com/ociferry/ferry/bundle"
	"github.com/ociferry/ferry/cmd/ferry/internal/ui"
	"github.com/ociferry/ferry/layout"
	"github.com/ociferry/ferry/layout/artifact"
	"github.com/ociferry/ferry/layout/policy"
	"github.com/ociferry/ferry/layout/signature"
	"github.com/ociferry/ferry/layout/sniff"
)

// readPolicy reads a policy and the keys that it names.
func (q *requirements) readPolicy(name string) error {
	p, err := parsePolicy(name)
	if err != nil {
		return err
	}
	q.policy = p
	if p.Require == 0 {
		return nil
	}
	d := quorum{need: p.Require}
	if d.keys, err = policyKeys(name, p); err != nil {
		return err
	}
	if n := different(d.keys); d.need > n {
		return ui.Misuse(fmt.Errorf("%s: signatures.require: want at most the number of different keys, which is %d, found %d", layout.Printable(name), n, d.need), "")
	}
	q.quorums = append(q.quorums, d)
	return nil
}

func parsePolicy(name string) (*policy.Policy, error) {
	data, err := ui.ReadSmall(name, policy.MaxSize)
	if err != nil {
		return nil, err
	}
	p, err := policy.Parse(data)
	if err != nil {
		hint := "beside version: 1 a policy may hold " + strings.Join(policy.Fields(), ", ")
		if _, field, ok := strings.Cut(err.Error(), "field "); ok {
			word, _, _ := strings.Cut(field, " ")
			names := strings.FieldsFunc("version "+strings.Join(policy.Fields(), " "), func(r rune) bool { return strings.ContainsRune(" (,)", r) })
			if n := ui.Closest(word, names); n != "" && n != word {
				hint = "did you mean " + n + "? " + hint
			}
		}
		return nil, ui.Misuse(ui.Wrap(name, err), hint)
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

// newWriterRequirements is a policy on what pack and bundle write. Its rule on
// signatures they cannot keep, since others sign later; but they refuse to sign
// with a key that it does not list.
func newWriterRequirements(e *ui.Env, c *cli.Context, s *signing) (*requirements, error) {
	name := c.String("policy")
	if name == "" {
		return nil, nil
	}
	if c.String("output") == "-" || c.Bool("append") {
		return nil, ui.Misuse(fmt.Errorf("--policy: not with -o - or --append, which cannot take back what was written"), "write it to a file of its own first")
	}
	q := &requirements{e: e}
	if err := q.readPolicy(name); err != nil {
		return nil, err
	}
	for _, d := range q.quorums {
		known := map[string]bool{}
		for _, k := range d.keys {
			known[k.Fingerprint()] = true
		}
		for _, f := range s.fingerprints() {
			if !known[f] {
				return nil, ui.Fail(ui.CodeRefused, fmt.Errorf("--sign: the policy does not list the key %s", f), "sign with one of its keys, or add the public key to the policy")
			}
		}
	}
	q.quorums = nil
	return q, nil
}

// inspect adds to an audit what the rules need to see.
func (q *requirements) inspect(ctx context.Context, o layout.AuditOptions) layout.AuditOptions {
	q.seen, q.content = nil, nil
	if q.policy == nil && !q.dates.Dated() {
		return o
	}
	q.seen = &policy.Inspector{}
	if q.policy != nil && q.policy.Looks() {
		q.seen.Budget = sniff.NewBudget(ctx, sniff.Limits{})
	}
	for _, in := range o.Inspectors {
		if c, ok := in.(*artifact.Inspection); ok {
			q.content = c // it makes a notice of secrets, and the policy refuses them
		}
	}
	o.Inspectors = append(o.Inspectors, q.seen)
	return o
}

// check is the last word on a source that is whole.
func (q *requirements) check(ctx context.Context, r *layout.Report, ref string) error {
	if q == nil || q.seen == nil {
		return nil
	}
	in, err := q.seen.Input(ctx, r, kinds.Word)
	if err != nil {
		return err
	}
	in.Size, in.Now = q.size, q.e.Now()
	if q.content != nil {
		q.ofContent(in)
	}
	refused := &ui.Refusal{}
	if q.policy != nil {
		refused.Violations = q.policy.Judge(in)
	}
	q.dates.Judge(in.Chosen(r.Index, ref), in.Now, func(rule, where, format string, args ...any) {
		flag := map[string]string{"dates": "date", "dates.min": "--min-date", "dates.maxAge": "--max-age"}[rule]
		refused.Violations = append(refused.Violations, policy.Violation{Rule: flag, Where: where, What: fmt.Sprintf(format, args...)})
	})
	if len(refused.Violations) == 0 {
		return nil
	}
	return refused
}

// ofContent adds what is known of the content: its own dates, and secrets.
func (q *requirements) ofContent(in *policy.Input) {
	dates := map[digest.Digest]time.Time{}
	for _, f := range q.content.Findings() {
		if t, err := policy.ParseDate(f.Date); err == nil {
			dates[f.Digest] = t
		}
		for _, p := range f.Secrets {
			in.Secrets = append(in.Secrets, ui.PrintableLine(fmt.Sprintf("%s of %s, in %s", p.Path, f.Digest, ui.Count(int(p.Count), f.Entry))))
		}
	}
	in.SetDates(dates)
}

// measure notes how large a bundle is as it lies there, if a rule is on that.
func (q *requirements) measure(size func() (int64, error)) (err error) {
	if q != nil && q.seen != nil && q.policy != nil && q.policy.MaxBundle > 0 {
		q.size, err = size()
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

// checkOutput asks a policy about an archive that has been written and has not
// got its name yet, by reading it as the other side will.
func checkOutput(e *ui.Env, ctx context.Context, q *requirements, out bundle.Target) error {
	if q == nil {
		return nil
	}
	f, ok := out.(*ui.Output)
	if !ok {
		return nil
	}
	info, err := f.F.Stat()
	if err != nil {
		return f.Err(err)
	}
	written := io.NewSectionReader(f.F, 0, info.Size())
	return q.examine(ctx, f.Name, func(ctx context.Context, o layout.AuditOptions) (*layout.Report, error) {
		return bundle.Verify(ctx, written, o)
	}, func() (int64, error) { return written.Size(), nil })
}

// checkLayout asks it about a layout directory at its Commit.
func checkLayout(e *ui.Env, q *requirements, w *layout.Writer) {
	if q == nil {
		return
	}
	w.CheckWith(func(ctx context.Context, r *layout.Reader) error {
		return q.examine(ctx, "", r.Audit, r.Size)
	})
}

func (q *requirements) examine(ctx context.Context, name string, audit func(context.Context, layout.AuditOptions) (*layout.Report, error), size func() (int64, error)) error {
	o, err := q.begin(ctx, &source{name: "-", e: q.e}, layout.AuditOptions{Inspectors: inspectors()})
	if err != nil {
		return err
	}
	report, err := audit(ctx, o)
	if err == nil {
		err = report.Err()
	}
	if err == nil {
		err = q.measure(size)
	}
	if err == nil {
		err = q.check(ctx, report, "")
	}
	if err == nil || name == "" {
		return err
	}
	return ui.Wrap(name, err)
}

// prepare lets a layout directory that bundle writes be signed and checked.
func (b *bundling) prepare(w *layout.Writer) {
	if b.sign != nil {
		w.SignWith(b.sign.sign)
	}
	checkLayout(b.e, b.required, w)
}
