package ui

import (
	"embed"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/urfave/cli/v2"
)

// The scripts ask ferry itself, so that they cannot tell of another ferry:
//
//	ferry __complete SHELL :WORD BEFORE...
//
// prints what WORD, which is being typed after the words BEFORE, may become, a
// line each. The colon is there because some shells lose an empty argument. No
// answer means that a file name may stand there.
//
//go:embed completion
var completionScripts embed.FS

// completeWord is the first argument of the scripts to ferry.
const completeWord = "__complete"

// CompletionScript is the script for a shell, or nil.
func CompletionScript(shell string) []byte {
	suffix := map[string]string{"powershell": "ps1", "pwsh": "ps1"}[shell]
	if suffix == "" {
		suffix = shell
	}
	data, err := completionScripts.ReadFile("completion/ferry." + suffix)
	if err != nil {
		return nil
	}
	return data
}

// complete answers a completion script; args are those after completeWord.
func complete(w io.Writer, app *cli.App, args []string) {
	if len(args) < 2 {
		return
	}
	for _, a := range answers(Tree(app), args[2:], strings.TrimPrefix(args[1], ":")) {
		switch args[0] {
		case "bash":
			fmt.Fprintln(w, a.word)
		case "zsh":
			fmt.Fprintf(w, "%s:%s\n", strings.ReplaceAll(a.word, ":", `\:`), a.tip)
		default:
			fmt.Fprintf(w, "%s\t%s\n", a.word, a.tip)
		}
	}
}

// An answer is a word that may be typed, and what it means.
type answer struct{ word, tip string }

// answers are what word may become after the words before it. Flags complete on
// either side of arguments, as they may be typed.
func answers(cmds []*command, before []string, word string) (out []answer) {
	add := func(prefix, w, tip string) {
		if strings.HasPrefix(w, word) {
			out = append(out, answer{prefix + w, tip})
		}
	}
	// --flag=value arrives in three words from bash, and in one from others.
	prefix := ""
	if n := len(before); n > 0 && word == "=" {
		word = ""
	} else if n > 1 && before[n-1] == "=" {
		before = before[:n-1]
	} else if name, value, ok := strings.Cut(word, "="); ok && strings.HasPrefix(name, "-") {
		before, word, prefix = append(before[:n:n], name), value, name+"="
	}
	at := slices.IndexFunc(before, func(w string) bool { return !strings.HasPrefix(w, "-") })
	if at < 0 {
		for _, c := range cmds {
			add("", c.Name, c.Usage)
		}
		return out
	}
	which := slices.IndexFunc(cmds, func(c *command) bool { return c.Name == before[at] })
	if which < 0 {
		return nil
	}
	cmd := cmds[which]
	if f := cmd.flag(before[len(before)-1]); f != nil && f.value != "" {
		for _, v := range f.values {
			add(prefix, v, f.usage)
		}
		return out
	}
	if strings.HasPrefix(word, "-") {
		for _, f := range cmd.Flags {
			for _, n := range f.Dashed() {
				add("", n, f.usage)
			}
		}
		return out
	}
	for _, w := range cmd.words {
		add("", w, "")
	}
	return out
}

// flag is the one that was typed, or nil.
func (c *command) flag(typed string) *flag {
	for i := range c.Flags {
		if slices.Contains(c.Flags[i].Dashed(), typed) {
			return &c.Flags[i]
		}
	}
	return nil
}
