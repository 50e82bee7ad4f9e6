package artifact

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"strings"
	"testing"

	"github.com/ociferry/ferry/layout/durable"
)

// oldDirectory makes a directory of files that are replaced, and of some that stay.
func oldDirectory(t *testing.T) string {
	t.Helper()
	dir := filepath.Join(t.TempDir(), "out")
	for name, content := range map[string]string{"a": "old", "sub/b": "old", "mine": "mine", "sub/mine": "mine", "other/deep/mine": "mine"} {
		name = filepath.Join(dir, name)
		if err := errors.Join(os.MkdirAll(filepath.Dir(name), 0o755), os.WriteFile(name, []byte(content), 0o600)); err != nil {
			t.Fatal(err)
		}
	}
	if err := errors.Join(os.Symlink("nowhere", filepath.Join(dir, "link")), os.Chmod(filepath.Join(dir, "sub"), 0o750)); err != nil {
		t.Fatal(err)
	}
	return dir
}

var newNames = []string{"a", "sub/b", "new/c"}

// fill opens a target and writes the new files.
func fill(t *testing.T, dir string) *target {
	t.Helper()
	x, err := openTarget(dir, durable.Options{Overwrite: true})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { x.close() })
	for _, n := range newNames {
		n = path.Join(x.into, n)
		if err := errors.Join(x.root.MkdirAll(path.Dir(n), 0o755), x.root.WriteFile(n, []byte("new"), 0o644)); err != nil {
			t.Fatal(err)
		}
	}
	return x
}

// holds compares the directory with what it must hold: the new files or the old
// ones, and all that is the user's.
func holds(t *testing.T, dir, want string) {
	t.Helper()
	got := map[string]string{}
	err := filepath.WalkDir(dir, func(name string, e fs.DirEntry, err error) error {
		if rel, _ := filepath.Rel(dir, name); err == nil && !e.IsDir() && e.Type()&fs.ModeSymlink == 0 {
			data, _ := os.ReadFile(name)
			got[filepath.ToSlash(rel)] = string(data)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	all := map[string]string{"a": want, "sub/b": want, "mine": "mine", "sub/mine": "mine", "other/deep/mine": "mine"}
	if want == "new" {
		all["new/c"] = "new"
	}
	for name, content := range all {
		if got[name] != content {
			t.Errorf("%s: want %q, found %q", name, content, got[name])
		}
		delete(got, name)
	}
	if len(got) > 0 {
		t.Errorf("what is not wanted: %v", got)
	}
	if to, err := os.Readlink(filepath.Join(dir, "link")); err != nil || to != "nowhere" {
		t.Errorf("the link leads to %q, %v", to, err)
	}
	if info, err := os.Stat(filepath.Join(dir, "sub")); err != nil || info.Mode().Perm() != 0o750 {
		t.Errorf("sub is %v, %v", info.Mode(), err)
	}
	if left, _ := filepath.Glob(filepath.Join(filepath.Dir(dir), ".*")); len(left) > 0 {
		t.Errorf("left beside it: %q", left)
	}
}

// Until the last step nothing of an existing directory is touched, and after it
// all is there: the new files, and what was there beside the old ones.
func TestTargetExchange(t *testing.T) {
	dir := oldDirectory(t)
	before, _ := os.Stat(dir)
	x := fill(t, dir)
	if x.dir == nil {
		t.Fatal("no new directory is made beside the old one")
	}
	if err := x.close(); err != nil {
		t.Fatal(err)
	}
	holds(t, dir, "old")
	x = fill(t, dir)
	if err := os.WriteFile(filepath.Join(dir, "late"), nil, 0o644); err != nil {
		t.Fatal(err)
	}
	if err := x.commit(context.Background(), newNames); err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(x.close(), os.Remove(filepath.Join(dir, "late"))); err != nil {
		t.Fatal(err)
	}
	holds(t, dir, "new")
	if after, err := os.Stat(dir); err != nil || os.SameFile(before, after) {
		t.Errorf("it is the old directory, %v", err)
	}
}

// What cannot be linked is left where it is, and the files are replaced one
// after another.
func TestTargetTooMuchToCarry(t *testing.T) {
	dir := oldDirectory(t)
	before, _ := os.Stat(dir)
	x := fill(t, dir)
	if err := os.Chmod(filepath.Join(dir, "other"), 0o555); err != nil {
		t.Fatal(err)
	}
	defer os.Chmod(filepath.Join(dir, "other"), 0o755)
	if err := errors.Join(x.commit(context.Background(), newNames), x.close()); err != nil {
		t.Fatal(err)
	}
	holds(t, dir, "new")
	if after, err := os.Stat(dir); err != nil || !os.SameFile(before, after) {
		t.Errorf("it is another directory, %v", err)
	}
}

// In the working directory files are replaced one after another: all, or none.
func TestTargetInPlace(t *testing.T) {
	for _, broken := range []string{"", "a", "sub/b", "new/c"} {
		dir := oldDirectory(t)
		t.Chdir(dir)
		x := fill(t, ".")
		if x.dir != nil {
			t.Fatal("the working directory would be another")
		}
		want := "new"
		if broken != "" {
			want = "old"
			if err := x.root.Remove(path.Join(x.into, broken)); err != nil {
				t.Fatal(err)
			}
		}
		err := x.commit(context.Background(), newNames)
		if (err == nil) != (broken == "") || err != nil && !strings.Contains(err.Error(), filepath.FromSlash(broken)) {
			t.Errorf("%s is missing: %v", broken, err)
		}
		if err := x.close(); err != nil {
			t.Fatal(err)
		}
		holds(t, dir, want)
	}
}

// A run that is killed between two files leaves what the next one puts back.
func TestTargetKilled(t *testing.T) {
	for n := range len(newNames) + 1 {
		dir := oldDirectory(t)
		t.Chdir(dir)
		x := fill(t, ".")
		if err := x.root.Mkdir(oldFiles, 0o755); err != nil {
			t.Fatal(err)
		}
		for i, name := range newNames[:n] {
			if err := x.replaceOne(i, name, map[string]bool{".": true}); err != nil {
				t.Fatal(err)
			}
		}
		x.unlock()
		x, err := openTarget(".", durable.Options{Overwrite: true})
		if err != nil {
			t.Fatal(err)
		}
		if err := x.close(); err != nil {
			t.Fatal(err)
		}
		holds(t, dir, "old")
	}
}

// A directory that another process writes is refused, and nothing of it touched.
func TestTargetBusy(t *testing.T) {
	dir := oldDirectory(t)
	unlock, err := durable.Lock(dir)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := openTarget(dir, durable.Options{Overwrite: true}); !errors.Is(err, durable.ErrBusy) {
		t.Errorf("want ErrBusy, found %v", err)
	}
	unlock()
	holds(t, dir, "old")
}
