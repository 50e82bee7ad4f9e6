package main

import (
	"errors"
	"fmt"
	"io/fs"
	"os"

	"github.com/urfave/cli/v2"

	"github.com/ociferry/ferry/cmd/ferry/internal/output"
	"github.com/ociferry/ferry/cmd/ferry/internal/ui"
	"github.com/ociferry/ferry/layout"
	"github.com/ociferry/ferry/layout/durable"
	"github.com/ociferry/ferry/layout/signature"
)

func keygenCommand(e *ui.Env) *cli.Command {
	return &cli.Command{
		Name:      "keygen",
		Usage:     "make a key pair to sign bundles with",
		ArgsUsage: " ",
		Description: "Example: ferry keygen -o release\n\n" +
			"Writes PREFIX.key, the private key under a password, and PREFIX.pub. They are of the form of\n" +
			"cosign generate-key-pair and zarf tools gen-key: one key signs here, there and in Zarf. The\n" +
			"password comes from a terminal, --password-stdin or COSIGN_PASSWORD. Carry the public key, or\n" +
			"its fingerprint, to the other side once, by another way than the bundles.",
		Flags: []cli.Flag{
			&cli.StringFlag{Name: "output", Aliases: []string{"o"}, Value: "cosign", Usage: "write `PREFIX`.key and PREFIX.pub"},
			&cli.StringFlag{Name: "type", Value: "p256", Usage: "p256 (ECDSA, what Zarf and cosign make) or ed25519"},
			ui.PasswordFlag(),
			ui.OverwriteFlag("existing keys"),
			ui.FormatFlag(),
		},
		Action: func(c *cli.Context) error {
			if c.NArg() > 0 {
				return ui.Misuse(fmt.Errorf("keygen: want no arguments, found %s", ui.Arguments(c)), "-o names the keys")
			}
			types := map[string]signature.Algorithm{"p256": signature.P256, "ed25519": signature.Ed25519}
			algorithm, ok := types[c.String("type")]
			if !ok {
				return ui.Misuse(fmt.Errorf("--type %q: want p256 or ed25519", c.String("type")), "")
			}
			private, public := c.String("output")+".key", c.String("output")+".pub"
			for _, n := range []string{private, public} { // before a password is asked for
				if _, err := os.Lstat(n); err == nil && !c.Bool("overwrite") {
					return ui.Hinted(&fs.PathError{Op: "create", Path: n, Err: fs.ErrExist}, "choose another name with -o; --overwrite makes what the old key signed uncheckable once its public key is gone")
				}
			}
			password, err := e.Password(c.Context, c.Bool("password-stdin"), true)
			if err != nil {
				return err
			}
			key, err := signature.Generate(algorithm)
			if err != nil {
				return err
			}
			pem, err := key.PEM(password)
			if err != nil {
				return err
			}
			o := durable.Options{Overwrite: c.Bool("overwrite")}
			if err := writeKeys(private, pem, public, key.Public().PEM(), o); err != nil {
				return err
			}
			if c.String("format") == "json" {
				return ui.PrintJSON(e.Stdout, struct {
					Private     string `json:"privateKey"`
					Public      string `json:"publicKey"`
					Algorithm   string `json:"algorithm"`
					Fingerprint string `json:"fingerprint"`
				}{private, public, string(algorithm), key.Public().Fingerprint()})
			}
			fmt.Fprintf(e.Stdout, "made a key pair, %s\n", algorithm)
			s := ui.NewTable(e.Stdout)
			s.Row("private", "%s", private)
			s.Row("public", "%s", public)
			s.Row("key", "%s", key.Public().Fingerprint())
			if len(password) == 0 {
				e.Note("the password is empty: whoever can read %s can sign with it", layout.Printable(private))
			}
			e.Next("carry %s to the other side by another way than the bundles, then\n      ferry sign BUNDLE -k %s", layout.Printable(public), ui.ShellWord(private))
			return nil
		},
	}
}

// writeKeys writes both files, each whole or not at all. When the public key
// cannot be written, a new private key goes again.
func writeKeys(private string, key []byte, public string, pub []byte, o durable.Options) error {
	if err := output.WriteSmall(private, key, 0o600, o); err != nil {
		return err
	}
	if err := output.WriteSmall(public, pub, 0o644, o); err != nil {
		if o.Overwrite {
			return err
		}
		return errors.Join(err, os.Remove(private))
	}
	return nil
}
