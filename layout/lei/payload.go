package lei

import (
	"bufio"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"

	"github.com/ociferry/ferry/layout/compression"
)

// MaxLine is the limit, in bytes, that a zero MaxLine stands for: one report
// is at most 64 MiB.
const MaxLine = 64 << 20

// ScanOptions says what ScanPayload allows and looks for.
type ScanOptions struct {
	// MaxRaw is the largest number of bytes to inflate, the raw_size of
	// manifest.json; what is longer is an error. Below 0 it is not known.
	MaxRaw int64
	// MaxReports is the largest number of reports; more is an error. 0 means
	// any number.
	MaxReports int64
	// MaxLine is the length of a line in bytes; 0 means the constant MaxLine.
	MaxLine int64
	// Secrets asks for data.config to be searched; see Secrets.
	Secrets bool
	// Watch sees the reports as they are checked.
	Watch Watch
}

// A Watch sees the reports of a payload in the pass in which it is checked. What
// it sees comes from a stream that is not checked to its end. The zero value
// sees nothing.
type Watch struct {
	// Report, if not nil, is called for each report in turn. An error ends the
	// scan, and is its error.
	Report func(*Report) error
	// Text asks for Report.Text: a line of at most MaxLine is held in memory.
	Text bool
	// End, if not nil, is called when the payload turned out to be sound.
	End func(*Payload)

	sum bool // asks for fingerprints
}

// A Payload is what cache.jsonl.gz holds, as it was found.
type Payload struct {
	Entries        int64  // reports
	RawSize        int64  // bytes of JSONL
	CompressedSize int64  // bytes of gzip
	ContentHash    string // SHA-256 of the JSONL without its line feeds
	InvalidUTF8    int64  // reports that are not UTF-8: allowed, worth a notice
	Secrets        *Secrets
}

// ScanPayload reads a cache.jsonl.gz from r to its end and checks it, in
// constant memory, whatever the length of the file or of a line in it.
//
//   - It is gzip by its first bytes, in one member or several, whole: checksums
//     and sizes are right and nothing stands behind the last member.
//   - Each line is one JSON object by the grammar of RFC 8259, at most MaxDepth
//     deep. White space around it, a carriage return before the line feed and a
//     last line without line feed are allowed; empty lines are skipped. A lone
//     surrogate escape and a number that a 64-bit float cannot hold are refused.
//   - Invalid UTF-8 within a string is counted and allowed.
//
// An error is a *FormatError with the file cache.jsonl.gz where the content is
// at fault, and else the error of r or of ctx. After an error r may have been
// read further than the place that the error names.
func ScanPayload(ctx context.Context, r io.Reader, o ScanOptions) (*Payload, error) {
	in := &countReader{r: r}
	br := bufio.NewReaderSize(in, 64<<10)
	head, err := br.Peek(compression.MagicLen)
	if err != nil && err != io.EOF {
		return nil, inFile(cacheName, err)
	}
	if f, err := compression.Detect(head); f != compression.Gzip {
		found := "something else"
		switch {
		case len(head) == 0:
			found = "an empty file"
		case err != nil:
			return nil, &FormatError{File: cacheName, Msg: "want gzip data, found another compression", err: err}
		case f == compression.Zstd:
			found = "zstd data"
		}
		return nil, &FormatError{File: cacheName, Msg: "want gzip data, found " + found}
	}
	z := compression.NewMemberReader(br, 0)
	defer z.Close()

	var rep *Report
	if o.Secrets || o.Watch.Report != nil {
		rep = &Report{wantSecrets: o.Secrets, wantFields: o.Watch.Report != nil}
	}
	l := newLines(rep, o.MaxLine)
	l.maxReports = o.MaxReports
	if o.Watch.Report != nil {
		if o.Watch.sum {
			rep.sum = &textSum{h: sha256.New()}
		}
		l.text = o.Watch.Text
		l.each = func(line []byte) error {
			rep.text = line
			return o.Watch.Report(rep)
		}
	}
	limit := o.MaxRaw
	if limit < 0 {
		limit = 1<<63 - 1
	}
	sum, err := pipeline(ctx, z, limit, l.scan)
	if err == nil {
		err = l.finish()
	}
	switch {
	case err == nil:
	case errors.Is(err, errTooLarge):
		return nil, &FormatError{File: cacheName, Msg: fmt.Sprintf("want %d bytes of JSONL (raw_size), found a larger number", o.MaxRaw), err: err}
	case in.err != nil && errors.Is(err, in.err): // the stream is not damaged, its reading failed
		return nil, inFile(cacheName, in.err)
	default:
		return nil, damaged(cacheName, err)
	}
	z.Close()
	p := &Payload{Entries: l.reports, RawSize: sum.raw, CompressedSize: in.n, ContentHash: sum.hash, InvalidUTF8: sum.invalid}
	if o.Secrets {
		p.Secrets = rep.secrets.report()
	}
	if o.Watch.End != nil {
		o.Watch.End(p)
	}
	return p, nil
}

// damaged names the file of an error, and makes damage of a compressed stream
// a *FormatError.
func damaged(name string, err error) error {
	var z *compression.Error
	if errors.As(err, &z) {
		return &FormatError{File: name, Msg: err.Error(), err: err}
	}
	return inFile(name, err)
}

// countReader counts what was read, and keeps the error that was not io.EOF.
type countReader struct {
	r   io.Reader
	n   int64
	err error
}

func (c *countReader) Read(p []byte) (int, error) {
	n, err := c.r.Read(p)
	c.n += int64(n)
	if err != nil && err != io.EOF {
		c.err = err
	}
	return n, err
}
