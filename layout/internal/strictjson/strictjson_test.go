package strictjson

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"
	"testing"
)

func TestCheck(t *testing.T) {
	for _, c := range []struct{ data, want string }{ // an empty want: accepted
		{`{}`, ""},
		{` [1, -0.5e3, "x", true, false, null] `, ""},
		{`{"size":1,"annotations":{"Size":"1","size":"2","SIZE":null}}`, ""},
		{`{"x":{"annotations":{"a":1}},"y":null}`, ""},
		{`{"urls":null,"x":[{"urls":[]}]}`, ""},
		{`{"Urls":null}`, `Urls: key differs from "urls" in case`},
		{`{"urls?":null}`, ""},
		{`{"urls":1,"URLS":2}`, "URLS: duplicate"},
		{`"\ud83d\ude80"`, ""},
		{`{"x":[{"y":{"SIZE":1,"Size":{"size":null}}}]}`, ""}, // somebody else's fields
		{`"\\ud800"`, ""},                                     // a backslash and five letters
		{strings.Repeat("[", 32) + strings.Repeat("]", 32), ""},

		{``, "empty"},
		{` `, "empty|truncated"},
		{"\xef\xbb\xbf{}", "byte order mark"},
		{"{\"a\":\"\xff\"}", "UTF-8"},
		{`{"a":1}{}`, "trailing data after the document"},
		{`{"a":1} x`, "trailing"},
		{`{"a":1`, "truncated"},
		{`{"a":1,}`, "not JSON"},
		{`[1 2]`, "not JSON"},
		{`{"a" 1}`, "not JSON"},
		{`{'a':1}`, "not JSON"},
		{`[01]`, "not JSON"},
		{`"\ud800"`, "surrogate"},
		{`"\udc00"`, "surrogate"},
		{`"\ud800\ud800"`, "surrogate"},
		{`"\ud800\n"`, "surrogate"},
		{`"\ud800x\udc00"`, "surrogate"},
		{`{"a":1,"a":2}`, "a: duplicate"},
		{`{"a":1,"A":2}`, "A: duplicate"},
		{`{"k":1,"` + "\u212a" + `":2}`, "duplicate"}, // the Kelvin sign
		{`{"s":1,"` + "\u017f" + `":2}`, "duplicate"}, // the long s
		{`{"a":1,"\u0061":2}`, "a: duplicate"},
		{`{"annotations":{"a":1,"a":2}}`, "annotations.a: duplicate"},
		{`{"Size":1}`, `Size: key differs from "size" in case`},
		{`{"urls":[{"urls":{"SIZE":1}}]}`, `urls[0].urls.SIZE: key differs`},
		{`{"x":[{"y":{"a":1,"a":2}}]}`, `x[0].y.a: duplicate`},
		{`{"` + "\u017f" + `ize":1}`, `key differs from "size"`},
		{`{"size":null}`, "size: null"},
		{`{"urls":[{"size":null}]}`, "urls[0].size: null"},
		{`{"` + `\u001b[2J` + `":1,"` + `\u001b[2J` + `":1}`, `"\x1b[2J": duplicate`},
		{strings.Repeat("[", 33) + strings.Repeat("]", 33), "deeper than 32"},
		{strings.Repeat(`{"a":`, 100_000), "deeper than 32"},
		{"[" + strings.Repeat("0,", 40_000) + "0]", "limit of 40000"},
	} {
		err := Check([]byte(c.data), Limits{}, "size", "urls?")
		short := fmt.Sprintf("%.60q", c.data)
		if c.want == "" {
			if err != nil {
				t.Errorf("%s: %v", short, err)
			}
			continue
		}
		var syntax *SyntaxError
		if !errors.As(err, &syntax) {
			t.Errorf("%s: want a *SyntaxError, found %v", short, err)
			continue
		}
		found := false
		for _, w := range strings.Split(c.want, "|") {
			found = found || strings.Contains(err.Error(), w)
		}
		if !found {
			t.Errorf("%s: want %q, found %q", short, c.want, err)
		}
		if strings.ContainsFunc(err.Error(), func(r rune) bool { return r < ' ' || r == 0x7f }) {
			t.Errorf("%s: a control character in %q", short, err)
		}
	}
}

func TestLimits(t *testing.T) {
	if err := Check([]byte(`[[1]]`), Limits{Depth: 1}); err == nil {
		t.Error("two levels where one is allowed: accepted")
	}
	if err := Check([]byte(`[1,2]`), Limits{Items: 1}); err == nil {
		t.Error("two elements where one is allowed: accepted")
	}
	if err := Check([]byte(`{"a":1,"b":2}`), Limits{Items: 1}); err == nil {
		t.Error("two keys where one is allowed: accepted")
	}
}

func TestUnmarshal(t *testing.T) {
	type doc struct {
		Size  *int64            `json:"size"`
		Names []string          `json:"names"`
		Map   map[string]string `json:"map"`
	}
	var d doc
	if err := Unmarshal([]byte(`{"size":3,"names":["a"],"map":{"k":"v"},"other":{}}`), &d, "size"); err != nil || *d.Size != 3 || d.Names[0] != "a" || d.Map["k"] != "v" {
		t.Errorf("found %+v, %v", d, err)
	}
	for _, c := range []struct{ data, want string }{
		{`[]`, "want a JSON object"},
		{`null`, "want a JSON object"},
		{`"x"`, "want a JSON object"},
		{`{"size":1.5}`, "size: want an integer"},
		{`{"size":"1"}`, "size: want an integer, found string"},
		{`{"size":9223372036854775808}`, "size: want an integer"},
		{`{"names":{}}`, "names: want an array"},
		{`{"names":["",1]}`, "names[1]: want a string"},
		{`{"map":[]}`, "map: want an object"},
		{`{"Size":1}`, "case"},
	} {
		if err := Unmarshal([]byte(c.data), new(doc), "size"); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: want %q, found %v", c.data, c.want, err)
		}
	}
}

// What Check accepts is JSON to encoding/json too, without a key twice by its
// way of comparing keys, and means the same to a second reading.
func FuzzCheck(f *testing.F) {
	for _, d := range append(append([]string{}, plain...), refused...) {
		f.Add([]byte(d))
	}
	f.Add([]byte(`{"a":{"b":[1,2,{"c":"\ud83d\ude80"}]},"annotations":{"A":"1","a":"2"}}`))
	f.Add([]byte("{\"\u017fize\":1,\"size\":2}"))
	f.Fuzz(func(t *testing.T, data []byte) {
		if Check(data, Limits{}, fastNames...) != nil {
			return
		}
		if !json.Valid(data) {
			t.Fatalf("accepted, but encoding/json does not: %q", data)
		}
		var once, twice any
		if err := json.Unmarshal(data, &once); err != nil {
			t.Fatalf("%q: %v", data, err)
		}
		again, err := json.Marshal(once)
		if err != nil {
			t.Fatal(err)
		}
		if err := json.Unmarshal(again, &twice); err != nil {
			t.Fatal(err)
		}
		dec := json.NewDecoder(bytes.NewReader(data))
		noTwins(t, dec, false, data)
		if _, err := dec.Token(); err != io.EOF {
			t.Fatalf("something stands behind the value: %q", data)
		}
	})
}

// noTwins walks over one value and fails on keys that encoding/json takes for
// one another.
func noTwins(t *testing.T, dec *json.Decoder, free bool, data []byte) {
	tok, err := dec.Token()
	if err != nil {
		t.Fatal(err)
	}
	delim, ok := tok.(json.Delim)
	if !ok {
		return
	}
	var keys []string
	for dec.More() {
		inner := free
		if delim == '{' {
			k, err := dec.Token()
			if err != nil {
				t.Fatal(err)
			}
			key := k.(string)
			for _, other := range keys {
				if other == key || !free && strings.EqualFold(other, key) {
					t.Fatalf("%q and %q in %q", other, key, data)
				}
			}
			if len(keys) < 100 {
				keys = append(keys, key)
			}
			inner = key == "annotations"
		}
		noTwins(t, dec, inner, data)
	}
	if _, err := dec.Token(); err != nil {
		t.Fatal(err)
	}
}
