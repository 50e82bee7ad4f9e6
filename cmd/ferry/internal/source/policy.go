package source

import (
	"context"
	"fmt"
	"io"
	"path/filepath"
	"strings"
	"time"

	"github.com/opencontainers/go-digest"
	"github.com/urfave/cli/v2"

	"github.com/ociferry/ferry/bundle"
	"github.com/ociferry/ferry/cmd/ferry/internal/ui"
	"github.com/ociferry/ferry/layout"
	"github.com/ociferry/ferry/layout/artifact"
	"github.com/ociferry/ferry/layout/durable"
	"github.com/ociferry/ferry/layout/kinds"
	"github.com/ociferry/ferry/layout/policy"
	"github.com/ociferry/ferry/layout/signature"
	"github.com/ociferry/ferry/layout/sniff"
)

// readPolicy reads a policy and the keys that it names.
func (q *Requirements) readPolicy(name string) error {
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

// NewWriterRequirements is a policy on what pack and bundle write. Its rule on
// signatures they cannot keep, since others sign later; but they refuse to sign
// with a key that it does not list.
func NewWriterRequirements(e *ui.Env, c *cli.Context, signers []string) (*Requirements, error) {
	name := c.String("policy")
	if name == "" {
		return nil, nil
	}
	if c.String("output") == "-" || c.Bool("append") {
		return nil, ui.Misuse(fmt.Errorf("--policy: not with -o - or --append, which cannot take back what was written"), "write it to a file of its own first")
	}
	q := &Requirements{Env: e}
	if err := q.readPolicy(name); err != nil {
		return nil, err
	}
	for _, d := range q.quorums {
		known := map[string]bool{}
		for _, k := range d.keys {
			known[k.Fingerprint()] = true
		}
		for _, f := range signers {
			if !known[f] {
				return nil, ui.Fail(ui.CodeRefused, fmt.Errorf("--sign: the policy does not list the key %s", f), "sign with one of its keys, or add the public key to the policy")
			}
		}
	}
	q.quorums = nil
	return q, nil
}

// inspect adds to an audit what the rules need to see.
func (q *Requirements) inspect(ctx context.Context, o layout.AuditOptions) layout.AuditOptions {
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
func (q *Requirements) check(ctx context.Context, r *layout.Report, ref string) error {
	if q == nil || q.seen == nil {
		return nil
	}
	in, err := q.seen.Input(ctx, r, kinds.All.Word)
	if err != nil {
		return err
	}
	in.Size, in.Now = q.size, q.Env.Now()
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
func (q *Requirements) ofContent(in *policy.Input) {
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
func (q *Requirements) measure(size func() (int64, error)) (err error) {
	if q != nil && q.seen != nil && q.policy != nil && q.policy.MaxBundle > 0 {
		q.size, err = size()
	}
	return err
}

// CheckOutput asks a policy about an archive that has been written and has not
// got its name yet, by reading it as the other side will.
func CheckOutput(ctx context.Context, q *Requirements, f *durable.File) error {
	if q == nil {
		return nil
	}
	info, err := f.Stat()
	if err != nil {
		return ui.Wrap(f.Name(), err)
	}
	written := io.NewSectionReader(f, 0, info.Size())
	return q.examine(ctx, f.Name(), func(ctx context.Context, o layout.AuditOptions) (*layout.Report, error) {
		return bundle.Verify(ctx, written, o)
	}, func() (int64, error) { return written.Size(), nil })
}

// CheckLayout asks it about a layout directory before that gets its name: see
// layout.CommitOptions.
func CheckLayout(q *Requirements) func(context.Context, *layout.Reader) error {
	if q == nil {
		return nil
	}
	return func(ctx context.Context, r *layout.Reader) error {
		return q.examine(ctx, "", r.Audit, r.Size)
	}
}

func (q *Requirements) examine(ctx context.Context, name string, audit func(context.Context, layout.AuditOptions) (*layout.Report, error), size func() (int64, error)) error {
	report, err := audit(ctx, q.inspect(ctx, layout.AuditOptions{Inspectors: Inspectors()}))
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
