package layout_test

import (
	"errors"
	"strings"
	"testing"

	v1 "github.com/opencontainers/image-spec/specs-go/v1"

	"github.com/ociferry/ferry/layout"
	"github.com/ociferry/ferry/layout/layouttest"
)

// What an Audit accepts is accepted; what only Finish would find, and what the
// judge does not like, is found before anything is copied.
func TestJudge(t *testing.T) {
	content := func(v1.Descriptor, *v1.Manifest) error { return nil }
	for _, c := range layouttest.Accepted() {
		if c.Tar != nil || c.Dir != nil {
			continue
		}
		if err := contentsOf(t, c.Artifact.Layout()).Judge(ctx, content); err != nil {
			t.Errorf("%s: %v", c.Name, err)
		}
	}
	found := 0
	for _, c := range layouttest.Refused() {
		if !strings.HasPrefix(c.Name, "a subject that is there") {
			continue
		}
		found++
		if err := contentsOf(t, c.Artifact.Layout()).Judge(ctx, content); err == nil || !strings.Contains(err.Error(), c.Words) {
			t.Errorf("%s: %v", c.Name, err)
		}
	}
	if found < 2 {
		t.Errorf("%d cases of subjects, want 2", found)
	}
	both, err := layout.Merge(contentsOf(t, named("good", "one")), contentsOf(t, named("bad", "two")))
	if err != nil {
		t.Fatal(err)
	}
	no := errors.New("no")
	err = both.Judge(ctx, func(d v1.Descriptor, _ *v1.Manifest) error {
		if layout.Names(d)[0] == "bad" {
			return no
		}
		return nil
	})
	var bad *layout.ArtifactError
	if !errors.As(err, &bad) || !errors.Is(err, no) || !strings.HasPrefix(err.Error(), "bad: blobs/sha256/") {
		t.Errorf("one that the judge refuses: %v", err)
	}
}
