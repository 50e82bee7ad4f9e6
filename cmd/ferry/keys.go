package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"runtime/debug"
	"strings"

	"github.com/urfave/cli/v2"
	"golang.org/x/term"

	"github.com/ociferry/ferry/layout"
	"github.com/ociferry/ferry/layout/signature"
)

const passwordHint = "set COSIGN_PASSWORD, hand it over with --password-stdin, or run it on a terminal, which asks for it; it is never an argument, which other users could see"

func passwordFlag() cli.Flag {
	return &cli.BoolFlag{Name: "password-stdin", Usage: "read the private key's password from standard input"}
}

// password is that of a private key: from standard input, the environment, or
// a terminal. A new one is asked for twice.
func (e *env) password(ctx context.Context, fromStdin, fresh bool) ([]byte, error) {
	if fromStdin {
		data, err := readLimited(e.stdin, 1<<10)
		if err != nil {
			return nil, fmt.Errorf("--password-stdin: %w", err)
		}
		data = bytes.TrimSuffix(data, []byte("\n"))
		return bytes.TrimSuffix(data, []byte("\r")), nil
	}
	if p, ok := e.lookup("COSIGN_PASSWORD"); ok {
		return []byte(p), nil
	}
	if e.ask == nil {
		return nil, misuse(errors.New("the private key wants a password, and there is no terminal to ask for it"), passwordHint)
	}
	p, err := e.ask(ctx, "password of the private key: ")
	if err != nil || !fresh {
		return p, err
	}
	again, err := e.ask(ctx, "the same again: ")
	if err == nil && !bytes.Equal(p, again) {
		err = misuse(errors.New("the two passwords differ"), "run it again")
	}
	return p, err
}

var errNoTerminal = misuse(errors.New("the private key wants a password, and there is no terminal to ask for it"), passwordHint)

// askTerminal asks on the terminal without showing what is typed, also where
// standard input is something else.
func askTerminal(ctx context.Context, prompt string) ([]byte, error) {
	in, out := os.Stdin, os.Stderr
	if tty, err := os.OpenFile("/dev/tty", os.O_RDWR, 0); err == nil {
		defer tty.Close()
		in, out = tty, tty
	}
	fd := int(in.Fd())
	before, err := term.GetState(fd)
	if err != nil {
		return nil, errNoTerminal
	}
	type answer struct {
		p   []byte
		err error
	}
	c := make(chan answer, 1)
	fmt.Fprint(out, prompt)
	go func() {
		p, err := term.ReadPassword(fd)
		c <- answer{p, err}
	}()
	select {
	case a := <-c:
		fmt.Fprintln(out)
		return a.p, a.err
	case <-ctx.Done(): // the terminal shows again what is typed
		term.Restore(fd, before)
		fmt.Fprintln(out)
		return nil, context.Cause(ctx)
	}
}

// readLimited reads all of a small file. More than limit bytes is an error.
func readLimited(r io.Reader, limit int64) ([]byte, error) {
	data, err := io.ReadAll(io.LimitReader(r, limit+1))
	if err == nil && int64(len(data)) > limit {
		err = fmt.Errorf("too large, the limit is %d bytes", limit)
	}
	return data, err
}

// readSmall reads a small file by its name.
func readSmall(name string, limit int64) ([]byte, error) {
	info, err := os.Stat(name)
	if err != nil {
		return nil, err
	}
	if !info.Mode().IsRegular() {
		return nil, misuse(fmt.Errorf("%s: want a file", layout.Printable(name)), "")
	}
	f, err := os.Open(name)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	data, err := readLimited(f, limit)
	return data, in(name, err)
}

// publicKey reads a public key that the command line or a policy names.
func publicKey(name string) (*signature.PublicKey, error) {
	data, err := readSmall(name, signature.MaxKeyFile)
	if err != nil {
		return nil, err
	}
	k, err := signature.ParsePublicKey(data)
	if err != nil {
		return nil, misuse(in(name, err), "give the public key, cosign.pub, as ferry keygen or cosign generate-key-pair wrote it")
	}
	return k, nil
}

// privateKey opens a private key, and asks for its password if it has one.
func (e *env) privateKey(ctx context.Context, name string, fromStdin bool) (*signature.PrivateKey, error) {
	data, err := readSmall(name, signature.MaxKeyFile)
	if err != nil {
		return nil, err
	}
	var password []byte
	_, given := e.lookup("COSIGN_PASSWORD")
	if signature.NeedsPassword(data) || fromStdin || given {
		if password, err = e.password(ctx, fromStdin, false); err != nil {
			return nil, err
		}
	}
	k, err := signature.ParsePrivateKey(data, password)
	debug.FreeOSMemory() // the 64 MiB of scrypt, which the rest of the run would be short of
	switch {
	case errors.Is(err, signature.ErrPassword):
		return nil, hinted(in(name, err), passwordHint)
	case err != nil:
		return nil, misuse(in(name, err), "give the private key, cosign.key, as ferry keygen, cosign or zarf tools gen-key wrote it")
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
		passwordFlag(),
	}
}

// signing opens the keys of --sign, before any work is done. It is nil when
// there are none.
func (e *env) signing(c *cli.Context) (*signing, error) {
	names := c.StringSlice("sign")
	if len(names) == 0 {
		if c.Bool("password-stdin") {
			return nil, misuse(errors.New("--password-stdin: there is no private key to open; --sign names one"), "")
		}
		return nil, nil
	}
	if len(names) > layout.MaxSignatures {
		return nil, misuse(fmt.Errorf("--sign: %d keys, the limit is %d", len(names), layout.MaxSignatures), "")
	}
	if len(names) > 1 && c.Bool("password-stdin") {
		return nil, misuse(errors.New("--password-stdin: there are several keys"), "sign with one, and add the others with ferry sign")
	}
	s := &signing{names: names}
	for _, n := range names {
		k, err := e.privateKey(c.Context, n, c.Bool("password-stdin"))
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
		return nil, hinted(fmt.Errorf("%d signatures would be in it, the limit is %d", len(data), layout.MaxSignatures), "ferry sign -o FILE writes the signature beside it")
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
		if p, err := publicKey(name); err != nil || p.Fingerprint() != k.Public().Fingerprint() {
			if name = "KEY.pub"; len(seen) > 1 {
				name = fmt.Sprintf("KEY%d.pub", len(seen))
			}
		}
		flags += " --key " + shellWord(filepath.Base(name))
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

// lookup is an environment variable, and whether it is set.
func (e *env) lookup(name string) (string, bool) {
	if e.lookupEnv != nil {
		return e.lookupEnv(name)
	}
	v := e.getenv(name)
	return v, v != ""
}
