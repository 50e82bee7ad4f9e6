package lei

import (
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"strings"
)

// RedactedDomain is what stands behind the @ of an address that Export hid.
// Before it stands "e-" and the first 16 hexadecimal digits of the SHA-256 of
// the address in lower case, so that one person stays one person, in every
// snapshot. Whoever has an address can compute its hash and look for it: this
// hides addresses from readers, not from a search for one that is known.
const RedactedDomain = "redacted.invalid"

// redactEmails appends to dst a line that the scanner accepted, with addresses
// replaced, and counts them. An address is
//
//   - all of a string under a key that ends with the word "email" or "mail", or
//     with one of them and "address", in any case, singular or plural, and of
//     every string in arrays there, if it is not empty; in objects there, each
//     string and key that has an @;
//   - in any other string, a key or a value, what stands in angle brackets and
//     has an @, as in "name <email>";
//   - in any other string, what looks like one (RFC 5322, section 3.4.1): x@y.z,
//     with z of two or more letters, "x"@y.z, x@[192.0.2.1], and %40 for the @;
//     in a URL, its user, password and host, where these look like one. But
//     git@..., which is how repositories are named, is none, nor is what follows
//     a single slash, as in the path of a URL.
//
// The values of "repo" stay as they are. Strings without an address stay byte
// for byte.
func redactEmails(dst, line []byte) ([]byte, int64) {
	var count int64
	var with []byte
	email, repo := false, false // the key of the values to come
	depth, below := 0, 0        // of containers, and of the one under a key for addresses
	object := 0                 // of the first object in that
	done := 0
	for i := 0; i < len(line); i++ {
		switch line[i] {
		default:
			continue
		case '[', '{':
			if depth++; email && below == 0 {
				below = depth
			}
			if line[i] == '{' && below > 0 && object == 0 {
				object = depth
			}
			continue
		case ']', '}':
			if depth == object {
				object = 0
			}
			if depth == below {
				below = 0
			}
			depth--
			email, repo = false, false
			continue
		case '"':
		}
		begin := i + 1
		escaped := false
		for i = begin; line[i] != '"'; i++ {
			if i+8 <= len(line) && stops(binary.LittleEndian.Uint64(line[i:])) == 0 {
				i += 7
			} else if line[i] == '\\' {
				escaped = true
				i++
			}
		}
		text := line[begin:i]
		if escaped {
			text = unescape(text)
		}
		next := i + 1
		for next < len(line) && (line[next] == ' ' || line[next] == '\t' || line[next] == '\r') {
			next++
		}
		n, isKey := int64(0), next < len(line) && line[next] == ':'
		switch {
		case !isKey && (email || below > 0 && object == 0):
			if len(text) > 0 && !isRedacted(text) {
				with, n = hideAddress(with[:0], text), 1
			}
		case below > 0 && bytes.IndexByte(text, '@') >= 0:
			if !isRedacted(text) {
				with, n = hideAddress(with[:0], text), 1
			}
		case !isKey && repo:
		default:
			with, n = hideAddresses(with[:0], text)
		}
		if n > 0 {
			dst = append(dst, line[done:begin-1]...)
			dst = appendString(dst, with)
			done = i + 1
			count += n
		}
		if isKey {
			email, repo = isEmailKey(text), string(text) == "repo"
		}
	}
	return append(dst, line[done:]...), count
}

// isEmailKey says whether what stands under a key is an address.
func isEmailKey(key []byte) bool {
	var room [maxName]byte
	var marks [16]int
	all, ends := splitKey(room[:0], marks[:0], key)
	word := func(back int) string {
		if back >= len(ends) {
			return ""
		}
		i, begin := len(ends)-1-back, 0
		if i > 0 {
			begin = ends[i-1]
		}
		return string(bytes.TrimSuffix(all[begin:ends[i]], []byte("s")))
	}
	last := word(0)
	if last == "addr" || last == "addres" || last == "addresse" {
		last = word(1)
	}
	return last == "mail" || last == "mailto" || strings.HasSuffix(last, "email") || strings.HasPrefix(last, "emailaddr")
}

// hideAddresses is text with the addresses within it replaced.
func hideAddresses(dst, text []byte) ([]byte, int64) {
	var count int64
	done := 0
	for at := 0; at < len(text); at++ {
		width := 0
		switch {
		case text[at] == '@':
			width = 1
		case text[at] == '%' && bytes.HasPrefix(text[at:], []byte("%40")):
			width = 3
		default:
			continue
		}
		begin, end := address(text[done:], at-done, width)
		if begin == end {
			continue
		}
		begin, end = begin+done, end+done
		dst = append(dst, text[done:begin]...)
		whole := text[begin:end]
		if width > 1 {
			whole = bytes.Replace(whole, []byte("%40"), []byte{'@'}, 1)
		}
		dst = hideAddress(dst, whole)
		done, at = end, end-1
		count++
	}
	return append(dst, text[done:]...), count
}

// maxAddress is how far from its @ an address reaches; the standard allows 254
// bytes in all.
const maxAddress = 320

// address is the place of the address whose @, of so many bytes, stands at the
// given place; an empty one if it is none.
func address(text []byte, at, width int) (begin, end int) {
	if low := at - maxAddress; low > 0 {
		if begin, end = address(text[low:], maxAddress, width); begin < end {
			return begin + low, end + low
		}
		return 0, 0
	}
	text = text[:min(len(text), at+maxAddress)]
	open, shut := bytes.LastIndexAny(text[:at], "<>"), bytes.IndexAny(text[at:], "<>")
	if open >= 0 && text[open] == '<' && shut >= 0 && text[at+shut] == '>' {
		if isRedacted(text[open+1 : at+shut]) {
			return 0, 0
		}
		return open + 1, at + shut
	}
	begin, end = local(text[:at]), domain(text, at+width)
	if bytes.IndexByte(text[begin:at], '?') >= 0 { // a query
		begin += bytes.LastIndexAny(text[begin:at], "?&=") + 1
	}
	before := text[:begin]
	switch {
	case begin == at || end <= at+width || isRedacted(text[begin:end]) || string(text[begin:at]) == "git":
		return 0, 0
	case bytes.HasSuffix(before, []byte("/")) && !bytes.HasSuffix(before, []byte("//")):
		return 0, 0
	}
	// In a URL the user stands before the password.
	if c := bytes.LastIndex(before, []byte("://")); c >= 0 && !bytes.ContainsAny(before[c+3:], "/?# @<>\"") {
		begin = c + 3
	}
	return begin, end
}

// local is where the part before the @ begins: dots and letters, or anything in
// quotes.
func local(text []byte) int {
	begin := len(text)
	if begin > 1 && text[begin-1] == '"' {
		for open := begin - 1; open > 0; {
			if open = bytes.LastIndexByte(text[:open], '"'); open >= 0 && (open == 0 || text[open-1] != '\\') {
				return open
			}
		}
		return begin
	}
	for begin > 0 && isLocal(text[begin-1]) {
		begin--
	}
	return begin
}

// domain is where the part behind the @ ends, which begins at the given place;
// there if it is none.
func domain(text []byte, begin int) int {
	if begin < len(text) && text[begin] == '[' {
		for end := begin + 1; end < len(text); end++ {
			if c := text[end]; c == ']' {
				return end + 1
			} else if !isAlnum(c) && c != '.' && c != ':' && c != '-' {
				break
			}
		}
		return begin
	}
	end := begin
	for end < len(text) && isDomain(text[end]) {
		end++
	}
	for end > begin && (text[end-1] == '.' || text[end-1] == '-') {
		end--
	}
	host := text[begin:end]
	dot := bytes.LastIndexByte(host, '.')
	top := host[dot+1:]
	if dot < 1 || len(top) < 2 || bytes.ContainsAny(top, "0123456789_") && !bytes.HasPrefix(bytes.ToLower(top), []byte("xn--")) {
		return begin
	}
	return end
}

func isDomain(c byte) bool { return c >= 0x80 || c == '.' || c == '-' || c == '_' || isAlnum(c) }

func isLocal(c byte) bool {
	return isDomain(c) || bytes.IndexByte([]byte("!#$%&'*+=?^`{|}~"), c) >= 0
}

func hideAddress(dst, address []byte) []byte {
	sum := sha256.Sum256(bytes.ToLower(address))
	dst = append(dst, "e-"...)
	dst = hex.AppendEncode(dst, sum[:8])
	return append(dst, "@"+RedactedDomain...)
}

// isRedacted says whether an address was hidden before: hiding twice is the
// same as once.
func isRedacted(address []byte) bool {
	local, ok := bytes.CutSuffix(address, []byte("@"+RedactedDomain))
	if !ok || len(local) != 18 || string(local[:2]) != "e-" {
		return false
	}
	for _, c := range local[2:] {
		if !(c >= '0' && c <= '9' || c >= 'a' && c <= 'f') {
			return false
		}
	}
	return true
}
