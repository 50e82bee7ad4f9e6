package layout

import (
	"context"
	"errors"
	"io"
	"io/fs"

	"github.com/opencontainers/go-digest"
	v1 "github.com/opencontainers/image-spec/specs-go/v1"
)

// Contents lists the layout for copying. Documents are read and checked, and so
// is each blob while it is copied. The error says what is missing or unsound.
func (r *Reader) Contents(ctx context.Context) (*Contents, error) {
	a, err := r.documents(ctx, AuditOptions{})
	if err != nil {
		return nil, err
	}
	return r.contents(ctx, a)
}

// Judged is Contents with an audit that sees the blobs as they are copied: all
// that Audit asks is asked in the same pass. Finish says the verdict; without it
// nothing that was copied is to be relied on.
func (r *Reader) Judged(ctx context.Context, o AuditOptions) (*Contents, error) {
	a, err := r.documents(ctx, o)
	if err != nil {
		return nil, err
	}
	c, err := r.contents(ctx, a)
	if err != nil {
		return nil, err
	}
	for i := range c.Blobs {
		b := &c.Blobs[i]
		if d := b.Descriptor; b.held == nil {
			b.Watch = func() io.WriteCloser { return a.watch(d.Digest, d.Size) }
		}
	}
	c.audit, c.from = a, r
	return c, nil
}

// Finish ends the audit of contents that were Judged. What has not been copied is
// read now, and what lies beside it. Of contents that Only has made of them, that
// is left alone: only what was copied is judged, and all that SHA256SUMS says but
// the sums of the rest. The report is of the source; of contents that were not
// Judged it is nil.
func (c *Contents) Finish(ctx context.Context) (*Report, error) {
	a := c.audit
	if a == nil {
		return nil, nil
	}
	if a.only != nil {
		a.mu.Lock()
		for _, d := range a.order {
			if b := a.blobs[d]; !b.seen {
				a.assume(d, b.want) // it was there when the contents were listed
			}
		}
		a.mu.Unlock()
	}
	if err := c.from.addWanted(ctx, a); err != nil {
		return nil, err
	}
	if err := c.from.addRest(ctx, a); err != nil {
		return nil, err
	}
	return a.Finish(), nil
}

// Read reads all blobs to check them, and writes them nowhere.
func (c *Contents) Read(ctx context.Context) error {
	return ReadAhead(ctx, c.Blobs, func(i int, _ digest.Digest, data []byte) (err error) {
		if data == nil {
			_, err = c.Blobs[i].CopyTo(ctx)
		}
		return err
	})
}

// contents lists what an audit of the documents has found.
func (r *Reader) contents(ctx context.Context, a *Audit) (*Contents, error) {
	if err := a.checkRoot(); err != nil {
		return nil, err
	}
	c := &Contents{RawIndex: a.rawIndex, Index: *a.index, Source: a.Partial()}
	rank := map[digest.Digest]int{} // 0 for layers
	for _, d := range a.order {
		b := a.blobs[d]
		if len(b.raw) == 0 || b.parsedAs == "" {
			continue
		}
		rank[d] = 2
		if _, m := b.document(); m != nil && rank[m.Config.Digest] == 0 {
			rank[m.Config.Digest] = 1
		}
	}
	c.Blobs = make([]Blob, 0, len(a.order))
	for want := 2; want >= 0; want-- {
		for _, d := range a.order {
			if rank[d] != want {
				continue
			}
			b := a.blobs[d]
			if want == 2 {
				c.Blobs = append(c.Blobs, InMemory(v1.Descriptor{MediaType: b.parsedAs, Digest: d, Size: b.want}, b.raw))
				continue
			}
			blob := r.blob(ctx, b.media, d, b.want)
			if err := r.stat(blob.Descriptor); err != nil {
				return nil, err
			}
			c.Blobs = append(c.Blobs, blob)
		}
	}
	if err := r.checkDocker(ctx, a); err != nil {
		return nil, err
	}
	return c, r.dropped(a, c)
}

// blob is a blob where it lies.
func (r *Reader) blob(ctx context.Context, mediaType string, d digest.Digest, size int64) Blob {
	return Blob{Descriptor: v1.Descriptor{MediaType: mediaType, Digest: d, Size: size}, Open: func() (io.ReadCloser, error) {
		return r.Fetch(ctx, v1.Descriptor{Digest: d, Size: size})
	}}
}

// stat makes sure that a blob is there before anything is written.
func (r *Reader) stat(d v1.Descriptor) error {
	f, err := r.Fetch(context.Background(), d)
	if err != nil {
		return err
	}
	return f.Close()
}

// dropped lists what is not copied: blobs that nothing refers to, and what is no
// part of the layout at the root. Whether they are a reason to refuse it, an audit
// says.
func (r *Reader) dropped(a *Audit, c *Contents) error {
	root, err := fs.ReadDir(r.fsys, ".")
	if err != nil {
		return err
	}
	for _, e := range root {
		_, listed := a.seal[e.Name()]
		switch name := e.Name(); {
		case e.IsDir(), name == SealName, IsSignature(name):
		case !e.Type().IsRegular(), a.seal != nil && !listed:
			c.Dropped = append(c.Dropped, name)
		}
	}
	return fs.WalkDir(r.fsys, "blobs", func(name string, e fs.DirEntry, err error) error {
		if errors.Is(err, fs.ErrNotExist) {
			return nil
		}
		if err != nil || e.IsDir() {
			return err
		}
		if d, _, err := ParseBlobPath(name); err != nil || a.blobs[d] == nil {
			c.Dropped = append(c.Dropped, name)
		}
		return nil
	})
}
