package durable

import (
	"errors"
	"os"

	"golang.org/x/sys/unix"
)

// syncFS syncs the file system that dir is on. ok is false when that cannot be
// had.
func syncFS(dir string) (ok bool, err error) {
	f, err := os.Open(dir)
	if err != nil {
		return true, err
	}
	defer f.Close()
	if err = unix.Syncfs(int(f.Fd())); errors.Is(err, unix.ENOSYS) {
		return false, nil
	}
	return true, err
}

// keepStep is how much is written, in bytes, before the medium is asked to keep it.
const keepStep = 64 << 20

// startSync asks the system to begin writing a part of a file to the medium. An
// error is of no account: the sync at the end is asked the same, and answers.
func startSync(f *os.File, from, n int64) {
	unix.SyncFileRange(int(f.Fd()), from, n, unix.SYNC_FILE_RANGE_WRITE)
}

// exchange gives the directory at a the name b, in one step where the file system
// can do so. What had the name is at old then.
func exchange(a, b string) (old string, err error) {
	err = unix.Renameat2(unix.AT_FDCWD, a, unix.AT_FDCWD, b, unix.RENAME_EXCHANGE)
	if errors.Is(err, unix.ENOSYS) || errors.Is(err, unix.EINVAL) {
		return swap(a, b)
	}
	return a, err
}
