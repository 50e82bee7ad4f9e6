package layout

import (
	"encoding/json"
	"reflect"
	"slices"
	"strings"
	"testing"
	"unicode"

	"github.com/opencontainers/go-digest"
	v1 "github.com/opencontainers/image-spec/specs-go/v1"

	"github.com/ociferry/ferry/layout/layouttest"
)

var (
	sha256Digits = strings.Repeat("0123456789abcdef", 4)
	sha512Digits = sha256Digits + sha256Digits
)

func TestParseDigest(t *testing.T) {
	for _, s := range []string{"sha256:" + sha256Digits, "sha512:" + sha512Digits} {
		d, err := ParseDigest(s)
		if err != nil || string(d) != s {
			t.Errorf("%s: %v, %v", s, d, err)
		}
		back, ok, err := ParseBlobPath(BlobPath(d))
		if back != d || !ok || err != nil {
			t.Errorf("%s: back from %s: %v, %v, %v", s, BlobPath(d), back, ok, err)
		}
	}
	for _, s := range []string{
		"", ":", "sha256", "sha256:", sha256Digits, "sha256:" + sha256Digits[1:], "sha256:" + sha256Digits + "0", "sha256:" + sha512Digits,
		"sha512:" + sha256Digits, "SHA256:" + sha256Digits, "sha256:" + strings.ToUpper(sha256Digits), "sha1:" + sha256Digits[:40],
		"md5:" + sha256Digits[:32], "sha384:" + sha512Digits[:96], "sha256:" + sha256Digits[:63] + "g", "sha256:" + sha256Digits[:63] + "/",
		"sha256:../../" + sha256Digits[6:], " sha256:" + sha256Digits, "sha256:" + sha256Digits[:63] + "\n", "sha256:" + sha256Digits[:63] + "\x00",
		"sha256+b64:" + sha256Digits, "../sha256:" + sha256Digits, "sha256:sha256:" + sha256Digits[7:],
	} {
		if d, err := ParseDigest(s); err == nil || d != "" {
			t.Errorf("%q: accepted as %s", s, d)
		}
	}
}

func TestParseBlobPath(t *testing.T) {
	for _, name := range []string{"", "index.json", "blob/sha256/" + sha256Digits, "/blobs/sha256/" + sha256Digits, "./blobs/sha256/" + sha256Digits, "Blobs/sha256/" + sha256Digits, "blobs"} {
		if d, ok, err := ParseBlobPath(name); ok || err != nil || d != "" {
			t.Errorf("%q: %v, %v, %v; it is no name within blobs", name, d, ok, err)
		}
	}
	for _, name := range []string{"blobs/", "blobs/x", "blobs/sha256", "blobs/sha256/", "blobs/sha256/x", "blobs/sha256/../" + sha256Digits, "blobs//" + sha256Digits, "blobs/sha256/" + sha256Digits + "/", "blobs/sha256/" + sha256Digits + ".tmp", "blobs/sha256:" + sha256Digits} {
		if d, ok, err := ParseBlobPath(name); !ok || err == nil || d != "" {
			t.Errorf("%q: %v, %v, %v; it is no blob", name, d, ok, err)
		}
	}
}

func TestPrintable(t *testing.T) {
	for in, want := range map[string]string{
		"registry.example/a/b:1@sha256:0": "registry.example/a/b:1@sha256:0", "": `""`, "a b": `"a b"`, "\x1b[2J": `"\x1b[2J"`,
		"a\u202eb": `"a\u202eb"`, "\xff": `"\xff"`, `a"b`: `"a\"b"`, "ä": "ä", "für Prüfer": `"für Prüfer"`, "日本/ä.tar": "日本/ä.tar",
		"ä\u202eb": `"ä\u202eb"`, "a\u2066b": `"a\u2066b"`, "a\u200bb": `"a\u200bb"`, "\ufeffa": `"\ufeffa"`, "a\u2028b": `"a\u2028b"`,
		"a\u2029b": `"a\u2029b"`, "a\ue000b": `"a\ue000b"`, "a\u0378b": `"a\u0378b"`, "a\u009bb": `"a\u009bb"`, "a\u00a0b": `"a\u00a0b"`,
		"a\u00adb": `"a\u00adb"`, "ä\xe4": `"ä\xe4"`, "a\U000e0041b": `"a\U000e0041b"`,
	} {
		if got := Printable(in); got != want {
			t.Errorf("%q: %s, want %s", in, got, want)
		}
	}
	for _, long := range []string{strings.Repeat("x", 10_000), strings.Repeat("日", 10_000)} {
		if got := Printable(long); len(got) > 300 || strings.Contains(got, `\x`) {
			t.Errorf("a long name takes %d bytes: %s", len(got), got)
		}
	}
}

func FuzzDigest(f *testing.F) {
	f.Add("sha256:" + sha256Digits)
	f.Add("sha512:" + sha512Digits)
	f.Add("blobs/sha256/" + sha256Digits)
	f.Add("sha256:../x")
	f.Fuzz(func(t *testing.T, s string) {
		for _, parse := range []func() (digest.Digest, bool){
			func() (digest.Digest, bool) { d, err := ParseDigest(s); return d, err == nil },
			func() (digest.Digest, bool) { d, ok, err := ParseBlobPath(s); return d, ok && err == nil },
		} {
			d, ok := parse()
			if !ok {
				continue
			}
			if err := d.Validate(); err != nil {
				t.Fatalf("%q: %v", s, err)
			}
			path := BlobPath(d)
			if !cleanName(path) || strings.Count(path, "/") != 2 {
				t.Fatalf("%q becomes the path %q", s, path)
			}
			if back, ok, err := ParseBlobPath(path); back != d || !ok || err != nil {
				t.Fatalf("%q: back from %q: %v, %v, %v", s, path, back, ok, err)
			}
		}
		plainText(t, Printable(s))
	})
}

// plainText fails on what must not reach a terminal.
func plainText(t *testing.T, s string) {
	t.Helper()
	for _, r := range s {
		if !unicode.IsPrint(r) {
			t.Fatalf("%q holds %q", s, r)
		}
	}
}

// What is accepted as an index or a manifest says the same when it is written
// and read again, is never both, and every digest in it may become a path.
func FuzzDocument(f *testing.F) {
	for _, c := range append(layouttest.Accepted()[:20], layouttest.Refused()[:60]...) {
		if c.Tar != nil || c.Dir != nil {
			continue
		}
		for _, data := range c.Artifact.Layout() {
			if len(data) < 4000 && len(data) > 0 && data[0] == '{' {
				f.Add(data, false)
				f.Add(data, true)
			}
		}
	}
	f.Fuzz(func(t *testing.T, data []byte, docker bool) {
		asIndex, asManifest := v1.MediaTypeImageIndex, v1.MediaTypeImageManifest
		if docker {
			asIndex, asManifest = mediaTypeDockerList, mediaTypeDockerManifest
		}
		index, indexErr := ParseIndex(data, asIndex)
		manifest, manifestErr := ParseManifest(data, asManifest)
		if indexErr == nil && manifestErr == nil {
			t.Fatalf("%q is both an index and a manifest", data)
		}
		check := func(list ...v1.Descriptor) {
			for _, d := range list {
				if p, err := ParseDigest(string(d.Digest)); err != nil || p != d.Digest || d.Size < 0 || d.MediaType == "" {
					t.Fatalf("the descriptor %+v is accepted in %q", d, data)
				}
			}
		}
		switch {
		case indexErr == nil:
			check(index.Manifests...)
			raw, err := marshal(index)
			if err != nil {
				t.Fatal(err)
			}
			again, err := ParseIndex(raw, index.MediaType)
			if err != nil || !same(index, again) {
				t.Fatalf("%q\nis read again as\n%+v, %v\nand was\n%+v", raw, again, err, index)
			}
			for _, d := range index.Manifests {
				for _, n := range Names(d) {
					plainText(t, n)
					if found, err := Resolve(index, n); err == nil && found.Digest != d.Digest && pinned(n) == "" {
						t.Fatalf("%q stands for %s and for %s", n, d.Digest, found.Digest)
					}
				}
			}
		case manifestErr == nil:
			check(append(slices.Clone(manifest.Layers), manifest.Config)...)
			raw, err := marshal(manifest)
			if err != nil {
				t.Fatal(err)
			}
			again, err := ParseManifest(raw, manifest.MediaType)
			if err != nil || !same(manifest, again) {
				t.Fatalf("%q\nis read again as\n%+v, %v\nand was\n%+v", raw, again, err, manifest)
			}
		}
	})
}

// same compares two documents by what they say.
func same(a, b any) bool {
	x, err := json.Marshal(a)
	y, err2 := json.Marshal(b)
	return err == nil && err2 == nil && reflect.DeepEqual(x, y)
}

// What is accepted as SHA256SUMS is written again line for line, and holds
// only names that stay in the layout.
func FuzzSeal(f *testing.F) {
	f.Add([]byte(sha256Digits + "  index.json\n" + sha256Digits + "  oci-layout\n"))
	f.Add([]byte(sha256Digits + " *./blobs/sha256/" + sha256Digits + "\n"))
	f.Add([]byte(sha256Digits + "  ../x\n"))
	f.Fuzz(func(t *testing.T, data []byte) {
		s, err := parseSeal(data)
		if err != nil {
			plainText(t, err.Error())
			return
		}
		var w Seal
		for name, sum := range s {
			w.Add(name, sum)
		}
		again, err := parseSeal(w.Bytes())
		if len(s) == 0 {
			return // it has nothing to end with a line feed
		}
		if err != nil || !reflect.DeepEqual(s, again) {
			t.Fatalf("%q is written as %q: %v", data, w.Bytes(), err)
		}
		for name := range s {
			if !cleanName(name) || strings.HasPrefix(name, "/") || slices.Contains(strings.Split(name, "/"), "..") {
				t.Fatalf("%q: accepted the name %q", data, name)
			}
		}
	})
}

func FuzzResolve(f *testing.F) {
	f.Add("registry.example/a:1", "1", "registry.example/a:1")
	f.Add("1", "2", "")
	f.Add("sha256:"+sha256Digits, "x@y:z", "z")
	f.Add("sha256:"+sha256Digits, "x", "sha256:"+sha256Digits)
	f.Add("a@sha256:"+sha256Digits, "x", "a@sha256:"+sha256Digits)
	f.Fuzz(func(t *testing.T, a, b, reference string) {
		index := NewIndex()
		for i, name := range []string{a, b} {
			index.Manifests = append(index.Manifests, v1.Descriptor{
				MediaType: v1.MediaTypeImageManifest, Size: int64(i), Digest: digest.FromString(name + string(rune('0'+i))),
				Annotations: map[string]string{v1.AnnotationRefName: name},
			})
		}
		d, err := Resolve(&index, reference)
		if err != nil {
			plainText(t, err.Error())
			return
		}
		fits := reference == "" || reference == string(d.Digest)
		for _, n := range Names(d) {
			fits = fits || n == reference || tagOf(n) == reference
		}
		if p := pinned(reference); p != "" && p != string(d.Digest) {
			fits = false // whatever it is called
		}
		if !fits {
			t.Fatalf("%q among %q and %q finds %v", reference, a, b, d)
		}
	})
}
