package visible

import (
	"strings"
	"testing"
	"unicode"
)

func TestEscape(t *testing.T) {
	for _, c := range []struct{ in, want string }{
		{"", ""}, {"report.pdf", "report.pdf"}, {"Größe ✓ 数 🚀", "Größe ✓ 数 🚀"},
		{"e\u0301te\u0301", "e\u0301te\u0301"}, {"\u0301a", `\u0301a`}, {"a \u0301", `a \u0301`}, {`"` + "\u0301", `"\u0301`},
		{"नमस्ते", "नमस्ते"}, {"ที่", "ที่"},
		{"report\ufe0f.pdf", `report\ufe0f.pdf`}, {"report\u034f.pdf", `report\u034f.pdf`}, {"report.pdf\u3164", `report.pdf\u3164`},
		{"\u115f", `\u115f`}, {"\u17b4x", `\u17b4x`}, {"x\U000e0101", `x\U000e0101`}, {"\u2800", `\u2800`}, {"\u00a0", `\u00a0`}, {"\u3000", `\u3000`},
		{"\u202eexe", `\u202eexe`}, {"\u2066a", `\u2066a`}, {"\u200d\u200b\u00ad\ufeff", `\u200d\u200b\u00ad\ufeff`}, {"\x1b[31m", `\u001b[31m`}, {"a\xffb", `a\xffb`}, {"\ufffd", "\ufffd"},
		{"\U0001d159", `\U0001d159`}, {"\U00013441", `\U00013441`},
	} {
		if got := Escape(c.in); got != c.want {
			t.Errorf("%+q: got %s, want %s", c.in, got, c.want)
		}
		if _, ok := First(c.in); ok == (c.in == c.want) {
			t.Errorf("%+q: an invisible character: %v", c.in, ok)
		}
	}
}

// Every character that Unicode says is drawn as nothing, or as a blank, is
// escaped; and so is every space but one.
func TestEveryCharacter(t *testing.T) {
	for r := rune(0); r <= unicode.MaxRune; r++ {
		ignorable := unicode.In(r, unicode.Cf, unicode.Cc, unicode.Cs, unicode.Other_Default_Ignorable_Code_Point, unicode.Variation_Selector)
		if (ignorable || unicode.IsSpace(r) && r != ' ') && strings.ContainsRune(Escape("a"+string(r)), r) {
			t.Errorf("%U is left as it is", r)
		}
	}
}

func TestFold(t *testing.T) {
	for _, c := range []struct {
		a, b string
		same bool
	}{
		{"a", "A", true}, {"straße", "STRASSE", true}, {"\u00e9", "e\u0301", true}, {"\u00c9", "e\u0301", true}, {"K", "\u212a", true}, {"\u00e5", "\u212b", true},
		{"a", "a.", true}, {"a", "a. .", true}, {"d./a", "d/A ", true}, {"\u03c3", "\u03c2", true},
		{"a", "b", false}, {"a.b", "ab", false}, {"...", "..", false}, {"a b", "ab", false}, {"e", "\u00e9", false}, {" a", "a", false},
	} {
		if (Fold(c.a) == Fold(c.b)) != c.same {
			t.Errorf("%+q and %+q: %+q, %+q", c.a, c.b, Fold(c.a), Fold(c.b))
		}
	}
}

func TestDevice(t *testing.T) {
	for _, name := range strings.Fields("CON con Nul nul.txt NUL.tar.gz aux.c prn COM1 com9.x LPT1 LPT¹ COM³.txt CONIN$ conout$.x CLOCK$ COM0") {
		if !Device(name) {
			t.Errorf("%s is a device", name)
		}
	}
	for _, name := range strings.Fields("CONS com COM10 COMA lpt nullable xnul .nul con-1 a.con LPT11 CONIN") {
		if Device(name) {
			t.Errorf("%s is no device", name)
		}
	}
	if !Device("con .txt") || !Device("nul  ") {
		t.Error("spaces at the end of the name count")
	}
}
