package ui

import (
	"io"
	"os"
	"strconv"
	"strings"

	"github.com/ociferry/ferry/layout/registry"
)

// HideUserinfo has standard error repeat no user and password that an argument
// holds, whatever a command makes of it. What names a file is shown.
func (e *Env) HideUserinfo(args []string) {
	var pairs []string
	for _, arg := range args {
		if _, value, ok := strings.Cut(arg, "="); ok && strings.HasPrefix(arg, "-") {
			arg = value
		}
		secret := registry.Userinfo(arg)
		name, _, _ := strings.Cut(strings.ReplaceAll(arg, "@", ":"), ":")
		if secret == "" || IsThere(arg) || IsThere(name) {
			continue
		}
		for _, form := range []string{secret, strings.Trim(strconv.Quote(secret), `"`), strings.ReplaceAll(secret, "'", `'\''`)} {
			pairs = append(pairs, form, "[hidden]@", strings.TrimSuffix(form, "@"), "[hidden]")
		}
	}
	if pairs != nil {
		e.Stderr = &replacing{e.Stderr, strings.NewReplacer(pairs...)}
	}
}

// IsThere reports whether a name is that of a file, a directory or a link.
func IsThere(name string) bool {
	_, err := os.Lstat(name)
	return err == nil
}

type replacing struct {
	w io.Writer
	r *strings.Replacer
}

func (r *replacing) Write(p []byte) (int, error) {
	_, err := r.r.WriteString(r.w, string(p))
	return len(p), err
}
