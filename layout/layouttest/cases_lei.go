package layouttest

import (
	"bytes"
	"strings"
)

// snapshotCases are lies in manifest.json.
func snapshotCases() []Case {
	var cases []Case
	for _, c := range []struct {
		name, words string
		edit        func([]byte) []byte
	}{
		{"empty", "manifest.json", become("")},
		{"no JSON", "manifest.json", become("hello")},
		{"null", "object", become("null")},
		{"an array", "object", become("[]")},
		{"a byte order mark", "byte order mark", before("\ufeff")},
		{"a second value behind it", "behind", behind("{}")},
		{"garbage behind it", "behind", behind("x")},
		{"cut short", "end of the file", cut(1)},
		{"compressed", "manifest.json", Gzip},
		{"broken UTF-8", "UTF-8", func(b []byte) []byte { return bytes.Replace(b, []byte("0.9.1"), []byte("\xff"), 1) }},
		{"half a surrogate pair", "surrogate", func(b []byte) []byte { return bytes.Replace(b, []byte("0.9.1"), []byte(`\ud800`), 1) }},
		{"a string of 2 MiB", "at most", func(b []byte) []byte {
			return bytes.Replace(b, []byte("0.9.1"), bytes.Repeat([]byte("9"), 2<<20), 1)
		}},
	} {
		cases = append(cases, Case{Name: "manifest.json: " + c.name, Words: c.words, Artifact: Artifact{SnapshotBytes: c.edit}})
	}
	add := func(name, words string, f func(Object) Object) {
		cases = append(cases, Case{Name: "manifest.json: " + name, Words: words, Artifact: Artifact{Snapshot: f}})
	}
	for _, key := range []string{"format_version", "lei_version", "date", "created", "entry_count", "raw_size", "compressed_size", "content_hash", "repos"} {
		add(key+" missing", key, without(key))
		add(key+" null", key, with(key, "null"))
		add(key+" an object", key, with(key, "{}"))
		add(key+" twice", "twice", func(o Object) Object { return o.Also(key, o.Value(key)) })
		add(key+" in another case", "key", func(o Object) Object { return o.Without(key).Also(strings.ToUpper(key), o.Value(key)) })
	}
	for _, key := range []string{"entry_count", "raw_size", "compressed_size"} {
		add(key+" one more", key, func(o Object) Object { return o.With(key, o.Value(key)+"0") })
		add(key+" zero", key, with(key, "0"))
		add(key+" negative", key, with(key, "-1"))
		add(key+" with a fraction", key, with(key, "1.5"))
		add(key+" with an exponent", key, with(key, "1e3"))
		add(key+" a string", key, func(o Object) Object { return o.With(key, Quote(o.Value(key))) })
		add(key+" beyond 63 bits", key, with(key, "99999999999999999999"))
		add(key+" as much as 63 bits hold", key, with(key, "9223372036854775807"))
	}
	for key, values := range map[string][]string{
		"content_hash":   {`""`, `"abc"`, Quote(zeros), Quote("sha256:" + zeros), `"` + strings.Repeat("A", 64) + `"`, "5"},
		"format_version": {`""`, `"9.9"`, `"2.0"`, `"0.9"`, `"10.0"`, `"1"`, `"1.0 "`, `"-1.0"`, "1.0", `"` + escape + `"`},
		"date":           {`""`, `"../../../etc"`, `"/2026-02-05"`, `"2026-02-30"`, `"2026-13-01"`, `"2026/02/05"`, `"2026-2-5"`, `"2026-02-05T00:00:00Z"`, `"2026-02-05\u0000"`, "20260205", `"` + escape + `"`},
		"created":        {`""`, `"now"`, `"2026-02-30T00:00:00Z"`, `"2026-02-05 00:00:00"`, `"2026-02-05T1:02:03Z"`, `"2026-02-05T01:02:03,5Z"`, "5", `"` + escape + `"`},
		"repos":          {`"x"`, "5", "[1]", "[null]", `[["x"]]`, `["1","2","3","4","5","6","7","8","9"]`},
		"lei_version":    {"5", "[]"},
	} {
		for _, v := range values {
			add(key+" "+v, key, with(key, v))
		}
	}
	return cases
}

// configCases are lies in the config.
func configCases() (cases []Case) {
	for _, c := range []struct {
		name, words string
		edit        func([]byte) []byte
	}{
		{"empty", "config", become("")},
		{"no JSON", "config", become("hello")},
		{"null", "config", become("null")},
		{"an array", "config", become("[]")},
		{"of nothing", "config", become("{}")},
		{"a byte order mark", "config", before("\ufeff")},
		{"garbage behind it", "config", behind("x")},
		{"1 MiB", "config", func([]byte) []byte { return []byte(`{"lei_version":"` + strings.Repeat("x", 1<<20) + `"}`) }},
	} {
		cases = append(cases, Case{Name: "config: " + c.name, Words: c.words, Artifact: Artifact{ConfigBytes: c.edit}})
	}
	for _, c := range []struct {
		name, words string
		edit        func(Object) Object
	}{
		{"another count", "cache_entries", with("cache_entries", "6")},
		{"a negative count", "cache_entries", with("cache_entries", "-5")},
		{"a count that is a string", "cache_entries", with("cache_entries", `"5"`)},
		{"no count", "cache_entries", without("cache_entries")},
		{"a count twice", "duplicate", also("cache_entries", "5")},
		{"a count in another case", "case|cache_entries", func(o Object) Object { return o.Without("cache_entries").Also("Cache_Entries", "5") }},
		{"another format", "format_version", with("format_version", `"9.9"`)},
		{"no format", "format_version", without("format_version")},
		{"no version", "lei_version", without("lei_version")},
		{"no time", "created", without("created")},
		{"a time that is none", "created", with("created", `"now"`)},
	} {
		cases = append(cases, Case{Name: "config: " + c.name, Words: c.words, Artifact: Artifact{Config: c.edit}})
	}
	return append(cases,
		Case{Name: "config: of a container image", Words: "config.mediaType", Artifact: Artifact{ConfigDescriptor: with("mediaType", `"application/vnd.oci.image.config.v1+json"`)}},
		Case{Name: "config: the empty one, and the artifact has no type", Words: "artifactType", Artifact: Artifact{Manifest: func(o Object) Object {
			return o.With("config", Descriptor(EmptyType, []byte("{}")).String())
		}, Files: func(l Layout) { l.Put(EmptyType, []byte("{}")) }}},
	)
}

// lineCases are lines of the payload that are no reports. The counts are those
// that a reader would find that drops them.
func lineCases() (cases []Case) {
	for name, line := range map[string]string{
		"null": "null", "a number": "5", "a string": `"x"`, "an array": "[1]", "true": "true", "no JSON": "hello",
		"cut short": `{"a":1`, "two objects": `{"a":1}{"b":2}`, "two objects and a space": `{"a":1} {"b":2}`,
		"an object on two lines": "{\n}", "a NUL": "\x00", "a NUL in a string": "{\"a\":\"\x00\"}", "a tab in a string": "{\"a\":\"\t\"}",
		"a byte order mark": "\ufeff{}", "half a surrogate pair": `{"a":"\ud800"}`, "the other half": `{"a":"\udc00"}`,
		"a number that is too large": `{"a":1e400}`, "not a number": `{"a":NaN}`, "a leading zero": `{"a":01}`,
		"a comma too many": `{"a":1,}`, "no colon": `{"a" 1}`, "no quotes": `{a:1}`, "single quotes": `{'a':1}`,
		"an unknown escape": `{"a":"\x"}`, "a short escape": `{"a":"\u00"}`, "spaces": "   ", "a form feed": "\f",
		"UTF-16": "\xff\xfe{\x00}\x00", "too deep": `{"a":` + strings.Repeat("[", 5000) + strings.Repeat("]", 5000) + "}",
		"deep and cut short": strings.Repeat(`{"a":`, 5000),
	} {
		edit := func(b []byte) []byte {
			at := bytes.IndexByte(b, '\n') + 1
			return append(append(bytes.Clone(b[:at]), line+"\n"...), b[at:]...)
		}
		cases = append(cases,
			Case{Name: "a line that is " + name, Words: "cache.jsonl.gz.*line 2", Artifact: Artifact{JSONL: edit}},
			Case{Name: "a line that is " + name + ", and counted", Words: "cache.jsonl.gz.*line 2", Artifact: Artifact{JSONL: edit, Count: 1}})
	}
	return append(cases,
		Case{Name: "the last line cut short", Words: "line 5", Artifact: Artifact{JSONL: cut(10)}},
		Case{Name: "an empty line that is counted", Words: "entry_count", Artifact: Artifact{JSONL: behind("\n"), Count: 1}},
		Case{Name: "all reports on one line", Words: "line 1", Artifact: Artifact{JSONL: func(b []byte) []byte {
			return append(bytes.ReplaceAll(b, []byte("\n"), nil), '\n')
		}}},
		Case{Name: "a line of 65 MiB", Words: "at most .* bytes in a line", Artifact: Artifact{Payload: func([]byte) []byte {
			return GzipRun([]byte(`{"a":"`), "x", 65<<20, []byte("\"}\n"))
		}}},
	)
}

// dull is a report that compresses well, again and again.
var dull = `{"data":{"repo":"r","risk":"low"},"x":"` + strings.Repeat("x", 200) + `"}` + "\n"

// payloadCases are damage and bombs in cache.jsonl.gz.
func payloadCases() (cases []Case) {
	for _, c := range []struct {
		name, words string
		edit        func([]byte) []byte
	}{
		{"empty", "empty", become("")},
		{"not compressed", "gzip", func([]byte) []byte { return Reports(5) }},
		{"zstd", "gzip", become("\x28\xb5\x2f\xfd\x04\x00")},
		{"one byte", "gzip", func(b []byte) []byte { return b[:1] }},
		{"the header alone", "truncated", func(b []byte) []byte { return b[:10] }},
		{"half of it", "truncated", func(b []byte) []byte { return b[:len(b)/2] }},
		{"without the trailer", "truncated", cut(8)},
		{"without the last byte", "truncated", cut(1)},
		{"a wrong checksum", "checksum|damaged", flipped(-6)},
		{"a wrong length", "checksum|damaged|size", flipped(-2)},
		{"an unknown method", "gzip", func(b []byte) []byte { b = bytes.Clone(b); b[2] = 7; return b }},
		{"garbage behind it", "trailing|header", behind("garbage behind")},
		{"one byte behind it", "trailing|header|truncated", behind("x")},
		{"zeros behind it", "trailing|header", behind(strings.Repeat("\x00", 512))},
		{"a second member of garbage", "line 6", func(b []byte) []byte { return append(bytes.Clone(b), Gzip([]byte("garbage\n"))...) }},
		{"a second member with a report", "entry_count|raw_size", func(b []byte) []byte { return append(bytes.Clone(b), Gzip([]byte("{}\n"))...) }},
		{"a second member cut short", "truncated", func(b []byte) []byte { return append(bytes.Clone(b), Gzip([]byte("{}\n"))[:12]...) }},
		{"compressed twice", "line 1", Gzip},
		{"of nothing", "entry_count|raw_size", func([]byte) []byte { return Gzip(nil) }},
		{"512 MiB of line feeds", "empty lines|limit", func([]byte) []byte { return GzipRun([]byte("{}\n"), "\n", 512<<20, nil) }},
		{"512 MiB of spaces", "limit|at most", func([]byte) []byte { return GzipRun([]byte("{"), " ", 512<<20, []byte("}\n")) }},
		{"512 MiB of brackets", "at most", func([]byte) []byte { return GzipRun([]byte(`{"a":`), "[", 512<<20, nil) }},
		{"512 MiB of digits", "limit|at most", func([]byte) []byte { return GzipRun([]byte(`{"a":1`), "1", 512<<20, nil) }},
		{"512 MiB of empty objects", "at most .* reports", func([]byte) []byte { return GzipRun(nil, "{}\n", 512<<20, nil) }},
		{"512 MiB of zeros", "line 1", func([]byte) []byte { return GzipRun(nil, "\x00", 512<<20, nil) }},
	} {
		cases = append(cases, Case{Name: "payload: " + c.name, Words: c.words, Artifact: Artifact{Payload: c.edit}})
	}
	return append(cases, Case{Name: "payload: a bomb that raw_size announces as anything", Words: "empty lines", Artifact: Artifact{
		Payload:  func([]byte) []byte { return GzipRun([]byte("{}\n"), "\n", 512<<20, nil) },
		Snapshot: with("raw_size", "9223372036854775807"),
	}}, Case{Name: "payload: 160 MiB that raw_size announces, of a thousandth", Words: "whatever raw_size announces|no raw_size announced", Artifact: Artifact{
		JSONL:    func([]byte) []byte { return bytes.Repeat([]byte(dull), 160<<20/len(dull)) },
		Compress: func(jsonl []byte) []byte { return GzipRun(nil, dull, int64(len(jsonl)), nil) },
		Count:    160<<20/len(dull) - 5,
	}})
}

// layerCases are manifests whose layers are not those of a snapshot.
func layerCases() (cases []Case) {
	for _, c := range []struct {
		name, words string
		edit        func(Layout, []Object) []Object
	}{
		{"none", "missing", func(Layout, []Object) []Object { return nil }},
		{"no payload", "missing cache.jsonl.gz", func(_ Layout, l []Object) []Object { return l[:1] }},
		{"no manifest.json", "missing manifest.json", func(_ Layout, l []Object) []Object { return l[1:] }},
		{"two payloads", "second|duplicate", func(f Layout, l []Object) []Object { return append(l, f.Put(PayloadType, Gzip([]byte("{}\n")))) }},
		{"the payload twice", "second|duplicate", func(_ Layout, l []Object) []Object { return append(l, l[1]) }},
		{"two manifest.json", "second|duplicate", func(f Layout, l []Object) []Object { return append(l, f.Put(SnapshotType, []byte("{}"))) }},
		{"types swapped", "manifest.json|gzip", func(_ Layout, l []Object) []Object {
			return []Object{l[0].With("mediaType", Quote(PayloadType)), l[1].With("mediaType", Quote(SnapshotType))}
		}},
		{"one blob as both", "gzip", func(_ Layout, l []Object) []Object { return []Object{l[0], l[0].With("mediaType", Quote(PayloadType))} }},
		{"a payload of another type", "missing cache.jsonl.gz", func(_ Layout, l []Object) []Object {
			return []Object{l[0], l[1].With("mediaType", `"application/vnd.lei.cache.jsonl"`)}
		}},
	} {
		cases = append(cases, Case{Name: "layers: " + c.name, Words: c.words, Artifact: Artifact{Layers: c.edit}})
	}
	return cases
}
