package lei

import (
	"fmt"
	"strings"
	"unicode/utf8"
)

// The two files of a snapshot.
const (
	manifestName = "manifest.json"
	cacheName    = "cache.jsonl.gz"
)

// A FormatError is content that is not what it should be. Its text is one
// line; whatever it repeats of the content is quoted and cut short.
type FormatError struct {
	File   string // "manifest.json", "cache.jsonl.gz" or what the caller calls it; may be empty
	Line   int64  // from 1; 0 when the place has no line
	Column int64  // in bytes, from 1
	Path   string // of the value in its JSON document, such as "repos[7]"; may be empty
	Msg    string // what was wanted and what was found

	err error
}

func (e *FormatError) Error() string {
	var b strings.Builder
	if e.File != "" {
		b.WriteString(e.File + ": ")
	}
	if e.Line > 0 {
		fmt.Fprintf(&b, "line %d, column %d: ", e.Line, e.Column)
	}
	if e.Path != "" {
		b.WriteString(e.Path + ": ")
	}
	b.WriteString(e.Msg)
	return b.String()
}

func (e *FormatError) Unwrap() error { return e.err }

// inFile names the file of a FormatError that has none yet; other errors get
// the name as a prefix.
func inFile(name string, err error) error {
	if e, ok := err.(*FormatError); ok {
		if e.File == "" {
			e.File = name
		}
		return e
	}
	if name == "" {
		return err
	}
	return fmt.Errorf("%s: %w", name, err)
}

// maxQuote is how many bytes of foreign text a message repeats.
const maxQuote = 64

// quote makes foreign text fit for a message: printable, on one line, short.
func quote[T string | []byte](text T) string {
	if len(text) <= maxQuote {
		return fmt.Sprintf("%q", string(text))
	}
	cut := maxQuote
	for cut > maxQuote-utf8.UTFMax && !utf8.RuneStart(text[cut]) {
		cut--
	}
	return fmt.Sprintf("%q... (%d bytes)", string(text[:cut]), len(text))
}

// describe names one byte for a message.
func describe(c byte) string {
	switch {
	case c == '\n':
		return "the end of the line"
	case c > ' ' && c < 0x7f:
		return fmt.Sprintf("%q", rune(c))
	}
	return fmt.Sprintf("byte 0x%02x", c)
}
