package zarf_test

import (
	"bytes"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/rogpeppe/go-internal/txtar"
	"go.yaml.in/yaml/v3"

	"github.com/ociferry/ferry/zarf"
)

// Each file under testdata/update is a definition before and after, and what
// Update says it changed; the first line of its comment is the shape.
func TestUpdate(t *testing.T) {
	files, err := filepath.Glob("testdata/update/*.txtar")
	if err != nil || len(files) == 0 {
		t.Fatal(files, err)
	}
	for _, file := range files {
		t.Run(filepath.Base(file), func(t *testing.T) {
			archive, err := txtar.ParseFile(file)
			if err != nil {
				t.Fatal(err)
			}
			shape, _, _ := strings.Cut(string(archive.Comment), "\n")
			before, after, said := archive.Files[0].Data, &archive.Files[1], &archive.Files[2]
			p, err := zarf.Define(lei(), zarf.Options{Shape: zarf.Shape(shape)})
			if err != nil {
				t.Fatal(err)
			}
			got, changes, err := zarf.Update(before, p)
			if err != nil {
				t.Fatal(err)
			}
			var says strings.Builder
			for _, c := range changes {
				says.WriteString(c.String() + "\n")
			}
			if *update {
				after.Data, said.Data = got, []byte(says.String())
				if err := os.WriteFile(file, txtar.Format(archive), 0o644); err != nil {
					t.Fatal(err)
				}
			}
			if !bytes.Equal(got, after.Data) {
				t.Errorf("got\n%s\nwant\n%s", got, after.Data)
			}
			if says.String() != string(said.Data) {
				t.Errorf("says\n%s\nwant\n%s", says.String(), said.Data)
			}
			again, changes, err := zarf.Update(got, p)
			if err != nil || len(changes) > 0 || !bytes.Equal(again, got) {
				t.Errorf("the second time: %v, %v\n%s", changes, err, again)
			}
		})
	}
}

// A new component stands apart from the others as they do from each other.
func TestUpdateSpacing(t *testing.T) {
	p, err := zarf.Define(lei(), zarf.Options{Shape: zarf.Registry})
	if err != nil {
		t.Fatal(err)
	}
	for spacing, want := range map[string]string{"": "- name: b\n# zarf", "\n": "- name: b\n\n# zarf", "\n# about b\n": "- name: b\n\n# zarf", "# about b\n": "- name: b\n# zarf"} {
		got, _, err := zarf.Update([]byte("kind: ZarfPackageConfig\ncomponents:\n- name: a\n"+spacing+"- name: b\n"), p)
		if err != nil || !strings.Contains(string(got), want) {
			t.Errorf("%q: %v\n%s", spacing, err, got)
		}
	}
}

// The lines of others stay as they are, whatever the file looks like.
func TestUpdateKeepsTheRest(t *testing.T) {
	const head = "kind: ZarfPackageConfig\nmetadata:\n  name:   mine   # odd   spacing\n\n\n"
	for _, c := range []struct{ name, before string }{
		{"no components", head},
		{"null components", head + "components:\n"},
		{"empty list", head + "components: []\n"},
		{"dashes in the first column", head + "components:\n- name: a\n\n- name: b # b\n"},
		{"an empty line between", head + "components:\n  - name: a\n\n  # b\n  - name: b\n\nvariables: []\n"},
		{"dashes far in", head + "components:\n        - name: a\n          images:\n          - x\n\n# the end\n"},
		{"no newline at the end", head + "components:\n  - name: a"},
		{"a key after the components", head + "components:\n  - name: a\n\nvariables:\n  - name: X\n"},
		{"a block at the end", head + "components:\n  - name: a\n    description: |+\n      text\n\n\nconstants: []\n"},
		{"comments about the next", head + "components:\n  - name: a\n  # about nothing\n\n# about variables\nvariables: []\n"},
		{"document marks", "---\n" + head + "components:\n  - name: a\n...\n"},
		{"anchors of others", head + "components:\n  - &a\n    name: a\n    only: &o {localOS: linux}\n  - name: b\n    only: *o\n"},
		{"flow style", "{kind: ZarfPackageConfig, metadata: {name: mine}, components: [{name: a}, {name: b}]}\n"},
		{"JSON", "{\n  \"kind\": \"ZarfPackageConfig\",\n  \"components\": [\n    {\"name\": \"a\"}\n  ]\n}\n"},
		{"flow list", head + "components: [{name: a}]\n"},
		{"Windows line ends", strings.ReplaceAll(head+"components:\n  - name: a\n", "\n", "\r\n")},
	} {
		t.Run(c.name, func(t *testing.T) {
			p, err := zarf.Define(lei(), zarf.Options{})
			if err != nil {
				t.Fatal(err)
			}
			got, changes, err := zarf.Update([]byte(c.before), p)
			if err != nil || len(changes) != 2 {
				t.Fatal(changes, err)
			}
			var before, after map[string]any
			if err := yaml.Unmarshal([]byte(c.before), &before); err != nil {
				t.Fatal(err)
			}
			if err := yaml.Unmarshal(got, &after); err != nil {
				t.Fatalf("%v\n%s", err, got)
			}
			old, _ := before["components"].([]any)
			now := after["components"].([]any)
			if len(now) != len(old)+2 {
				t.Errorf("%d components, then %d\n%s", len(old), len(now), got)
			}
			// Flow style is the one that is written anew.
			if !strings.Contains(c.name, "flow") && c.name != "JSON" && !strings.Contains(c.name, "list") && !strings.Contains(c.name, "null") {
				rest, before := strings.TrimRight(without(string(got)), "\r\n"), strings.TrimRight(c.before, "\r\n")
				if strings.Contains(c.before, "- name: b\n\n") || strings.Contains(c.before, "|+") {
					rest, before = squeeze(rest), squeeze(before) // ours stand apart, as TestUpdateSpacing shows
				}
				if rest != before {
					t.Errorf("the rest is\n%q\nand was\n%q", rest, before)
				}
			}
			if strings.Contains(c.before, "\r\n") && strings.Count(string(got), "\n") != strings.Count(string(got), "\r\n") {
				t.Errorf("mixed line ends\n%q", got)
			}
			again, changes, err := zarf.Update(got, p)
			if err != nil || len(changes) > 0 || !bytes.Equal(again, got) {
				t.Errorf("the second time: %v, %v\n%s", changes, err, again)
			}
			d, err := zarf.Parse(got)
			if err != nil {
				t.Fatal(err)
			}
			if last := d.Components[len(d.Components)-1]; last.Name != "lei-cache-registry" || last.Archives[0].Images[0] != leiName {
				t.Errorf("got %+v", last)
			}
		})
	}
}

// A definition of ferry's own says of another snapshot what it said of the one
// before; what was written by hand stays, with a note. edit changes the text in
// between.
func TestUpdateOwn(t *testing.T) {
	newer := func(b *zarf.Bundle) {
		b.Path, b.SHA256, b.Index, b.Artifacts[0].Digest = "lei-cache-2026.09.01.tar.gz", hex("f"), digest("e"), digest("d")
		b.Artifacts[0].Annotations = names("lei.internal/lei/cache:2026.09.01")
	}
	const index, artifact = "io.github.ociferry.index.digest", "io.github.ociferry.artifact.digest"
	for _, c := range []struct {
		name        string
		old         zarf.Options
		from, to    string // in the text
		bundle      zarf.Bundle
		version     string
		description string
		notes       string
	}{
		{"as written", zarf.Options{}, "", "", lei(newer), "2026.09.01", "LEI analysis cache snapshot 2026.09.01", ""},
		{"files", zarf.Options{Shape: zarf.Files, Version: "7"}, "", "", lei(newer), "2026.09.01", "LEI analysis cache snapshot 2026.09.01", ""},
		{"another name for the package", zarf.Options{}, `name: "lei-cache"`, "name: mine", lei(newer), "2026.09.01", "LEI analysis cache snapshot 2026.09.01", ""},
		{"quoted otherwise", zarf.Options{}, `version: "2026.08.01"`, "version: '2026.08.01' # v", lei(newer), "2026.09.01", "LEI analysis cache snapshot 2026.09.01", ""},
		{"by hand", zarf.Options{}, `version: "2026.08.01"`, `version: "9"`, lei(newer), "9", "LEI analysis cache snapshot 2026.08.01",
			`metadata.version stays "9", which is not what ferry writes; of this bundle that is "2026.09.01"` + "\n" +
				`metadata.description stays "LEI analysis cache snapshot 2026.08.01", which is not what ferry writes; of this bundle that is "LEI analysis cache snapshot 2026.09.01"`},
		{"a description by hand", zarf.Options{Description: "ours"}, "", "", lei(newer), "2026.09.01", "ours", "metadata.description stays"},
		{"a number", zarf.Options{}, `version: "2026.08.01"`, "version: 1.10", lei(newer), "1.10", "LEI analysis cache snapshot 2026.08.01",
			`metadata.version: found "1.10 (float)", want a string: put it in quotes; mend it by hand`},
		{"several artifacts", zarf.Options{}, "", "", lei(newer, add(signature)), "2026.09.01", "LEI analysis cache snapshot 2026.08.01", "metadata.description stays"},
	} {
		t.Run(c.name, func(t *testing.T) {
			old, err := zarf.Define(lei(), c.old)
			if err != nil {
				t.Fatal(err)
			}
			var b bytes.Buffer
			if err := old.Write(&b); err != nil {
				t.Fatal(err)
			}
			p, err := zarf.Define(c.bundle, zarf.Options{Shape: c.old.Shape})
			if err != nil {
				t.Fatal(err)
			}
			got, _, err := zarf.Update([]byte(strings.Replace(b.String(), c.from, c.to, 1)), p)
			if err != nil {
				t.Fatal(err)
			}
			var y struct {
				Metadata struct {
					Version, Description string
					Annotations          map[string]string
				}
			}
			if err := yaml.Unmarshal(got, &y); err != nil {
				t.Fatal(err)
			}
			if m := y.Metadata; m.Version != c.version || m.Description != c.description || m.Annotations[index] != digest("e") || m.Annotations[artifact] != p.Annotations[artifact] {
				t.Errorf("got\n%s", got)
			}
			if notes := strings.Join(p.Notes, "\n"); !strings.Contains(notes, c.notes) || c.notes == "" && notes != "" {
				t.Errorf("notes: %s", notes)
			}
			if strings.Count(string(got), "\n") != strings.Count(b.String(), "\n")+len(p.Annotations)-2 && c.name != "several artifacts" {
				t.Errorf("lines were lost\n%s", got)
			}
			d, err := zarf.Parse(got)
			if err != nil {
				t.Fatal(err)
			}
			if err := d.Check(beside(c.bundle)).Err(); (err != nil) != (c.name == "a number") {
				t.Error(err)
			}
			// Back again, with the annotation that may have gone.
			if back, _, err := zarf.Update(got, old); err != nil || !strings.Contains(string(back), artifact+`": "`+digest("c")+`"`) {
				t.Errorf("%v\n%s", err, back)
			}
		})
	}
}

// squeeze leaves out empty lines.
func squeeze(s string) string {
	return strings.Join(strings.FieldsFunc(s, func(r rune) bool { return r == '\n' }), "\n")
}

// without cuts out the lines of our two components.
func without(s string) string {
	var kept []string
	ours, column := false, 0
	for line := range strings.Lines(s) {
		trimmed := strings.TrimLeft(line, " ")
		at := len(line) - len(trimmed)
		if strings.HasPrefix(trimmed, "# zarf package") || strings.HasPrefix(trimmed, "# or zarf package") || strings.HasPrefix(trimmed, `- name: "lei-cache-`) {
			ours, column = true, at
			continue
		}
		if ours && at > column {
			continue
		}
		ours = false
		if strings.HasPrefix(line, "components:") && !strings.Contains(s, "name: a") {
			continue
		}
		kept = append(kept, line)
	}
	return strings.Join(kept, "")
}

func TestUpdateRefuses(t *testing.T) {
	const head = "kind: ZarfPackageConfig\nmetadata: {name: mine}\n"
	for _, c := range []struct{ name, before, want string }{
		{"empty", "", "empty"},
		{"not YAML", "a: [", "did not find"},
		{"a list", "- a\n", "a mapping"},
		{"two documents", head + "---\n" + head, "single YAML document"},
		{"rubbish after the document", head + "---\n\"", "found unexpected end"},
		{"v1beta1", "apiVersion: zarf.dev/v1beta1\n" + head, "zarf.dev/v1beta1"},
		{"another kind", "kind: ZarfInitConfig\n", "ZarfInitConfig"},
		{"a key twice", head + "kind: ZarfPackageConfig\n", "already defined"},
		{"too large", head + "# " + strings.Repeat("x", 4<<20), "at most"},
		{"an alias as our component", head + "x-a: &a {name: lei-cache-files}\ncomponents:\n  - *a\n", "alias"},
		{"an alias to itself", "&a\nkind: *a\n", "ZarfPackageConfig"},
		{"a component twice", head + "components: [{name: a}, {name: a}]\n", "each name once"},
		{"our image from another archive", head + "components: [{name: a, imageArchives: [{path: b.tar, images: [" + leiName + "]}]}]\n", "has it from b.tar"},
		{"our image from a registry", head + "components: [{name: a, images: [" + leiName + "]}]\n", "component a pulls it"},
	} {
		t.Run(c.name, func(t *testing.T) {
			p, err := zarf.Define(lei(), zarf.Options{})
			if err != nil {
				t.Fatal(err)
			}
			got, changes, err := zarf.Update([]byte(c.before), p)
			if err == nil || !strings.Contains(err.Error(), c.want) {
				t.Fatalf("got %q, %v, %v; want %q", got, changes, err, c.want)
			}
			var e *zarf.Error
			if errors.As(err, &e) && e.Field == "" {
				t.Errorf("no field: %v", err)
			}
		})
	}
}

// Whatever is there: what Update accepts, it writes once, and the result says
// the same of the components that are not ours.
func FuzzUpdate(f *testing.F) {
	files, _ := filepath.Glob("testdata/*.yaml")
	for _, file := range files {
		data, err := os.ReadFile(file)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(data)
	}
	f.Add([]byte("kind: ZarfPackageConfig\ncomponents:\n- name: a # x\n  description: |2\n     b\n\n- {name: lei-cache-files}\n"))
	p, err := zarf.Define(lei(), zarf.Options{})
	if err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		got, _, err := zarf.Update(data, p)
		if err != nil {
			return
		}
		before, err := zarf.Parse(data)
		if err != nil {
			t.Fatal(err)
		}
		after, err := zarf.Parse(got)
		if err != nil {
			t.Fatalf("%v\n%s", err, got)
		}
		for i, c := range before.Components {
			if after.Components[i].Name != c.Name {
				t.Errorf("component %d is %q and was %q", i, after.Components[i].Name, c.Name)
			}
		}
		again, changes, err := zarf.Update(got, p)
		if err != nil || len(changes) > 0 || !bytes.Equal(again, got) {
			t.Errorf("the second time: %v, %v\n%q\n%q", changes, err, got, again)
		}
	})
}
