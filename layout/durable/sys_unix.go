//go:build unix

package durable

import (
	"errors"
	"io/fs"
	"os"
	"syscall"

	"golang.org/x/sys/unix"
)

const (
	noFollow = syscall.O_NOFOLLOW
	LockName = "" // the directory itself is locked
)

func lock(f *os.File) error {
	for {
		err := unix.Flock(int(f.Fd()), unix.LOCK_EX|unix.LOCK_NB)
		switch {
		case errors.Is(err, unix.EINTR):
			continue
		case errors.Is(err, unix.EWOULDBLOCK):
			return ErrBusy
		case errors.Is(err, unix.ENOTSUP), errors.Is(err, unix.ENOSYS), errors.Is(err, unix.ENOLCK):
			return nil // a file system without locks: one writer at a time is then the user's care
		}
		return err
	}
}

func openDirLock(dir string) (*os.File, error) {
	return os.OpenFile(dir, os.O_RDONLY|syscall.O_NOFOLLOW|syscall.O_DIRECTORY, 0)
}

func openLock(root *os.Root) (*os.File, error) { return root.Open(".") }

// removeLocked removes an empty private directory.
func removeLocked(p *Private) error { return os.Remove(p.path) }

func sameOwner(a, b fs.FileInfo) bool {
	return a.Sys().(*syscall.Stat_t).Uid == b.Sys().(*syscall.Stat_t).Uid
}

// rename gives the file its name while it is locked, and closes it before: an
// error of closing must not come after the name is there.
func rename(f *os.File, from, to string) error {
	// The lock goes with the descriptor, so a second one keeps it.
	keep, err := syscall.Dup(int(f.Fd()))
	if err != nil {
		return err
	}
	defer syscall.Close(keep)
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

// syncOpenDir makes the names in an open directory durable.
func syncOpenDir(f *os.File) error {
	err := f.Sync()
	if errors.Is(err, fs.ErrInvalid) || errors.Is(err, syscall.EINVAL) || errors.Is(err, syscall.ENOTSUP) {
		return nil // a file system that does not sync directories
	}
	return err
}

func syncDir(dir string) error {
	f, err := os.Open(dir)
	if err != nil {
		return err
	}
	err = syncOpenDir(f)
	if e := f.Close(); err == nil {
		err = e
	}
	return err
}

// renameDir gives the directory its name. old is where what had it before is
// now, or "".
func renameDir(d *Dir) (old string, err error) {
	// Unlike os.Rename, the system call replaces an empty directory.
	err = syscall.Rename(d.Path(), d.name)
	if err != nil && d.o.Overwrite && (errors.Is(err, syscall.ENOTEMPTY) || errors.Is(err, fs.ErrExist)) {
		old, err = exchange(d.Path(), d.name)
	}
	return old, replacing(d.name, err)
}

// belongsToUser reports whether a file is one of the user's.
func belongsToUser(info fs.FileInfo) bool {
	return info.Sys().(*syscall.Stat_t).Uid == uint32(os.Geteuid())
}

// onlyUser reports whether nobody but the user can write into a file: it is not
// another's, not one that others may write, and has no other name.
func onlyUser(info fs.FileInfo) bool {
	return belongsToUser(info) && info.Mode()&0o022 == 0 && info.Sys().(*syscall.Stat_t).Nlink == 1
}
