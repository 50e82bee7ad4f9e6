package artifact

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"slices"

	"github.com/ociferry/ferry/layout"
	"github.com/ociferry/ferry/layout/durable"
)

// A target is the directory that files are unpacked into. They are written into
// a new directory beside it, which takes its name in one step, so that the old
// one stays whole until then; what else is in the old one is in the new one as
// well, by hard links.
//
// Where that cannot be, the files are moved one after another, and moved back
// after an error: where the directory has no sibling on the same file system, is
// the working directory, or holds what cannot be linked, or very much. What a
// run that was killed in the middle has replaced, the next run puts back.
type target struct {
	name string
	o    durable.Options
	root *os.Root     // where files are staged
	into string       // below root, where they get their names
	dir  *durable.Dir // the new directory, or nil
	old  *os.Root     // the existing directory, or nil
	lock func()       // unlocks it

	beside *os.Root // that both directories stand in, where there are two
}

// maxCarried bounds the entries that are linked into a new directory.
const maxCarried = 10_000

func openTarget(name string, o durable.Options) (t *target, err error) {
	t = &target{name: name, o: o, into: "."}
	defer func() {
		if err != nil {
			t.close()
		}
	}()
	info, err := os.Lstat(name)
	exists := err == nil && info.IsDir() && o.Overwrite
	if exists {
		if err = t.openOld(); err != nil {
			return t, err
		}
		if !t.replaceable(info) {
			return t, t.stage()
		}
		return t, nil
	}
	if t.dir, err = durable.Mkdir(name, durable.Options{NoSync: o.NoSync}); err == nil {
		t.root, err = t.dir.Root.OpenRoot(".")
	}
	return t, err
}

// openOld opens the existing directory, and puts back what a run that was killed
// has replaced.
func (t *target) openOld() (err error) {
	if t.lock, err = durable.Lock(t.name); err != nil {
		return err
	}
	if t.old, err = os.OpenRoot(t.name); err != nil {
		return err
	}
	if err = t.putBack(); err == nil {
		err = t.old.RemoveAll(Staging)
	}
	return t.error(".", err)
}

// replaceable makes the new directory beside the existing one, and reports whether
// that can take its name.
func (t *target) replaceable(info fs.FileInfo) bool {
	if inUse(info) {
		return false
	}
	var err error
	// What is synced, and when, is seen to below: it holds files of others.
	if t.dir, err = durable.Mkdir(t.name, durable.Options{NoSync: true, Overwrite: true}); err != nil {
		return false
	}
	if t.root, err = t.dir.Root.OpenRoot("."); err == nil {
		t.beside, err = os.OpenRoot(filepath.Dir(t.dir.Path()))
	}
	// A directory that is not empty is never replaced by a rename. Where that is
	// not the reason, it is one against any rename: a mount point, or a directory
	// of a lower layer of overlayfs.
	if err == nil && t.root.Mkdir(Staging, 0o755) == nil {
		err = t.beside.Rename(t.base(), filepath.Base(t.dir.Path()))
		t.root.Remove(Staging)
	}
	if errors.Is(err, fs.ErrExist) {
		return true
	}
	t.closeNew()
	return false
}

// base is the name of the directory in the one that it stands in.
func (t *target) base() string { return filepath.Base(filepath.Clean(t.name)) }

// inUse reports whether a directory is the working directory, or above it.
func inUse(dir fs.FileInfo) bool {
	for at := "."; ; at = filepath.Join(at, "..") {
		info, err := os.Stat(at)
		if err != nil || os.SameFile(info, dir) {
			return true
		}
		if up, err := os.Stat(filepath.Join(at, "..")); err != nil || os.SameFile(up, info) {
			return err != nil
		}
	}
}

// closeNew removes the new directory.
func (t *target) closeNew() error {
	for _, r := range []*os.Root{t.root, t.beside} {
		if r != nil {
			r.Close()
		}
	}
	t.root, t.beside = nil, nil
	if t.dir == nil {
		return nil
	}
	err := t.dir.Close()
	t.dir = nil
	return err
}

// stage prepares to replace files one after another.
func (t *target) stage() (err error) {
	t.into = newFiles
	if err = t.old.Mkdir(Staging, 0o755); err == nil {
		t.root, err = t.old.OpenRoot(Staging)
	}
	return t.error(".", err)
}

// commit makes the files durable and shows them.
func (t *target) commit(ctx context.Context, names []string) error {
	names = slices.DeleteFunc(slices.Clone(names), func(n string) bool { return n == "" })
	if t.old == nil {
		t.root.Close()
		return t.dir.Commit()
	}
	if err := t.clearWay(names); err != nil {
		return err
	}
	if t.dir != nil {
		err := t.exchange(ctx, names)
		if err == nil || t.dir == nil {
			return err
		}
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
		// As a whole it cannot be replaced; file by file perhaps.
		if err := t.moveStage(names); err != nil {
			return err
		}
	}
	if !t.o.NoSync {
		if err := durable.SyncTree(filepath.Join(t.name, Staging)); err != nil {
			return err
		}
	}
	return t.replace(names)
}

// exchange gives the new directory the name of the existing one. Where that
// cannot be, t.dir is still there.
func (t *target) exchange(ctx context.Context, names []string) error {
	if !t.o.NoSync {
		if err := durable.SyncTree(t.dir.Path()); err != nil {
			return err
		}
	}
	c := &carrier{target: t, written: make(map[string]bool, len(names))}
	for _, n := range names {
		c.written[n] = true
	}
	if err := c.directory(ctx, "."); err != nil {
		return err
	}
	if !t.o.NoSync {
		if err := durable.SyncDirs(t.root, c.dirs...); err != nil {
			return err
		}
	}
	t.unlock()
	dir := t.dir
	t.dir = nil
	err := dir.Commit()
	if err == nil && !t.o.NoSync {
		err = durable.SyncDirs(t.beside, ".")
	}
	return err
}

// clearWay refuses names at which the existing directory has a directory, or
// below which it has no directory.
func (t *target) clearWay(names []string) error {
	asked := map[string]bool{".": true}
	for _, n := range names {
		if info, err := t.old.Lstat(n); err == nil && info.IsDir() {
			return &InTheWayError{filepath.Join(t.name, filepath.FromSlash(n)), info.Mode().Type()}
		}
		for d := path.Dir(n); !asked[d]; d = path.Dir(d) {
			asked[d] = true
			if info, err := t.old.Lstat(d); err == nil && !info.IsDir() {
				return &InTheWayError{filepath.Join(t.name, filepath.FromSlash(d)), info.Mode().Type()}
			}
		}
	}
	return nil
}

// An InTheWayError is a file or directory that is not replaced, since it stands
// where the other is wanted.
type InTheWayError struct {
	Name string
	Type fs.FileMode // of what is there: a directory, where a file is wanted, or the other way round
}

func (e *InTheWayError) Error() string {
	if e.Type.IsDir() {
		return fmt.Sprintf("%s: a directory stands in the place of this file", layout.Printable(e.Name))
	}
	return fmt.Sprintf("%s: want a directory, found %s", layout.Printable(e.Name), typeWord(e.Type))
}

// errCarry says that a directory cannot be made anew as it is.
var errCarry = errors.New("the directory holds what cannot be linked")

// A carrier links what else the existing directory holds into the new one.
type carrier struct {
	*target
	written map[string]bool
	n       int
	dirs    []string
}

func (c *carrier) directory(ctx context.Context, dir string) error {
	f, err := c.old.Open(dir)
	if err != nil {
		return err
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return err
	}
	if info.Mode()&0o200 == 0 {
		return errCarry // nothing is changed in it, nor could it be removed
	}
	c.dirs = append(c.dirs, dir)
	for {
		entries, err := f.ReadDir(256)
		for _, e := range entries {
			if err := c.entry(ctx, path.Join(dir, e.Name()), e); err != nil {
				return err
			}
		}
		if err != nil {
			return c.attributes(dir, info)
		}
	}
}

func (c *carrier) entry(ctx context.Context, name string, e fs.DirEntry) error {
	c.n++
	switch {
	case ctx.Err() != nil:
		return context.Cause(ctx)
	case c.n > maxCarried:
		return errCarry
	case name == Staging, name == durable.LockName, c.written[name]:
		return nil
	case e.IsDir():
		if err := c.root.Mkdir(name, 0o700); err != nil && !errors.Is(err, fs.ErrExist) {
			return err
		}
		return c.directory(ctx, name)
	}
	return c.beside.Link(filepath.Join(c.base(), name), filepath.Join(filepath.Base(c.dir.Path()), name))
}

// attributes gives the new directory those of the old one.
func (c *carrier) attributes(dir string, info fs.FileInfo) error {
	mine, err := c.root.Lstat(dir)
	if err != nil {
		return err
	}
	if uid, gid, differs := owner(mine, info); differs {
		if err := c.root.Lchown(dir, uid, gid); err != nil {
			return err
		}
	}
	return c.root.Chmod(dir, info.Mode()&(fs.ModePerm|fs.ModeSetuid|fs.ModeSetgid|fs.ModeSticky))
}

// unlock closes the existing directory.
func (t *target) unlock() {
	if t.old != nil {
		t.old.Close()
		t.old = nil
	}
	if t.lock != nil {
		t.lock()
		t.lock = nil
	}
}

func (t *target) close() error {
	if t.old != nil {
		if _, unfinished := t.old.Lstat(path.Join(Staging, oldFiles)); unfinished != nil || t.putBack() == nil {
			t.old.RemoveAll(Staging)
		}
	}
	t.unlock()
	return t.closeNew()
}
