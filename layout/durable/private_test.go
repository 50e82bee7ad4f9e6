package durable_test

import (
	"errors"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"github.com/ociferry/ferry/layout/durable"
)

func TestPrivate(t *testing.T) {
	name := filepath.Join(t.TempDir(), "stage")
	p, err := durable.OpenPrivate(name)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := durable.OpenPrivate(name); !errors.Is(err, durable.ErrBusy) {
		t.Errorf("a second time: want ErrBusy, found %v", err)
	}
	if err := p.Root.WriteFile("left", []byte("x"), 0o644); err != nil {
		t.Fatal(err)
	}
	for range 2 {
		if err := p.Close(); err != nil {
			t.Error(err)
		}
	}
	if p, err = durable.OpenPrivate(name); err != nil {
		t.Fatal(err)
	}
	wantFile(t, filepath.Join(name, "left"), "x")
	if err := p.Remove(); err != nil {
		t.Error(err)
	}
	wantNames(t, filepath.Dir(name))
}

// What somebody else may have put under the name is not used, and not touched.
func TestPrivateIsOurs(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("who may write is not asked there")
	}
	for what, plant := range map[string]func(t *testing.T, name string) error{
		"writable by the group": func(_ *testing.T, name string) error {
			return errors.Join(os.Mkdir(name, 0o755), os.Chmod(name, 0o775))
		},
		"writable by all": func(_ *testing.T, name string) error {
			return errors.Join(os.Mkdir(name, 0o755), os.Chmod(name, 0o777))
		},
		"of another user": func(t *testing.T, name string) error {
			if os.Getuid() != 0 {
				t.Skip("only the superuser can give a directory away")
			}
			return errors.Join(os.Mkdir(name, 0o755), os.Chown(name, 65534, 65534))
		},
		"a link": func(t *testing.T, name string) error { return os.Symlink(t.TempDir(), name) },
		"a file": func(_ *testing.T, name string) error { return os.WriteFile(name, nil, 0o644) },
	} {
		t.Run(what, func(t *testing.T) {
			dir := t.TempDir()
			if err := plant(t, filepath.Join(dir, ".out.ferry-partial")); err != nil {
				t.Fatal(err)
			}
			if p, err := durable.OpenPrivate(filepath.Join(dir, ".out.ferry-partial")); err == nil {
				t.Error("OpenPrivate takes it")
				p.Close()
			}
			if d, err := durable.Mkdir(filepath.Join(dir, "out"), durable.Options{}); err == nil {
				t.Error("Mkdir takes it")
				d.Close()
			}
			wantNames(t, dir, ".out.ferry-partial")
			if info, err := os.Stat(filepath.Join(dir, ".out.ferry-partial")); err == nil && info.IsDir() {
				wantNames(t, filepath.Join(dir, ".out.ferry-partial"))
			}
		})
	}
}

// Another directory in its place neither gets the name of the output nor is
// removed, and what is written goes into the one that was opened.
func TestPrivateExchanged(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("a directory that is open is not renamed there")
	}
	dir := t.TempDir()
	d, err := durable.Mkdir(filepath.Join(dir, "out"), durable.Options{})
	if err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(os.Rename(d.Path(), filepath.Join(dir, "away")), os.Mkdir(d.Path(), 0o755)); err != nil {
		t.Fatal(err)
	}
	write(t, filepath.Join(d.Path(), "evil"), "x")
	if err := d.Root.WriteFile("good", []byte("x"), 0o644); err != nil {
		t.Fatal(err)
	}
	wantNames(t, filepath.Join(dir, "away"), "good")
	if err := d.Commit(); err == nil {
		t.Error("the other directory was committed")
	}
	wantNames(t, dir, ".out.ferry-partial", "away")
	wantNames(t, d.Path(), "evil")
}

// A name in a shared directory cannot be foreseen. What dead runs left goes,
// what is in use or another's stays.
func TestMakePrivate(t *testing.T) {
	dir := t.TempDir()
	live, err := durable.MakePrivate(dir, "ferry-")
	if err != nil {
		t.Fatal(err)
	}
	defer live.Remove()
	if info, err := live.Root.Stat("."); err != nil || runtime.GOOS != "windows" && info.Mode().Perm() != 0o700 {
		t.Errorf("found %v, %v", info.Mode(), err)
	}
	for _, name := range []string{"ferry-dead", "ferry-open", "other"} {
		if err := os.MkdirAll(filepath.Join(dir, name, "in"), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.Chmod(filepath.Join(dir, "ferry-open"), 0o777); err != nil {
		t.Fatal(err)
	}
	next, err := durable.MakePrivate(dir, "ferry-")
	if err != nil {
		t.Fatal(err)
	}
	defer next.Remove()
	got := strings.Join(names(t, dir), " ")
	for _, want := range []string{"other", filepath.Base(live.Path()), filepath.Base(next.Path())} {
		if !strings.Contains(got, want) {
			t.Errorf("%s is not there: %s", want, got)
		}
	}
	if strings.Contains(got, "ferry-dead") || runtime.GOOS != "windows" && !strings.Contains(got, "ferry-open") {
		t.Errorf("found %s", got)
	}
}

// What a private directory holds can become the output itself. An output that
// is in the way leaves it as it is.
func TestAdopt(t *testing.T) {
	dir := t.TempDir()
	p, err := durable.OpenPrivate(filepath.Join(dir, "stage"))
	if err != nil {
		t.Fatal(err)
	}
	if err := p.Root.WriteFile("file", []byte("new"), 0o644); err != nil {
		t.Fatal(err)
	}
	out := filepath.Join(dir, "out")
	if err := os.MkdirAll(filepath.Join(out, "old"), 0o755); err != nil {
		t.Fatal(err)
	}
	if _, err := durable.Adopt(p, out, durable.Options{}); !errors.Is(err, os.ErrExist) {
		t.Errorf("found %v", err)
	}
	wantNames(t, p.Path(), "file")
	d, err := durable.Adopt(p, out, durable.Options{Overwrite: true})
	if err == nil {
		err = d.Commit()
	}
	if err != nil {
		t.Fatal(err)
	}
	wantNames(t, dir, "out")
	wantFile(t, filepath.Join(out, "file"), "new")
}
