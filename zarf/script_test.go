package zarf_test

import (
	"archive/tar"
	"bytes"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/ociferry/ferry/zarf"
)

// The test binary takes the place of zarf and of ferry in the scripts.
func TestMain(m *testing.M) {
	switch os.Getenv("FERRY_TEST_AS") {
	case "":
		os.Exit(m.Run())
	case "zarf": // tools archiver decompress ARCHIVE DIR
		exit(decompress(os.Args[4], os.Args[5]))
	case "ferry": // unpack ARCHIVE -o DIR --expect DIGEST
		exit(decompress(os.Args[2], os.Args[4]))
	}
}

func exit(err error) {
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	os.Exit(0)
}

// decompress writes over files without cutting them to length, as Zarf does.
func decompress(archive, dir string) error {
	f, err := os.Open(archive)
	if err != nil {
		return err
	}
	defer f.Close()
	for r := tar.NewReader(f); ; {
		h, err := r.Next()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
		name := filepath.Join(dir, h.Name)
		if err := os.MkdirAll(filepath.Dir(name), 0o755); err != nil {
			return err
		}
		out, err := os.OpenFile(name, os.O_CREATE|os.O_WRONLY, 0o644)
		if err != nil {
			return err
		}
		if _, err := io.Copy(out, r); err != nil {
			return err
		}
		if err := out.Close(); err != nil {
			return err
		}
	}
}

// A host is a directory where a package is deployed: placed does what Zarf
// does with files, and deploy runs the action.
type host struct {
	*testing.T
	dir  string
	env  []string
	pkg  *zarf.Package
	tool string // what the script finds as zarf or ferry
}

var payloadHex = fmt.Sprintf("%x", sha256.Sum256([]byte("payload")))

// sealed is a tar with a seal; a bad one has content that the seal denies.
func sealed(bad bool) (archive []byte, index string) {
	content := "{}\n"
	seal := fmt.Sprintf("%x  index.json\n%x  blobs/sha256/x\n%[2]x  blobs/sha256/%[2]x\n", sha256.Sum256([]byte(content)), sha256.Sum256([]byte("payload")))
	payload := "payload"
	if bad {
		payload = "paylord"
	}
	var b bytes.Buffer
	w := tar.NewWriter(&b)
	for _, f := range [][2]string{{"index.json", content}, {"SHA256SUMS", seal}, {"blobs/sha256/x", payload}, {"blobs/sha256/" + payloadHex, "payload"}} {
		w.WriteHeader(&tar.Header{Name: f[0], Size: int64(len(f[1])), Mode: 0o644})
		io.WriteString(w, f[1])
	}
	w.Close()
	return b.Bytes(), fmt.Sprintf("sha256:%x", sha256.Sum256([]byte(content)))
}

func newHost(t *testing.T, target string, archive []byte, index string, edit func(*zarf.Bundle, *zarf.Options)) *host {
	t.Helper()
	b := lei()
	b.Path, b.Compression, b.Index, b.SHA256 = "x y.tar", "none", index, fmt.Sprintf("%x", sha256.Sum256(archive))
	b.Artifacts[0].Files = nil // so that the layout is what is unpacked
	o := zarf.Options{Shape: zarf.Files, Target: target}
	if edit != nil {
		edit(&b, &o)
	}
	p, err := zarf.Define(b, o)
	if err != nil {
		t.Fatal(err)
	}
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	h := &host{T: t, dir: t.TempDir(), pkg: p, tool: self}
	h.env = append(os.Environ(), "HOME="+filepath.Join(h.dir, "home"))
	for _, f := range p.Components[0].Files {
		place := h.path(f.Target)
		if err := os.MkdirAll(filepath.Dir(place), 0o700); err != nil {
			t.Fatal(err)
		}
		if f.Executable {
			if err := os.Symlink(self, place); err != nil {
				t.Fatal(err)
			}
		} else if err := os.WriteFile(place, archive, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return h
}

func (h *host) path(target string) string {
	if rest, ok := strings.CutPrefix(target, "~/"); ok {
		return filepath.Join(h.dir, "home", rest)
	}
	if filepath.IsAbs(target) {
		return target
	}
	return filepath.Join(h.dir, target)
}

func (h *host) deploy() (string, error) {
	script := h.pkg.Components[0].After[0].Command
	as := "FERRY_TEST_AS=ferry"
	if strings.Contains(script, "./zarf ") {
		as = "FERRY_TEST_AS=zarf"
		// Zarf does not quote its own path; the test binary's has no spaces.
		script = strings.ReplaceAll(script, "./zarf ", h.tool+" ")
	}
	cmd := exec.Command("sh", "-e", "-c", script)
	cmd.Dir, cmd.Env = h.dir, append(h.env, as)
	out, err := cmd.CombinedOutput()
	return string(out), err
}

// Names that a shell or a careless script would trip over stay names.
func TestScriptHostileTargets(t *testing.T) {
	archive, index := sealed(false)
	for _, target := range []string{
		"plain", ".", "a b", "it's", `say "hi"`, "$(touch pwned)", "`touch pwned`", "$HOME", "-rf", "--", "a;touch pwned", "a|b&c",
		"*", "?[a-z]", "{{.Name}}", "${ZARF_VAR_X}", "~/home dir/$(touch pwned)", "../up", "ünïcode", "#hash", "!bang", "%s%d", "a=b",
	} {
		for _, tool := range []string{"zarf", "ferry"} {
			t.Run(tool+" "+target, func(t *testing.T) {
				h := newHost(t, target, archive, index, func(_ *zarf.Bundle, o *zarf.Options) {
					if tool == "ferry" {
						o.Ferry = ferries
					}
				})
				out, err := h.deploy()
				if err != nil {
					t.Fatalf("%v\n%s", err, out)
				}
				got, err := os.ReadFile(filepath.Join(h.path(target), "2026.08.01", "blobs/sha256/x"))
				if err != nil || string(got) != "payload" {
					t.Errorf("%q, %v\n%s", got, err, out)
				}
				filepath.WalkDir(h.dir, func(p string, d os.DirEntry, err error) error {
					if filepath.Base(p) == "pwned" || strings.HasSuffix(p, ".new") {
						t.Errorf("there is %s", p)
					}
					return err
				})
			})
		}
	}
}

// ferries has one for every system that the script knows, under a name each.
var ferries = []zarf.Binary{
	{Path: "f1", SHA256: hex("1"), OS: "linux", Architecture: "amd64"},
	{Path: "f2", SHA256: hex("2"), OS: "linux", Architecture: "arm64"},
	{Path: "f3", SHA256: hex("3"), OS: "darwin", Architecture: "arm64"},
	{Path: "f4", SHA256: hex("4"), OS: "darwin", Architecture: "amd64"},
}

func TestScriptTwice(t *testing.T) {
	archive, index := sealed(false)
	h := newHost(t, "in", archive, index, nil)
	final := filepath.Join(h.dir, "in/2026.08.01")
	for _, want := range []string{"in place", "is the same"} {
		if out, err := h.deploy(); err != nil || !strings.Contains(out, want) {
			t.Fatalf("%v: %s, want %q", err, out, want)
		}
	}
	// What is there is longer: a decompress over it would leave the tail.
	changed := []byte("{} and somebody's own words\n")
	if err := os.WriteFile(filepath.Join(final, "index.json"), changed, 0o644); err != nil {
		t.Fatal(err)
	}
	out, err := h.deploy()
	if err == nil || !strings.Contains(out, "move it away") {
		t.Errorf("%v: %s", err, out)
	}
	if got, _ := os.ReadFile(filepath.Join(final, "index.json")); !bytes.Equal(got, changed) {
		t.Errorf("touched: %q", got)
	}
	if _, err := os.Stat(final + ".new"); err == nil {
		t.Error("the temporary directory is left")
	}
}

// An interrupted deployment leaves a directory that the next one clears.
func TestScriptAfterInterruption(t *testing.T) {
	archive, index := sealed(false)
	h := newHost(t, "in", archive, index, nil)
	stale := filepath.Join(h.dir, "in/2026.08.01.new/stale")
	if err := os.MkdirAll(stale, 0o755); err != nil {
		t.Fatal(err)
	}
	if out, err := h.deploy(); err != nil {
		t.Fatal(err, out)
	}
	if _, err := os.Stat(filepath.Join(h.dir, "in/2026.08.01/stale")); err == nil {
		t.Error("the stale file is in place")
	}
}

func TestScriptFails(t *testing.T) {
	good, index := sealed(false)
	bad, _ := sealed(true)
	for _, c := range []struct {
		name    string
		archive []byte
		spoil   func(*host)
		want    string
	}{
		{"content the seal denies", bad, nil, "blobs/sha256/x: FAILED"},
		{"another archive in its place", good, func(h *host) {
			os.WriteFile(filepath.Join(h.dir, "in/x y.tar"), append(good, 0), 0o600)
		}, "./in/x y.tar: found sha256:"},
		{"another index", good, func(h *host) {
			a := &h.pkg.Components[0].After[0]
			a.Command = strings.ReplaceAll(a.Command, strings.TrimPrefix(index, "sha256:"), hex("0"))
		}, "want sha256:" + hex("0")},
		{"no tool to verify with", good, func(h *host) { h.env = append(h.env, "PATH="+tools(h)) }, "neither sha256sum nor shasum"},
		{"a file where the directory goes", good, func(h *host) {
			os.WriteFile(filepath.Join(h.dir, "in/2026.08.01"), nil, 0o600)
		}, "move it away"},
		{"a dangling link where the directory goes", good, func(h *host) {
			os.Symlink("nowhere", filepath.Join(h.dir, "in/2026.08.01"))
		}, "move it away"},
	} {
		t.Run(c.name, func(t *testing.T) {
			h := newHost(t, "in", c.archive, index, nil)
			if c.spoil != nil {
				c.spoil(h)
			}
			out, err := h.deploy()
			if err == nil || !strings.Contains(out, c.want) {
				t.Errorf("%v: %s\nwant %q", err, out, c.want)
			}
			if _, err := os.Stat(filepath.Join(h.dir, "in/2026.08.01", "index.json")); err == nil {
				t.Error("something is in place all the same")
			}
			if _, err := os.Stat(filepath.Join(h.dir, "in/2026.08.01.new")); err == nil {
				t.Error("the temporary directory is left")
			}
		})
	}
}

// The layers of a single artifact get their names; where a shell cannot be
// trusted with a name, the layout stays.
func TestScriptFiles(t *testing.T) {
	archive, index := sealed(false)
	for _, c := range []struct {
		name  string
		files []string
		want  []string
	}{
		{"one", []string{"cache.jsonl.gz"}, []string{"cache.jsonl.gz"}},
		{"same content, folders", []string{"a", "b/c/d", "b/e", "-n", "it's $(touch pwned)"}, []string{"a", "b/c/d", "b/e", "-n", "it's $(touch pwned)"}},
		{"up", []string{"../../x"}, []string{"index.json"}},
		{"rooted", []string{"/x"}, []string{"index.json"}},
		{"twice", []string{"x", "x"}, []string{"index.json"}},
		{"a line end", []string{"x\ny"}, []string{"index.json"}},
		{"zarf", []string{"./zarf x"}, []string{"index.json"}},
		{"too many", strings.Split("abcdefghijklmnopq", ""), []string{"index.json"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			h := newHost(t, "in", archive, index, func(b *zarf.Bundle, _ *zarf.Options) {
				for _, f := range c.files {
					b.Artifacts[0].Files = append(b.Artifacts[0].Files, zarf.Layer{Name: f, Digest: "sha256:" + payloadHex})
				}
			})
			for range 2 {
				if out, err := h.deploy(); err != nil {
					t.Fatalf("%v\n%s", err, out)
				}
			}
			for _, f := range c.want {
				got, err := os.ReadFile(filepath.Join(h.dir, "in/2026.08.01", f))
				if err != nil || f != "index.json" && string(got) != "payload" {
					t.Errorf("%s: %q, %v", f, got, err)
				}
			}
			entries, _ := os.ReadDir(h.dir)
			if len(entries) != 1 {
				t.Errorf("there is more than in: %v", entries)
			}
		})
	}
}

// macOS has shasum and no sha256sum.
func TestScriptWithShasum(t *testing.T) {
	archive, index := sealed(false)
	h := newHost(t, "in", archive, index, nil)
	h.env = append(h.env, "PATH="+tools(h, "shasum"))
	if out, err := h.deploy(); err != nil {
		t.Fatal(err, out)
	}
}

func TestScriptForAnotherHost(t *testing.T) {
	archive, index := sealed(false)
	h := newHost(t, "in", archive, index, func(_ *zarf.Bundle, o *zarf.Options) {
		o.Ferry = []zarf.Binary{{Path: "f", SHA256: hex("1"), OS: "linux", Architecture: "s390x"}}
	})
	if out, err := h.deploy(); err == nil || !strings.Contains(out, "no ferry for ") {
		t.Errorf("%v: %s", err, out)
	}
}

// tools is a directory with what every host has, and the extra ones. shasum,
// where the host has none, is made of sha256sum.
func tools(h *host, extra ...string) string {
	dir := h.TempDir()
	for _, name := range append([]string{"rm", "mv", "diff", "grep", "uname", "sh"}, extra...) {
		real, err := exec.LookPath(name)
		if name == "shasum" && err != nil {
			script := "#!/bin/sh\nshift 2\nexec sha256sum \"$@\"\n"
			sum, err := exec.LookPath("sha256sum")
			if err != nil {
				h.Fatal(err)
			}
			script = strings.Replace(script, "sha256sum", sum, 1)
			if err := os.WriteFile(filepath.Join(dir, name), []byte(script), 0o755); err != nil {
				h.Fatal(err)
			}
			continue
		}
		if err != nil {
			h.Fatal(err)
		}
		if err := os.Symlink(real, filepath.Join(dir, name)); err != nil {
			h.Fatal(err)
		}
	}
	return dir
}
