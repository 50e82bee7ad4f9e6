package ui

import (
	"bufio"
	"encoding/json"
	"fmt"
	"io"
	"unicode/utf16"
	"unicode/utf8"

	"github.com/ociferry/ferry/layout/visible"
)

// PrintJSON prints one value as JSON for programs.
func PrintJSON(w io.Writer, v any) error {
	enc := json.NewEncoder(PrintableJSON{w})
	enc.SetEscapeHTML(false)
	enc.SetIndent("", "  ")
	return enc.Encode(v)
}

// A PrintableJSON writes JSON to w, which may be a terminal: the same values, with
// escapes for the characters of strings that are not printable, of which
// encoding/json leaves DEL, C1 and what turns the direction of text as they are.
// Each Write takes whole characters, as those of a json.Encoder do.
type PrintableJSON struct{ io.Writer }

func (j PrintableJSON) Write(p []byte) (int, error) {
	b, last := bufio.NewWriter(j.Writer), rune(0)
	for rest := p; len(rest) > 0; {
		r, n := utf8.DecodeRune(rest)
		rest = rest[n:]
		high, low := utf16.EncodeRune(r)
		switch {
		case r == '\n' || visible.Rune(last, r):
			b.WriteRune(r)
		case r > 0xffff:
			fmt.Fprintf(b, `\u%04x\u%04x`, high, low)
		default:
			fmt.Fprintf(b, `\u%04x`, r)
		}
		last = r
	}
	return len(p), b.Flush()
}
