package layout

import (
	"context"
	"fmt"

	"github.com/opencontainers/go-digest"
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
	blobs := make(map[digest.Digest]*Blob, len(c.Blobs))
	for i := range c.Blobs {
		blobs[c.Blobs[i].Digest] = &c.Blobs[i]
	}
	j := &judging{ctx: ctx, audit: NewAudit(AuditOptions{}), blobs: blobs, judge: judge}
	report := &Report{}
	if err := j.audit.count(c.RawIndex); err != nil {
		return &FormatError{v1.ImageIndexFile, err}
	}
	j.audit.refers(v1.ImageIndexFile, c.Index.Subject)
	for _, d := range c.Index.Manifests {
		if err := j.document(d); err != nil {
			report.Invalid = append(report.Invalid, &ArtifactError{d, err})
		}
	}
	if len(report.Invalid) == 0 {
		for _, s := range j.audit.subjects {
			if b := blobs[s.desc.Digest]; b != nil && j.audit.blobs[s.desc.Digest] == nil {
				j.audit.blobs[s.desc.Digest] = &blob{seen: true, size: b.Size}
			}
		}
		j.audit.checkSubjects()
		report.Invalid = j.audit.invalid
	}
	return report.Err()
}

// A judging is one walk over the documents of contents, which the audit counts.
type judging struct {
	ctx   context.Context
	audit *Audit
	blobs map[digest.Digest]*Blob
	judge func(v1.Descriptor, *v1.Manifest) error
}

// document judges an index or a manifest, once, and what an index names.
func (j *judging) document(d v1.Descriptor) error {
	b, name := j.blobs[d.Digest], BlobPath(d.Digest)
	if j.audit.blobs[d.Digest] != nil || b == nil {
		return nil
	}
	seen := &blob{seen: true, size: b.Size}
	j.audit.blobs[d.Digest] = seen
	if !isDocument(d.MediaType) {
		return nil
	}
	seen.parsedAs = d.MediaType
	data, err := b.Bytes(j.ctx)
	if err != nil {
		return err
	}
	if j.audit.kept += len(data); j.audit.kept > maxDocuments {
		return &FormatError{name, fmt.Errorf("too many indexes and manifests, the limit is %d bytes of them", maxDocuments)}
	}
	if err := j.audit.count(data); err != nil {
		return &FormatError{name, err}
	}
	if !IsIndex(d.MediaType) {
		m, err := ParseManifest(data, d.MediaType)
		if err == nil {
			j.audit.refers(name, m.Subject)
			err = j.judge(d, m)
		}
		if err != nil {
			return &FormatError{name, err}
		}
		return nil
	}
	index, err := ParseIndex(data, d.MediaType)
	if err != nil {
		return &FormatError{name, err}
	}
	j.audit.refers(name, index.Subject)
	for _, child := range index.Manifests {
		if err := j.document(child); err != nil {
			return err
		}
	}
	return nil
}
