package bundle_test

import (
	"bytes"
	"context"
	"errors"
	"os"
	"path/filepath"
	"testing"

	"github.com/ociferry/ferry/bundle"
	"github.com/ociferry/ferry/layout"
	"github.com/ociferry/ferry/layout/layouttest"
)

// The archive that tar makes of a layout by its directory's name has no layout
// at its root; Documents said so of none that it reads from front to back.
func TestBelow(t *testing.T) {
	files := func(names ...string) (all []layouttest.Entry) {
		for _, n := range names {
			all = append(all, layouttest.File(n, []byte("{}")))
		}
		return all
	}
	for _, c := range []struct {
		entries []layouttest.Entry
		want    string
	}{
		{files("a/b/blobs/x", "a/b/index.json", "a/b/oci-layout", "a/c"), "a/b"},
		{files("a/index.json", "b/oci-layout"), ""},
		{files("a/index.json", "a/oci-layout", "b/index.json", "b/oci-layout"), ""},
		{files("a/index.json", "a/oci-layout", "oci-layout"), ""},
		{append(files("a/index.json", "a/oci-layout"), layouttest.Symlink("b", "/")), ""},
		{files("a"), ""},
	} {
		data := layouttest.Tar(c.entries...)
		if got := bundle.NestedLayout(context.Background(), bytes.NewReader(data), int64(len(data))); got != c.want {
			t.Errorf("%v: below %q, want %q", c.entries, got, c.want)
		}
		if c.want == "" {
			continue
		}
		report, err := bundle.Documents(context.Background(), bytes.NewReader(data))
		if err != nil || !errors.Is(report.Err(), layout.ErrNotLayout) {
			t.Errorf("%v: documents: %v, want %v", c.entries, err, layout.ErrNotLayout)
		}
	}

	// However large it is: the rest of the file is a hole.
	const size = 2 << 30
	data := layouttest.Tar(append(files("a/index.json", "a/oci-layout"), layouttest.Entry{Name: "a/blobs/large", Type: '0', Size: size, Lies: true})...)
	f, err := os.Create(filepath.Join(t.TempDir(), "large.tar"))
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if _, err := f.Write(data); err != nil {
		t.Fatal(err)
	}
	if err := f.Truncate(int64(len(data)) + size); err != nil {
		t.Fatal(err)
	}
	if got := bundle.NestedLayout(context.Background(), f, int64(len(data))+size); got != "a" {
		t.Errorf("a large one: below %q, want a", got)
	}
}
