package ui

import (
	"fmt"
	"strings"
	"time"

	"github.com/ociferry/ferry/layout"
)

// Size is a number of bytes for people: exact, and in a handy unit.
func Size(n int64) string {
	const units = "KMGTPE"
	if n < 1<<10 {
		return fmt.Sprintf("%d B", n)
	}
	v, i := float64(n)/1024, 0
	for v >= 1024 && i < len(units)-1 {
		v /= 1024
		i++
	}
	return fmt.Sprintf("%.1f %ciB", v, units[i])
}

// Count is "1 blob" or "2 blobs".
func Count(n int, one string) string {
	if n == 1 {
		return "1 " + one
	}
	return fmt.Sprintf("%d %ss", n, one)
}

// FirstOf is a list of names that ends with "..." where there are many.
func FirstOf(names []string) string {
	var list []string
	for _, name := range names[:min(len(names), 8)] {
		list = append(list, layout.Printable(name))
	}
	if len(names) > len(list) {
		list = append(list, "...")
	}
	return strings.Join(list, ", ")
}

// ShellWord is a word as it is typed in a shell. A name is not to be taken for
// a flag; "-", with an artifact behind it or not, is standard input.
func ShellWord(s string) string {
	if strings.HasPrefix(s, "-") && !IsStdin(s) {
		s = "./" + s
	}
	for _, r := range s {
		if !(r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' || strings.ContainsRune("_@%+=:,./-", r)) {
			return "'" + strings.ReplaceAll(s, "'", `'\''`) + "'"
		}
	}
	if s == "" {
		return "''"
	}
	return s
}

func RFC3339(t time.Time) string {
	if t.IsZero() {
		return ""
	}
	return t.Format(time.RFC3339)
}
