package layouttest

import (
	"bytes"
	"maps"
	"slices"
	"strings"
)

// namedCases are names that are none, or stand for several things.
func namedCases() (cases []Case) {
	add := func(name string, choice bool, manifests func(l Layout, m []Object) []Object) {
		cases = append(cases, Case{Name: "names: " + name, Choice: choice, Artifact: Artifact{Manifests: manifests}})
	}
	for _, c := range []struct{ name, full, short string }{
		{"a path", "", "../../x"}, {"an absolute path", "", "/etc/passwd"}, {"an escape sequence", "", "a\x1b[2J"}, {"a NUL", "", "a\x00b"},
		{"a line feed", "", "a\nb"}, {"dots", "", ".."}, {"a backslash", "", `a\b`}, {"text that turns", "", "a\u202eb"},
		{"5,000 letters", "", strings.Repeat("a", 5000)}, {"another digest", "", "sha256:" + zeros},
		{"an image by its digest, of containerd", "docker.io/library/app@sha256:" + zeros, "@sha256:" + zeros},
		{"an image without a tag, of containerd", "docker.io/library/app", ""},
		{"the ID of an image, of containerd", "sha256:" + zeros, "sha256:" + zeros},
		{"a path with an escape sequence", "ocidir://a\x1b[2J", "latest"},
	} {
		add(c.name, false, func(_ Layout, m []Object) []Object {
			a := Object{{"org.opencontainers.image.ref.name", Quote(c.short)}}
			if c.full != "" {
				a = append(a, Member{"io.containerd.image.name", Quote(c.full)})
			}
			m[0] = m[0].With("annotations", a.String())
			return m
		})
	}
	named := func(d Object, full, short string) Object {
		return d.With("annotations", `{"io.containerd.image.name":`+Quote(full)+`,"org.opencontainers.image.ref.name":`+Quote(short)+"}")
	}
	add("one tag for two images, of docker save", true, func(l Layout, m []Object) []Object {
		return []Object{named(m[0], "registry.example/lei/cache:1.0", "1.0"), named(Note(l, "x", nil), "registry.example/web:1.0", "1.0")}
	})
	add("one name for an image and its signature, of hauler", true, func(l Layout, m []Object) []Object {
		kind := func(d Object, kind string) Object {
			return d.With("annotations", `{"kind":`+Quote(kind)+`,"org.opencontainers.image.ref.name":"registry.example/app:1"}`)
		}
		return []Object{kind(m[0], "dev.hauler/image"), kind(Note(l, "x", nil), "dev.hauler/sigs")}
	})
	return cases
}

func acceptedLayouts() []Case {
	note := func(edit func(Object) Object) func(Layout, []Object) []Object {
		return func(l Layout, m []Object) []Object { return append(m, Note(l, "note", edit)) }
	}
	return []Case{
		{Name: "a sound artifact"},
		{Name: "no reports", Artifact: Artifact{Reports: -1}},
		{Name: "sealed", Artifact: Artifact{Files: func(l Layout) { l.Seal() }}},
		{Name: "a seal in upper case", Artifact: reseal(func(digits, name string) string { return strings.ToUpper(digits) + "  " + name + "\n" })},
		{Name: "a seal in binary mode", Artifact: reseal(func(digits, name string) string { return digits + " *./" + name + "\n" })},
		{Name: "a seal with line ends of DOS, and comments", Artifact: reseal(func(digits, name string) string { return "# a note\r\n\r\n" + digits + "  " + name + "\r\n" })},
		{Name: "a seal as sha256sum --tag writes it", Artifact: reseal(func(digits, name string) string { return "SHA256 (" + name + ") = " + digits + "\n" })},
		{Name: "a seal as openssl writes it", Artifact: reseal(func(digits, name string) string { return "SHA256(" + name + ")= " + digits + "\n" })},
		{Name: "a seal as BSD writes it", Artifact: reseal(func(digits, name string) string { return digits + " " + name + "\n" })},
		{Name: "a seal with tabs, escapes, and every line twice", Artifact: reseal(func(digits, name string) string {
			return " \\" + digits + "\t*" + name + "\n" + digits + "  " + name + "\n"
		})},
		{Name: "a seal without a line feed at the end", Artifact: Artifact{Files: func(l Layout) { l.Seal(); l["SHA256SUMS"] = cut(1)(l["SHA256SUMS"]) }}},
		{Name: "a seal with standard input, which is empty", Artifact: Artifact{Files: func(l Layout) {
			l.Seal()
			l["SHA256SUMS"] = behind(strings.TrimPrefix(SHA256(nil), "sha256:") + "  -\n")(l["SHA256SUMS"])
		}}},
		{Name: "index without mediaType", Artifact: Artifact{Index: without("mediaType")}},
		{Name: "manifest without mediaType", Artifact: Artifact{Manifest: without("mediaType")}},
		{Name: "no annotations", Artifact: Artifact{ManifestDescriptor: without("annotations")}},
		{Name: "unknown fields and line ends of DOS", Artifact: Artifact{
			Index: func(o Object) Object {
				return o.Also("x", `{"a":[1,2,{"b":null}]}`).Also("annotations", `{"a":"1","A":"2"}`)
			},
			IndexBytes: func(b []byte) []byte {
				return append([]byte("\r\n"), append(bytes.ReplaceAll(b, []byte(","), []byte(" ,\r\n\t")), "\r\n"...)...)
			},
			OCILayout: become("{ \"imageLayoutVersion\" : \"1.0.0\", \"note\": null }\n"),
		}},
		{Name: "a manifest with escapes in a key", Artifact: Artifact{ManifestBytes: escapeKeys}},
		{Name: "extensions with fields of their own", Artifact: Artifact{
			Index:              also("vendor.ext", `{"OS":"linux","size":null,"a":[{"Digest":1,"digest":null}]}`),
			ManifestDescriptor: also("vendor.ext", `{"annotations":null,"MediaType":""}`),
		}},
		{Name: "annotations in every script", Artifact: Artifact{Manifest: with("annotations", `{"note":"Größe ✓ \ud83d\ude80 \u0000"}`)}},
		{Name: "data that is the content", Artifact: Artifact{Layers: func(l Layout, layers []Object) []Object {
			return append(layers, l.Put("text/plain", []byte("note")).With("data", `"bm90ZQ=="`))
		}}},
		{Name: "urls", Artifact: Artifact{PayloadDescriptor: with("urls", `["https://example.org/x","ipfs://bafy"]`)}},
		{Name: "null for what is left out", Artifact: Artifact{
			PayloadDescriptor: func(o Object) Object { return o.With("urls", "null").With("annotations", "null").With("data", "null") },
			Manifest: func(o Object) Object {
				return o.With("subject", "null").With("annotations", "null").With("artifactType", "null")
			},
			ManifestDescriptor: with("platform", "null"),
		}},
		{Name: "a path for a full name, as regctl writes it", Artifact: Artifact{
			ManifestDescriptor: with("annotations", `{"org.opencontainers.image.ref.name":"latest","io.containerd.image.name":"ocidir:///srv/../lei cache:latest"}`),
		}},
		{Name: "an empty platform", Artifact: Artifact{ManifestDescriptor: with("platform", `{"architecture":"","os":"","os.features":null}`)}},
		{Name: "platform", Artifact: Artifact{ManifestDescriptor: with("platform", `{"architecture":"unknown","os":"unknown"}`)}},
		{Name: "the empty config", Artifact: Artifact{
			Manifest: func(o Object) Object {
				return o.With("config", Descriptor(EmptyType, []byte("{}")).String()).With("artifactType", Quote(ConfigType))
			},
			Files: func(l Layout) { l.Put(EmptyType, []byte("{}")) },
		}},
		{Name: "titles as oras writes them", Artifact: Artifact{
			SnapshotDescriptor: with("annotations", `{"org.opencontainers.image.title":"manifest.json"}`),
			PayloadDescriptor:  with("annotations", `{"org.opencontainers.image.title":"cache.jsonl.gz"}`),
		}},
		{Name: "another title on a layer", Artifact: Artifact{
			SnapshotDescriptor: with("annotations", `{"org.opencontainers.image.title":"snapshot-manifest.json"}`),
		}},
		{Name: "a layer that is no file of the kind", Artifact: Artifact{Layers: func(l Layout, layers []Object) []Object {
			return append(layers, l.Put("text/plain", []byte("note")))
		}}},
		{Name: "an artifact beside it", Artifact: Artifact{Manifests: note(nil)}},
		{Name: "an artifact without layers beside it", Artifact: Artifact{Manifests: note(with("layers", "[]"))}},
		{Name: "an artifact with one layer twice beside it", Artifact: Artifact{Manifests: note(func(o Object) Object {
			one := strings.Trim(o.Value("layers"), "[]")
			return o.With("layers", Array(one, one))
		})}},
		{Name: "an artifact that refers to it", Artifact: Artifact{Manifests: func(l Layout, m []Object) []Object {
			return append(m, Note(l, "signature", with("subject", m[0].Without("annotations").String())))
		}}},
		{Name: "a subject that is not there", Artifact: Artifact{Manifest: with("subject", Descriptor(ManifestType, []byte("elsewhere")).String())}},
		{Name: "a name pinned to an index that it was chosen from, as crane writes it", Artifact: Artifact{
			ManifestDescriptor: with("annotations", `{"org.opencontainers.image.ref.name":"registry.example/lei/cache@sha256:`+zeros+`"}`),
		}},
		{Name: "something else in the index", Artifact: Artifact{Manifests: func(l Layout, m []Object) []Object {
			return append(m, l.Put("application/xml", []byte("<component/>")), l.Put("application/json", []byte(`{"schemaVersion":2}`)))
		}}},
		{Name: "several references for one artifact", Artifact: Artifact{Manifests: func(_ Layout, m []Object) []Object {
			return append(m, m[0].With("annotations", `{"org.opencontainers.image.ref.name":"latest"}`), m[0].With("annotations", `{"io.containerd.image.name":"registry.example/lei/cache:2026-02-05"}`))
		}}},
		{Name: "a nested index", Artifact: Artifact{Manifests: chain(1, 1)}},
		{Name: "indexes as deep as they may be", Artifact: Artifact{Manifests: chain(15, 1)}},
		{Name: "more paths than there are atoms", Choice: true, Artifact: Artifact{Manifests: chain(14, 50)}},
		{Name: "an index of nothing", Choice: true, Artifact: Artifact{Manifests: func(l Layout, _ []Object) []Object {
			return []Object{l.Put(IndexType, []byte(Index().String()))}
		}}},
		{Name: "two snapshots", Choice: true, Artifact: Artifact{Manifests: func(l Layout, m []Object) []Object {
			other := Artifact{Reports: 3}.Layout()
			var desc Object
			for p, data := range other {
				if strings.HasPrefix(p, "blobs/") {
					l[p] = data
				}
				if strings.Contains(string(data), `"layers"`) {
					desc = Descriptor(ManifestType, data)
				}
			}
			return append(m, desc.With("annotations", `{"org.opencontainers.image.ref.name":"2026-02-06"}`))
		}}},
		{Name: "blobs that nothing refers to", Artifact: Artifact{Files: func(l Layout) {
			l.Put("", []byte("left over"))
			l.Put("", nil)
		}}},
		{Name: "sha512", Artifact: Artifact{Layers: inSHA512}},
		{Name: "unknown fields in the snapshot", Artifact: Artifact{
			Snapshot: also("future", `{"a":[null]}`), Config: also("future", "true"),
		}},
		{Name: "a payload in several members", Artifact: Artifact{Reports: 10, Payload: func([]byte) []byte {
			raw := Reports(10)
			return append(Gzip(raw[:100]), Gzip(raw[100:])...)
		}}},
		{Name: "lines as other tools end them", Artifact: Artifact{JSONL: func(b []byte) []byte {
			return bytes.TrimSuffix(bytes.ReplaceAll(b, []byte("\n"), []byte("\r\n\n")), []byte("\r\n\n"))
		}}},
		{Name: "docker's files", Artifact: Artifact{Files: func(l Layout) {
			l["manifest.json"] = []byte(`[{"Config":"blobs/sha256/x","RepoTags":["x:1"],"Layers":[]}]`)
			l["repositories"] = []byte(`{"x":{"1":"y"}}`)
		}}},
		{Name: "other tools' files", Artifact: Artifact{Files: func(l Layout) {
			l["README.txt"], l["docs/LICENSE"], l[".DS_Store"], l[".lock"], l["ingest/tmp-1"] = []byte("x"), []byte("x"), []byte("\x00"), nil, []byte("half")
		}}},
	}
}

// reseal writes SHA256SUMS in another form.
func reseal(line func(digits, name string) string) Artifact {
	return Artifact{Files: func(l Layout) {
		l.Seal()
		var b strings.Builder
		for s := range strings.Lines(string(l["SHA256SUMS"])) {
			b.WriteString(line(s[:64], strings.TrimSpace(s[66:])))
		}
		l["SHA256SUMS"] = []byte(b.String())
	}}
}

// inSHA512 moves the payload under its SHA-512.
func inSHA512(l Layout, layers []Object) []Object {
	for p, data := range maps.Clone(l) {
		if d := SHA256(data); Quote(d) == layers[1].Value("digest") {
			delete(l, p)
			l[BlobPath(SHA512(data))] = data
			layers[1] = layers[1].With("digest", Quote(SHA512(data)))
		}
	}
	return layers
}

func acceptedTars() []Case {
	each := func(f func(int, *Entry)) func() []byte {
		return func() []byte {
			entries := sound()
			for i := range entries {
				f(i, &entries[i])
			}
			return Tar(entries...)
		}
	}
	return []Case{
		{Name: "tar: of the oldest form", Tar: each(func(_ int, e *Entry) {
			if e.V7 = true; e.Type == '0' {
				e.Type = 0
			}
		})},
		{Name: "tar: of GNU's form", Tar: each(func(_ int, e *Entry) { e.GNU = true })},
		{Name: "tar: names with a dot in front", Tar: each(func(_ int, e *Entry) { e.Name = "./" + e.Name })},
		{Name: "tar: the directory itself", Tar: first(Directory("./"))},
		{Name: "tar: no directories", Tar: func() []byte {
			return Tar(slices.DeleteFunc(sound(), func(e Entry) bool { return e.Type == '5' })...)
		}},
		{Name: "tar: everything backwards", Tar: func() []byte {
			entries := slices.DeleteFunc(sound(), func(e Entry) bool { return e.Type == '5' })
			slices.Reverse(entries)
			return Tar(entries...)
		}},
		{Name: "tar: odd modes", Tar: each(func(_ int, e *Entry) { e.Mode = 0o7777 })},
		{Name: "tar: a global header", Tar: first(global("comment", "x", "mtime", "1", "uname", "root", "LIBARCHIVE.creationtime", "1", "VENDOR.x", "y"))},
		{Name: "tar: extended attributes", Tar: first(PAX("mtime", "-62135596800.5", "LIBARCHIVE.xattr.user.x", "eA==", "uid", "4294967294"))},
		{Name: "tar: 64 KiB of zeros behind it", Tar: whole(func(b []byte) []byte { return append(b, make([]byte, 64<<10)...) })},
		{Name: "tar: no end", Tar: func() []byte { return blocks(sound()) }},
		{Name: "gzip", Tar: zipped(func(b []byte) []byte { return b })},
		{Name: "gzip: several members", Tar: func() []byte {
			b := Tar(sound()...)
			return append(Gzip(b[:1000]), Gzip(b[1000:])...)
		}},
	}
}
