package source

import (
	"bufio"
	"context"
	"errors"
	"io"
	"os"

	"github.com/ociferry/ferry/bundle"
	"github.com/ociferry/ferry/cmd/ferry/internal/ui"
	"github.com/ociferry/ferry/layout"
	"github.com/ociferry/ferry/layout/compression"
	"github.com/ociferry/ferry/layout/durable"
)

// dockerContents reads an archive in docker's form. A compressed one, or a
// stream, goes into a temporary file in tmpdir first.
func (s *Source) dockerContents(ctx context.Context, tmpdir string) (*layout.Contents, func(), error) {
	f, done, err := s.plainTar(ctx, tmpdir)
	if err != nil {
		return nil, nil, s.Err(err)
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
		return nil, nil, s.Err(err)
	}
	return c, done, nil
}

// plainTar is the source as a file that can be read out of order, until done.
func (s *Source) plainTar(ctx context.Context, tmpdir string) (f *os.File, done func(), err error) {
	in, err := s.Open(ctx)
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
	dir, err := durable.MakePrivate(tmpdir, spoolPrefix)
	if err != nil {
		return nil, nil, err
	}
	tmp, err := dir.Root.OpenFile("archive.tar", os.O_RDWR|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		dir.Remove()
		return nil, nil, err
	}
	done = func() { tmp.Close(); dir.Remove() }
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
