package layouttest

import (
	"bytes"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// chain puts indexes around a manifest, each with the one before so many times.
func chain(levels, width int) func(Layout, []Object) []Object {
	return func(l Layout, m []Object) []Object {
		d := m[0].Without("annotations")
		for range levels {
			d = l.Put(IndexType, []byte(Index(slices.Repeat([]Object{d}, width)...).String()))
		}
		return []Object{d.With("annotations", m[0].Value("annotations"))}
	}
}

func graphCases() []Case {
	// lie is a blob under a name that is not its digest.
	lie := func(l Layout, digit, text string) {
		l["blobs/sha256/"+strings.Repeat(digit, 64)] = []byte(text)
	}
	desc := func(digit string, size int) Object {
		return Object{{"mediaType", Quote(IndexType)}, {"digest", Quote("sha256:" + strings.Repeat(digit, 64))}, {"size", itoa(size)}}
	}
	size := len(Index(desc("1", 100)).String())
	return []Case{
		{Name: "an index that holds itself", Words: "digest mismatch", Artifact: Artifact{Manifests: func(l Layout, m []Object) []Object {
			lie(l, "1", Index(desc("1", size)).String())
			return append(m, desc("1", size))
		}}},
		{Name: "two indexes that hold each other", Words: "digest mismatch", Artifact: Artifact{Manifests: func(l Layout, m []Object) []Object {
			lie(l, "1", Index(desc("2", size)).String())
			lie(l, "2", Index(desc("1", size)).String())
			return append(m, desc("1", size))
		}}},
		{Name: "indexes 17 deep", Words: "deep", Artifact: Artifact{Manifests: chain(17, 1)}},
		{Name: "indexes 500 deep", Words: "deep", Artifact: Artifact{Manifests: chain(500, 1)}},
		{Name: "a nested index whose manifest is absent", Words: "missing", Incomplete: true, Artifact: Artifact{Manifests: func(l Layout, m []Object) []Object {
			return append(m, l.Put(IndexType, []byte(Index(Descriptor(ManifestType, []byte("absent"))).String())))
		}}},
		{Name: "7 MiB of one descriptor with short annotations", Words: "too many descriptors", Artifact: Artifact{Manifests: func(l Layout, m []Object) []Object {
			one := l.Put("a/b", []byte("{}")).With("annotations", `{"a":"","b":"","c":"","d":"","e":"","f":""}`)
			for _, n := range []int{19_000, 19_001, 19_002, 19_003} {
				m = append(m, Note(l, "x", with("layers", Array(slices.Repeat([]Object{one}, n)...))).Without("annotations"))
			}
			return m
		}}},
		{Name: "one blob with two sizes", Words: "size", Artifact: Artifact{Manifests: func(_ Layout, m []Object) []Object {
			return append(m, m[0].With("size", more(m[0], 1)))
		}}},
		{Name: "one blob as a manifest and as an index", Words: "mediaType", Artifact: Artifact{Manifests: func(_ Layout, m []Object) []Object {
			return append(m, m[0].With("mediaType", Quote(IndexType)))
		}}},
		{Name: "one blob as both, and it does not say", Words: "mediaType", Artifact: Artifact{
			Manifest: without("mediaType"),
			Manifests: func(_ Layout, m []Object) []Object {
				return append(m, m[0].With("mediaType", Quote(IndexType)))
			},
		}},
		{Name: "a layer as a manifest as well", Words: "JSON|UTF-8", Artifact: Artifact{Manifests: func(l Layout, m []Object) []Object {
			for p, data := range l {
				if data[0] == 0x1f {
					m = append(m, Descriptor(ManifestType, l[p]))
				}
			}
			return m
		}}},
		{Name: "an empty blob as a manifest", Words: "empty", Artifact: Artifact{Manifests: func(l Layout, m []Object) []Object {
			return append(m, l.Put(ManifestType, nil))
		}}},
		{Name: "a subject that is there, with another size", Words: "subject.size", Artifact: Artifact{Manifests: func(l Layout, m []Object) []Object {
			return append(m, Note(l, "x", with("subject", m[0].Without("annotations").With("size", more(m[0], 1)).String())))
		}}},
		{Name: "a subject that is there, of another type", Words: "subject.mediaType", Artifact: Artifact{Manifests: func(l Layout, m []Object) []Object {
			return append(m, Note(l, "x", with("subject", m[0].Without("annotations").With("mediaType", Quote(IndexType)).String())))
		}}},
	}
}

// blobCases change each file of a sound layout, and add what does not belong.
func blobCases() (cases []Case) {
	for name, of := range map[string]func([]byte) bool{
		"manifest": func(b []byte) bool { return strings.Contains(string(b), `"layers"`) },
		"config":   func(b []byte) bool { return strings.Contains(string(b), `"cache_entries"`) },
		"snapshot": func(b []byte) bool { return strings.Contains(string(b), `"entry_count"`) },
		"payload":  func(b []byte) bool { return b[0] == 0x1f },
	} {
		for _, c := range []struct {
			name, words string
			edit        func([]byte) []byte
		}{
			{"one bit", "digest mismatch", flipped(20)},
			{"the last bit", "digest mismatch", flipped(-1)},
			{"one byte less", "(size|digest) mismatch", cut(1)},
			{"one byte more", "(size|digest) mismatch", behind("x")},
			{"nothing left of it", "(size|digest) mismatch", become("")},
			{"absent", "missing", nil},
		} {
			cases = append(cases, Case{Name: "blob of the " + name + ": " + c.name, Words: c.words, Incomplete: c.edit == nil, Artifact: Artifact{Files: func(l Layout) {
				for p, data := range maps.Clone(l) {
					switch {
					case !strings.HasPrefix(p, "blobs/") || !of(data):
					case c.edit == nil:
						delete(l, p)
					default:
						l[p] = c.edit(data)
					}
				}
			}}})
		}
	}
	for _, c := range []struct{ name, words, path, text string }{
		{"wrong content", "digest mismatch", "blobs/sha256/" + zeros, "x"},
		{"no content", "digest mismatch", "blobs/sha256/" + zeros, ""},
		{"a manifest under a wrong name", "digest mismatch", "blobs/sha256/" + zeros, Index().String()},
		{"wrong content under sha512", "digest mismatch", "blobs/sha512/" + zeros + zeros, "x"},
		{"a short name", "name", "blobs/sha256/abc", "x"},
		{"a name with a suffix", "name", BlobPath(SHA256([]byte("x"))) + ".tmp", "x"},
		{"a name in upper case", "name|case", "blobs/sha256/" + strings.ToUpper(strings.TrimPrefix(SHA256([]byte("x")), "sha256:")), "x"},
		{"a hidden name", "name", "blobs/sha256/.x", "x"},
		{"an unknown algorithm", "algorithm", "blobs/md5/" + zeros[:32], "x"},
		{"a sha256 among sha512", "128", "blobs/sha512/" + zeros, "x"},
		{"a file in blobs itself", "blobs/x", "blobs/x", "x"},
		{"a file too deep", "name", "blobs/sha256/a/b", "x"},
	} {
		cases = append(cases, Case{Name: "blob that nothing refers to: " + c.name, Words: c.words, Artifact: Artifact{Files: func(l Layout) { l[c.path] = []byte(c.text) }}})
	}
	return append(cases, Case{Name: "blobs absent", Words: "missing", Incomplete: true, Artifact: Artifact{Files: func(l Layout) {
		for p := range maps.Clone(l) {
			if strings.HasPrefix(p, "blobs/") {
				delete(l, p)
			}
		}
	}}})
}

// sealCases are changes behind the back of SHA256SUMS.
func sealCases() []Case {
	sealed := func(f func(Layout)) Artifact {
		return Artifact{Files: func(l Layout) { l.Seal(); f(l) }}
	}
	sums := func(f func([]byte) []byte) Artifact {
		return sealed(func(l Layout) { l["SHA256SUMS"] = f(l["SHA256SUMS"]) })
	}
	return []Case{
		{Name: "sealed: index.json changed where no digest looks", Words: "index.json", Artifact: sealed(func(l Layout) {
			l["index.json"] = []byte(strings.Replace(string(l["index.json"]), "2026-02-05", "2026-02-04", 1))
		})},
		{Name: "sealed: oci-layout changed", Words: "oci-layout", Artifact: sealed(func(l Layout) { l["oci-layout"] = append(l["oci-layout"], '\n') })},
		{Name: "sealed: a blob added", Words: "does not list", Artifact: sealed(func(l Layout) { l.Put("", []byte("x")) })},
		{Name: "sealed: a blob removed that nothing refers to", Words: "missing", Incomplete: true, Artifact: Artifact{Files: func(l Layout) {
			p := BlobPath(SHA256([]byte("x")))
			l[p] = []byte("x")
			l.Seal()
			delete(l, p)
		}}},
		{Name: "sealed: a file it lists is absent", Words: "README", Artifact: Artifact{Files: func(l Layout) {
			l["README"] = []byte("x")
			l.Seal()
			delete(l, "README")
		}}},
		{Name: "seal: empty", Words: "SHA256SUMS", Artifact: sums(become(""))},
		{Name: "seal: cut short", Words: "SHA256SUMS", Artifact: sums(cut(2))},
		{Name: "seal: a name twice", Words: "duplicate", Artifact: sums(behind(zeros + "  index.json\n"))},
		{Name: "seal: a path upwards", Words: "unsafe", Artifact: sums(behind(zeros + "  ../x\n"))},
		{Name: "seal: an absolute path", Words: "unsafe", Artifact: sums(behind(zeros + "  /etc/passwd\n"))},
		{Name: "seal: an escape sequence", Words: "unsafe", Artifact: sums(behind(zeros + "  \x1b[2J\n"))},
		{Name: "seal: a digest in both cases", Words: "line 1.*one case", Artifact: sums(func(b []byte) []byte {
			i := bytes.IndexAny(b[:64], "abcdef")
			return slices.Concat(b[:i], bytes.ToUpper(b[i:i+1]), b[i+1:])
		})},
		{Name: "seal: a line that is a comment by damage", Words: "does not list", Artifact: sums(func(b []byte) []byte {
			i := bytes.Index(b, []byte("  index.json"))
			return slices.Concat(b[:i-64], []byte("#"), b[i-63:])
		})},
		{Name: "seal: standard input", Words: "line 7.*standard input", Artifact: sums(behind(zeros + "  -\n"))},
		{Name: "seal: a file that sha256sum takes for standard input", Words: "unsafe", Artifact: sums(behind(zeros + "  ./-\n"))},
		{Name: "seal: a backslash", Words: "unsafe", Artifact: sums(behind(`\` + zeros + `  a\\b` + "\n"))},
		{Name: "seal: a line feed", Words: "unsafe", Artifact: sums(behind(`\` + zeros + `  a\nb` + "\n"))},
		{Name: "seal: one space after two", Words: "line", Artifact: sums(behind(zeros + " README\n"))},
		{Name: "seal: no space", Words: "line", Artifact: sums(behind(zeros + "*README\n"))},
		{Name: "seal: a digest of SHA-512", Words: "line", Artifact: sums(behind("SHA512 (README) = " + zeros + zeros + "\n"))},
		{Name: "seal: a tag without a digest", Words: "line", Artifact: sums(behind("SHA256 (README)\n"))},
		{Name: "seal: a mark of byte order", Words: "line 1", Artifact: sums(before("\xef\xbb\xbf"))},
		{Name: "seal: a NUL in a line", Words: "line", Artifact: sums(behind(zeros + "  README\x00\n"))},
		{Name: "seal: no list at all", Words: "SHA256SUMS", Artifact: sums(become("hello\n"))},
	}
}

func dirCases() []Case {
	must := func(tb testing.TB, err error) {
		if err != nil {
			tb.Fatal(err)
		}
	}
	places := map[string]func(Layout) string{
		"oci-layout":  func(Layout) string { return "oci-layout" },
		"index.json":  func(Layout) string { return "index.json" },
		"the payload": func(l Layout) string { return pick(l, func(b []byte) bool { return b[0] == 0x1f }) },
		"the manifest": func(l Layout) string {
			return pick(l, func(b []byte) bool { return strings.Contains(string(b), `"layers"`) })
		},
		"another blob": func(Layout) string { return "blobs/sha256/" + zeros },
	}
	var cases []Case
	for place, of := range places {
		for _, c := range []struct {
			name, words string
			make        func(tb testing.TB, name string, data []byte)
		}{
			{"a link to it elsewhere", "symbolic link", func(tb testing.TB, name string, data []byte) {
				to := filepath.Join(tb.TempDir(), "target")
				must(tb, os.WriteFile(to, data, 0o644))
				must(tb, os.Symlink(to, name))
			}},
			{"a link to it beside", "symbolic link", func(tb testing.TB, name string, data []byte) {
				must(tb, os.WriteFile(filepath.Join(filepath.Dir(name), "target"), data, 0o644))
				must(tb, os.Symlink("target", name))
			}},
			{"a link to nowhere", "symbolic link", func(tb testing.TB, name string, _ []byte) { must(tb, os.Symlink("nowhere", name)) }},
			{"a link to itself", "symbolic link", func(tb testing.TB, name string, _ []byte) { must(tb, os.Symlink(filepath.Base(name), name)) }},
			{"a link to a device", "symbolic link", func(tb testing.TB, name string, _ []byte) { must(tb, os.Symlink("/dev/zero", name)) }},
			{"a FIFO", "FIFO", func(tb testing.TB, name string, _ []byte) { must(tb, mkfifo(name)) }},
			{"a directory", "directory", func(tb testing.TB, name string, _ []byte) { must(tb, os.Mkdir(name, 0o755)) }},
			{"64 GiB of holes", "sparse|limit|size", func(tb testing.TB, name string, _ []byte) {
				must(tb, os.WriteFile(name, nil, 0o644))
				must(tb, os.Truncate(name, 64<<30))
			}},
		} {
			if c.name == "a directory" && place == "another blob" {
				continue // it holds nothing, and nothing refers to it
			}
			cases = append(cases, Case{Name: fmt.Sprintf("%s in a directory: %s", place, c.name), Words: c.words, Dir: func(tb testing.TB, dir string, l Layout) {
				p := of(l)
				name := filepath.Join(dir, filepath.FromSlash(p))
				if err := os.Remove(name); err != nil && !os.IsNotExist(err) {
					tb.Fatal(err)
				}
				c.make(tb, name, l[p])
			}})
		}
	}
	moved := func(what string) func(testing.TB, string, Layout) {
		return func(tb testing.TB, dir string, _ Layout) {
			to := filepath.Join(tb.TempDir(), "target")
			must(tb, os.Rename(filepath.Join(dir, what), to))
			must(tb, os.Symlink(to, filepath.Join(dir, what)))
		}
	}
	odd := func(name string) func(testing.TB, string, Layout) {
		return func(tb testing.TB, dir string, _ Layout) {
			if err := os.WriteFile(filepath.Join(dir, name), nil, 0o644); err != nil {
				tb.Skipf("the file system takes no such name: %v", err)
			}
		}
	}
	return append(cases,
		Case{Name: "blobs is a link", Words: "blobs.*symbolic link", Dir: moved("blobs")},
		Case{Name: "blobs/sha256 is a link", Words: "blobs/sha256.*symbolic link", Dir: moved("blobs/sha256")},
		Case{Name: "blobs/sha512 is a link", Words: "blobs/sha512.*symbolic link", Dir: func(tb testing.TB, dir string, _ Layout) {
			must(tb, os.Symlink("sha256", filepath.Join(dir, "blobs/sha512")))
		}},
		Case{Name: "a link upwards among the blobs", Words: "symbolic link", Dir: func(tb testing.TB, dir string, _ Layout) {
			must(tb, os.Symlink("../..", filepath.Join(dir, "blobs/sha256/up")))
		}},
		Case{Name: "blobs is a file", Words: "directory", Dir: func(tb testing.TB, dir string, _ Layout) {
			must(tb, os.RemoveAll(filepath.Join(dir, "blobs")))
			must(tb, os.WriteFile(filepath.Join(dir, "blobs"), nil, 0o644))
		}},
		Case{Name: "blobs in upper case", Words: "missing", Incomplete: true, Dir: func(tb testing.TB, dir string, _ Layout) {
			must(tb, os.Rename(filepath.Join(dir, "blobs"), filepath.Join(dir, "Blobs")))
		}},
		Case{Name: "sealed: a name that is not UTF-8 in a directory", Words: `\\xff\\n.*UTF-8`, Artifact: Artifact{Files: func(l Layout) { l.Seal() }}, Dir: odd("\xff\n")},
		Case{Name: "a name that is not UTF-8 among the blobs", Words: `\\xff.*UTF-8`, Dir: odd("blobs/sha256/\xff")},
		Case{Name: "an empty directory", Words: "oci-layout.*missing", Dir: func(tb testing.TB, dir string, _ Layout) {
			must(tb, os.RemoveAll(dir))
			must(tb, os.Mkdir(dir, 0o755))
		}},
	)
}

// pick is the path of the blob whose content fits.
func pick(l Layout, fits func([]byte) bool) string {
	for p, data := range l {
		if strings.HasPrefix(p, "blobs/") && fits(data) {
			return p
		}
	}
	panic("no such blob")
}
