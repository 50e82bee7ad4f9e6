package strictjson

import "strings"

// A sweep goes over a plain document once and says whether nothing is wrong
// with it. It knows the common case and gives up on everything else, so that
// Check asks its slow self, which also has the words for what is wrong: a key
// with an escape or beyond ASCII, an object of many keys.
type sweep struct {
	data   []byte
	at     int
	limits Limits
	names  []string
}

// maxKeys is the largest number of keys that are compared with one another.
const maxKeys = 24

func (s *sweep) document() bool {
	return s.value(0, false, false) && s.end()
}

func (s *sweep) end() bool {
	s.space()
	return s.at == len(s.data)
}

func (s *sweep) space() {
	for s.at < len(s.data) {
		switch s.data[s.at] {
		case ' ', '\t', '\r', '\n':
			s.at++
		default:
			return
		}
	}
}

// take passes c, after white space.
func (s *sweep) take(c byte) bool {
	s.space()
	if s.at < len(s.data) && s.data[s.at] == c {
		s.at++
		return true
	}
	return false
}

func (s *sweep) value(depth int, free, named bool) bool {
	s.space()
	if s.at == len(s.data) {
		return false
	}
	switch s.data[s.at] {
	case '{':
		s.at++
		return depth < s.limits.Depth && s.object(depth, free)
	case '[':
		s.at++
		return depth < s.limits.Depth && s.array(depth, free)
	case '"':
		_, ok := s.text(true)
		return ok
	case 't':
		return s.word("true")
	case 'f':
		return s.word("false")
	case 'n':
		return !named && s.word("null")
	}
	return s.number()
}

func (s *sweep) array(depth int, free bool) bool {
	if s.take(']') {
		return true
	}
	for n := 0; n < s.limits.Items; n++ {
		if !s.value(depth+1, free, false) {
			return false
		}
		if s.take(']') {
			return true
		}
		if !s.take(',') {
			return false
		}
	}
	return false
}

func (s *sweep) object(depth int, free bool) bool {
	if s.take('}') {
		return true
	}
	var keys [maxKeys][]byte
	for n := 0; n < min(maxKeys, s.limits.Items); n++ {
		s.space()
		key, ok := s.text(false)
		if !ok || !s.take(':') {
			return false
		}
		for _, k := range keys[:n] {
			if equal(k, key, !free) {
				return false
			}
		}
		keys[n] = key
		known, named := false, false
		for _, name := range s.names {
			name, nullable := strings.CutSuffix(name, "?")
			if !free && equal(key, name, true) {
				if string(key) != name {
					return false
				}
				known, named = true, !nullable
				break
			}
		}
		if !s.value(depth+1, free || !known || string(key) == "annotations", named) {
			return false
		}
		if s.take('}') {
			return true
		}
		if !s.take(',') {
			return false
		}
	}
	return false
}

// equal compares ASCII, without regard to case if fold is set.
func equal[T string | []byte](a []byte, b T, fold bool) bool {
	if len(a) != len(b) {
		return false
	}
	for i := range a {
		x, y := a[i], b[i]
		if x == y {
			continue
		}
		if !fold || x|0x20 != y|0x20 || x|0x20 < 'a' || x|0x20 > 'z' {
			return false
		}
	}
	return true
}

// text passes a string. A key is of plain ASCII, a value may be anything that
// is valid; that data is UTF-8 has been seen to.
func (s *sweep) text(value bool) ([]byte, bool) {
	if s.at == len(s.data) || s.data[s.at] != '"' {
		return nil, false
	}
	s.at++
	from := s.at
	for s.at < len(s.data) {
		c := s.data[s.at]
		s.at++
		switch {
		case c == '"':
			return s.data[from : s.at-1], true
		case c < ' ', !value && (c == '\\' || c >= 0x80):
			return nil, false
		case c == '\\' && !s.escape():
			return nil, false
		}
	}
	return nil, false
}

// escape passes what follows a backslash.
func (s *sweep) escape() bool {
	if s.at == len(s.data) {
		return false
	}
	c := s.data[s.at]
	s.at++
	switch c {
	case '"', '\\', '/', 'b', 'f', 'n', 'r', 't':
		return true
	case 'u':
		for range 4 {
			if s.at == len(s.data) || !isHex(s.data[s.at]) {
				return false
			}
			s.at++
		}
		return true
	}
	return false
}

func isHex(c byte) bool {
	return c >= '0' && c <= '9' || c|0x20 >= 'a' && c|0x20 <= 'f'
}

func (s *sweep) word(w string) bool {
	if len(s.data)-s.at < len(w) || string(s.data[s.at:s.at+len(w)]) != w {
		return false
	}
	s.at += len(w)
	return true
}

func (s *sweep) digits() bool {
	from := s.at
	for s.at < len(s.data) && s.data[s.at] >= '0' && s.data[s.at] <= '9' {
		s.at++
	}
	return s.at > from
}

func (s *sweep) next(c byte) bool {
	if s.at < len(s.data) && s.data[s.at] == c {
		s.at++
		return true
	}
	return false
}

func (s *sweep) number() bool {
	s.next('-')
	if !s.next('0') && !s.digits() {
		return false
	}
	if s.next('.') && !s.digits() {
		return false
	}
	if s.next('e') || s.next('E') {
		_ = s.next('+') || s.next('-')
		return s.digits()
	}
	return true
}
