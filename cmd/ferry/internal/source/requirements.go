package source

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"strings"

	"github.com/urfave/cli/v2"

	"github.com/ociferry/ferry/bundle"
	"github.com/ociferry/ferry/cmd/ferry/internal/ui"
	"github.com/ociferry/ferry/layout"
	"github.com/ociferry/ferry/layout/artifact"
	"github.com/ociferry/ferry/layout/policy"
	"github.com/ociferry/ferry/layout/signature"
)

// RequirementFlags say who must have signed a source, and what may be in it.
func RequirementFlags() []cli.Flag {
	return []cli.Flag{
		&cli.StringSliceFlag{Name: "key", Aliases: []string{"k"}, Usage: "refuse it unless the public key in `FILE` has signed it; may be repeated"},
		&cli.IntFlag{Name: "require", Value: 1, Usage: "by how many different ones of the keys it must be signed"},
		&cli.StringSliceFlag{Name: "signature", Usage: "a signature that came beside it, in `FILE`; may be repeated"},
		PolicyFlag(),
		&cli.StringFlag{Name: "min-date", Usage: "refuse an artifact that is older than `DATE`, such as the one that is there already"},
		&cli.StringFlag{Name: "max-age", Usage: "refuse an artifact that is older than `AGE`, such as 30d"},
	}
}

func PolicyFlag() cli.Flag {
	return &cli.StringFlag{Name: "policy", Usage: "refuse what the rules in `FILE`, a ferry.policy.yaml, do not allow"}
}

// Requirements are what a user asks of a source beyond that it is whole. nil
// requirements ask nothing.
type Requirements struct {
	Env      *ui.Env
	quorums  []quorum
	detached []signature.File
	dates    policy.Dates
	policy   *policy.Policy
	seen     *policy.Inspector    // nil while no rule needs it
	content  *artifact.Inspection // of the audit; nil when nobody looks into the payloads
	size     int64                // of the bundle, in bytes
	signers  []string             // fingerprints, once the signature holds
}

// A quorum is a number of signatures by different ones of some keys.
type quorum struct {
	keys []*signature.PublicKey
	need int
	from []string // the files of the keys, where the command line names them
}

// NewRequirements reads what requirementFlags say.
func NewRequirements(e *ui.Env, c *cli.Context) (*Requirements, error) {
	q := &Requirements{Env: e}
	var err error
	if q.dates.Min, err = policy.ParseDate(c.String("min-date")); err != nil {
		return nil, ui.Misuse(fmt.Errorf("--min-date %w", err), "")
	}
	if q.dates.MaxAge, err = policy.ParseAge(c.String("max-age")); err != nil {
		return nil, ui.Misuse(fmt.Errorf("--max-age %w", err), "")
	}
	keys := c.StringSlice("key")
	if d := (quorum{need: c.Int("require"), from: keys}); len(keys) > 0 {
		if d.keys, err = publicKeys(keys); err != nil {
			return nil, err
		}
		if n := different(d.keys); d.need < 1 || d.need > n {
			return nil, ui.Misuse(fmt.Errorf("--require %d: want a number from 1 to that of the different keys, which is %d", d.need, n), "give each key with --key")
		}
		q.quorums = append(q.quorums, d)
	} else if c.IsSet("require") {
		return nil, ui.Misuse(errors.New("--require: no keys are given"), "give each key with --key")
	}
	if name := c.String("policy"); name != "" {
		if err := q.readPolicy(name); err != nil {
			return nil, err
		}
	}
	return q, q.readSignatures(c.StringSlice("signature"))
}

func publicKeys(names []string) (keys []*signature.PublicKey, err error) {
	for _, n := range names {
		k, err := PublicKey(n)
		if err != nil {
			return nil, err
		}
		keys = append(keys, k)
	}
	return keys, nil
}

func different(keys []*signature.PublicKey) int {
	m := map[string]bool{}
	for _, k := range keys {
		m[k.Fingerprint()] = true
	}
	return len(m)
}

func (q *Requirements) readSignatures(names []string) error {
	if len(names) > 0 && len(q.quorums) == 0 {
		return ui.Misuse(errors.New("--signature: no key is given to check it with"), "--key names the public key")
	}
	if len(names) > layout.MaxSignatures {
		return ui.Misuse(fmt.Errorf("--signature: %d files, the limit is %d", len(names), layout.MaxSignatures), "")
	}
	for _, n := range names {
		data, err := ui.ReadSmall(n, signature.MaxSize)
		if err != nil {
			return err
		}
		q.detached = append(q.detached, signature.File{Name: layout.Printable(n), Data: data})
	}
	return nil
}

// judge wants the signatures of every quorum over the seal.
func (q *Requirements) judge(seal []byte, carried []layout.Signature) error {
	files := append([]signature.File{}, q.detached...)
	for _, s := range carried {
		files = append(files, signature.File(s))
	}
	q.signers = nil
	for _, d := range q.quorums {
		good, err := signature.Check(seal, files, d.keys, d.need)
		if err != nil {
			return refusedSignature(err)
		}
		for _, k := range good {
			q.signer(k.Fingerprint())
		}
	}
	return nil
}

func (q *Requirements) signer(fingerprint string) {
	for _, s := range q.signers {
		if s == fingerprint {
			return
		}
	}
	q.signers = append(q.signers, fingerprint)
}

// refusedSignature gives a refusal its next step.
func refusedSignature(err error) error {
	hint := "do not use it: get it anew from who packed it"
	switch {
	case errors.Is(err, signature.ErrUnsigned):
		hint = "have it signed with ferry sign, or give the signature that came beside it with --signature FILE"
	case errors.Is(err, signature.ErrTooFew):
		hint = "have the others sign it too, with ferry sign"
	case errors.Is(err, signature.ErrOtherContent):
		hint = "the signature belongs to another bundle, or this one was changed and sealed again: get both anew"
	case errors.Is(err, signature.ErrOtherKey):
		hint = "ask who packed it, by another way, for the fingerprint of their key; never take a key from where the bundle came"
	}
	return ui.Fail(ui.CodeRefused, err, hint)
}

// begin adds to an audit what the requirements ask.
func (q *Requirements) begin(ctx context.Context, in *bundle.Source, o layout.AuditOptions) (layout.AuditOptions, error) {
	if q == nil {
		return o, nil
	}
	o = q.inspect(ctx, o)
	if len(q.quorums) == 0 {
		return o, nil
	}
	return in.Trust(ctx, o, q.judge)
}

// Line is what is said at the end.
func (q *Requirements) Line() string {
	if q == nil || len(q.signers) == 0 {
		return "ok: integrity checked, origin not checked"
	}
	return "ok: integrity checked, signed by " + strings.Join(q.signers, " and ")
}

// SignedBy are the fingerprints of the keys that were asked for and did sign.
func (q *Requirements) SignedBy() []string {
	if q == nil {
		return nil
	}
	return q.signers
}

// Files are the public keys and signatures that the command line names, without
// directories, and how many of the keys must have signed.
func (q *Requirements) Files() (keys, signatures []string, need int) {
	if q == nil {
		return nil, nil, 0
	}
	for _, d := range q.quorums {
		for _, n := range d.from {
			keys, need = append(keys, filepath.Base(n)), d.need
		}
	}
	for _, f := range q.detached {
		signatures = append(signatures, filepath.Base(f.Name))
	}
	return keys, signatures, need
}

// Unchecked says that nobody looked at the signatures of a source.
func (q *Requirements) Unchecked(r *layout.Report) {
	if n := len(r.Signatures); n > 0 && len(q.quorums) == 0 {
		q.Env.Note("it carries %s that nobody checked: --key names the public key that you have from who packed it", ui.Count(n, "signature"))
	}
}
