package main

import (
	"context"
	"io"

	"github.com/ociferry/ferry/bundle"
	"github.com/ociferry/ferry/cmd/ferry/internal/ui"
	"github.com/ociferry/ferry/layout"
	"github.com/ociferry/ferry/layout/compression"
	"github.com/ociferry/ferry/layout/durable"
)

// writeArchive writes contents as a sealed tar in the form that the name asks
// for; "-" is a plain tar on standard output.
func writeArchive(e *ui.Env, ctx context.Context, name string, o durable.Options, c *layout.Contents) error {
	return writeArchiveAs(e, ctx, name, o, c, bundle.Write)
}

// tarWriter is bundle.Write, or what writes more than it.
type tarWriter func(context.Context, io.Writer, *layout.Contents) error

// writeArchiveAs is writeArchive in another form. A file gets its name only when
// the checks are content with it.
func writeArchiveAs(e *ui.Env, ctx context.Context, name string, o durable.Options, c *layout.Contents, write tarWriter, checks ...func(bundle.Target) error) error {
	if name == "-" {
		if err := compressTo(ctx, e.Stdout, compression.None, c, write); err != nil {
			return err
		}
		return e.Flush()
	}
	return ui.CreateFile(name, o, func(f bundle.Target) error {
		err := compressTo(ctx, f, compression.ByName(name), c, write)
		for _, check := range checks {
			if err == nil {
				err = check(f)
			}
		}
		return err
	})
}

func compressTo(ctx context.Context, w io.Writer, format *compression.Format, c *layout.Contents, write tarWriter) error {
	z := format.NewWriter(w)
	if err := write(ctx, z, c); err != nil {
		z.Close()
		return err
	}
	return z.Close()
}
