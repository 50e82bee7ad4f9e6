// Package durable writes files and directories that appear under their final
// name only when they are whole, and on the medium.
//
//   - What is being written stands beside its final name, in the same
//     directory, as ".NAME.ferry-partial": one predictable name, locked while
//     it is in use. A run that was killed leaves it; the next run on the same
//     name takes it over and clears it.
//   - Commit syncs the content, gives it its name and syncs the directory. An
//     error of any of these, Close included, is an error of Commit, and the
//     final name is then as it was before; where something fails behind that,
//     the error says that the output is there.
//   - Close without Commit removes everything, as in database/sql.Tx. It is
//     harmless after Commit.
//   - Files get mode 0644 and directories 0755, less the process's umask.
package durable

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"syscall"
)

// Options say how an output is made. The zero value is the safe one.
type Options struct {
	// Overwrite replaces what has the final name. Without it an existing
	// output is an error that is fs.ErrExist.
	Overwrite bool
	// NoSync leaves out the syncing: faster, and a power cut may tear what
	// was called whole.
	NoSync bool
}

// ErrBusy is wrapped by the error for an output that another process is
// writing at the moment.
var ErrBusy = errors.New("another process is writing it")

func partial(name string) string {
	return filepath.Join(filepath.Dir(name), "."+filepath.Base(name)+".ferry-partial")
}

func exists(name string) error {
	return &fs.PathError{Op: "create", Path: name, Err: fs.ErrExist}
}

// cannot names the output itself in an error about its temporary name.
func cannot(name string, err error) error {
	var p *fs.PathError
	if errors.As(err, &p) {
		return &fs.PathError{Op: "create", Path: name, Err: p.Err}
	}
	return err
}

// A File is an output file that is not there yet.
type File struct {
	*os.File
	w    *Writeback // File
	name string
	o    Options
	done bool
}

// Create begins an output file. The final name must be free or a regular
// file, and free unless o.Overwrite is set.
func Create(name string, o Options) (*File, error) {
	if err := checkTarget(name, o); err != nil {
		return nil, err
	}
	tmp := partial(name)
	for {
		f, err := os.OpenFile(tmp, os.O_RDWR|os.O_CREATE|os.O_EXCL|syscall.O_NONBLOCK, 0o644)
		found := errors.Is(err, fs.ErrExist)
		if found {
			f, err = os.OpenFile(tmp, os.O_RDWR|noFollow|syscall.O_NONBLOCK, 0)
		}
		if found && errors.Is(err, fs.ErrNotExist) {
			continue // it was removed in between
		}
		if err != nil {
			return nil, cannot(name, err)
		}
		if err := lock(f); err != nil {
			f.Close()
			return nil, fmt.Errorf("%s: %w", name, err)
		}
		// The run that held the lock before may have removed or renamed what
		// was opened here.
		mine, err := f.Stat()
		if err != nil {
			f.Close()
			return nil, err
		}
		now, err := os.Lstat(tmp)
		if err != nil || !os.SameFile(mine, now) {
			f.Close()
			continue
		}
		if !now.Mode().IsRegular() {
			f.Close()
			return nil, fmt.Errorf("%s: in the way, and not a regular file; remove it", tmp)
		}
		if found && !onlyUser(mine) {
			// Whoever else can write into it could write into the output.
			f.Close()
			if !belongsToUser(mine) {
				return nil, fmt.Errorf("%s: in the way, and another user's; have it removed, or choose another directory", tmp)
			}
			if err := os.Remove(tmp); err != nil && !errors.Is(err, fs.ErrNotExist) {
				return nil, cannot(name, err)
			}
			continue
		}
		// Only what a killed run left is cut off: ext4 takes any cutting for a
		// replacement, and writes the file out when it is closed.
		if mine.Size() > 0 {
			err = f.Truncate(0)
		}
		if err != nil {
			f.Close()
			return nil, err
		}
		return &File{File: f, w: o.writeback(f), name: name, o: o}, nil
	}
}

// Name is the final name.
func (f *File) Name() string { return f.name }

// Write writes what follows.
func (f *File) Write(p []byte) (int, error) {
	n, err := f.w.Write(p)
	return n, f.err(err)
}

// WriteAt writes over what was written.
func (f *File) WriteAt(p []byte, at int64) (int, error) {
	n, err := f.File.WriteAt(p, at)
	return n, f.err(err)
}

// err calls the file by its final name and not by its temporary one.
func (f *File) err(err error) error {
	var p *fs.PathError
	if errors.As(err, &p) {
		return &fs.PathError{Op: p.Op, Path: f.name, Err: p.Err}
	}
	return err
}

// ErrNotRegular says that something stands in the place of an output that is
// never replaced by a file: a symbolic link, a directory, a device.
var ErrNotRegular = errors.New("not a regular file; it is not overwritten")

func checkTarget(name string, o Options) error {
	info, err := os.Lstat(name)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return nil
	case err != nil:
		return err
	case !o.Overwrite:
		return exists(name)
	case !info.Mode().IsRegular():
		return fmt.Errorf("%s: %w", name, ErrNotRegular)
	}
	return nil
}

// Commit makes the file durable and gives it its name.
func (f *File) Commit() error {
	if f.done {
		return fs.ErrClosed
	}
	if !f.o.NoSync {
		if err := f.w.Sync(); err != nil {
			f.Close()
			return err
		}
	}
	// Asked again: another process may have made it in the meantime.
	if err := checkTarget(f.name, f.o); err != nil {
		f.Close()
		return err
	}
	parent, err := f.o.openParent(f.name)
	if err != nil {
		f.Close()
		return err
	}
	if err := rename(f.File, partial(f.name), f.name); err != nil {
		f.Close()
		parent.Close()
		return err
	}
	f.done = true
	return inPlace(f.name, syncClose(parent))
}

// replacing names the output in an error of giving it its name.
func replacing(name string, err error) error {
	var link *os.LinkError
	var lost *ParkedError
	switch {
	case err == nil || errors.As(err, &lost):
		return err
	case errors.As(err, &link):
		err = link.Err
	}
	return &fs.PathError{Op: "replace", Path: name, Err: err}
}

// openParent opens the directory of an output, to sync it once the output has
// its name: it may be one that cannot be read. It is nil where nothing is synced.
func (o Options) openParent(name string) (*os.File, error) {
	if o.NoSync {
		return nil, nil
	}
	return os.Open(filepath.Dir(name))
}

// syncClose makes the names in a directory durable, if it is not nil.
func syncClose(dir *os.File) error {
	if dir == nil {
		return nil
	}
	err := syncOpenDir(dir)
	if e := dir.Close(); err == nil {
		err = e
	}
	return err
}

// inPlace says of an error that the output has its name, and all of it is there.
func inPlace(name string, err error) error {
	if err != nil {
		err = fmt.Errorf("%s: written, and in its place, but then: %w", name, err)
	}
	return err
}

// Close ends an output that was not committed and removes what was written.
func (f *File) Close() error {
	if f.done {
		return nil
	}
	f.done = true
	err := os.Remove(partial(f.name)) // under the lock, so it is ours
	if e := f.File.Close(); err == nil {
		err = e
	}
	if errors.Is(err, fs.ErrNotExist) {
		err = nil
	}
	return err
}

// A Dir is an output directory that is not there yet. Its content is written
// through Root, or under Path.
type Dir struct {
	*Private
	name string
	o    Options
	keep bool // it is not removed
	done bool
}

// Mkdir begins an output directory. The final name must be free or an empty
// directory; with o.Overwrite, any directory for which the caller answers.
func Mkdir(name string, o Options) (*Dir, error) {
	d := &Dir{name: filepath.Clean(name), o: o}
	if err := d.checkTarget(); err != nil {
		return nil, err
	}
	var err error
	d.Private, err = OpenPrivate(partial(d.name))
	if errors.Is(err, ErrBusy) {
		return nil, fmt.Errorf("%s: %w", d.name, ErrBusy)
	}
	if err != nil {
		return nil, cannot(d.name, err)
	}
	if err = d.Clear(); err == nil {
		err = d.restored()
	}
	if err != nil {
		d.Private.Close()
		return nil, err
	}
	return d, nil
}

// Adopt makes what a private directory holds the content of an output directory,
// which must be in the same directory as that. It is Mkdir otherwise; but Close,
// and Commit with an error, leave the private directory as it is, and open.
func Adopt(p *Private, name string, o Options) (*Dir, error) {
	d := &Dir{Private: p, name: filepath.Clean(name), o: o, keep: true}
	return d, d.restored()
}

// restored puts back what a run that was killed has left without its name, and
// then asks again whether the name is free.
func (d *Dir) restored() error {
	if err := restore(d.name); err != nil {
		return err
	}
	return d.checkTarget()
}

func (d *Dir) checkTarget() error {
	info, err := os.Lstat(d.name)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return nil
	case err != nil:
		return err
	case !info.IsDir():
		return exists(d.name)
	case d.o.Overwrite:
		return nil
	}
	f, err := os.Open(d.name)
	if err != nil {
		return err
	}
	defer f.Close()
	if names, _ := f.Readdirnames(1); len(names) > 0 {
		return exists(d.name)
	}
	return nil
}

// Commit makes everything under Path durable and gives it its final name.
func (d *Dir) Commit() error {
	if d.done {
		return fs.ErrClosed
	}
	if !d.o.NoSync {
		if err := SyncTree(d.Path()); err != nil {
			d.Close()
			return err
		}
	}
	if err := d.checkTarget(); err != nil {
		d.Close()
		return err
	}
	parent, err := d.o.openParent(d.name)
	if err != nil {
		d.Close()
		return err
	}
	err = d.named(d.Path()) // nothing else gets the name
	old := ""
	if err == nil {
		old, err = renameDir(d)
	}
	if err != nil {
		d.Close()
		parent.Close()
		return err
	}
	d.done = true
	err = syncClose(parent)
	if old != "" {
		if e := os.RemoveAll(old); e != nil && err == nil {
			err = fmt.Errorf("what it replaced is left at %s, remove it: %w", old, e)
		}
	}
	if e := d.Private.Close(); err == nil {
		err = e
	}
	return inPlace(d.name, err)
}

// Close ends an output that was not committed and removes what was written.
func (d *Dir) Close() error {
	if d.done || d.keep {
		return nil
	}
	d.done = true
	return d.Remove()
}

// SyncTree makes every file and directory under dir durable. Beyond a few
// files it asks for the whole file system at once where the system can do so,
// since syncing one by one costs a turn of the disk each.
func SyncTree(dir string) error {
	var files, dirs []string
	err := filepath.WalkDir(dir, func(name string, e fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case e.IsDir():
			dirs = append(dirs, name)
		default:
			files = append(files, name)
		}
		return nil
	})
	if err != nil {
		return err
	}
	if len(files) > 32 {
		if ok, err := syncFS(dir); ok {
			return err
		}
	}
	for _, name := range files {
		if err := syncFile(name); err != nil {
			return err
		}
	}
	for i := len(dirs) - 1; i >= 0; i-- {
		if err := syncDir(dirs[i]); err != nil {
			return err
		}
	}
	return nil
}

func syncFile(name string) error {
	f, err := os.OpenFile(name, os.O_RDWR, 0) // Windows syncs only what it may write
	if err != nil {
		return err
	}
	err = f.Sync()
	if e := f.Close(); err == nil {
		err = e
	}
	return err
}

// SyncDirs makes the names in directories below root durable. Those that are not
// there are passed over.
func SyncDirs(root *os.Root, dirs ...string) error {
	for _, dir := range dirs {
		f, err := root.Open(dir)
		if errors.Is(err, fs.ErrNotExist) {
			continue
		}
		if err != nil {
			return err
		}
		err = syncOpenDir(f)
		f.Close()
		if err != nil {
			return err
		}
	}
	return nil
}

// Lock locks a directory that is changed in place against other processes. It
// does not wait: the error wraps ErrBusy.
func Lock(dir string) (unlock func(), err error) {
	f, err := openDirLock(dir)
	if err != nil {
		return nil, err
	}
	if err := lock(f); err != nil {
		f.Close()
		return nil, fmt.Errorf("%s: %w", dir, err)
	}
	return func() { f.Close() }, nil
}
