package main

import (
	"encoding/json"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/ociferry/ferry/cmd/ferry/internal/ui"
	"github.com/ociferry/ferry/layout/policy"
)

// The example of a policy is one, and it and the words below it leave out
// nothing that the schema knows.
func TestPolicyTopic(t *testing.T) {
	code, stdout, stderr := ferry("help", "policy")
	if code != 0 || stderr != "" {
		t.Fatalf("exit code %d, %s", code, stderr)
	}
	if !strings.Contains(stdout, ui.PolicyExample) {
		t.Errorf("help shows another example than the one that is parsed:\n%s", stdout)
	}
	p, err := policy.Parse([]byte(ui.PolicyExample))
	if err != nil {
		t.Fatal(err)
	}
	if f := p.Forbid; p.Require != 2 || p.Kinds == nil || p.MediaTypes == nil || p.Names == nil || p.MaxBlob == 0 || p.MaxBundle == 0 ||
		!(f.Executables && f.Encrypted && f.Secrets && f.Unseen) || p.Dates.Min.IsZero() || p.Dates.MaxAge == 0 {
		t.Errorf("the example does not hold every rule: %+v", p)
	}
	data, err := os.ReadFile(filepath.Join(repository(t), "layout", "policy", "schema.json"))
	if err != nil {
		t.Fatal(err)
	}
	type schema struct {
		Properties map[string]struct {
			Properties map[string]any
			Items      struct{ Enum []string }
		}
	}
	var s schema
	if err := json.Unmarshal(data, &s); err != nil || len(s.Properties) < 7 {
		t.Fatal(err, s)
	}
	explained := func(word string) {
		if !regexp.MustCompile(`(?m)^ +` + regexp.QuoteMeta(word) + ` +\S`).MatchString(ui.PolicyText) {
			t.Errorf("nothing explains %s", word)
		}
	}
	for name, rule := range s.Properties {
		if len(rule.Properties) == 0 {
			explained(name)
		}
		for sub := range rule.Properties {
			explained(name + "." + sub)
		}
		for _, word := range rule.Items.Enum {
			if name == "forbid" {
				explained(word)
			} else if !strings.Contains(ui.PolicyText, word) {
				t.Errorf("%s: nothing names %s", name, word)
			}
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
