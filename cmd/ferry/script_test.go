package main

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"sort"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/testscript"

	"github.com/ociferry/ferry/cmd/ferry/internal/ui"
)

// The commands are told as scripts: one story a file in testdata/script, the
// first word of its name the command.
func TestScripts(t *testing.T) {
	testscript.Run(t, testscript.Params{
		Dir: filepath.Join("testdata", "script"),
		Setup: func(e *testscript.Env) error {
			e.Setenv("EXAMPLE", filepath.Join(repository(t), "examples", "lei-cache", "snapshot"))
			e.Setenv("HOME", e.WorkDir)
			e.Setenv("TMPDIR", filepath.Join(e.WorkDir, ".tmp"))
			if name := strings.TrimPrefix(filepath.Base(e.WorkDir), "script-"); !online.MatchString(name) {
				e.Setenv(noSockets, "1")
			}
			return nil
		},
		Cmds: map[string]func(*testscript.TestScript, bool, []string){
			"exits":    exits,
			"sameTree": sameTree,
			"flip":     flip,
			"empty":    empty,
			"registry": startRegistry,
			"login":    login,
			"upload":   upload,
			"mode":     mode,
			"keys":     keys,
			"tarOf":    tarOf,
		},
	})
}

func TestMain(m *testing.M) {
	testscript.Main(m, map[string]func(){
		"ferry": func() { os.Exit(runMain()) },
	})
}

// runMain is main with a clock that stands still.
func runMain() int {
	if os.Getenv(noSockets) != "" {
		forbidSockets()
	}
	ctx, stop := ui.Interruptible(context.Background())
	defer stop()
	e := &ui.Env{
		Stdin: ui.Stdin(ctx), Stdout: os.Stdout, Stderr: os.Stderr, Getenv: os.Getenv, LookupEnv: os.LookupEnv,
		Now: func() time.Time { return time.Date(2026, 2, 5, 12, 0, 0, 0, time.UTC) },
	}
	return run(ctx, e, os.Args)
}

func repository(t testing.TB) string {
	dir, err := filepath.Abs(filepath.Join("..", ".."))
	if err != nil {
		t.Fatal(err)
	}
	return dir
}

// exits CODE COMMAND...: the command ends with this exit code. Its output is
// there for stdout and stderr as after exec, and an error is two lines at most.
func exits(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 2 {
		ts.Fatalf("usage: exits CODE COMMAND...")
	}
	want, err := strconv.Atoi(args[0])
	ts.Check(err)
	err = ts.Exec(args[1], args[2:]...)
	got := 0
	if err != nil {
		var exit interface{ ExitCode() int }
		if e, ok := err.(interface{ ExitCode() int }); ok {
			exit = e
			got = exit.ExitCode()
		} else {
			ts.Fatalf("%v", err)
		}
	}
	if got != want {
		ts.Fatalf("exit code %d, want %d", got, want)
	}
}

// sameTree A B: two directories hold the same files, byte for byte.
func sameTree(ts *testscript.TestScript, neg bool, args []string) {
	if len(args) != 2 {
		ts.Fatalf("usage: sameTree A B")
	}
	a, b := treeSum(ts, args[0]), treeSum(ts, args[1])
	if (a == b) == neg {
		ts.Fatalf("%s:\n%s%s:\n%s", args[0], a, args[1], b)
	}
}

func treeSum(ts *testscript.TestScript, dir string) string {
	dir = ts.MkAbs(dir)
	var lines []string
	ts.Check(filepath.WalkDir(dir, func(name string, e fs.DirEntry, err error) error {
		if err != nil || e.IsDir() {
			return err
		}
		data, err := os.ReadFile(name)
		rel, _ := filepath.Rel(dir, name)
		sum := sha256.Sum256(data)
		lines = append(lines, fmt.Sprintf("%s %s\n", hex.EncodeToString(sum[:8]), filepath.ToSlash(rel)))
		return err
	}))
	sort.Strings(lines)
	return strings.Join(lines, "")
}

// flip FILE TEXT: changes one bit in the first occurrence of a text.
func flip(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 2 {
		ts.Fatalf("usage: flip FILE TEXT")
	}
	name := ts.MkAbs(args[0])
	data, err := os.ReadFile(name)
	ts.Check(err)
	at := strings.Index(string(data), args[1])
	if at < 0 {
		ts.Fatalf("%s does not hold %q", args[0], args[1])
	}
	data[at] ^= 1
	ts.Check(os.WriteFile(name, data, 0o644))
}

// empty DIR: a directory holds nothing, or nothing but the names given.
func empty(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 1 {
		ts.Fatalf("usage: empty DIR [NAME...]")
	}
	entries, err := os.ReadDir(ts.MkAbs(args[0]))
	ts.Check(err)
	allowed := map[string]bool{}
	for _, n := range args[1:] {
		allowed[n] = true
	}
	for _, e := range entries {
		if !allowed[e.Name()] {
			ts.Fatalf("%s holds %s", args[0], e.Name())
		}
	}
}
