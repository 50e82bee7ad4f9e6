package main

import (
	"archive/tar"
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"encoding/pem"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/rogpeppe/go-internal/testscript"

	"github.com/ociferry/ferry/layout/signature"
)

// keys [-ed25519] NAME...: new key pairs, as ferry keygen makes them, but without
// a password, which takes long to derive a key from.
func keys(ts *testscript.TestScript, neg bool, args []string) {
	algorithm := signature.P256
	if len(args) > 0 && args[0] == "-ed25519" {
		algorithm, args = signature.Ed25519, args[1:]
	}
	if neg || len(args) == 0 {
		ts.Fatalf("usage: keys [-ed25519] NAME...")
	}
	for _, name := range args {
		_, ed, err := ed25519.GenerateKey(nil)
		ts.Check(err)
		key := crypto.Signer(ed)
		if algorithm == signature.P256 {
			key, err = ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
			ts.Check(err)
		}
		der, err := x509.MarshalPKCS8PrivateKey(key)
		ts.Check(err)
		private := pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der})
		k, err := signature.ParsePrivateKey(private, nil)
		ts.Check(err)
		ts.Check(os.WriteFile(ts.MkAbs(name+".key"), private, 0o600))
		ts.Check(os.WriteFile(ts.MkAbs(name+".pub"), k.Public().PEM(), 0o644))
	}
}

// mode OCTAL FILE: a file has these permissions.
func mode(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 2 {
		ts.Fatalf("usage: mode OCTAL FILE")
	}
	info, err := os.Stat(ts.MkAbs(args[1]))
	ts.Check(err)
	if got := fmt.Sprintf("%o", info.Mode().Perm()); got != args[0] {
		ts.Fatalf("%s has mode %s, want %s", args[1], got, args[0])
	}
}

// tarOf DIR OUT NAME...: a tar of everything in a directory, the named files
// last and in this order; or first, if a "+" stands before them.
func tarOf(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 2 {
		ts.Fatalf("usage: tarOf DIR OUT [+] NAME...")
	}
	dir, named := ts.MkAbs(args[0]), args[2:]
	first := len(named) > 0 && named[0] == "+"
	if first {
		named = named[1:]
	}
	var rest []string
	ts.Check(filepath.WalkDir(dir, func(name string, e fs.DirEntry, err error) error {
		rel, _ := filepath.Rel(dir, name)
		if rel = filepath.ToSlash(rel); err == nil && !e.IsDir() && !slices.Contains(named, rel) && !strings.HasPrefix(rel, ".ferry") {
			rest = append(rest, rel)
		}
		return err
	}))
	all := append(rest, named...)
	if first {
		all = append(slices.Clone(named), rest...)
	}
	f, err := os.Create(ts.MkAbs(args[1]))
	ts.Check(err)
	w := tar.NewWriter(f)
	for _, name := range all {
		data, err := os.ReadFile(filepath.Join(dir, filepath.FromSlash(name)))
		ts.Check(err)
		ts.Check(w.WriteHeader(&tar.Header{Name: name, Mode: 0o644, Size: int64(len(data))}))
		_, err = w.Write(data)
		ts.Check(err)
	}
	ts.Check(w.Close())
	ts.Check(f.Close())
}
