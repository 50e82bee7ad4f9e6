package lei

import (
	"bytes"
	"encoding/json"
	"errors"
	"strings"
	"testing"
	"unicode/utf8"
)

// scan gives text to a scanner in pieces of the given size.
func scan(t testing.TB, text []byte, size int) (int64, error) {
	t.Helper()
	l := newLines(nil, 0)
	for len(text) > 0 {
		n := min(size, len(text))
		if err := l.scan(text[:n]); err != nil {
			return 0, err
		}
		text = text[n:]
	}
	err := l.finish()
	return l.reports, err
}

func TestLines(t *testing.T) {
	deep := func(n int) string { return strings.Repeat(`{"a":[`, n/2) + strings.Repeat("]}", n/2) }
	for _, tt := range []struct {
		name, in string
		reports  int64
		err      string // "" for none
	}{
		{"nothing", "", 0, ""},
		{"the original's empty snapshot", "\n", 0, ""},
		{"one", "{}\n", 1, ""},
		{"no line feed at the end", `{"a":1}`, 1, ""},
		{"empty lines", "\n\n{}\n\n{}\n\n", 2, ""},
		{"carriage returns", "{}\r\n\r\n{\"a\":[1,2]}\r\n", 2, ""},
		{"white space around and within", " \t{ \"a\" : [ 1 , 2 ] , \"b\" : { } } \t\n", 1, ""},
		{"every kind of value", `{"a":null,"b":true,"c":false,"d":-0,"e":-0.5e+10,"f":1E-2,"g":"\"\\\/\b\f\n\r\té\ud83d\ude80","h":[],"i":{},"j":[[],{}],"":0}`, 1, ""},
		{"big integer", `{"a":123456789012345678901234567890` + strings.Repeat("0", 400) + `}`, 1, ""},
		{"small float", `{"a":1e-400}`, 1, ""},
		{"invalid UTF-8 in a string", "{\"a\":\"\xff\xfe\"}\n", 1, ""},
		{"same key twice", `{"a":1,"a":2}`, 1, ""},
		{"deep", deep(512), 1, ""},

		{"too deep", deep(514), 0, "line 1, column 1537: want at most 512 levels of objects and arrays, found more"},
		{"space only", "{}\n  \n", 0, "line 2, column 3: want a JSON object, found a line of nothing but white space"},
		{"space only at the end", "{}\n ", 0, "line 2, column 2: want a JSON object, found a line of nothing but white space"},
		{"byte order mark", "\ufeff{}\n", 0, "line 1, column 1: want a JSON object, found byte 0xef (a byte order mark?)"},
		{"null", "null\n", 0, "line 1, column 1: want a JSON object, found 'n'"},
		{"number", "{}\n{}\n5\n", 0, "line 3, column 1: want a JSON object, found '5'"},
		{"array", "[1]\n", 0, "line 1, column 1: want a JSON object, found '['"},
		{"string", `"a"`, 0, "want a JSON object"},
		{"lone high surrogate", `{"a":"\ud800"}`, 0, "line 1, column 13: want the low half of a surrogate pair behind the escape of the high half, found '\"'"},
		{"high surrogate and another escape", `{"a":"\ud800\n"}`, 0, "want the low half"},
		{"two high surrogates", `{"a":"\ud800\ud800"}`, 0, `want the low half of a surrogate pair, found the escape \ud800`},
		{"lone low surrogate", `{"a":"\udc00"}`, 0, `want the high half of a surrogate pair first, found the escape \udc00`},
		{"number out of range", `{"a":1e400}`, 0, `line 1, column 6: want a number that a 64-bit float can hold, found "1e400"`},
		{"negative out of range", `{"a":[1,-1.0E+309]}`, 0, `line 1, column 9: want a number`},
		{"cut short", "{\"a\":1\n", 0, `line 1, column 7: want "," or the end of the object or array, found the end of the line`},
		{"cut within a string", "{\"a\n", 0, "line 1, column 4: want the end of the string, found the end of the line"},
		{"cut at the end", `{"a":`, 0, "line 1, column 6: want a value, found the end of the line"},
		{"two objects", "{}{}\n", 0, "line 1, column 3: want nothing behind the object, found '{'"},
		{"garbage behind", "{} x\n", 0, "line 1, column 4: want nothing behind the object, found 'x'"},
		{"trailing comma", `{"a":1,}`, 0, `line 1, column 8: want a key in quotes, found '}'`},
		{"trailing comma in an array", `{"a":[1,]}`, 0, `want a value, found ']'`},
		{"comma first", `{,}`, 0, `want a key in quotes or "}", found ','`},
		{"wrong bracket", `{"a":[1}}`, 0, `want "," or the end of the object or array, found '}'`},
		{"key without quotes", `{a:1}`, 0, `want a key in quotes or "}", found 'a'`},
		{"no colon", `{"a" 1}`, 0, `want ":", found '1'`},
		{"leading zero", `{"a":01}`, 0, `want the end of a number that begins with 0, found '1'`},
		{"plus", `{"a":+1}`, 0, "want a value, found '+'"},
		{"only minus", `{"a":-}`, 0, "want a digit, found '}'"},
		{"dot without digits", `{"a":1.}`, 0, "want a digit, found '}'"},
		{"exponent without digits", `{"a":1e}`, 0, "want a digit or a sign, found '}'"},
		{"exponent sign without digits", `{"a":1e+}`, 0, "want a digit, found '}'"},
		{"NaN", `{"a":NaN}`, 0, "want a value, found 'N'"},
		{"capital literal", `{"a":True}`, 0, "want a value, found 'T'"},
		{"cut literal", `{"a":tru}`, 0, "want true, found '}'"},
		{"long literal", `{"a":nullx}`, 0, `found 'x'`},
		{"unknown escape", `{"a":"\x41"}`, 0, "want one of the escapes of JSON behind a backslash, found 'x'"},
		{"hexadecimal", `{"a":"\u00g0"}`, 0, "want four hexadecimal digits, found 'g'"},
		{"control character", "{\"a\":\"\x01\"}", 0, "want an escaped control character in a string, found byte 0x01"},
		{"tab in a string", "{\"a\":\"\t\"}", 0, "found byte 0x09"},
		{"escape to a terminal", "{\"a\":\x1b[2J}", 0, "want a value, found byte 0x1b"},
		{"vertical tab", "\v{}", 0, "found byte 0x0b"},
		{"comment", "{} // no\n", 0, "found '/'"},
		{"UTF-16", "\xff\xfe{\x00}\x00", 0, "found byte 0xff"},
		{"invalid UTF-8 outside a string", "{\"a\":\xff}", 0, "found byte 0xff"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			for _, size := range []int{1, 2, 3, 7, 8, 1 << 20} {
				n, err := scan(t, []byte(tt.in), size)
				if tt.err == "" {
					if err != nil || n != tt.reports {
						t.Fatalf("in pieces of %d: got %d reports and %v, want %d", size, n, err, tt.reports)
					}
					continue
				}
				var e *FormatError
				if !errors.As(err, &e) || !strings.Contains(err.Error(), tt.err) {
					t.Fatalf("in pieces of %d: got %v, want %s", size, err, tt.err)
				}
				if strings.ContainsAny(err.Error(), "\n\x1b") {
					t.Fatalf("the message is fit for no terminal: %q", err)
				}
			}
		})
	}
}

func TestLineLimit(t *testing.T) {
	line := `{"a":"` + strings.Repeat("x", 92) + `"}` // 100 bytes
	for _, tt := range []struct {
		max  int64
		want string
	}{
		{100, ""},
		{99, "line 2, column 100: want at most 99 bytes in a line, found more"},
	} {
		for _, size := range []int{1, 64, 1000} {
			l := newLines(nil, tt.max)
			text := []byte("{}\n" + line + "\n")
			var err error
			for len(text) > 0 && err == nil {
				n := min(size, len(text))
				err = l.scan(text[:n])
				text = text[n:]
			}
			if got := errText(err); got != tt.want {
				t.Errorf("limit %d, pieces of %d: got %q, want %q", tt.max, size, got, tt.want)
			}
		}
	}
}

func errText(err error) string {
	if err == nil {
		return ""
	}
	return err.Error()
}

// The scanner and encoding/json agree on every single line, but for what this
// scanner refuses on top of the grammar.
func FuzzScanner(f *testing.F) {
	for _, s := range []string{
		"{}", `{"a":[1,2.5e3,-0,true,false,null,"x\u00e9\n"]}`, `{"a":{"b":[{},[]]}}`, ` { "a" : 1 } `, "{\"a\":\"\u00e9\"}",
		`{"a":01}`, `{"a":1.}`, `{"a":"\ud800\udc00"}`, `{"":""}`, `[{}]`, `{"a":1}x`, "{\r\n}", `{"a":1e5}`, `{"a":"\\\""}`,
	} {
		f.Add([]byte(s), 3)
	}
	f.Fuzz(func(t *testing.T, line []byte, size int) {
		if size < 1 || bytes.IndexByte(line, '\n') >= 0 {
			return
		}
		n, err := scan(t, line, size)
		got := err == nil && n == 1
		object := bytes.HasPrefix(bytes.TrimLeft(line, " \t\r"), []byte("{"))
		want := object && json.Valid(line)
		if got == want {
			return
		}
		if !got && want {
			text := err.Error()
			if strings.Contains(text, "surrogate") || strings.Contains(text, "64-bit float") || strings.Contains(text, "levels") {
				return
			}
		}
		t.Fatalf("%q: got %v (%v), encoding/json says %v", line, got, err, want)
	})
}

// Strings reach a handler as encoding/json decodes them.
func FuzzStrings(f *testing.F) {
	f.Add(`a\u00e9\ud83d\ude80\"\\\/\b\f\n\r\t`, 2)
	f.Add("plain", 1)
	f.Fuzz(func(t *testing.T, inside string, size int) {
		line := `{"data":{"repo":"` + inside + `"}}`
		if size < 1 || !utf8.ValidString(inside) {
			return
		}
		rep := &Report{wantFields: true}
		l := newLines(rep, 0)
		var got []byte
		l.each = func([]byte) error {
			got = bytes.Clone(rep.dataRepo.text)
			return nil
		}
		text := []byte(line)
		for len(text) > 0 {
			n := min(size, len(text))
			if l.scan(text[:n]) != nil {
				return
			}
			text = text[n:]
		}
		if l.finish() != nil || l.reports != 1 {
			return
		}
		var want struct{ Data struct{ Repo string } }
		if err := json.Unmarshal([]byte(line), &want); err != nil {
			t.Fatal(err)
		}
		if strings.Contains(inside, `"`) && string(got) != want.Data.Repo {
			return // other keys; the first wins here, the last there
		}
		if string(got) != want.Data.Repo {
			t.Fatalf("%q: got %q, want %q", inside, got, want.Data.Repo)
		}
		var back string
		if err := json.Unmarshal(appendString(nil, got), &back); err != nil || back != string(got) {
			t.Fatalf("%q: written as %s", got, appendString(nil, got))
		}
	})
}

func TestUTF8Check(t *testing.T) {
	for _, tt := range []struct {
		in   string
		good bool
	}{
		{"", true}, {"plain ascii, longer than eight", true}, {"García 雷 🚀 Ольга", true},
		{"\xff", false}, {"abcdefgh\xc3", false}, {"\xc3(", false}, {"\xe9\x9b", false}, {"\xf0\x9f\x9a", false},
		{"\xed\xa0\x80", false}, {"\xc0\x80", false}, {"\xf4\x90\x80\x80", false}, {"ok\x80", false},
	} {
		for size := 1; size < 10; size++ {
			var u utf8Check
			good := true
			for text := []byte(tt.in); len(text) > 0 && good; {
				n := min(size, len(text))
				good = u.next(text[:n]) < 0
				text = text[n:]
			}
			if good = u.end() && good; good != tt.good {
				t.Errorf("%q in pieces of %d: got %v", tt.in, size, good)
			}
		}
	}
}

// BenchmarkScan is the scanner alone, on one core, with what a Summary asks of it
// and without.
func BenchmarkScan(b *testing.B) {
	raw := reports(1, 20_000)
	for name, rep := range map[string]*Report{"grammar": nil, "secrets": {wantSecrets: true}, "fields": {wantFields: true, wantSecrets: true}} {
		b.Run(name, func(b *testing.B) {
			b.SetBytes(int64(len(raw)))
			for b.Loop() {
				l := newLines(rep, 0)
				for p := raw; len(p) > 0; p = p[min(len(p), blockSize):] {
					if err := l.scan(p[:min(len(p), blockSize)]); err != nil {
						b.Fatal(err)
					}
				}
			}
		})
	}
}
