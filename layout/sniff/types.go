package sniff

import (
	"bytes"
	"math"
	"path"
	"strings"
	"unicode/utf8"

	"github.com/gabriel-vasile/mimetype"
)

// headLen is the number of bytes that tell a type.
const headLen = 3072

// A verdict is what the first bytes of a content say.
type verdict struct {
	mediaType string
	class     class
	word      string
	text      bool
	weak      bool   // told by less than four bytes
	forms     []form // as which there is more to see in it
}

// judge tells the type of content by its first headLen bytes, or fewer if it is
// shorter.
func judge(head []byte) (v verdict) {
	v.text = isText(head)
	v.class, v.word, v.mediaType, v.weak = signed(head, v.text)
	if v.mediaType == "" {
		v.mediaType = mediaType(head, v.text)
		if k, ok := known[v.mediaType]; ok {
			v.class, v.word = k.class, k.word
		}
	}
	if c, word := structure(head); c == encrypted || v.class == leaf && c != leaf {
		v.class, v.word, v.weak = c, word, false
	}
	if !v.text && v.class == leaf && strings.HasPrefix(v.mediaType, "text/") && bytes.IndexByte(head, 0) < 0 {
		v.text = true // in some older encoding
		if high(head) > len(head)/3 {
			v.class, v.word = closed, "text in an unknown encoding"
		}
	}
	if v.text && v.class == leaf {
		v.class, v.word = textWord(head)
	}
	v.forms = formsOf(head, v)
	for _, f := range v.forms {
		if f.mediaType != "" && !(f.name == "zip" && isZip(v.mediaType)) {
			v.mediaType = f.mediaType
			break
		}
	}
	return v
}

// high counts the bytes that are no ASCII.
func high(head []byte) (n int) {
	for _, c := range head {
		if c >= utf8.RuneSelf {
			n++
		}
	}
	return n
}

// signed looks head up in the table. A word without a media type leaves the type
// to the library.
func signed(head []byte, text bool) (c class, word, mediaType string, weak bool) {
	for _, s := range heads {
		if int64(len(head)) < s.at || !bytes.HasPrefix(head[s.at:], []byte(s.magic)) {
			continue
		}
		if !text || s.mediaType == typeText || s.class == encrypted {
			return s.class, s.word, s.mediaType, len(s.magic) < 4
		}
	}
	if len(head) > 6 && head[2] == '-' && (head[3] == 'l' || head[3] == 'p') && head[6] == '-' && !text {
		return closed, "LZH", "application/x-lzh", true
	}
	if diskImage(head) {
		return closed, "disk image (MBR)", "application/x-disk-image", true
	}
	return leaf, "", "", false
}

// diskImage tells a disk image by its partition table: the mark at its end and
// four entries of which at least one is in use, and each is sound.
func diskImage(head []byte) bool {
	if len(head) < 512 || head[510] != 0x55 || head[511] != 0xaa {
		return false
	}
	used := 0
	for at := 446; at < 510; at += 16 {
		e := head[at : at+16]
		if e[0]&0x7f != 0 {
			return false
		}
		if e[4] != 0 && !bytes.Equal(e[12:16], []byte{0, 0, 0, 0}) {
			used++
		}
	}
	return used > 0
}

// mediaType asks the library, and tells JSON itself: the library takes far
// longer, and gives up where the head is not all of it.
func mediaType(head []byte, text bool) string {
	if len(head) == 0 {
		return empty
	}
	if text {
		if t := jsonType(head); t != "" {
			return t
		}
		head = head[:min(len(head), 512)]
		for len(head) > 0 && !utf8.Valid(head) { // cut within a character
			head = head[:len(head)-1]
		}
	}
	t, _, _ := strings.Cut(mimetype.Detect(head).String(), ";")
	if text && !strings.HasPrefix(t, "text/") && (t == unknown || t == typeJSON || t == typeLines) {
		return typeText
	}
	return t
}

// isText says whether head is UTF-8 without control characters that text has no
// use for. It may be cut within a character.
func isText(head []byte) bool {
	if len(head) == 0 {
		return false
	}
	for i := 0; i < len(head); {
		c := head[i]
		switch {
		case c >= utf8.RuneSelf:
			r, n := utf8.DecodeRune(head[i:])
			if r == utf8.RuneError && n < 2 {
				return len(head) == headLen && !utf8.FullRune(head[i:])
			}
			i += n
			continue
		case c < ' ' && c != '\t' && c != '\n' && c != '\r' && c != '\f' && c != '\b' && c != 0x1b, c == 0x7f:
			return false
		}
		i++
	}
	return true
}

// jsonType tells JSON and JSON lines from other text, where the head is not all
// of it; "" is neither. It looks at the brackets and at what stands between the
// strings, not at every rule.
func jsonType(head []byte) string {
	depth, values, inside := 0, 0, false
	for i := 0; i < len(head); i++ {
		c := head[i]
		if inside {
			switch c {
			case '\\':
				i++
			case '"':
				inside = false
			}
			continue
		}
		switch c {
		case '{', '[':
			depth++
		case '}', ']':
			if depth--; depth < 0 {
				return ""
			}
			if depth == 0 {
				values++
			}
		case '"':
			if depth == 0 {
				return ""
			}
			inside = true
		case ' ', '\t', '\r', '\n':
		case ',', ':', '-', '+', '.', '0', '1', '2', '3', '4', '5', '6', '7', '8', '9':
			if depth == 0 {
				return ""
			}
		default: // true, false, null, and the exponent of a number
			if depth == 0 || !strings.ContainsRune("truefalsenullE", rune(c)) {
				return ""
			}
		}
	}
	switch {
	case values > 1 || values == 1 && depth > 0:
		return typeLines
	case values == 1 || depth > 0 && len(head) == headLen:
		return typeJSON
	}
	return ""
}

// scriptWord says for what interpreter a script is, or "".
func scriptWord(head []byte) string {
	if !bytes.HasPrefix(head, []byte("#!")) && !bytes.HasPrefix(head, []byte("\ufeff#!")) {
		return ""
	}
	line, _, _ := bytes.Cut(head[2:min(len(head), 128)], []byte("\n"))
	if words := strings.Fields(string(line)); len(words) > 0 && strings.HasPrefix(words[0], "/") && plain(words[0]) {
		at := path.Base(words[0])
		if at == "env" && len(words) > 1 && plain(words[1]) {
			at = words[1]
		}
		return "script for " + at
	}
	return "script"
}

func plain(s string) bool {
	for _, c := range s {
		if !(c == '/' || c == '.' || c == '-' || c == '_' || c == '+' || c >= '0' && c <= '9' || c >= 'A' && c <= 'Z' || c >= 'a' && c <= 'z') {
			return false
		}
	}
	return len(s) > 0 && len(s) <= 64
}

// random says whether bytes of no known form look as compressed or encrypted
// ones do: every value about as often as any other. Fewer than a thousand are
// too few to tell.
func random(head []byte) bool {
	if len(head) < 1024 {
		return false
	}
	var n [256]float64
	for _, c := range head {
		n[c]++
	}
	var chi float64
	want := float64(len(head)) / 256
	for _, x := range n {
		chi += (x - want) * (x - want) / want
	}
	// 255 degrees of freedom; true randomness stays within five deviations.
	return math.Abs(chi-255) < 5*math.Sqrt(2*255)
}
