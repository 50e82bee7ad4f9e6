package bundle

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/opencontainers/go-digest"
	v1 "github.com/opencontainers/image-spec/specs-go/v1"

	"github.com/ociferry/ferry/layout"
)

func describe(mediaType, data string) v1.Descriptor {
	return v1.Descriptor{MediaType: mediaType, Digest: digest.FromString(data), Size: int64(len(data))}
}

func toJSON(v any) string {
	data, err := json.Marshal(v)
	if err != nil {
		panic(err)
	}
	return string(data)
}

// ociManifest is a manifest over a config and layers.
func ociManifest(config string, layers ...string) string {
	m := v1.Manifest{MediaType: v1.MediaTypeImageManifest, Config: describe(v1.MediaTypeImageConfig, config), Layers: []v1.Descriptor{}}
	m.SchemaVersion = 2
	for _, l := range layers {
		m.Layers = append(m.Layers, describe(v1.MediaTypeImageLayer, l))
	}
	return toJSON(m)
}

func ociIndex(manifests ...v1.Descriptor) string {
	index := layout.NewIndex()
	index.Manifests = manifests
	return toJSON(index)
}

// beside is a layout with docker's manifest.json, "" for none.
func beside(index, manifestJSON string, blobs ...string) []item {
	items := []item{{name: "oci-layout", data: `{"imageLayoutVersion":"1.0.0"}`}, {name: "index.json", data: index}}
	if manifestJSON != "" {
		items = append(items, item{name: "manifest.json", data: manifestJSON})
	}
	for _, b := range blobs {
		items = append(items, item{name: "blobs/sha256/" + hexOf(b), data: b})
	}
	return items
}

// Of an archive in both forms nothing is lost: where the layout has not all that
// docker's manifest.json names, that is followed, and Verify refuses the layout.
func TestDockerBesideLayout(t *testing.T) {
	config, other := dockerConfig(base), dockerConfig(top)
	whole, hollow, second := ociManifest(config, base), ociManifest(config), ociManifest(other, top)
	note := ociManifest("{}", "a statement")
	named := func(data, name string) v1.Descriptor {
		d := describe(v1.MediaTypeImageManifest, data)
		d.Annotations = layout.NameAnnotations(name)
		return d
	}
	one := dockerJSON("blobs/sha256/"+hexOf(config), []string{"app:1"}, "blobs/sha256/"+hexOf(base))
	two := one[:len(one)-1] + "," + dockerJSON("blobs/sha256/"+hexOf(other), nil, "blobs/sha256/"+hexOf(top))[1:]
	const app = "docker.io/library/app:1"
	nested := func(children ...v1.Descriptor) (string, v1.Descriptor) {
		data := ociIndex(children...)
		d := describe(v1.MediaTypeImageIndex, data)
		d.Annotations = layout.NameAnnotations(app)
		return data, d
	}
	absent := describe(v1.MediaTypeImageManifest, ociManifest("elsewhere"))
	sparse, sparseDesc := nested(describe(v1.MediaTypeImageManifest, whole), absent)
	more, moreDesc := nested(describe(v1.MediaTypeImageManifest, whole), absent, describe(v1.MediaTypeImageManifest, note))

	for _, c := range []struct {
		name   string
		items  []item
		want   []string // the manifests that are carried; nil for an error
		says   string   // of that
		verify string   // what Verify says of the layout
	}{
		{"a whole layout", beside(ociIndex(named(whole, app)), one, whole, config, base), nil, ErrIsLayout.Error(), ""},
		{"a layout alone", beside(ociIndex(named(whole, app)), "", whole, config, base), nil, ErrIsLayout.Error(), ""},
		{"a manifest without layers, of docker 25.0.0", beside(ociIndex(named(hollow, app)), one, hollow, config, base),
			[]string{whole}, "", "manifest.json: docker's images need blobs/sha256/" + hexOf(base)},
		{"a second image that the index does not name", beside(ociIndex(named(whole, app)), two, whole, config, base, second, other, top),
			[]string{whole, second}, "", "and 1 more files, which index.json does not reach"},
		{"null for manifests, of docker 25.0.0 by digest", beside(`{"schemaVersion":2,"manifests":null}`, one, whole, config, base),
			[]string{whole}, "", "manifests: empty"},
		{"an index of platforms of which one is there", beside(ociIndex(sparseDesc), one, sparse, whole, config, base), []string{whole}, "", "missing"},
		{"the same with a statement about it", beside(ociIndex(moreDesc), one, more, whole, config, base, note, "{}", "a statement"), []string{whole, note}, "", "missing"},
		{"the same with a statement that is damaged", append(beside(ociIndex(moreDesc), one, more, whole, config, base, note, "{}"),
			item{name: "blobs/sha256/" + hexOf("a statement"), data: "A statement"}), nil, "digest mismatch", "digest mismatch"},
		{"sealed and not whole", append(beside(ociIndex(sparseDesc), one, sparse, whole, config, base), item{name: "SHA256SUMS", data: hexOf("x") + "  x\n"}), nil, "does not list", "does not list"},
		{"an index that is damaged", beside(ociIndex(named(whole, app))+"x", one, whole, config, base), nil, "index.json", "index.json"},
		{"a key twice", beside(ociIndex(named(whole, app)), strings.Replace(one, `"Config"`, `"Config":"x","Config"`, 1), whole, config, base), nil, "duplicate", "duplicate"},
		{"a key in another case", beside(ociIndex(named(whole, app)), strings.Replace(one, `"Config"`, `"config":"x","Config"`, 1), whole, config, base), nil, "case", "case"},
		{"another manifest.json", beside(ociIndex(named(whole, app)), `{"a":1,"a":2}`, whole, config, base), nil, ErrIsLayout.Error(), ""},
	} {
		raw := dockerTar(t, c.items...)
		contents, err := DockerContents(t.Context(), bytes.NewReader(raw), int64(len(raw)))
		switch {
		case c.want == nil && (err == nil || !strings.Contains(err.Error(), c.says)):
			t.Errorf("%s: got %v, want %q", c.name, err, c.says)
		case c.want != nil && err != nil:
			t.Errorf("%s: %v", c.name, err)
		case c.want != nil:
			var got, want []digest.Digest
			for i, d := range contents.Index.Manifests {
				if got = append(got, d.Digest); i == 0 && layout.FullName(d) != app {
					t.Errorf("%s: the name is %q", c.name, layout.Names(d))
				}
			}
			for _, data := range c.want {
				want = append(want, digest.FromString(data))
			}
			if !slices.Equal(got, want) {
				t.Errorf("%s: got %s, want %s", c.name, got, want)
			}
			for _, d := range contents.Dropped {
				if d == "oci-layout" || d == "index.json" || d == "blobs/sha256/"+hexOf(whole) {
					t.Errorf("%s: %s is said to stay behind", c.name, d)
				}
			}
			var out bytes.Buffer
			if err := Write(t.Context(), &out, nil, contents); err != nil {
				t.Errorf("%s: %v", c.name, err)
			}
			if report, err := Verify(t.Context(), &out, layout.AuditOptions{}); err != nil || report.Err() != nil {
				t.Errorf("%s: the bundle of it: %v, %v", c.name, err, report.Err())
			}
		}
		report, err := Verify(t.Context(), bytes.NewReader(raw), layout.AuditOptions{})
		if err != nil {
			t.Errorf("%s: %v", c.name, err)
			continue
		}
		said := fmt.Sprint(report.Err())
		for _, e := range report.Problems() {
			said += "\n" + e.Error()
		}
		if c.verify == "" && report.Err() != nil || !strings.Contains(said, c.verify) {
			t.Errorf("%s: Verify says %s, want %q", c.name, said, c.verify)
		}
		r, err := OpenArchive(bytes.NewReader(raw), int64(len(raw)))
		if err != nil {
			t.Fatal(err)
		}
		_, err = r.Contents(t.Context())
		var lost *layout.DockerError
		if errors.As(report.Err(), &lost) != errors.As(err, &lost) || (err == nil) != (report.Err() == nil) && c.verify != "digest mismatch" {
			t.Errorf("%s: Verify says %v, Contents %v", c.name, report.Err(), err)
		}
	}
}

// What docker load would not take is no image for it: signatures, attestations,
// layers that are not there.
func TestDockerLoads(t *testing.T) {
	manifest := func(config string, layers ...string) *v1.Manifest {
		m := &v1.Manifest{Config: v1.Descriptor{MediaType: config}}
		for _, l := range layers {
			m.Layers = append(m.Layers, v1.Descriptor{MediaType: l})
		}
		return m
	}
	for _, c := range []struct {
		m    *v1.Manifest
		want bool
	}{
		{manifest(v1.MediaTypeImageConfig, v1.MediaTypeImageLayer, v1.MediaTypeImageLayerGzip, v1.MediaTypeImageLayerZstd), true},
		{manifest(mediaTypeDockerConfig, "application/vnd.docker.image.rootfs.diff.tar.gzip"), true},
		{manifest(v1.MediaTypeImageConfig), true},
		{manifest(v1.MediaTypeImageConfig, v1.MediaTypeImageLayer, "application/vnd.dev.cosign.simplesigning.v1+json"), false},
		{manifest(v1.MediaTypeImageConfig, "application/vnd.in-toto+json"), false},
		{manifest(v1.MediaTypeImageConfig, "application/vnd.docker.image.rootfs.foreign.diff.tar.gzip"), false},
		{manifest(v1.MediaTypeEmptyJSON, v1.MediaTypeImageLayer), false},
	} {
		if got := dockerLoads(c.m); got != c.want {
			t.Errorf("%v: got %v", c.m, got)
		}
	}
	for _, c := range []struct{ full, short, want string }{
		{"reg.example/app:1", "1", "reg.example/app:1"},
		{"", "reg.example:5000/team/app:1", "reg.example:5000/team/app:1"},
		{"", "app:1", "app:1"},
		{"", "1", ""},
		{"reg.example/app@sha256:" + hexOf("x"), "1", ""},
		{"reg.example/App:1", "", ""},
		{"reg.example/app", "", ""},
	} {
		d := v1.Descriptor{Annotations: map[string]string{layout.AnnotationContainerdName: c.full, v1.AnnotationRefName: c.short}}
		if got := dockerTag(d); got != c.want {
			t.Errorf("%q, %q: got %q, want %q", c.full, c.short, got, c.want)
		}
	}
}
