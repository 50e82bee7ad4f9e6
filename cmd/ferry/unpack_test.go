package main

import (
	"archive/tar"
	"bytes"
	"crypto/sha256"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"testing"
)

// reversed writes an archive anew with its entries in the opposite order, so
// that every blob comes before what says what it is.
func reversed(t *testing.T, from, to string) {
	t.Helper()
	data, err := os.ReadFile(from)
	if err != nil {
		t.Fatal(err)
	}
	type entry struct {
		h    *tar.Header
		data []byte
	}
	var entries []entry
	for r := tar.NewReader(bytes.NewReader(data)); ; {
		h, err := r.Next()
		if err == io.EOF {
			break
		}
		content, err2 := io.ReadAll(r)
		if err != nil || err2 != nil {
			t.Fatal(err, err2)
		}
		if h.Name != "SHA256SUMS" {
			entries = append(entries, entry{h, content})
		}
	}
	slices.Reverse(entries)
	var out bytes.Buffer
	w := tar.NewWriter(&out)
	for _, e := range entries {
		if err := w.WriteHeader(e.h); err != nil {
			t.Fatal(err)
		}
		w.Write(e.data)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(to, out.Bytes(), 0o644); err != nil {
		t.Fatal(err)
	}
}

// A file may be called what a blob is called while it waits for its name: each
// file comes under its own, in whatever order they pass.
func TestUnpackNames(t *testing.T) {
	t.Chdir(t.TempDir())
	sum := func(s string) string { return fmt.Sprintf("%x", sha256.Sum256([]byte(s))) }
	files := map[string]string{"b": "genuine", "c": "genuine", "dir/d": "other"}
	for _, content := range []string{"genuine", "other", "one", "two"} {
		files[".sha256-"+sum(content)] = "one"
		files["sha256-"+sum(content)] = "two"
		files["files/sha256-"+sum(content)] = content
	}
	for name, content := range files {
		if err := os.MkdirAll(filepath.Dir(filepath.Join("in", name)), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join("in", name), []byte(content), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	if code, _, stderr := ferry("pack", "in", "-o", "a.tar"); code != 0 {
		t.Fatal(stderr)
	}
	reversed(t, "a.tar", "b.tar")
	for _, src := range []string{"a.tar", "b.tar"} {
		for _, flags := range [][]string{nil, {"--overwrite"}} {
			out := fmt.Sprint("out-", src, len(flags))
			if len(flags) > 0 {
				if err := os.Mkdir(out, 0o755); err != nil {
					t.Fatal(err)
				}
			}
			if code, _, stderr := ferry(append([]string{"unpack", src, "-o", out}, flags...)...); code != 0 {
				t.Fatal(stderr)
			}
			found := 0
			for name, content := range files {
				if data, err := os.ReadFile(filepath.Join(out, name)); err != nil || string(data) != content {
					t.Errorf("%s %q: %s: %q, %v; want %q", src, flags, name, data, err, content)
				}
			}
			filepath.WalkDir(out, func(_ string, e os.DirEntry, err error) error {
				if err == nil && !e.IsDir() {
					found++
				}
				return err
			})
			if found != len(files) {
				t.Errorf("%s %q: %d files, want %d", src, flags, found, len(files))
			}
			if _, err := os.Lstat(filepath.Join(out, ".ferry-partial")); err == nil {
				t.Errorf("%s %q: what waited was left behind", src, flags)
			}
		}
	}
}

// Replacing files changes nothing unless every one of them can be replaced.
func TestUnpackInTheWay(t *testing.T) {
	t.Chdir(t.TempDir())
	for name, content := range map[string]string{"in/a": "new", "in/b": "new", "out/a": "old", "out/b/x": "old"} {
		if err := os.MkdirAll(filepath.Dir(name), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(name, []byte(content), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	if code, _, stderr := ferry("pack", "in", "-o", "a.tar"); code != 0 {
		t.Fatal(stderr)
	}
	if code, _, stderr := ferry("unpack", "a.tar", "-o", "out", "--overwrite"); code != 1 {
		t.Errorf("exit code %d, want 1: %s", code, stderr)
	}
	if data, err := os.ReadFile("out/a"); string(data) != "old" {
		t.Errorf("out/a: %q, %v; want it untouched", data, err)
	}
	if entries, err := os.ReadDir("out"); len(entries) != 2 {
		t.Errorf("left in out: %v, %v", entries, err)
	}
}
