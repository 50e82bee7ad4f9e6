package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/urfave/cli/v2"

	"github.com/ociferry/ferry/bundle"
	"github.com/ociferry/ferry/layout"
	"github.com/ociferry/ferry/layout/policy"
	"github.com/ociferry/ferry/layout/signature"
)

// trustFlags say who must have signed a source, and what may be in it.
func trustFlags() []cli.Flag {
	return []cli.Flag{
		&cli.StringSliceFlag{Name: "key", Aliases: []string{"k"}, Usage: "refuse it unless the public key in `FILE` has signed it; may be repeated"},
		&cli.IntFlag{Name: "require", Value: 1, Usage: "by how many different ones of the keys it must be signed"},
		&cli.StringSliceFlag{Name: "signature", Usage: "a signature that came beside it, in `FILE`; may be repeated"},
		policyFlag(),
		&cli.StringFlag{Name: "min-date", Usage: "refuse an artifact that is older than `DATE`, such as the one that is there already"},
		&cli.StringFlag{Name: "max-age", Usage: "refuse an artifact that is older than `AGE`, such as 30d"},
	}
}

func policyFlag() cli.Flag {
	return &cli.StringFlag{Name: "policy", Usage: "refuse what the rules in `FILE`, a ferry.policy.yaml, do not allow"}
}

// A trust is what a user asks of a source beyond that it is whole. A nil trust
// asks nothing.
type trust struct {
	e        *env
	demands  []demand
	detached []signature.File
	dates    policy.Dates
	policy   *policy.Policy
	facts    *facts
	signers  []string // fingerprints, once the signature holds
}

// A demand is a number of signatures by different ones of some keys.
type demand struct {
	keys []*signature.PublicKey
	need int
	from []string // the files of the keys, where the command line names them
}

// trust reads what trustFlags say.
func (e *env) trust(c *cli.Context) (*trust, error) {
	t := &trust{e: e}
	var err error
	if t.dates.Min, err = policy.ParseDate(c.String("min-date")); err != nil {
		return nil, misuse(fmt.Errorf("--min-date %w", err), "")
	}
	if t.dates.MaxAge, err = policy.ParseAge(c.String("max-age")); err != nil {
		return nil, misuse(fmt.Errorf("--max-age %w", err), "")
	}
	keys := c.StringSlice("key")
	if d := (demand{need: c.Int("require"), from: keys}); len(keys) > 0 {
		if d.keys, err = publicKeys(keys); err != nil {
			return nil, err
		}
		if n := different(d.keys); d.need < 1 || d.need > n {
			return nil, misuse(fmt.Errorf("--require %d: want a number from 1 to that of the different keys, which is %d", d.need, n), "give each key with --key")
		}
		t.demands = append(t.demands, d)
	} else if c.IsSet("require") {
		return nil, misuse(errors.New("--require: no keys are given"), "give each key with --key")
	}
	if name := c.String("policy"); name != "" {
		if err := t.readPolicy(name); err != nil {
			return nil, err
		}
	}
	return t, t.readSignatures(c.StringSlice("signature"))
}

func publicKeys(names []string) (keys []*signature.PublicKey, err error) {
	for _, n := range names {
		k, err := publicKey(n)
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

func (t *trust) readSignatures(names []string) error {
	if len(names) > 0 && len(t.demands) == 0 {
		return misuse(errors.New("--signature: no key is given to check it with"), "--key names the public key")
	}
	if len(names) > layout.MaxSignatures {
		return misuse(fmt.Errorf("--signature: %d files, the limit is %d", len(names), layout.MaxSignatures), "")
	}
	for _, n := range names {
		data, err := readSmall(n, signature.MaxSize)
		if err != nil {
			return err
		}
		t.detached = append(t.detached, signature.File{Name: layout.Printable(n), Data: data})
	}
	return nil
}

// judge wants the signatures that were demanded over the seal.
func (t *trust) judge(seal []byte, carried []layout.Signature) error {
	files := append([]signature.File{}, t.detached...)
	for _, s := range carried {
		files = append(files, signature.File(s))
	}
	t.signers = nil
	for _, d := range t.demands {
		good, err := signature.Check(seal, files, d.keys, d.need)
		if err != nil {
			return refusedSignature(err)
		}
		for _, k := range good {
			t.signer(k.Fingerprint())
		}
	}
	return nil
}

func (t *trust) signer(fingerprint string) {
	for _, s := range t.signers {
		if s == fingerprint {
			return
		}
	}
	t.signers = append(t.signers, fingerprint)
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
	return &failure{codeRefused, err, hint}
}

// begin adds to an audit what the trust asks.
func (t *trust) begin(ctx context.Context, s *source, o layout.AuditOptions) (layout.AuditOptions, error) {
	if t == nil {
		return o, nil
	}
	if t.facts = t.newFacts(o.Inspectors); t.facts != nil {
		o.Inspectors = append(o.Inspectors, t.facts)
	}
	if len(t.demands) == 0 {
		return o, nil
	}
	if info, err := os.Stat(s.name); s.dir || s.name == "-" || err == nil && !info.Mode().IsRegular() {
		o.Trust = t.judge
		return o, nil
	}
	f, err := s.open(ctx)
	if err != nil {
		return o, err
	}
	defer f.Close()
	o.Seal, err = bundle.Trusted(ctx, f, t.judge)
	return o, err
}

// check is the last word on a source that is whole; dir is its directory, if it
// is one.
func (t *trust) check(r *layout.Report, ref, dir string) error {
	if t == nil || t.facts == nil {
		return nil
	}
	if dir != "" && !r.Sealed {
		err := besides(dir, func(name string, size int64) {
			t.facts.files = append(t.facts.files, policy.File{Name: name, Size: size})
		})
		if err != nil {
			return err
		}
	}
	return t.facts.judge(r, ref)
}

// line is what is said at the end.
func (t *trust) line() string {
	if t == nil || len(t.signers) == 0 {
		return "ok: integrity checked, origin not checked"
	}
	return "ok: integrity checked, signed by " + strings.Join(t.signers, " and ")
}

// signedBy are the fingerprints of the keys that were asked for and did sign.
func (t *trust) signedBy() []string {
	if t == nil {
		return nil
	}
	return t.signers
}

// files are the public keys and signatures that the command line names, without
// directories, and how many of the keys must have signed.
func (t *trust) files() (keys, signatures []string, need int) {
	if t == nil {
		return nil, nil, 0
	}
	for _, d := range t.demands {
		for _, n := range d.from {
			keys, need = append(keys, filepath.Base(n)), d.need
		}
	}
	for _, f := range t.detached {
		signatures = append(signatures, filepath.Base(f.Name))
	}
	return keys, signatures, need
}

// unchecked says that nobody looked at the signatures of a source.
func (t *trust) unchecked(r *layout.Report) {
	if n := len(r.Signatures); n > 0 && len(t.demands) == 0 {
		t.e.note("it carries %s that nobody checked: --key names the public key that you have from who packed it", count(n, "signature"))
	}
}
