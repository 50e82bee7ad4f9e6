package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"

	"github.com/urfave/cli/v2"

	"github.com/ociferry/ferry/bundle"
	"github.com/ociferry/ferry/cmd/ferry/internal/ui"
	"github.com/ociferry/ferry/layout"
	"github.com/ociferry/ferry/layout/compression"
)

// Docker's own form of an archive: read as docker-archive:FILE by bundle, and
// written beside the layout on --docker.

func dockerFlag() cli.Flag {
	return &cli.BoolFlag{Name: "docker", Usage: "put docker's manifest.json into the archive, so that every docker load reads its images"}
}

// tarWriter writes the archive, with docker's file on --docker.
func (b *bundling) tarWriter() tarWriter {
	if !b.docker {
		return bundle.Write
	}
	return func(ctx context.Context, w io.Writer, c *layout.Contents) error {
		skipped, err := bundle.WriteDocker(ctx, w, c)
		if errors.Is(err, bundle.ErrNoImages) {
			return ui.Misuse(fmt.Errorf("--docker: %w", err), "leave --docker out; ferry ls shows what is there")
		}
		if err == nil && len(skipped) > 0 {
			b.e.Note("docker load of this will not see %s: it knows images of a single platform alone", ui.Count(len(skipped), "artifact"))
		}
		return err
	}
}

// dockerContents reads an archive in docker's form. A compressed one, or a
// stream, goes into a temporary file beside spool first.
func (s *source) dockerContents(ctx context.Context, spool string) (*layout.Contents, func(), error) {
	f, done, err := s.plainTar(ctx, spool)
	if err != nil {
		return nil, nil, s.err(err)
	}
	info, err := f.Stat()
	if err != nil {
		done()
		return nil, nil, err
	}
	c, err := bundle.DockerContents(ctx, f, info.Size())
	if err != nil {
		done()
		if errors.Is(err, bundle.ErrNotDocker) {
			err = ui.Fail(ui.CodeBad, err, "give an archive that docker save, podman save or skopeo has written; without docker-archive: a layout is read")
		}
		return nil, nil, s.err(err)
	}
	return c, done, nil
}

// plainTar is the source as a file that can be read out of order, until done.
func (s *source) plainTar(ctx context.Context, spool string) (f *os.File, done func(), err error) {
	in, err := s.open(ctx)
	if err != nil {
		return nil, nil, err
	}
	if f, ok := in.(*os.File); ok {
		if info, err := f.Stat(); err == nil && info.Mode().IsRegular() {
			head := make([]byte, compression.MagicLen)
			n, err := f.ReadAt(head, 0)
			if format, e := compression.Detect(head[:n]); (err == nil || err == io.EOF) && e == nil && format == compression.None {
				return f, func() { f.Close() }, nil
			}
		}
	}
	defer in.Close()
	dir, err := spoolDir(spool)
	if err != nil {
		return nil, nil, err
	}
	tmp, err := os.OpenFile(filepath.Join(dir.Path(), "archive.tar"), os.O_RDWR|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		dir.Close()
		return nil, nil, err
	}
	done = func() { tmp.Close(); dir.Close() }
	w := bufio.NewWriterSize(tmp, 256<<10)
	err = bundle.Inflate(ctx, w, in)
	if err == nil {
		err = w.Flush()
	}
	if err != nil {
		done()
		return nil, nil, err
	}
	return tmp, done, nil
}
