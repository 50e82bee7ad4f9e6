package main

import (
	"bytes"
	"context"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/ociferry/ferry/cmd/ferry/internal/ui"
	"github.com/ociferry/ferry/layout/layouttest"
)

// A sandbox is where hostile input is tried: the directories that a run could
// write to are known, and watched.
type sandbox struct {
	t    *testing.T
	root string
	env  map[string]string
	now  time.Time
}

// newSandbox makes one, and makes the directory cwd in it the working directory.
func newSandbox(t *testing.T) *sandbox {
	s := makeSandbox(t)
	t.Chdir(s.path("cwd"))
	return s
}

func makeSandbox(t *testing.T) *sandbox {
	s := &sandbox{t: t, root: t.TempDir(), env: map[string]string{}, now: time.Date(2026, 2, 5, 12, 0, 0, 0, time.UTC)}
	for _, d := range []string{"in", "cwd", "home", "tmp", "out"} {
		if err := os.Mkdir(filepath.Join(s.root, d), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	s.env["HOME"], s.env["TMPDIR"] = s.path("home"), s.path("tmp")
	return s
}

func (s *sandbox) path(elem ...string) string {
	return filepath.Join(append([]string{s.root}, elem...)...)
}

// put writes the input of a case: a directory, an archive, or both.
func (s *sandbox) put(t *testing.T, c layouttest.Case) (inputs []string) {
	t.Helper()
	must := func(err error) {
		if err != nil {
			t.Fatal(err)
		}
	}
	must(os.RemoveAll(s.path("in")))
	must(os.Mkdir(s.path("in"), 0o755))
	archive := func(data []byte) {
		must(os.WriteFile(s.path("in", "bundle"), data, 0o644))
		inputs = append(inputs, s.path("in", "bundle"))
	}
	if c.Tar != nil {
		archive(c.Tar())
		return inputs
	}
	l := c.Artifact.Layout()
	if c.Dir == nil {
		archive(l.Tar())
	}
	l.WriteTo(t, s.path("in", "layout"))
	if c.Dir != nil {
		c.Dir(t, s.path("in", "layout"), l)
	}
	return append(inputs, s.path("in", "layout"))
}

func (s *sandbox) run(args ...string) (code int, stdout, stderr string) {
	var out, errs bytes.Buffer
	e := &ui.Env{
		Stdin: strings.NewReader(""), Stdout: &out, Stderr: &errs, NoProgress: true,
		Getenv:    func(k string) string { return s.env[k] },
		LookupEnv: func(k string) (string, bool) { v, ok := s.env[k]; return v, ok },
		Now:       func() time.Time { return s.now },
	}
	code = run(context.Background(), e, append([]string{"ferry"}, args...))
	return code, out.String(), errs.String()
}

// state describes everything in the sandbox.
func (s *sandbox) state(t *testing.T) string {
	t.Helper()
	var b strings.Builder
	err := filepath.WalkDir(s.root, func(name string, e fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		info, err := e.Info()
		if err != nil {
			return err
		}
		fmt.Fprint(&b, name, " ", info.Mode(), " ", info.Size())
		if !e.IsDir() {
			fmt.Fprint(&b, " ", info.ModTime().UnixNano())
		}
		fmt.Fprintln(&b)
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return b.String()
}

// checkRefusal holds a run against what every refusal must be.
func checkRefusal(t *testing.T, what string, c layouttest.Case, code int, stdout, stderr string) {
	t.Helper()
	want := ui.CodeBad
	if c.Incomplete {
		want = ui.CodeIncomplete
	}
	if code != want && !(code == ui.CodeIncomplete && strings.Contains(c.Name, ": cut at")) { // a cut may fall between two files
		t.Errorf("%s: exit code %d, want %d: %s", what, code, want, stderr)
	}
	lines := strings.Split(strings.TrimSuffix(stderr, "\n"), "\n")
	if len(lines) != 2 || !strings.HasPrefix(lines[0], "ferry: error: ") || !strings.HasPrefix(lines[1], "ferry: hint: ") {
		t.Errorf("%s: want an error and a hint, found %q", what, stderr)
	}
	if !regexp.MustCompile("(?i)" + c.Words).MatchString(lines[0]) {
		t.Errorf("%s: the error does not say %q: %s", what, c.Words, lines[0])
	}
	for _, text := range []string{stdout, stderr} {
		if i := strings.IndexFunc(text, func(r rune) bool { return r < ' ' && r != '\n' || r == 0x7f || r == 0xfffd || r == 0x202e }); i >= 0 {
			t.Errorf("%s: the output holds %q", what, text[i:])
		}
	}
}

// Hostile input is refused, in two lines that name the cause; nothing is left,
// nothing is changed. Every case goes through verify or unpack, as a directory
// or an archive; the packages try all of these.
func TestHostile(t *testing.T) {
	s := newSandbox(t)
	cases := layouttest.Refused()
	if runtime.GOOS != "linux" { // where TestShipped has them
		cases = append(cases, layouttest.Large()...)
	}
	for i, c := range cases {
		if testing.Short() && i%7 != 0 {
			continue // for the race detector, to which the rows are all alike
		}
		t.Run(c.Name, func(t *testing.T) {
			inputs := s.put(t, c)
			before := s.state(t)
			args := []string{"verify", inputs[i/2%len(inputs)]}
			if i%2 == 1 {
				args = []string{"unpack", inputs[i/2%len(inputs)], "-o", s.path("out", "x")}
			}
			code, stdout, stderr := s.run(args...)
			checkRefusal(t, args[0], c, code, stdout, stderr)
			if after := s.state(t); after != before {
				t.Errorf("something was left or changed:\n%s\nwas\n%s", after, before)
			}
		})
	}
}

// What is unusual and right is accepted by verify, at any time of the clock and
// without a write; unpack writes the files byte for byte.
func TestUnusual(t *testing.T) {
	s := newSandbox(t)
	for _, c := range layouttest.Accepted() {
		t.Run(c.Name, func(t *testing.T) {
			for _, in := range s.put(t, c) {
				before := s.state(t)
				var first string
				for _, year := range []int{1970, 2026, 2242} {
					s.now = time.Date(year, 1, 1, 0, 0, 0, 0, time.UTC)
					code, stdout, stderr := s.run("verify", in)
					if code != ui.CodeGood {
						t.Fatalf("verify: exit code %d: %s", code, stderr)
					}
					if c.Name == "another title on a layer" != strings.Contains(stderr, "the title is ignored") {
						t.Errorf("verify says of titles: %s", stderr)
					}
					if first == "" {
						first = stdout
					}
					if stdout != first {
						t.Errorf("verify says in %d:\n%s\nand in 1970:\n%s", year, stdout, first)
					}
				}
				if after := s.state(t); after != before {
					t.Errorf("verify changed something:\n%s\nwas\n%s", after, before)
				}
				out := s.path("out", "x")
				args := []string{"unpack", in, "-o", out, "-t", "2026-02-05"}
				if c.Choice {
					args = args[:4]
				}
				code, _, stderr := s.run(args...)
				switch {
				case c.Choice && (code == ui.CodeGood || code == ui.CodeBad || strings.Count(stderr, "\n") > 2):
					t.Errorf("unpack without a choice: exit code %d: %s", code, stderr)
				case c.Choice:
				case code != ui.CodeGood && strings.Contains(stderr, "2026-02-05") && strings.Contains(stderr, "no artifact is named"):
					if code, _, stderr = s.run(args[:4]...); code != ui.CodeGood {
						t.Fatalf("unpack: exit code %d: %s", code, stderr)
					}
					s.compare(t, in, out)
				case code != ui.CodeGood:
					t.Fatalf("unpack: exit code %d: %s", code, stderr)
				default:
					s.compare(t, in, out)
				}
				if err := os.RemoveAll(out); err != nil {
					t.Fatal(err)
				}
			}
		})
	}
}

// compare looks for the bytes of each unpacked file in what they came from.
func (s *sandbox) compare(t *testing.T, in, out string) {
	t.Helper()
	whole, err := os.ReadFile(in)
	if err != nil { // a directory
		entries, err := os.ReadDir(out)
		if err != nil || len(entries) != 2 {
			t.Errorf("unpacked %v, %v", entries, err)
		}
		return
	}
	for _, name := range []string{"manifest.json", "cache.jsonl.gz"} {
		data, err := os.ReadFile(filepath.Join(out, name))
		if err != nil {
			t.Error(err)
			continue
		}
		if !bytes.HasPrefix(whole, []byte("\x1f\x8b")) && !bytes.Contains(whole, data) {
			t.Errorf("%s is not what the bundle holds: %q", name, data)
		}
	}
}

// A medium that nobody may write to is verified.
func TestReadOnly(t *testing.T) {
	s := newSandbox(t)
	inputs := s.put(t, layouttest.Case{Artifact: layouttest.Artifact{Files: func(l layouttest.Layout) { l.Seal() }}})
	s.env["HOME"], s.env["TMPDIR"] = "/nonexistent", "/nonexistent"
	chmod := func(dirs, files fs.FileMode) {
		err := filepath.WalkDir(s.path("in"), func(name string, e fs.DirEntry, err error) error {
			if err == nil && e.IsDir() {
				return os.Chmod(name, dirs)
			}
			if err == nil {
				err = os.Chmod(name, files)
			}
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	chmod(0o555, 0o444)
	t.Cleanup(func() { chmod(0o755, 0o644) })
	for _, in := range inputs {
		if code, _, stderr := s.run("verify", in); code != ui.CodeGood {
			t.Errorf("%s: exit code %d: %s", in, code, stderr)
		}
	}
}

// shipped is the command as it is shipped.
func shipped(t *testing.T) string {
	t.Helper()
	name := filepath.Join(t.TempDir(), "ferry")
	if out, err := exec.Command("go", "build", "-o", name, ".").CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	return name
}
