package durable

import (
	"errors"
	"fmt"
	"io/fs"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
)

// ErrNotOurs is wrapped by the error for a directory that has the name of one
// for unfinished work, and that somebody else may have put there.
var ErrNotOurs = errors.New("belongs to another user, or others may write into it; it is not used")

// A Private is a directory for unfinished work, open and locked. It belongs to
// the user, nobody else may write into it, and it is no link. What is done in it
// goes through Root, so that nobody can put another in its place.
type Private struct {
	Root *os.Root
	path string
	lock *os.File
}

// OpenPrivate opens a directory for unfinished work, and locks it; where there
// is none it makes one. The error wraps ErrBusy when another run has it open,
// and ErrNotOurs when it is not to be trusted.
func OpenPrivate(path string) (*Private, error) {
	for range 16 {
		if err := os.Mkdir(path, 0o755); err != nil && !errors.Is(err, fs.ErrExist) {
			return nil, err
		}
		p, err := openPrivate(path)
		if !errors.Is(err, fs.ErrNotExist) { // another run has just ended
			return p, err
		}
	}
	return nil, fmt.Errorf("%s: %w", path, ErrBusy)
}

// MakePrivate makes a directory for unfinished work with a name that nobody can
// foresee, and which only the user can look into. What runs that were killed
// left in parent under the same prefix is removed first. An empty parent is the
// system's directory for temporary files.
func MakePrivate(parent, prefix string) (*Private, error) {
	if parent == "" {
		parent = os.TempDir()
	}
	entries, _ := os.ReadDir(parent) // one that cannot be listed is not cleared
	for _, e := range entries {
		if !e.IsDir() || !strings.HasPrefix(e.Name(), prefix) {
			continue
		}
		if p, err := openPrivate(filepath.Join(parent, e.Name())); err == nil {
			p.Remove()
		}
	}
	path, err := os.MkdirTemp(parent, prefix)
	if err != nil {
		return nil, err
	}
	return openPrivate(path)
}

func openPrivate(path string) (*Private, error) {
	path = filepath.Clean(path)
	info, err := os.Lstat(path)
	if err != nil {
		return nil, err
	}
	if !info.IsDir() {
		return nil, fmt.Errorf("%s: in the way, and not a directory; remove it", path)
	}
	root, err := os.OpenRoot(path)
	if err != nil {
		return nil, err
	}
	p := &Private{Root: root, path: path}
	if err = p.named(path); err == nil {
		err = p.ours()
	}
	if err == nil {
		p.lock, err = openLock(root)
	}
	if err == nil {
		if err = lock(p.lock); err != nil {
			err = fmt.Errorf("%s: %w", path, err)
		}
	}
	if err == nil {
		err = p.named(path) // who had the lock before may have removed or renamed it
	}
	if err != nil {
		p.Close()
		return nil, err
	}
	return p, nil
}

// named reports whether a path leads to the directory itself. The error is
// fs.ErrNotExist when it does not.
func (p *Private) named(path string) error {
	mine, err := p.Root.Stat(".")
	if err != nil {
		return err
	}
	now, err := os.Lstat(path)
	if err == nil && !os.SameFile(mine, now) {
		err = &fs.PathError{Op: "open", Path: path, Err: fs.ErrNotExist}
	}
	return err
}

// ours compares the directory with a file that is made in it, where the system
// does not call the user its owner: there are file systems without owners, or
// modes, and all that is made in them looks the same.
func (p *Private) ours() error {
	dir, err := p.Root.Stat(".")
	if err != nil || belongsToUser(dir) && dir.Mode()&0o022 == 0 {
		return err
	}
	name := fmt.Sprintf(".ferry-probe-%016x", rand.Uint64())
	f, err := p.Root.OpenFile(name, os.O_RDWR|os.O_CREATE|os.O_EXCL, 0o600)
	if errors.Is(err, fs.ErrPermission) {
		return fmt.Errorf("%s: %w", p.path, ErrNotOurs)
	}
	if err != nil {
		return err
	}
	file, err := f.Stat()
	f.Close()
	if e := p.Root.Remove(name); err == nil {
		err = e
	}
	if err == nil && (!sameOwner(dir, file) || dir.Mode()&0o022 != 0 && file.Mode()&0o022 == 0) {
		err = fmt.Errorf("%s: %w", p.path, ErrNotOurs)
	}
	return err
}

// Path is the name of the directory, for people.
func (p *Private) Path() string { return p.path }

// Clear removes what is in the directory.
func (p *Private) Clear() error {
	entries, err := fs.ReadDir(p.Root.FS(), ".")
	if err != nil {
		return err
	}
	for _, e := range entries {
		if e.Name() != LockName {
			if err := p.Root.RemoveAll(e.Name()); err != nil {
				return err
			}
		}
	}
	return nil
}

// Close ends the work. What is in the directory stays for the next run.
func (p *Private) Close() error {
	err := p.Root.Close() // twice is harmless
	if p.lock != nil {
		if e := p.lock.Close(); err == nil && !errors.Is(e, fs.ErrClosed) {
			err = e
		}
	}
	return err
}

// Remove ends the work, and removes the directory with all that is in it, unless
// it has another name by now.
func (p *Private) Remove() error {
	err := p.named(p.path)
	if err == nil {
		if err = p.Clear(); err == nil {
			err = removeLocked(p)
		}
	}
	if e := p.Close(); err == nil {
		err = e
	}
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	return err
}
