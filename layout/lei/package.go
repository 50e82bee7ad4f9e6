package lei

import (
	"context"
	"crypto/sha256"
	"io"
	"io/fs"
	"os"

	"github.com/opencontainers/go-digest"
	v1 "github.com/opencontainers/image-spec/specs-go/v1"

	"github.com/ociferry/ferry/layout/artifact"
)

// A Blob is a blob of a packaged snapshot: its descriptor, and how to read it.
type Blob struct {
	v1.Descriptor
	Open func() (io.ReadCloser, error)
}

// Package makes an artifact of the snapshot in fsys without a layout to put it
// in: the manifest, its bytes, and the blobs config, manifest.json and
// cache.jsonl.gz. The two files stay where they are and are read when a Blob is
// opened. The snapshot is checked first, unless o says otherwise.
func Package(ctx context.Context, fsys fs.FS, o artifact.Options) (*v1.Manifest, []byte, []Blob, error) {
	var s blobList
	p, err := artifact.Pack(ctx, &s, Cache, fsys, o)
	if err != nil {
		return nil, nil, nil, err
	}
	// Added in the order of reading: the files, the config, the manifest.
	last := len(s) - 1
	r, err := s[last].Open()
	if err != nil {
		return nil, nil, nil, err
	}
	defer r.Close()
	raw, err := io.ReadAll(r) // our own, and in memory already
	return p.Manifest, raw, append([]Blob{s[last-1]}, s[:last-1]...), err
}

// A blobList is a store that remembers where blobs lie.
type blobList []Blob

func (l *blobList) Add(_ context.Context, mediaType string, open func() (io.ReadCloser, error), watchers ...io.Writer) (v1.Descriptor, error) {
	r, err := open()
	if err != nil {
		return v1.Descriptor{}, err
	}
	defer r.Close()
	h := sha256.New()
	n, err := io.Copy(io.MultiWriter(append([]io.Writer{h}, watchers...)...), r)
	d := v1.Descriptor{MediaType: mediaType, Digest: digest.NewDigest(digest.SHA256, h), Size: n}
	*l = append(*l, Blob{d, open})
	return d, err
}

// Unpack writes the files of a cache artifact into dir, which must be there.
// fetch gets blobs by their descriptors, from a map as well as from a server;
// what it returns is checked by size and digest, and the payload by [Checker].
// The files appear only when everything was good.
func Unpack(ctx context.Context, m *v1.Manifest, dir string, fetch artifact.Fetcher) error {
	root, err := os.OpenRoot(dir)
	if err != nil {
		return err
	}
	defer root.Close()
	return artifact.Unpack(ctx, fetch, Cache, m, root)
}
