package durable

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"testing"
)

// Where the system cannot exchange two names, a run that is killed between the
// two renames leaves the output under a reserved name. The next run puts it
// back, or clears it where the new one is in place; a file of the user's called
// OUT.old is nobody's business.
func TestSwapKilled(t *testing.T) {
	for _, tt := range []struct {
		name string
		left func(t *testing.T, out string) // what the killed run left
		want string                         // in the output before the next run replaces it
	}{
		{"between the renames", func(t *testing.T, out string) {
			write(t, parked(out), "old")
			write(t, partial(out), "new")
		}, "old"},
		{"before the old one was removed", func(t *testing.T, out string) {
			write(t, parked(out), "old")
			write(t, out, "new")
		}, "new"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			dir := t.TempDir()
			out := filepath.Join(dir, "out")
			write(t, out+".old", "the user's")
			tt.left(t, out)
			d, err := Mkdir(out, Options{Overwrite: true})
			if err != nil {
				t.Fatal(err)
			}
			if err := d.Close(); err != nil {
				t.Fatal(err)
			}
			if got := read(t, out); got != tt.want {
				t.Errorf("the output holds %q, want %q", got, tt.want)
			}
			if _, err := os.Lstat(parked(out)); !errors.Is(err, fs.ErrNotExist) {
				t.Errorf("%s is still there", parked(out))
			}
			if got := read(t, out+".old"); got != "the user's" {
				t.Errorf("out.old holds %q", got)
			}
		})
	}
}

// swap puts the old output back where the second rename fails.
func TestSwapFails(t *testing.T) {
	dir := t.TempDir()
	out := filepath.Join(dir, "out")
	write(t, out, "old")
	if _, err := swap(filepath.Join(dir, "not there"), out); err == nil {
		t.Fatal("a directory that is not there replaces another")
	}
	if got := read(t, out); got != "old" {
		t.Errorf("the output holds %q, want what it held", got)
	}
}

// A partial file that somebody else could write into is not written on: it is
// made anew where it is ours, by its owner or by another name of it.
func TestPartialFileOfOthers(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("who may write is not asked on Windows")
	}
	for name, prepare := range map[string]func(t *testing.T, tmp string){
		"others may write": func(t *testing.T, tmp string) {
			if err := os.Chmod(tmp, 0o666); err != nil {
				t.Fatal(err)
			}
		},
		"another name": func(t *testing.T, tmp string) {
			if err := os.Link(tmp, tmp+".link"); err != nil {
				t.Fatal(err)
			}
		},
	} {
		t.Run(name, func(t *testing.T) {
			out := filepath.Join(t.TempDir(), "out")
			tmp := partial(out)
			if err := os.WriteFile(tmp, nil, 0o644); err != nil {
				t.Fatal(err)
			}
			prepare(t, tmp)
			stranger, err := os.OpenFile(tmp, os.O_RDWR, 0)
			if err != nil {
				t.Fatal(err)
			}
			defer stranger.Close()
			f, err := Create(out, Options{})
			if err != nil {
				t.Fatal(err)
			}
			defer f.Close()
			if _, err := f.Write([]byte("private")); err != nil {
				t.Fatal(err)
			}
			stranger.WriteAt([]byte("evil"), 0)
			if err := f.Commit(); err != nil {
				t.Fatal(err)
			}
			data, err := os.ReadFile(out)
			if err != nil || string(data) != "private" {
				t.Errorf("the output holds %q (%v)", data, err)
			}
		})
	}
}

// write makes a directory with one file in it.
func write(t *testing.T, dir, content string) {
	t.Helper()
	if err := os.MkdirAll(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, "f"), []byte(content), 0o644); err != nil {
		t.Fatal(err)
	}
}

func read(t *testing.T, dir string) string {
	t.Helper()
	data, err := os.ReadFile(filepath.Join(dir, "f"))
	if err != nil {
		t.Fatal(err)
	}
	return string(data)
}
