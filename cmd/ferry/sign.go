package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"

	"github.com/opencontainers/go-digest"
	"github.com/urfave/cli/v2"

	"github.com/ociferry/ferry/bundle"
	"github.com/ociferry/ferry/cmd/ferry/internal/output"
	"github.com/ociferry/ferry/cmd/ferry/internal/source"
	"github.com/ociferry/ferry/cmd/ferry/internal/ui"
	"github.com/ociferry/ferry/layout"
	"github.com/ociferry/ferry/layout/durable"
	"github.com/ociferry/ferry/layout/signature"
)

func signCommand(e *ui.Env) *cli.Command {
	return &cli.Command{
		Name:      "sign",
		Usage:     "sign a bundle, so that the other side knows who packed it",
		ArgsUsage: "SRC -k FILE",
		Description: "Example: ferry sign lei-cache.tar -k cosign.key\n\n" +
			"SRC is verified whole, then its SHA256SUMS is signed, which covers everything in it. The\n" +
			"signature goes into SRC, which is written anew and takes the old one's place when it is whole;\n" +
			"its identity stays. A layout directory is sealed first if need be. Signing again with another\n" +
			"key adds a signature. With -o the signature is written beside it, and SRC stays as it is.\n\n" +
			"cosign checks it too: cosign verify-blob --key cosign.pub --insecure-ignore-tlog\n" +
			"--bundle SHA256SUMS.sigstore.json SHA256SUMS",
		Flags: []cli.Flag{
			&cli.StringFlag{Name: "key", Aliases: []string{"k"}, Usage: "the private key in `FILE`, made by ferry keygen, cosign or zarf"},
			ui.OutputFlag("write the signature to `FILE` and leave SRC as it is"),
			ui.PasswordFlag(),
			ui.OverwriteFlag("an existing FILE"),
			ui.FormatFlag(),
		},
		Action: func(c *cli.Context) error {
			arg, err := ui.OneArg(c, "bundle or layout to sign")
			if err != nil {
				return err
			}
			name := c.String("key")
			if name == "" {
				return ui.Misuse(errors.New("sign: missing -k, the private key"), "ferry keygen makes one")
			}
			src, err := source.Parse(e, arg)
			if err != nil {
				return err
			}
			out := c.String("output")
			switch {
			case src.Ref != "":
				return ui.Misuse(fmt.Errorf("%s: a whole bundle is signed, not one artifact of it", src.Label()), "ferry bundle "+arg+" -o NEW makes a bundle of one")
			case src.Name == "-" && c.Bool("password-stdin"):
				return ui.Misuse(errors.New("standard input cannot be both the bundle and the password"), "set COSIGN_PASSWORD, or give the bundle as a file")
			case src.Name == "-" && out == "":
				return ui.Misuse(errors.New("sign: standard input cannot be written anew"), "-o FILE writes the signature beside it")
			}
			key, err := output.PrivateKey(e, c.Context, name, c.Bool("password-stdin"))
			if err != nil {
				return err
			}
			s := &output.Signer{Keys: []*signature.PrivateKey{key}, Names: []string{name}}
			var id digest.Digest
			switch {
			case out != "":
				id, err = signBeside(c.Context, src, s, out, durable.Options{Overwrite: c.Bool("overwrite")})
			case src.IsDir:
				id, err = signDir(c.Context, src, s, nil)
			default:
				id, err = signArchive(c.Context, src, s)
			}
			if err != nil {
				return err
			}
			return signed(c, e, src, out, id, s)
		},
	}
}

func signed(c *cli.Context, e *ui.Env, src *source.Source, out string, id digest.Digest, by *output.Signer) error {
	fingerprint := by.Fingerprints()[0]
	if c.String("format") == "json" {
		return ui.PrintJSON(e.Stdout, struct {
			Source    string `json:"source"`
			Signature string `json:"signature,omitempty"`
			Identity  string `json:"identity"`
			Key       string `json:"key"`
		}{src.Name, out, string(id), fingerprint})
	}
	fmt.Fprintf(e.Stdout, "signed %s\n", src.Label())
	s := ui.NewTable(e.Stdout)
	more := ""
	if out != "" {
		s.Row("signature", "%s", out)
		more = " --signature " + ui.ShellWord(out)
	}
	s.Row("key", "%s", fingerprint)
	s.Row("identity", "%s", id)
	e.Next("on the other side, with the public key that is there:\n      ferry verify %s%s%s", ui.ShellWord(src.Name), more, by.KeyFlags())
	return nil
}

// signDir signs a layout directory. seal, which may be nil, is told the seal
// instead of any signature being written.
func signDir(ctx context.Context, src *source.Source, s *output.Signer, seal func([]byte)) (digest.Digest, error) {
	w, err := layout.Append(ctx, src.Name, layout.WriterOptions{})
	if err != nil {
		return "", src.Err(err)
	}
	defer w.Close()
	id, err := layout.SignLayout(ctx, w, source.Inspectors(), func(data []byte, have []layout.Signature) ([]layout.Signature, error) {
		if seal != nil {
			seal(data)
			return have, nil
		}
		return s.Add(data, have)
	})
	return id, src.Err(err)
}

// signArchive writes an archive anew, with its signature, in its compression.
func signArchive(ctx context.Context, src *source.Source, s *output.Signer) (id digest.Digest, err error) {
	info, err := os.Lstat(src.Name)
	if err != nil {
		return "", err
	}
	if info.Mode()&fs.ModeSymlink != 0 {
		return "", output.InTheWay(src.Name, false)
	}
	if !info.Mode().IsRegular() {
		return "", ui.Misuse(fmt.Errorf("%s: want a file or a layout directory", src.Label()), "-o FILE writes the signature beside it")
	}
	f, err := src.Open(ctx)
	if err != nil {
		return "", err
	}
	defer f.Close()
	end := source.ShowReading(src.Env, "signing", src)
	defer end()
	err = output.CreateFile(src.Name, durable.Options{Overwrite: true}, func(out *durable.File) error {
		report, err := bundle.Sign(ctx, out, src.Progress.Reader(f), layout.AuditOptions{Inspectors: source.Inspectors()}, s.Add)
		if err == nil {
			err = report.Err()
		}
		if err != nil {
			return signable(src.Err(err))
		}
		id = report.Digest
		return nil
	})
	return id, err
}

// signable says how to sign what has no seal in front.
func signable(err error) error {
	if errors.Is(err, layout.ErrUnsealed) || errors.Is(err, layout.ErrEarly) {
		return ui.Fail(ui.CodeFailed, err, "ferry bundle SRC -o NEW.tar --sign KEY writes it anew, sealed and signed")
	}
	return err
}

// signBeside writes a signature that stands alone.
func signBeside(ctx context.Context, src *source.Source, s *output.Signer, out string, o durable.Options) (id digest.Digest, err error) {
	if out == "-" {
		return "", ui.Misuse(errors.New("sign: -o -: want a file"), "")
	}
	var seal []byte
	if src.IsDir {
		if id, err = signDir(ctx, src, s, func(data []byte) { seal = data }); err != nil {
			return "", err
		}
	} else {
		if id, seal, err = sealOf(ctx, src); err != nil {
			return "", signable(err)
		}
	}
	data, err := s.Keys[0].Sign(seal)
	if err != nil {
		return "", err
	}
	return id, output.WriteSmall(out, data, 0o644, o)
}

// sealOf checks an archive and is its seal.
func sealOf(ctx context.Context, src *source.Source) (id digest.Digest, seal []byte, err error) {
	keep := func(data []byte, _ []layout.Signature) error { seal = data; return nil }
	f, err := src.Open(ctx)
	if err != nil {
		return "", nil, err
	}
	defer f.Close()
	report, err := bundle.Verify(ctx, io.Reader(f), layout.AuditOptions{Inspectors: source.Inspectors(), Trust: keep})
	if err == nil {
		err = report.Err()
	}
	if err != nil {
		return "", nil, src.Err(err)
	}
	return report.Digest, seal, nil
}
