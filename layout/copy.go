package layout

import (
	"context"
	"fmt"
	"hash"
	"io"

	"github.com/opencontainers/go-digest"
	v1 "github.com/opencontainers/image-spec/specs-go/v1"

	"github.com/ociferry/ferry/layout/stream"
)

// Copy copies r to w and checks that it held exactly what want describes, by
// size and digest. It reads at most one byte more than want.Size. The error is
// a *CorruptError when the content is not as described; what w has received is
// then worthless. A nil w means that the content is only checked.
func Copy(ctx context.Context, w io.Writer, r io.Reader, want v1.Descriptor) error {
	h := want.Digest.Algorithm().Hash()
	sinks := []io.Writer{h}
	if w != nil {
		sinks = append(sinks, w)
	}
	n, err := stream.FanOut(ctx, io.LimitReader(r, want.Size+1), sinks...)
	if err != nil {
		return err
	}
	return compare(BlobPath(want.Digest), want, n, h)
}

// compare says whether what was read is what was wanted.
func compare(name string, want v1.Descriptor, n int64, h hash.Hash) error {
	got := digest.NewDigest(want.Digest.Algorithm(), h)
	if n != want.Size || got != want.Digest {
		return &CorruptError{Name: name, Want: want.Digest, WantSize: want.Size, Got: got, GotSize: n}
	}
	return nil
}

// A CorruptError is content that is not what its name or descriptor says.
type CorruptError struct {
	Name              string // path in the layout, or of the file
	Want, Got         digest.Digest
	WantSize, GotSize int64 // bytes; Got is empty when the size alone was enough
}

func (e *CorruptError) Error() string {
	switch {
	case e.GotSize > e.WantSize && e.WantSize >= 0:
		return fmt.Sprintf("%s: size mismatch: want %d bytes, found more (at least %d)", e.Name, e.WantSize, e.GotSize)
	case e.GotSize != e.WantSize && e.WantSize >= 0:
		return fmt.Sprintf("%s: size mismatch: want %d bytes, found %d", e.Name, e.WantSize, e.GotSize)
	}
	return fmt.Sprintf("%s: digest mismatch: want %s, found %s (%d bytes)", e.Name, e.Want, e.Got, e.GotSize)
}
