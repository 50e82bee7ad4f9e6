package layout_test

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/ociferry/ferry/layout"
	"github.com/ociferry/ferry/layout/artifact"
	"github.com/ociferry/ferry/layout/layouttest"
	"github.com/ociferry/ferry/layout/lei"
)

// build makes the directory of a case, or says that it is not one of a
// directory.
func build(t *testing.T, c layouttest.Case) (dir string, ok bool) {
	if c.Tar != nil {
		return "", false
	}
	l := c.Artifact.Layout()
	dir = l.Dir(t)
	if c.Dir != nil {
		c.Dir(t, dir, l)
	}
	return dir, true
}

func options() layout.AuditOptions {
	return layout.AuditOptions{Inspectors: []layout.Inspector{lei.NewChecker(artifact.IgnoreSecrets, nil), artifact.Titles{}}}
}

// audit is what ferry verify does with a directory.
func audit(dir string) (*layout.Report, error) {
	r, err := layout.OpenDir(dir)
	if err != nil {
		return nil, err
	}
	defer r.Close()
	report, err := r.Audit(context.Background(), options())
	if err != nil {
		return nil, err
	}
	return report, report.Err()
}

// copyInto is what ferry bundle does with it.
func copyInto(dir, out string) error {
	ctx := context.Background()
	w, err := layout.Create(out, layout.WriterOptions{NoSync: true})
	if err != nil {
		return err
	}
	defer w.Close()
	r, err := layout.OpenDir(dir)
	if err != nil {
		return err
	}
	defer r.Close()
	c, err := r.Judged(ctx, options())
	if err == nil {
		err = c.CopyTo(ctx, w)
	}
	if err != nil {
		return err
	}
	report, err := c.Finish(ctx)
	if err == nil {
		err = report.Err()
	}
	if err == nil {
		err = w.PutIndex(c.RawIndex)
	}
	if err != nil {
		return err
	}
	_, err = w.Commit(ctx, layout.CommitOptions{})
	return err
}

// checkRefusal holds an error against what a refusal must be: one line of
// printable text that names the cause.
func checkRefusal(t *testing.T, err error, c layouttest.Case) {
	t.Helper()
	if err == nil {
		t.Fatal("accepted")
	}
	text := err.Error()
	if !regexp.MustCompile("(?i)" + c.Words).MatchString(text) {
		t.Errorf("the refusal does not say %q: %s", c.Words, text)
	}
	if i := strings.IndexFunc(text, func(r rune) bool { return r < ' ' || r == 0x7f || r == 0xfffd || r == 0x202e }); i >= 0 {
		t.Errorf("the refusal is not one line of plain text: %q", text)
	}
	if len(text) > 2000 {
		t.Errorf("the refusal has %d bytes: %.200s...", len(text), text)
	}
	if layout.Incomplete(err) != c.Incomplete {
		t.Errorf("Incomplete is %v: %s", !c.Incomplete, text)
	}
}

func TestHostileDirectories(t *testing.T) {
	for _, c := range layouttest.Refused() {
		t.Run(c.Name, func(t *testing.T) {
			dir, ok := build(t, c)
			if !ok {
				return
			}
			before := snapshotOf(t, dir)
			_, err := audit(dir)
			checkRefusal(t, err, c)
			parent := t.TempDir()
			checkRefusal(t, copyInto(dir, filepath.Join(parent, "out")), c)
			if left, _ := os.ReadDir(parent); len(left) > 0 {
				t.Errorf("left behind: %v", left)
			}
			if after := snapshotOf(t, dir); after != before {
				t.Errorf("the input was changed:\n%s\nis now\n%s", before, after)
			}
		})
	}
}

func TestUnusualDirectories(t *testing.T) {
	for _, c := range layouttest.Accepted() {
		t.Run(c.Name, func(t *testing.T) {
			dir, ok := build(t, c)
			if !ok {
				return
			}
			want, err := audit(dir)
			if err != nil {
				t.Fatal(err)
			}
			out := filepath.Join(t.TempDir(), "out")
			if err := copyInto(dir, out); err != nil {
				t.Fatal(err)
			}
			got, err := audit(out)
			if err != nil {
				t.Fatal(err)
			}
			if got.Digest != want.Digest || got.Manifests != want.Manifests || len(got.Extra) > 0 {
				t.Errorf("the copy is %s with %d manifests and %q, want %s with %d and nothing", got.Digest, got.Manifests, got.Extra, want.Digest, want.Manifests)
			}
		})
	}
}

// A cause is found by errors.As, also among others.
func TestErrorTypes(t *testing.T) {
	l := layouttest.Artifact{Files: func(l layouttest.Layout) {
		l["blobs/sha256/"+strings.Repeat("0", 64)] = []byte("x")
		l["oci-layout"] = []byte("{}")
		for p, data := range l {
			if strings.Contains(string(data), "cache_entries") {
				delete(l, p)
			}
		}
	}}.Layout()
	_, err := audit(l.Dir(t))
	var (
		corrupt *layout.CorruptError
		format  *layout.FormatError
		missing *layout.MissingError
	)
	if !errors.As(err, &corrupt) || !errors.As(err, &format) || !errors.As(err, &missing) {
		t.Fatalf("not all three kinds of problems are found in: %v", err)
	}
	if !errors.Is(err, os.ErrNotExist) {
		t.Error("what is missing is no fs.ErrNotExist")
	}
	if !strings.Contains(err.Error(), "and 2 more") {
		t.Errorf("it does not say how many there are: %v", err)
	}
	if layout.Incomplete(err) {
		t.Error("damage is called incomplete")
	}
}
