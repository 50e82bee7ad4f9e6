package bundle

import (
	"bufio"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"io"

	"github.com/ociferry/ferry/layout"
	"github.com/ociferry/ferry/layout/compression"
	"github.com/ociferry/ferry/layout/stream"
)

// A Description is what is known of an archive as the file that is carried.
type Description struct {
	Report *layout.Report
	// Compression is how the archive is compressed, by its first bytes.
	Compression *compression.Format
	// Size is the archive's own size in bytes.
	Size int64
	// SHA256 is that of the archive's own bytes, 64 lower-case hexadecimal
	// digits: what sha256sum prints.
	SHA256 string
}

// Describe verifies an archive as Verify does and hashes all of its bytes, in one
// pass, on a core of its own. The error is that of Verify, or of reading what
// follows the archive's end; the Err of the report is the verdict.
func Describe(ctx context.Context, r io.Reader, o layout.AuditOptions) (*Description, error) {
	b := bufio.NewReader(r)
	head, err := b.Peek(compression.MagicLen)
	if err != nil && err != io.EOF {
		return nil, err
	}
	var d Description
	if d.Compression, err = compression.Detect(head); err != nil {
		return nil, err
	}
	h := sha256.New()
	pr, pw := io.Pipe()
	read := make(chan error, 1)
	go func() {
		n, err := stream.FanOut(ctx, b, h, pw)
		d.Size = n
		pw.CloseWithError(err) // nil is the end
		read <- err
	}()
	if d.Report, err = Verify(ctx, pr, o); err == nil {
		_, err = io.Copy(io.Discard, pr)
	}
	pr.Close() // lets the reader end after an error
	if e := <-read; err == nil {
		err = e
	}
	if err != nil {
		return nil, err
	}
	d.SHA256 = hex.EncodeToString(h.Sum(nil))
	return &d, nil
}
