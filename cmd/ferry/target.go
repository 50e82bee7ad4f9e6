package main

import (
	"fmt"
	"maps"
	"os"
	"path"
	"path/filepath"
	"slices"

	"github.com/ociferry/ferry/cmd/ferry/internal/ui"
	"github.com/ociferry/ferry/layout"
	"github.com/ociferry/ferry/layout/artifact"
	"github.com/ociferry/ferry/layout/durable"
)

// A target is the directory that files are unpacked into: a new one, which
// appears as a whole, or an existing one, in which files of the same names are
// replaced when all of them are ready.
type target struct {
	name string
	root *os.Root // where files are staged
	into string   // below root, where they get their names
	dir  *durable.Dir
	old  *os.Root // the existing directory, or nil
	o    durable.Options
	lock func()
}

func openTarget(name string, o durable.Options) (*target, error) {
	t := &target{name: name, o: o, into: "files"}
	info, err := os.Lstat(name)
	if err == nil && info.IsDir() && o.Overwrite {
		return t, t.openOld()
	}
	if t.dir, err = durable.Mkdir(name, durable.Options{NoSync: o.NoSync}); err != nil {
		return nil, err
	}
	t.into = "."
	t.root, err = os.OpenRoot(t.dir.Path())
	if err != nil {
		t.close()
	}
	return t, err
}

func (t *target) openOld() (err error) {
	if t.lock, err = durable.Lock(t.name); err != nil {
		return err
	}
	if t.old, err = os.OpenRoot(t.name); err == nil {
		if err = t.old.RemoveAll(artifact.Staging); err == nil {
			if err = t.old.Mkdir(artifact.Staging, 0o755); err == nil {
				t.root, err = t.old.OpenRoot(artifact.Staging)
			}
		}
	}
	if err != nil {
		t.close()
	}
	return err
}

// commit makes the files durable and shows them.
func (t *target) commit(names []string) error {
	if t.dir != nil {
		t.root.Close()
		return t.dir.Commit()
	}
	if !t.o.NoSync {
		if err := durable.SyncTree(filepath.Join(t.name, artifact.Staging)); err != nil {
			return err
		}
	}
	dirs := map[string]bool{".": true}
	for _, n := range names {
		if n == "" {
			continue
		}
		if info, err := t.old.Lstat(n); err == nil && info.IsDir() {
			return ui.Hinted(fmt.Errorf("%s: a directory stands in the place of this file", layout.Printable(filepath.Join(t.name, n))), "move it away, or unpack into another directory")
		}
		if err := t.old.MkdirAll(path.Dir(n), 0o755); err != nil {
			return err
		}
		for d := path.Dir(n); !dirs[d]; d = path.Dir(d) {
			dirs[d] = true
		}
	}
	for _, n := range names {
		if n == "" {
			continue
		}
		if err := t.old.Rename(path.Join(artifact.Staging, t.into, n), n); err != nil {
			return err
		}
	}
	if t.o.NoSync {
		return nil
	}
	return durable.SyncDirs(t.old, slices.Collect(maps.Keys(dirs))...)
}

func (t *target) close() {
	if t.root != nil {
		t.root.Close()
	}
	if t.dir != nil {
		t.dir.Close()
	}
	if t.old != nil {
		t.old.RemoveAll(artifact.Staging)
		t.old.Close()
	}
	if t.lock != nil {
		t.lock()
	}
}
