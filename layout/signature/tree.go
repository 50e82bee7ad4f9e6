package signature

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"strconv"
	"unicode/utf8"
)

// An object is a JSON object as it stands: encoding/json itself would take the
// last of two equal keys, and "Signature" for "signature".
type object map[string]any

const maxDepth = 16

// parseJSON reads one JSON object and nothing behind it. Twice the same key,
// invalid UTF-8 and deep nesting are refused. Values are object, []any, string,
// json.Number, bool and nil.
func parseJSON(data []byte) (object, error) {
	if !utf8.Valid(data) {
		return nil, fmt.Errorf("%w: not UTF-8", ErrFormat)
	}
	d := json.NewDecoder(bytes.NewReader(data))
	d.UseNumber()
	v, err := parseValue(d, 0)
	if err != nil {
		return nil, fmt.Errorf("%w: not JSON: %v", ErrFormat, err)
	}
	o, ok := v.(object)
	if !ok {
		return nil, fmt.Errorf("%w: not a JSON object", ErrFormat)
	}
	if _, err := d.Token(); err != io.EOF {
		return nil, fmt.Errorf("%w: something follows the JSON object", ErrFormat)
	}
	return o, nil
}

func parseValue(d *json.Decoder, depth int) (any, error) {
	t, err := d.Token()
	if err != nil {
		return nil, noEOF(err)
	}
	delim, ok := t.(json.Delim)
	if !ok {
		return t, nil
	}
	if depth == maxDepth {
		return nil, fmt.Errorf("nested deeper than %d levels", maxDepth)
	}
	if delim == '[' {
		list := []any{}
		for d.More() {
			v, err := parseValue(d, depth+1)
			if err != nil {
				return nil, err
			}
			list = append(list, v)
		}
		_, err := d.Token()
		return list, noEOF(err)
	}
	o := object{}
	for d.More() {
		k, err := d.Token()
		if err != nil {
			return nil, noEOF(err)
		}
		key := k.(string) // the decoder has no other keys
		if _, twice := o[key]; twice {
			return nil, fmt.Errorf("the key %q stands twice", key)
		}
		if o[key], err = parseValue(d, depth+1); err != nil {
			return nil, err
		}
	}
	_, err = d.Token()
	return o, noEOF(err)
}

func noEOF(err error) error {
	if err == io.EOF {
		return io.ErrUnexpectedEOF
	}
	return err
}

// only refuses keys that are not known: what stands there would be believed by
// another reader and not by this one.
func (o object) only(keys ...string) error {
	for have := range o {
		known := false
		for _, k := range keys {
			known = known || k == have
		}
		if !known {
			return fmt.Errorf("%w: unknown key %q", ErrFormat, have)
		}
	}
	return nil
}

func (o object) object(key string) (object, error) {
	v, ok := o[key].(object)
	if !ok {
		return nil, fmt.Errorf("%w: %s: want an object", ErrFormat, key)
	}
	return v, nil
}

func (o object) text(key string) (string, error) {
	v, ok := o[key].(string)
	if !ok {
		return "", fmt.Errorf("%w: %s: want a string", ErrFormat, key)
	}
	return v, nil
}

func (o object) bytes(key string) ([]byte, error) {
	s, err := o.text(key)
	if err != nil {
		return nil, err
	}
	b, err := base64.StdEncoding.Strict().DecodeString(s)
	if err != nil {
		return nil, fmt.Errorf("%w: %s: not base64", ErrFormat, key)
	}
	return b, nil
}

// number is a whole number that is not negative.
func (o object) number(key string) (int, error) {
	n, _ := o[key].(json.Number)
	v, err := strconv.ParseUint(string(n), 10, 31)
	if err != nil {
		return 0, fmt.Errorf("%w: %s: want a whole number", ErrFormat, key)
	}
	return int(v), nil
}
