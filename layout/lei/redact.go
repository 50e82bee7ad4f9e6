package lei

import (
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
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
//   - all of a string under a key "email" or "emails", or one that ends with
//     "_email" or "_emails", in any case, if it is not empty, also in arrays
//     below it; in objects below it, each string with an @;
//   - in any other string, a key or a value, what stands in angle brackets and
//     has an @, as in "name <email>";
//   - in any other string, what looks like one: x@y.z, with z of two or more
//     letters, "x y"@z.z with a quoted local part, x@[192.0.2.1] (RFC 5321,
//     4.1.2); but neither git@..., which is how repositories are named, nor
//     what follows a single slash, as in the path of a URL.
//
// The values of "repo" stay as they are. Strings without an address stay byte
// for byte.
func redactEmails(dst, line []byte) ([]byte, int64) {
	var count int64
	var with []byte
	email, repo := false, false // the key of the values to come
	depth, under := 0, 0        // of containers, and of the one below a key for addresses
	object := 0                 // of the first object below that
	done := 0
	for i := 0; i < len(line); i++ {
		switch line[i] {
		default:
			continue
		case '[', '{':
			if depth++; email && under == 0 {
				under = depth
			}
			if line[i] == '{' && under > 0 && object == 0 {
				object = depth
			}
			email, repo = false, false
			continue
		case ']', '}':
			if depth == object {
				object = 0
			}
			if depth == under {
				under = 0
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
		case !isKey && (email || under > 0 && (object == 0 || bytes.IndexByte(text, '@') >= 0)):
			if len(text) > 0 && !isRedacted(text) {
				with, n = hideAddress(with[:0], text), 1
			}
		case !isKey && repo || bytes.IndexByte(text, '@') < 0:
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

func isEmailKey(key []byte) bool {
	if n := len(key); n > 0 && key[n-1]|0x20 == 's' {
		key = key[:n-1]
	}
	before, word := len(key)-len("email"), []byte("email")
	return before >= 0 && bytes.EqualFold(key[before:], word) && (before == 0 || key[before-1] == '_')
}

// hideAddresses is text with the addresses within it replaced.
func hideAddresses(dst, text []byte) ([]byte, int64) {
	var count int64
	done, from := 0, 0
	for {
		at := bytes.IndexByte(text[from:], '@')
		if at < 0 {
			return append(dst, text[done:]...), count
		}
		at += from
		begin, end := address(text[done:], at-done)
		if begin == end {
			from = at + 1
			continue
		}
		begin, end = begin+done, end+done
		dst = append(dst, text[done:begin]...)
		dst = hideAddress(dst, text[begin:end])
		done, from = end, end
		count++
	}
}

// maxAddress is how far from its @ an address reaches; the standard allows 254
// bytes in all.
const maxAddress = 320

// address is the place of the address whose @ stands at the given place, an
// empty one if it is none.
func address(text []byte, at int) (begin, end int) {
	if low := at - maxAddress; low > 0 {
		begin, end = address(text[low:], maxAddress)
		return begin + low, end + low
	}
	text = text[:min(len(text), at+maxAddress)]
	open, shut := bytes.LastIndexAny(text[:at], "<>"), bytes.IndexAny(text[at:], "<>")
	if open >= 0 && text[open] == '<' && shut >= 0 && text[at+shut] == '>' {
		if isRedacted(text[open+1 : at+shut]) {
			return 0, 0
		}
		return open + 1, at + shut
	}
	begin, end = at, at+1
	if at > 1 && text[at-1] == '"' {
		if begin = bytes.LastIndexByte(text[:at-1], '"'); begin < 0 {
			return 0, 0
		}
	}
	for begin == at || text[begin] != '"' {
		if begin == 0 || !isLocal(text[begin-1]) {
			break
		}
		begin--
	}
	if shut := bytes.IndexByte(text[at:], ']'); begin < at && end < len(text) && text[end] == '[' && shut > 0 {
		return begin, at + shut + 1
	}
	for end < len(text) && isDomain(text[end]) {
		end++
	}
	for end > at+1 && (text[end-1] == '.' || text[end-1] == '-') {
		end--
	}
	domain := text[at+1 : end]
	dot := bytes.LastIndexByte(domain, '.')
	switch {
	case begin == at, dot < 1, len(domain)-dot < 3:
		return 0, 0
	case string(text[begin:at]) == "git", begin > 0 && text[begin-1] == '/' && (begin == 1 || text[begin-2] != '/'), isRedacted(text[begin:end]):
		return 0, 0
	}
	for _, c := range domain[dot+1:] {
		if c >= '0' && c <= '9' {
			return 0, 0
		}
	}
	return begin, end
}

func isDomain(c byte) bool {
	return c >= 0x80 || c == '.' || c == '-' || c >= '0' && c <= '9' || c|0x20 >= 'a' && c|0x20 <= 'z'
}

func isLocal(c byte) bool {
	return isDomain(c) || bytes.IndexByte([]byte("!#$%&'*+=?^_`{|}~"), c) >= 0
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
