package lei

import (
	"fmt"
	"testing"

	v1 "github.com/opencontainers/image-spec/specs-go/v1"

	"github.com/ociferry/ferry/layout/artifact"
)

// The zero Checker may be given a blob.
func TestZeroChecker(t *testing.T) {
	w := (&Checker{}).Blob(v1.Descriptor{MediaType: ConfigMediaType, Digest: "sha256:x"})
	if _, err := w.Write([]byte("{}")); err != nil {
		t.Error(err)
	}
	if err := w.Close(); err != nil {
		t.Error(err)
	}
}

// What manifest.json announces lifts the limit, within reason.
func TestRawLimit(t *testing.T) {
	for _, c := range []struct{ announced, size, want int64 }{
		{0, 1 << 20, 88 << 20}, {80 << 20, 1 << 20, 88 << 20}, {100 << 20, 1 << 20, 100 << 20}, {6 << 30, 1 << 20, 164 << 20}, {6 << 30, 1 << 30, 24<<30 + 64<<20},
	} {
		if got := (&Checker{maxRaw: c.announced}).rawLimit(c.size); got != c.want {
			t.Errorf("%d bytes, %d announced: want %d, found %d", c.size, c.announced, c.want, got)
		}
	}
}

// Very many notes are counted and not kept.
func TestManyNotices(t *testing.T) {
	c := NewChecker(artifact.IgnoreSecrets, nil)
	for i := range 1000 {
		c.note(fmt.Sprint("note ", i))
	}
	if n := c.Notices(); len(n) != maxNotices+1 || n[maxNotices] != "and 980 more such notes" {
		t.Errorf("%d notes, at the end %q", len(n), n[len(n)-1])
	}
}
