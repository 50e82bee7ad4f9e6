package source

import (
	"context"
	"errors"
	"fmt"

	"github.com/opencontainers/go-digest"
	v1 "github.com/opencontainers/image-spec/specs-go/v1"

	"github.com/ociferry/ferry/cmd/ferry/internal/ui"
	"github.com/ociferry/ferry/layout"
	"github.com/ociferry/ferry/layout/artifact"
	"github.com/ociferry/ferry/layout/kinds"
)

// Acceptable refuses, before anything is written, what ferry verify would refuse
// on the far side: in the manifests, and in the payloads of kinds that have an inspector, unless
// these have been checked. others says how to take along the rest.
func Acceptable(ctx context.Context, c *layout.Contents, checked bool, others string) error {
	judge := func(_ v1.Descriptor, m *v1.Manifest) error { return kinds.All.CheckManifest(m) }
	if !checked {
		judge = judgeContent(ctx, c)
	}
	err := c.Judge(ctx, judge)
	var unread *readError
	switch {
	case errors.As(err, &unread):
		return unread.error
	case err == nil || ui.SignalCode(err) != 0:
		return err
	}
	return Unacceptable(err, others)
}

// A readError is one of reading what is to be judged: damage, or the system's.
type readError struct{ error }

func (e *readError) Unwrap() error { return e.error }

// Unacceptable is the error about what ferry verify would refuse.
func Unacceptable(err error, others string) error {
	again := "have it packed again by who made it, with files of other names where these are what is wrong; "
	var content artifact.ContentError
	if errors.As(err, &content) && !content.Refused() {
		again = content.Remedy() + "; "
	}
	return ui.Hinted(fmt.Errorf("ferry verify would refuse it on the far side: %w", err), again+others)
}

// judgeContent judges a manifest and, if an inspector of its kind is interested,
// its blobs.
func judgeContent(ctx context.Context, c *layout.Contents) func(v1.Descriptor, *v1.Manifest) error {
	in := kinds.All.Inspect(Usual)
	var blobs map[digest.Digest]*layout.Blob
	return func(d v1.Descriptor, m *v1.Manifest) error {
		if err := kinds.All.CheckManifest(m); err != nil {
			return err
		}
		if blobs == nil {
			blobs = make(map[digest.Digest]*layout.Blob, len(c.Blobs))
			for i := range c.Blobs {
				blobs[c.Blobs[i].Digest] = &c.Blobs[i]
			}
		}
		for _, part := range append([]v1.Descriptor{m.Config}, m.Layers...) {
			b := blobs[part.Digest]
			if b == nil {
				continue
			}
			if w := in.Blob(part); w != nil {
				_, err := b.CopyTo(ctx, w)
				if e := w.Close(); err == nil {
					err = e
				}
				if err != nil {
					return &readError{err}
				}
			}
		}
		return in.Manifest(d, m)
	}
}
