package durable

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"

	"golang.org/x/sys/windows"
)

const (
	noFollow = 0
	LockName = ".ferry-lock" // a directory cannot be locked here
)

func lock(f *os.File) error {
	err := windows.LockFileEx(windows.Handle(f.Fd()), windows.LOCKFILE_EXCLUSIVE_LOCK|windows.LOCKFILE_FAIL_IMMEDIATELY, 0, 1, 0, &windows.Overlapped{OffsetHigh: 1 << 30})
	if errors.Is(err, windows.ERROR_LOCK_VIOLATION) || errors.Is(err, windows.ERROR_SHARING_VIOLATION) {
		return ErrBusy
	}
	return err
}

func openDirLock(dir string) (*os.File, error) {
	return os.OpenFile(filepath.Join(dir, LockName), os.O_RDWR|os.O_CREATE, 0o644)
}

func openLock(root *os.Root) (*os.File, error) {
	return root.OpenFile(LockName, os.O_RDWR|os.O_CREATE, 0o644)
}

// removeLocked removes a private directory that is empty except for its lock.
func removeLocked(p *Private) error {
	if err := p.lock.Close(); err != nil {
		return err
	}
	if err := p.Root.Remove(LockName); err != nil {
		return err
	}
	if err := p.Root.Close(); err != nil {
		return err
	}
	return os.Remove(p.path)
}

func rename(f *os.File, from, to string) error {
	if err := f.Close(); err != nil {
		os.Remove(from)
		return err
	}
	if err := os.Rename(from, to); err != nil {
		os.Remove(from)
		return err
	}
	return nil
}

// syncOpenDir does nothing: directories are not synced here.
func syncOpenDir(*os.File) error { return nil }

// syncDir does nothing: directories are not synced here.
func syncDir(string) error { return nil }

// renameDir gives the directory its name. old is where what had it before is
// now, or "".
func renameDir(d *Dir) (old string, err error) {
	if err := d.lock.Close(); err != nil {
		return "", err
	}
	if err := os.Remove(filepath.Join(d.Path(), LockName)); err != nil {
		return "", err
	}
	if _, err := os.Lstat(d.name); err == nil {
		if os.Remove(d.name) != nil { // not empty
			old, err := swap(d.Path(), d.name)
			return old, replacing(d.name, err)
		}
	}
	return "", replacing(d.name, os.Rename(d.Path(), d.name))
}

// Who may write is what the directory lets others do here, and not asked.
func belongsToUser(fs.FileInfo) bool  { return true }
func onlyUser(fs.FileInfo) bool       { return true }
func sameOwner(a, b fs.FileInfo) bool { return true }
