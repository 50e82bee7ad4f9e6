package layout_test

import (
	"bytes"
	"context"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/opencontainers/go-digest"
	v1 "github.com/opencontainers/image-spec/specs-go/v1"

	"github.com/ociferry/ferry/layout"
	"github.com/ociferry/ferry/layout/layouttest"
)

func openLayout(t *testing.T, l layouttest.Layout) *layout.Reader {
	t.Helper()
	r, err := layout.OpenDir(l.Dir(t))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { r.Close() })
	return r
}

func contentsOf(t *testing.T, l layouttest.Layout) *layout.Contents {
	t.Helper()
	c, err := openLayout(t, l).Contents(ctx)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// wantSound writes contents as a layout and checks that it is whole.
func wantSound(t *testing.T, c *layout.Contents) *layout.Report {
	t.Helper()
	dir := filepath.Join(t.TempDir(), "layout")
	w, err := layout.Create(dir, fast)
	if err != nil {
		t.Fatal(err)
	}
	defer w.Close()
	if err := c.CopyTo(ctx, w); err != nil {
		t.Fatal(err)
	}
	if err := w.PutIndex(c.RawIndex); err != nil {
		t.Fatal(err)
	}
	id, err := w.Commit(ctx, layout.CommitOptions{})
	if err != nil {
		t.Fatal(err)
	}
	if id != c.Digest() {
		t.Errorf("written it is %s, want %s", id, c.Digest())
	}
	report, err := audit(dir)
	if err != nil {
		t.Fatal(err)
	}
	return report
}

func TestContents(t *testing.T) {
	l := layouttest.Artifact{Files: func(l layouttest.Layout) { l.Put("", []byte("left over")) }}.Layout()
	c := contentsOf(t, l)
	if !bytes.Equal(c.RawIndex, l["index.json"]) || c.Digest() != digest.FromBytes(l["index.json"]) {
		t.Error("index.json is not the one in the layout")
	}
	if len(c.Dropped) != 1 || c.Dropped[0] != layouttest.BlobPath(layouttest.SHA256([]byte("left over"))) {
		t.Errorf("dropped: %q", c.Dropped)
	}
	var types []string
	for _, b := range c.Blobs {
		types = append(types, b.MediaType)
		r, err := b.Open()
		if err != nil {
			t.Fatal(err)
		}
		if err := layout.Copy(ctx, nil, r, b.Descriptor); err != nil {
			t.Error(err)
		}
		r.Close()
	}
	want := []string{layouttest.ManifestType, layouttest.ConfigType, layouttest.SnapshotType, layouttest.PayloadType}
	if !slices.Equal(types, want) {
		t.Errorf("the blobs come as %q, want %q", types, want)
	}
	wantSound(t, c)
}

func TestContentsRefuses(t *testing.T) {
	drop := func(l layouttest.Layout) {
		for p, data := range l {
			if len(data) > 1 && data[0] == 0x1f {
				delete(l, p)
			}
		}
	}
	_, err := openLayout(t, layouttest.Artifact{Files: drop}.Layout()).Contents(ctx)
	if !layout.Incomplete(err) || !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("a blob missing: %v", err)
	}
	_, err = openLayout(t, layouttest.Artifact{Files: func(l layouttest.Layout) {
		l.Seal()
		l["index.json"] = append(l["index.json"], '\n')
	}}.Layout()).Contents(ctx)
	var seal *layout.SealError
	if !errors.As(err, &seal) {
		t.Errorf("index.json changed under a seal: %v", err)
	}
	// Damage that a size does not show is found while the blob is copied.
	c := contentsOf(t, layouttest.Artifact{Files: func(l layouttest.Layout) {
		for p, data := range l {
			if len(data) > 1 && data[0] == 0x1f {
				data = bytes.Clone(data)
				data[20] ^= 1
				l[p] = data
			}
		}
	}}.Layout())
	w, err := layout.Create(filepath.Join(t.TempDir(), "x"), fast)
	if err != nil {
		t.Fatal(err)
	}
	defer w.Close()
	var corrupt *layout.CorruptError
	if err := c.CopyTo(ctx, w); !errors.As(err, &corrupt) {
		t.Errorf("a damaged blob: %v", err)
	}
}

func named(name, text string) layouttest.Layout {
	return layouttest.Artifact{Manifests: func(l layouttest.Layout, _ []layouttest.Object) []layouttest.Object {
		return []layouttest.Object{layouttest.Note(l, text, nil).With("annotations", `{"org.opencontainers.image.ref.name":`+layouttest.Quote(name)+"}")}
	}}.Layout()
}

func TestMerge(t *testing.T) {
	a, b := contentsOf(t, named("a", "one")), contentsOf(t, named("b", "two"))
	if one, err := layout.Merge(a); err != nil || one != a {
		t.Errorf("a single one: %v", err)
	}
	both, err := layout.Merge(a, b, contentsOf(t, named("a", "one")))
	if err != nil {
		t.Fatal(err)
	}
	if report := wantSound(t, both); report.Manifests != 2 || len(report.Index.Manifests) != 2 {
		t.Errorf("merged: %d manifests, %d entries", report.Manifests, len(report.Index.Manifests))
	}
	var clash *layout.NameError
	if _, err := layout.Merge(a, contentsOf(t, named("a", "other"))); !errors.As(err, &clash) || clash.Name != "a" {
		t.Errorf("one name for two things: %v", err)
	}
	// The same thing under two names stays one thing with two names.
	twice, err := layout.Merge(a, contentsOf(t, named("c", "one")))
	if err != nil {
		t.Fatal(err)
	}
	if report := wantSound(t, twice); report.Manifests != 1 || len(report.Index.Manifests) != 2 {
		t.Errorf("under two names: %d manifests, %d entries", report.Manifests, len(report.Index.Manifests))
	}
}

func TestOnly(t *testing.T) {
	ref := func(d layouttest.Object, name string) layouttest.Object {
		return d.With("annotations", `{"org.opencontainers.image.ref.name":`+layouttest.Quote(name)+"}")
	}
	l := layouttest.Artifact{Manifests: func(l layouttest.Layout, m []layouttest.Object) []layouttest.Object {
		note, other := layouttest.Note(l, "note", nil), layouttest.Note(l, "other", nil)
		index := l.Put(layouttest.IndexType, []byte(layouttest.Index(note, m[0].Without("annotations")).String()))
		// The index comes after a manifest that it holds.
		return []layouttest.Object{ref(note, "note"), ref(other, "other"), ref(index, "index")}
	}}.Layout()
	c := contentsOf(t, l)
	for name, want := range map[string]int{"note": 1, "other": 1, "index": 2} {
		only, err := c.Only(name)
		if err != nil {
			t.Fatal(err)
		}
		if report := wantSound(t, only); report.Manifests != want || len(report.Extra) > 0 {
			t.Errorf("%s: %d manifests, and besides %q", name, report.Manifests, report.Extra)
		}
	}
	var reference *layout.ReferenceError
	if _, err := c.Only(""); !errors.As(err, &reference) || !reference.Several {
		t.Errorf("no choice: %v", err)
	}
	if _, err := c.Only("absent"); !errors.As(err, &reference) || reference.Several {
		t.Errorf("an absent one: %v", err)
	}
}

func TestResolve(t *testing.T) {
	desc := func(text string, names ...string) v1.Descriptor {
		d := v1.Descriptor{MediaType: v1.MediaTypeImageManifest, Digest: digest.FromString(text)}
		for i, n := range names {
			if d.Annotations == nil {
				d.Annotations = map[string]string{}
			}
			d.Annotations[[]string{v1.AnnotationRefName, layout.AnnotationContainerdName}[i]] = n
		}
		return d
	}
	index := func(list ...v1.Descriptor) *v1.Index { return &v1.Index{Manifests: list} }
	one, plain := desc("1", "v1", "host:5000/a/b:v1"), desc("2")
	full := desc("3", "host/c:v3@sha256:00")
	for _, c := range []struct {
		index *v1.Index
		ref   string
		want  v1.Descriptor // the zero one: an error
		err   string
	}{
		{index(one, plain), "v1", one, ""},
		{index(one, plain), "host:5000/a/b:v1", one, ""},
		{index(one, plain), string(one.Digest), one, ""},
		{index(one, plain), string(plain.Digest), plain, ""},
		{index(one, plain), "", one, ""}, // the only one with a name
		{index(plain), "", plain, ""},
		{index(full), "v3", full, ""},
		{index(one, desc("1", "latest")), "", one, ""},
		{index(one, desc("1", "latest")), "latest", desc("1", "latest"), ""},
		{index(one, desc("4", "v4")), "", v1.Descriptor{}, "several"},
		{index(plain, desc("5")), "", v1.Descriptor{}, "several"},
		{index(one, desc("6", "other/x:v1")), "v1", v1.Descriptor{}, "fits several"},
		{index(one), "5000/a/b", v1.Descriptor{}, "no artifact is named 5000/a/b"},
		{index(one), "v2", v1.Descriptor{}, "there are: host:5000/a/b:v1"},
		{index(one), "\x1b[2J", v1.Descriptor{}, `"\x1b[2J"`},
		{index(), "x", v1.Descriptor{}, "none has a name"},
		{index(), "", v1.Descriptor{}, "there is no artifact"},
	} {
		got, err := layout.Resolve(c.index, c.ref)
		if c.err == "" {
			if err != nil || got.Digest != c.want.Digest {
				t.Errorf("%q: %s, %v", c.ref, got.Digest, err)
			}
			continue
		}
		var reference *layout.ReferenceError
		if !errors.As(err, &reference) || !strings.Contains(err.Error(), c.err) {
			t.Errorf("%q: want %q, found %v", c.ref, c.err, err)
		}
	}
}

func TestNames(t *testing.T) {
	full := "lei.internal:5000/lei/cache:2026-02-05"
	d := v1.Descriptor{Digest: digest.FromString("x"), Annotations: layout.NameAnnotations(full)}
	if n := layout.Names(d); !slices.Equal(n, []string{full, "2026-02-05"}) {
		t.Errorf("names: %q", n)
	}
	d.Annotations["other"] = "stays"
	index := layout.NewIndex()
	index.Manifests = append(index.Manifests, d)
	layout.Untag(&index, "lei.internal:5000/lei/cache:2026-02-06")
	if n := layout.Names(index.Manifests[0]); len(n) != 2 {
		t.Errorf("untagged by another name: %q", n)
	}
	layout.Untag(&index, full)
	if a := index.Manifests[0].Annotations; len(a) != 1 || a["other"] != "stays" {
		t.Errorf("untagged: %q", a)
	}
	if layout.Names(d)[0] != full {
		t.Error("Untag changed a descriptor that is not in the index")
	}
}

// An ambiguous name lists what it stands for, and there is a name or a digest
// that chooses.
func TestAmbiguous(t *testing.T) {
	image := func(content, full, short, kind string) v1.Descriptor {
		return v1.Descriptor{MediaType: v1.MediaTypeImageManifest, Digest: digest.FromString(content), Annotations: map[string]string{
			layout.AnnotationContainerdName: full, v1.AnnotationRefName: short, "kind": kind,
		}}
	}
	api, web := image("api", "reg.example/api:1.0", "1.0", ""), image("web", "reg.example/web:1.0", "1.0", "")
	app, sig := image("app", "", "reg.example/app:1", "dev.hauler/image"), image("sig", "", "reg.example/app:1", "dev.hauler/sigs")
	for _, c := range []struct {
		manifests               []v1.Descriptor
		reference, says, choose string
	}{
		{[]v1.Descriptor{api, web}, "1.0", "1.0 fits several artifacts: reg.example/api:1.0 (manifest, " + string(api.Digest) + "), reg.example/web:1.0 (manifest, " + string(web.Digest) + ")", "reg.example/api:1.0"},
		{[]v1.Descriptor{app, sig}, "reg.example/app:1", "reg.example/app:1 (dev.hauler/image, " + string(app.Digest) + "), reg.example/app:1 (dev.hauler/sigs, " + string(sig.Digest) + ")", string(app.Digest)},
		{[]v1.Descriptor{app, sig}, "", "several artifacts", string(app.Digest)},
	} {
		index := layout.NewIndex()
		index.Manifests = c.manifests
		_, err := layout.Resolve(&index, c.reference)
		var ref *layout.ReferenceError
		if !errors.As(err, &ref) || !ref.Several || !strings.Contains(err.Error(), c.says) || ref.Choose != c.choose {
			t.Errorf("%q: %v, choose %q; want %q, %q", c.reference, err, ref.Choose, c.says, c.choose)
		}
		if d, err := layout.Resolve(&index, c.choose); err != nil || d.Digest != c.manifests[0].Digest {
			t.Errorf("%q: %s, %v", c.choose, d.Digest, err)
		}
	}
	index := layout.NewIndex()
	if err := layout.AddTo(&index, app, sig, app); err != nil || len(index.Manifests) != 2 {
		t.Errorf("two things by one name from one source: %v, %v", index.Manifests, err)
	}
	if err := layout.AddTo(&index, image("other", "", "reg.example/app:1", "")); err == nil {
		t.Error("a third one from another source is accepted")
	}
}

func TestAddTo(t *testing.T) {
	index := layout.NewIndex()
	d := v1.Descriptor{Digest: digest.FromString("x"), Annotations: map[string]string{v1.AnnotationRefName: "a"}}
	other := v1.Descriptor{Digest: digest.FromString("y"), Annotations: map[string]string{v1.AnnotationRefName: "a"}}
	for range 2 {
		if err := layout.AddTo(&index, d); err != nil {
			t.Fatal(err)
		}
	}
	if len(index.Manifests) != 1 {
		t.Errorf("added twice: %v", index.Manifests)
	}
	var clash *layout.NameError
	if err := layout.AddTo(&index, other); !errors.As(err, &clash) || clash.Have != d.Digest || clash.New != other.Digest {
		t.Errorf("the same name: %v", err)
	}
	if len(index.Manifests) != 1 {
		t.Errorf("after an error: %v", index.Manifests)
	}
	// The path that regctl writes is the same for all of a directory, and no name.
	index = layout.NewIndex()
	for i, tag := range []string{"a", "b", "a"} {
		d := v1.Descriptor{Digest: digest.FromString(string(rune('0' + i))), Annotations: map[string]string{v1.AnnotationRefName: tag, layout.AnnotationContainerdName: "ocidir://dir:x"}}
		if err := layout.AddTo(&index, d); (err == nil) != (i < 2) {
			t.Errorf("%d, tag %s with regctl's path: %v", i, tag, err)
		}
		if n := layout.Names(d); !slices.Equal(n, []string{tag}) {
			t.Errorf("names with regctl's path: %q", n)
		}
	}
}

func TestFetch(t *testing.T) {
	r := openLayout(t, layouttest.Artifact{}.Layout())
	report, err := r.Audit(ctx, layout.AuditOptions{})
	if err != nil {
		t.Fatal(err)
	}
	d := report.Index.Manifests[0]
	f, err := r.Fetch(ctx, d)
	if err != nil {
		t.Fatal(err)
	}
	var b bytes.Buffer
	if err := layout.Copy(ctx, &b, f, d); err != nil || int64(b.Len()) != d.Size {
		t.Errorf("%d bytes, %v", b.Len(), err)
	}
	f.Close()
	var corrupt *layout.CorruptError
	d.Size++
	if _, err := r.Fetch(ctx, d); !errors.As(err, &corrupt) {
		t.Errorf("another size: %v", err)
	}
	if _, err := r.Fetch(ctx, v1.Descriptor{Digest: digest.FromString("absent")}); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("what is not there: %v", err)
	}
}

// A layout is read out of any file system.
func TestOpenFS(t *testing.T) {
	files := fstest.MapFS{}
	for p, data := range (layouttest.Artifact{}).Layout() {
		files[p] = &fstest.MapFile{Data: data, Mode: 0o644}
	}
	r := layout.Open(files)
	report, err := r.Audit(ctx, layout.AuditOptions{})
	if err == nil {
		err = report.Err()
	}
	if err != nil || report.Blobs != 4 {
		t.Errorf("%d blobs, %v", report.Blobs, err)
	}
	if err := errors.Join(r.Close(), r.Close()); err != nil {
		t.Error(err)
	}
	if _, err := layout.OpenDir(filepath.Join(t.TempDir(), "absent")); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("an absent directory: %v", err)
	}
}

func TestCopy(t *testing.T) {
	want := v1.Descriptor{Digest: digest.FromString("hello"), Size: 5}
	var b bytes.Buffer
	if err := layout.Copy(ctx, &b, strings.NewReader("hello"), want); err != nil || b.String() != "hello" {
		t.Errorf("%q, %v", b.String(), err)
	}
	want.Digest = digest.SHA512.FromString("hello")
	if err := layout.Copy(ctx, nil, strings.NewReader("hello"), want); err != nil {
		t.Error(err)
	}
	r := strings.NewReader("hello and much more")
	var corrupt *layout.CorruptError
	if err := layout.Copy(ctx, nil, r, want); !errors.As(err, &corrupt) || !strings.Contains(err.Error(), "found more") {
		t.Errorf("too much: %v", err)
	}
	if left := r.Len(); left != len("hello and much more")-6 {
		t.Errorf("%d bytes are left; more than one beyond the size was read", left)
	}
}

// A descriptor of nothing is an error and no panic.
func TestFetchNothing(t *testing.T) {
	if _, err := layout.Open(fstest.MapFS{}).Fetch(context.Background(), v1.Descriptor{}); err == nil {
		t.Error("fetched")
	}
}
