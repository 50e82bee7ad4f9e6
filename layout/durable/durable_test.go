package durable_test

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/ociferry/ferry/layout/durable"
)

// names are the entries of a directory.
// isPartial reports whether a base name is that of an unfinished output.
func isPartial(base string) bool {
	return strings.HasPrefix(base, ".") && strings.HasSuffix(base, ".ferry-partial")
}

func names(t *testing.T, dir string) []string {
	t.Helper()
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	var list []string
	for _, e := range entries {
		list = append(list, e.Name())
	}
	return list
}

func wantNames(t *testing.T, dir string, want ...string) {
	t.Helper()
	if got := names(t, dir); !slices.Equal(got, want) {
		t.Errorf("the directory holds %q, want %q", got, want)
	}
}

func wantFile(t *testing.T, name, want string) {
	t.Helper()
	if got, err := os.ReadFile(name); err != nil || string(got) != want {
		t.Errorf("%s holds %q (%v), want %q", filepath.Base(name), got, err, want)
	}
}

func write(t *testing.T, name, text string) {
	t.Helper()
	if err := os.WriteFile(name, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
}

func create(t *testing.T, name, text string, o durable.Options) *durable.File {
	t.Helper()
	f, err := durable.Create(name, o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { f.Close() })
	if _, err := io.WriteString(f, text); err != nil {
		t.Fatal(err)
	}
	return f
}

func mkdir(t *testing.T, name, text string, o durable.Options) *durable.Dir {
	t.Helper()
	d, err := durable.Mkdir(name, o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { d.Close() })
	write(t, filepath.Join(d.Path(), "file"), text)
	if err := os.MkdirAll(filepath.Join(d.Path(), "a/b"), 0o755); err != nil {
		t.Fatal(err)
	}
	return d
}

func TestFile(t *testing.T) {
	for _, o := range []durable.Options{{}, {NoSync: true}} {
		dir := t.TempDir()
		name := filepath.Join(dir, "out")
		f := create(t, name, "new", o)
		if left := names(t, dir); len(left) != 1 || !isPartial(left[0]) {
			t.Errorf("before Commit there is %q", left)
		}
		if err := f.Commit(); err != nil {
			t.Fatal(err)
		}
		wantNames(t, dir, "out")
		wantFile(t, name, "new")
		if err := f.Close(); err != nil {
			t.Errorf("Close after Commit: %v", err)
		}
		if err := f.Commit(); !errors.Is(err, fs.ErrClosed) {
			t.Errorf("Commit twice: %v", err)
		}
		wantNames(t, dir, "out")
	}
}

func TestFileNotCommitted(t *testing.T) {
	dir := t.TempDir()
	name := filepath.Join(dir, "out")
	f := create(t, name, "half", durable.Options{})
	for range 2 {
		if err := f.Close(); err != nil {
			t.Error(err)
		}
	}
	wantNames(t, dir)
	if err := f.Commit(); err == nil {
		t.Error("Commit after Close: no error")
	}
	wantNames(t, dir)
}

func TestFileExists(t *testing.T) {
	dir := t.TempDir()
	name := filepath.Join(dir, "out")
	write(t, name, "old")
	if _, err := durable.Create(name, durable.Options{}); !errors.Is(err, fs.ErrExist) {
		t.Errorf("over an old one: %v", err)
	}
	wantNames(t, dir, "out")

	f := create(t, name, "half", durable.Options{Overwrite: true})
	wantFile(t, name, "old")
	f.Close()
	wantFile(t, name, "old")
	wantNames(t, dir, "out")

	if err := create(t, name, "new", durable.Options{Overwrite: true}).Commit(); err != nil {
		t.Fatal(err)
	}
	wantFile(t, name, "new")

	// What is no regular file is never replaced.
	for what, make := range map[string]func(string) error{
		"directory": func(n string) error { return os.Mkdir(n, 0o755) },
		"link":      func(n string) error { return os.Symlink("out", n) },
	} {
		other := filepath.Join(dir, what)
		if err := make(other); err != nil {
			t.Fatal(err)
		}
		if _, err := durable.Create(other, durable.Options{Overwrite: true}); err == nil {
			t.Errorf("over a %s: no error", what)
		}
	}
	wantFile(t, name, "new")
}

// Another process may make the output while it is being written.
func TestFileAppearsMeanwhile(t *testing.T) {
	dir := t.TempDir()
	name := filepath.Join(dir, "out")
	f := create(t, name, "mine", durable.Options{})
	write(t, name, "theirs")
	if err := f.Commit(); !errors.Is(err, fs.ErrExist) {
		t.Errorf("Commit over what appeared: %v", err)
	}
	wantFile(t, name, "theirs")
	wantNames(t, dir, "out")
}

// A link under the temporary name leads nobody anywhere.
func TestPlantedLink(t *testing.T) {
	dir := t.TempDir()
	victim := filepath.Join(dir, "victim")
	write(t, victim, "untouched")
	if err := os.Symlink("victim", filepath.Join(dir, ".out.ferry-partial")); err != nil {
		t.Fatal(err)
	}
	if _, err := durable.Create(filepath.Join(dir, "out"), durable.Options{}); err == nil {
		t.Error("through a link: no error")
	}
	if _, err := durable.Mkdir(filepath.Join(dir, "out"), durable.Options{}); err == nil {
		t.Error("a directory through a link: no error")
	}
	wantFile(t, victim, "untouched")
	wantNames(t, dir, ".out.ferry-partial", "victim")
}

func TestNowhere(t *testing.T) {
	name := filepath.Join(t.TempDir(), "no", "out")
	if _, err := durable.Create(name, durable.Options{}); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("Create: %v", err)
	}
	if _, err := durable.Mkdir(name, durable.Options{}); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("Mkdir: %v", err)
	}
	if _, err := durable.Lock(name); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("Lock: %v", err)
	}
	if err := durable.SyncTree(name); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("SyncTree: %v", err)
	}
}

func TestDir(t *testing.T) {
	for _, o := range []durable.Options{{}, {NoSync: true}, {Overwrite: true}} {
		dir := t.TempDir()
		name := filepath.Join(dir, "out")
		d := mkdir(t, name, "new", o)
		if left := names(t, dir); len(left) != 1 || !isPartial(left[0]) {
			t.Errorf("before Commit there is %q", left)
		}
		if err := d.Commit(); err != nil {
			t.Fatal(err)
		}
		wantNames(t, dir, "out")
		wantNames(t, name, "a", "file")
		wantFile(t, filepath.Join(name, "file"), "new")
		if err := d.Close(); err != nil {
			t.Errorf("Close after Commit: %v", err)
		}
		if err := d.Commit(); !errors.Is(err, fs.ErrClosed) {
			t.Errorf("Commit twice: %v", err)
		}
	}
}

func TestDirNotCommitted(t *testing.T) {
	dir := t.TempDir()
	d := mkdir(t, filepath.Join(dir, "out"), "half", durable.Options{})
	for range 2 {
		if err := d.Close(); err != nil {
			t.Error(err)
		}
	}
	wantNames(t, dir)
}

func TestDirExists(t *testing.T) {
	dir := t.TempDir()
	name := filepath.Join(dir, "out")
	if err := os.Mkdir(name, 0o755); err != nil {
		t.Fatal(err)
	}
	if err := mkdir(t, name, "first", durable.Options{}).Commit(); err != nil {
		t.Fatalf("over an empty one: %v", err)
	}
	wantFile(t, filepath.Join(name, "file"), "first")
	write(t, filepath.Join(name, "mine"), "")

	if _, err := durable.Mkdir(name, durable.Options{}); !errors.Is(err, fs.ErrExist) {
		t.Errorf("over a full one: %v", err)
	}
	d := mkdir(t, name, "half", durable.Options{Overwrite: true})
	d.Close()
	wantFile(t, filepath.Join(name, "file"), "first")
	if err := mkdir(t, name, "second", durable.Options{Overwrite: true}).Commit(); err != nil {
		t.Fatal(err)
	}
	wantFile(t, filepath.Join(name, "file"), "second")
	wantNames(t, name, "a", "file")
	wantNames(t, dir, "out")

	write(t, filepath.Join(dir, "file"), "mine")
	if _, err := durable.Mkdir(filepath.Join(dir, "file"), durable.Options{Overwrite: true}); !errors.Is(err, fs.ErrExist) {
		t.Errorf("over a file: %v", err)
	}
	wantFile(t, filepath.Join(dir, "file"), "mine")
}

func TestDirAppearsMeanwhile(t *testing.T) {
	dir := t.TempDir()
	name := filepath.Join(dir, "out")
	d := mkdir(t, name, "mine", durable.Options{})
	if err := os.Mkdir(name, 0o755); err != nil {
		t.Fatal(err)
	}
	write(t, filepath.Join(name, "theirs"), "")
	if err := d.Commit(); !errors.Is(err, fs.ErrExist) {
		t.Errorf("Commit over what appeared: %v", err)
	}
	wantNames(t, name, "theirs")
	wantNames(t, dir, "out")
}

func TestSyncTree(t *testing.T) {
	for _, files := range []int{0, 3, 40} { // many are synced with the file system
		dir := t.TempDir()
		for i := range files {
			write(t, filepath.Join(dir, fmt.Sprint(i)), "x")
		}
		if err := durable.SyncTree(dir); err != nil {
			t.Errorf("%d files: %v", files, err)
		}
	}
}

const role = "DURABLE_TEST_ROLE"

// TestOther is the other process of the tests below, and else does nothing: it
// begins an output, says so and waits for its death.
func TestOther(t *testing.T) {
	what, name, _ := strings.Cut(os.Getenv(role), " ")
	switch what {
	case "":
		return
	case "file":
		create(t, name, "from a run that was killed", durable.Options{Overwrite: true})
	case "dir":
		mkdir(t, name, "from a run that was killed", durable.Options{Overwrite: true})
	case "lock":
		if _, err := durable.Lock(name); err != nil {
			t.Fatal(err)
		}
	}
	fmt.Println("ready")
	time.Sleep(time.Hour)
}

// other starts that process and returns what kills it.
func other(t *testing.T, what, name string) (kill func()) {
	t.Helper()
	cmd := exec.Command(os.Args[0], "-test.run=^TestOther$")
	cmd.Env = append(os.Environ(), role+"="+what+" "+name)
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	kill = func() {
		cmd.Process.Kill()
		cmd.Wait()
	}
	t.Cleanup(kill)
	if line, err := bufio.NewReader(out).ReadString('\n'); line != "ready\n" {
		t.Fatalf("the other process says %q, %v", line, err)
	}
	return kill
}

// Of two writers of one output the second is told, and the first goes on. When
// it is killed, the output is as it was, and the next run clears what it left.
func TestBusyAndKilled(t *testing.T) {
	for what, try := range map[string]func(t *testing.T, name string) error{
		"file": func(t *testing.T, name string) error {
			f, err := durable.Create(name, durable.Options{Overwrite: true})
			if err != nil {
				return err
			}
			defer f.Close()
			if _, err := io.WriteString(f, "new"); err != nil {
				return err
			}
			return f.Commit()
		},
		"dir": func(t *testing.T, name string) error {
			d, err := durable.Mkdir(name, durable.Options{Overwrite: true})
			if err != nil {
				return err
			}
			defer d.Close()
			if left := names(t, d.Path()); len(left) > 0 {
				return fmt.Errorf("what is taken over holds %q", left)
			}
			write(t, filepath.Join(d.Path(), "new"), "new")
			return d.Commit()
		},
	} {
		t.Run(what, func(t *testing.T) {
			dir := t.TempDir()
			name := filepath.Join(dir, "out")
			read := func() string {
				if what == "file" {
					data, _ := os.ReadFile(name)
					return string(data)
				}
				return strings.Join(names(t, name), " ")
			}
			if err := try(t, name); err != nil {
				t.Fatal(err)
			}
			kill := other(t, what, name)
			if err := try(t, name); !errors.Is(err, durable.ErrBusy) {
				t.Errorf("beside another process: %v", err)
			}
			if left := names(t, dir); len(left) != 2 || !isPartial(left[0]) {
				t.Errorf("beside another process there is %q", left)
			}
			kill()
			if got := read(); got != "new" {
				t.Errorf("when the other was killed the output is %q", got)
			}
			if left := names(t, dir); len(left) != 2 {
				t.Errorf("when the other was killed there is %q", left)
			}
			if err := try(t, name); err != nil {
				t.Errorf("the next run: %v", err)
			}
			if got := read(); got != "new" {
				t.Errorf("after the next run the output is %q", got)
			}
			wantNames(t, dir, "out")
		})
	}
}

func TestLock(t *testing.T) {
	dir := t.TempDir()
	kill := other(t, "lock", dir)
	if _, err := durable.Lock(dir); !errors.Is(err, durable.ErrBusy) {
		t.Errorf("beside another process: %v", err)
	}
	kill()
	for range 2 {
		unlock, err := durable.Lock(dir)
		if err != nil {
			t.Fatal(err)
		}
		unlock()
	}
	wantNames(t, dir)
}

// A file that the system is asked to write early holds what one does that it is
// not asked for, whatever the sizes of the writes and what is patched into it.
func TestEager(t *testing.T) {
	data := make([]byte, 70<<20) // more than what the medium is asked to keep at once
	for i := range data {
		data[i] = byte(i >> 8)
	}
	for _, o := range []durable.Options{{}, {NoSync: true}} {
		name := filepath.Join(t.TempDir(), "out")
		f, err := durable.Create(name, o)
		if err != nil {
			t.Fatal(err)
		}
		for rest := data; len(rest) > 0; {
			n, err := f.Write(rest[:min(len(rest), 1<<20+7)])
			if err != nil {
				t.Fatal(err)
			}
			rest = rest[n:]
		}
		if _, err := f.WriteAt([]byte("front"), 3); err != nil {
			t.Fatal(err)
		}
		if err := f.Commit(); err != nil {
			t.Fatal(err)
		}
		got, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		want := bytes.Clone(data)
		copy(want[3:], "front")
		if !bytes.Equal(got, want) {
			t.Errorf("%+v: the content differs", o)
		}
	}
}

// What cannot be removed of the old directory is told of, and the new one is
// there all the same; a parent that cannot be synced is found out before.
func TestCommitSaysWhatIsLeft(t *testing.T) {
	check := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	asAnybody(t)
	temp, err := os.MkdirTemp("", "durable-")
	check(err)
	t.Cleanup(func() { os.RemoveAll(temp) })
	out := filepath.Join(temp, "out")
	kept := filepath.Join(out, "kept")
	check(os.MkdirAll(kept, 0o755))
	check(os.WriteFile(filepath.Join(kept, "x"), nil, 0o644))
	check(os.Chmod(kept, 0o555))
	d, err := durable.Mkdir(out, durable.Options{Overwrite: true})
	check(err)
	check(os.WriteFile(filepath.Join(d.Path(), "new"), nil, 0o644))
	err = d.Commit()
	left := d.Path()
	t.Cleanup(func() { os.Chmod(filepath.Join(left, "kept"), 0o755) })
	if err == nil || !strings.Contains(err.Error(), "written") || !strings.Contains(err.Error(), left) {
		t.Errorf("want an error that names %s, found %v", left, err)
	}
	if _, err := os.Stat(filepath.Join(out, "new")); err != nil {
		t.Error(err)
	}

	drop := filepath.Join(temp, "drop")
	check(os.Mkdir(drop, 0o300))
	f, err := durable.Create(filepath.Join(drop, "x"), durable.Options{})
	check(err)
	if err := f.Commit(); err == nil {
		t.Error("a directory that cannot be read was synced")
	}
	check(os.Chmod(drop, 0o755))
	if names, _ := os.ReadDir(drop); len(names) > 0 {
		t.Errorf("left behind: %v", names)
	}
}
