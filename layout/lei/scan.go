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
// without anything in it from a report. After an error, which stands at p[n],
// the rest of the line is the caller's to drop; see reset.
func (s *scanner) next(p []byte) (n int, done, blank bool, err error) {
	s.base, s.tokStart = s.off, 0
	for n < len(p) && err == nil && !done {
		switch s.state {
		case stString:
			n, err = s.inString(p, n)
		case stValue, stFirstElem:
			n, err = s.inValue(p, n)
		case stAfter:
			n, err = s.inAfter(p, n)
		case stKey, stFirstKey, stColon:
			n, err = s.inKey(p, n)
		case stEscape, stHex, stSurrogate1, stSurrogate2:
			n, err = s.inEscape(p, n)
		case stLiteral:
			n, err = s.inLiteral(p, n)
		case stStart, stEnd:
			n, done, blank, err = s.between(p, n)
		default:
			n, err = s.inNumber(p, n)
		}
	}
	if err == nil && s.capturing {
		if len(s.tok)+len(p)-s.tokStart > maxCapture {
			err = s.place(errLongToken, s.tokOff)
		} else {
			s.tok = append(s.tok, p[s.tokStart:]...)
		}
	}
	s.off = s.base + int64(n)
	if done {
		s.reset()
		s.newline(s.off)
	}
	return n, done, blank, err
}

// inString goes to the end of a string. What follows is nearly always a colon
// and a string, or a comma and the next key: it goes through these as well.
func (s *scanner) inString(p []byte, i int) (int, error) {
	for {
		for ; i+8 <= len(p); i += 8 {
			if m := stops(binary.LittleEndian.Uint64(p[i:])); m != 0 {
				i += bits.TrailingZeros64(m) >> 3
				break
			}
		}
		for i < len(p) && p[i] != '"' && p[i] != '\\' && p[i] >= 0x20 {
			i++
		}
		if i == len(p) {
			return i, nil
		}
		switch c := p[i]; {
		case c == '\\':
			s.escape, s.state = true, stEscape
			return i + 1, nil
		case c == '\n' && !s.document:
			return i, s.fail(i, "want the end of the string, found the end of the line")
		case c != '"':
			return i, s.fail(i, "want an escaped control character in a string, found %s", describe(c))
		}
		if s.capturing {
			if err := s.endString(s.token(p[s.tokStart:i]), s.base+int64(i)+1-s.lineOff); err != nil {
				return i, s.place(err, s.tokOff)
			}
		}
		i++
		top := s.stack[len(s.stack)-1]
		switch {
		case !s.isKey && top <= 1 && i+1 < len(p) && p[i] == ',' && p[i+1] == '"': // of no interest
			i += 2
			s.isKey, s.vn = top == 1, none
		case !s.isKey:
			if s.state = stAfter; i < len(p) {
				return s.inAfter(p, i)
			}
			return i, nil
		case i+1 >= len(p) || p[i] != ':':
			s.state = stColon
			return i, nil
		case p[i+1] != '"' || s.vn&leaf != 0:
			s.state = stValue
			return s.inValue(p, i+1)
		default:
			i += 2
			s.isKey = false
		}
	}
}

// inValue begins a value, or ends an array without elements.
func (s *scanner) inValue(p []byte, i int) (int, error) {
	c := p[i]
	switch {
	case c == '"':
		s.isKey, s.state = false, stString
		if s.vn&leaf != 0 {
			s.startToken(i, i+1)
		}
		return i + 1, nil
	case c == '{' || c == '[':
		return s.open(c, i)
	case c == ']' && s.state == stFirstElem:
		s.state = stAfter
		return i, nil
	case c == '-':
		s.state = stMinus
	case c == '0':
		s.state = stZero
	case c >= '1' && c <= '9':
		s.state = stInt
	case c == 't':
		return s.literal(p, i, "true"), nil
	case c == 'f':
		return s.literal(p, i, "false"), nil
	case c == 'n':
		return s.literal(p, i, "null"), nil
	case s.space(c, i):
		return i + 1, nil
	default:
		return i, s.unexpected(i, c)
	}
	s.float, s.exp = false, false
	s.startToken(i, i)
	return s.inNumber(p, i+1)
}

// open begins an object or array.
func (s *scanner) open(c byte, i int) (int, error) {
	if s.depth++; s.depth > s.maxDepth {
		return i, s.fail(i, "want at most %d levels of objects and arrays, found more", s.maxDepth)
	}
	object := c == '{'
	if s.vn != none {
		var err error
		if s.vn, err = s.h.open(s.vn, object); err != nil {
			return i, s.place(err, s.base+int64(i))
		}
	}
	top := uint8(s.vn) << 1
	s.state = stFirstElem
	if object {
		top |= 1
		s.state = stFirstKey
	}
	s.stack = append(s.stack, top)
	return i + 1, nil
}

// inAfter stands behind a value.
func (s *scanner) inAfter(p []byte, i int) (int, error) {
	c, top := p[i], s.stack[len(s.stack)-1]
	switch {
	case c == ',' && top&1 == 0:
		s.state, s.vn = stValue, node(top>>1)
	case c == ',':
		if s.state = stKey; i+1 < len(p) {
			return s.inKey(p, i+1)
		}
	case c == '}' && top&1 != 0 || c == ']' && top&1 == 0:
		if n := node(top >> 1); n != none {
			s.h.close(n)
		}
		s.stack = s.stack[:len(s.stack)-1]
		if s.depth--; s.depth == 0 {
			s.state = stEnd
		}
	case !s.space(c, i):
		return i, s.unexpected(i, c)
	}
	return i + 1, nil
}

// inKey begins a key or stands behind it.
func (s *scanner) inKey(p []byte, i int) (int, error) {
	switch c := p[i]; {
	case c == ':' && s.state == stColon:
		s.state = stValue
	case c == '"' && s.state != stColon:
		s.isKey, s.vn, s.state = true, none, stString
		if s.stack[len(s.stack)-1]>>1 != 0 {
			s.startToken(i, i+1)
		}
	case c == '}' && s.state == stFirstKey:
		s.state = stAfter
		return i, nil
	case !s.space(c, i):
		return i, s.unexpected(i, c)
	}
	return i + 1, nil
}

// inNumber goes to the end of a number.
func (s *scanner) inNumber(p []byte, i int) (int, error) {
	for ; i < len(p); i++ {
		st := s.state
		if st == stInt || st == stFrac || st == stExpInt {
			for i < len(p) && p[i]-'0' <= 9 {
				i++
			}
			if i == len(p) {
				break
			}
		}
		c := p[i]
		digit, sign := c-'0' <= 9, c == '-' || c == '+'
		switch {
		case digit && st == stMinus && c == '0':
			s.state = stZero
		case digit && st == stMinus:
			s.state = stInt
		case digit && st == stDot:
			s.state = stFrac
		case digit && (st == stExp || st == stExpSign):
			s.state = stExpInt
		case digit && st == stZero:
			return i, s.fail(i, "want the end of a number that begins with 0, found %s", describe(c))
		case c == '.' && (st == stInt || st == stZero):
			s.float, s.state = true, stDot
		case c|0x20 == 'e' && (st == stInt || st == stZero || st == stFrac):
			s.float, s.exp, s.state = true, true, stExp
		case sign && st == stExp:
			s.state = stExpSign
		case st == stMinus || st == stDot || st == stExp || st == stExpSign:
			return i, s.unexpected(i, c)
		default:
			if err := s.endNumber(s.token(p[s.tokStart:i]), s.base+int64(i)-s.lineOff); err != nil {
				return i, s.place(err, s.tokOff)
			}
			s.state = stAfter
			return s.inAfter(p, i)
		}
	}
	return i, nil
}

// literal begins true, false or null, and goes through it if nobody wants it.
func (s *scanner) literal(p []byte, i int, text string) int {
	if end := i + len(text); s.vn&leaf == 0 && end <= len(p) && string(p[i:end]) == text {
		s.state = stAfter
		return end
	}
	s.lit, s.litPos, s.state = text, 1, stLiteral
	s.startToken(i, i)
	return i + 1
}

// inLiteral goes through the rest of true, false or null.
func (s *scanner) inLiteral(p []byte, i int) (int, error) {
	if c := p[i]; c != s.lit[s.litPos] {
		return i, s.fail(i, "want %s, found %s", s.lit, describe(c))
	}
	if s.litPos++; s.litPos == len(s.lit) {
		if err := s.endLiteral(s.base + int64(i) + 1 - s.lineOff); err != nil {
			return i, s.place(err, s.tokOff)
		}
		s.state = stAfter
	}
	return i + 1, nil
}

// inEscape goes through what stands behind a backslash in a string.
func (s *scanner) inEscape(p []byte, i int) (int, error) {
	c := p[i]
	switch s.state {
	case stEscape:
		switch c {
		case '"', '\\', '/', 'b', 'f', 'n', 'r', 't':
			s.state = stString
		case 'u':
			s.hexN, s.hexV, s.low, s.state = 0, 0, false, stHex
		default:
			return i, s.fail(i, "want one of the escapes of JSON behind a backslash, found %s", describe(c))
		}
	case stHex:
		d, ok := hexDigit(c)
		if !ok {
			return i, s.unexpected(i, c)
		}
		s.hexV = s.hexV<<4 | d
		if s.hexN++; s.hexN < 4 {
			break
		}
		low := s.hexV >= 0xdc00 && s.hexV <= 0xdfff
		switch {
		case s.low && !low:
			return i, s.fail(i, "want the low half of a surrogate pair, found the escape \\u%04x", s.hexV)
		case !s.low && low:
			return i, s.fail(i, "want the high half of a surrogate pair first, found the escape \\u%04x", s.hexV)
		case !s.low && s.hexV >= 0xd800 && s.hexV <= 0xdbff:
			s.state = stSurrogate1
		default:
			s.state = stString
		}
	case stSurrogate1, stSurrogate2:
		switch {
		case s.state == stSurrogate1 && c == '\\':
			s.state = stSurrogate2
		case s.state == stSurrogate2 && c == 'u':
			s.hexN, s.hexV, s.low, s.state = 0, 0, true, stHex
		default:
			return i, s.fail(i, "want %s behind the escape of the high half, found %s", wants[s.state], describe(c))
		}
	}
	return i + 1, nil
}

// between stands in front of an object or behind it.
func (s *scanner) between(p []byte, i int) (n int, done, blank bool, err error) {
	c, start := p[i], s.state == stStart
	switch {
	case c == '\n' && !s.document:
		if start && s.blank {
			return i, false, false, s.fail(i, "want a JSON object, found a line of nothing but white space")
		}
		return i + 1, true, start, nil
	case s.space(c, i):
		s.blank = s.blank || start && (c == ' ' || c == '\t')
	case !start:
		return i, false, false, s.fail(i, "want nothing behind the object, found %s", describe(c))
	case c == '{':
		s.vn, s.state = none, stValue
		if s.h != nil {
			s.vn = root
		}
		return i, false, false, nil
	case c == 0xef:
		return i, false, false, s.fail(i, "want a JSON object, found byte 0xef (a byte order mark?)")
	default:
		return i, false, false, s.fail(i, "want a JSON object, found %s", describe(c))
	}
	return i + 1, false, false, nil
}

// space says whether a byte is white space, and in a document counts lines.
func (s *scanner) space(c byte, i int) bool {
	if c == '\n' && s.document {
		s.newline(s.base + int64(i) + 1)
		return true
	}
	return c == ' ' || c == '\t' || c == '\r'
}

// unexpected is the error for a byte that the state does not wait for.
func (s *scanner) unexpected(i int, c byte) error {
	return s.fail(i, "want %s, found %s", wants[s.state], describe(c))
}
