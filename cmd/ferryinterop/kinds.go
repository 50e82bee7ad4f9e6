package main

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/opencontainers/go-digest"
	"github.com/opencontainers/image-spec/specs-go"
	v1 "github.com/opencontainers/image-spec/specs-go/v1"
)

// A kind is a thing that is carried, in each of ferry's forms.
type kind struct {
	name                      string
	words                     string
	roots                     []root
	referrers                 []string // digests of manifests about a root
	identity                  string
	fixture                   string // a layout directory that is not ferry's, or ""
	dir, tar, targz, dockered string
}

// A root is an artifact with a name.
type root struct {
	tag, full, digest string
	what              string // lei, files, image or index
	config            string // digest of an image's config
	source            string // the directory that was packed
}

func (r root) image() bool { return r.what == "image" }

// alone is a kind of which only one root is looked for.
func (k *kind) alone(r root) *kind {
	one := *k
	one.roots = []root{r}
	if r.tag != signedTag {
		one.referrers = nil
	}
	return &one
}

// signedTag is the root that has a referrer.
const signedTag = "v1-signed"

// images is the number of roots that docker's form can hold.
func (k *kind) images() (n int) {
	for _, r := range k.roots {
		if r.image() {
			n++
		}
	}
	return n
}

// makeKinds makes one of each kind. Images are made here, the referrer by
// oras, the artifacts by ferry.
func (w *world) makeKinds() error {
	w.kinds = []*kind{
		{name: "LEI", words: "an LEI cache artifact"},
		{name: "files", words: "a directory of files"},
		{name: "image", words: "a container image"},
		{name: "index", words: "an image of two platforms"},
		{name: "referrer", words: "an image with an SBOM that refers to it"},
		{name: "several", words: "all of these in one bundle"},
	}
	lei, files, image, index, referrer, several := w.kinds[0], w.kinds[1], w.kinds[2], w.kinds[3], w.kinds[4], w.kinds[5]

	snapshot := filepath.Join(w.work, "snapshot")
	if err := os.Mkdir(snapshot, 0o755); err != nil {
		return err
	}
	if err := w.snapshot(snapshot); err != nil {
		return err
	}
	notes := filepath.Join(w.work, "notes")
	if err := os.MkdirAll(filepath.Join(notes, "deep"), 0o755); err != nil {
		return err
	}
	for name, text := range map[string]string{"read me.txt": "notes\n", "deep/data.bin": strings.Repeat("\x00\xff", 5000), "empty": ""} {
		if err := os.WriteFile(filepath.Join(notes, name), []byte(text), 0o644); err != nil {
			return err
		}
	}
	for _, p := range []struct {
		k    *kind
		from string
		root root
	}{
		{lei, snapshot, root{tag: "2026-02-01", full: "lei.internal/lei/cache:2026-02-01", what: "lei"}},
		{files, notes, root{tag: "v1-files", full: "ferry.internal/notes:v1-files", what: "files"}},
	} {
		p.k.fixture = filepath.Join(w.work, "packed-"+p.k.name)
		if _, err := w.cmd("ferry", "pack", p.from, "-t", p.root.full, "-o", p.k.fixture); err != nil {
			return err
		}
		raw, err := os.ReadFile(filepath.Join(p.k.fixture, "index.json"))
		if err != nil {
			return err
		}
		var i v1.Index
		if err := json.Unmarshal(raw, &i); err != nil {
			return err
		}
		p.root.digest, p.root.source = string(i.Manifests[0].Digest), p.from
		p.k.roots = []root{p.root}
	}

	f := &fixture{dir: filepath.Join(w.work, "made-image")}
	r := f.root(f.image("amd64", "hello"), "v1-image")
	if image.fixture, image.roots = f.dir, []root{r}; f.write() != nil {
		return f.err
	}
	f = &fixture{dir: filepath.Join(w.work, "made-index")}
	r = f.root(f.images("amd64", "arm64"), "v1-index")
	if index.fixture, index.roots = f.dir, []root{r}; f.write() != nil {
		return f.err
	}
	f = &fixture{dir: filepath.Join(w.work, "made-referrer")}
	r = f.root(f.image("amd64", "signed"), signedTag)
	if referrer.fixture, referrer.roots = f.dir, []root{r}; f.write() != nil {
		return f.err
	}
	if w.tools["oras"].why != "" {
		return fmt.Errorf("oras: %s", w.tools["oras"].why)
	}
	sbom := filepath.Join(w.work, "sbom.json")
	if err := os.WriteFile(sbom, []byte(`{"spdxVersion":"SPDX-2.3"}`), 0o644); err != nil {
		return err
	}
	out, err := w.cmd("oras", "attach", "--oci-layout", f.dir+":"+r.tag, "--artifact-type", "application/spdx+json", "sbom.json", "--format", "json")
	if err != nil {
		return err
	}
	var attached struct{ Digest string }
	if err := json.Unmarshal([]byte(out), &attached); err != nil {
		return err
	}
	referrer.referrers = []string{attached.Digest}

	args := []string{"bundle"}
	for _, k := range w.kinds[:5] {
		args = append(args, k.fixture)
		several.roots = append(several.roots, k.roots...)
		several.referrers = append(several.referrers, k.referrers...)
	}
	several.fixture = filepath.Join(w.work, "made-several")
	if _, err := w.cmd("ferry", append(args, "-o", several.fixture)...); err != nil {
		return err
	}
	for _, k := range w.kinds {
		if err := w.forms(k); err != nil {
			return err
		}
	}
	return nil
}

// forms has ferry write a kind in each of its forms, and fills the registry.
func (w *world) forms(k *kind) error {
	base := filepath.Join(w.work, "ours-"+strings.ToLower(k.name)) // podman makes a name of it
	k.dir, k.tar, k.targz, k.dockered = base, base+".tar", base+".tar.gz", base+"-docker.tar"
	for _, out := range []string{k.dir, k.tar, k.targz} {
		if _, err := w.cmd("ferry", "bundle", k.fixture, "-o", out); err != nil {
			return err
		}
	}
	if _, err := w.cmd("ferry", "bundle", "--docker", k.fixture, "-o", k.dockered); k.images() == 0 {
		if err == nil {
			return fmt.Errorf("%s: ferry bundle --docker made an archive without an image in it", k.name)
		}
		k.dockered = ""
	} else if err != nil {
		return err
	}
	raw, err := os.ReadFile(filepath.Join(k.dir, "index.json"))
	if err != nil {
		return err
	}
	k.identity = sha(raw)
	return w.upload(k)
}

// snapshot writes a small snapshot through ferry export.
func (w *world) snapshot(dir string) error {
	var b bytes.Buffer
	for i := range 40 {
		fmt.Fprintf(&b, `{"header":{"repo":"https://example.org/r/%d","start_time":"2026-01-31T10:00:00Z"},"data":{"repo":"https://example.org/r/%d","risk":"low","config":{}}}`+"\n", i, i)
	}
	in := filepath.Join(w.work, "reports.jsonl")
	if err := os.WriteFile(in, b.Bytes(), 0o644); err != nil {
		return err
	}
	if err := os.Remove(dir); err != nil {
		return err
	}
	_, err := w.cmd("ferry", "export", in, "-o", dir, "--date", "2026-02-01", "--created", "2026-02-01T00:00:00Z")
	return err
}

// A fixture is a layout directory made with no tool at all.
type fixture struct {
	dir   string
	index v1.Index
	err   error
}

func (f *fixture) add(mediaType string, data []byte) v1.Descriptor {
	d := v1.Descriptor{MediaType: mediaType, Digest: digest.FromBytes(data), Size: int64(len(data))}
	dir := filepath.Join(f.dir, "blobs", "sha256")
	if f.err == nil {
		f.err = os.MkdirAll(dir, 0o755)
	}
	if f.err == nil {
		f.err = os.WriteFile(filepath.Join(dir, d.Digest.Encoded()), data, 0o644)
	}
	return d
}

func (f *fixture) addJSON(mediaType string, v any) v1.Descriptor {
	data, err := json.Marshal(v)
	if err != nil && f.err == nil {
		f.err = err
	}
	return f.add(mediaType, data)
}

// image adds an image of two layers.
func (f *fixture) image(arch, text string) v1.Descriptor {
	created := time.Date(2026, 2, 1, 0, 0, 0, 0, time.UTC)
	config := v1.Image{Created: &created, Platform: v1.Platform{OS: "linux", Architecture: arch}}
	config.RootFS.Type = "layers"
	config.Config.Cmd = []string{"/" + text}
	m := v1.Manifest{Versioned: specs.Versioned{SchemaVersion: 2}, MediaType: v1.MediaTypeImageManifest}
	for _, name := range []string{text, "common"} {
		var plain, zipped bytes.Buffer
		tw := tar.NewWriter(&plain)
		body := "content of " + name + "\n"
		tw.WriteHeader(&tar.Header{Name: name, Mode: 0o755, Size: int64(len(body)), ModTime: created, Typeflag: tar.TypeReg})
		tw.Write([]byte(body))
		tw.Close()
		config.RootFS.DiffIDs = append(config.RootFS.DiffIDs, digest.FromBytes(plain.Bytes()))
		config.History = append(config.History, v1.History{Created: &created, CreatedBy: "COPY " + name})
		zw := gzip.NewWriter(&zipped)
		zw.Write(plain.Bytes())
		zw.Close()
		m.Layers = append(m.Layers, f.add(v1.MediaTypeImageLayerGzip, zipped.Bytes()))
	}
	m.Config = f.addJSON(v1.MediaTypeImageConfig, config)
	d := f.addJSON(v1.MediaTypeImageManifest, m)
	d.Platform = &v1.Platform{OS: "linux", Architecture: arch}
	return d
}

func (f *fixture) images(archs ...string) v1.Descriptor {
	i := v1.Index{Versioned: specs.Versioned{SchemaVersion: 2}, MediaType: v1.MediaTypeImageIndex}
	for _, arch := range archs {
		i.Manifests = append(i.Manifests, f.image(arch, "on-"+arch))
	}
	return f.addJSON(v1.MediaTypeImageIndex, i)
}

// root names what was made.
func (f *fixture) root(d v1.Descriptor, tag string) root {
	r := root{tag: tag, full: "images.internal/demo:" + tag, digest: string(d.Digest), what: "image"}
	if d.MediaType == v1.MediaTypeImageIndex {
		r.what = "index"
	} else if data, err := os.ReadFile(filepath.Join(f.dir, "blobs", "sha256", d.Digest.Encoded())); err == nil {
		var m v1.Manifest
		if f.err = json.Unmarshal(data, &m); f.err == nil {
			r.config = string(m.Config.Digest)
		}
	}
	d.Annotations = map[string]string{v1.AnnotationRefName: r.tag, "io.containerd.image.name": r.full}
	f.index.Manifests = append(f.index.Manifests, d)
	return r
}

func (f *fixture) write() error {
	f.index.SchemaVersion, f.index.MediaType = 2, v1.MediaTypeImageIndex
	data, err := json.Marshal(f.index)
	for name, text := range map[string][]byte{"index.json": data, "oci-layout": []byte(`{"imageLayoutVersion":"1.0.0"}`)} {
		if err == nil && f.err == nil {
			err = os.WriteFile(filepath.Join(f.dir, name), text, 0o644)
		}
	}
	if f.err == nil {
		f.err = err
	}
	return f.err
}
