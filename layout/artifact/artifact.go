// Package artifact packs a directory of files as an OCI artifact, an image
// manifest with a config of its own type and one layer for each file
// (manifest.md, "Guidelines for Artifact Usage"), and writes the files back.
//
//   - What a kind of artifact is, is data: a Kind. LEI caches are one kind,
//     in package lei; Files is the other, any directory.
//   - Every layer names its file in org.opencontainers.image.title, so that
//     other tools write it under the same name.
//   - Only regular files are packed. A symbolic link or special file is an
//     error that names it: to leave it out silently would lose it, to follow it
//     would pack what is not in the directory.
//   - File names on the way out come from the kind where it fixes them. Where
//     it does not, a title must be a clean relative path; see CheckTitle.
//   - Nothing here reads the clock: a time is in what is packed, or given.
//
// What is packed is layout.Contents, which go into a layout as into an archive.
// On the way back blobs come from a Fetcher, or from an audit that reads a layout.
package artifact

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"path"
	"runtime"
	"strings"
	"sync"
	"unicode/utf8"

	v1 "github.com/opencontainers/image-spec/specs-go/v1"

	"github.com/ociferry/ferry/layout/visible"
)

// A Fetcher gets blobs. What it returns need not be checked: Extract does.
type Fetcher func(ctx context.Context, d v1.Descriptor) (io.ReadCloser, error)

// A Config is what a kind says of a directory that is packed.
type Config struct {
	Data        []byte            // the config blob
	Annotations map[string]string // of the manifest
	Tag         string            // the usual tag, or ""
	Notices     []string          // for people, a line each
}

// Options say how a directory is packed.
type Options struct {
	// Created is the time of packing in RFC 3339, or empty to take what the
	// kind finds in the directory, or to leave it out.
	Created string
	// CreatedElse is the time where neither Created nor the directory has one.
	CreatedElse string
	// Annotations are added to the manifest and win over those of the kind.
	Annotations map[string]string
	// ArtifactType is the artifactType of the manifest; the kind's if empty. It
	// and MediaTypes are the caller's to check: see layout.IsMediaType.
	ArtifactType string
	// MediaTypes gives files, by path, another media type.
	MediaTypes map[string]string
	// NoCheck packs what the kind's inspector would refuse, and makes a notice
	// of it.
	NoCheck bool
	// Secrets says what becomes of files that hold secrets.
	Secrets Secrets
}

// MaxManifest is the largest manifest, in bytes, that is written: what
// registries and Verify accept. A manifest of some 20,000 files reaches it.
const MaxManifest = 4 << 20

// ErrEmpty is Pack's error for a directory without files.
var ErrEmpty = errors.New("the directory holds no files")

// ErrTooMany is wrapped by Pack's error for a directory with more files than a
// manifest can hold.
var ErrTooMany = errors.New("too many files for one artifact")

// layers lists what is packed.
func (k *Kind) layers(fsys fs.FS, o Options) ([]Layer, error) {
	if k.Files != nil {
		layers := make([]Layer, len(k.Files))
		for i, f := range k.Files {
			info, err := fs.Lstat(fsys, f.Name)
			if err != nil {
				return nil, err
			}
			if !info.Mode().IsRegular() {
				return nil, irregular(f.Name, info.Mode())
			}
			layers[i] = newLayer(fsys, f, info)
		}
		return layers, nil
	}
	t := &tree{fsys, o.MediaTypes, make(chan struct{}, runtime.GOMAXPROCS(0)-1)}
	layers, err := t.list(".")
	if err != nil {
		return nil, err
	}
	for name := range o.MediaTypes {
		if _, err := fs.Stat(fsys, name); err != nil {
			return nil, err
		}
	}
	if len(layers) == 0 {
		return nil, ErrEmpty
	}
	return layers, nil
}

func newLayer(fsys fs.FS, f File, info fs.FileInfo) Layer {
	return Layer{
		File: f, Size: info.Size(), fsys: fsys, modified: info.ModTime(), annotations: map[string]string{v1.AnnotationTitle: f.Name},
	}
}

// A tree is the directory of a kind of any files.
type tree struct {
	fsys       fs.FS
	mediaTypes map[string]string
	helpers    chan struct{} // one for each goroutine that lists as well
}

// list lists the files below a directory in the order of fs.WalkDir, several
// directories at a time. The error is the first in this order.
func (t *tree) list(dir string) ([]Layer, error) {
	entries, err := fs.ReadDir(t.fsys, dir)
	if err != nil {
		return nil, err
	}
	var wg sync.WaitGroup
	lists := make([][]Layer, len(entries))
	errs := make([]error, len(entries))
	for i, e := range entries {
		name := path.Join(dir, e.Name())
		if !e.IsDir() {
			continue
		}
		select {
		case t.helpers <- struct{}{}:
			wg.Go(func() {
				lists[i], errs[i] = t.list(name)
				<-t.helpers
			})
		default:
			lists[i], errs[i] = t.list(name)
		}
	}
	wg.Wait()
	n := len(entries)
	for _, l := range lists {
		n += len(l)
	}
	layers := make([]Layer, 0, n)
	for i, e := range entries {
		switch {
		case errs[i] != nil:
			return nil, errs[i]
		case e.IsDir():
			layers = append(layers, lists[i]...)
		default:
			l, err := t.file(path.Join(dir, e.Name()), e)
			if err != nil {
				return nil, err
			}
			layers = append(layers, l)
		}
	}
	return layers, nil
}

func (t *tree) file(name string, e fs.DirEntry) (l Layer, err error) {
	if !e.Type().IsRegular() {
		return l, irregular(name, e.Type())
	}
	err = CheckTitle(name)
	if err == nil {
		err = checkPortable(name)
	}
	if err != nil {
		return l, &FileError{name, 0, err}
	}
	mediaType := t.mediaTypes[name]
	if mediaType == "" {
		mediaType = mediaTypeOf(name)
	}
	info, err := e.Info()
	if err != nil {
		return l, err
	}
	return newLayer(t.fsys, File{Name: name, MediaType: mediaType}, info), nil
}

// A FileError is a file that cannot be packed, or a title that no file can have
// beside another.
type FileError struct {
	Name string      // its path in the directory
	Type fs.FileMode // what it is where it is no regular file; else its name is unfit, and this is 0
	Err  error
}

func (e *FileError) Error() string { return fmt.Sprintf("%q: %v", e.Name, e.Err) }
func (e *FileError) Unwrap() error { return e.Err }

func irregular(name string, m fs.FileMode) error {
	return &FileError{name, m.Type(), fmt.Errorf("want a regular file, found %s", typeWord(m))}
}

func typeWord(m fs.FileMode) string {
	switch {
	case m.IsDir():
		return "a directory"
	case m.IsRegular():
		return "a file"
	case m&fs.ModeSymlink != 0:
		return "a symbolic link"
	case m&fs.ModeNamedPipe != 0:
		return "a FIFO (named pipe)"
	case m&fs.ModeSocket != 0:
		return "a socket"
	}
	return "a device or special file"
}

// checkPortable refuses a name that Windows takes for a device or for another
// name. It is asked about what is packed, for whatever system, and about what is
// unpacked on Windows: elsewhere an artifact may have such names.
func checkPortable(name string) error {
	for e := range strings.SplitSeq(name, "/") {
		switch {
		case visible.Device(e):
			return fmt.Errorf("unsafe file name: Windows takes %q for a device", e)
		case strings.TrimRight(e, ". ") != e:
			return fmt.Errorf("unsafe file name: Windows drops the dots and spaces at the end of %q", e)
		}
	}
	return nil
}

// CheckTitle refuses a title that is not a clean relative path with slashes:
// what a file may be called, inside the directory it is meant for.
func CheckTitle(title string) error {
	switch {
	case title == "":
		return errors.New("empty")
	case len(title) > 1024:
		return fmt.Errorf("too long, the limit is 1024 bytes, found %d", len(title))
	case !utf8.ValidString(title):
		return errors.New("invalid UTF-8")
	}
	if i := strings.IndexAny(title, `\:`); i >= 0 {
		return fmt.Errorf("unsafe character %q in a file name", title[i])
	}
	if r, bad := visible.First(title); bad {
		return fmt.Errorf("unsafe character %+q in a file name, which nobody sees", r)
	}
	if path.IsAbs(title) {
		return errors.New("unsafe absolute path")
	}
	if n := strings.Count(title, "/"); n > maxDepth {
		return fmt.Errorf("too deep, the limit is %d directories, found %d", maxDepth, n)
	}
	for _, e := range strings.Split(title, "/") {
		if e == "" || e == "." || e == ".." {
			return fmt.Errorf("unsafe path element %q in a file name", e)
		}
		if len(e) > 255 { // what file systems take
			return fmt.Errorf("the name %.40q... is too long, the limit is 255 bytes, found %d", e, len(e))
		}
	}
	if first, _, _ := strings.Cut(title, "/"); strings.EqualFold(first, Staging) {
		return fmt.Errorf("unsafe file name, in %s, where unfinished files wait", Staging)
	}
	if runtime.GOOS == "windows" {
		return checkPortable(title)
	}
	return nil
}
