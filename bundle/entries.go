package bundle

import (
	"archive/tar"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"maps"
	"path"
	"slices"
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
// order, and holds every rule about names and types.
type entries struct {
	tar     *tar.Reader
	watch   *headerWatch
	stream  *ratioLimiter
	seen    map[[16]byte]bool // hash of a folded name: true for a file
	dir     string            // of the last file: it is one, and so are those above it
	count   int
	unknown int64
	first   bool
}

func newEntries(m *ratioLimiter) *entries {
	w := &headerWatch{r: m}
	return &entries{tar: tar.NewReader(w), watch: w, stream: m, seen: map[[16]byte]bool{}, first: true}
}

// newSeekingEntries lets archive/tar skip contents instead of reading them.
func newSeekingEntries(r io.ReadSeeker) *entries {
	e := newEntries(&ratioLimiter{r: r, raw: &counter{}, plain: true})
	e.tar = tar.NewReader(&seekingWatch{e.watch, r})
	return e
}

// header is the next header. io.EOF means that no more follow, and nothing of
// the padding.
func (e *entries) header() (*tar.Header, error) {
	h, err := e.tar.Next()
	if err == io.EOF {
		return nil, err
	}
	if err != nil {
		return nil, e.headerError(err)
	}
	e.first = false
	if e.count++; e.count > maxEntries {
		return nil, &EntryError{h.Name, fmt.Sprintf("too many entries, the limit is %d", maxEntries)}
	}
	if bad := e.watch.begin(h); bad != "" {
		return nil, &EntryError{h.Name, "ambiguous: " + bad + "; want an archive that every reader of tar understands alike"}
	}
	return h, nil
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
		if h.Typeflag == tar.TypeXGlobalHeader {
			if err := globalHeader(h); err != nil {
				return "", 0, err
			}
			continue
		}
		name, err := entryName(h)
		if err != nil {
			return "", 0, err
		}
		if err := entryType(h); err != nil {
			return "", 0, err
		}
		if err := e.claim(name, h.Typeflag == tar.TypeReg); err != nil {
			return "", 0, err
		}
		if h.Typeflag == tar.TypeDir {
			continue
		}
		if !isPart(name) {
			if h.Size > maxUnknown-e.unknown {
				return "", 0, &EntryError{h.Name, fmt.Sprintf("files that are no part of a layout exceed the limit of %d bytes", maxUnknown)}
			}
			e.unknown += h.Size
		}
		return name, h.Size, nil
	}
}

func isPart(name string) bool {
	return name == "oci-layout" || name == "index.json" || name == layout.SealName || layout.IsSignature(name) || strings.HasPrefix(name, "blobs/")
}

// headerError gives the errors of the tar reader words.
func (e *entries) headerError(err error) error {
	var bomb *RatioError
	var damage *compression.Error
	switch {
	case errors.As(err, &bomb), errors.As(err, &damage):
		return err
	case errors.Is(err, io.ErrUnexpectedEOF) && e.first:
		return fmt.Errorf("%w: truncated within the first header (%w)", ErrNotTar, io.ErrUnexpectedEOF)
	case errors.Is(err, io.ErrUnexpectedEOF):
		return &EntryError{"", msgTruncated}
	case errors.Is(err, tar.ErrFieldTooLong):
		return &EntryError{"", "an entry's extended header is too large, the limit is 1 MiB"}
	case errors.Is(err, tar.ErrHeader) && e.first:
		return fmt.Errorf("%w: the first header is invalid", ErrNotTar)
	case errors.Is(err, tar.ErrHeader):
		return &EntryError{"", fmt.Sprintf("a tar header is invalid or corrupt, near byte %d", e.stream.n)}
	}
	return err
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

// globalHeader refuses what would change the entries behind it for another
// reader: this one passes over it.
func globalHeader(h *tar.Header) error {
	for _, k := range slices.Sorted(maps.Keys(h.PAXRecords)) {
		switch k {
		case "comment", "mtime", "atime", "ctime", "uid", "gid", "uname", "gname", "charset":
			continue
		}
		if !strings.Contains(k, ".") || sparseRecord(k) {
			return &EntryError{h.Name, fmt.Sprintf("a global header that sets %s for the entries behind it; want none, so that every reader of tar sees the same files", layout.Printable(k))}
		}
	}
	return nil
}

// sparseRecord tells the keys by which an extended header makes a file sparse,
// or changes its size for some readers.
func sparseRecord(k string) bool {
	return strings.HasPrefix(k, "GNU.sparse.") || k == "SCHILY.realsize" || k == "SUN.holesdata"
}

// entryType accepts regular files and directories, as a layout has no others.
func entryType(h *tar.Header) error {
	for k := range h.PAXRecords {
		if sparseRecord(k) {
			return &EntryError{h.Name, "unsupported type: sparse file"}
		}
	}
	var what string
	switch h.Typeflag {
	case tar.TypeReg, tar.TypeDir:
		return nil
	case tar.TypeSymlink:
		what = "symbolic link"
	case tar.TypeLink:
		what = "hard link"
	case tar.TypeChar, tar.TypeBlock:
		what = "device"
	case tar.TypeFifo:
		what = "FIFO (named pipe)"
	case tar.TypeGNUSparse:
		what = "sparse file"
	case tar.TypeCont:
		what = "contiguous file"
	default:
		what = "tar type " + strconv.QuoteToASCII(string(rune(h.Typeflag)))
	}
	return &EntryError{h.Name, "unsupported type: " + what + "; want regular files and directories only"}
}

// entryName parses the name of an entry: relative, clean, of printable UTF-8.
// A leading "./" is all that it may have beside. Nothing is mended.
func entryName(h *tar.Header) (string, error) {
	name := h.Name
	if name == "./" || name == "." {
		if h.Typeflag == tar.TypeDir {
			return ".", nil
		}
		return "", &EntryError{h.Name, "unsafe name: not that of a file"}
	}
	name = strings.TrimPrefix(name, "./")
	if h.Typeflag == tar.TypeDir {
		name = strings.TrimSuffix(name, "/")
	}
	bad := func(msg string) (string, error) {
		return "", &EntryError{h.Name, "unsafe name: " + msg}
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
