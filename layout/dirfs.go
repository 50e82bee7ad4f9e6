package layout

import (
	"errors"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"sync"
	"syscall"
)

// A DirFS is the file system of a directory, as RootFS, that keeps open what it
// found files in, up to maxOpenDirs of them: one directory of a layout may hold a
// hundred thousand blobs, and walking there from the root takes most of the time.
type DirFS struct{ rootFS }

// OpenFS opens a directory. The caller closes the file system.
func OpenFS(dir string) (*DirFS, error) {
	root, err := os.OpenRoot(dir)
	if err != nil {
		return nil, err
	}
	return &DirFS{rootFS{root, root.FS(), &openDirs{open: map[string]*os.Root{}}}}, nil
}

// Close releases the directory. It is harmless to call twice.
func (d *DirFS) Close() error { return errors.Join(d.dirs.close(), d.root.Close()) }

// RootFS is the file system of a directory as it is read here: opening a FIFO
// in it does not wait for a writer.
func RootFS(root *os.Root) fs.FS { return rootFS{root, root.FS(), nil} }

// rootFS opens without blocking and is otherwise the root's own file system.
type rootFS struct {
	root *os.Root
	fs.FS
	dirs *openDirs // or nil: each name is walked from the root
}

type openDirs struct {
	mu   sync.Mutex
	open map[string]*os.Root
}

const maxOpenDirs = 32

// dir is the directory of a name, and what the name is in there. The directory
// may be closed while it is used, for others that are opened.
func (f rootFS) dir(name string) (*os.Root, string, error) {
	dir, base := path.Split(name)
	if f.dirs == nil || dir == "" {
		return f.root, name, nil
	}
	f.dirs.mu.Lock()
	defer f.dirs.mu.Unlock()
	d := f.dirs.open[dir]
	if d == nil {
		var err error
		if d, err = f.root.OpenRoot(dir); err != nil {
			return nil, "", err
		}
		if len(f.dirs.open) == maxOpenDirs {
			f.dirs.closeAll()
		}
		f.dirs.open[dir] = d
	}
	return d, base, nil
}

func (d *openDirs) close() error {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.closeAll()
}

func (d *openDirs) closeAll() error {
	var errs []error
	for _, r := range d.open {
		errs = append(errs, r.Close())
	}
	clear(d.open)
	return errors.Join(errs...)
}

func (f rootFS) Open(name string) (fs.File, error) {
	if !fs.ValidPath(name) {
		return nil, &fs.PathError{Op: "open", Path: name, Err: fs.ErrInvalid}
	}
	dir, base, err := f.dir(name)
	if err != nil {
		return nil, f.err("open", name, err)
	}
	file, err := dir.OpenFile(base, os.O_RDONLY|syscall.O_NONBLOCK, 0)
	if errors.Is(err, os.ErrClosed) {
		file, err = f.root.OpenFile(name, os.O_RDONLY|syscall.O_NONBLOCK, 0)
	}
	if err != nil {
		return nil, f.err("open", name, err)
	}
	return file, nil
}

func (f rootFS) Lstat(name string) (fs.FileInfo, error) {
	dir, base, err := f.dir(name)
	if err != nil {
		return nil, f.err("stat", name, err)
	}
	info, err := dir.Lstat(base)
	if errors.Is(err, os.ErrClosed) {
		info, err = f.root.Lstat(name)
	}
	return info, f.err("stat", name, err)
}

// err names the file as the user knows it.
func (f rootFS) err(op, name string, err error) error {
	var p *fs.PathError
	if errors.As(err, &p) {
		return &fs.PathError{Op: op, Path: filepath.Join(f.root.Name(), name), Err: p.Err}
	}
	return err
}

func (f rootFS) ReadLink(name string) (string, error) { return f.root.Readlink(name) }
