// Package compression reads and writes the two compressions that a bundle or
// a payload may wear, gzip and zstd, within fixed memory.
//
//   - A stream is told by its first bytes, never by a file name.
//   - A name chooses the form of an output: .tar, .tar.gz or .tgz, .tar.zst.
//   - A reader drains its stream to the end: checksums, sizes and further gzip
//     members or zstd frames are checked, and anything behind the last one is
//     an error. Zeros behind a gzip stream are garbage like any other.
//   - A zstd frame that asks for a window beyond MaxWindow is refused before
//     memory is set aside for it; frames that need a dictionary are refused.
//   - A writer makes the same bytes for the same input, whatever the number of
//     cores: no name, no time, fixed block sizes.
//
// The package does not bound how much a stream inflates to; that is the
// caller's, who knows what to expect.
package compression

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"runtime"
	"strings"
	"sync"
	"time"

	"github.com/klauspost/compress/gzip"
	"github.com/klauspost/compress/zstd"
	"github.com/klauspost/pgzip"
)

// MaxWindow is the largest zstd window, in bytes, that a Reader accepts. It
// covers every zstd level up to 20; "zstd --long" and "--ultra -21" exceed it.
const MaxWindow = 32 << 20

// ErrUnsupported is wrapped by the error for a stream in a format that is
// known by its first bytes but not read here, such as xz or zip.
var ErrUnsupported = errors.New("unsupported compression")

// A Format is one row of the table: None, Gzip or Zstd.
type Format struct {
	Name     string   // "gzip"
	Suffixes []string // of an output's name, the usual one first
	magic    []byte
	open     func(io.Reader, *Watch) (io.ReadCloser, error)
	create   func(io.Writer) (io.WriteCloser, error)
	stored   *storedForm // nil: as it is
}

// String is the format's name.
func (f *Format) String() string { return f.Name }

// The formats that are read and written.
var (
	None = &Format{
		Name: "none", Suffixes: []string{".tar"},
		open:   func(r io.Reader, _ *Watch) (io.ReadCloser, error) { return io.NopCloser(r), nil },
		create: func(w io.Writer) (io.WriteCloser, error) { return nopCloser{w}, nil },
	}
	Gzip = &Format{
		Name: "gzip", Suffixes: []string{".tar.gz", ".tgz"}, magic: []byte{0x1f, 0x8b},
		open: openGzip, create: createGzip, stored: gzipStored,
	}
	Zstd = &Format{
		Name: "zstd", Suffixes: []string{".tar.zst", ".tzst"}, magic: []byte{0x28, 0xb5, 0x2f, 0xfd},
		open: openZstd, create: createZstd, stored: zstdStored,
	}
)

var formats = []*Format{None, Gzip, Zstd}

// foreign names the formats that people hand over by mistake.
var foreign = []struct {
	name  string
	magic string
}{
	{"xz", "\xfd7zXZ\x00"},
	{"bzip2", "BZh"},
	{"zip", "PK\x03\x04"},
	{"empty zip", "PK\x05\x06"},
	{"7-Zip", "7z\xbc\xaf\x27\x1c"},
	{"lz4", "\x04\x22\x4d\x18"},
	{"lzip", "LZIP"},
	{"RAR", "Rar!"},
	{"PDF", "%PDF"},
	{"ELF executable", "\x7fELF"},
}

// MagicLen is the number of bytes that Detect wants to see.
const MagicLen = 6

// Detect tells the format of a stream from its first MagicLen bytes (fewer if
// the stream is shorter). What it does not know is None. The error wraps
// ErrUnsupported and names a known format that is not read here.
func Detect(head []byte) (*Format, error) {
	for _, f := range formats {
		if f.magic != nil && bytes.HasPrefix(head, f.magic) {
			return f, nil
		}
	}
	// A zstd stream may begin with a skippable frame.
	if len(head) >= 4 && head[0]&0xf0 == 0x50 && bytes.Equal(head[1:4], []byte{0x2a, 0x4d, 0x18}) {
		return Zstd, nil
	}
	if name := foreignName(head); name != "" {
		return nil, fmt.Errorf("%w: this is %s data; want a tar, plain or compressed with gzip or zstd", ErrUnsupported, name)
	}
	return None, nil
}

func foreignName(head []byte) string {
	for _, f := range foreign {
		if bytes.HasPrefix(head, []byte(f.magic)) {
			return f.name
		}
	}
	return ""
}

// ByName is the format that an output's name asks for, or nil when the name
// has none of the suffixes and so means a directory.
func ByName(name string) *Format {
	lower := strings.ToLower(name)
	for _, f := range formats {
		for _, s := range f.Suffixes {
			if strings.HasSuffix(lower, s) {
				return f
			}
		}
	}
	return nil
}

// NewReader inflates r. The caller closes it; closing does not close r.
// Reading to io.EOF means that every checksum of the stream held and that
// nothing stood behind it.
func (f *Format) NewReader(r io.Reader) (io.ReadCloser, error) { return f.open(r, nil) }

// A Watch is told what else a compressed stream holds and wants. The functions
// are called while the stream is read; what they return as an error ends it.
type Watch struct {
	// Aside, unless it is nil, gets what the stream carries beside its content:
	// the extra field, the name and the comment of each gzip header (RFC 1952,
	// section 2.3.1), and the content of skippable zstd frames (RFC 8878, section
	// 3.1.2). It reads as much of r as it likes.
	Aside func(what string, size int64, r io.Reader) error
	// Window, unless it is nil, is asked before memory is set aside for a zstd
	// frame whose window has so many bytes.
	Window func(bytes int64) error
}

// NewWatchedReader is NewReader, and tells w what it finds.
func (f *Format) NewWatchedReader(r io.Reader, w Watch) (io.ReadCloser, error) { return f.open(r, &w) }

// NewWriter compresses to w. The output is complete only when Close has
// returned nil; closing does not close w.
func (f *Format) NewWriter(w io.Writer) *Writer {
	return &Writer{format: f, w: &blocks{w: w}}
}

type nopCloser struct{ io.Writer }

func (nopCloser) Close() error { return nil }

// Blocks of this size keep reader and writer well under the memory limit and
// are as fast as larger ones.
const blockSize = 256 << 10

// gunzips are kept for the next stream, since each takes some 50 KiB.
var gunzips = sync.Pool{New: func() any { return new(gunzip) }}

func openGzip(r io.Reader, w *Watch) (io.ReadCloser, error) {
	in, ok := r.(*bufio.Reader)
	if !ok {
		in = bufio.NewReaderSize(r, 64<<10)
	}
	z := gunzips.Get().(*gunzip)
	z.watch = w
	if err := z.reset(in); err != nil {
		return nil, streamError("gzip", err)
	}
	return &reader{z, "gzip", sync.OnceValue(func() error { gunzips.Put(z); return nil })}, nil
}

func createGzip(w io.Writer) (io.WriteCloser, error) {
	// Level 5 is within a per cent of 6 in size and faster; both notice data
	// that does not compress and store it.
	z, err := pgzip.NewWriterLevel(w, 5)
	if err != nil {
		return nil, err
	}
	z.ModTime = time.Unix(0, 0) // the zero time would be written as some other
	if err := z.SetConcurrency(blockSize, runtime.GOMAXPROCS(0)+1); err != nil {
		return nil, err
	}
	return z, nil
}

func openZstd(r io.Reader, w *Watch) (io.ReadCloser, error) {
	if w != nil && (w.Aside != nil || w.Window != nil) {
		r = &zstdFrames{r: bufio.NewReader(r), w: w}
	}
	z, err := zstd.NewReader(r,
		zstd.WithDecoderConcurrency(1),
		zstd.WithDecoderLowmem(true),
		zstd.WithDecoderMaxWindow(MaxWindow),
		zstd.WithDecoderMaxMemory(1<<62)) // of the whole stream; the caller bounds that
	if err != nil {
		return nil, streamError("zstd", err)
	}
	return &reader{z, "zstd", func() error { z.Close(); return nil }}, nil
}

func createZstd(w io.Writer) (io.WriteCloser, error) {
	return zstd.NewWriter(w,
		zstd.WithEncoderLevel(zstd.SpeedDefault),
		zstd.WithEncoderConcurrency(2),
		zstd.WithWindowSize(2<<20),
		zstd.WithEncoderCRC(true))
}

// reader gives the errors of the two libraries one voice.
type reader struct {
	r     io.Reader
	name  string
	close func() error
}

func (r *reader) Read(p []byte) (int, error) {
	n, err := r.r.Read(p)
	if err != nil && err != io.EOF {
		err = streamError(r.name, err)
	}
	return n, err
}

func (r *reader) Close() error { return r.close() }

// An Error is damage in a compressed stream.
type Error struct {
	Format string // "gzip" or "zstd"
	Err    error
}

func (e *Error) Error() string {
	msg := strings.TrimPrefix(e.Err.Error(), e.Format+": ")
	switch {
	case errors.Is(e.Err, io.ErrUnexpectedEOF) || errors.Is(e.Err, io.EOF):
		return e.Format + " stream is truncated (unexpected EOF)"
	case errors.Is(e.Err, zstd.ErrWindowSizeExceeded):
		return fmt.Sprintf("zstd window is larger than the limit of %d bytes; compress it again with a level up to 20 and without --long", MaxWindow)
	case errors.Is(e.Err, zstd.ErrMagicMismatch), errors.Is(e.Err, gzip.ErrHeader):
		return e.Format + " header is invalid or trailing garbage follows the stream"
	}
	return e.Format + " stream is damaged: " + msg
}

func (e *Error) Unwrap() error { return e.Err }

func streamError(name string, err error) error {
	if err == io.EOF { // NewReader on an empty or cut header
		err = io.ErrUnexpectedEOF
	}
	if w := (*watchError)(nil); errors.As(err, &w) {
		return w.err
	}
	return &Error{name, err}
}
