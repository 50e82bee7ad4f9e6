package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"strings"
	"sync"

	"github.com/opencontainers/go-digest"
	v1 "github.com/opencontainers/image-spec/specs-go/v1"

	"github.com/ociferry/ferry/cmd/ferry/internal/ui"
	"github.com/ociferry/ferry/layout"
	"github.com/ociferry/ferry/layout/artifact"
	"github.com/ociferry/ferry/layout/lei"
)

// kinds are the kinds of artifact, those that are told by their content
// first. A new one is a package beside layout/lei and a line here.
var kinds = []struct {
	*artifact.Kind
	is         func(fs.FS) bool // of a directory that is packed
	repository string           // its name when it is given none; a %s is the directory's
	fits       func(*v1.Manifest) bool
}{
	{lei.Cache, lei.IsSnapshot, lei.Repository, lei.IsCache},
	{artifact.Files, func(fs.FS) bool { return true }, "ferry.internal/files/%s", func(m *v1.Manifest) bool {
		for _, l := range m.Layers {
			if l.Annotations[v1.AnnotationTitle] == "" {
				return false
			}
		}
		return len(m.Layers) > 0
	}},
}

// kindOf is the kind of an artifact that can be unpacked into files, or nil.
func kindOf(m *v1.Manifest) *artifact.Kind {
	for _, k := range kinds {
		if k.fits(m) {
			return k.Kind
		}
	}
	return nil
}

// A filed inspector notes which manifests can be unpacked into files.
type filed struct {
	mu  sync.Mutex
	all map[digest.Digest]bool
}

// Blob is not interested.
func (f *filed) Blob(v1.Descriptor) io.WriteCloser { return nil }

// Manifest has no objections.
func (f *filed) Manifest(d v1.Descriptor, m *v1.Manifest) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.all == nil {
		f.all = map[digest.Digest]bool{}
	}
	f.all[d.Digest] = kindOf(m) != nil
	return nil
}

func (f *filed) has(d v1.Descriptor) bool { return f.all[d.Digest] }

// first chooses the first artifact of an index that has files, by its name or
// digest; "" is for none.
func (f *filed) first(index *v1.Index) string {
	for _, d := range index.Manifests {
		if !f.has(d) {
			continue
		}
		for _, n := range layout.Names(d) {
			if _, err := layout.Resolve(index, n); err == nil {
				return n
			}
		}
		return string(d.Digest)
	}
	return ""
}

// kindWord says what a manifest is, for people.
func kindWord(m *v1.Manifest) string {
	switch {
	case m == nil:
		return "blob"
	case lei.IsCache(m):
		return "lei"
	case m.Subject != nil:
		return "referrer"
	case strings.HasPrefix(m.Config.MediaType, "application/vnd.oci.image.config") || strings.HasPrefix(m.Config.MediaType, "application/vnd.docker.container.image"):
		return "image"
	case kindOf(m) != nil:
		return "files"
	}
	return "artifact"
}

// kindNamed is the kind that --kind asks for, or the first that fits.
func kindNamed(name string, fsys fs.FS) (int, error) {
	for i, k := range kinds {
		if name == k.Name || name == "" && k.is(fsys) {
			return i, nil
		}
	}
	var names []string
	for _, k := range kinds {
		names = append(names, k.Name)
	}
	return 0, ui.Misuse(fmt.Errorf("--kind %q: there is no such kind", name), "the kinds are: "+strings.Join(names, ", "))
}

// inspectors look into the content of every bundle that is verified, and are
// made anew for each.
func inspectors() ([]layout.Inspector, *lei.Checker) {
	c := lei.NewChecker(lei.TellSecrets, nil) // for a hundredth of the time that a payload takes
	return []layout.Inspector{c, artifact.Titles{}}, c
}

// inspectors are those of this source: of one that is listed they tell the
// listing what is in its snapshots.
func (s *source) inspectors() ([]layout.Inspector, *lei.Checker) {
	if s.listing == nil {
		return inspectors()
	}
	// Secrets are listed, which is what is asked for.
	s.listing.cache = lei.NewChecker(lei.AllowSecrets, s.listing.watch)
	return []layout.Inspector{s.listing.cache, artifact.Titles{}}, s.listing.cache
}

// judgeManifest is what the inspectors make of a manifest alone.
func judgeManifest(d v1.Descriptor, m *v1.Manifest) error {
	if err := lei.CheckManifest(m); err != nil {
		return err
	}
	return artifact.Titles{}.Manifest(d, m)
}

// acceptable refuses, before anything is written, what ferry verify would refuse
// on the far side: in the manifests, and in the payloads of LEI caches, unless
// these have been checked. others says how to take along the rest.
func acceptable(ctx context.Context, c *layout.Contents, checked bool, others string) error {
	judge := judgeManifest
	if !checked {
		judge = judgeCache(ctx, c)
	}
	err := c.Judge(ctx, judge)
	var unread *readError
	switch {
	case errors.As(err, &unread):
		return unread.error
	case err == nil || ui.SignalCode(err) != 0:
		return err
	}
	return unacceptable(err, others)
}

// A readError is one of reading what is to be judged: damage, or the system's.
type readError struct{ error }

func (e *readError) Unwrap() error { return e.error }

// unacceptable is the error about what ferry verify would refuse.
func unacceptable(err error, others string) error {
	again := "have it packed again by who made it, with files of other names where these are what is wrong; "
	var snapshot *lei.FormatError
	var mismatch *lei.MismatchError
	if errors.As(err, &snapshot) || errors.As(err, &mismatch) {
		again = "have the snapshot exported and packed again; "
	}
	return ui.Hinted(fmt.Errorf("ferry verify would refuse it on the far side: %w", err), again+others)
}

// judgeCache is judgeManifest, and reads what belongs to an LEI cache.
func judgeCache(ctx context.Context, c *layout.Contents) func(v1.Descriptor, *v1.Manifest) error {
	_, cache := inspectors()
	var blobs map[digest.Digest]*layout.Blob
	return func(d v1.Descriptor, m *v1.Manifest) error {
		if err := judgeManifest(d, m); err != nil || !lei.IsCache(m) {
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
			if w := cache.Blob(part); w != nil {
				if _, err := b.CopyTo(ctx, w); err != nil {
					return &readError{err}
				}
			}
		}
		return cache.Manifest(d, m)
	}
}
