package lei

import (
	"fmt"
	"strconv"
)

// MaxDepth is how deep arrays and objects may nest in a report.
const MaxDepth = 512

// maxCapture bounds the text of one key or value that a handler asked to see,
// and of one number with a fraction or an exponent.
const maxCapture = 1 << 20

// A node is a place in a JSON document that a handler has an interest in.
// Places with node none cost nothing: neither their keys nor their values are
// held.
type node uint8

const (
	none node = iota
	root      // of every handler: the outermost object

	// leaf is the bit of the nodes whose strings, numbers and literals are
	// wanted; of the others only objects and arrays are.
	leaf node = 1 << 6
)

type kind uint8

const (
	kindString kind = iota
	kindNumber
	kindTrue
	kindFalse
	kindNull
	kindOther // an object or array
)

var literals = [...][]byte{kindTrue: []byte("true"), kindFalse: []byte("false"), kindNull: []byte("null")}

// A scalar is a string, a number or a literal at a place of interest.
type scalar struct {
	kind       kind
	text       []byte // of a string without quotes and escapes, of the others as it stands
	start, end int64  // the token's place in its line (or document), end exclusive
}

// A handler is told what stands at the places it has an interest in. The
// bytes that it is given are good for the length of the call.
type handler interface {
	// key is asked for the node of the value under a key of an object whose
	// node is not none.
	key(parent node, name []byte) (node, error)
	// open is asked for the node of the inside of an object or array.
	open(n node, object bool) (node, error)
	close(n node)
	value(n node, v scalar) error
}

// scanner checks JSON against the grammar of RFC 8259 as it comes, in pieces
// of any size, and holds none of it. In lines mode each line is one object; in
// document mode the whole is one object. Beyond the grammar it refuses a lone
// surrogate escape and a number that float64 cannot hold. It does not look at
// UTF-8; see utf8Check.
type scanner struct {
	h        handler
	document bool // line feeds are white space, the end comes with finish
	maxDepth int

	state  state
	depth  int
	stack  []uint8 // node<<1 | 1 for an object, of every open container
	vn     node    // of the value to come
	isKey  bool    // the string is a key
	escape bool    // the captured string has escapes
	blank  bool    // the line has white space before its object
	low    bool    // the \u escape must be a low surrogate
	hexN   int
	hexV   uint32
	exp    bool   // the number has an exponent
	float  bool   // the number has a fraction or an exponent
	lit    string // the literal
	litPos int

	capturing bool
	tok       []byte // of a captured token that began in an earlier piece
	tokOff    int64
	tokStart  int // where it goes on in this piece

	base int64 // of this piece in the stream

	line    int64 // from 1
	lineOff int64 // of the line's first byte in the stream
	off     int64 // of the next byte to be scanned
}

type state uint8

const (
	stStart state = iota
	stFirstKey
	stKey
	stColon
	stValue
	stFirstElem
	stAfter
	stString
	stEscape
	stHex
	stSurrogate1
	stSurrogate2
	stMinus
	stZero
	stInt
	stDot
	stFrac
	stExp
	stExpSign
	stExpInt
	stLiteral
	stEnd
)

// wants says what each state waits for.
var wants = [...]string{
	stStart:      "a JSON object",
	stFirstKey:   `a key in quotes or "}"`,
	stKey:        "a key in quotes",
	stColon:      `":"`,
	stValue:      "a value",
	stFirstElem:  `a value or "]"`,
	stAfter:      `"," or the end of the object or array`,
	stString:     "the end of the string",
	stEscape:     "an escape",
	stHex:        "four hexadecimal digits",
	stSurrogate1: "the low half of a surrogate pair",
	stSurrogate2: "the low half of a surrogate pair",
	stMinus:      "a digit",
	stZero:       "the end of a number",
	stInt:        "a digit",
	stDot:        "a digit",
	stFrac:       "a digit",
	stExp:        "a digit or a sign",
	stExpSign:    "a digit",
	stExpInt:     "a digit",
	stLiteral:    "true, false or null",
	stEnd:        "nothing more",
}

func newScanner(h handler) *scanner {
	s := &scanner{h: h, maxDepth: MaxDepth, line: 1}
	s.stack = make([]uint8, 0, 32)
	return s
}

// fail is the error for the byte at i in this piece.
func (s *scanner) fail(i int, format string, args ...any) error {
	return &FormatError{Line: s.line, Column: s.base + int64(i) - s.lineOff + 1, Msg: fmt.Sprintf(format, args...)}
}

// token is the captured token, the last part of which is given.
func (s *scanner) token(part []byte) []byte {
	if len(s.tok) == 0 {
		return part
	}
	s.tok = append(s.tok, part...)
	return s.tok
}

// finish ends the last line, whose line feed may be missing, or the document.
func (s *scanner) finish() (report bool, err error) {
	end := "the end of the line"
	if s.document {
		end = "the end of the file"
	}
	switch s.state {
	case stEnd:
		s.reset()
		return true, nil
	case stStart:
		if !s.document && !s.blank {
			return false, nil
		}
	}
	want := wants[s.state]
	if s.state == stStart && s.blank && !s.document {
		end = "a line of nothing but white space"
	}
	return false, &FormatError{Line: s.line, Column: s.off - s.lineOff + 1, Msg: fmt.Sprintf("want %s, found %s", want, end)}
}

// reset makes the scanner ready for a new line.
func (s *scanner) reset() {
	s.state, s.depth, s.stack = stStart, 0, s.stack[:0]
	s.blank, s.capturing, s.vn = false, false, none
	s.tok = s.tok[:0]
}

func (s *scanner) newline(off int64) {
	s.line++
	s.lineOff = off
	if !s.document {
		s.blank = false
	}
}

// skipLine goes to the line that begins at off, the present one being dropped.
func (s *scanner) skipLine(off int64) {
	s.reset()
	s.off = off
	s.newline(off)
}

// startToken captures the token at i, whose text begins at from.
func (s *scanner) startToken(i, from int) {
	s.capturing, s.escape = true, false
	s.tok = s.tok[:0]
	s.tokOff, s.tokStart = s.base+int64(i), from
}

// place gives an error of a handler its line and column.
func (s *scanner) place(err error, off int64) error {
	if e, ok := err.(*FormatError); ok && e.Line == 0 {
		e.Line, e.Column = s.line, off-s.lineOff+1
		return e
	} else if ok {
		return e
	}
	return &FormatError{Line: s.line, Column: off - s.lineOff + 1, Msg: err.Error(), err: err}
}

func (s *scanner) endString(text []byte, end int64) (err error) {
	s.capturing = false
	if len(text) > maxCapture {
		return errLongToken
	}
	if s.escape {
		text = unescape(text)
	}
	if s.isKey {
		s.vn, err = s.h.key(node(s.stack[len(s.stack)-1]>>1), text)
		return err
	}
	return s.h.value(s.vn, scalar{kindString, text, s.tokOff - s.lineOff, end})
}

func (s *scanner) endNumber(text []byte, end int64) error {
	s.capturing = false
	if len(text) > maxCapture {
		return errLongToken
	}
	if s.exp || s.float && len(text) > 300 {
		if _, err := strconv.ParseFloat(string(text), 64); err != nil {
			return fmt.Errorf("want a number that a 64-bit float can hold, found %s", quote(text))
		}
	}
	if s.vn&leaf == 0 {
		return nil
	}
	return s.h.value(s.vn, scalar{kindNumber, text, s.tokOff - s.lineOff, end})
}

func (s *scanner) endLiteral(end int64) error {
	s.capturing = false
	if s.vn&leaf == 0 {
		return nil
	}
	k := kindNull
	switch s.lit[0] {
	case 't':
		k = kindTrue
	case 'f':
		k = kindFalse
	}
	return s.h.value(s.vn, scalar{k, literals[k], s.tokOff - s.lineOff, end})
}

var errLongToken = fmt.Errorf("want at most %d bytes in a string or number at this place, found more", maxCapture)

func hexDigit(c byte) (uint32, bool) {
	switch {
	case c >= '0' && c <= '9':
		return uint32(c - '0'), true
	case c|0x20 >= 'a' && c|0x20 <= 'f':
		return uint32(c|0x20-'a') + 10, true
	}
	return 0, false
}
