package layout

import (
	"bytes"
	"context"
	"errors"
	"io"
	"slices"

	v1 "github.com/opencontainers/image-spec/specs-go/v1"
)

// An ArtifactError is what an Audit would refuse in the indexes and manifests of
// one artifact.
type ArtifactError struct {
	Artifact v1.Descriptor // as the index has it
	Err      error
}

func (e *ArtifactError) Error() string {
	name := string(e.Artifact.Digest)
	if n := Names(e.Artifact); len(n) > 0 {
		name = n[0]
	}
	return Printable(name) + ": " + e.Err.Error()
}

func (e *ArtifactError) Unwrap() error { return e.Err }

// Judge holds the indexes and manifests against all that an Audit asks of them
// together, once they are one layout: limits and subjects; judge, which
// may be an Inspector's, is asked about every manifest. Of the other blobs
// nothing is read. The error finds an *ArtifactError where it is about one
// artifact.
func (c *Contents) Judge(ctx context.Context, judge func(v1.Descriptor, *v1.Manifest) error) error {
	a := NewAudit(AuditOptions{Inspectors: []Inspector{manifestJudge(judge)}})
	for name, data := range map[string][]byte{v1.ImageLayoutFile: c.OCILayout(), v1.ImageIndexFile: c.RawIndex} {
		if err := a.Add(ctx, name, int64(len(data)), bytes.NewReader(data)); err != nil {
			return err
		}
	}
	for i := range c.Blobs {
		b := &c.Blobs[i]
		a.assume(b.Digest, b.Size)
		if !isDocument(b.MediaType) {
			continue
		}
		data, err := b.Bytes(ctx)
		if err != nil {
			return err
		}
		if err := a.assumeDocument(b.Digest, data); err != nil {
			return err
		}
	}
	return a.Finish().ByArtifact(ctx).Err()
}

// ByArtifact is the report with an *ArtifactError around what is wrong with the
// indexes and manifests of one artifact.
func (r *Report) ByArtifact(ctx context.Context) *Report {
	owner := map[string]v1.Descriptor{} // of documents, by path
	var root v1.Descriptor
	err := r.Walk(ctx, WalkOptions{}, func(n *Node) error {
		if n.Relation == RootNode {
			root = n.Descriptor
		}
		owner[BlobPath(n.Digest)] = root
		return nil
	})
	if err != nil {
		return r // the limits say that already
	}
	out := *r
	out.Invalid = slices.Clone(r.Invalid)
	for i, err := range out.Invalid {
		var bad *FormatError
		if errors.As(err, &bad) && owner[bad.Name].Digest != "" {
			out.Invalid[i] = &ArtifactError{owner[bad.Name], err}
		}
	}
	return &out
}

// A manifestJudge is an Inspector that looks at manifests alone.
type manifestJudge func(v1.Descriptor, *v1.Manifest) error

func (j manifestJudge) Blob(v1.Descriptor) io.WriteCloser { return nil }

func (j manifestJudge) Manifest(d v1.Descriptor, m *v1.Manifest) error { return j(d, m) }
