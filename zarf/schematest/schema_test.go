// Package schematest holds the definitions under ../testdata against the
// schema that Zarf itself embeds and applies on lint and create. It is a module
// of its own, so that ferry's does not depend on Zarf.
package schematest

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/santhosh-tekuri/jsonschema/v6"
	"github.com/zarf-dev/zarf/src/pkg/schema"
	"go.yaml.in/yaml/v3"
)

func compile(t *testing.T) *jsonschema.Schema {
	t.Helper()
	doc, err := jsonschema.UnmarshalJSON(bytes.NewReader(schema.GetV1Alpha1Schema()))
	if err != nil {
		t.Fatal(err)
	}
	c := jsonschema.NewCompiler()
	if err := c.AddResource("zarf.json", doc); err != nil {
		t.Fatal(err)
	}
	s, err := c.Compile("zarf.json")
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func validate(s *jsonschema.Schema, data []byte) error {
	var value any
	if err := yaml.Unmarshal(data, &value); err != nil {
		return err
	}
	return s.Validate(value)
}

func TestGolden(t *testing.T) {
	s := compile(t)
	files, err := filepath.Glob("../testdata/*.yaml")
	if err != nil {
		t.Fatal(err)
	}
	n := 0
	for _, file := range files {
		if strings.HasSuffix(file, ".uds-bundle.yaml") {
			continue
		}
		n++
		data, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		if err := validate(s, data); err != nil {
			t.Errorf("%s: %v", file, err)
		}
	}
	if n < 7 {
		t.Errorf("only %d definitions", n)
	}
}

// What an update writes is valid too; these files are a definition before and
// after.
func TestUpdated(t *testing.T) {
	s := compile(t)
	files, err := filepath.Glob("../testdata/update/*.txtar")
	if err != nil || len(files) == 0 {
		t.Fatal(files, err)
	}
	for _, file := range files {
		data, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		_, rest, _ := strings.Cut(string(data), "-- after.yaml --\n")
		after, _, found := strings.Cut(rest, "-- changes --\n")
		if !found {
			t.Fatalf("%s: no after.yaml", file)
		}
		if err := validate(s, []byte(after)); err != nil {
			t.Errorf("%s: %v", file, err)
		}
	}
}

// The schema is applied at all: what Zarf refuses is refused here.
func TestRefused(t *testing.T) {
	s := compile(t)
	good, err := os.ReadFile("../testdata/both.yaml")
	if err != nil {
		t.Fatal(err)
	}
	for _, change := range [][2]string{
		{`version: "2026.08.01"`, "version: 1.10"},
		{`name: "lei-cache"`, `name: "Lei"`},
		{"shasum: ", "sha256: "},
		{"imageArchives:", "archives:"},
		{"kind: \"ZarfPackageConfig\"", "kind: \"Package\""},
	} {
		if !bytes.Contains(good, []byte(change[0])) {
			t.Fatalf("no %q", change[0])
		}
		if validate(s, bytes.Replace(good, []byte(change[0]), []byte(change[1]), 1)) == nil {
			t.Errorf("%q is valid", change[1])
		}
	}
}
