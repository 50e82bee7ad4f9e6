package main

import (
	"bytes"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"
)

// A world is what the checks work with.
type world struct {
	ferry    string
	work     string
	tools    map[string]*tool
	registry string // HOST:PORT
	kinds    []*kind
	stops    []func()
	scratch  int
	verbose  bool
}

func (w *world) stop() {
	for i := len(w.stops) - 1; i >= 0; i-- {
		w.stops[i]()
	}
}

// dir is a new empty directory.
func (w *world) dir() string {
	w.scratch++
	d := filepath.Join(w.work, fmt.Sprintf("s%03d", w.scratch))
	if err := os.Mkdir(d, 0o755); err != nil {
		panic(err) // the working directory is ours
	}
	return d
}

// A commandError is a command that failed, with what it said.
type commandError struct {
	line, said string
	err        error
}

func (e *commandError) Error() string {
	return fmt.Sprintf("%s: %v: %s", e.line, e.err, last(e.said))
}

// last is the end of what a command said, in one line.
func last(s string) string {
	s = strings.Join(strings.Fields(s), " ")
	if len(s) > 400 {
		s = "..." + s[len(s)-400:]
	}
	return s
}

// cmd runs a tool, or ferry, and returns its standard output.
func (w *world) cmd(name string, args ...string) (string, error) {
	path := w.ferry
	if name != "ferry" {
		t := w.tools[name]
		path = t.path
		args = append(append([]string{}, t.args...), args...)
	}
	ctx, cancel := context.WithTimeout(context.Background(), 2*time.Minute)
	defer cancel()
	c := exec.CommandContext(ctx, path, args...)
	c.Dir = w.work
	c.Env = append(os.Environ(), "HOME="+filepath.Join(w.work, "home"), "XDG_RUNTIME_DIR="+filepath.Join(w.work, "run"), "DOCKER_CONFIG="+filepath.Join(w.work, "home", ".docker"))
	if t := w.tools[name]; t != nil {
		c.Env = append(c.Env, t.env...)
	}
	var out, all bytes.Buffer
	c.Stdout = tee{&out, &all}
	c.Stderr = &all
	err := c.Run()
	line := strings.ReplaceAll(filepath.Base(path)+" "+strings.Join(args, " "), w.work+"/", "")
	if err != nil {
		err = &commandError{line, all.String(), err}
		if w.verbose {
			fmt.Fprintln(os.Stderr, "  ", err)
		}
	}
	return out.String(), err
}

type tee struct{ a, b *bytes.Buffer }

func (t tee) Write(p []byte) (int, error) { t.a.Write(p); return t.b.Write(p) }

// outcome is how a check ended.
type outcome int

const (
	yes outcome = iota
	changed
	no
	notRun
)

func (o outcome) String() string { return [...]string{"yes", "digest changed", "no", "not run"}[o] }

// A changedError is content that arrived under another digest.
type changedError struct{ what, want, got string }

func (e *changedError) Error() string {
	return fmt.Sprintf("%s: %s became %s", e.what, e.want, e.got)
}

func same(what, want, got string) error {
	if want != got {
		return &changedError{what, want, got}
	}
	return nil
}

func (w *world) try(c *check, k *kind) (outcome, string) {
	err := c.run(w, k)
	var d *changedError
	switch {
	case err == nil:
		return yes, ""
	case errors.As(err, &d):
		return changed, err.Error()
	}
	var e *commandError
	if errors.As(err, &e) {
		return no, e.line + ": " + strings.Join(strings.Fields(e.said), " ")
	}
	return no, err.Error()
}

func sha(data []byte) string { return fmt.Sprintf("sha256:%x", sha256.Sum256(data)) }
