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
	const doing = "listing the tags"
	ctx, cancel := c.hurry(ctx, ref.Name(), doing)
	defer cancel()
	err = c.try(ctx, ref.Name(), doing, func(ctx context.Context) error {
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
				if !layout.ValidTag(t) {
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

// hurry gives a list an end: it may have any number of pages.
func (c *Client) hurry(ctx context.Context, ref, doing string) (context.Context, context.CancelFunc) {
	limit := c.patience.list
	return context.WithTimeoutCause(ctx, limit, &Error{Reference: ref, Doing: doing, Err: fmt.Errorf("not at an end after %v", limit)})
}

// maxDocuments bounds the indexes and manifests of one pull or listing, all
// together, in bytes. A layout may not have more of them.
const maxDocuments = 8 * layout.MaxDocument

func tooManyDocuments(ref Reference) error {
	return &ContentError{ref.Name(), "set of manifests", fmt.Errorf("larger than the limit of %d bytes for all of them", maxDocuments)}
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
	size := int64(0)
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
		mu.Lock()
		defer mu.Unlock()
		found[i] = named(doc, ref)
		docs[doc.Digest] = doc
		if size += doc.Size; size > maxDocuments {
			return tooManyDocuments(ref)
		}
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
	if doc.manifest != nil {
		d.ArtifactType = doc.manifest.ArtifactType
	}
	return d
}
