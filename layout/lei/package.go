package lei

import (
	"context"
	"io/fs"

	v1 "github.com/opencontainers/image-spec/specs-go/v1"

	"github.com/ociferry/ferry/layout"
	"github.com/ociferry/ferry/layout/artifact"
	"github.com/ociferry/ferry/layout/durable"
)

// Package makes an artifact of the snapshot in fsys without a layout to put it
// in: the manifest, its bytes, and the blobs config, manifest.json and
// cache.jsonl.gz. The two files stay where they are and are read when a blob is
// opened. The snapshot is checked first, unless o says otherwise.
func Package(ctx context.Context, fsys fs.FS, o artifact.Options) (*v1.Manifest, []byte, []layout.Blob, error) {
	p, err := artifact.NewPlan(Cache, fsys, o)
	if err != nil {
		return nil, nil, nil, err
	}
	c, packed, err := p.Contents()
	if err == nil {
		err = c.Hash(ctx)
	}
	if err != nil {
		return nil, nil, nil, err
	}
	raw, err := c.Blobs[0].Bytes(ctx)
	return packed.Manifest, raw, c.Blobs[1:], err
}

// Unpack writes the files of a cache artifact into dir, as artifact.Extract does.
// fetch gets blobs by their descriptors, from a map as well as from a server;
// what it returns is checked by size and digest, and the payload by [Checker].
// The files appear only when everything was good.
func Unpack(ctx context.Context, m *v1.Manifest, dir string, fetch artifact.Fetcher) error {
	_, err := artifact.Extract(ctx, artifact.Kinds{Cache}, m, fetch, dir, durable.Options{Overwrite: true})
	return err
}
