package bundle

import (
	"bytes"
	"context"
	"crypto/sha256"
	"fmt"
	"math/rand/v2"
	"testing"
	"testing/iotest"

	"github.com/ociferry/ferry/layout"
)

// Describe says of an archive what Verify and sha256sum say of it.
func TestDescribe(t *testing.T) {
	layers := randomLayers(rand.New(rand.NewPCG(1, 2)))
	for _, f := range formats {
		archive := onePass(t, f, signedOf(layers))
		d, err := Describe(context.Background(), iotest.HalfReader(bytes.NewReader(archive)), layout.AuditOptions{})
		if err == nil {
			err = d.Report.Err()
		}
		if err != nil {
			t.Fatalf("%s: %v", f, err)
		}
		if want := fmt.Sprintf("%x", sha256.Sum256(archive)); d.SHA256 != want || d.Size != int64(len(archive)) || d.Compression != f || !d.Report.Sealed {
			t.Errorf("%s: %s, %d bytes, %s, sealed %t; want %s, %d bytes", f, d.SHA256, d.Size, d.Compression, d.Report.Sealed, want, len(archive))
		}
		if _, err := Describe(context.Background(), bytes.NewReader(archive[:len(archive)/2]), layout.AuditOptions{}); err == nil {
			t.Errorf("%s: half of it is described", f)
		}
	}
}
