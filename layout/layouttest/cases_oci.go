package layouttest

import (
	"bytes"
	"fmt"
	"strings"
)

const (
	longS  = "\u017f"
	escape = `\u001b[2J`
)

var zeros = strings.Repeat("0", 64)

// descriptorCases are one lie in one descriptor, told of each kind of blob.
func descriptorCases() (cases []Case) {
	lies := []struct {
		name, words string
		lie         func(Object) Object
		incomplete  bool
	}{
		{"digest missing", "digest", without("digest"), false},
		{"digest null", "digest", with("digest", "null"), false},
		{"digest a number", "digest", with("digest", "5"), false},
		{"digest empty", "digest", with("digest", `""`), false},
		{"digest a path", "digest", with("digest", `"sha256:../../../../etc/passwd"`), false},
		{"digest with a slash", "digest", with("digest", `"sha256:ab/cd"`), false},
		{"digest without algorithm", "digest", with("digest", Quote(zeros)), false},
		{"digest of an unknown algorithm", "unsupported algorithm", with("digest", Quote("md5:"+zeros[:32])), false},
		{"digest of an algorithm in upper case", "unsupported algorithm", func(o Object) Object {
			return o.With("digest", strings.Replace(o.Value("digest"), "sha256", "SHA256", 1))
		}, false},
		{"digest in upper case", "lower-case", func(o Object) Object {
			return o.With("digest", strings.Replace(strings.ToUpper(o.Value("digest")), "SHA256", "sha256", 1))
		}, false},
		{"digest too short", "64 hexadecimal", with("digest", `"sha256:abc"`), false},
		{"digest of sha512 with 64 digits", "128 hexadecimal", with("digest", Quote("sha512:"+zeros)), false},
		{"digest with a line feed", "digest", with("digest", `"sha256:`+zeros+`\n"`), false},
		{"digest with an escape sequence", "digest", with("digest", `"sha256:`+escape+`"`), false},
		{"digest of what is not there", "missing", with("digest", Quote("sha256:"+zeros)), true},
		{"digest twice", "duplicate", also("digest", Quote("sha256:"+zeros)), false},
		{"digest under a key in another case", "case", func(o Object) Object {
			return o.Without("digest").Also("Digest", o.Value("digest"))
		}, false},
		{"digest twice, by a letter that folds", "duplicate|case", also("dige"+longS+"t", Quote("sha256:"+zeros)), false},
		{"size missing", "size", without("size"), false},
		{"size null", "size", with("size", "null"), false},
		{"size negative", "negative", with("size", "-1"), false},
		{"size with a fraction", "size", with("size", "1.5"), false},
		{"size with an exponent", "size", with("size", "1e3"), false},
		{"size a string", "size", func(o Object) Object { return o.With("size", Quote(o.Value("size"))) }, false},
		{"size beyond 63 bits", "size", with("size", "9223372036854775808"), false},
		{"size as much as 63 bits hold", "size", with("size", "9223372036854775807"), false},
		{"size one more", "size", func(o Object) Object { return o.With("size", more(o, 1)) }, false},
		{"size one less", "size", func(o Object) Object { return o.With("size", more(o, -1)) }, false},
		{"size zero", "size", with("size", "0"), false},
		{"size of 64 GiB", "size", with("size", fmt.Sprint(64<<30)), false},
		{"size more by 2^32", "size", func(o Object) Object { return o.With("size", more(o, 1<<32)) }, false},
		{"mediaType missing", "mediaType", without("mediaType"), false},
		{"mediaType null", "mediaType", with("mediaType", "null"), false},
		{"mediaType empty", "mediaType", with("mediaType", `""`), false},
		{"mediaType without a slash", "not a media type", with("mediaType", `"application"`), false},
		{"mediaType a path", "not a media type", with("mediaType", `"../../etc/passwd"`), false},
		{"mediaType with an escape sequence", "not a media type", with("mediaType", `"application/`+escape+`"`), false},
		{"mediaType of an index", "mediaType|index", with("mediaType", Quote(IndexType)), false},
		{"mediaType empty JSON", "mediaType", with("mediaType", Quote(EmptyType)), false},
		{"data that is another content", "data", with("data", `"AAAA"`), false},
		{"data empty", "data", with("data", `""`), false},
		{"data not base64", "base64", with("data", `"!!!!"`), false},
		{"data with line ends", "base64", with("data", `"AA\nAA"`), false},
		{"urls a string", "urls", with("urls", `"https://example.org/"`), false},
		{"urls with a null", "urls", with("urls", "[null]"), false},
		{"urls with what is no URI", "urls", with("urls", `["no uri"]`), false},
		{"urls into the file system", "urls", with("urls", `["file:///etc/passwd"]`), false},
		{"annotations an array", "annotations", with("annotations", "[]"), false},
		{"annotations with a number", "annotations", with("annotations", `{"a":1}`), false},
		{"annotations with a null", "annotations", with("annotations", `{"a":null}`), false},
		{"annotations with a key twice", "duplicate", with("annotations", `{"a":"1","a":"2"}`), false},
		{"annotations with an empty key", "annotations", with("annotations", `{"":"1"}`), false},
		{"platform a string", "platform", with("platform", `"linux"`), false},
		{"platform of nothing", "platform", with("platform", "{}"), false},
		{"platform without a system", "platform", with("platform", `{"architecture":"amd64"}`), false},
		{"platform with a system that is null", "os", with("platform", `{"architecture":"amd64","os":null}`), false},
		{"artifactType no media type", "artifactType", with("artifactType", `"x y"`), false},
	}
	for _, l := range lies {
		for what, a := range map[string]Artifact{
			"config":   {ConfigDescriptor: l.lie},
			"snapshot": {SnapshotDescriptor: l.lie},
			"payload":  {PayloadDescriptor: l.lie},
			"manifest": {ManifestDescriptor: l.lie},
		} {
			c := Case{Name: "descriptor of the " + what + ": " + l.name, Words: l.words, Artifact: a, Incomplete: l.incomplete}
			cases = append(cases, c)
		}
	}
	return append(cases,
		Case{Name: "config described as a manifest", Words: "config.mediaType", Artifact: Artifact{ConfigDescriptor: with("mediaType", Quote(ManifestType))}},
		Case{Name: "layer described as a manifest", Words: "layers.*mediaType", Artifact: Artifact{PayloadDescriptor: with("mediaType", Quote(ManifestType))}},
		Case{Name: "manifest described as a Docker manifest", Words: "mediaType", Artifact: Artifact{ManifestDescriptor: with("mediaType", `"application/vnd.docker.distribution.manifest.v2+json"`)}},
		Case{Name: "manifest described as some bytes", Words: "mediaType.*manifest", Artifact: Artifact{ManifestDescriptor: with("mediaType", `"application/octet-stream"`)}},
		Case{Name: "manifest with escapes described as some bytes", Words: "mediaType.*manifest", Artifact: Artifact{
			ManifestBytes: escapeKeys, ManifestDescriptor: with("mediaType", `"application/octet-stream"`),
		}},
		Case{Name: "manifest without a mediaType described as some bytes", Words: "mediaType.*manifest", Artifact: Artifact{
			Manifest: without("mediaType"), ManifestDescriptor: with("mediaType", `"application/octet-stream"`),
		}},
		Case{Name: "urls in the place of a blob", Words: "missing", Incomplete: true, Artifact: Artifact{
			PayloadDescriptor: with("urls", `["http://127.0.0.1:1/x"]`), Files: dropPayload,
		}},
		Case{Name: "data in the place of a blob", Words: "missing", Incomplete: true, Artifact: Artifact{
			Manifests: func(l Layout, m []Object) []Object {
				return append(m, Note(l, "note", nil).With("annotations", "{}"))
			},
			Files: func(l Layout) { delete(l, BlobPath(SHA256([]byte("note")))) },
		}},
	)
}

// escapeKeys writes a key as no search for its letters finds it.
func escapeKeys(b []byte) []byte {
	return bytes.ReplaceAll(b, []byte(`"schemaVersion"`), []byte(`"schema\u0056ersion"`))
}

func more(o Object, n int64) string {
	var size int64
	if _, err := fmt.Sscan(o.Value("size"), &size); err != nil {
		panic(err)
	}
	return fmt.Sprint(size + n)
}

func dropPayload(l Layout) {
	for p, data := range l {
		if strings.HasPrefix(p, "blobs/") && len(data) > 2 && data[0] == 0x1f && data[1] == 0x8b {
			delete(l, p)
		}
	}
}

// textCases are what is wrong with the text of any document.
func textCases(name string, at func(func([]byte) []byte) Artifact) (cases []Case) {
	for _, c := range []struct {
		name, words string
		edit        func([]byte) []byte
	}{
		{"empty", "empty|JSON", become("")},
		{"white space", "empty|JSON", become(" \n")},
		{"null", "JSON object", become("null")},
		{"an array", "JSON", become("[]")},
		{"a string", "JSON", become(`"x"`)},
		{"no JSON", "JSON", become("hello")},
		{"HTML", "JSON", become("<html></html>")},
		{"a second value behind it", "trailing", behind("{}")},
		{"garbage behind it", "trailing", behind("x")},
		{"a NUL behind it", "trailing", behind("\x00")},
		{"a byte order mark", "byte order mark", before("\ufeff")},
		{"UTF-16", "UTF-8", become("\xff\xfe{\x00}\x00")},
		{"a comment", "JSON", before("// x\n")},
		{"cut short", "truncated|JSON", cut(1)},
		{"a comma too many", "JSON", func(b []byte) []byte { return append(cut(1)(b), ",}"...) }},
		{"broken UTF-8", "UTF-8", func(b []byte) []byte { return append(cut(1)(b), ",\"x\":\"\xff\"}"...) }},
		{"half a surrogate pair", "surrogate", func(b []byte) []byte { return append(cut(1)(b), `,"x":"\ud800"}`...) }},
		{"the other half first", "surrogate", func(b []byte) []byte { return append(cut(1)(b), `,"x":"\udc00\ud800"}`...) }},
		{"a control character", "JSON", func(b []byte) []byte { return append(cut(1)(b), ",\"x\":\"\x01\"}"...) }},
		{"not a number", "JSON", func(b []byte) []byte { return append(cut(1)(b), `,"x":NaN}`...) }},
		{"an unknown key twice", "duplicate", func(b []byte) []byte { return append(cut(1)(b), `,"x":1,"x":2}`...) }},
		{"a key twice far below", "duplicate", func(b []byte) []byte { return append(cut(1)(b), `,"x":[{"y":{"a":1,"\u0061":2}}]}`...) }},
		{"too deep", "deep|limit", func(b []byte) []byte {
			return append(cut(1)(b), `,"x":`+strings.Repeat("[", 100_000)+strings.Repeat("]", 100_000)+"}"...)
		}},
		{"deep and cut short", "deep", func(b []byte) []byte {
			return append(cut(1)(b), `,"x":`+strings.Repeat(`{"a":`, 10_000)...)
		}},
	} {
		cases = append(cases, Case{Name: name + ": " + c.name, Words: c.words, Artifact: at(c.edit)})
	}
	return cases
}

func manifestCases() []Case {
	cases := textCases("manifest", func(f func([]byte) []byte) Artifact { return Artifact{ManifestBytes: f} })
	for _, c := range []struct {
		name, words string
		edit        func(Object) Object
	}{
		{"manifests in it", "manifests", also("manifests", "[]")},
		{"manifests null in it", "manifests", also("manifests", "null")},
		{"manifests in it, by a letter that folds", "case", also("manife"+longS+"ts", "[]")},
		{"fsLayers in it", "fsLayers", also("fsLayers", "[]")},
		{"history in it", "history", also("history", "[]")},
		{"signatures in it", "signatures", also("signatures", "[]")},
		{"no config", "config", without("config")},
		{"config null", "config", with("config", "null")},
		{"config an array", "config", with("config", "[]")},
		{"config empty", "config", with("config", "{}")},
		{"no layers", "layers", without("layers")},
		{"layers null", "layers", with("layers", "null")},
		{"layers empty", "layers", with("layers", "[]")},
		{"layers an object", "layers", with("layers", "{}")},
		{"layers with a null", "layers", with("layers", "[null]")},
		{"layers with a number", "layers", with("layers", "[5]")},
		{"layers twice", "duplicate", also("layers", "[]")},
		{"layers twice, by a letter that folds", "duplicate|case", also("layer"+longS, "[]")},
		{"layers in another case", "case", func(o Object) Object { return o.Without("layers").Also("Layers", o.Value("layers")) }},
		{"config twice", "duplicate", also("config", "{}")},
		{"mediaType twice", "duplicate", also("mediaType", Quote(IndexType))},
		{"mediaType of an index", "mediaType", with("mediaType", Quote(IndexType))},
		{"mediaType of a config", "mediaType", with("mediaType", Quote(ConfigType))},
		{"mediaType null", "mediaType", with("mediaType", "null")},
		{"mediaType a number", "mediaType", with("mediaType", "5")},
		{"schemaVersion missing", "schemaVersion", without("schemaVersion")},
		{"schemaVersion 1", "schemaVersion", with("schemaVersion", "1")},
		{"schemaVersion 3", "schemaVersion", with("schemaVersion", "3")},
		{"schemaVersion a string", "schemaVersion", with("schemaVersion", `"2"`)},
		{"schemaVersion null", "schemaVersion", with("schemaVersion", "null")},
		{"annotations an array", "annotations", with("annotations", "[]")},
		{"annotations with a number", "annotations", with("annotations", `{"a":1}`)},
		{"annotations with a key twice", "duplicate", with("annotations", `{"a":"1","a":"2"}`)},
		{"artifactType a number", "artifactType", with("artifactType", "5")},
		{"artifactType no media type", "artifactType", with("artifactType", `"x y"`)},
		{"subject a string", "subject", with("subject", `"x"`)},
		{"subject empty", "subject", with("subject", "{}")},
		{"subject with a path for a digest", "subject", with("subject", Object{{"mediaType", Quote(ManifestType)}, {"digest", `"sha256:../x"`}, {"size", "1"}}.String())},
		{"100,000 layers", "limit", with("layers", "["+strings.Repeat(`{"mediaType":"a/b"},`, 100_000)+"{}]")},
		{"100,000 keys", "limit", func(o Object) Object {
			for i := range 100_000 {
				o = append(o, Member{"k" + itoa(i), "0"})
			}
			return o
		}},
		{"5 MiB", "limit", with("annotations", `{"a":"`+strings.Repeat("x", 5<<20)+`"}`)},
	} {
		cases = append(cases, Case{Name: "manifest: " + c.name, Words: c.words, Artifact: Artifact{Manifest: c.edit}})
	}
	return cases
}

func indexCases() []Case {
	cases := textCases("index.json", func(f func([]byte) []byte) Artifact { return Artifact{IndexBytes: f} })
	for _, c := range []struct {
		name, words string
		edit        func(Object) Object
	}{
		{"config in it", "config", also("config", "{}")},
		{"layers in it", "layers", also("layers", "[]")},
		{"layers null in it", "layers", also("layers", "null")},
		{"layers in it, by a letter that folds", "case", also("layer"+longS, "[]")},
		{"no manifests", "manifests", without("manifests")},
		{"manifests null", "manifests", with("manifests", "null")},
		{"manifests empty", "manifests", with("manifests", "[]")},
		{"manifests an object", "manifests", with("manifests", "{}")},
		{"manifests with a null", "manifests", with("manifests", "[null]")},
		{"manifests with a string", "manifests", with("manifests", `["x"]`)},
		{"manifests twice", "duplicate", also("manifests", "[]")},
		{"manifests twice, in another case", "duplicate|case", also("MANIFESTS", "[]")},
		{"manifests twice, by a letter that folds", "duplicate|case", also("manife"+longS+"ts", "[]")},
		{"mediaType of a manifest", "mediaType", with("mediaType", Quote(ManifestType))},
		{"mediaType empty", "mediaType", with("mediaType", `""`)},
		{"mediaType null", "mediaType", with("mediaType", "null")},
		{"schemaVersion missing", "schemaVersion", without("schemaVersion")},
		{"schemaVersion 1", "schemaVersion", with("schemaVersion", "1")},
		{"schemaVersion a string", "schemaVersion", with("schemaVersion", `"2"`)},
		{"annotations with an object", "annotations", with("annotations", `{"a":{}}`)},
		{"subject a number", "subject", with("subject", "5")},
		{"100,000 manifests", "limit", with("manifests", "["+strings.Repeat(`{"mediaType":"a/b"},`, 100_000)+"{}]")},
		{"5 MiB", "limit", with("annotations", `{"a":"`+strings.Repeat("x", 5<<20)+`"}`)},
	} {
		cases = append(cases, Case{Name: "index.json: " + c.name, Words: c.words, Artifact: Artifact{Index: c.edit}})
	}
	return append(cases,
		Case{Name: "index.json: a reference that is a number", Words: "annotations", Artifact: Artifact{
			ManifestDescriptor: with("annotations", `{"org.opencontainers.image.ref.name":5}`),
		}},
		Case{Name: "index.json: absent", Words: "index.json.*missing", Artifact: Artifact{Files: func(l Layout) { delete(l, "index.json") }}},
	)
}

func layoutCases() []Case {
	cases := textCases("oci-layout", func(f func([]byte) []byte) Artifact { return Artifact{OCILayout: f} })
	for _, c := range []struct{ name, words, text string }{
		{"no version", "imageLayoutVersion", `{}`},
		{"version null", "imageLayoutVersion", `{"imageLayoutVersion":null}`},
		{"version a number", "imageLayoutVersion", `{"imageLayoutVersion":1.0}`},
		{"version empty", "version", `{"imageLayoutVersion":""}`},
		{"version 1.0", `version.*1\.0`, `{"imageLayoutVersion":"1.0"}`},
		{"version 9.9.9", `9\.9\.9`, `{"imageLayoutVersion":"9.9.9"}`},
		{"version with an escape sequence", "version", `{"imageLayoutVersion":"` + escape + `"}`},
		{"version twice", "duplicate", `{"imageLayoutVersion":"9.0.0","imageLayoutVersion":"1.0.0"}`},
		{"version in another case", "case", `{"ImageLayoutVersion":"1.0.0"}`},
		{"version by a letter that folds", "case", `{"imageLayoutVer` + longS + `ion":"1.0.0"}`},
		{"1 MiB", "limit", `{"imageLayoutVersion":"1.0.0"` + strings.Repeat(" ", 1<<20) + "}"},
	} {
		cases = append(cases, Case{Name: "oci-layout: " + c.name, Words: c.words, Artifact: Artifact{OCILayout: become(c.text)}})
	}
	return append(cases, Case{Name: "oci-layout: absent", Words: "oci-layout.*missing", Artifact: Artifact{Files: func(l Layout) { delete(l, "oci-layout") }}})
}

func titleCases() (cases []Case) {
	for _, c := range []struct{ name, title string }{
		{"a path upwards", `"../../x"`}, {"a path upwards within", `"a/../../x"`}, {"an absolute path", `"/etc/passwd"`}, {"empty", `""`},
		{"a dot", `"."`}, {"two dots", `".."`}, {"a dot in front", `"./x"`}, {"a slash behind", `"x/"`}, {"two slashes", `"a//b"`},
		{"a backslash", `"..\\x"`}, {"a drive", `"C:x"`}, {"an escape sequence", `"` + escape + `"`}, {"a NUL", `"a\u0000"`},
		{"a line feed", `"a\nb"`}, {"text that turns", `"a\u202eb"`},
		{"a variation selector", `"report\ufe0f.pdf"`}, {"a joiner that is drawn as nothing", `"report\u034f.pdf"`}, {"a filler", `"report.pdf\u3164"`},
		{"a blank pattern of Braille", `"\u2800"`}, {"a tag", `"x\udb40\udd01"`}, {"a combining mark in front", `"\u0301a"`}, {"a space that does not break", `"a\u00a0b"`},
		{"2,000 letters", Quote(strings.Repeat("x", 2000))},
		{"an element of 256 bytes", Quote("x/" + strings.Repeat("x", 256))}, {"where unfinished files wait", `".Ferry-Partial/x"`},
		{"a number", "5"}, {"null", "null"},
	} {
		words := "title"
		if c.name == "a number" {
			words = "annotations"
		}
		edit := with("annotations", `{"org.opencontainers.image.title":`+c.title+"}")
		cases = append(cases,
			Case{Name: "title of a payload: " + c.name, Words: words, Artifact: Artifact{PayloadDescriptor: edit}},
			Case{Name: "title of a config: " + c.name, Words: words, Artifact: Artifact{ConfigDescriptor: edit}},
			Case{Name: "title of another artifact's layer: " + c.name, Words: words, Artifact: Artifact{Manifests: func(l Layout, m []Object) []Object {
				return append(m, Note(l, "x", with("layers", Array(edit(l.Put("text/plain", []byte("x")))))))
			}}})
	}
	titled := func(s string) func(Object) Object {
		return with("annotations", `{"org.opencontainers.image.title":`+Quote(s)+"}")
	}
	return append(cases,
		Case{Name: "titles swapped", Words: "title", Artifact: Artifact{SnapshotDescriptor: titled("cache.jsonl.gz"), PayloadDescriptor: titled("manifest.json")}},
		Case{Name: "title in another case", Words: "title", Artifact: Artifact{SnapshotDescriptor: titled("Manifest.json")}},
		Case{Name: "title of a file of the kind on another layer", Words: "title", Artifact: Artifact{Layers: func(l Layout, layers []Object) []Object {
			return append(layers, titled("manifest.json")(l.Put("text/plain", []byte("x"))))
		}}},
		Case{Name: "two titles the same", Words: "title.*duplicate", Artifact: Artifact{Manifests: func(l Layout, m []Object) []Object {
			return append(m, Note(l, "x", with("layers", Array(titled("a")(l.Put("text/plain", []byte("x"))), titled("A")(l.Put("text/plain", []byte("y")))))))
		}}},
		Case{Name: "two titles that differ in how a letter is composed", Words: "title.*duplicate", Artifact: Artifact{Manifests: func(l Layout, m []Object) []Object {
			return append(m, Note(l, "x", with("layers", Array(titled("\u00e9")(l.Put("text/plain", []byte("x"))), titled("e\u0301")(l.Put("text/plain", []byte("y")))))))
		}}},
		Case{Name: "two titles that differ in a dot at the end", Words: "title.*duplicate", Artifact: Artifact{Manifests: func(l Layout, m []Object) []Object {
			return append(m, Note(l, "x", with("layers", Array(titled("d/a")(l.Put("text/plain", []byte("x"))), titled("d/a.")(l.Put("text/plain", []byte("y")))))))
		}}},
		Case{Name: "a title below another one", Words: "title.*conflict|title.*duplicate", Artifact: Artifact{Manifests: func(l Layout, m []Object) []Object {
			return append(m, Note(l, "x", with("layers", Array(titled("a")(l.Put("text/plain", []byte("x"))), titled("a/b")(l.Put("text/plain", []byte("y")))))))
		}}},
	)
}
