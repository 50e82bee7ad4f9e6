package artifact

import (
	"context"
	"fmt"
	"io"

	v1 "github.com/opencontainers/image-spec/specs-go/v1"

	"github.com/ociferry/ferry/layout"
	"github.com/ociferry/ferry/layout/durable"
)

// Staging is the directory, below the one that is unpacked into, in which files
// wait for their names. No title lies in it; see CheckTitle.
const Staging = ".ferry-partial"

// Extract fetches the files of an artifact and writes them into a directory, each
// checked by size and digest, and all of them by the inspector of the kind, for
// which the config is fetched too. The directory must not be there, or be empty;
// with o.Overwrite the files of an existing one are replaced and others stay. An
// error leaves it as it was. The error wraps ErrNoFiles for what is no artifact
// of the kinds.
func Extract(ctx context.Context, kinds Kinds, m *v1.Manifest, fetch Fetcher, dir string, o durable.Options) ([]Extracted, error) {
	for _, d := range append([]v1.Descriptor{m.Config}, m.Layers...) {
		if err := d.Digest.Validate(); err != nil || d.Size < 0 {
			return nil, fmt.Errorf("descriptor %q of %d bytes: want a digest and a size", d.Digest, d.Size)
		}
	}
	if err := kinds.CheckManifest(m); err != nil {
		return nil, err
	}
	in := kinds.Inspect(Look{})
	x, err := newExtractor(in, dir, o)
	if err != nil {
		return nil, err
	}
	defer x.Close()
	x.find = func() (v1.Descriptor, *v1.Manifest, error) { return v1.Descriptor{}, m, nil }
	if err := x.fetch(ctx, fetch, m.Config); err != nil {
		return nil, fmt.Errorf("config: %w", err)
	}
	names, err := in.FileNames(m)
	if err != nil {
		return nil, err
	}
	for i, d := range m.Layers {
		if names[i] == "" || x.at[d.Digest] != "" {
			continue
		}
		if err := x.fetch(ctx, fetch, d); err != nil {
			return nil, fmt.Errorf("%s: %w", names[i], err)
		}
	}
	if err := in.Manifest(v1.Descriptor{}, m); err != nil {
		return nil, err
	}
	return x.Commit(ctx)
}

// fetch gets one blob, lets the inspection see it, and compares it with its
// descriptor.
func (x *Extractor) fetch(ctx context.Context, fetch Fetcher, d v1.Descriptor) error {
	var sinks []io.Writer
	if w := x.in.Blob(d); w != nil {
		defer w.Close()
		sinks = append(sinks, w)
	}
	out, err := x.open(d.Digest)
	if err != nil {
		return err
	}
	if out != nil {
		sinks = append(sinks, out)
		defer out.Abort()
	}
	if len(sinks) == 0 {
		return nil
	}
	r, err := fetch(ctx, d)
	if err != nil {
		return fmt.Errorf("failed to fetch blob %s: %w", d.Digest, err)
	}
	defer r.Close()
	if err := layout.Copy(ctx, io.MultiWriter(sinks...), r, d); err != nil || out == nil {
		return err
	}
	return out.Close()
}
