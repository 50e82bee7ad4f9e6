package main

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"runtime/debug"
	"strings"

	"github.com/urfave/cli/v2"

	"github.com/ociferry/ferry/cmd/ferry/internal/source"
	"github.com/ociferry/ferry/cmd/ferry/internal/ui"
	"github.com/ociferry/ferry/layout"
	"github.com/ociferry/ferry/layout/signature"
)

// privateKey opens a private key, and asks for its password if it has one.
func privateKey(e *ui.Env, ctx context.Context, name string, fromStdin bool) (*signature.PrivateKey, error) {
	data, err := ui.ReadSmall(name, signature.MaxKeyFile)
	if err != nil {
		return nil, err
	}
	var password []byte
	_, given := e.Lookup("COSIGN_PASSWORD")
	if signature.NeedsPassword(data) || fromStdin || given {
		if password, err = e.Password(ctx, fromStdin, false); err != nil {
			return nil, err
		}
	}
	k, err := signature.ParsePrivateKey(data, password)
	debug.FreeOSMemory() // the 64 MiB of scrypt, which the rest of the run would be short of
	switch {
	case errors.Is(err, signature.ErrPassword):
		return nil, ui.Hinted(ui.Wrap(name, err), ui.PasswordHint)
	case err != nil:
		return nil, ui.Misuse(ui.Wrap(name, err), "give the private key, cosign.key, as ferry keygen, cosign or zarf tools gen-key wrote it")
	}
	return k, nil
}

// signing is what --sign asks for, and makes signatures with it.
type signing struct {
	keys  []*signature.PrivateKey
	names []string // of their files
}

func signFlags() []cli.Flag {
	return []cli.Flag{
		&cli.StringSliceFlag{Name: "sign", Usage: "sign it with the private key in `FILE`; may be repeated"},
		ui.PasswordFlag(),
	}
}

// newSigning opens the keys of --sign, before any work is done. It is nil when
// there are none.
func newSigning(e *ui.Env, c *cli.Context) (*signing, error) {
	names := c.StringSlice("sign")
	if len(names) == 0 {
		if c.Bool("password-stdin") {
			return nil, ui.Misuse(errors.New("--password-stdin: there is no private key to open; --sign names one"), "")
		}
		return nil, nil
	}
	if len(names) > layout.MaxSignatures {
		return nil, ui.Misuse(fmt.Errorf("--sign: %d keys, the limit is %d", len(names), layout.MaxSignatures), "")
	}
	if len(names) > 1 && c.Bool("password-stdin") {
		return nil, ui.Misuse(errors.New("--password-stdin: there are several keys"), "sign with one, and add the others with ferry sign")
	}
	s := &signing{names: names}
	for _, n := range names {
		k, err := privateKey(e, c.Context, n, c.Bool("password-stdin"))
		if err != nil {
			return nil, err
		}
		s.keys = append(s.keys, k)
	}
	return s, nil
}

// add adds a signature with each key to those that there are. One that the key
// made before is replaced; those that do not belong to the seal go.
func (s *signing) add(seal []byte, have []layout.Signature) ([]layout.Signature, error) {
	var data [][]byte
	for _, h := range have {
		p, err := signature.Parse(h.Data)
		if err != nil || errors.Is(p.Verify(seal, s.keys[0].Public()), signature.ErrOtherContent) {
			continue
		}
		mine := false
		for _, k := range s.keys {
			mine = mine || p.Verify(seal, k.Public()) == nil
		}
		if !mine {
			data = append(data, h.Data)
		}
	}
	for _, k := range s.keys {
		d, err := k.Sign(seal)
		if err != nil {
			return nil, err
		}
		data = append(data, d)
	}
	if len(data) > layout.MaxSignatures {
		return nil, ui.Hinted(fmt.Errorf("%d signatures would be in it, the limit is %d", len(data), layout.MaxSignatures), "ferry sign -o FILE writes the signature beside it")
	}
	var all []layout.Signature
	for i, d := range data {
		all = append(all, layout.Signature{Name: layout.SignatureFile(i + 1), Data: d})
	}
	return all, nil
}

// sign makes the signatures of a new seal.
func (s *signing) sign(seal []byte) ([]layout.Signature, error) { return s.add(seal, nil) }

// keyFlags ask for what was signed, with the public keys that lie beside the
// private ones, or a word in their place: without directories, which are of this
// side.
func (s *signing) keyFlags() string {
	flags := ""
	seen := map[string]bool{}
	for i, k := range s.keys {
		if seen[k.Public().Fingerprint()] {
			continue
		}
		seen[k.Public().Fingerprint()] = true
		name := strings.TrimSuffix(s.names[i], ".key") + ".pub"
		if p, err := source.PublicKey(name); err != nil || p.Fingerprint() != k.Public().Fingerprint() {
			if name = "KEY.pub"; len(seen) > 1 {
				name = fmt.Sprintf("KEY%d.pub", len(seen))
			}
		}
		flags += " --key " + ui.ShellWord(filepath.Base(name))
	}
	if len(seen) > 1 {
		flags += fmt.Sprintf(" --require %d", len(seen))
	}
	return flags
}

// fingerprints are those of the keys.
func (s *signing) fingerprints() []string {
	if s == nil {
		return nil
	}
	var all []string
	for _, k := range s.keys {
		all = append(all, k.Public().Fingerprint())
	}
	return all
}
