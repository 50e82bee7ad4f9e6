package bundle

import (
	"context"
	"io"

	"github.com/ociferry/ferry/layout"
	"github.com/ociferry/ferry/layout/artifact"
	"github.com/ociferry/ferry/layout/compression"
)

// PackOptions say what Pack makes of the files. The zero value packs them without
// a name and signs nothing.
type PackOptions struct {
	// Names are the full references of the artifact.
	Names []string
	// Sign makes the signatures of the seal; see layout.Contents.
	Sign func(seal []byte) ([]layout.Signature, error)
}

// Pack writes the artifact of a plan as a bundle, as Write does: with w
// Uncommitted the files are read once. What the kind's check refuses is an error,
// and w is worthless then. The contents are those that were written.
func Pack(ctx context.Context, w io.Writer, format *compression.Format, p *artifact.Plan, o PackOptions) (*artifact.Packed, *layout.Contents, error) {
	c, packed, err := p.Contents(o.Names...)
	if err != nil {
		return nil, nil, err
	}
	c.Sign = o.Sign
	return packed, c, Write(ctx, w, format, c)
}
