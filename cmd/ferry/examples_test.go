package main

import (
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/ociferry/ferry/cmd/ferry/internal/ui"
)

// The scripts in examples run as they stand, each in a directory of its own,
// and what they leave there is what is shown beside them.
func TestExamples(t *testing.T) {
	bin := buildFerry(t)
	scripts, err := filepath.Glob(filepath.Join(repository(t), "examples", "*", "*.sh"))
	if err != nil || len(scripts) == 0 {
		t.Fatal("no examples", err)
	}
	for _, script := range scripts {
		story := filepath.Base(filepath.Dir(script))
		t.Run(story, func(t *testing.T) {
			t.Parallel()
			dir := t.TempDir()
			cmd := exec.Command("sh", script, dir)
			cmd.Env = append(os.Environ(), "FERRY="+bin, "SOURCE_DATE_EPOCH=")
			out, err := cmd.CombinedOutput()
			if err != nil {
				t.Fatalf("%v\n%s", err, out)
			}
			for _, pattern := range []string{"zarf.yaml", "answers/*"} {
				shown, err := filepath.Glob(filepath.Join(filepath.Dir(script), pattern))
				if err != nil {
					t.Fatal(err)
				}
				for _, name := range shown {
					sameFile(t, name, filepath.Join(dir, strings.TrimPrefix(name, filepath.Dir(script))))
				}
			}
		})
	}
}

// sameFile compares what a script made with what is shown beside it.
func sameFile(t *testing.T, shown, made string) {
	t.Helper()
	base := filepath.Base(shown)
	if _, err := exec.LookPath("docker-registry"); err != nil && (base == "push.json" || base == "pull.json") {
		return // the script says so, and CI has it
	}
	want, err := os.ReadFile(shown)
	if err != nil {
		t.Fatal(err)
	}
	got, err := os.ReadFile(made)
	if err != nil || string(got) != string(want) {
		t.Errorf("%v: %s is not the one that is shown; it is\n%s", err, base, got)
	}
}

// buildFerry builds the command as a user gets it.
func buildFerry(t *testing.T) string {
	t.Helper()
	bin := filepath.Join(t.TempDir(), "ferry")
	cmd := exec.Command("go", "build", "-trimpath", "-o", bin, ".")
	cmd.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	return bin
}

// What README shows under "Who does what" is what a shell shows: its commands
// run in their order, in a directory with two snapshots, and "..." stands for
// anything.
func TestReadmeConsole(t *testing.T) {
	data, err := os.ReadFile(filepath.Join(repository(t), "README.md"))
	if err != nil {
		t.Fatal(err)
	}
	_, section, _ := strings.Cut(string(data), "\n## Who does what\n")
	section, _, _ = strings.Cut(section, "\n## ")
	bin := buildFerry(t)
	dir := t.TempDir()
	for name, from := range map[string]string{"lei-cache-2026-02-01": "snapshot", "last-week": "last-week"} {
		if err := os.CopyFS(filepath.Join(dir, name), os.DirFS(filepath.Join(repository(t), "examples", "lei-cache", from))); err != nil {
			t.Fatal(err)
		}
	}
	shell := func(line string) string {
		cmd := exec.Command("sh", "-c", line)
		cmd.Dir = dir
		cmd.Env = append(os.Environ(), "PATH="+filepath.Dir(bin)+string(os.PathListSeparator)+os.Getenv("PATH"), "COSIGN_PASSWORD=example", "SOURCE_DATE_EPOCH=")
		out, _ := cmd.CombinedOutput() // some shall fail: what they say is compared
		return strings.TrimSpace(string(out))
	}
	shell("ferry pack last-week -o last-week.tar")
	shell("printf 'version: 1\nkinds: [lei]\nlimits:\n  bundle: 4.7GB\nforbid: [executables, encrypted, secrets]\n' > ferry.policy.yaml")
	n := 0
	for _, part := range strings.Split(section, "```console\n")[1:] {
		block, _, _ := strings.Cut(part, "```")
		for _, shown := range strings.Split(block, "$ ")[1:] {
			line, want, _ := strings.Cut(shown, "\n")
			n++
			pattern := "^" + strings.ReplaceAll(regexp.QuoteMeta(strings.TrimSpace(want)), `\.\.\.`, "(?s:.*?)") + "$"
			if got := shell(line); !regexp.MustCompile(pattern).MatchString(got) {
				t.Errorf("$ %s\ngot:\n%s\nREADME.md shows:\n%s", line, got, want)
			}
		}
	}
	if n < 15 {
		t.Errorf("found %d commands, want five for each of three people", n)
	}
}

// README begins with the two commands that work on a fresh machine.
func TestReadme(t *testing.T) {
	data, err := os.ReadFile(filepath.Join(repository(t), "README.md"))
	if err != nil {
		t.Fatal(err)
	}
	if !strings.HasPrefix(string(data), "# ferry\n\n    make demo\n    make test\n") {
		t.Error("README.md does not open with make demo and make test")
	}
	for _, c := range commands(&ui.Env{}) {
		if !c.Hidden && !strings.Contains(string(data), "`ferry "+c.Name) {
			t.Errorf("README.md does not name ferry %s", c.Name)
		}
	}
}
