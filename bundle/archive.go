package bundle

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"path"
	"sort"
	"strings"
	"time"

	"github.com/ociferry/ferry/layout"
	"github.com/ociferry/ferry/layout/compression"
)

// ErrCompressed is wrapped by OpenArchive's error for an archive that must be
// read from front to back.
var ErrCompressed = errors.New("compressed; entries cannot be reached out of order")

// OpenArchive is a layout.Reader of a plain tar: it reads the headers once,
// under the same rules as Verify, and blobs where they lie. f is a file of the
// given size that stays open as long as the Reader is used.
func OpenArchive(f io.ReaderAt, size int64) (*layout.Reader, error) {
	stream := io.NewSectionReader(f, 0, size)
	head := make([]byte, compression.MagicLen)
	n, err := stream.ReadAt(head, 0)
	if err != nil && err != io.EOF {
		return nil, err
	}
	if n == 0 {
		return nil, &EntryError{"", msgEmpty}
	}
	format, err := compression.Detect(head[:n])
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrNotTar, err)
	}
	if format != compression.None {
		return nil, fmt.Errorf("%w: %s", ErrCompressed, format)
	}
	a := &archive{f: f, files: map[string]member{}, dirs: map[string][]string{".": nil}}
	e := newSeekingEntries(stream)
	for {
		name, size, err := e.next()
		if err == io.EOF {
			break
		}
		if err != nil {
			return nil, err
		}
		at, err := stream.Seek(0, io.SeekCurrent)
		if err != nil {
			return nil, err
		}
		if size > stream.Size()-at {
			return nil, &EntryError{name, msgTruncated}
		}
		a.add(name, member{at, size})
	}
	for dir := range a.dirs {
		sort.Strings(a.dirs[dir])
	}
	return layout.OpenArchive(a), nil
}

type member struct{ at, size int64 }

// archive is the file system of a plain tar's regular files.
type archive struct {
	f     io.ReaderAt
	files map[string]member
	dirs  map[string][]string // names in each directory
}

func (a *archive) add(name string, m member) {
	a.files[name] = m
	for {
		dir := path.Dir(name)
		_, known := a.dirs[dir]
		a.dirs[dir] = append(a.dirs[dir], path.Base(name))
		if known {
			return
		}
		name = dir
	}
}

func (a *archive) Open(name string) (fs.File, error) {
	info, err := a.Lstat(name)
	if err != nil {
		return nil, err
	}
	if info.IsDir() {
		return &openDir{info: info, a: a, name: name}, nil
	}
	m := a.files[name]
	return &openMember{io.NewSectionReader(a.f, m.at, m.size), info}, nil
}

func (a *archive) Lstat(name string) (fs.FileInfo, error) {
	if m, ok := a.files[name]; ok {
		return fileInfo{path.Base(name), m.size, 0o444}, nil
	}
	if _, ok := a.dirs[name]; ok {
		return fileInfo{path.Base(name), 0, fs.ModeDir | 0o555}, nil
	}
	return nil, &fs.PathError{Op: "open", Path: name, Err: fs.ErrNotExist}
}

func (a *archive) ReadLink(name string) (string, error) {
	return "", &fs.PathError{Op: "readlink", Path: name, Err: fs.ErrInvalid}
}

func (a *archive) ReadDir(name string) ([]fs.DirEntry, error) {
	names, ok := a.dirs[name]
	if !ok {
		return nil, &fs.PathError{Op: "readdir", Path: name, Err: fs.ErrNotExist}
	}
	var out []fs.DirEntry
	for _, n := range names {
		info, err := a.Lstat(strings.TrimPrefix(path.Join(name, n), "./"))
		if err != nil {
			return nil, err
		}
		out = append(out, fs.FileInfoToDirEntry(info))
	}
	return out, nil
}

type openMember struct {
	*io.SectionReader
	info fs.FileInfo
}

func (m *openMember) Stat() (fs.FileInfo, error) { return m.info, nil }
func (m *openMember) Close() error               { return nil }

type openDir struct {
	info fs.FileInfo
	a    *archive
	name string
}

func (d *openDir) Stat() (fs.FileInfo, error) { return d.info, nil }
func (d *openDir) Close() error               { return nil }
func (d *openDir) Read([]byte) (int, error) {
	return 0, &fs.PathError{Op: "read", Path: d.name, Err: fs.ErrInvalid}
}

type fileInfo struct {
	name string
	size int64
	mode fs.FileMode
}

func (i fileInfo) Name() string       { return i.name }
func (i fileInfo) Size() int64        { return i.size }
func (i fileInfo) Mode() fs.FileMode  { return i.mode }
func (i fileInfo) ModTime() time.Time { return time.Time{} }
func (i fileInfo) IsDir() bool        { return i.mode.IsDir() }
func (i fileInfo) Sys() any           { return nil }
