package output

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	v1 "github.com/opencontainers/image-spec/specs-go/v1"

	"github.com/ociferry/ferry/cmd/ferry/internal/ui"
	"github.com/ociferry/ferry/layout"
	"github.com/ociferry/ferry/layout/compression"
	"github.com/ociferry/ferry/layout/durable"
)

// Existing says what can be done about a layout that is there already, or that
// what is there is none.
func Existing(out string, err error) error {
	if !errors.Is(err, fs.ErrExist) {
		return err
	}
	if e := InTheWay(out, true); e != nil && compression.ByName(out) == nil {
		return e
	}
	return ui.Hinted(err, "choose another name, replace it with --overwrite, or add to a layout directory with --append")
}

// WriteSmall writes a small file. What is private has its mode before it has
// its content.
func WriteSmall(name string, data []byte, mode fs.FileMode, o durable.Options) error {
	f, err := durable.Create(name, o)
	if err != nil {
		return err
	}
	defer f.Close()
	if mode == 0o600 {
		if err := f.Chmod(mode); err != nil {
			return ui.Wrap(name, err)
		}
	}
	if _, err := f.Write(data); err != nil {
		return ui.Wrap(name, err)
	}
	return ui.Wrap(name, f.Commit())
}

// CreateFile makes an output file that is there whole, when fill has written
// it, or not at all.
func CreateFile(name string, o durable.Options, fill func(*durable.File) error) error {
	f, err := durable.Create(name, o)
	if err != nil {
		return err
	}
	defer f.Close()
	if err := fill(f); err != nil {
		return err
	}
	return ui.Wrap(name, f.Commit())
}

// InTheWay is the error for what stands where a directory is to be written and
// is never replaced, or nil: what is no directory, or no layout where one is to
// be.
func InTheWay(name string, layoutDir bool) error {
	info, err := os.Lstat(name)
	what, hint := "", "choose another name"
	switch {
	case err != nil:
		return nil
	case info.Mode()&fs.ModeSymlink != 0:
		what, hint = "a symbolic link", "name what it points to"
	case !info.IsDir():
		what = "a file, where a directory is wanted"
	case layoutDir:
		if _, err := os.Lstat(filepath.Join(name, v1.ImageLayoutFile)); err == nil {
			return nil
		}
		what = "a directory that is no layout"
	default:
		return nil
	}
	return ui.Hinted(fmt.Errorf("%s is %s; it is not replaced", layout.Printable(name), what), hint)
}

// slashed refuses a file where the name, by the slash at its end, asks for a
// directory.
func slashed(name string) error {
	info, err := os.Lstat(filepath.Clean(name))
	if err != nil || info.IsDir() || !os.IsPathSeparator(name[len(name)-1]) {
		return nil
	}
	return ui.Hinted(fmt.Errorf("-o %s: want a directory, by the slash at the end, found a file", layout.Printable(name)), "leave the slash out, or choose another name")
}

// NothingToAppendTo gives the error about a layout that is not there to be added to
// its next step.
func NothingToAppendTo(name string, err error) error {
	if _, e := os.Lstat(name); errors.Is(e, fs.ErrNotExist) {
		return ui.Hinted(err, "leave --append out to make a new layout: it adds to one that is there")
	}
	return err
}
