package sniff

import (
	"path"
	"strings"
)

// endings are those that make a system run a file.
var endings = func() map[string]bool {
	m := map[string]bool{}
	for e := range strings.FieldsSeq(`.exe .dll .com .scr .pif .cpl .ocx .sys .drv .efi .bat .cmd .ps1 .psm1 .vbs .vbe .jse .wsf .wsh .wsc .sct
		.hta .lnk .msi .msp .msu .msc .msix .appx .reg .xll .jnlp .sh .bash .csh .ksh .zsh .fish .command .desktop .run .appimage`) {
		m[e] = true
	}
	return m
}()

// ByName says as what a system runs a file of this name, whatever its bytes
// are; "" if it does not. Windows drops dots and spaces at the end of a name,
// ends a name at NUL and takes what follows a colon for a stream of the file,
// which can be run as well.
func ByName(name string) string {
	name = strings.ToLower(strings.ReplaceAll(name, `\`, "/"))
	for part := range strings.FieldsFuncSeq(path.Base(name), func(r rune) bool { return r == ':' || r == 0 }) {
		part = strings.TrimRight(part, ". ")
		if part == "vbaproject.bin" {
			return "Office macros"
		}
		if e := path.Ext(part); endings[e] {
			return "named as a program (" + e + ")"
		}
	}
	return ""
}
