package main

import (
	"os/exec"
	"slices"
	"strings"
	"testing"
)

const module = "github.com/ociferry/ferry/"

// allowed says which packages of ours each package may import. Arrows go down
// only: what stands lower in the table is not imported by what stands above.
var allowed = map[string][]string{
	"layout/internal/strictjson": {},
	"layout/compression":         {},
	"layout/durable":             {},
	"layout/visible":             {},
	"layout/stream":              {},
	"layout/sniff":               {"layout/compression"},
	"layout/signature":           {},
	"zarf":                       {},
	"layout":                     {"layout/internal/strictjson", "layout/durable", "layout/stream", "layout/visible"},
	"layout/artifact":            {"layout", "layout/durable", "layout/visible"},
	"layout/helm":                {"layout/artifact", "layout/internal/strictjson"},
	"layout/diff":                {"layout", "layout/artifact"},
	"layout/kinds":               {"layout/artifact", "layout/helm", "layout/lei"},
	"layout/policy":              {"layout", "layout/artifact", "layout/kinds", "layout/sniff"},
	"layout/layouttest":          {"layout"},
	"layout/lei":                 {"layout", "layout/artifact", "layout/compression", "layout/durable", "layout/internal/strictjson"},
	"layout/registry":            {"layout", "layout/durable"},
	"bundle":                     {"layout", "layout/artifact", "layout/stream", "layout/compression"},
	"bundle/packinglist":         {"layout", "layout/artifact", "layout/compression", "layout/kinds", "layout/lei", "layout/policy", "layout/signature", "layout/sniff", "layout/visible"},
	"cmd/ferry": {
		"bundle", "zarf", "layout", "layout/artifact", "layout/compression", "layout/diff", "layout/durable", "layout/kinds", "layout/lei",
		"layout/stream", "layout/registry", "layout/sniff", "layout/signature", "layout/policy", "bundle/packinglist",
		"cmd/ferry/internal/ui",
		"cmd/ferry/internal/source", "cmd/ferry/internal/output", "cmd/ferry/internal/remote",
	},
	"cmd/ferry/internal/remote": {
		"layout", "layout/compression", "layout/registry", "cmd/ferry/internal/source", "cmd/ferry/internal/ui",
	},
	"cmd/ferry/internal/output": {
		"bundle", "bundle/packinglist", "layout", "layout/artifact", "layout/compression", "layout/durable", "layout/kinds", "layout/lei",
		"layout/policy", "layout/signature", "layout/sniff", "cmd/ferry/internal/source", "cmd/ferry/internal/ui",
	},
	"cmd/ferry/internal/source": {
		"bundle", "layout", "layout/artifact", "layout/compression", "layout/durable", "layout/kinds",
		"layout/stream", "layout/registry", "layout/policy", "layout/signature", "layout/sniff", "cmd/ferry/internal/ui",
	},
	"cmd/ferry/internal/ui": {
		"bundle", "zarf", "layout", "layout/artifact", "layout/compression", "layout/durable", "layout/kinds", "layout/lei",
		"layout/registry", "layout/policy", "layout/visible",
	},
	"layout/registry/registrytest": {},
}

// owner is the one package that imports a library, or the few that read the
// same format for different ends. The image specification's types and digests
// are everybody's words.
var owner = map[string]string{
	"github.com/klauspost/pgzip":           "layout/compression",
	"github.com/klauspost/compress":        "layout/compression",
	"github.com/vbauerster/mpb/v8":         "cmd/ferry/internal/ui",
	"golang.org/x/term":                    "cmd/ferry/internal/ui",
	"github.com/urfave/cli/v2":             "cmd/ferry cmd/ferry/internal/ui cmd/ferry/internal/source cmd/ferry/internal/output cmd/ferry/internal/remote",
	"go.yaml.in/yaml/v3":                   "zarf layout/policy",
	"golang.org/x/crypto":                  "layout/signature",
	"golang.org/x/sys":                     "layout/durable",
	"golang.org/x/text":                    "layout/visible",
	"rsc.io/qr":                            "bundle/packinglist",
	"github.com/gabriel-vasile/mimetype":   "layout/sniff",
	"oras.land/oras-go/v2":                 "layout/registry",
	"github.com/opencontainers/go-digest":  "",
	"github.com/opencontainers/image-spec": "",
}

// The packages import each other as the design says, and each library in one
// place, so that a newcomer finds the room where a thing belongs.
func TestArchitecture(t *testing.T) {
	cmd := exec.Command("go", "list", "-f", `{{.ImportPath}} {{join .Imports " "}}`, "./...")
	cmd.Dir = repository(t)
	out, err := cmd.Output()
	if err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(string(out)) {
		fields := strings.Fields(line)
		name := strings.TrimPrefix(fields[0], module)
		may, known := allowed[name]
		if !known {
			t.Errorf("%s is not in the table: say what it may import", name)
		}
		for _, imp := range fields[1:] {
			if ours, ok := strings.CutPrefix(imp, module); ok {
				if !slices.Contains(may, ours) {
					t.Errorf("%s imports %s, which the table does not allow", name, ours)
				}
				continue
			}
			if first, _, _ := strings.Cut(imp, "/"); !strings.Contains(first, ".") {
				continue // the standard library
			}
			found := false
			for lib, at := range owner {
				if imp == lib || strings.HasPrefix(imp, lib+"/") {
					found = true
					if at != "" && !slices.Contains(strings.Fields(at), name) {
						t.Errorf("%s imports %s, which belongs to %s", name, imp, at)
					}
				}
			}
			if !found {
				t.Errorf("%s imports %s, a library without an owner in the table", name, imp)
			}
		}
	}
	for _, name := range []string{"util", "common", "helpers", "types"} {
		if strings.Contains(string(out), "/"+name+" ") {
			t.Errorf("a package is called %s; call it by what it is about", name)
		}
	}
}
