package output

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

// PrivateKey opens a private key, and asks for its password if it has one.
func PrivateKey(e *ui.Env, ctx context.Context, name string, fromStdin bool) (*signature.PrivateKey, error) {
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

// Signer is what --sign asks for, and makes signatures with it.
type Signer struct {
	Keys  []*signature.PrivateKey
	Names []string // of their files
}

func SignFlags() []cli.Flag {
	return []cli.Flag{
		&cli.StringSliceFlag{Name: "sign", Usage: "sign it with the private key in `FILE`; may be repeated"},
		ui.PasswordFlag(),
	}
}

// NewSigner opens the keys of --sign, before any work is done. It is nil when
// there are none.
func NewSigner(e *ui.Env, c *cli.Context) (*Signer, error) {
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
	s := &Signer{Names: names}
	for _, n := range names {
		k, err := PrivateKey(e, c.Context, n, c.Bool("password-stdin"))
		if err != nil {
			return nil, err
		}
		s.Keys = append(s.Keys, k)
	}
	return s, nil
}

// Add adds a signature with each key to those that there are. One that the key
// made before is replaced; those that do not belong to the seal go.
func (s *Signer) Add(seal []byte, have []layout.Signature) ([]layout.Signature, error) {
	var data [][]byte
	for _, h := range have {
		p, err := signature.Parse(h.Data)
		if err != nil || errors.Is(p.Verify(seal, s.Keys[0].Public()), signature.ErrOtherContent) {
			continue
		}
		mine := false
		for _, k := range s.Keys {
			mine = mine || p.Verify(seal, k.Public()) == nil
		}
		if !mine {
			data = append(data, h.Data)
		}
	}
	for _, k := range s.Keys {
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

// SignNew makes the signatures of a new seal.
func (s *Signer) SignNew(seal []byte) ([]layout.Signature, error) { return s.Add(seal, nil) }

// KeyFlags ask for what was signed, with the public keys that lie beside the
// private ones, or a word in their place: without directories, which are of this
// side.
func (s *Signer) KeyFlags() string {
	flags := ""
	seen := map[string]bool{}
	for i, k := range s.Keys {
		if seen[k.Public().Fingerprint()] {
			continue
		}
		seen[k.Public().Fingerprint()] = true
		name := strings.TrimSuffix(s.Names[i], ".key") + ".pub"
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

// Fingerprints are those of the keys.
func (s *Signer) Fingerprints() []string {
	if s == nil {
		return nil
	}
	var all []string
	for _, k := range s.Keys {
		all = append(all, k.Public().Fingerprint())
	}
	return all
}
