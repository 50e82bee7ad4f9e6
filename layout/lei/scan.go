package lei

import (
	"encoding/binary"
	"math/bits"
)

// The masks find a byte among eight, the lowest hit being exact.
const (
	ones  = 0x0101010101010101
	highs = 0x8080808080808080
)

// stops marks the bytes of x that end the plain part of a string: a quote, a
// backslash, a control character.
func stops(x uint64) uint64 {
	q, b := x^(ones*'"'), x^(ones*'\\')
	return ((q-ones)&^q | (b-ones)&^b | (x-ones*0x20)&^x) & highs
}

// next scans p up to and including the line feed that ends the line and says
// how many bytes that took, or all of p with done false. blank tells a line
// without anything in it from a report. After an error the rest of the line is
// the caller's to drop; see reset.
func (s *scanner) next(p []byte) (n int, done, blank bool, err error) {
	i, st := 0, s.state
	base := s.off // offset of p[0] in the stream
	capStart := 0 // where the captured token goes on in p
	for i < len(p) {
		c := p[i]
		if st == stString {
			for ; i+8 <= len(p); i += 8 {
				if m := stops(binary.LittleEndian.Uint64(p[i:])); m != 0 {
					i += bits.TrailingZeros64(m) >> 3
					goto stopped
				}
			}
			for i < len(p) && p[i] != '"' && p[i] != '\\' && p[i] >= 0x20 {
				i++
			}
			if i == len(p) {
				break
			}
		stopped:
			if c = p[i]; c != '"' {
				if c == '\\' {
					s.escape = true
					st = stEscape
					i++
					continue
				}
				if c == '\n' && !s.document {
					return i, false, false, s.fail(st, base+int64(i), "want the end of the string, found the end of the line")
				}
				return i, false, false, s.fail(st, base+int64(i), "want an escaped control character in a string, found %s", describe(c))
			}
			if s.capturing {
				if err := s.endString(s.token(p[capStart:i]), base+int64(i)+1-s.lineOff); err != nil {
					return i, false, false, s.place(err, s.tokOff)
				}
			}
			i++
			// What follows is nearly always a colon and a string, or a comma
			// and the next key; the rest goes the long way.
			if s.isKey {
				st = stColon
				if i < len(p) && p[i] == ':' {
					i++
					st = stValue
					if i < len(p) && p[i] == '"' && s.vn&leaf == 0 {
						i++
						s.isKey = false
						st = stString
					}
				}
				continue
			}
			st = stAfter
			if top := s.stack[len(s.stack)-1]; top == 1 && i+1 < len(p) && p[i] == ',' && p[i+1] == '"' {
				i += 2
				s.isKey = true
				s.vn = none
				st = stString
			}
			continue
		}
		switch st {
		case stValue, stFirstElem:
			switch {
			case c == '"':
				st = stString
				s.isKey = false
				if s.vn&leaf != 0 {
					capStart = i + 1
					s.startToken(base + int64(i))
				}
				i++
				continue
			case c == '{' || c == '[':
				if s.depth++; s.depth > s.maxDepth {
					return i, false, false, s.fail(st, base+int64(i), "want at most %d levels of objects and arrays, found more", s.maxDepth)
				}
				inside, object := none, c == '{'
				if s.vn != none {
					if inside, err = s.h.open(s.vn, object); err != nil {
						return i, false, false, s.place(err, base+int64(i))
					}
				}
				top := uint8(inside) << 1
				st = stFirstElem
				if object {
					top |= 1
					st = stFirstKey
				}
				s.stack = append(s.stack, top)
				s.vn = inside
				i++
				continue
			case c == ']' && st == stFirstElem:
				st = stAfter
				continue
			case c == '-':
				st = stMinus
			case c == '0':
				st = stZero
			case c >= '1' && c <= '9':
				st = stInt
			case c == 't' || c == 'f' || c == 'n':
				s.lit = "null"
				if c == 't' {
					s.lit = "true"
				} else if c == 'f' {
					s.lit = "false"
				}
				if end := i + len(s.lit); s.vn&leaf == 0 && end <= len(p) && string(p[i:end]) == s.lit {
					i = end
					st = stAfter
					continue
				}
				s.litPos, st = 1, stLiteral
			case c == ' ' || c == '\t' || c == '\r':
				i++
				continue
			case c == '\n' && s.document:
				s.newline(base + int64(i) + 1)
				i++
				continue
			default:
				return i, false, false, s.fail(st, base+int64(i), "want %s, found %s", wants[st], describe(c))
			}
			s.float, s.exp = false, false
			capStart = i
			s.startToken(base + int64(i))
			i++
			continue

		case stAfter:
			switch {
			case c == ',':
				if s.stack[len(s.stack)-1]&1 != 0 {
					st = stKey
				} else {
					st = stValue
					s.vn = node(s.stack[len(s.stack)-1] >> 1)
				}
				i++
				continue
			case c == '}' || c == ']':
				top := s.stack[len(s.stack)-1]
				if (c == '}') != (top&1 != 0) {
					return i, false, false, s.fail(st, base+int64(i), "want %s, found %s", wants[st], describe(c))
				}
				if n := node(top >> 1); n != none {
					s.h.close(n)
				}
				s.stack = s.stack[:len(s.stack)-1]
				if s.depth--; s.depth == 0 {
					st = stEnd
				}
				i++
				continue
			case c == ' ' || c == '\t' || c == '\r':
				i++
				continue
			case c == '\n' && s.document:
				s.newline(base + int64(i) + 1)
				i++
				continue
			}
			return i, false, false, s.fail(st, base+int64(i), "want %s, found %s", wants[st], describe(c))

		case stKey, stFirstKey:
			switch {
			case c == '"':
				st = stString
				s.isKey = true
				s.vn = none
				if s.stack[len(s.stack)-1]>>1 != 0 {
					capStart = i + 1
					s.startToken(base + int64(i))
				}
				i++
				continue
			case c == '}' && st == stFirstKey:
				st = stAfter
				continue
			case c == ' ' || c == '\t' || c == '\r':
				i++
				continue
			case c == '\n' && s.document:
				s.newline(base + int64(i) + 1)
				i++
				continue
			}
			return i, false, false, s.fail(st, base+int64(i), "want %s, found %s", wants[st], describe(c))

		case stColon:
			switch {
			case c == ':':
				st = stValue
				i++
				continue
			case c == ' ' || c == '\t' || c == '\r':
				i++
				continue
			case c == '\n' && s.document:
				s.newline(base + int64(i) + 1)
				i++
				continue
			}
			return i, false, false, s.fail(st, base+int64(i), "want %s, found %s", wants[st], describe(c))

		case stMinus:
			switch {
			case c == '0':
				st = stZero
			case c >= '1' && c <= '9':
				st = stInt
			default:
				return i, false, false, s.fail(st, base+int64(i), "want %s, found %s", wants[st], describe(c))
			}
			i++
			continue

		case stInt, stFrac, stExpInt, stZero:
			if st != stZero {
				for i < len(p) && p[i]-'0' <= 9 {
					i++
				}
				if i == len(p) {
					continue
				}
				c = p[i]
			}
			switch {
			case c == '.' && (st == stInt || st == stZero):
				s.float, st = true, stDot
				i++
				continue
			case (c == 'e' || c == 'E') && st != stExpInt:
				s.float, s.exp, st = true, true, stExp
				i++
				continue
			case c >= '0' && c <= '9': // after a leading zero
				return i, false, false, s.fail(st, base+int64(i), "want the end of a number that begins with 0, found %s", describe(c))
			}
			if err := s.endNumber(s.token(p[capStart:i]), base+int64(i)-s.lineOff); err != nil {
				return i, false, false, s.place(err, s.tokOff)
			}
			st = stAfter
			continue // with the byte behind the number

		case stDot, stExpSign:
			if c < '0' || c > '9' {
				return i, false, false, s.fail(st, base+int64(i), "want %s, found %s", wants[st], describe(c))
			}
			if st == stDot {
				st = stFrac
			} else {
				st = stExpInt
			}
			i++
			continue

		case stExp:
			switch {
			case c == '+' || c == '-':
				st = stExpSign
			case c >= '0' && c <= '9':
				st = stExpInt
			default:
				return i, false, false, s.fail(st, base+int64(i), "want %s, found %s", wants[st], describe(c))
			}
			i++
			continue

		case stLiteral:
			if c != s.lit[s.litPos] {
				return i, false, false, s.fail(st, base+int64(i), "want %s, found %s", s.lit, describe(c))
			}
			i++
			if s.litPos++; s.litPos == len(s.lit) {
				if err := s.endLiteral(base + int64(i) - s.lineOff); err != nil {
					return i, false, false, s.place(err, s.tokOff)
				}
				st = stAfter
			}
			continue

		case stEscape:
			switch c {
			case '"', '\\', '/', 'b', 'f', 'n', 'r', 't':
				st = stString
			case 'u':
				s.hexN, s.hexV, s.low = 0, 0, false
				st = stHex
			default:
				return i, false, false, s.fail(st, base+int64(i), "want one of the escapes of JSON behind a backslash, found %s", describe(c))
			}
			i++
			continue

		case stHex:
			d, ok := hexDigit(c)
			if !ok {
				return i, false, false, s.fail(st, base+int64(i), "want %s, found %s", wants[st], describe(c))
			}
			s.hexV = s.hexV<<4 | d
			i++
			if s.hexN++; s.hexN < 4 {
				continue
			}
			low := s.hexV >= 0xdc00 && s.hexV <= 0xdfff
			switch {
			case s.low && !low:
				return i, false, false, s.fail(st, base+int64(i-1), "want the low half of a surrogate pair, found the escape \\u%04x", s.hexV)
			case !s.low && low:
				return i, false, false, s.fail(st, base+int64(i-1), "want the high half of a surrogate pair first, found the escape \\u%04x", s.hexV)
			case !s.low && s.hexV >= 0xd800 && s.hexV <= 0xdbff:
				st = stSurrogate1
			default:
				st = stString
			}
			continue

		case stSurrogate1, stSurrogate2:
			if st == stSurrogate1 && c == '\\' {
				st = stSurrogate2
			} else if st == stSurrogate2 && c == 'u' {
				s.hexN, s.hexV, s.low = 0, 0, true
				st = stHex
			} else {
				return i, false, false, s.fail(st, base+int64(i), "want %s behind the escape of the high half, found %s", wants[st], describe(c))
			}
			i++
			continue

		case stStart:
			switch {
			case c == '{':
				s.vn = none
				if s.h != nil {
					s.vn = root
				}
				st = stValue
				continue
			case c == '\n' && !s.document:
				if s.space {
					return i, false, false, s.fail(st, base+int64(i), "want a JSON object, found a line of nothing but white space")
				}
				s.off = base + int64(i) + 1
				s.newline(s.off)
				return i + 1, true, true, nil
			case c == '\n':
				s.newline(base + int64(i) + 1)
			case c == ' ' || c == '\t':
				s.space = true
			case c == '\r':
			case c == 0xef:
				return i, false, false, s.fail(st, base+int64(i), "want a JSON object, found byte 0xef (a byte order mark?)")
			default:
				return i, false, false, s.fail(st, base+int64(i), "want a JSON object, found %s", describe(c))
			}
			i++
			continue

		case stEnd:
			switch {
			case c == '\n' && !s.document:
				s.off = base + int64(i) + 1
				s.reset()
				s.newline(s.off)
				return i + 1, true, false, nil
			case c == '\n':
				s.newline(base + int64(i) + 1)
			case c == ' ' || c == '\t' || c == '\r':
			default:
				return i, false, false, s.fail(st, base+int64(i), "want nothing behind the object, found %s", describe(c))
			}
			i++
			continue
		}
	}

	if s.capturing {
		if len(s.tok)+len(p)-capStart > maxCapture {
			return len(p), false, false, s.place(errLongToken, s.tokOff)
		}
		s.tok = append(s.tok, p[capStart:]...)
	}
	s.state, s.off = st, base+int64(len(p))
	return len(p), false, false, nil
}
