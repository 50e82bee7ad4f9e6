package registry

import (
	"bytes"
	"context"
	"fmt"
	"sync"

	"github.com/opencontainers/go-digest"
	v1 "github.com/opencontainers/image-spec/specs-go/v1"

	"github.com/ociferry/ferry/layout"
)

// maxTags bounds what a registry can list.
const maxTags = 100_000

// Tags lists the tags of a repository, in the registry's order.
func (c *Client) Tags(ctx context.Context, ref Reference) (tags []string, err error) {
	err = c.try(ctx, ref.Name(), "listing the tags", func(ctx context.Context) error {
		repo, err := c.repository(ctx, ref)
		if err != nil {
			return err
		}
		tags = nil
		err = repo.Tags(ctx, "", func(page []string) error {
			if len(tags)+len(page) > maxTags {
				return &ContentError{ref.Name(), "list of tags", fmt.Errorf("more than the limit of %d", maxTags)}
			}
			for _, t := range page {
				if !ValidTag(t) {
					return &ContentError{ref.Name(), "list of tags", fmt.Errorf("%s is not a tag", layout.Printable(t))}
				}
			}
			tags = append(tags, page...)
			return nil
		})
		if _, _, status, _ := recordOf(ctx).last(); err != nil && status < 300 && status >= 200 && !cut(err) {
			return &ContentError{ref.Name(), "list of tags", plainError(err, ref.Host)}
		}
		return err
	})
	return tags, err
}

// Documents fetches what the references stand for, all of one repository, as
// far as it is index or manifest, and nothing else. The index of the audit is
// the one that a pull of the same references writes. A reference that the
// registry does not have is left out if there are several.
func (c *Client) Documents(ctx context.Context, refs []Reference) (*layout.Report, error) {
	index := layout.NewIndex()
	found := make([]v1.Descriptor, len(refs))
	docs := map[digest.Digest]document{}
	var mu sync.Mutex
	err := c.each(ctx, len(refs), func(ctx context.Context, i int) error {
		ref := refs[i]
		if ref.Tag == "" && ref.Digest == "" {
			ref.Tag = "latest"
		}
		doc, err := c.document(ctx, ref, nil)
		if NotFound(err) && len(refs) > 1 {
			return nil
		}
		if err != nil {
			return err
		}
		found[i] = named(doc, ref)
		mu.Lock()
		docs[doc.Digest] = doc
		mu.Unlock()
		return nil
	})
	if err != nil {
		return nil, err
	}
	for _, d := range found {
		if d.Digest == "" {
			continue
		}
		if err := layout.AddTo(&index, d); err != nil {
			return nil, err
		}
	}
	contents := &layout.Contents{}
	if err := contents.SetIndex(index); err != nil {
		return nil, err
	}
	a := layout.NewAudit(layout.AuditOptions{})
	for name, data := range map[string][]byte{v1.ImageLayoutFile: contents.OCILayout(), v1.ImageIndexFile: contents.RawIndex} {
		if err := a.Add(ctx, name, int64(len(data)), bytes.NewReader(data)); err != nil {
			return nil, err
		}
	}
	for {
		d, isDocument, ok := a.Next()
		if !ok || !isDocument {
			report := a.Partial()
			return report, report.Err()
		}
		doc, ok := docs[d.Digest]
		if !ok {
			var err error
			at := Reference{Host: refs[0].Host, Repository: refs[0].Repository, Digest: d.Digest}
			if doc, err = c.document(ctx, at, &d); err != nil {
				return nil, err
			}
		}
		if err := a.Add(ctx, layout.BlobPath(d.Digest), doc.Size, bytes.NewReader(doc.data)); err != nil {
			return nil, err
		}
	}
}

// named is the descriptor of a document as it stands in index.json.
func named(doc document, ref Reference) v1.Descriptor {
	d := doc.Descriptor
	if ref.Tag != "" {
		d.Annotations = layout.NameAnnotations(Reference{Host: ref.Host, Repository: ref.Repository, Tag: ref.Tag}.String())
	} else {
		// Of an image that was chosen out of an index this is its own digest.
		d.Annotations = map[string]string{layout.AnnotationContainerdName: Reference{Host: ref.Host, Repository: ref.Repository, Digest: d.Digest}.String()}
	}
	if m, err := layout.ParseManifest(doc.data, doc.MediaType); err == nil {
		d.ArtifactType = m.ArtifactType
	}
	return d
}
