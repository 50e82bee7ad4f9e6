package ui

import (
	"fmt"
	"io/fs"
	"strings"
	"syscall"
	"testing"
)

// What the system may say has an exit code and a next step as well.
func TestSystemErrors(t *testing.T) {
	for _, c := range []struct {
		err  error
		hint string
	}{
		{syscall.ENOSPC, "the disk is full"},
		{syscall.EROFS, "the file system is read-only"},
		{syscall.EIO, "the medium or disk could not be read or written"},
		{syscall.EFBIG, "does not allow a file of this size"},
		{syscall.EACCES, "check who owns it and its mode"},
		{syscall.EISDIR, "where a file is wanted"},
		{syscall.ENAMETOOLONG, "choose a shorter one"},
		{syscall.ELOOP, "name what it points to"},
		{syscall.EMFILE, "ulimit -n"},
		{syscall.EPIPE, "behind the pipe"},
	} {
		err := fmt.Errorf("bundle.tar: %w", &fs.PathError{Op: "write", Path: "bundle.tar", Err: c.err})
		code, hint := Outcome(err)
		if code != CodeFailed || !strings.Contains(hint, c.hint) {
			t.Errorf("%v: exit code %d and %q, want %d and %q", err, code, hint, CodeFailed, c.hint)
		}
	}
}

// What fills the directory for temporary files is told how to take another one.
func TestNoRoom(t *testing.T) {
	full := fmt.Errorf("b.tar.gz: %w", &fs.PathError{Op: "write", Path: "x", Err: syscall.ENOSPC})
	for _, c := range []struct {
		dir  string
		err  error
		want string
	}{
		{"", full, "for what has to wait there: --tmpdir DIR chooses another directory, and so does the variable TMPDIR"},
		{"elsewhere", full, "there is no room in elsewhere for what has to wait there: --tmpdir DIR chooses another directory"},
		{"", syscall.EIO, "the medium or disk could not be read or written"},
	} {
		if _, hint := Outcome(NoRoom(c.dir, c.err)); !strings.Contains(hint, c.want) || strings.Contains(hint, "TMPDIR") != strings.Contains(c.want, "TMPDIR") {
			t.Errorf("%q, %v: %q, want %q in it", c.dir, c.err, hint, c.want)
		}
	}
}

// Nothing foreign reaches a terminal as it is.
func TestPrintableLine(t *testing.T) {
	if got := PrintableLine("a\x1b[31m\nb\x00\u202e"); got != `a\u001b[31m b\u0000\u202e` {
		t.Errorf("got %q", got)
	}
}

// The next step is safe to print as well, whatever a file is called.
func TestNextIsPrintable(t *testing.T) {
	var b strings.Builder
	(&Env{Stderr: &b}).Next("ferry verify %s\n      and so on", ShellWord("a\x1b[31m\u202eü"))
	if want := "next: ferry verify 'a\\u001b[31m\\u202eü'\n      and so on\n"; b.String() != want {
		t.Errorf("want %q, got %q", want, b.String())
	}
}
