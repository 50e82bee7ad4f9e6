// Package visible tells names that a person can read and tell apart from those
// that only look so.
//
//   - A character is visible if it is a letter, a mark, a number, punctuation, a
//     symbol or an ASCII space (as unicode.IsPrint has it), and neither one that
//     is drawn as nothing (Default_Ignorable_Code_Point of Unicode: joiners,
//     fillers, variation selectors, tags) nor one that is drawn as a blank.
//   - A combining mark is visible on a letter, a number or another mark. At the
//     beginning, or after anything else, it changes the look of what it was not
//     written for.
//   - What turns the direction of text is never visible.
//
// It says nothing of letters of two scripts that look alike.
package visible

import (
	"fmt"
	"strings"
	"unicode"
	"unicode/utf8"

	"golang.org/x/text/unicode/norm"
)

// blanks are drawn as nothing but room, though they are letters or symbols.
var blanks = &unicode.RangeTable{
	R16: []unicode.Range16{{Lo: 0x2800, Hi: 0x2800, Stride: 1}, {Lo: 0xfffc, Hi: 0xfffc, Stride: 1}},
	R32: []unicode.Range32{{Lo: 0x13441, Hi: 0x13446, Stride: 1}, {Lo: 0x16fe4, Hi: 0x16fe4, Stride: 1}, {Lo: 0x1d159, Hi: 0x1d159, Stride: 1}},
}

// Rune reports whether r can be seen where it follows last; 0 is for what follows
// nothing.
func Rune(last, r rune) bool {
	switch {
	case r < utf8.RuneSelf:
		return r >= ' ' && r < 0x7f
	case !unicode.IsPrint(r), unicode.In(r, unicode.Other_Default_Ignorable_Code_Point, unicode.Variation_Selector, blanks):
		return false
	}
	return !unicode.IsMark(r) || unicode.In(last, unicode.L, unicode.N, unicode.M)
}

// First is the first character of s that is not visible, with ok; invalid UTF-8
// is none that is.
func First(s string) (r rune, ok bool) {
	last := rune(0)
	for i, r := range s {
		if !Rune(last, r) || r == utf8.RuneError && !strings.HasPrefix(s[i:], "\ufffd") {
			return r, true
		}
		last = r
	}
	return 0, false
}

// Escape writes s with an escape for each character that is not visible: as
// \x1b where s is no UTF-8, \u202e, or \U000e0001. It is safe to print, and two
// texts that differ look different.
func Escape(s string) string {
	if _, ok := First(s); !ok {
		return s
	}
	var b strings.Builder
	last := rune(0)
	for i, r := range s {
		switch {
		case r == utf8.RuneError && !strings.HasPrefix(s[i:], "\ufffd"):
			fmt.Fprintf(&b, `\x%02x`, s[i])
		case Rune(last, r):
			b.WriteRune(r)
		case r > 0xffff:
			fmt.Fprintf(&b, `\U%08x`, r)
		default:
			fmt.Fprintf(&b, `\u%04x`, r)
		}
		last = r
	}
	return b.String()
}

// Fold is the same for names that some file system takes for one: those that
// differ in case, in the way in which Unicode composes their letters, or in dots
// and spaces at the end of an element, which Windows drops.
func Fold(name string) string {
	if strings.IndexFunc(name, func(r rune) bool { return r >= utf8.RuneSelf }) >= 0 {
		// Some small letters have no other way to their kin than by capitals.
		name = norm.NFD.String(strings.ToLower(strings.ToUpper(norm.NFD.String(name))))
		name = strings.ReplaceAll(name, "ß", "ss")
	} else {
		name = strings.ToLower(name)
	}
	if !strings.Contains(name, ".") && !strings.Contains(name, " ") {
		return name
	}
	parts := strings.Split(name, "/")
	for i, p := range parts {
		if short := strings.TrimRight(p, ". "); short != "" {
			parts[i] = short
		}
	}
	return strings.Join(parts, "/")
}

// Device reports whether Windows takes an element of a path for a device, such
// as NUL, con.txt or COM1, and not for a file (Microsoft, "Naming Files, Paths,
// and Namespaces").
func Device(element string) bool {
	name, _, _ := strings.Cut(strings.ToUpper(element), ".")
	name = strings.TrimRight(name, " ")
	switch name {
	case "CON", "PRN", "AUX", "NUL", "CONIN$", "CONOUT$", "CLOCK$":
		return true
	}
	digit, ok := strings.CutPrefix(name, "COM")
	if !ok {
		digit, ok = strings.CutPrefix(name, "LPT")
	}
	return ok && utf8.RuneCountInString(digit) == 1 && strings.Contains("0123456789¹²³", digit)
}
