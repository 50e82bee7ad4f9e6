package strictjson

import (
	"fmt"
	"strings"
	"testing"
)

var fastNames = []string{"digest", "size", "annotations", "layers", "config", "urls?"}

var plain = []string{
	`{}`, `[]`, `null`, `true`, `-1.5e+10`, `0`, `""`, ` { "a" : [ 1 , 2 ] } `,
	`{"config":{"digest":"sha256:00","size":3},"layers":[{"digest":"x"},{}],"annotations":{"Digest":"1","digest":"2","a":null}}`,
	`{"urls":null,"other":null,"x":"\u00e9\n\\ é"}`,
}

var refused = []string{
	``, `{`, `[1,]`, `{"a":1,}`, `{"a" 1}`, `01`, `1.`, `1e`, `-`, `+1`, `.5`, `tru`, `"`, `"\x"`, `"\u12g4"`, "\"\x01\"", `{} {}`, `{}x`,
	`{"digest":null}`, `{"Digest":1}`, `{"a":1,"A":2}`, `{"a":1,"a":2}`, `{"annotations":{"a":1,"a":2}}`, `{"si\u007ae":1,"size":2}`,
	"{\"\u017fize\":1}", strings.Repeat("[", 40) + strings.Repeat("]", 40),
}

func sweepOver(data string) bool {
	return (&sweep{data: []byte(data), limits: Limits{32, 40_000}, names: fastNames}).document()
}

func TestSweep(t *testing.T) {
	for _, d := range plain {
		if err := Check([]byte(d), Limits{}, fastNames...); err != nil {
			t.Errorf("%s: %v", d, err)
		}
		if !sweepOver(d) {
			t.Errorf("%s: the sweep gave up", d)
		}
	}
	for _, d := range refused {
		if err := Check([]byte(d), Limits{}, fastNames...); err == nil {
			t.Errorf("%q: accepted", d)
		}
	}
	var many strings.Builder
	for i := range 40_001 {
		fmt.Fprintf(&many, ",%d", i)
	}
	if Check([]byte("["+many.String()[1:]+"]"), Limits{}) == nil {
		t.Error("40,001 elements: accepted")
	}
}

// What the sweep accepts the slow check accepts.
func FuzzSweep(f *testing.F) {
	for _, d := range append(plain, refused...) {
		f.Add(d)
	}
	f.Fuzz(func(t *testing.T, d string) {
		if sweepOver(d) {
			if err := check([]byte(d), Limits{32, 40_000}, fastNames); err != nil {
				// Half a pair and broken UTF-8 are looked for before the sweep.
				t.Fatalf("%q: %v", d, err)
			}
		}
	})
}

func BenchmarkCheck(b *testing.B) {
	var doc strings.Builder
	doc.WriteString(`{"schemaVersion":2,"layers":[{}`)
	for i := range 10_000 {
		fmt.Fprintf(&doc, `,{"mediaType":"application/octet-stream","digest":"sha256:%064x","size":%d,"annotations":{"org.opencontainers.image.title":"dir/file%d"}}`, i, i, i)
	}
	doc.WriteString("]}")
	b.SetBytes(int64(doc.Len()))
	for b.Loop() {
		if err := Check([]byte(doc.String()), Limits{}, fastNames...); err != nil {
			b.Fatal(err)
		}
	}
}
