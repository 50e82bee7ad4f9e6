package registry_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/opencontainers/go-digest"
	v1 "github.com/opencontainers/image-spec/specs-go/v1"

	"github.com/ociferry/ferry/layout"
	"github.com/ociferry/ferry/layout/registry"
)

// A bundleOf is contents that are made up: documents with their names.
type bundleOf struct {
	w     *world
	index v1.Index
	blobs []layout.Blob
}

func (b *bundleOf) add(name string, doc any, mediaType string) v1.Descriptor {
	data := b.w.json(doc)
	d := blob(mediaType, data)
	b.blobs = append(b.blobs, layout.InMemory(d, data))
	entry := d
	if name != "" {
		entry.Annotations = map[string]string{layout.AnnotationContainerdName: name}
	}
	b.index.Manifests = append(b.index.Manifests, entry)
	return d
}

// manifest is an artifact of its own, about subject if that is not nil.
func (b *bundleOf) manifest(name, what string, subject *v1.Descriptor) v1.Descriptor {
	m := v1.Manifest{MediaType: v1.MediaTypeImageManifest, Config: blob(v1.MediaTypeEmptyJSON, []byte("{}")), Layers: []v1.Descriptor{}, Subject: subject, Annotations: map[string]string{"what": what}}
	m.SchemaVersion = 2
	return b.add(name, m, m.MediaType)
}

func (b *bundleOf) contents() *layout.Contents {
	b.blobs = append(b.blobs, layout.InMemory(blob(v1.MediaTypeEmptyJSON, []byte("{}")), []byte("{}")))
	c, err := layout.NewContents(b.index, b.blobs)
	if err != nil {
		b.w.t.Fatal(err)
	}
	return c
}

func places(all []registry.Shipment) (list []string) {
	for _, s := range all {
		list = append(list, fmt.Sprintf("%s %q", s.To.Repository, s.Tags))
	}
	return list
}

// What has a name keeps it, and what has none goes where its subject goes:
// signatures of signatures too, wherever they stand, and what is about an image
// within an index.
func TestPlanAll(t *testing.T) {
	b := &bundleOf{w: &world{t: t}, index: layout.NewIndex()}
	image := b.manifest("", "in the index", nil)
	index := layout.NewIndex()
	index.MediaType = v1.MediaTypeImageIndex
	index.Manifests = []v1.Descriptor{image}
	b.index.Manifests = nil
	signature := b.manifest("", "signature", &image)
	b.index.Manifests = nil
	b.manifest("", "signature of the signature", &signature)
	b.index.Manifests = append(b.index.Manifests, signature)
	b.add("ghcr.io/team/app:1", index, v1.MediaTypeImageIndex)
	b.add("ghcr.io/team/app:2", index, v1.MediaTypeImageIndex)
	b.add("ghcr.io/other/app:1", index, v1.MediaTypeImageIndex)
	lost := b.manifest("", "about nothing here", &v1.Descriptor{MediaType: v1.MediaTypeImageManifest, Digest: digest.FromString("x"), Size: 1})
	c := b.contents()
	all, left, err := registry.PlanAll(context.Background(), c, "far.example", "mirror")
	want := []string{`mirror/team/app ["1" "2"]`, `mirror/other/app ["1"]`, "mirror/team/app []", "mirror/other/app []", "mirror/team/app []", "mirror/other/app []"}
	if err != nil || !slices.Equal(places(all), want) {
		t.Errorf("want %q, found %q, %v", want, places(all), err)
	}
	if len(left) != 1 || left[0].Digest != lost.Digest {
		t.Errorf("left: found %v", left)
	}
	more, err := registry.PlanReferrers(context.Background(), c, registry.Shipment{Descriptor: image, To: registry.Reference{Host: "far.example", Repository: "x"}})
	if err != nil || !slices.Equal(places(more), []string{"x []", "x []"}) || more[0].Digest != signature.Digest {
		t.Errorf("referrers: found %q, %v", places(more), err)
	}
}

// A tag alone needs a path, and stands for one thing.
func TestPlanFails(t *testing.T) {
	b := &bundleOf{w: &world{t: t}, index: layout.NewIndex()}
	b.manifest("latest", "a", nil)
	c := b.contents()
	var nameless *registry.NamelessError
	if _, _, err := registry.PlanAll(context.Background(), c, "far.example", ""); !errors.As(err, &nameless) {
		t.Errorf("want a NamelessError, found %v", err)
	}
	b.manifest("ghcr.io/b:latest", "b", nil)
	b.manifest("quay.io/b:latest", "c", nil)
	var clash *registry.ClashError
	if _, _, err := registry.PlanAll(context.Background(), b.contents(), "far.example", "x"); !errors.As(err, &clash) {
		t.Errorf("want a ClashError, found %v", err)
	}
}

// Many artifacts with many referrers, chains of these among them, take time in
// proportion: three thousand were hours where each pair was looked at.
func TestPlanMany(t *testing.T) {
	b := &bundleOf{w: &world{t: t}, index: layout.NewIndex()}
	const n = 1000
	chain := b.manifest("ghcr.io/chain:1", "chain", nil)
	for i := range n {
		d := b.manifest(fmt.Sprintf("ghcr.io/app%d:1", i), fmt.Sprint(i), nil)
		b.manifest("", fmt.Sprint("of ", i), &d)
		next := b.manifest("", fmt.Sprint("chain ", i), &chain)
		chain = next
	}
	slices.Reverse(b.index.Manifests) // each stands before what it is about
	c := b.contents()
	start := time.Now()
	all, left, err := registry.PlanAll(context.Background(), c, "far.example", "")
	if err != nil || len(all) != 3*n+1 || len(left) > 0 || time.Since(start) > 20*time.Second {
		t.Errorf("%d planned, %d left, in %v: %v", len(all), len(left), time.Since(start), err)
	}
	t.Logf("planned in %v", time.Since(start))
}
