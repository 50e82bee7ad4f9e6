package main

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/ociferry/ferry/cmd/ferry/internal/ui"
	"github.com/ociferry/ferry/layout/policy"
)

// Help shows the example and says something of every rule.
func TestPolicyTopic(t *testing.T) {
	code, stdout, stderr := ferry("help", "policy")
	if code != 0 || stderr != "" {
		t.Fatalf("exit code %d, %s", code, stderr)
	}
	for line := range strings.Lines(policy.Example) {
		if !strings.Contains(stdout, "  "+line) {
			t.Errorf("help lacks %q of the example", line)
		}
	}
	for _, r := range policy.Help() {
		if !regexp.MustCompile(`(?m)^ +` + regexp.QuoteMeta(r[0]) + ` +\S`).MatchString(stdout) {
			t.Errorf("nothing explains %s", r[0])
		}
	}
}

// Every variable that the command asks for is explained, in help and in the man
// page.
func TestEnvironmentTopic(t *testing.T) {
	var files []string
	for _, pattern := range []string{"*.go", "internal/*/*.go"} {
		some, err := filepath.Glob(pattern)
		if err != nil {
			t.Fatal(err)
		}
		files = append(files, some...)
	}
	asked := map[string]bool{ui.TokenVariable: true}
	for _, name := range files {
		data, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		for _, m := range regexp.MustCompile(`(?i:getenv|lookup|lookupenv)\("([A-Z_]+)"\)`).FindAllStringSubmatch(string(data), -1) {
			if !strings.HasSuffix(name, "_test.go") {
				asked[m[1]] = true
			}
		}
	}
	if len(asked) < 6 {
		t.Fatalf("found %v only", asked)
	}
	_, help, _ := ferry("help", "environment")
	_, man, _ := ferry("man")
	for name := range asked {
		if !strings.Contains(help, name) || !strings.Contains(man, name) {
			t.Errorf("nothing explains %s", name)
		}
	}
	for _, section := range []string{"\n.SH ENVIRONMENT\n", "\n.SH POLICY FILE\n"} {
		if !strings.Contains(man, section) {
			t.Errorf("the man page has no %q", section)
		}
	}
	if !strings.Contains(help, "0644") || !strings.Contains(man, "0644") {
		t.Error("nothing says which mode files get")
	}
	_, policy, _ := ferry("help", "policy")
	for line := range strings.Lines(help + policy) {
		if n := len(strings.TrimSpace(line)); n > ui.HelpWidth {
			t.Errorf("a line of %d columns: %s", n, line)
		}
	}
}
