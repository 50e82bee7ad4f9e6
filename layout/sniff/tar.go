package sniff

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"math"
	"strconv"
	"strings"
)

const (
	blockLen       = 512
	maxTarExtended = 1 << 20 // bytes of an extended header
)

var errTar = errors.New("the archive has a header that is none")

// A tarHeader is one block of a tar archive as it stands (POSIX.1-1988, section
// 10.1.1, and what GNU tar makes of it).
type tarHeader struct {
	name string
	flag byte
	size int64
	more bool // a GNU sparse header goes on
	end  bool // zeros: the archive ends
}

// parseTarHeader reads a block. The error says that it is no header.
func parseTarHeader(b []byte) (h tarHeader, err error) {
	if len(b) < blockLen {
		return h, errTar
	}
	b = b[:blockLen]
	if len(bytes.Trim(b, "\x00")) == 0 {
		return tarHeader{end: true}, nil
	}
	want, err := tarNumber(b[148:156])
	if err != nil {
		return h, errTar
	}
	var unsigned, signed int64
	for i, c := range b {
		if i >= 148 && i < 156 {
			c = ' '
		}
		unsigned += int64(c)
		signed += int64(int8(c))
	}
	if want != unsigned && want != signed {
		return h, errTar
	}
	if h.size, err = tarNumber(b[124:136]); err != nil || h.size < 0 {
		return h, errTar
	}
	h.flag = b[156]
	h.name, _, _ = strings.Cut(string(b[:100]), "\x00")
	if string(b[257:262]) == "ustar" && b[345] != 0 && b[262] == 0 {
		prefix, _, _ := strings.Cut(string(b[345:500]), "\x00")
		h.name = prefix + "/" + h.name
	}
	h.more = h.flag == 'S' && b[482] != 0
	return h, nil
}

// tarNumber reads an octal number, or one in base 256.
func tarNumber(b []byte) (int64, error) {
	if b[0]&0x80 != 0 {
		var n uint64
		for i, c := range b {
			if i == 0 {
				c &= 0x7f
			}
			if n > math.MaxInt64>>8 {
				return 0, errTar
			}
			n = n<<8 | uint64(c)
		}
		return int64(n), nil
	}
	text := strings.Trim(string(b), " \x00")
	if text == "" {
		return 0, nil
	}
	n, err := strconv.ParseUint(text, 8, 63)
	return int64(n), err
}

// tar walks an archive entry by entry and looks at all that has content, whatever
// its type is, also after the end of the archive.
func (l *looker) tar(b *bufio.Reader, c *content) {
	l.f.tar = l.f.tar || c.bare
	var next tarEntry // what extended headers say of the next entry
	for ended := false; !l.full; {
		block, err := b.Peek(blockLen)
		switch {
		case err != nil && err != io.EOF:
			l.damaged(c.path, err)
			return
		case len(block) == 0:
			return
		}
		h, bad := parseTarHeader(block)
		switch {
		case bad == nil && h.end:
			b.Discard(blockLen)
			ended = true
			continue
		case ended && zeros(block): // less than a block of them
			b.Discard(len(block))
			continue
		case ended:
			ended = false
			l.f.Unseen.add(c.path, "holds data after the end of the tar archive, which readers do not see alike")
		}
		if bad != nil {
			if err == io.EOF {
				bad = io.ErrUnexpectedEOF
			}
			l.damaged(c.path, bad)
			l.inside(b, c, "(what follows the last tar header)")
			return
		}
		b.Discard(blockLen)
		if h.more && !skipSparse(b) {
			l.damaged(c.path, io.ErrUnexpectedEOF)
			return
		}
		if !l.tarEntry(b, c, h, &next) {
			return
		}
	}
}

// A tarEntry is what extended headers say of an entry.
type tarEntry struct {
	name   string
	size   int64 // -1 when they do not
	sparse bool
	set    bool
}

// tarEntry looks at one entry and leaves b after it.
func (l *looker) tarEntry(b *bufio.Reader, c *content, h tarHeader, next *tarEntry) bool {
	size := h.size
	extended := strings.IndexByte("xgXLK", h.flag) >= 0
	if !extended && next.set {
		if next.name != "" {
			h.name = next.name
		}
		if next.size >= 0 && next.size != h.size {
			if h.size != 0 && next.size < 8<<30 {
				l.f.Unseen.add(join(c.path, h.name), "has two sizes, of which readers take the one or the other")
			}
			size = next.size
		}
	}
	body := &io.LimitedReader{R: b, N: size}
	switch {
	case extended:
		if size > maxTarExtended {
			l.f.Unseen.add(c.path, fmt.Sprintf("an extended tar header of %d bytes, more than is read", size))
			return false
		}
		data, err := io.ReadAll(body)
		if err != nil || body.N > 0 {
			l.damaged(c.path, io.ErrUnexpectedEOF)
			return false
		}
		l.extended(c, h, data, next)
	case size > 0 || strings.IndexByte("0\x007S", h.flag) >= 0 && !strings.HasSuffix(h.name, "/"):
		if !l.entry(c.path) {
			return false
		}
		at := join(c.path, h.name)
		if strings.IndexByte("123456", h.flag) >= 0 {
			l.f.Unseen.add(at, "is no regular file and has content, which readers do not see alike")
		}
		if h.flag == 'S' || next.sparse {
			l.f.Unseen.add(at, "is sparse: looked at without its holes")
			skipSparseMap(body, next)
		}
		l.look(body, &content{path: at, name: h.name, level: c.level + 1})
	}
	if !extended {
		*next = tarEntry{}
	}
	if body.N > 0 && !l.full {
		if _, err := b.Peek(1); err == io.EOF {
			l.damaged(c.path, io.ErrUnexpectedEOF)
		}
		return false
	}
	if pad := (blockLen - size%blockLen) % blockLen; pad > 0 {
		padding, _ := b.Peek(int(pad))
		if !zeros(padding) {
			l.aside(bytes.NewReader(padding), pad, c, "(padding)")
		}
		b.Discard(int(pad))
	}
	return true
}

// extended takes an extended header, and looks at what it carries.
func (l *looker) extended(c *content, h tarHeader, data []byte, next *tarEntry) {
	if h.flag == 'L' || h.flag == 'K' {
		if name, _, _ := strings.Cut(string(data), "\x00"); h.flag == 'L' {
			if !next.set {
				next.size = -1
			}
			next.name, next.set = name, true
		}
		return
	}
	if !next.set {
		*next = tarEntry{size: -1, set: true}
	}
	for len(data) > 0 {
		digits, rest, ok := bytes.Cut(data, []byte(" "))
		n, err := strconv.Atoi(string(digits))
		if !ok || err != nil || n <= len(digits)+1 || n > len(data) {
			l.f.Unseen.add(c.path, "damaged: an extended tar header is no list of records")
			l.aside(bytes.NewReader(rest), int64(len(rest)), c, "(extended tar header)")
			return
		}
		key, value, _ := bytes.Cut(bytes.TrimSuffix(data[len(digits)+1:n], []byte("\n")), []byte("="))
		data = data[n:]
		switch k := string(key); {
		case h.flag == 'g' && (k == "path" || k == "size" || strings.HasPrefix(k, "GNU.sparse.")):
			l.f.Unseen.add(c.path, "holds a global tar header for names or sizes, which readers do not see alike")
		case k == "path":
			next.name = string(value)
			continue
		case k == "size":
			if next.size, err = strconv.ParseInt(string(value), 10, 63); err != nil || next.size < 0 {
				next.size = -1
			}
			continue
		case k == "linkpath":
			continue
		case strings.HasPrefix(k, "GNU.sparse."):
			next.sparse = true
			if k == "GNU.sparse.name" {
				next.name = string(value)
			}
		}
		l.aside(bytes.NewReader(value), int64(len(value)), c, "tar header "+strconv.Quote(string(key[:min(len(key), 64)])))
	}
}

// skipSparse passes over the blocks by which a GNU sparse header goes on.
func skipSparse(b *bufio.Reader) bool {
	for {
		block, err := b.Peek(blockLen)
		if err != nil {
			return false
		}
		more := block[504] != 0
		b.Discard(blockLen)
		if !more {
			return true
		}
	}
}

// skipSparseMap passes over the map that stands in front of the content of a
// sparse file in version 1.0 of the format: lines of digits, in whole blocks.
func skipSparseMap(body *io.LimitedReader, next *tarEntry) {
	if !next.sparse {
		return
	}
	b, ok := body.R.(*bufio.Reader)
	for ok && body.N >= blockLen {
		block, err := b.Peek(blockLen)
		if err != nil || len(bytes.Trim(block, "0123456789\n\x00")) > 0 {
			return
		}
		last := block[blockLen-1] == 0
		b.Discard(blockLen)
		body.N -= blockLen
		if last {
			return
		}
	}
}

func zeros(b []byte) bool { return len(bytes.Trim(b, "\x00")) == 0 }
