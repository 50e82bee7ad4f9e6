package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
)

// weRead has ferry read what a neighbour wrote: all of it is verified, turned
// into a bundle of ours, verified again, and unpacked where it is files. The
// digests must be those that the registry has.
func (w *world) weRead(path string, k *kind, referrers bool) error {
	if _, err := w.cmd("ferry", "verify", path); err != nil {
		return err
	}
	ours := filepath.Join(w.dir(), "ours.tar")
	if _, err := w.cmd("ferry", "bundle", path, "-o", ours); err != nil {
		return err
	}
	if _, err := w.cmd("ferry", "verify", ours); err != nil {
		return err
	}
	if err := w.holds(ours, k, referrers); err != nil {
		return err
	}
	for _, r := range k.roots {
		if r.source == "" {
			continue
		}
		out := filepath.Join(w.dir(), "files")
		if _, err := w.cmd("ferry", "unpack", path, "-t", r.digest, "-o", out); err != nil {
			return err
		}
		if err := sameTree(r.source, out); err != nil {
			return err
		}
	}
	return nil
}

// holds checks what inspect says of a bundle.
func (w *world) holds(path string, k *kind, referrers bool) error {
	out, err := w.cmd("ferry", "inspect", path, "--format", "json")
	if err != nil {
		return err
	}
	for _, r := range k.roots {
		if !strings.Contains(out, r.digest) {
			return &changedError{r.tag, r.digest, "another digest"}
		}
	}
	for _, d := range k.referrers {
		if referrers && !strings.Contains(out, d) {
			return errors.New("the referrer stayed behind")
		}
	}
	return nil
}

// weReadDocker has ferry read an archive in docker's form. There is no
// manifest in it whose digest could be kept; the config's is.
func (w *world) weReadDocker(path string, r root) error {
	if _, err := w.cmd("ferry", "verify", path); err == nil {
		return errors.New("ferry verify takes an archive in docker's form for a layout")
	} else if !strings.Contains(err.Error(), "docker-archive:") {
		return fmt.Errorf("ferry verify does not say what to do: %w", err)
	}
	ours := filepath.Join(w.dir(), "ours.tar")
	if _, err := w.cmd("ferry", "bundle", "docker-archive:"+path, "-o", ours); err != nil {
		return err
	}
	if _, err := w.cmd("ferry", "verify", ours); err != nil {
		return err
	}
	out, err := w.cmd("ferry", "inspect", ours, "--format", "json")
	if err == nil && !strings.Contains(out, r.config) {
		err = fmt.Errorf("the config %s is not in it", r.config)
	}
	return err
}

// indexed reports whether an index.json names a digest.
func indexed(dir, digest string) error {
	raw, err := os.ReadFile(filepath.Join(dir, "index.json"))
	if err != nil {
		return err
	}
	var i struct{ Manifests []struct{ Digest string } }
	if err := json.Unmarshal(raw, &i); err != nil {
		return err
	}
	for _, m := range i.Manifests {
		if m.Digest == digest {
			return nil
		}
	}
	return &changedError{"index.json", digest, "another digest"}
}

// copyTree copies a directory of regular files.
func copyTree(from, to string) error { return os.CopyFS(to, os.DirFS(from)) }

// sameTree compares the files of two directories.
func sameTree(want, got string) error {
	n := 0
	err := filepath.WalkDir(want, func(name string, e fs.DirEntry, err error) error {
		if err != nil || e.IsDir() {
			return err
		}
		n++
		rel, err := filepath.Rel(want, name)
		if err != nil {
			return err
		}
		a, err := os.ReadFile(name)
		if err != nil {
			return err
		}
		b, err := os.ReadFile(filepath.Join(got, rel))
		if err == nil && !bytes.Equal(a, b) {
			err = fmt.Errorf("%s is not what was packed", rel)
		}
		return err
	})
	if err != nil {
		return err
	}
	return filepath.WalkDir(got, func(name string, e fs.DirEntry, err error) error {
		if err == nil && !e.IsDir() {
			if n--; n < 0 {
				err = fmt.Errorf("%s is more than was packed", name)
			}
		}
		return err
	})
}
