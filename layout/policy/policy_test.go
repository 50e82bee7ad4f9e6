package policy

import (
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/opencontainers/go-digest"

	"github.com/ociferry/ferry/layout/sniff"
)

const full = `version: 1
signatures: {require: 2, keys: [a.pub, b.pub]}
kinds: [lei, image]
mediaTypes: [application/vnd.oci.*]
names: ["*.internal"]
limits: {blob: 2GiB, bundle: 4.7GB}
forbid: [executables, encrypted, secrets, unseen]
dates: {min: 2026-02-01, maxAge: 2w}
`

func TestParse(t *testing.T) {
	p, err := Parse([]byte(full))
	if err != nil {
		t.Fatal(err)
	}
	if p.Require != 2 || len(p.Keys) != 2 || p.MaxBlob != 2<<30 || p.MaxBundle != 4_700_000_000 ||
		p.Forbid != (Forbid{true, true, true, true}) || p.Dates.MaxAge != 14*24*time.Hour || p.Dates.Min.Format(time.DateOnly) != "2026-02-01" {
		t.Errorf("%+v", p)
	}
	p, err = Parse([]byte("version: 1\nsignatures: {keys: [a.pub]}\nlimits: {blob: 10}\n"))
	if err != nil || p.Require != 1 || p.MaxBlob != 10 || p.Looks() || p.Dates.Dated() {
		t.Errorf("%+v %v", p, err)
	}
	if p, err := Parse([]byte(`{"version": 1, "kinds": ["lei"]}`)); err != nil || len(p.Kinds) != 1 {
		t.Errorf("JSON: %+v %v", p, err)
	}
}

// A policy with a mistake in it is refused: it would allow what it was written
// to forbid.
func TestParseRefuses(t *testing.T) {
	for _, c := range []struct{ data, text string }{
		{"", "empty"},
		{"version: 2", "version: want 1"},
		{"kinds: [lei]", "version: want 1"},
		{"version: 1\nkind: [lei]", "kind not found"},
		{"version: 1\nkinds: [lie]", `no kind "lie"`},
		{"version: 1\nkinds: []", "empty list"},
		{"version: 1\nkinds: lei", "cannot unmarshal"},
		{"version: 1\nnames: ['']", "empty"},
		{"version: 1\nkinds: [lei]\nkinds: [files]", "already defined"},
		{"version: 1\nforbid: [viruses]", `"viruses"`},
		{"version: 1\nforbid: {executables: true}", "cannot unmarshal"},
		{"version: 1\nlimits: {blob: many}", "limits.blob"},
		{"version: 1\nlimits: {blob: -1}", "limits.blob"},
		{"version: 1\nlimits: {blob: 1e300GB}", "limits.blob"},
		{"version: 1\nlimits: {size: 1}", "size not found"},
		{"version: 1\ndates: {min: soon}", "dates.min"},
		{"version: 1\ndates: {maxAge: 30}", "dates.maxAge"},
		{"version: 1\ndates: {maxAge: 0d}", "dates.maxAge"},
		{"version: 1\nsignatures: {}", "signatures.require"},
		{"version: 1\nsignatures: {require: 0, keys: [a]}", "signatures.require"},
		{"version: 1\nsignatures: {require: 3, keys: [a, b]}", "which is 2"},
		{"version: 1\n---\nversion: 1", "more than one"},
		{"version: 1\nsignatures:\n  #require: 1", "line 2: a rule without a value"},
		{"version: 1\nkinds:", "line 2: a rule without a value"},
		{"version: 1\nforbid: [executables, ]\nlimits: {blob: }", "line 3: a rule without a value"},
		{"version: 1\nforbid: []", "an empty list"},
		{"version: [", ""},
		{strings.Repeat("#", MaxSize+1), "too large"},
	} {
		_, err := Parse([]byte(c.data))
		if err == nil || !strings.Contains(err.Error(), c.text) || strings.Contains(err.Error(), "\n") {
			t.Errorf("%.60q: %v, want %q", c.data, err, c.text)
		}
	}
}

func TestJudge(t *testing.T) {
	blob := func(s, mediaType string, size int64, title string) Blob {
		return Blob{Digest: digest.FromString(s), MediaType: mediaType, Size: size, Title: title}
	}
	now := time.Date(2026, 2, 15, 0, 0, 0, 0, time.UTC)
	a := digest.FromString("a")
	good := func() *Input {
		return &Input{
			Names:     []string{"lei.internal/lei/cache:1", "lei.internal:5000/x:1", "LEI.Internal/x:2"},
			Artifacts: []Artifact{{Digest: a, Kind: "lei", Date: now.AddDate(0, 0, -7)}},
			Blobs:     []Blob{blob("a", "application/vnd.oci.image.manifest.v1+json", 10, ""), blob("b", "application/vnd.oci.x", 2<<30, "f\x1b")},
			Content:   map[digest.Digest]*sniff.Findings{a: {}},
			Now:       now,
		}
	}
	p, err := Parse([]byte(full))
	if err != nil {
		t.Fatal(err)
	}
	if v := p.Judge(good()); len(v) > 0 {
		t.Errorf("refused: %v", v)
	}
	found := sniff.Places{List: []sniff.Place{{Path: "x > y\x1b", What: "ELF"}}, More: 3}
	for _, c := range []struct {
		name   string
		change func(*Input)
		want   []string
	}{
		{"kind", func(s *Input) { s.Artifacts[0].Kind = "files" }, []string{"kinds"}},
		{"media type", func(s *Input) { s.Blobs[1].MediaType = "text/plain" }, []string{"mediaTypes"}},
		{"media type twice", func(s *Input) {
			s.Blobs[1].MediaType = "text/plain"
			s.Blobs = append(s.Blobs, s.Blobs[1])
		}, []string{"mediaTypes"}},
		{"host", func(s *Input) { s.Names = []string{"docker.io/x.internal/y:1"} }, []string{"names"}},
		{"no host", func(s *Input) { s.Names = []string{"latest"} }, []string{"names"}},
		{"host that ends otherwise", func(s *Input) { s.Names = []string{"x.internal.example.com/y:1"} }, []string{"names"}},
		{"blob", func(s *Input) { s.Blobs[1].Size++ }, []string{"limits.blob"}},
		{"bundle", func(s *Input) { s.Size = 5 << 30 }, []string{"limits.bundle"}},
		{"blobs that are large together, compressed", func(s *Input) {
			s.Blobs = append(s.Blobs, blob("c", "application/vnd.oci.x", 2<<30, ""), blob("d", "application/vnd.oci.x", 2<<30, ""), blob("e", "application/vnd.oci.x", 2<<30, ""))
		}, nil},
		{"the same blob twice is one", func(s *Input) { s.Blobs = append(s.Blobs, s.Blobs[1], s.Blobs[1]) }, nil},
		{"executable", func(s *Input) { s.Content[a].Executable = found }, []string{"forbid executables", "forbid executables"}},
		{"encrypted", func(s *Input) { s.Content[a].Encrypted = found }, []string{"forbid encrypted", "forbid encrypted"}},
		{"unseen", func(s *Input) { s.Content[a].Unseen = found }, []string{"forbid unseen", "forbid unseen"}},
		{"secrets", func(s *Input) { s.Secrets = []string{"x"} }, []string{"forbid secrets"}},
		{"old", func(s *Input) { s.Artifacts[0].Date = now.AddDate(-1, 0, 0) }, []string{"dates.min", "dates.maxAge"}},
		{"too old", func(s *Input) { s.Artifacts[0].Date = now.AddDate(0, 0, -14) }, nil},
		{"no date", func(s *Input) { s.Artifacts[0].Date = time.Time{} }, []string{"dates"}},
		{"a referrer without a date", func(s *Input) {
			s.Artifacts = append(s.Artifacts, Artifact{Digest: digest.FromString("r"), Kind: "referrer"})
		}, []string{"kinds", "dates"}},
		{"an old referrer to what is fresh", func(s *Input) {
			s.Artifacts = append(s.Artifacts, Artifact{Digest: digest.FromString("r"), Kind: "image", Date: now.AddDate(-1, 0, 0)})
		}, []string{"dates.min", "dates.maxAge"}},
		{"an entry that is no manifest", func(s *Input) {
			s.Artifacts = append(s.Artifacts, Artifact{Digest: digest.FromString("r"), Kind: KindBlob})
		}, []string{"kinds", "dates"}},
		{"a blob that nothing refers to", func(s *Input) {
			s.Artifacts = append(s.Artifacts, Artifact{Digest: digest.FromString("r"), Kind: KindBlob, unreferenced: true})
		}, []string{"kinds"}},
		{"a program by its name", func(s *Input) { s.Blobs[0].Title = "EVIL.exe. ." }, []string{"forbid executables"}},
		{"a file beside the layout", func(s *Input) { s.Files = []File{{Name: "x", Size: 1, Found: &sniff.Findings{}}} }, []string{"mediaTypes"}},
		{"a file that nobody looked at", func(s *Input) { s.Files = []File{{Name: "x", Size: 1}} },
			[]string{"mediaTypes", "forbid executables", "forbid encrypted", "forbid unseen"}},
		{"a file that may be run", func(s *Input) { s.Files = []File{{Name: "x", Found: &sniff.Findings{Executable: found}}} },
			[]string{"mediaTypes", "forbid executables", "forbid executables"}},
		{"a large file", func(s *Input) { s.Files = []File{{Name: "x", Size: 5 << 30, Found: &sniff.Findings{}}} },
			[]string{"mediaTypes", "limits.blob"}},
		{"from ahead of the clock", func(s *Input) { s.Artifacts[0].Date = now.AddDate(1, 0, 0) }, nil},
		{"everything", func(s *Input) {
			s.Artifacts[0].Kind = "files"
			s.Names = []string{"a", "b"}
			s.Content[a].Executable = found
		}, []string{"kinds", "names", "names", "forbid executables", "forbid executables"}},
	} {
		s := good()
		c.change(s)
		var rules []string
		for _, v := range p.Judge(s) {
			rules = append(rules, v.Rule)
			if strings.Contains(v.String(), "\x1b") {
				t.Errorf("%s: not printable: %q", c.name, v)
			}
		}
		if !slices.Equal(rules, c.want) {
			t.Errorf("%s: %v, want %v", c.name, rules, c.want)
		}
		if v := new(Policy).Judge(s); len(v) > 0 {
			t.Errorf("%s: no rules refuse %v", c.name, v)
		}
	}
	s := good()
	for range 2 * MaxViolations {
		s.Names = append(s.Names, "x")
	}
	if v := p.Judge(s); len(v) != MaxViolations+1 {
		t.Errorf("%d violations are listed", len(v))
	}
}

func TestMatch(t *testing.T) {
	for _, c := range []struct {
		pattern, s string
		want       bool
	}{
		{"a", "a", true}, {"a", "A", true}, {"a", "b", false}, {"*", "", true}, {"*", "x/y", true},
		{"*.internal", "a.internal", true}, {"*.internal", ".internal", true}, {"*.internal", "internal", false},
		{"a*a", "a", false}, {"a*a", "aa", true}, {"a*b*c", "a-b-c", true}, {"a*b*c", "a-c-b", false}, {"a**", "abc", true},
	} {
		if match(c.pattern, c.s) != c.want {
			t.Errorf("%q matches %q: %v", c.pattern, c.s, !c.want)
		}
	}
}

// The example holds every rule: without the parser of one it is no policy.
func TestExample(t *testing.T) {
	all := rules
	defer func() { rules = all }()
	if _, err := Parse([]byte(Example)); err != nil {
		t.Fatal(err)
	}
	for i, r := range all {
		rules = slices.Delete(slices.Clone(all), i, i+1)
		if _, err := Parse([]byte(Example)); err == nil {
			t.Errorf("the example does not hold %s", r.key)
		}
	}
}

var update = flag.Bool("update", false, "write schema.json anew")

// The schema is what the table of rules says.
func TestSchema(t *testing.T) {
	groups := map[string][]string{}
	var order, words []string
	for _, r := range rules {
		group, key, grouped := strings.Cut(r.key, ".")
		if !slices.Contains(order, group) {
			order = append(order, group)
		}
		switch {
		case group == "forbid":
			words = append(words, fmt.Sprintf("%q", key))
			groups[group] = append(groups[group], key+": "+r.help)
		case grouped:
			groups[group] = append(groups[group], fmt.Sprintf(`        %q: {"description": %q, %s}`, key, r.help, r.value))
		default:
			groups[group] = []string{fmt.Sprintf(`    %q: {"description": %q, %s}`, r.key, r.help, r.value)}
		}
	}
	lines := []string{`    "version": {"const": 1}`}
	for _, g := range order {
		switch {
		case g == "forbid":
			lines = append(lines, fmt.Sprintf("    %q: {\n      \"description\": %q,\n      \"type\": \"array\", \"minItems\": 1, \"items\": {\"enum\": [%s]}\n    }",
				g, "What content may not be or hold. "+strings.Join(groups[g], "; "), strings.Join(words, ", ")))
		case strings.HasPrefix(groups[g][0], "        "):
			required := ""
			if g == "signatures" {
				required = " \"required\": [\"keys\"],"
			}
			lines = append(lines, fmt.Sprintf("    %q: {\n      \"type\": \"object\", \"additionalProperties\": false,%s\n      \"properties\": {\n%s\n      }\n    }",
				g, required, strings.Join(groups[g], ",\n")))
		default:
			lines = append(lines, groups[g][0])
		}
	}
	want := `{
  "$schema": "https://json-schema.org/draft/2020-12/schema",
  "$id": "https://github.com/ociferry/ferry/layout/policy/schema.json",
  "title": "ferry.policy.yaml",
  "description": "What may pass. A rule that is left out allows everything.",
  "type": "object",
  "additionalProperties": false,
  "required": ["version"],
  "properties": {
` + strings.Join(lines, ",\n") + "\n  }\n}\n"
	if *update {
		if err := os.WriteFile("schema.json", []byte(want), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	got, err := os.ReadFile("schema.json")
	if err != nil {
		t.Fatal(err)
	}
	if string(got) != want || !json.Valid(got) {
		t.Errorf("schema.json is not what the rules say, or no JSON: go test -run TestSchema -update writes it anew; want\n%s", want)
	}
}

// No policy takes the process down, and what it allows can be judged.
func FuzzParse(f *testing.F) {
	f.Add([]byte(full))
	f.Add([]byte("version: 1\na: &a [*a]\n"))
	f.Fuzz(func(t *testing.T, data []byte) {
		p, err := Parse(data)
		if err != nil {
			return
		}
		if p.Require > len(p.Keys) || p.MaxBlob < 0 || p.MaxBundle < 0 || p.Dates.MaxAge < 0 {
			t.Errorf("%+v", p)
		}
		p.Judge(&Input{Names: []string{"a/b"}, Blobs: []Blob{{}}, Artifacts: []Artifact{{}}})
	})
}
