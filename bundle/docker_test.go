package bundle

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"runtime"
	"strings"
	"testing"

	"github.com/opencontainers/go-digest"
	v1 "github.com/opencontainers/image-spec/specs-go/v1"

	"github.com/ociferry/ferry/layout"
	"github.com/ociferry/ferry/layout/compression"
)

// item is one entry of an archive in docker's form.
type item struct {
	name, data, link string
	typ              byte
}

func dockerTar(t testing.TB, items ...item) []byte {
	t.Helper()
	var b bytes.Buffer
	w := tar.NewWriter(&b)
	for _, i := range items {
		if i.typ == 0 {
			i.typ = tar.TypeReg
		}
		if err := w.WriteHeader(&tar.Header{Name: i.name, Typeflag: i.typ, Linkname: i.link, Size: int64(len(i.data)), Mode: 0o644}); err != nil {
			t.Fatal(err)
		}
		if _, err := w.Write([]byte(i.data)); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func gz(s string) string {
	var b bytes.Buffer
	w := gzip.NewWriter(&b)
	w.Write([]byte(s))
	w.Close()
	return b.String()
}

func hexOf(s string) string { return digest.FromString(s).Encoded() }

// dockerConfig is a config whose layers are these, before compression.
func dockerConfig(layers ...string) string {
	c := v1.Image{Platform: v1.Platform{OS: "linux", Architecture: "amd64"}}
	c.RootFS.Type = "layers"
	for _, l := range layers {
		c.RootFS.DiffIDs = append(c.RootFS.DiffIDs, digest.FromString(l))
	}
	data, _ := json.Marshal(c)
	return string(data)
}

func dockerJSON(config string, tags []string, layers ...string) string {
	data, _ := json.Marshal([]layout.DockerImage{{Config: config, RepoTags: tags, Layers: layers}})
	return string(data)
}

const base, top = "the base layer", "the top layer"

// Every writer of docker's form is read, and nothing else of the archive is.
func TestDockerContents(t *testing.T) {
	config := dockerConfig(base, top)
	tags := []string{"demo:1", "localhost:5000/team/demo:1"}
	for _, tt := range []struct {
		name    string
		items   []item
		media   string
		dropped int
	}{
		{"docker save before 25", []item{
			{name: "aaaa/", typ: tar.TypeDir}, {name: "aaaa/VERSION", data: "1.0"}, {name: "aaaa/json", data: "{}"}, {name: "aaaa/layer.tar", data: base},
			{name: "bbbb/layer.tar", data: top}, {name: "bbbb/json", data: "{}"},
			{name: hexOf(config) + ".json", data: config}, {name: "repositories", data: "{}"},
			{name: "manifest.json", data: dockerJSON(hexOf(config)+".json", tags, "aaaa/layer.tar", "bbbb/layer.tar")},
		}, v1.MediaTypeImageLayer, 4},
		{"layers that are symbolic links, as docker and skopeo make them", []item{
			{name: hexOf(base) + ".tar", data: base}, {name: hexOf(top) + ".tar", data: top},
			{name: "aaaa/layer.tar", typ: tar.TypeSymlink, link: "../" + hexOf(base) + ".tar"},
			{name: "manifest.json", data: dockerJSON(hexOf(config)+".json", tags, "aaaa/layer.tar", hexOf(top)+".tar")},
			{name: hexOf(config) + ".json", data: config},
		}, v1.MediaTypeImageLayer, 0},
		{"a hard link", []item{
			{name: "x/layer.tar", data: base}, {name: "y/layer.tar", typ: tar.TypeLink, link: "x/layer.tar"}, {name: "top", data: top},
			{name: "manifest.json", data: dockerJSON("c.json", tags, "y/layer.tar", "top")}, {name: "c.json", data: config},
		}, v1.MediaTypeImageLayer, 0},
		{"crane: compressed layers, a colon in the config's name", []item{
			{name: "sha256:" + hexOf(config), data: config}, {name: hexOf(gz(base)) + ".tar.gz", data: gz(base)}, {name: hexOf(gz(top)) + ".tar.gz", data: gz(top)},
			{name: "manifest.json", data: dockerJSON("sha256:"+hexOf(config), tags, hexOf(gz(base))+".tar.gz", hexOf(gz(top))+".tar.gz")},
		}, v1.MediaTypeImageLayerGzip, 0},
		{"blobs/sha256, as docker 25 names them", []item{
			{name: "manifest.json", data: dockerJSON("blobs/sha256/"+hexOf(config), tags, "blobs/sha256/"+hexOf(base), "blobs/sha256/"+hexOf(top))},
			{name: "blobs/sha256/" + hexOf(config), data: config}, {name: "blobs/sha256/" + hexOf(base), data: base}, {name: "blobs/sha256/" + hexOf(top), data: top},
		}, v1.MediaTypeImageLayer, 0},
	} {
		raw := dockerTar(t, tt.items...)
		c, err := DockerContents(t.Context(), bytes.NewReader(raw), int64(len(raw)))
		if err != nil {
			t.Errorf("%s: %v", tt.name, err)
			continue
		}
		if len(c.Dropped) != tt.dropped {
			t.Errorf("%s: dropped %q", tt.name, c.Dropped)
		}
		// What comes of it is a bundle that verifies, twice the same.
		var one, two bytes.Buffer
		if err := errors.Join(Write(t.Context(), &one, nil, c), Write(t.Context(), &two, nil, c)); err != nil {
			t.Errorf("%s: %v", tt.name, err)
			continue
		}
		report, err := Verify(t.Context(), bytes.NewReader(one.Bytes()), layout.AuditOptions{})
		if err != nil || report.Err() != nil || !bytes.Equal(one.Bytes(), two.Bytes()) {
			t.Errorf("%s: %v, %v", tt.name, err, report.Err())
			continue
		}
		var names []string
		for _, d := range report.Index.Manifests {
			names = append(names, layout.Names(d)...)
			if d.Platform == nil || d.Platform.Architecture != "amd64" {
				t.Errorf("%s: platform %+v", tt.name, d.Platform)
			}
		}
		if got := strings.Join(names, " "); got != "docker.io/library/demo:1 1 localhost:5000/team/demo:1 1" {
			t.Errorf("%s: named %s", tt.name, got)
		}
		a, err := OpenArchive(bytes.NewReader(one.Bytes()), int64(one.Len()))
		if err != nil {
			t.Fatal(err)
		}
		docs, err := a.Documents(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		_, m := docs.Document(report.Index.Manifests[0].Digest)
		if m.Config.Digest != digest.FromString(config) || len(m.Layers) != 2 || m.Layers[0].MediaType != tt.media {
			t.Errorf("%s: manifest %+v", tt.name, m)
		}
	}
}

// Hostile and damaged archives in docker's form are refused, with a reason.
func TestDockerContentsRefuses(t *testing.T) {
	config := dockerConfig(base)
	good := []item{{name: "c.json", data: config}, {name: "l.tar", data: base}}
	with := func(items ...item) []item { return append(append([]item{}, good...), items...) }
	index := func(v string) item { return item{name: "manifest.json", data: v} }
	ok := index(dockerJSON("c.json", nil, "l.tar"))
	for _, tt := range []struct {
		name, want string
		items      []item
	}{
		{"no manifest.json", "no archive as docker save writes it", good},
		{"a layout", "is an OCI image layout", with(ok, item{name: "oci-layout", data: "{}"})},
		{"no JSON", "invalid character", with(index("x"))},
		{"data behind the JSON", "trailing data after the document", with(index("[] []"))},
		{"an object", "cannot unmarshal object", with(index("{}"))},
		{"no images", "found none", with(index("[]"))},
		{"a config that is not there", "nothing.json: missing", with(index(dockerJSON("nothing.json", nil, "l.tar")))},
		{"a layer that is not there", "missing; manifest.json asks for it", with(index(dockerJSON("c.json", nil, "../../etc/passwd")))},
		{"no config", "missing; manifest.json asks for it", with(index(`[{}]`))},
		{"a layer too few", "diff_ids: want one for each of the 0 layers", with(index(dockerJSON("c.json", nil)))},
		{"another layer", "digest mismatch", with(index(dockerJSON("c.json", nil, "c.json")))},
		{"a config of another name", "digest mismatch", with(item{name: hexOf("x") + ".json", data: config}, index(dockerJSON(hexOf("x")+".json", nil, "l.tar")))},
		{"a layer of another name", "digest mismatch", with(item{name: hexOf("x") + ".tar", data: base}, index(dockerJSON("c.json", nil, hexOf("x")+".tar")))},
		{"a diff_id that is no digest", "digest mismatch", with(item{name: "d.json", data: `{"rootfs":{"diff_ids":["\u001b[2J"]}}`}, index(dockerJSON("d.json", nil, "l.tar")))},
		{"a damaged compressed layer", "unexpected EOF", with(item{name: "z", data: gz(base)[:20]}, index(dockerJSON("c.json", nil, "z")))},
		{"bytes behind a compressed layer", "z: gzip", with(item{name: "z", data: gz(base) + strings.Repeat("more", 20)}, index(dockerJSON("c.json", nil, "z")))},
		{"an xz layer", "this is xz data", with(item{name: "z", data: "\xfd7zXZ\x00"}, index(dockerJSON("c.json", nil, "z")))},
		{"many images", "too many elements", with(index("[" + strings.Repeat("{},", 400_000) + "{}]"))},
		{"a large config", "is too large", with(item{name: "big.json", data: strings.Repeat(" ", layout.MaxDocument+1)}, index(dockerJSON("big.json", nil, "l.tar")))},
		{"a name that leaves the archive", "leaves its directory", with(ok, item{name: "../x"})},
		{"a name twice", "duplicate entry", with(ok, item{name: "c.json"})},
		{"manifest.json twice", "duplicate entry", with(ok, ok)},
		{"a link that leaves the archive", "leaves the archive", with(ok, item{name: "a/b", typ: tar.TypeSymlink, link: "../../x"})},
		{"an absolute link", "leaves the archive", with(ok, item{name: "a/b", typ: tar.TypeSymlink, link: "/etc/passwd"})},
		{"a link to a link", "no regular file of the archive", with(
			item{name: "a", typ: tar.TypeSymlink, link: "l.tar"}, item{name: "b", typ: tar.TypeSymlink, link: "a"}, index(dockerJSON("c.json", nil, "b")))},
		{"a link to itself", "no regular file of the archive", with(item{name: "a", typ: tar.TypeSymlink, link: "a"}, index(dockerJSON("c.json", nil, "a")))},
		{"manifest.json as a link", "no archive as docker save writes it", with(item{name: "manifest.json", typ: tar.TypeSymlink, link: "c.json"})},
		{"a device", "unsupported type: device", with(ok, item{name: "d", typ: tar.TypeBlock})},
		{"a tag that is none", "RepoTags: want NAME:TAG", with(index(dockerJSON("c.json", []string{"a b"}, "l.tar")))},
		{"a tag with a control character", "RepoTags: want NAME:TAG", with(index(dockerJSON("c.json", []string{"a\x1b:1"}, "l.tar")))},
		{"one tag for two images", "stands for", []item{
			{name: "a.json", data: dockerConfig(base)}, {name: "b.json", data: dockerConfig(top)}, {name: "a", data: base}, {name: "b", data: top},
			index(`[{"Config":"a.json","Layers":["a"],"RepoTags":["x:1"]},{"Config":"b.json","Layers":["b"],"RepoTags":["x:1"]}]`)}},
	} {
		raw := dockerTar(t, tt.items...)
		_, err := DockerContents(t.Context(), bytes.NewReader(raw), int64(len(raw)))
		if err == nil || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%s: got %v, want %q", tt.name, err, tt.want)
		} else if strings.ContainsRune(err.Error(), 0x1b) {
			t.Errorf("%s: a control character in %q", tt.name, err)
		}
		if strings.Contains(tt.want, "missing") && !errors.Is(err, fs.ErrNotExist) {
			t.Errorf("%s: %v is no fs.ErrNotExist", tt.name, err)
		}
	}
	whole := dockerTar(t, with(ok)...)
	for n := range len(whole) - 3*512 { // padding and end may be absent, as tar has it
		if n%97 != 0 && n%512 != 0 {
			continue
		}
		_, err := DockerContents(t.Context(), bytes.NewReader(whole[:n]), int64(n))
		if err == nil {
			t.Errorf("cut to %d of %d bytes it is read", n, len(whole))
		}
	}
}

// A layer that inflates beyond reason ends the reading.
func TestDockerContentsBomb(t *testing.T) {
	var b bytes.Buffer
	w := compression.Zstd.NewWriter(&b)
	zeros := make([]byte, 1<<20)
	for range 200 {
		if _, err := w.Write(zeros); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	raw := dockerTar(t, item{name: "c.json", data: dockerConfig("")}, item{name: "z", data: b.String()}, item{name: "manifest.json", data: dockerJSON("c.json", nil, "z")})
	_, err := DockerContents(t.Context(), bytes.NewReader(raw), int64(len(raw)))
	var bomb *RatioError
	if !errors.As(err, &bomb) {
		t.Errorf("got %v", err)
	}
}

// WriteDocker adds one file, which names the blobs that are there, and changes
// nothing else of what the layout is.
func TestWriteDocker(t *testing.T) {
	config := dockerConfig(base)
	raw := dockerTar(t, item{name: "c.json", data: config}, item{name: "l.tar", data: base}, item{name: "manifest.json", data: dockerJSON("c.json", []string{"demo:1", "demo:2"}, "l.tar")})
	c, err := DockerContents(t.Context(), bytes.NewReader(raw), int64(len(raw)))
	if err != nil {
		t.Fatal(err)
	}
	var out bytes.Buffer
	skipped, err := WriteDocker(t.Context(), &out, nil, c)
	if err != nil || len(skipped) != 0 {
		t.Fatal(skipped, err)
	}
	report, err := Verify(t.Context(), bytes.NewReader(out.Bytes()), layout.AuditOptions{})
	if err != nil || report.Err() != nil || report.Digest != c.Digest() || fmt.Sprint(report.Extra) != "[manifest.json]" {
		t.Fatalf("%v, %v, extra %q", err, report.Err(), report.Extra)
	}
	var found []layout.DockerImage
	r := tar.NewReader(bytes.NewReader(out.Bytes()))
	for h, err := r.Next(); err == nil; h, err = r.Next() {
		if h.Name == dockerManifest {
			if err := json.NewDecoder(r).Decode(&found); err != nil {
				t.Fatal(err)
			}
		}
	}
	want := fmt.Sprintf("[{blobs/sha256/%s [docker.io/library/demo:1 docker.io/library/demo:2] [blobs/sha256/%s]}]", hexOf(config), hexOf(base))
	if fmt.Sprint(found) != want {
		t.Errorf("got %v, want %s", found, want)
	}

	// What docker's form cannot hold is told.
	c.Index.Manifests[0].MediaType = v1.MediaTypeImageIndex
	c.Index.Manifests = c.Index.Manifests[:1]
	var nothing bytes.Buffer
	if skipped, err := WriteDocker(t.Context(), &nothing, nil, c); !errors.Is(err, ErrNoImages) || len(skipped) != 1 || nothing.Len() > 0 {
		t.Errorf("got %v, %v, %d bytes", skipped, err, nothing.Len())
	}
}

// Whatever DockerContents takes, a bundle of it verifies.
func FuzzDockerContents(f *testing.F) {
	config := dockerConfig(base)
	f.Add(dockerTar(f, item{name: "c.json", data: config}, item{name: "l.tar", data: base}, item{name: "manifest.json", data: dockerJSON("c.json", []string{"demo:1"}, "l.tar")}))
	f.Add(dockerTar(f, item{name: "x/l", typ: tar.TypeSymlink, link: "../z"}, item{name: "z", data: gz(base)}, item{name: "c.json", data: config}, item{name: "manifest.json", data: dockerJSON("c.json", nil, "x/l")}))
	f.Fuzz(func(t *testing.T, raw []byte) {
		c, err := DockerContents(t.Context(), bytes.NewReader(raw), int64(len(raw)))
		if err != nil {
			return
		}
		var out bytes.Buffer
		if err := Write(t.Context(), &out, nil, c); err != nil {
			t.Fatal(err)
		}
		if report, err := Verify(t.Context(), &out, layout.AuditOptions{}); err != nil || report.Err() != nil {
			t.Fatalf("%v, %v", err, report.Err())
		}
	})
}

// What is not asked of a config is not decoded either: docker's history of two
// bytes an element would take a hundred times that.
func TestDockerConfigMemory(t *testing.T) {
	data := `{"os":"linux","history":[` + strings.Repeat("{},", 400_000) + `{}],"rootfs":{"diff_ids":["x"]}}`
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	var c imageFacts
	if err := unmarshalDocker("c.json", []byte(data), &c); err != nil || c.OS != "linux" || len(c.RootFS.DiffIDs) != 1 {
		t.Errorf("%v: %+v", err, c)
	}
	runtime.ReadMemStats(&after)
	if n := after.TotalAlloc - before.TotalAlloc; n > 8<<20 {
		t.Errorf("%d bytes were allocated", n)
	}
}
