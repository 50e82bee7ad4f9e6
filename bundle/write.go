package bundle

import (
	"archive/tar"
	"bytes"
	"context"
	"crypto/sha256"
	"io"
	"time"

	"github.com/opencontainers/go-digest"
	v1 "github.com/opencontainers/image-spec/specs-go/v1"

	"github.com/ociferry/ferry/layout"
)

// Write writes a layout as a sealed tar stream, parents before children: the
// same contents give the same bytes. Every blob is checked while it is copied;
// on an error, a *layout.CorruptError among others, what w has received is
// worthless. Write keeps nothing of a blob in memory but buffers.
func Write(ctx context.Context, w io.Writer, c *layout.Contents) error {
	seal, err := sealOf(ctx, c)
	if err != nil {
		return err
	}
	small := []struct {
		name string
		data []byte
	}{
		{v1.ImageLayoutFile, c.OCILayout()},
		{v1.ImageIndexFile, c.RawIndex},
		{layout.SealName, seal},
	}
	for _, f := range small {
		head, err := header(f.name, int64(len(f.data)))
		if err != nil {
			return err
		}
		if _, err := w.Write(append(append(head, f.data...), padding(int64(len(f.data)))...)); err != nil {
			return err
		}
	}
	for _, b := range c.Blobs {
		if err := writeBlob(ctx, w, b); err != nil {
			return err
		}
	}
	_, err = w.Write(make([]byte, 2*blockSize))
	return err
}

func writeBlob(ctx context.Context, w io.Writer, b layout.Blob) error {
	head, err := header(layout.BlobPath(b.Digest), b.Size)
	if err != nil {
		return err
	}
	if _, err := w.Write(head); err != nil {
		return err
	}
	r, err := b.Open()
	if err != nil {
		return err
	}
	defer r.Close()
	if err := layout.Copy(ctx, w, r, b.Descriptor); err != nil {
		return err
	}
	_, err = w.Write(padding(b.Size))
	return err
}

// sealOf computes SHA256SUMS before the first byte is written. The names of
// most blobs say it already; a blob under another algorithm is read once more.
func sealOf(ctx context.Context, c *layout.Contents) ([]byte, error) {
	var s layout.Seal
	s.Add(v1.ImageLayoutFile, sha256.Sum256(c.OCILayout()))
	s.Add(v1.ImageIndexFile, sha256.Sum256(c.RawIndex))
	for _, b := range c.Blobs {
		sum, err := sha256Of(ctx, b)
		if err != nil {
			return nil, err
		}
		s.Add(layout.BlobPath(b.Digest), sum)
	}
	return s.Bytes(), nil
}

func sha256Of(ctx context.Context, b layout.Blob) (sum [32]byte, err error) {
	if b.Digest.Algorithm() == digest.SHA256 {
		return layout.SHA256(b.Digest), nil
	}
	r, err := b.Open()
	if err != nil {
		return sum, err
	}
	defer r.Close()
	h := sha256.New()
	if err := layout.Copy(ctx, h, r, b.Descriptor); err != nil {
		return sum, err
	}
	return [32]byte(h.Sum(nil)), nil
}

const blockSize = 512

// header is the tar header of a regular file: mode 0644, owner 0, time 0, in
// USTAR, and in PAX where USTAR cannot hold the name or the size.
func header(name string, size int64) ([]byte, error) {
	var b bytes.Buffer
	w := tar.NewWriter(&b)
	err := w.WriteHeader(&tar.Header{Typeflag: tar.TypeReg, Name: name, Size: size, Mode: 0o644, ModTime: time.Unix(0, 0)})
	return b.Bytes(), err
}

// padding fills the last block.
func padding(size int64) []byte {
	return make([]byte, (blockSize-size%blockSize)%blockSize)
}
