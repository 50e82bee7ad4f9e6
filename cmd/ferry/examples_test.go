package main

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
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
			// A definition that stands beside the script is the one that it makes.
			shown, err := os.ReadFile(filepath.Join(filepath.Dir(script), "zarf.yaml"))
			if err != nil {
				return
			}
			made, err := os.ReadFile(filepath.Join(dir, "zarf.yaml"))
			if err != nil || string(made) != string(shown) {
				t.Errorf("%v: zarf.yaml is not the one that is shown; it is\n%s", err, made)
			}
		})
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

// README begins with the two commands that work on a fresh machine.
func TestReadme(t *testing.T) {
	data, err := os.ReadFile(filepath.Join(repository(t), "README.md"))
	if err != nil {
		t.Fatal(err)
	}
	if !strings.HasPrefix(string(data), "# ferry\n\n    make demo\n    make test\n") {
		t.Error("README.md does not open with make demo and make test")
	}
	for _, c := range commands(&env{}) {
		if !c.Hidden && !strings.Contains(string(data), "`ferry "+c.Name) {
			t.Errorf("README.md does not name ferry %s", c.Name)
		}
	}
}
