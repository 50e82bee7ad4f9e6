package bundle

import (
	"bytes"
	"errors"
	"fmt"
	"strconv"
	"strings"

	"github.com/ociferry/ferry/layout"
)

const (
	maxID    = 1<<32 - 2 // of an owner
	maxTime  = 1e12      // seconds before and after 1970
	maxXattr = 4 << 10   // bytes of an extended attribute
)

// errSparse is wrapped by the error for an extended header of a sparse file.
var errSparse = errors.New("sparse file")

// paxRecords are the records that an extended header may hold, and what their
// values must be. None changes what the entry is, or its content, for any reader,
// except path, linkpath and size; see extension.entry.
var paxRecords = map[string]func(string) bool{
	"path": isText, "linkpath": isText, "size": isNumber,
	"mtime": isTime, "atime": isTime, "ctime": isTime, "LIBARCHIVE.creationtime": isTime,
	"uid": isOwner, "gid": isOwner,
	"comment": isText, "charset": isText,
	"hdrcharset": func(s string) bool { return s == "BINARY" || s == "ISO-IR 10646 2000 UTF-8" },
	"SCHILY.dev": isNumber, "SCHILY.ino": isNumber, "SCHILY.nlink": isNumber, "SCHILY.fflags": isText,
	"SCHILY.acl.access": isACL, "SCHILY.acl.default": isACL, "SCHILY.acl.ace": isACL,
	"RHT.security.selinux": isText,
}

// vendors are those whose records some reader acts upon: of theirs, no others
// than those in paxRecords are taken.
var vendors = []string{"GNU", "SCHILY", "LIBARCHIVE", "RHT", "SUN", "STAR", "MSWINDOWS"}

// recordFits reports whether a record may stand in an extended header.
func recordFits(key, value string) bool {
	if key == "uname" || key == "gname" {
		return isText(value) // node writes empty ones
	}
	if fits, ok := paxRecords[key]; ok {
		return value != "" && fits(value)
	}
	if name, ok := strings.CutPrefix(key, "SCHILY.xattr."); ok {
		return name != "" && len(value) <= maxXattr
	}
	if name, ok := strings.CutPrefix(key, "LIBARCHIVE.xattr."); ok {
		return name != "" && len(value) <= 2*maxXattr && isText(value)
	}
	vendor, _, ok := strings.Cut(key, ".")
	if !ok || strings.Trim(vendor, "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_") != "" {
		return false
	}
	for _, v := range vendors {
		if vendor == v {
			return false
		}
	}
	return vendor != "" && value != "" && isText(value)
}

func isNumber(s string) bool {
	_, err := strconv.ParseUint(s, 10, 63)
	return err == nil && s[0] != '+' && (s[0] != '0' || s == "0")
}

func isOwner(s string) bool {
	n, err := strconv.ParseUint(s, 10, 63)
	return err == nil && n <= maxID && isNumber(s)
}

// isTime reports whether a value is seconds as all readers take them: digits,
// with a sign and a fraction or without.
func isTime(s string) bool {
	whole, fraction, point := strings.Cut(strings.TrimPrefix(s, "-"), ".")
	return whole != "" && len(whole) <= 12 && len(fraction) <= 30 && point == (fraction != "") && strings.Trim(whole+fraction, "0123456789") == ""
}

func isACL(s string) bool { return isText(strings.ReplaceAll(s, "\n", "")) }

// parseRecords reads an extended header, or a global one: "LENGTH KEY=VALUE" and
// a line feed, again and again, each key once. A global header changes no name
// and no size, since there are readers that pass over it.
func parseRecords(data []byte, global bool) (map[string]string, error) {
	what := "an extended header"
	if global {
		what = "a global header"
	}
	records := map[string]string{}
	for len(data) > 0 || len(records) == 0 {
		length, _, _ := bytes.Cut(data[:min(len(data), 10)], []byte(" "))
		n, err := strconv.ParseUint(string(length), 10, 32)
		if err != nil || !isNumber(string(length)) || n > uint64(len(data)) || int(n) <= len(length)+2 || data[n-1] != '\n' {
			return nil, fmt.Errorf("%s is malformed", what)
		}
		key, value, ok := strings.Cut(string(data[len(length)+1:n-1]), "=")
		data = data[n:]
		switch _, twice := records[key]; {
		case !ok || key == "" || !isText(key):
			return nil, fmt.Errorf("%s is malformed", what)
		case twice:
			return nil, fmt.Errorf("%s sets %s twice", what, layout.Printable(key))
		case strings.HasPrefix(key, "GNU.sparse."), key == "SCHILY.realsize", key == "SUN.holesdata":
			return nil, fmt.Errorf("%s that sets %s makes a %w", what, layout.Printable(key), errSparse)
		case !recordFits(key, value), global && (key == "path" || key == "linkpath" || key == "size" || key == "hdrcharset"):
			return nil, fmt.Errorf("%s that sets %s to %s, which readers do not take alike", what, layout.Printable(key), layout.Printable(value))
		}
		records[key] = value
	}
	return records, nil
}
