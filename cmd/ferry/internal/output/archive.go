package output

import (
	"context"
	"io"

	"github.com/ociferry/ferry/bundle"
	"github.com/ociferry/ferry/cmd/ferry/internal/ui"
	"github.com/ociferry/ferry/layout"
	"github.com/ociferry/ferry/layout/compression"
	"github.com/ociferry/ferry/layout/durable"
)

// WriteArchive writes contents as a sealed tar in the form that the name asks
// for; "-" is a plain tar on standard output.
func WriteArchive(e *ui.Env, ctx context.Context, name string, o durable.Options, c *layout.Contents) error {
	return WriteArchiveAs(e, name, o, func(w io.Writer, format *compression.Format) error {
		return bundle.Write(ctx, w, format, c)
	})
}

// WriteArchiveAs has write make the archive. A file gets its name only when the
// checks are content with it.
func WriteArchiveAs(e *ui.Env, name string, o durable.Options, write func(io.Writer, *compression.Format) error, checks ...func(*durable.File) error) error {
	if name == "-" {
		if err := write(e.Stdout, compression.None); err != nil {
			return err
		}
		return e.Flush()
	}
	return CreateFile(name, o, func(f *durable.File) error {
		err := write(f, compression.ByName(name))
		for _, check := range checks {
			if err == nil {
				err = check(f)
			}
		}
		return err
	})
}
