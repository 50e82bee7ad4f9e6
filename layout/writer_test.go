package layout_test

import (
	"bytes"
	"context"
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

	"github.com/opencontainers/go-digest"
	v1 "github.com/opencontainers/image-spec/specs-go/v1"

	"github.com/ociferry/ferry/layout"
	"github.com/ociferry/ferry/layout/durable"
	"github.com/ociferry/ferry/layout/layouttest"
)

var ctx = context.Background()

var fast = layout.WriterOptions{NoSync: true}

func opener(data string) func() (io.ReadCloser, error) {
	return func() (io.ReadCloser, error) { return io.NopCloser(strings.NewReader(data)), nil }
}

// add puts an artifact of one layer into a layout and names it.
func add(t testing.TB, w *layout.Writer, text, name string) v1.Descriptor {
	t.Helper()
	var descs []v1.Descriptor
	for _, b := range []struct{ mediaType, data string }{{v1.MediaTypeEmptyJSON, "{}"}, {"text/plain", text}} {
		d, err := w.Add(ctx, b.mediaType, opener(b.data))
		if err != nil {
			t.Fatal(err)
		}
		descs = append(descs, d)
	}
	m := fmt.Sprintf(`{"schemaVersion":2,"mediaType":%q,"artifactType":"a/b","config":{"mediaType":%q,"digest":%q,"size":%d},"layers":[{"mediaType":"text/plain","digest":%q,"size":%d}]}`,
		v1.MediaTypeImageManifest, descs[0].MediaType, descs[0].Digest, descs[0].Size, descs[1].Digest, descs[1].Size)
	d, err := w.Add(ctx, v1.MediaTypeImageManifest, opener(m))
	if err != nil {
		t.Fatal(err)
	}
	d.Annotations = map[string]string{v1.AnnotationRefName: name}
	index := w.Index()
	if err := layout.AddTo(&index, d); err != nil {
		t.Fatal(err)
	}
	w.SetIndex(index)
	return d
}

// made is a layout directory with one artifact.
func made(t testing.TB) string {
	t.Helper()
	dir := filepath.Join(t.TempDir(), "layout")
	w, err := layout.Create(dir, fast)
	if err != nil {
		t.Fatal(err)
	}
	defer w.Close()
	add(t, w, "first", "1")
	if _, err := w.Commit(ctx, layout.CommitOptions{}); err != nil {
		t.Fatal(err)
	}
	return dir
}

func wantWhole(t testing.TB, dir string, manifests int) *layout.Report {
	t.Helper()
	report, err := audit(dir)
	if err != nil {
		t.Fatal(err)
	}
	if report.Manifests != manifests {
		t.Errorf("%d manifests, want %d", report.Manifests, manifests)
	}
	for _, e := range report.Extra {
		if strings.Contains(e, "partial") {
			t.Errorf("left behind: %s", e)
		}
	}
	return report
}

func TestCreate(t *testing.T) {
	parent := t.TempDir()
	dir := filepath.Join(parent, "layout")
	w, err := layout.Create(dir, layout.WriterOptions{})
	if err != nil {
		t.Fatal(err)
	}
	defer w.Close()
	add(t, w, "text", "a")
	if _, err := os.Lstat(dir); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("before Commit: %v", err)
	}
	id, err := w.Commit(ctx, layout.CommitOptions{Seal: true})
	if err != nil {
		t.Fatal(err)
	}
	report := wantWhole(t, dir, 1)
	if report.Digest != id || !report.Sealed {
		t.Errorf("the layout is %s, sealed %v; Commit says %s", report.Digest, report.Sealed, id)
	}
	index := *report.Index
	if d, err := layout.IndexDigest(index); err != nil || d != id {
		t.Errorf("IndexDigest says %s, %v", d, err)
	}
	if err := w.Close(); err != nil {
		t.Errorf("Close after Commit: %v", err)
	}
	if left, _ := os.ReadDir(parent); len(left) != 1 {
		t.Errorf("beside the layout there is %v", left)
	}
}

func TestCreateNotCommitted(t *testing.T) {
	parent := t.TempDir()
	w, err := layout.Create(filepath.Join(parent, "layout"), fast)
	if err != nil {
		t.Fatal(err)
	}
	add(t, w, "text", "a")
	for range 2 {
		if err := w.Close(); err != nil {
			t.Error(err)
		}
	}
	if left, _ := os.ReadDir(parent); len(left) != 0 {
		t.Errorf("left behind: %v", left)
	}
}

func TestCreateOver(t *testing.T) {
	dir := made(t)
	if _, err := layout.Create(dir, fast); !errors.Is(err, fs.ErrExist) {
		t.Errorf("over a layout: %v", err)
	}
	over := layout.WriterOptions{Overwrite: true, NoSync: true}
	w, err := layout.Create(dir, over)
	if err != nil {
		t.Fatal(err)
	}
	add(t, w, "second", "2")
	w.Close()
	before := wantWhole(t, dir, 1)
	if w, err = layout.Create(dir, over); err != nil {
		t.Fatal(err)
	}
	defer w.Close()
	add(t, w, "second", "2")
	if _, err := w.Commit(ctx, layout.CommitOptions{}); err != nil {
		t.Fatal(err)
	}
	if after := wantWhole(t, dir, 1); after.Digest == before.Digest || len(after.Extra) > 0 {
		t.Errorf("it was %s, is %s and holds %q as well", before.Digest, after.Digest, after.Extra)
	}
	// A directory that is no layout is not ours to replace.
	home := t.TempDir()
	if err := os.WriteFile(filepath.Join(home, "thesis"), nil, 0o644); err != nil {
		t.Fatal(err)
	}
	if _, err := layout.Create(home, over); !errors.Is(err, fs.ErrExist) {
		t.Errorf("over a home directory: %v", err)
	}
}

func TestPush(t *testing.T) {
	dir := made(t)
	w, err := layout.Append(ctx, dir, fast)
	if err != nil {
		t.Fatal(err)
	}
	defer w.Close()
	want := v1.Descriptor{Digest: digest.FromString("hello"), Size: 5}
	for _, content := range []string{"", "hell", "hellO", "hello!", strings.Repeat("hello", 1<<18)} {
		var bad *layout.CorruptError
		if err := w.Push(ctx, want, strings.NewReader(content)); !errors.As(err, &bad) {
			t.Errorf("%.10q of %d bytes: %v", content, len(content), err)
		}
	}
	broken := errors.New("broken")
	if err := w.Push(ctx, want, io.MultiReader(strings.NewReader("he"), failing{broken})); !errors.Is(err, broken) {
		t.Errorf("a broken reader: %v", err)
	}
	if _, err := os.Lstat(filepath.Join(dir, layout.BlobPath(want.Digest))); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("after bad content: %v", err)
	}
	if err := w.Push(ctx, want, strings.NewReader("hello")); err != nil {
		t.Fatal(err)
	}
	// What is there is not read again, nor written.
	if err := w.Push(ctx, want, failing{broken}); err != nil {
		t.Errorf("what is there: %v", err)
	}
	if report := wantWhole(t, dir, 1); len(report.Extra) > 0 {
		t.Errorf("before Commit there is %q", report.Extra)
	}
	if _, err := w.Commit(ctx, layout.CommitOptions{}); err != nil {
		t.Fatal(err)
	}
	report := wantWhole(t, dir, 1)
	if len(report.Extra) != 1 || report.Extra[0] != layout.BlobPath(want.Digest) {
		t.Errorf("besides there is %q", report.Extra)
	}
}

type failing struct{ err error }

func (f failing) Read([]byte) (int, error) { return 0, f.err }

func TestAppend(t *testing.T) {
	dir := made(t)
	before := wantWhole(t, dir, 1)
	w, err := layout.Append(ctx, dir, layout.WriterOptions{})
	if err != nil {
		t.Fatal(err)
	}
	add(t, w, "second", "2")
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	if after := wantWhole(t, dir, 1); after.Digest != before.Digest || len(after.Extra) > 0 {
		t.Errorf("without Commit it became %s, with %q besides", after.Digest, after.Extra)
	}
	if left, err := filepath.Glob(filepath.Join(dir, ".*")); len(left) > 0 || err != nil {
		t.Errorf("without Commit there is %q, %v", left, err)
	}
	if w, err = layout.Append(ctx, dir, layout.WriterOptions{}); err != nil {
		t.Fatal(err)
	}
	defer w.Close()
	add(t, w, "second", "2")
	if _, err := w.Commit(ctx, layout.CommitOptions{Seal: true}); err != nil {
		t.Fatal(err)
	}
	after := wantWhole(t, dir, 2)
	if !after.Sealed || len(after.Extra) > 0 {
		t.Errorf("sealed %v, besides %q", after.Sealed, after.Extra)
	}
	// A later change takes the seal away, which would no longer hold.
	if w, err = layout.Append(ctx, dir, fast); err != nil {
		t.Fatal(err)
	}
	defer w.Close()
	add(t, w, "third", "3")
	if _, err := w.Commit(ctx, layout.CommitOptions{}); err != nil {
		t.Fatal(err)
	}
	if after := wantWhole(t, dir, 3); after.Sealed {
		t.Error("an old seal stands")
	}
}

// A layout without anything in it is filled; one that is also wrong otherwise is
// not.
func TestAppendToEmpty(t *testing.T) {
	for index, want := range map[string]bool{
		`{"schemaVersion":2,"manifests":[]}`:                       true,
		`{"schemaVersion":2,"manifests" : null}`:                   true,
		`{"schemaVersion":2}`:                                      false,
		`{"schemaVersion":2,"manifests":null,"layers":[]}`:         false,
		`{"schemaVersion":1,"manifests":null}`:                     false,
		`{"schemaVersion":2,"manifests":null,"manifests":[]}`:      false,
		`{"schemaVersion":2,"manifests":[null]}`:                   false,
		`{"schemaVersion":2,"manifests":[],"annotations":{"a":5}}`: false,
	} {
		dir := t.TempDir()
		layouttest.Layout{"oci-layout": []byte(`{"imageLayoutVersion":"1.0.0"}`), "index.json": []byte(index)}.WriteTo(t, dir)
		r, err := layout.OpenDir(dir)
		if err != nil {
			t.Fatal(err)
		}
		report, err := r.Audit(ctx, layout.AuditOptions{})
		r.Close()
		if err != nil || errors.Is(report.Err(), layout.ErrEmpty) != want || report.Err() == nil {
			t.Errorf("%s: an audit says %v, %v", index, report.Err(), err)
		}
		w, err := layout.Append(ctx, dir, fast)
		if (err == nil) != want {
			t.Errorf("%s: %v", index, err)
		}
		if err != nil {
			continue
		}
		add(t, w, "first", "1")
		if _, err := w.Commit(ctx, layout.CommitOptions{}); err != nil {
			t.Errorf("%s: %v", index, err)
		}
		w.Close()
		wantWhole(t, dir, 1)
	}
}

func TestAppendTo(t *testing.T) {
	for name, make := range map[string]func(string) error{
		"nothing":            func(dir string) error { return os.RemoveAll(dir) },
		"an empty directory": func(string) error { return nil },
		"no layout":          func(dir string) error { return os.WriteFile(filepath.Join(dir, "x"), nil, 0o644) },
		"an unknown layout": func(dir string) error {
			return os.WriteFile(filepath.Join(dir, "oci-layout"), []byte(`{"imageLayoutVersion":"9.0.0"}`), 0o644)
		},
	} {
		dir := filepath.Join(t.TempDir(), "x")
		if err := os.Mkdir(dir, 0o755); err != nil {
			t.Fatal(err)
		}
		if err := make(dir); err != nil {
			t.Fatal(err)
		}
		if w, err := layout.Append(ctx, dir, fast); err == nil {
			w.Close()
			t.Errorf("%s: no error", name)
		}
	}
}

// What is there is hashed before it is relied on, and repaired.
func TestRepair(t *testing.T) {
	for name, damage := range map[string]func([]byte) []byte{
		"a bit":   func(b []byte) []byte { b[0] ^= 1; return b },
		"shorter": func(b []byte) []byte { return b[1:] },
		"longer":  func(b []byte) []byte { return append(b, 'x') },
		"empty":   func([]byte) []byte { return nil },
	} {
		t.Run(name, func(t *testing.T) {
			dir := made(t)
			text := digest.FromString("first")
			path := filepath.Join(dir, layout.BlobPath(text))
			if err := os.WriteFile(path, damage([]byte("first")), 0o644); err != nil {
				t.Fatal(err)
			}
			if _, err := audit(dir); err == nil {
				t.Fatal("the damage is not seen")
			}
			w, err := layout.Append(ctx, dir, fast)
			if err != nil {
				t.Fatal(err)
			}
			defer w.Close()
			if err := w.Push(ctx, v1.Descriptor{Digest: text, Size: 5}, strings.NewReader("first")); err != nil {
				t.Fatal(err)
			}
			if r := w.Repaired(); len(r) != 1 || r[0] != text {
				t.Errorf("Repaired says %v", r)
			}
			if _, err := w.Commit(ctx, layout.CommitOptions{}); err != nil {
				t.Fatal(err)
			}
			wantWhole(t, dir, 1)
		})
	}
}

// What is no file in the place of a blob is not written through.
func TestRepairNoFile(t *testing.T) {
	dir := made(t)
	text := digest.FromString("first")
	path := filepath.Join(dir, layout.BlobPath(text))
	victim := filepath.Join(t.TempDir(), "victim")
	if err := errors.Join(os.Remove(path), os.WriteFile(victim, []byte("first"), 0o644), os.Symlink(victim, path)); err != nil {
		t.Fatal(err)
	}
	w, err := layout.Append(ctx, dir, fast)
	if err != nil {
		t.Fatal(err)
	}
	defer w.Close()
	var bad *layout.FormatError
	if err := w.Push(ctx, v1.Descriptor{Digest: text, Size: 5}, strings.NewReader("first")); !errors.As(err, &bad) {
		t.Errorf("a link in the place of a blob: %v", err)
	}
	if data, err := os.ReadFile(victim); err != nil || string(data) != "first" {
		t.Errorf("the target of the link is %q, %v", data, err)
	}
}

// What a killed run left is cleared by the next.
func TestAppendSweeps(t *testing.T) {
	dir := made(t)
	for _, name := range []string{".ferry-partial-1", ".ferry-partial-77", "blobs/.ferry-partial-2", "blobs/sha256/.ferry-partial-3"} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte("half"), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	w, err := layout.Append(ctx, dir, fast)
	if err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	if tree := snapshotOf(t, dir); strings.Contains(tree, "partial") {
		t.Errorf("left:\n%s", tree)
	}
	wantWhole(t, dir, 1)
}

const appendTo = "LAYOUT_TEST_APPEND"

// TestAppender is one of the processes of TestAppendProcesses, and else does
// nothing.
func TestAppender(t *testing.T) {
	dir, who, ok := strings.Cut(os.Getenv(appendTo), " ")
	if !ok {
		return
	}
	for n := range 4 {
		for {
			w, err := layout.Append(ctx, dir, fast)
			if errors.Is(err, durable.ErrBusy) {
				time.Sleep(time.Millisecond)
				continue
			}
			if err != nil {
				t.Fatal(err)
			}
			add(t, w, strings.Repeat(who, 100_000)+fmt.Sprint(n), who+fmt.Sprint(n))
			_, err = w.Commit(ctx, layout.CommitOptions{})
			w.Close()
			if err != nil {
				t.Fatal(err)
			}
			break
		}
	}
}

// Several processes on one layout never tear its index, and nothing that one of
// them added is lost.
func TestAppendProcesses(t *testing.T) {
	dir := made(t)
	var running []*exec.Cmd
	var outputs []*bytes.Buffer
	for _, who := range []string{"a", "b", "c"} {
		cmd := exec.Command(os.Args[0], "-test.run=^TestAppender$")
		cmd.Env = append(os.Environ(), appendTo+"="+dir+" "+who)
		out := &bytes.Buffer{}
		cmd.Stdout, cmd.Stderr = out, out
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		running, outputs = append(running, cmd), append(outputs, out)
	}
	done := make(chan struct{})
	go func() {
		for i, cmd := range running {
			if err := cmd.Wait(); err != nil {
				t.Errorf("%v: %s", err, outputs[i])
			}
		}
		close(done)
	}()
	for reading := true; reading; {
		select {
		case <-done:
			reading = false
		default:
		}
		raw, err := os.ReadFile(filepath.Join(dir, "index.json"))
		if err != nil {
			t.Fatal(err)
		}
		if _, err := layout.ParseIndex(raw, ""); err != nil {
			t.Fatalf("a torn index: %v in %q", err, raw)
		}
	}
	wantWhole(t, dir, 1+3*4)
}

func TestSealLayout(t *testing.T) {
	dir := made(t)
	sealed, err := sealLayout(t, dir)
	if err != nil {
		t.Fatal(err)
	}
	report := wantWhole(t, dir, 1)
	if !report.Sealed || report.Digest != sealed.Digest || len(sealed.Extra) > 0 {
		t.Errorf("sealed %v, %s; want %s and nothing besides, found %q", report.Sealed, report.Digest, sealed.Digest, sealed.Extra)
	}
	if err := os.WriteFile(filepath.Join(dir, "oci-layout"), []byte("{\"imageLayoutVersion\":\"1.0.0\"}\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	var seal *layout.SealError
	if _, err := audit(dir); !errors.As(err, &seal) {
		t.Errorf("after a change: %v", err)
	}
	if _, err := sealLayout(t, dir); err != nil {
		t.Errorf("sealed again: %v", err)
	}
	wantWhole(t, dir, 1)

	// What is no part of the layout is covered too, and named; without a seal it
	// is named by what stands at the root.
	for _, name := range []string{"beside", "sub/deep/file", "empty/"} {
		if err := os.MkdirAll(filepath.Join(dir, filepath.Dir(name)), 0o755); err != nil {
			t.Fatal(err)
		}
		if !strings.HasSuffix(name, "/") {
			if err := os.WriteFile(filepath.Join(dir, name), nil, 0o644); err != nil {
				t.Fatal(err)
			}
		}
	}
	if r := wantWhole(t, dir, 1); !slices.Equal(r.Unlisted, []string{"beside", "sub/deep/file"}) || !slices.Equal(r.Extra, r.Unlisted) {
		t.Errorf("sealed before: besides %q, not listed %q", r.Extra, r.Unlisted)
	}
	if r, err := sealLayout(t, dir); err != nil || !slices.Equal(r.Extra, []string{"beside", "sub/deep/file"}) {
		t.Errorf("the seal covers %q besides, %v", r.Extra, err)
	}
	if r := wantWhole(t, dir, 1); len(r.Unlisted) > 0 || len(r.Extra) != 2 {
		t.Errorf("sealed: besides %q, not listed %q", r.Extra, r.Unlisted)
	}
	if err := os.Remove(filepath.Join(dir, layout.SealName)); err != nil {
		t.Fatal(err)
	}
	if r := wantWhole(t, dir, 1); !slices.Equal(r.Extra, []string{"beside", "sub/"}) || len(r.Unlisted) > 0 {
		t.Errorf("without a seal: besides %q, not listed %q", r.Extra, r.Unlisted)
	}
	if _, err := sealLayout(t, dir); err != nil {
		t.Fatal(err)
	}

	// A layout that is not whole is not sealed, and keeps the seal that it had.
	before, err := os.ReadFile(filepath.Join(dir, layout.SealName))
	if err != nil {
		t.Fatal(err)
	}
	if err := os.Remove(filepath.Join(dir, layout.BlobPath(digest.FromString("first")))); err != nil {
		t.Fatal(err)
	}
	if _, err := sealLayout(t, dir); !layout.Incomplete(err) {
		t.Errorf("a layout with a blob missing: %v", err)
	}
	if after, err := os.ReadFile(filepath.Join(dir, layout.SealName)); !bytes.Equal(after, before) {
		t.Errorf("the old seal became %q, %v", after, err)
	}
}

func sealLayout(t *testing.T, dir string) (*layout.Report, error) {
	t.Helper()
	w, err := layout.Append(ctx, dir, layout.WriterOptions{})
	if err != nil {
		t.Fatal(err)
	}
	defer w.Close()
	return layout.SealLayout(ctx, w, nil)
}

func TestSealDirRefuses(t *testing.T) {
	for name, make := range map[string]func(dir string) error{
		"a link":       func(dir string) error { return os.Symlink("oci-layout", filepath.Join(dir, "x")) },
		"a bad name":   func(dir string) error { return os.WriteFile(filepath.Join(dir, "a:b"), nil, 0o644) },
		"a line feed":  func(dir string) error { return os.WriteFile(filepath.Join(dir, "a\nb"), nil, 0o644) },
		"a wrong blob": func(dir string) error { return os.WriteFile(filepath.Join(dir, "blobs/sha256/x"), nil, 0o644) },
		"damage": func(dir string) error {
			return os.WriteFile(filepath.Join(dir, layout.BlobPath(digest.FromString("first"))), []byte("other"), 0o644)
		},
	} {
		dir := made(t)
		if err := make(dir); err != nil {
			t.Fatal(err)
		}
		root, err := os.OpenRoot(dir)
		if err != nil {
			t.Fatal(err)
		}
		defer root.Close()
		if _, err := layout.SealDir(ctx, root); err == nil {
			t.Errorf("%s: no error", name)
		}
	}
}

func TestPutIndex(t *testing.T) {
	dir := made(t)
	w, err := layout.Append(ctx, dir, fast)
	if err != nil {
		t.Fatal(err)
	}
	defer w.Close()
	if err := w.PutIndex([]byte(`{"schemaVersion":2}`)); err == nil {
		t.Error("no index: no error")
	}
	raw, err := os.ReadFile(filepath.Join(dir, "index.json"))
	if err != nil {
		t.Fatal(err)
	}
	raw = bytes.ReplaceAll(raw, []byte(","), []byte(" ,\r\n"))
	if err := w.PutIndex(raw); err != nil {
		t.Fatal(err)
	}
	if id, err := w.Commit(ctx, layout.CommitOptions{}); err != nil || id != digest.FromBytes(raw) {
		t.Errorf("the identity is %s, %v; want that of the bytes given", id, err)
	}
	wantWhole(t, dir, 1)
}

// What nothing refers to is not received.
func TestReceiveDrops(t *testing.T) {
	dir := made(t)
	w, err := layout.Append(ctx, dir, fast)
	if err != nil {
		t.Fatal(err)
	}
	left, err := w.Add(ctx, "", opener("left over"))
	if err == nil {
		_, err = w.Commit(ctx, layout.CommitOptions{})
	}
	if err != nil {
		t.Fatal(err)
	}
	r, err := layout.OpenDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	out := filepath.Join(t.TempDir(), "out")
	if w, err = layout.Create(out, fast); err != nil {
		t.Fatal(err)
	}
	defer w.Close()
	report, err := r.CopyTo(ctx, w, layout.AuditOptions{})
	if err != nil || !slices.Equal(report.Extra, []string{layout.BlobPath(left.Digest)}) {
		t.Fatalf("%v; extra %q", err, report.Extra)
	}
	if id, err := w.Commit(ctx, layout.CommitOptions{}); err != nil || id != report.Digest {
		t.Fatalf("committed %s, %v", id, err)
	}
	if report := wantWhole(t, out, 1); len(report.Extra) > 0 {
		t.Errorf("left: %q", report.Extra)
	}
}

// The disk may be full at any time: Commit says so, and nothing is torn. Here
// the layout is taken away from under the writer.
func TestCommitFails(t *testing.T) {
	parent := t.TempDir()
	dir := filepath.Join(parent, "layout")
	w, err := layout.Create(dir, fast)
	if err != nil {
		t.Fatal(err)
	}
	add(t, w, "text", "a")
	if err := os.RemoveAll(filepath.Join(parent, ".layout.ferry-partial")); err != nil {
		t.Fatal(err)
	}
	if _, err := w.Commit(ctx, layout.CommitOptions{}); err == nil {
		t.Error("no error")
	}
	w.Close()
	if left, _ := os.ReadDir(parent); len(left) > 0 {
		t.Errorf("left behind: %v", left)
	}
}

// Two goroutines push one blob: what one of them brought is damaged, and taking
// it back must not take the whole one along.
func TestPushTwice(t *testing.T) {
	data := []byte("hello")
	d := v1.Descriptor{MediaType: "a/b", Digest: digest.FromBytes(data), Size: int64(len(data))}
	w, err := layout.Create(filepath.Join(t.TempDir(), "out"), fast)
	if err != nil {
		t.Fatal(err)
	}
	defer w.Close()
	bad, _ := w.Blob(ctx, d) // it comes first, and has the name
	if err := w.Push(ctx, d, bytes.NewReader(data)); err != nil {
		t.Fatal(err)
	}
	bad.(layout.Aborter).Abort()
	if err := w.PutIndex([]byte(fmt.Sprintf(`{"schemaVersion":2,"manifests":[{"mediaType":"a/b","digest":%q,"size":5}]}`, d.Digest))); err != nil {
		t.Fatal(err)
	}
	if _, err := w.Commit(ctx, layout.CommitOptions{Seal: true}); err != nil {
		t.Error(err)
	}
}
