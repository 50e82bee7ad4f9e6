package bundle

import (
	"archive/tar"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"path"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/ociferry/ferry/layout"
	"github.com/ociferry/ferry/layout/compression"
)

// Limits of an archive.
const (
	maxEntries  = 2 * layout.MaxFiles // directories count as well
	maxName     = 1024                // bytes
	maxElements = 32                  // of a name
	maxPadding  = 64 << 20            // zeros behind the end
	maxExtended = 1 << 20             // bytes of an extended header
	maxUnknown  = 1 << 30             // bytes of files that are no part of a layout
	slack       = 64 << 20            // inflated before the ratio counts
	maxRatio    = 100                 // inflated to compressed, where no descriptor speaks for the bytes
	bigSlack    = 16 << 30            // inflated before bigRatio counts
	bigRatio    = 1100                // inflated to compressed, whatever is announced: what deflate can do
	readAhead   = 64 << 10            // so that headers and small files take few calls to the system
)

// ErrNotTar is wrapped by the error for a stream that is not a tar archive.
var ErrNotTar = errors.New("not a tar archive")

// An EntryError is an entry of an archive that cannot be accepted. What it
// says of the entry's name is quoted.
type EntryError struct {
	Name string
	Msg  string
}

// What an EntryError says of an archive that is cut short.
const (
	msgTruncated = "the archive is truncated here (unexpected EOF)"
	msgEmpty     = "empty file: 0 bytes, want a tar archive"
)

// Is makes an archive that is cut short an io.ErrUnexpectedEOF.
func (e *EntryError) Is(target error) bool {
	return target == io.ErrUnexpectedEOF && (e.Msg == msgTruncated || e.Msg == msgEmpty)
}

func (e *EntryError) Error() string {
	if e.Name == "" {
		return e.Msg
	}
	return fmt.Sprintf("entry %s: %s", layout.Printable(e.Name), e.Msg)
}

// entries reads the regular files of a layout out of a tar stream, in its
// order, and holds every rule about names and types. Read reads the content of
// the file that next has returned.
type entries struct {
	stream  *ratioLimiter
	seek    io.Seeker // of the stream, when contents are passed over without reading them
	left    int64     // bytes of the content that have not been read
	pad     int64     // bytes between the content and the next header
	raw     [blockSize]byte
	seen    map[[16]byte]bool // hash of a folded name: true for a file
	dir     string            // of the last file: it is one, and so are those above it
	count   int
	unknown int64
	first   bool
}

func newEntries(m *ratioLimiter) *entries {
	return &entries{stream: m, seen: map[[16]byte]bool{}, first: true}
}

// newSeekingEntries passes over contents instead of reading them. Who uses it
// checks that they are there.
func newSeekingEntries(r io.ReadSeeker) *entries {
	e := newEntries(&ratioLimiter{r: r, raw: &counter{}, plain: true})
	e.seek = r
	return e
}

func (e *entries) Read(p []byte) (int, error) {
	if e.left == 0 {
		return 0, io.EOF
	}
	n, err := e.stream.Read(p[:min(int64(len(p)), e.left)])
	if e.left -= int64(n); err == io.EOF && e.left > 0 {
		err = io.ErrUnexpectedEOF
	}
	return n, err
}

// pass passes over what is left of the last content, and its padding.
func (e *entries) pass() error {
	if e.seek != nil && e.left > 0 {
		if _, err := e.seek.Seek(e.left, io.SeekCurrent); err != nil {
			return err
		}
		e.left = 0
	}
	if e.left > 0 {
		if _, err := io.Copy(io.Discard, e); err != nil {
			return e.headerError(err)
		}
	}
	if e.pad == 0 {
		return nil
	}
	pad := e.raw[:e.pad]
	if _, err := io.ReadFull(e.stream, pad); err == io.EOF {
		return e.headerError(io.ErrUnexpectedEOF)
	} else if err != nil {
		return e.headerError(err)
	}
	if !allNUL(pad) {
		return &EntryError{"", fmt.Sprintf("data where zeros must fill the last block of a file, near byte %d", e.at())}
	}
	e.pad = 0
	return nil
}

// content notes what comes next.
func (e *entries) content(size int64) {
	e.left, e.pad = size, (blockSize-size%blockSize)%blockSize
}

// header is the next header, with what the extended headers before it say.
// io.EOF means that no more follow, and nothing of the padding.
func (e *entries) header() (*tarHeader, error) {
	var x extension
	for {
		if err := e.pass(); err != nil {
			return nil, err
		}
		switch _, err := io.ReadFull(e.stream, e.raw[:]); {
		case err == io.EOF && x.flags == "":
			return nil, err
		case err == io.EOF:
			return nil, e.headerError(io.ErrUnexpectedEOF)
		case err != nil:
			return nil, e.headerError(err)
		case allNUL(e.raw[:]):
			return nil, e.marker(&x)
		}
		b, err := parseBlock(e.raw[:])
		if err == errCorrupt {
			return nil, e.headerError(err)
		}
		e.first = false
		if bad := unsupported(b.flag); bad != "" {
			return nil, &EntryError{b.name, bad}
		}
		if err != nil {
			return nil, ambiguous(b.name, err)
		}
		extended := b.flag == tar.TypeXHeader || b.flag == tar.TypeGNULongName || b.flag == tar.TypeGNULongLink
		if e.count++; e.count > maxEntries {
			return nil, &EntryError{b.name, fmt.Sprintf("too many entries, the limit is %d", maxEntries)}
		}
		if extended {
			e.count-- // there are few before each entry
		}
		if extended || b.flag == tar.TypeXGlobalHeader {
			data, err := e.extended(b.size)
			if err != nil {
				return nil, err
			}
			if err := x.add(b, data); err != nil {
				return nil, ambiguous(b.name, err)
			}
			continue
		}
		h, err := x.entry(b)
		if err != nil {
			if _, unsafe := entryName(h); unsafe != nil {
				return nil, unsafe
			}
			return nil, ambiguous(h.name, err)
		}
		e.content(h.size)
		return h, nil
	}
}

// ambiguous is the error for a header that is not on the white list.
func ambiguous(name string, err error) error {
	if errors.Is(err, errSparse) {
		return &EntryError{name, "unsupported type: " + err.Error()}
	}
	return &EntryError{name, "ambiguous: " + err.Error() + "; want an archive that every reader of tar understands alike"}
}

// extended is the content of an extended header.
func (e *entries) extended(size int64) ([]byte, error) {
	if size > maxExtended {
		return nil, &EntryError{"", "an entry's extended header is too large, the limit is 1 MiB"}
	}
	data := make([]byte, size)
	e.content(size)
	if _, err := io.ReadFull(e, data); err != nil {
		return nil, e.headerError(io.ErrUnexpectedEOF)
	}
	return data, nil
}

// marker reads on after the first of the two blocks of zeros that end an
// archive. The second may be missing, if nothing follows.
func (e *entries) marker(x *extension) error {
	_, err := io.ReadFull(e.stream, e.raw[:])
	switch {
	case x.flags != "":
		return ambiguous("", errors.New("an extended header without an entry"))
	case err != nil && err != io.EOF:
		return e.headerError(err)
	case err == nil && !allNUL(e.raw[:]):
		return ambiguous("", errors.New("a block of zeros, where some readers stop, and more data after it"))
	}
	return io.EOF
}

// next is the next regular file. io.EOF means that the archive has ended, its
// padding included.
func (e *entries) next() (name string, size int64, err error) {
	for {
		h, err := e.header()
		if err == io.EOF {
			return "", 0, e.end()
		}
		if err != nil {
			return "", 0, err
		}
		name, err := entryName(h)
		if err != nil {
			return "", 0, err
		}
		if bad := linkType(h.flag); bad != "" {
			return "", 0, &EntryError{h.name, bad}
		}
		if err := e.claim(name, h.flag == tar.TypeReg); err != nil {
			return "", 0, err
		}
		if h.flag == tar.TypeDir {
			continue
		}
		if !isPart(name) {
			if h.size > maxUnknown-e.unknown {
				return "", 0, &EntryError{h.name, fmt.Sprintf("files that are no part of a layout exceed the limit of %d bytes", maxUnknown)}
			}
			e.unknown += h.size
		}
		return name, h.size, nil
	}
}

func isPart(name string) bool {
	return name == "oci-layout" || name == "index.json" || name == layout.SealName || layout.IsSignature(name) || strings.HasPrefix(name, "blobs/")
}

// headerError gives errors of reading a header words.
func (e *entries) headerError(err error) error {
	var bad *EntryError
	var damage *compression.Error
	switch {
	case errors.As(err, &bad), errors.As(err, &damage):
	case errors.Is(err, io.ErrUnexpectedEOF) && e.first:
		return fmt.Errorf("%w: truncated within the first header (%w)", ErrNotTar, io.ErrUnexpectedEOF)
	case errors.Is(err, io.ErrUnexpectedEOF):
		return &EntryError{"", msgTruncated}
	case errors.Is(err, errCorrupt) && e.first:
		return fmt.Errorf("%w: the first header is invalid", ErrNotTar)
	case errors.Is(err, errCorrupt):
		return &EntryError{"", fmt.Sprintf("%v, near byte %d", err, e.at())}
	}
	return err
}

// at is where in the tar reading has come to.
func (e *entries) at() int64 {
	if e.seek != nil {
		n, _ := e.seek.Seek(0, io.SeekCurrent)
		return n
	}
	return e.stream.n
}

// end checks that nothing but zeros follows the archive.
func (e *entries) end() error {
	if e.first {
		return &EntryError{"", "the archive is empty: no entries, no oci-layout"}
	}
	var buf [64 << 10]byte
	var n int64
	for {
		k, err := e.stream.Read(buf[:])
		for _, b := range buf[:k] {
			if b != 0 {
				return &EntryError{"", "trailing data after the end of the archive"}
			}
		}
		if n += int64(k); n > maxPadding {
			return &EntryError{"", fmt.Sprintf("too much padding after the end of the archive, the limit is %d bytes", maxPadding)}
		}
		if err != nil {
			if err == io.EOF {
				return io.EOF
			}
			return e.headerError(err)
		}
	}
}

// unsupported says what is wrong with a type flag that no archive may hold.
func unsupported(flag byte) string {
	var what string
	switch flag {
	case tar.TypeReg, typeOld, tar.TypeDir, tar.TypeLink, tar.TypeSymlink,
		tar.TypeXHeader, tar.TypeXGlobalHeader, tar.TypeGNULongName, tar.TypeGNULongLink:
		return ""
	case tar.TypeChar, tar.TypeBlock:
		what = "device"
	case tar.TypeFifo:
		what = "FIFO (named pipe)"
	case tar.TypeGNUSparse:
		what = "sparse file"
	case tar.TypeCont:
		what = "contiguous file"
	default:
		what = "tar type " + strconv.QuoteToASCII(string(rune(flag)))
	}
	return "unsupported type: " + what + "; want regular files and directories only"
}

// linkType says what is wrong with a link, as a layout has none.
func linkType(flag byte) string {
	switch flag {
	case tar.TypeSymlink:
		return "unsupported type: symbolic link; want regular files and directories only"
	case tar.TypeLink:
		return "unsupported type: hard link; want regular files and directories only"
	}
	return ""
}

// entryName parses the name of an entry: relative, clean, of printable UTF-8.
// A leading "./" is all that it may have beside. Nothing is mended.
func entryName(h *tarHeader) (string, error) {
	name := h.name
	if name == "./" || name == "." {
		if h.flag == tar.TypeDir {
			return ".", nil
		}
		return "", &EntryError{h.name, "unsafe name: not that of a file"}
	}
	name = strings.TrimPrefix(name, "./")
	if h.flag == tar.TypeDir {
		name = strings.TrimSuffix(name, "/")
	}
	bad := func(msg string) (string, error) {
		return "", &EntryError{h.name, "unsafe name: " + msg}
	}
	switch {
	case name == "":
		return bad("empty")
	case len(name) > maxName:
		return bad(fmt.Sprintf("too long, the limit is %d bytes", maxName))
	case strings.Count(name, "/") >= maxElements:
		return bad(fmt.Sprintf("too deep, the limit is %d elements", maxElements))
	case strings.HasPrefix(name, "/"):
		return bad("an absolute path")
	case !utf8.ValidString(name):
		return bad("invalid UTF-8")
	}
	for _, r := range name {
		switch {
		case r == '\\' || r == ':':
			return bad(fmt.Sprintf("the character %q, which is a path separator or drive on some systems", r))
		case !unicode.IsPrint(r):
			return bad("a control or unprintable character")
		}
	}
	for part := range strings.SplitSeq(name, "/") {
		switch part {
		case "..":
			return bad(`a path that leaves its directory ("..")`)
		case ".", "":
			return bad("an empty or \".\" path element")
		}
	}
	return name, nil
}

// claim refuses a name that stands for two things, on this system or on one
// that does not tell cases apart.
func (e *entries) claim(name string, file bool) error {
	if name == "." {
		return nil
	}
	key := func(s string) (k [16]byte) {
		if strings.ContainsFunc(s, func(r rune) bool { return r >= utf8.RuneSelf }) {
			s = strings.ToUpper(s) // some small letters have no other way to their kin
		}
		h := sha256.Sum256([]byte(strings.ToLower(s)))
		copy(k[:], h[:])
		return k
	}
	if dir := path.Dir(name); dir != e.dir {
		for i, c := range name {
			if c == '/' {
				k := key(name[:i])
				if e.seen[k] {
					return &EntryError{name, "conflict: a file stands where this entry wants a directory"}
				}
				e.seen[k] = false
			}
		}
		e.dir = dir
	}
	k := key(name)
	isFile, ok := e.seen[k]
	switch {
	case ok && (isFile || file):
		return &EntryError{name, "duplicate entry: the same name, or one that differs in case, came before"}
	case !ok:
		e.seen[k] = file
	}
	return nil
}
