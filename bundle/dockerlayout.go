package bundle

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/opencontainers/go-digest"
	v1 "github.com/opencontainers/image-spec/specs-go/v1"

	"github.com/ociferry/ferry/layout"
	"github.com/ociferry/ferry/layout/stream"
)

// besideLayout reads the layout that is in an archive beside docker's form. The
// error is ErrIsLayout where the layout can be carried as it is.
func (d *dockerArchive) besideLayout(ctx context.Context, size int64) error {
	r, err := OpenArchive(d.f, size)
	if err == nil {
		_, err = r.Contents(ctx)
	}
	if err == nil || errors.Is(err, layout.ErrNotLayout) { // who reads that says what is missing
		return ErrIsLayout
	}
	var lost *layout.DockerError
	_, sealed := d.files[layout.SealName]
	if empty := errors.Is(err, layout.ErrEmpty); sealed || !empty && !layout.Incomplete(err) && !errors.As(err, &lost) {
		return err
	}
	if err := d.findOriginals(ctx); err != nil {
		return err
	}
	report, err := r.Documents(ctx)
	if errors.Is(err, layout.ErrEmpty) {
		return nil
	}
	if err != nil {
		return err
	}
	return layout.Walk(ctx, layout.WalkOptions{
		Roots: report.Index.Manifests,
		Document: func(_ context.Context, desc v1.Descriptor) (*v1.Index, *v1.Manifest, error) {
			index, m := report.Document(desc.Digest)
			return index, m, nil
		},
	}, func(n *layout.Node) error {
		if n.Manifest != nil && d.whole(n.Manifest) {
			d.others = append(d.others, *n)
		}
		return nil
	})
}

// findOriginals reads what may be manifests among the blobs.
func (d *dockerArchive) findOriginals(ctx context.Context) error {
	d.originals = map[string]original{}
	for _, name := range d.order {
		want, ok, err := layout.ParseBlobPath(name)
		m := d.files[name]
		if !ok || err != nil || m.size > layout.MaxDocument || ctx.Err() != nil {
			continue
		}
		var head [1]byte
		if n, _ := d.open(m).ReadAt(head[:], 0); n == 0 || head[0] != '{' {
			continue
		}
		raw, err := d.read(m)
		if err != nil {
			return err
		}
		doc, err := layout.ParseManifest(raw, "")
		if err != nil || want.Algorithm().FromBytes(raw) != want {
			continue // whoever needs it says what is wrong
		}
		if err := d.count(len(raw)); err != nil {
			return err
		}
		if key := named(doc); d.originals[key].raw == nil {
			d.originals[key] = original{v1.Descriptor{MediaType: doc.MediaType, Digest: want, Size: m.size}, raw}
		}
	}
	return ctx.Err()
}

// named is what a manifest names: the same for two that differ in nothing else.
func named(m *v1.Manifest) string {
	var s strings.Builder
	for _, b := range append([]v1.Descriptor{m.Config}, m.Layers...) {
		fmt.Fprintln(&s, b.Digest, b.Size)
	}
	return s.String()
}

// whole reports whether what a manifest names is there, by name and size.
func (d *dockerArchive) whole(m *v1.Manifest) bool {
	for _, b := range append([]v1.Descriptor{m.Config}, m.Layers...) {
		if found, ok := d.files[layout.BlobPath(b.Digest)]; !ok || found.size != b.Size {
			return false
		}
	}
	return true
}

// carry adds a manifest of the layout, unless the images of manifest.json have
// all that it names.
func (d *dockerArchive) carry(ctx context.Context, index *v1.Index, n layout.Node) error {
	missing := false
	for _, b := range append([]v1.Descriptor{n.Manifest.Config}, n.Manifest.Layers...) {
		if d.have[b.Digest] {
			continue
		}
		missing = true
		name, h := layout.BlobPath(b.Digest), b.Digest.Algorithm().Hash()
		if _, err := stream.FanOut(ctx, d.open(d.files[name]), h); err != nil {
			return err
		}
		if got := digest.NewDigest(b.Digest.Algorithm(), h); got != b.Digest {
			return &layout.CorruptError{Name: name, Want: b.Digest, Got: got, WantSize: -1, GotSize: b.Size}
		}
	}
	if !missing {
		return nil
	}
	raw, err := d.small(layout.BlobPath(n.Digest))
	if err != nil {
		return err
	}
	d.add(&d.manifests, n.Descriptor, func() (io.ReadCloser, error) { return io.NopCloser(bytes.NewReader(raw)), nil })
	leaf := func(list *[]layout.Blob, b v1.Descriptor) {
		name := layout.BlobPath(b.Digest)
		d.used[name] = true
		d.add(list, v1.Descriptor{MediaType: b.MediaType, Digest: b.Digest, Size: b.Size}, func() (io.ReadCloser, error) {
			return io.NopCloser(d.open(d.files[name])), nil
		})
	}
	leaf(&d.configs, n.Manifest.Config)
	for _, l := range n.Manifest.Layers {
		leaf(&d.layers, l)
	}
	desc := n.Descriptor
	if err := layout.AddTo(index, desc); err != nil {
		desc.Annotations = nil
		return layout.AddTo(index, desc)
	}
	return nil
}

// read is the content of a file that is held in memory.
func (d *dockerArchive) read(m member) ([]byte, error) {
	data := make([]byte, m.size)
	_, err := io.ReadFull(d.open(m), data)
	return data, err
}
