package lei

import (
	"bufio"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"strconv"

	"github.com/ociferry/ferry/layout/compression"
)

// blockSize is how much is read and written at a time.
const blockSize = 256 << 10

// DefaultLEIVersion is the lei_version of an export that is not told another:
// the version of the original whose format this is.
const DefaultLEIVersion = "0.9.1"

// ErrEmpty is returned by Export for an input without reports.
var ErrEmpty = errors.New("no reports to export")

// ExportOptions says how a snapshot is made. Date and Created are required.
type ExportOptions struct {
	Date       string // a calendar date, YYYY-MM-DD
	Created    string // RFC 3339
	LEIVersion string // DefaultLEIVersion if empty

	SkipMalformed bool  // drop lines that are not reports, and count them
	AllowEmpty    bool  // make a snapshot of no reports, as the original does: one line feed
	MaxLine       int64 // bytes in a line; 0 means the constant MaxLine
	MaxRaw        int64 // bytes of uncompressed input; 0 means no limit

	AllowSecrets bool // find secrets in data.config and go on; see Secrets
	Redact       bool // put null in their place, the development defaults included
	RedactEmails bool // put a hash in the place of addresses; see RedactedDomain

	// SingleMember makes cache.jsonl.gz one gzip member, a few thousandths
	// smaller, and inflated on one core only.
	SingleMember bool
}

// An ExportReport is what Export has to say besides the snapshot.
type ExportReport struct {
	Skipped      int64   // lines dropped as malformed
	FirstSkipped []error // what was wrong with the first few
	InvalidUTF8  int64   // reports that are not UTF-8
	Secrets      *Secrets

	RedactedSecrets int64 // values
	RedactedEmails  int64 // addresses
}

// maxFirstSkipped is how many malformed lines a report describes.
const maxFirstSkipped = 5

// Export makes a snapshot: it reads JSONL, plain or compressed with gzip or
// zstd, from r to its end and writes the two files.
//
// Lines pass through byte for byte, redaction apart, so that big integers, the
// order of keys and escapes survive; empty lines are dropped, and a last line
// without a line feed gets one. What a line must be is said at ScanPayload. In
// manifest.json, whose bytes follow the original's form, repos holds each
// report's data.repo, else its header.repo, else "unknown", once, in the order
// of appearance; a repo that is neither string nor null is malformed. Where
// something was redacted, manifest.json counts it in the field "redacted".
//
// cache.jsonl.gz consists of gzip members of 4 MiB of JSONL, and up to the end
// of the line there, so that it is inflated on several cores.
//
// Memory is a few MiB, one line, and 16 bytes for each repository that
// differs. After an error what was written is to be thrown away, the report
// says what was found up to then. The error is ErrEmpty, a *SecretsError, a
// *FormatError, both without a file name (the input's is the caller's to add),
// or that of r, ctx or a writer.
func Export(ctx context.Context, r io.Reader, manifest, cache io.Writer, o ExportOptions) (*Snapshot, *ExportReport, error) {
	if o.LEIVersion == "" {
		o.LEIVersion = DefaultLEIVersion
	}
	if !validDate(o.Date) {
		return nil, nil, fmt.Errorf("date: want a date as YYYY-MM-DD, found %s", quote(o.Date))
	}
	if !validTime(o.Created) {
		return nil, nil, fmt.Errorf("created: want a time in RFC 3339, found %s", quote(o.Created))
	}
	source := &countReader{r: r}
	in, err := openLines(source)
	if err != nil {
		return nil, nil, err
	}
	defer in.Close()

	e := &exporter{o: o, sum: newContentSum(), repos: newRepoList(manifest), report: &ExportReport{}}
	e.rep = &Report{wantFields: true, wantSecrets: true}
	e.rep.secrets.wantSpans = o.Redact
	out := &countWriter{w: bufio.NewWriterSize(cache, blockSize)}
	e.out = compression.NewMemberWriter(out)
	err = e.run(ctx, in)
	if source.err != nil && errors.Is(err, source.err) {
		err = source.err // the stream is not damaged, its reading failed
	}
	if cerr := e.out.Close(); err == nil {
		err = cerr
	}
	if err == nil {
		err = out.w.Flush()
	}
	e.report.InvalidUTF8 = e.sum.invalid
	e.report.Secrets = e.rep.secrets.report()
	if e.report.Secrets.Err() != nil && err == nil && !o.AllowSecrets && !o.Redact {
		err = &SecretsError{Secrets: e.report.Secrets}
	}
	if err != nil {
		return nil, e.report, err
	}
	s := &Snapshot{
		FormatVersion: "1.0", LEIVersion: o.LEIVersion, Date: o.Date, Created: o.Created,
		EntryCount: e.lines.reports, RawSize: e.raw, CompressedSize: out.n,
		ContentHash: e.sum.hex(), Repos: e.repos.n,
	}
	return s, e.report, e.repos.finish(s, e.report)
}

// openLines inflates r, if it is compressed by its first bytes.
func openLines(r io.Reader) (io.ReadCloser, error) {
	br := bufio.NewReaderSize(r, 64<<10)
	head, err := br.Peek(compression.MagicLen)
	if err != nil && err != io.EOF {
		return nil, err
	}
	f, err := compression.Detect(head)
	if err != nil {
		return nil, &FormatError{Msg: "want JSONL, plain or compressed with gzip or zstd, found another compression", err: err}
	}
	if f == compression.Gzip {
		return compression.NewMemberReader(br, 0), nil
	}
	return f.NewReader(br)
}

type exporter struct {
	o      ExportOptions
	lines  *lines
	rep    *Report
	report *ExportReport
	repos  *repoList
	out    *compression.MemberWriter
	sum    *contentSum
	raw    int64

	edited, hashed []byte // the line after redaction
}

// minMember is how many bytes of JSONL a gzip member has, the last one apart: it
// ends with the line that reaches them.
const minMember = 4 << 20

// write writes a line of JSONL, compressed.
func (e *exporter) write(line []byte) error {
	if _, err := e.out.Write(line); err != nil {
		return err
	}
	if _, err := e.out.Write([]byte{'\n'}); err != nil {
		return err
	}
	if e.o.SingleMember || e.out.Len() < minMember {
		return nil
	}
	return e.out.Cut()
}

func (e *exporter) run(ctx context.Context, in io.Reader) error {
	e.lines = newLines(e.rep, e.o.MaxLine)
	e.lines.each, e.lines.text = e.line, true
	if e.o.SkipMalformed {
		e.lines.skip = func(err error) {
			if e.report.Skipped++; e.report.Skipped <= maxFirstSkipped {
				e.report.FirstSkipped = append(e.report.FirstSkipped, err)
			}
		}
	}
	buf := make([]byte, blockSize)
	var read int64
	for {
		if err := context.Cause(ctx); err != nil {
			return err
		}
		n, err := in.Read(buf)
		if read += int64(n); e.o.MaxRaw > 0 && read > e.o.MaxRaw {
			return &FormatError{Msg: fmt.Sprintf("want at most %d bytes of JSONL, found more", e.o.MaxRaw)}
		}
		if err := e.lines.scan(buf[:n]); err != nil {
			return err
		}
		if err == io.EOF {
			break
		}
		if err != nil {
			return damaged("", err)
		}
	}
	if err := e.lines.finish(); err != nil {
		return err
	}
	if e.lines.reports > 0 {
		return nil
	}
	if !e.o.AllowEmpty {
		return ErrEmpty
	}
	e.raw = 1
	return e.write(nil)
}

// line takes one report.
func (e *exporter) line(line []byte) error {
	repo, err := e.rep.repo()
	if err != nil {
		return err
	}
	if spans := e.rep.secrets.spans; len(spans) > 0 {
		e.edited = splice(e.edited[:0], line, spans, "null")
		e.report.RedactedSecrets += int64(len(spans))
		line = e.edited
	}
	if e.o.RedactEmails {
		var n int64
		e.hashed, n = redactEmails(e.hashed[:0], line)
		e.report.RedactedEmails += n
		line = e.hashed
	}
	e.raw += int64(len(line)) + 1
	e.sum.write(line)
	e.sum.endLine()
	if err := e.repos.add(repo); err != nil {
		return err
	}
	return e.write(line)
}

// repo is the report's repository by the rule of the original.
func (r *Report) repo() ([]byte, error) {
	for _, f := range []struct {
		*field
		path string
	}{{&r.dataRepo, "data.repo"}, {&r.headerRepo, "header.repo"}} {
		switch {
		case !f.set || f.kind == kindNull:
		case f.kind != kindString:
			return nil, &FormatError{Path: f.path, Msg: "want a string or null, found another value"}
		case len(f.text) > maxRepo:
			return nil, &FormatError{Path: f.path, Msg: fmt.Sprintf("want at most %d bytes, found %d", maxRepo, len(f.text))}
		default:
			return f.text, nil
		}
	}
	return []byte("unknown"), nil
}

// maxRepo is the longest name of a repository, in bytes.
const maxRepo = 64 << 10

// splice is line with each span replaced.
func splice(dst, line []byte, spans []span, with string) []byte {
	at := int64(0)
	for _, s := range spans {
		dst = append(dst, line[at:s.start]...)
		dst = append(dst, with...)
		at = s.end
	}
	return append(dst, line[at:]...)
}

// A repoSet tells names apart by 16 bytes of their SHA-256.
type repoSet map[[16]byte]struct{}

// add says whether the name is new.
func (s repoSet) add(name []byte) bool {
	sum := sha256.Sum256(name)
	key := [16]byte(sum[:16])
	if _, ok := s[key]; ok {
		return false
	}
	s[key] = struct{}{}
	return true
}

// repoList writes manifest.json. The list of repositories comes first, as in
// the original's descending order of keys, so that it need not be held until
// the counts are known.
type repoList struct {
	w    *bufio.Writer
	seen repoSet
	n    int64
	buf  []byte
}

func newRepoList(w io.Writer) *repoList {
	return &repoList{w: bufio.NewWriterSize(w, 64<<10), seen: repoSet{}}
}

func (l *repoList) add(name []byte) error {
	if !l.seen.add(name) {
		return nil
	}
	l.buf = append(l.buf[:0], ",\n    "...)
	if l.n++; l.n == 1 {
		l.buf = append(l.buf[:0], "{\n  \"repos\": [\n    "...)
	}
	l.buf = appendString(l.buf, name)
	_, err := l.w.Write(l.buf)
	return err
}

func (l *repoList) finish(s *Snapshot, r *ExportReport) error {
	b := []byte("\n  ],\n")
	if l.n == 0 {
		b = []byte("{\n  \"repos\": [],\n")
	}
	if r.RedactedSecrets > 0 || r.RedactedEmails > 0 {
		b = fmt.Appendf(b, "  \"redacted\": {\n    \"secrets\": %d,\n    \"emails\": %d\n  },\n", r.RedactedSecrets, r.RedactedEmails)
	}
	text := func(name, value, end string) {
		b = append(strconv.AppendQuote(append(b, "  "...), name), ": "...)
		b = append(appendString(b, []byte(value)), end...)
	}
	number := func(name string, value int64, end string) {
		b = fmt.Appendf(b, "  %q: %d%s", name, value, end)
	}
	number("raw_size", s.RawSize, ",\n")
	text("lei_version", s.LEIVersion, ",\n")
	text("format_version", s.FormatVersion, ",\n")
	number("entry_count", s.EntryCount, ",\n")
	text("date", s.Date, ",\n")
	text("created", s.Created, ",\n")
	text("content_hash", s.ContentHash, ",\n")
	number("compressed_size", s.CompressedSize, "\n}")
	l.w.Write(b)
	return l.w.Flush()
}

// countWriter counts what was written.
type countWriter struct {
	w *bufio.Writer
	n int64
}

func (c *countWriter) Write(p []byte) (int, error) {
	n, err := c.w.Write(p)
	c.n += int64(n)
	return n, err
}
