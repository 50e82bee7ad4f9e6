package durable

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
)

// parked is where an output directory waits while another takes its name, where
// the system cannot exchange two names in one step: beside it, under a name that
// is reserved for this.
func parked(name string) string {
	return filepath.Join(filepath.Dir(name), "."+filepath.Base(name)+".ferry-old")
}

// A ParkedError says that an output has lost its name: it could neither be
// replaced nor put back.
type ParkedError struct {
	Name string // of the output
	At   string // where it is now
	Err  error
}

func (e *ParkedError) Error() string {
	return fmt.Sprintf("%s: cannot be replaced: %v; what it was lies at %s now", e.Name, e.Err, e.At)
}

func (e *ParkedError) Unwrap() error { return e.Err }

// swap gives the directory at a the name b, in two steps, where the system has
// no single one. What had the name is at old then. A run that is killed between
// the steps leaves it there, and restore puts it back.
func swap(a, b string) (old string, err error) {
	old = parked(b)
	if err := os.Rename(b, old); err != nil {
		return "", err
	}
	if err := os.Rename(a, b); err != nil {
		if e := os.Rename(old, b); e != nil {
			return "", &ParkedError{b, old, errors.Join(err, e)}
		}
		return "", err
	}
	return old, nil
}

// restore mends what a run left that was killed while it replaced an output: an
// output without its name gets it back, one that was replaced is removed. The
// caller holds the lock of the output.
func restore(name string) error {
	old := parked(name)
	info, err := os.Lstat(old)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	if !info.IsDir() || !belongsToUser(info) {
		return fmt.Errorf("%s: in the way, and not a directory of yours; remove it", old)
	}
	_, err = os.Lstat(name)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return os.Rename(old, name)
	case err != nil:
		return err
	}
	return os.RemoveAll(old)
}

// Parked is where an output directory lies that a run has left without its name,
// or "". The next run that writes the output puts it back.
func Parked(name string) string {
	name = filepath.Clean(name)
	if _, err := os.Lstat(name); !errors.Is(err, fs.ErrNotExist) {
		return ""
	}
	if info, err := os.Lstat(parked(name)); err == nil && info.IsDir() {
		return parked(name)
	}
	return ""
}
