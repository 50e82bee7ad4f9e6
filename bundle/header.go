package bundle

import (
	"archive/tar"
	"bytes"
	"fmt"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/ociferry/ferry/layout"
)

// The forms of a header.
const (
	magicUSTAR = "ustar\x0000"
	magicGNU   = "ustar  \x00"
	magicV7    = "\x00\x00\x00\x00\x00\x00\x00\x00"
	typeOld    = 0 // a regular file in the oldest form, or a directory if its name ends in a slash
)

// A tarHeader is what the headers of one entry say together.
type tarHeader struct {
	name, link string // as they stand there
	size       int64
	flag       byte // TypeReg, TypeDir, TypeLink, TypeSymlink, or one that is refused
}

// A block is one header as it stands, whose fields have been found fit.
type block struct {
	tarHeader
	magic string
}

// errCorrupt is parseBlock's for what is no header at all, or a damaged one.
var errCorrupt = fmt.Errorf("a tar header is invalid or corrupt")

// parseBlock reads the 512 bytes of a header by the white list of the package
// comment. With an error other than errCorrupt, some of the fields are there.
func parseBlock(b []byte) (*block, error) {
	sum := 8 * int64(' ')
	for i, c := range b {
		if i < 148 || i >= 156 {
			sum += int64(c)
		}
	}
	if want, err := octal(b[148:156], false); err != nil || want != sum {
		return nil, errCorrupt
	}
	h := &block{tarHeader: tarHeader{flag: b[156]}, magic: string(b[257:265])}
	rest := b[500:]
	switch h.magic {
	case magicUSTAR:
	case magicGNU:
		rest = b[345:] // where its own extensions stand, and in others a part of the name
	case magicV7:
		rest = b[257:]
	default:
		return h, fmt.Errorf("magic and version of the header are %s, which some readers take for one form and some for another", layout.Printable(h.magic))
	}
	if !allNUL(rest) {
		return h, fmt.Errorf("the header has times or other data where a header of another form has a part of the name, or nothing")
	}
	var err error
	text := func(what string, field []byte) (s string) {
		i := bytes.IndexByte(field, 0)
		if i < 0 {
			return string(field)
		}
		if !allNUL(field[i:]) && err == nil {
			err = fmt.Errorf("something follows the NUL that ends the %s in the header", what)
		}
		return string(field[:i])
	}
	number := func(what string, field []byte, signed bool) (n int64) {
		n, e := octal(field, signed)
		if e != nil && err == nil {
			err = fmt.Errorf("the %s in the header is %s, %w", what, layout.Printable(string(field)), e)
		}
		return n
	}
	h.name = text("name", b[:100])
	h.link = text("target of a link", b[157:257])
	number("mode", b[100:108], false)
	for _, id := range [][]byte{b[108:116], b[116:124]} {
		if n := number("owner", id, false); n > maxID && err == nil {
			err = fmt.Errorf("an owner in the header is %d, more than any system has", n)
		}
	}
	h.size = number("size", b[124:136], false)
	if n := number("time", b[136:148], true); (n <= -maxTime || n >= maxTime) && err == nil {
		err = fmt.Errorf("the time in the header is %d, which is out of range for some readers", n)
	}
	if h.magic == magicUSTAR {
		end := 500
		if b[475] == 0 { // star, node and Java have times after a shorter prefix
			end = 475
			number("time", b[476:488], true)
			number("time", b[488:500], true)
		}
		if prefix := text("prefix", b[345:end]); prefix != "" {
			h.name = prefix + "/" + h.name
		}
	}
	if h.magic != magicV7 {
		number("device", b[329:337], false)
		number("device", b[337:345], false)
		if !isText(text("owner's name", b[265:297])) || !isText(text("group's name", b[297:329])) {
			err = fmt.Errorf("an owner's name in the header is no text")
		}
	}
	return h, err
}

// octal reads a number: octal digits, spaces in front allowed, that end in a
// space or NUL, or fill the field when they must; or, where octal has no room
// for it, base-256. NULs alone are zero.
func octal(field []byte, signed bool) (int64, error) {
	if allNUL(field) {
		return 0, nil
	}
	room := 3 * (len(field) - 1) // bits
	if field[0] == 0x80 || field[0] == 0xff && signed {
		if n, ok := base256(field); ok && (n < 0 || n>>room > 0) {
			return n, nil
		}
		return 0, fmt.Errorf("want octal digits where they are enough, and no number beyond 63 bits")
	}
	digits := bytes.TrimLeft(field, " ")
	end := bytes.IndexFunc(digits, func(r rune) bool { return r < '0' || r > '7' })
	switch {
	case end < 0 && len(digits) == len(field) && field[0] != '0':
		end = len(digits)
	case end <= 0 || len(bytes.Trim(digits[end:], " \x00")) > 0:
		return 0, fmt.Errorf("want octal digits that end in a space or NUL")
	}
	return strconv.ParseInt(string(digits[:end]), 8, 64)
}

// base256 reads the two's complement of GNU tar.
func base256(field []byte) (n int64, ok bool) {
	fill := field[0] & 0x7f // 0x00 or 0x7f
	if fill != 0 {
		fill = 0xff
	}
	for _, c := range field[1 : len(field)-min(8, len(field)-1)] {
		if c != fill {
			return 0, false
		}
	}
	n = int64(int8(fill))
	for _, c := range field[len(field)-min(8, len(field)-1):] {
		n = n<<8 | int64(c)
	}
	return n, (n < 0) == (fill != 0)
}

func allNUL(b []byte) bool { return len(bytes.Trim(b, "\x00")) == 0 }

// isText reports whether a string is UTF-8 without control characters.
func isText(s string) bool {
	return utf8.ValidString(s) && !strings.ContainsFunc(s, unicode.IsControl)
}

// An extension is what the extended headers before an entry say of it.
type extension struct {
	flags      string // of these headers
	pax        map[string]string
	name, link string // in those of GNU tar
}

// add takes an extended header.
func (x *extension) add(h *block, data []byte) (err error) {
	pax := h.flag == tar.TypeXHeader
	switch {
	case strings.IndexByte(x.flags, h.flag) >= 0:
		return fmt.Errorf("two extended headers of the same kind")
	case x.flags != "" && h.flag == tar.TypeXGlobalHeader:
		return fmt.Errorf("a global header between an extended header and its entry")
	case strings.IndexByte(x.flags, tar.TypeXHeader) >= 0 && !pax:
		return fmt.Errorf("an extended header of pax before one of GNU tar, of which some readers take the one and some the other")
	case h.link != "":
		return fmt.Errorf("the target of a link for what is no link")
	}
	if h.flag == tar.TypeXGlobalHeader {
		_, err = parseRecords(data, true)
		return err
	}
	x.flags += string(rune(h.flag))
	if pax {
		x.pax, err = parseRecords(data, false)
		return err
	}
	s := strings.TrimSuffix(string(data), "\x00")
	if s == "" || strings.Contains(s, "\x00") || !strings.HasSuffix(h.name, "@LongLink") {
		return fmt.Errorf("a long name that is empty, or is not as GNU tar writes it")
	}
	if h.flag == tar.TypeGNULongName {
		x.name = s
	} else {
		x.link = s
	}
	return nil
}

// entry is the entry that a header and the extended ones before it make.
func (x *extension) entry(b *block) (*tarHeader, error) {
	h := b.tarHeader
	for _, n := range []struct {
		to       *string
		gnu, pax string
	}{{&h.name, x.name, x.pax["path"]}, {&h.link, x.link, x.pax["linkpath"]}} {
		switch {
		case n.gnu != "" && n.pax != "":
			return &h, fmt.Errorf("two long names, of GNU tar and of pax")
		case n.gnu+n.pax != "":
			*n.to = n.gnu + n.pax
		}
	}
	if b.flag == typeOld {
		h.flag = tar.TypeReg
		if strings.HasSuffix(b.name, "/") {
			h.flag = tar.TypeDir
			if b.magic != magicV7 {
				return &h, fmt.Errorf("a directory by its name alone in a header of a newer form")
			}
		}
	}
	if err := oneName(b, h.name, h.flag); err != nil {
		return &h, err
	}
	link := h.flag == tar.TypeLink || h.flag == tar.TypeSymlink
	if size, ok := x.pax["size"]; ok {
		var err error
		if h.size, err = strconv.ParseInt(size, 10, 64); err != nil || h.size != b.size && (b.size != 0 || h.size < 8<<30) {
			return &h, fmt.Errorf("one size in the header and another in the extended header")
		}
	}
	switch {
	case h.link != "" && !link:
		return &h, fmt.Errorf("the target of a link for what is no link")
	case h.size != 0 && (link || h.flag == tar.TypeDir):
		return &h, fmt.Errorf("a directory or link with a size")
	}
	return &h, nil
}

// oneName refuses a name in the header that is another than the one in the
// extended header, unless the header has no room for that one: busybox sees the
// first alone.
func oneName(b *block, name string, flag byte) error {
	raw := strings.TrimPrefix(b.name, "./")
	fits := len(name) < 100 && !strings.ContainsFunc(name, func(r rune) bool { return r >= utf8.RuneSelf })
	if name = strings.TrimPrefix(name, "./"); raw == name {
		return nil
	}
	slash, begins := strings.HasSuffix(raw, "/"), strings.HasPrefix(name, raw)
	_, unsafe := entryName(&tarHeader{name: strings.TrimSuffix(strings.ToValidUTF8(raw, "?"), "/"), flag: flag})
	switch {
	case fits, unsafe != nil,
		b.flag == typeOld && slash != strings.HasSuffix(name, "/"),
		slash && flag != tar.TypeDir && !begins,
		raw == "blobs", isPart(raw) && !begins:
		return fmt.Errorf("one name in the header and another in the extended header")
	}
	return nil
}
