package compression

import (
	"io"
	"strings"

	"github.com/klauspost/compress/gzip"
)

// A gunzip inflates gzip (RFC 1952) member by member, so that it knows where
// the stream may end: the library takes input that ends within the header of
// a later member for the end of the whole.
type gunzip struct {
	z     gzip.Reader
	in    byteScanner
	err   error
	watch *Watch // or nil
}

type byteScanner interface {
	io.Reader
	io.ByteScanner
}

// reset begins a stream with its first header.
func (g *gunzip) reset(in byteScanner) error {
	g.in, g.err = in, nil
	return g.header()
}

func (g *gunzip) header() error {
	err := g.z.Reset(g.in)
	g.z.Multistream(false)
	if err == io.EOF {
		err = io.ErrUnexpectedEOF
	}
	if err == nil && g.watch != nil && g.watch.Aside != nil {
		err = g.asides()
	}
	return err
}

// asides hands over what the header carries.
func (g *gunzip) asides() error {
	for _, x := range []struct{ what, data string }{{"gzip extra field", string(g.z.Extra)}, {"gzip name", g.z.Name}, {"gzip comment", g.z.Comment}} {
		if x.data == "" {
			continue
		}
		if err := g.watch.Aside(x.what, int64(len(x.data)), strings.NewReader(x.data)); err != nil {
			return &watchError{err}
		}
	}
	return nil
}

// A watchError is one of a Watch; it ends the stream and is handed on as it is.
type watchError struct{ err error }

func (e *watchError) Error() string { return e.err.Error() }

// Read returns io.EOF where nothing stands behind a member.
func (g *gunzip) Read(p []byte) (n int, err error) {
	for g.err == nil && n == 0 && len(p) > 0 {
		if n, g.err = g.z.Read(p); g.err != io.EOF {
			continue
		}
		if _, g.err = g.in.ReadByte(); g.err != nil {
			continue
		}
		if g.err = g.in.UnreadByte(); g.err == nil {
			g.err = g.header()
		}
	}
	if n > 0 {
		return n, nil
	}
	return 0, g.err
}
