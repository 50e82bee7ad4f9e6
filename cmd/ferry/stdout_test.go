package main

import (
	"bytes"
	"context"
	"io"
	"io/fs"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/ociferry/ferry/cmd/ferry/internal/ui"
	"github.com/ociferry/ferry/layout/registry/registrytest"
)

// ferryTo runs the command in this process, with standard output of its own.
func ferryTo(ctx context.Context, out io.Writer, args ...string) (code int, stderr string) {
	var errs bytes.Buffer
	if out == nil {
		out = &errs // one terminal for both
	}
	e := &ui.Env{
		Stdin: strings.NewReader(""), Stdout: out, Stderr: &errs, Getenv: func(string) string { return "" },
		LookupEnv: func(name string) (string, bool) { return "", name == "COSIGN_PASSWORD" },
		Now:       func() time.Time { return time.Date(2026, 2, 5, 12, 0, 0, 0, time.UTC) },
	}
	code = run(ctx, e, append([]string{"ferry"}, args...))
	return code, errs.String()
}

// packed makes a.tar, b.tar and lei.tar in a directory that the test is in.
func packed(t *testing.T) {
	t.Helper()
	snapshot := filepath.Join(repository(t), "examples", "lei-cache", "snapshot")
	t.Chdir(t.TempDir())
	for _, name := range []string{"a", "b"} {
		if err := os.Mkdir(name, 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(name, "x.txt"), []byte(name), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	for _, args := range [][]string{{"pack", "a", "-o", "a.tar"}, {"pack", "b", "-o", "b.tar"}, {"pack", "a", "-o", "layout"}, {"pack", snapshot, "-o", "lei.tar"}, {"keygen", "-o", "k"}} {
		if code, stderr := ferryTo(context.Background(), io.Discard, args...); code != 0 {
			t.Fatalf("ferry %q: %s", args, stderr)
		}
	}
}

type fullDisk struct{}

func (fullDisk) Write([]byte) (int, error) {
	return 0, &fs.PathError{Op: "write", Path: "/dev/stdout", Err: syscall.ENOSPC}
}

// Who asked has no answer when it cannot be written: that is never success, and
// for diff neither of its two answers. What was made stays.
func TestLostAnswer(t *testing.T) {
	packed(t)
	const want = "ferry: error: writing the answer to standard output: no space left on device\nferry: hint: the disk is full"
	for args, code := range map[string]int{
		"inspect a.tar": 1, "summary lei.tar": 1, "verify a.tar": 1, "version": 1, "pack a -o new.tar": 1, "unpack a.tar -o files": 1,
		"ls a.tar": 1, "ls a.tar --format json": 1, "pack a -o -": 1, "help": 1, "help pack": 1,
		"diff a.tar a.tar": 2, "diff a.tar b.tar": 2, "diff a.tar b.tar --format json": 2,
	} {
		got, stderr := ferryTo(context.Background(), fullDisk{}, strings.Fields(args)...)
		if got != code || strings.Count(stderr, want) != 1 {
			t.Errorf("%s: exit code %d, want %d; got\n%swant\n%s", args, got, code, stderr, want)
		}
	}
	for _, name := range []string{"new.tar", "files/x.txt"} {
		if _, err := os.Stat(name); err != nil {
			t.Error(err)
		}
	}
}

type counted struct{ writes int }

func (c *counted) Write(p []byte) (int, error) { c.writes++; return len(p), nil }

// A small answer goes out in one piece, and before the advice about it.
func TestAnswerInOnePiece(t *testing.T) {
	packed(t)
	var c counted
	if code, stderr := ferryTo(context.Background(), &c, "inspect", "a.tar"); code != 0 || c.writes != 1 {
		t.Errorf("exit code %d after %d writes, want 0 after one; %s", code, c.writes, stderr)
	}
	_, all := ferryTo(context.Background(), nil, "verify", "a.tar")
	if !like(all, "verified a.tar\n*\nok: *\nnext: ferry unpack a.tar -o DIR\n") {
		t.Errorf("got\n%s", all)
	}
}

// An archive is not written to a terminal.
func TestTerminal(t *testing.T) {
	tty, err := os.OpenFile("/dev/ptmx", os.O_RDWR|syscall.O_NONBLOCK, 0)
	if err != nil || !ui.IsTerminal(tty) {
		t.Skip("no pseudo-terminal: /dev/ptmx is missing or closed to this user; run the tests where devpts is mounted:", err)
	}
	defer tty.Close()
	packed(t)
	for args, flag := range map[string]string{
		"pack a -o -": "-o", "bundle a.tar -o -": "-o", "pull 127.0.0.1:1/a:1 -o -": "-o", "export lei --pack -": "--pack",
	} {
		code, stderr := ferryTo(context.Background(), tty, strings.Fields(args)...)
		want := "ferry: error: " + flag + " -: standard output is a terminal, want a file or a pipe: a tar is not for reading\nferry: hint: " + flag + " FILE.tar writes a file; "
		if code != ui.CodeMisuse || !strings.HasPrefix(stderr, want) {
			t.Errorf("%s: exit code %d, want %d; got\n%swant\n%s", args, code, ui.CodeMisuse, stderr, want)
		}
	}
}

// Who calls a command without a pipe learns what it waits for.
func TestTyped(t *testing.T) {
	for _, args := range [][]string{{"verify", "-"}, {"ls", "-"}, {"export", "-", "-o", "no"}} {
		for _, typed := range []bool{true, false} {
			t.Chdir(t.TempDir())
			var errs bytes.Buffer
			e := &ui.Env{Stdin: strings.NewReader("x"), Typed: typed, Stdout: io.Discard, Stderr: &errs, Getenv: func(string) string { return "" }, Now: time.Now}
			run(context.Background(), e, append([]string{"ferry"}, args...))
			if got := strings.Contains(errs.String(), "note: reading standard input, which is a terminal: "); got != typed {
				t.Errorf("%q, typed %v: got\n%s", args, typed, errs.String())
			}
		}
	}
}

// A signal has its exit code in every command, wherever it comes, and what is
// said of the output is true.
func TestInterrupted(t *testing.T) {
	packed(t)
	ctx, cancel := context.WithCancelCause(context.Background())
	cancel(ui.Interruption{Signal: syscall.SIGINT})
	for _, args := range []string{
		"sign a.tar -k k.key", "sign layout -k k.key", "sign a.tar -k k.key -o a.sig", "verify a.tar", "verify layout", "diff a.tar b.tar",
		"pack a -o new.tar", "pack a -o new", "bundle a.tar -o new", "unpack a.tar -o new", "push a.tar 127.0.0.1:1/a:1",
	} {
		code, stderr := ferryTo(ctx, io.Discard, strings.Fields(args)...)
		if want := "ferry: error: interrupted; nothing unfinished was left behind\n"; code != 130 || stderr != want {
			t.Errorf("%s: exit code %d, want 130; got\n%swant\n%s", args, code, stderr, want)
		}
	}
	for _, name := range []string{"new", "new.tar", "a.sig", ".new.ferry-partial", ".new.tar.ferry-partial", ".a.tar.ferry-partial"} {
		if _, err := os.Lstat(name); err == nil {
			t.Errorf("%s was left behind", name)
		}
	}
}

// What a registry has got stays there.
func TestPushInterrupted(t *testing.T) {
	packed(t)
	ctx, cancel := context.WithCancelCause(context.Background())
	srv := httptest.NewServer(&registrytest.Registry{Hook: func(_ http.ResponseWriter, r *http.Request) bool {
		if r.Method == http.MethodPut {
			cancel(ui.Interruption{Signal: syscall.SIGTERM})
		}
		return false
	}})
	defer srv.Close()
	code, stderr := ferryTo(ctx, io.Discard, "push", "a.tar", strings.TrimPrefix(srv.URL, "http://")+"/a:1")
	if want := "ferry: error: interrupted by the signal terminated; what was sent stays in the registry, and the same command goes on from there\n"; code != 143 || stderr != want {
		t.Errorf("exit code %d, want 143; got\n%swant\n%s", code, stderr, want)
	}
}
