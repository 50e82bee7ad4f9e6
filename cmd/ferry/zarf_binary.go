package main

import (
	"crypto/sha256"
	"debug/buildinfo"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"

	"github.com/ociferry/ferry/cmd/ferry/internal/ui"
	"github.com/ociferry/ferry/layout"
	"github.com/ociferry/ferry/zarf"
)

// zarfBinary is a ferry to put into the package; which system it is for, Go has
// written into it.
func zarfBinary(name, dir string) (zarf.Binary, error) {
	info, err := buildinfo.ReadFile(name)
	if err != nil {
		var p *os.PathError
		if errors.As(err, &p) {
			return zarf.Binary{}, err
		}
		return zarf.Binary{}, ui.Misuse(fmt.Errorf("--with-ferry %s: want a ferry binary, found a file that Go did not build", layout.Printable(name)), "")
	}
	if info.Main.Path != "github.com/ociferry/ferry" {
		return zarf.Binary{}, ui.Misuse(fmt.Errorf("--with-ferry %s: want a ferry binary, found one of %q", layout.Printable(name), info.Main.Path), "")
	}
	b := zarf.Binary{}
	for _, s := range info.Settings {
		switch s.Key {
		case "GOOS":
			b.OS = s.Value
		case "GOARCH":
			b.Architecture = s.Value
		}
	}
	if b.Path, err = relative(dir, name); err != nil {
		return b, err
	}
	b.SHA256, err = fileSHA256(name)
	return b, err
}

// relative is the path of an existing file as a definition in dir names it.
// Links in the way are resolved: "..", behind a link, leads elsewhere.
func relative(dir, name string) (string, error) {
	var resolved [2]string
	for i, d := range []string{dir, filepath.Dir(name)} {
		abs, err := filepath.Abs(d)
		if err != nil {
			return "", err
		}
		if resolved[i], err = filepath.EvalSymlinks(abs); err != nil {
			return "", err
		}
	}
	rel, err := filepath.Rel(resolved[0], filepath.Join(resolved[1], filepath.Base(name)))
	return filepath.ToSlash(rel), err
}

// openRegular opens a file and nothing that could block or never end.
func openRegular(name string) (*os.File, error) {
	info, err := os.Stat(name)
	if err != nil {
		return nil, err
	}
	if !info.Mode().IsRegular() {
		found := "a special file"
		if info.IsDir() {
			found = "a directory"
		}
		return nil, fmt.Errorf("want a file, found %s", found)
	}
	return os.Open(name)
}

func fileSHA256(name string) (string, error) {
	f, err := openRegular(name)
	if err != nil {
		return "", err
	}
	defer f.Close()
	h := sha256.New()
	if _, err := io.Copy(h, f); err != nil {
		return "", err
	}
	return hex.EncodeToString(h.Sum(nil)), nil
}
