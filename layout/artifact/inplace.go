package artifact

import (
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"path"
	"path/filepath"
	"slices"
	"strconv"

	"github.com/ociferry/ferry/layout/durable"
)

// Below Staging in a directory whose files are replaced one after another.
const (
	newFiles = "files"
	oldFiles = "replaced" // what was replaced, until all is
)

// moveStage moves what is written from beside the existing directory into it.
func (t *target) moveStage(names []string) error {
	t.root.Close()
	t.root = nil
	if err := t.stage(); err != nil {
		return err
	}
	to := filepath.Join(t.base(), Staging, newFiles)
	dirs := map[string]bool{}
	for _, n := range names {
		if d := path.Dir(n); !dirs[d] {
			dirs[d] = true
			if err := t.beside.MkdirAll(filepath.Join(to, d), 0o755); err != nil {
				return t.error(d, err)
			}
		}
		if err := t.beside.Rename(filepath.Join(filepath.Base(t.dir.Path()), n), filepath.Join(to, n)); err != nil {
			return t.error(n, err)
		}
	}
	return nil
}

// replace gives the files their names, one after another, and puts those of
// before back where that fails.
func (t *target) replace(names []string) error {
	dirs := map[string]bool{".": true}
	err := t.root.Mkdir(oldFiles, 0o755)
	for i := 0; i < len(names) && err == nil; i++ {
		if err = t.replaceOne(i, names[i], dirs); err != nil {
			err = t.error(path.Join(t.into, names[i]), err)
		}
	}
	if err == nil {
		err = t.error(".", t.root.Rename(oldFiles, oldFiles+".done")) // nothing is put back from here on
	}
	if err != nil {
		if again := t.putBack(); again != nil {
			return fmt.Errorf("%w; and the files that it had replaced by then could not be put back: %w; they are in %s", err, again, filepath.Join(t.name, Staging, oldFiles))
		}
		return err
	}
	if t.o.NoSync {
		return nil
	}
	return durable.SyncDirs(t.old, slices.Collect(maps.Keys(dirs))...)
}

func (t *target) replaceOne(i int, name string, dirs map[string]bool) error {
	if err := t.old.MkdirAll(path.Dir(name), 0o755); err != nil {
		return err
	}
	for d := path.Dir(name); !dirs[d]; d = path.Dir(d) {
		dirs[d] = true
	}
	keep, note := path.Join(Staging, oldFiles, strconv.Itoa(i)), "replaced"
	err := t.old.Mkdir(keep, 0o755)
	if err != nil {
		return err
	}
	if _, err := t.old.Lstat(name); errors.Is(err, fs.ErrNotExist) {
		note = "new"
	} else if t.old.Link(name, path.Join(keep, "file")) != nil {
		// A file system without links: for a moment the name is not there.
		note = "moved"
	}
	if err := t.old.WriteFile(path.Join(keep, note), []byte(name), 0o644); err != nil {
		return err
	}
	if note == "moved" {
		if err := t.old.Rename(name, path.Join(keep, "file")); err != nil {
			return err
		}
	}
	return t.old.Rename(path.Join(Staging, newFiles, name), name)
}

// putBack puts back what was replaced, and removes what was new, unless all had
// been replaced.
func (t *target) putBack() error {
	entries, err := fs.ReadDir(t.old.FS(), path.Join(Staging, oldFiles))
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	for _, e := range entries {
		keep := path.Join(Staging, oldFiles, e.Name())
		for _, note := range []string{"replaced", "moved", "new"} {
			data, err := t.old.ReadFile(path.Join(keep, note))
			name := string(data)
			if err != nil || CheckTitle(name) != nil {
				continue
			}
			if _, waits := t.old.Lstat(path.Join(Staging, newFiles, name)); note != "new" {
				err = t.old.Rename(path.Join(keep, "file"), name)
			} else if waits != nil {
				err = t.old.Remove(name)
			}
			if err != nil && !errors.Is(err, fs.ErrNotExist) { // else it has been put back before
				return t.error(path.Join(t.into, name), err)
			}
		}
	}
	return err
}
