// Package strictjson reads JSON that somebody else wrote. It is the one JSON
// reader for foreign documents.
//
// encoding/json is kind: it takes the last of two equal keys, matches names
// without regard to case, replaces broken UTF-8 and stops at the end of the
// first value. Two readers of one document can so see two documents. Check
// refuses all of that before Unmarshal is asked:
//
//   - one value and nothing after it but white space, no byte order mark;
//   - UTF-8 throughout, and no escaped half of a surrogate pair;
//   - no key twice in an object, not even in another case;
//   - no key that differs from one of the caller's names in case alone, by
//     Unicode's rules, as encoding/json compares them;
//   - no null under one of the caller's names, unless the name is given with a
//     "?" behind it;
//   - below a key that is none of the caller's names, and below "annotations",
//     keys are the writer's own: none twice, and that is all;
//   - at most Depth levels, Items elements or members in one container.
package strictjson

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"
)

// Limits bound a document. A zero field means the default.
type Limits struct {
	Depth int // levels of nesting; 32
	Items int // elements of one array, members of one object; 40,000
}

// A SyntaxError says where a document is not acceptable and why.
type SyntaxError struct {
	Path string // as in manifests[3].digest; empty for the document itself
	Msg  string
}

func (e *SyntaxError) Error() string {
	if e.Path == "" {
		return e.Msg
	}
	return e.Path + ": " + e.Msg
}

// Unmarshal checks data, which must hold an object, and decodes it into v, as
// encoding/json would. names are the exact names that the document's objects
// use; see Check.
func Unmarshal(data []byte, v any, names ...string) error {
	if err := Check(data, Limits{}, names...); err != nil {
		return err
	}
	if first := bytes.TrimLeft(data, " \t\r\n")[0]; first != '{' {
		return &SyntaxError{"", fmt.Sprintf("want a JSON object, found something that begins with %q", first)}
	}
	if err := json.Unmarshal(data, v); err != nil {
		var te *json.UnmarshalTypeError
		if errors.As(err, &te) {
			msg := fmt.Sprintf("want %s, found %s", jsonName(te.Type.String()), te.Value)
			return &SyntaxError{pathAt(data, te.Offset, te.Field), msg}
		}
		return &SyntaxError{"", err.Error()}
	}
	return nil
}

// pathAt is the path of the value that holds the byte before an offset, in data
// that is sound: encoding/json names the field and not the element of an array.
func pathAt(data []byte, offset int64, field string) string {
	c := checker{dec: json.NewDecoder(bytes.NewReader(data)), limits: Limits{Depth: 32, Items: 40_000}, until: offset}
	c.dec.UseNumber()
	var e *SyntaxError
	if errors.As(c.value("", 0, true, false), &e) {
		return e.Path
	}
	return field
}

func jsonName(goType string) string {
	switch {
	case strings.HasPrefix(goType, "int"):
		return "an integer"
	case goType == "string" || goType == "digest.Digest":
		return "a string"
	case strings.HasPrefix(goType, "[]"):
		return "an array"
	case strings.HasPrefix(goType, "map"), strings.Contains(goType, "."):
		return "an object"
	}
	return goType
}

// Check reads data once and reports the first thing wrong with it. The keys of
// an object under a key "annotations", and all below a key that is none of
// names, are free; all others are compared with names.
func Check(data []byte, l Limits, names ...string) error {
	if l.Depth == 0 {
		l.Depth = 32
	}
	if l.Items == 0 {
		l.Items = 40_000
	}
	if bytes.HasPrefix(data, []byte("\xef\xbb\xbf")) {
		return &SyntaxError{"", "begins with a byte order mark"}
	}
	if !utf8.Valid(data) {
		return &SyntaxError{"", "is not valid UTF-8"}
	}
	if err := checkSurrogates(data); err != nil {
		return err
	}
	if (&sweep{data: data, limits: l, names: names}).document() {
		return nil
	}
	return check(data, l, names)
}

// check is the slow part of Check, which knows every rule and every word.
func check(data []byte, l Limits, names []string) error {
	fold := make(map[string]string, len(names))
	for _, n := range names {
		exact, _ := strings.CutSuffix(n, "?")
		fold[foldCase(exact)] = n
	}
	c := checker{dec: json.NewDecoder(bytes.NewReader(data)), limits: l, names: fold}
	c.dec.UseNumber()
	if err := c.value("", 0, false, false); err != nil {
		return err
	}
	if _, err := c.dec.Token(); err != io.EOF {
		return &SyntaxError{"", fmt.Sprintf("trailing data after the document, at byte %d", c.dec.InputOffset())}
	}
	return nil
}

type checker struct {
	dec    *json.Decoder
	limits Limits
	names  map[string]string // folded to exact, with the "?"
	until  int64             // the offset where pathAt ends the reading, or 0
}

func (c *checker) token(path string) (json.Token, error) {
	t, err := c.dec.Token()
	switch {
	case c.until > 0 && c.dec.InputOffset() >= c.until:
		return nil, &SyntaxError{path, ""}
	case err == io.EOF || errors.Is(err, io.ErrUnexpectedEOF):
		if c.dec.InputOffset() == 0 {
			return nil, &SyntaxError{path, "is empty, want JSON"}
		}
		return nil, &SyntaxError{path, "truncated JSON (unexpected EOF)"}
	case err != nil:
		return nil, &SyntaxError{path, fmt.Sprintf("not JSON: %v (at byte %d)", err, c.dec.InputOffset())}
	}
	return t, nil
}

// value checks the next value. free is within annotations or an extension, where
// keys are the writer's own; named is under one of the caller's names, where null will not
// do.
func (c *checker) value(path string, depth int, free, named bool) error {
	t, err := c.token(path)
	if err != nil {
		return err
	}
	if t == nil && named {
		return &SyntaxError{path, "null; want a value, or no such key"}
	}
	d, ok := t.(json.Delim)
	if !ok {
		return nil
	}
	if depth >= c.limits.Depth {
		return &SyntaxError{path, fmt.Sprintf("nested deeper than %d levels", c.limits.Depth)}
	}
	if d == '[' {
		for i := 0; c.dec.More(); i++ {
			if i >= c.limits.Items {
				return &SyntaxError{path, fmt.Sprintf("too many elements, more than the limit of %d", c.limits.Items)}
			}
			if err := c.value(path+"["+strconv.Itoa(i)+"]", depth+1, free, false); err != nil {
				return err
			}
		}
		_, err := c.token(path)
		return err
	}
	seen := map[string]bool{}
	for c.dec.More() {
		t, err := c.token(path)
		if err != nil {
			return err
		}
		key := t.(string) // the decoder sees to that
		child := join(path, key)
		if len(seen) >= c.limits.Items {
			return &SyntaxError{path, fmt.Sprintf("too many keys, more than the limit of %d", c.limits.Items)}
		}
		low := foldCase(key)
		if free {
			low = key
		}
		if seen[low] {
			return &SyntaxError{child, "duplicate key (or the same key in another case)"}
		}
		seen[low] = true
		name, known := c.names[low]
		exact, nullable := strings.CutSuffix(name, "?")
		if known = known && !free; known && exact != key {
			return &SyntaxError{child, fmt.Sprintf("key differs from %q in case", exact)}
		}
		if err := c.value(child, depth+1, free || !known || key == "annotations", known && !nullable); err != nil {
			return err
		}
	}
	_, err = c.token(path)
	return err
}

// foldCase maps keys that encoding/json takes for one another to the same
// string. Lower case alone would not do: "\u017f" is a small letter, and folds
// to "s".
func foldCase(s string) string {
	return strings.Map(func(r rune) rune {
		for {
			next := unicode.SimpleFold(r)
			if next <= r {
				return next // the smallest of its class
			}
			r = next
		}
	}, s)
}

// join makes a path that is safe to print: a foreign key is quoted unless it
// is a plain word.
func join(path, key string) string {
	for i := range len(key) {
		if b := key[i]; !('a' <= b && b <= 'z' || 'A' <= b && b <= 'Z' || '0' <= b && b <= '9' || b == '_' || b == '.' || b == '-' || b == '/') || i > 80 {
			if len(key) > 80 {
				key = key[:80]
			}
			key = strconv.QuoteToASCII(key)
			break
		}
	}
	if path == "" {
		return key
	}
	return path + "." + key
}

// checkSurrogates refuses \ud800 without its other half, which readers replace
// in different ways. It looks at raw text: outside strings a backslash is a
// syntax error anyway.
func checkSurrogates(data []byte) error {
	high := -1 // offset just behind a high surrogate that waits for its low half
	for i := 0; ; {
		j := bytes.IndexByte(data[i:], '\\')
		if j < 0 {
			break
		}
		at := i + j
		if high >= 0 && at != high {
			return loneSurrogate(high)
		}
		if at+1 < len(data) && data[at+1] == 'u' && at+6 <= len(data) {
			n, err := strconv.ParseUint(string(data[at+2:at+6]), 16, 16)
			switch {
			case err != nil: // the decoder will say so
			case n >= 0xd800 && n < 0xdc00:
				if high >= 0 {
					return loneSurrogate(at)
				}
				high, i = at+6, at+6
				continue
			case n >= 0xdc00 && n < 0xe000:
				if high < 0 {
					return loneSurrogate(at)
				}
				high = -1
			}
			i = at + 6
		} else {
			i = min(at+2, len(data))
		}
		if high >= 0 {
			return loneSurrogate(high)
		}
	}
	if high >= 0 {
		return loneSurrogate(high)
	}
	return nil
}

func loneSurrogate(at int) error {
	return &SyntaxError{"", fmt.Sprintf("half of a surrogate pair in an escape near byte %d", at)}
}
