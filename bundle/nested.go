package bundle

import (
	"context"
	"io"
	"path"

	v1 "github.com/opencontainers/image-spec/specs-go/v1"

	"github.com/ociferry/ferry/layout/compression"
)

// NestedLayout is the directory in an archive below which a layout stands, where none
// stands at its root: tar was told the directory's name and not its content. It
// is "" if there is none, or more than one, or the archive is not sound. f is a
// file of the given size; of a plain tar only the headers are read.
func NestedLayout(ctx context.Context, f io.ReaderAt, size int64) string {
	stream := io.NewSectionReader(f, 0, size)
	m, z, format, err := open(stream)
	if err != nil {
		return ""
	}
	defer z.Close()
	e := newEntries(m)
	if format == compression.None {
		if _, err := stream.Seek(0, io.SeekStart); err != nil {
			return ""
		}
		e = newSeekingEntries(stream)
	}
	parts := map[string]int{} // by directory
	for {
		e.unknown = -1 << 62 // however much there is: only names are looked at
		if ctx.Err() != nil {
			return ""
		}
		name, _, err := e.next()
		if err == io.EOF {
			break
		}
		if err != nil {
			return ""
		}
		dir, base := path.Split(name)
		if base != v1.ImageLayoutFile && base != v1.ImageIndexFile {
			continue
		}
		if dir == "" {
			return ""
		}
		parts[path.Clean(dir)]++
	}
	found := ""
	for dir, n := range parts {
		if n == 2 && found != "" {
			return ""
		}
		if n == 2 {
			found = dir
		}
	}
	return found
}
