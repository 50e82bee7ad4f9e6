package lei

import (
	"encoding/binary"
	"strconv"
	"unicode/utf16"
	"unicode/utf8"
)

// unescape decodes the inside of a JSON string that the scanner accepted.
func unescape(text []byte) []byte {
	out := make([]byte, 0, len(text))
	for i := 0; i < len(text); i++ {
		c := text[i]
		if c != '\\' {
			out = append(out, c)
			continue
		}
		i++
		switch text[i] {
		case 'b':
			out = append(out, '\b')
		case 'f':
			out = append(out, '\f')
		case 'n':
			out = append(out, '\n')
		case 'r':
			out = append(out, '\r')
		case 't':
			out = append(out, '\t')
		case 'u':
			r := hex4(text[i+1:])
			i += 4
			if utf16.IsSurrogate(r) {
				r = utf16.DecodeRune(r, hex4(text[i+3:]))
				i += 6
			}
			out = utf8.AppendRune(out, r)
		default:
			out = append(out, text[i])
		}
	}
	return out
}

func hex4(text []byte) rune {
	n, _ := strconv.ParseUint(string(text[:4]), 16, 16)
	return rune(n)
}

// appendString writes text as the original writes a JSON string: nothing is
// escaped that need not be, control characters as \u00XX in upper case. What
// is not UTF-8 becomes U+FFFD.
func appendString(dst, text []byte) []byte {
	dst = append(dst, '"')
	for len(text) > 0 {
		r, n := utf8.DecodeRune(text)
		switch {
		case r == '"' || r == '\\':
			dst = append(dst, '\\', byte(r))
		case r < 0x20:
			const digits = "0123456789ABCDEF"
			switch r {
			case '\n':
				dst = append(dst, `\n`...)
			case '\r':
				dst = append(dst, `\r`...)
			case '\t':
				dst = append(dst, `\t`...)
			case '\f':
				dst = append(dst, `\f`...)
			case '\b':
				dst = append(dst, `\b`...)
			default:
				dst = append(dst, '\\', 'u', '0', '0', digits[r>>4], digits[r&15])
			}
		default:
			dst = utf8.AppendRune(dst, r)
		}
		text = text[n:]
	}
	return append(dst, '"')
}

// utf8Check validates UTF-8 that comes in pieces.
type utf8Check struct {
	carry [utf8.UTFMax]byte // the begin of a sequence that the last piece cut
	n     int
}

// next returns the index in p of the first byte that cannot be, or -1.
func (u *utf8Check) next(p []byte) int {
	i := 0
	if u.n > 0 {
		i = copy(u.carry[u.n:], p)
		seq := u.carry[:u.n+i]
		if !utf8.FullRune(seq) {
			u.n = len(seq)
			return -1
		}
		r, size := utf8.DecodeRune(seq)
		if r == utf8.RuneError && size == 1 {
			return 0
		}
		i = size - u.n
		u.n = 0
	}
	for i < len(p) {
		for ; len(p)-i >= 32; i += 32 {
			q := p[i : i+32]
			a, b := binary.LittleEndian.Uint64(q), binary.LittleEndian.Uint64(q[8:])
			c, d := binary.LittleEndian.Uint64(q[16:]), binary.LittleEndian.Uint64(q[24:])
			if (a|b|c|d)&highs != 0 {
				break
			}
		}
		for ; len(p)-i >= 8 && binary.LittleEndian.Uint64(p[i:])&highs == 0; i += 8 {
		}
		if i == len(p) {
			break
		}
		if p[i] < utf8.RuneSelf {
			i++
			continue
		}
		r, size := utf8.DecodeRune(p[i:])
		if r == utf8.RuneError && size == 1 {
			if rest := p[i:]; !utf8.FullRune(rest) {
				u.n = copy(u.carry[:], rest)
				return -1
			}
			return i
		}
		i += size
	}
	return -1
}

// end says whether the text is whole, and starts anew.
func (u *utf8Check) end() bool {
	whole := u.n == 0
	u.n = 0
	return whole
}
