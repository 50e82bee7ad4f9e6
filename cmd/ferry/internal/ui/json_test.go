package ui

import (
	"bytes"
	"encoding/json"
	"maps"
	"strings"
	"testing"
	"unicode"
)

func TestPrintableJSON(t *testing.T) {
	in := map[string]string{"Größe ✓": "a\x1b\u007f\u009b\u202e\u2028\U000e0001\U0001f680\n<&>", "\u0301\ufe0f": "\u2800"}
	var b bytes.Buffer
	e := json.NewEncoder(PrintableJSON{&b})
	e.SetEscapeHTML(false)
	e.SetIndent("", "  ")
	if err := e.Encode(in); err != nil {
		t.Fatal(err)
	}
	if i := strings.IndexFunc(b.String(), func(r rune) bool {
		return r != '\n' && (!unicode.IsPrint(r) || strings.ContainsRune("\u0301\ufe0f\u2800", r))
	}); i >= 0 {
		t.Errorf("not printable: %q", b.String()[i:])
	}
	var out map[string]string
	if err := json.Unmarshal(b.Bytes(), &out); err != nil || !maps.Equal(out, in) {
		t.Errorf("%v: %q", err, out)
	}
}
