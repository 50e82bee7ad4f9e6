package zarf_test

import (
	"bytes"
	"errors"
	"io/fs"
	"strings"
	"testing"

	"github.com/ociferry/ferry/zarf"
)

// beside answers for the files beside a definition.
func beside(bundles ...zarf.Bundle) func(string, bool) (zarf.Found, error) {
	return func(path string, bundle bool) (zarf.Found, error) {
		for _, b := range bundles {
			if b.Path == path {
				f := zarf.Found{SHA256: b.SHA256}
				if bundle {
					f.Bundle = &b
				}
				return f, nil
			}
		}
		switch path {
		case ferryAMD64.Path:
			return zarf.Found{SHA256: ferryAMD64.SHA256}, nil
		case "dir":
			return zarf.Found{}, errors.New("it is a directory")
		}
		return zarf.Found{}, fs.ErrNotExist
	}
}

func TestCheckAgrees(t *testing.T) {
	p, err := zarf.Define(lei(), zarf.Options{Ferry: []zarf.Binary{ferryAMD64}})
	if err != nil {
		t.Fatal(err)
	}
	var b bytes.Buffer
	if err := p.Write(&b); err != nil {
		t.Fatal(err)
	}
	d, err := zarf.Parse(b.Bytes())
	if err != nil {
		t.Fatal(err)
	}
	r := d.Check(beside(lei()))
	if err := r.Err(); err != nil {
		t.Error(err)
	}
	if r.Files != 2 || r.References != 1 {
		t.Errorf("%+v", r)
	}
}

// Each row spoils the definition of TestCheckAgrees, or what is beside it.
func TestCheckDisagrees(t *testing.T) {
	for _, c := range []struct {
		name     string
		old, new string // in the text
		bundle   func(*zarf.Bundle)
		want     []string
	}{
		{"another archive", "", "", func(b *zarf.Bundle) { b.SHA256 = hex("f") }, []string{
			`component lei-cache-files: files[0].shasum: found "` + hex("a") + `", want ` + hex("f"),
		}},
		{"another snapshot", "", "", func(b *zarf.Bundle) {
			b.SHA256, b.Index, b.Artifacts[0].Digest = hex("f"), digest("f"), digest("f")
			b.Artifacts[0].Annotations = names("lei.internal/lei/cache:2026.09.01")
		}, []string{
			"files[0].shasum", "after[0].cmd: found \"" + hex("b"), `images: found "lei.internal/lei/cache:2026.08.01", want one that is in the index`,
			"index.digest", "artifact.digest",
		}},
		{"no archive", "", "", func(b *zarf.Bundle) { b.Path = "other.tar" }, []string{"a file that is there", "there is none that can be read"}},
		{"another ferry", hex("d"), hex("9"), nil, []string{"files[1].shasum"}},
		{"a pin changed by hand", "--expect sha256:" + hex("b"), "--expect sha256:" + hex("9"), nil, []string{"after[0].cmd"}},
		{"a version that is a number", `version: "2026.08.01"`, "version: 1.10", nil, []string{`metadata.version: found "1.10 (float)"`}},
		{"uncompressed", "metadata:\n", "metadata:\n  uncompressed: true\n", nil, []string{"metadata.uncompressed"}},
		{"a pinned image", leiName, leiName + "@" + digest("c"), nil, []string{"no digest", "in the index"}},
		{"a bare tag", leiName, "2026.08.01", nil, []string{`found "2026.08.01"`}},
		{"an index for others", "", "", func(b *zarf.Bundle) {
			b.Artifacts[0].MediaType, b.Artifacts[0].Platforms = indexType, []zarf.Platform{{}}
		}, []string{"a child for linux/amd64"}},
		{"not an archive Zarf reads", `path: "lei-cache-2026.08.01.tar.gz"`, `path: "dir"`, nil, []string{".tar.zst", "it is a directory"}},
		{"compressed otherwise", "", "", func(b *zarf.Bundle) { b.Compression = "none" }, []string{"compression gzip"}},
		{"an image twice", "components:\n", "components:\n  - name: x\n    imageArchives: [{path: lei-cache-2026.08.01.tar.gz, images: [" + leiName + "]}, {path: b.tar, images: [" + leiName + "]}]\n", nil,
			[]string{"it comes from lei-cache-2026.08.01.tar.gz too", "it comes from b.tar too", "a file that is there"}},
		{"an image from a registry too", "components:\n", "components:\n  - name: x\n    images: [" + leiName + "]\n", nil, []string{"or from a registry"}},
		{"no images", `images:` + "\n          - \"" + leiName + `"`, "images: []", nil, []string{"at least one image"}},
		{"a target that is no entry", "components:\n", "components:\n  - name: x\n    files: [{source: lei-cache-2026.08.01.tar.gz, target: a/nul.tar.gz}, {source: 'https://h/z', target: 'a:b'}]\n", nil,
			[]string{`files[0].target: found "a/nul.tar.gz", want a file name that Zarf unpacks`, `files[1].target: found "a:b"`}},
		{"a directory under files", "components:\n", "components:\n  - name: x\n    files: [{source: dir, target: t}]\n", nil, []string{"it is a directory"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			p, err := zarf.Define(lei(), zarf.Options{Ferry: []zarf.Binary{ferryAMD64}})
			if err != nil {
				t.Fatal(err)
			}
			var b bytes.Buffer
			if err := p.Write(&b); err != nil {
				t.Fatal(err)
			}
			if !strings.Contains(b.String(), c.old) {
				t.Fatalf("no %q in\n%s", c.old, b.String())
			}
			d, err := zarf.Parse([]byte(strings.Replace(b.String(), c.old, c.new, 1)))
			if err != nil {
				t.Fatal(err)
			}
			bundle := lei()
			if c.bundle != nil {
				c.bundle(&bundle)
			}
			r := d.Check(beside(bundle))
			var e *zarf.CheckError
			if !errors.As(r.Err(), &e) {
				t.Fatal("it agrees")
			}
			for _, want := range c.want {
				if !strings.Contains(e.Error(), want) {
					t.Errorf("lacks %q:\n%v", want, e)
				}
			}
			if len(r.Disagreements) != len(c.want) {
				t.Errorf("want %d disagreements:\n%v", len(c.want), e)
			}
		})
	}
}

// Each path is asked for once, and as a bundle where any component needs it.
func TestCheckAsksOnce(t *testing.T) {
	d, err := zarf.Parse([]byte("kind: ZarfPackageConfig\ncomponents:\n- name: a\n  files: [{source: x, target: x}, {source: x, target: y}, {source: 'https://h/z', target: z}]\n- name: b\n  imageArchives: [{path: x, images: [a.internal/b:1]}]\n"))
	if err != nil {
		t.Fatal(err)
	}
	asked := map[string]int{}
	d.Check(func(path string, bundle bool) (zarf.Found, error) {
		asked[path]++
		if !bundle {
			t.Errorf("%s: not as a bundle", path)
		}
		return zarf.Found{SHA256: hex("a")}, nil
	})
	if len(asked) != 1 || asked["x"] != 1 {
		t.Errorf("asked %v", asked)
	}
}
