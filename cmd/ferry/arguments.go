package main

import (
	"fmt"
	"regexp"
	"slices"
	"strings"

	"github.com/urfave/cli/v2"
)

// What people type and the library does not understand: several short flags in
// one word, flags before the command, names of other tools and half ones.

// elsewhere are the words of other tools for what ours do.
var elsewhere = map[string][]string{
	"list": {"ls"}, "tags": {"ls"}, "show": {"inspect", "ls"}, "info": {"inspect"},
	"check": {"verify"}, "validate": {"verify"},
	"create": {"pack"}, "build": {"pack"}, "extract": {"unpack"}, "untar": {"unpack"}, "load": {"unpack", "push"},
	"copy": {"bundle", "pull", "push"}, "cp": {"bundle", "pull", "push"}, "convert": {"bundle"}, "merge": {"bundle"},
	"save": {"pull", "bundle"}, "fetch": {"pull"}, "download": {"pull"}, "upload": {"push"}, "publish": {"push"},
}

// meant are the names that may have been meant by a word, of which there is
// none: those that it is the beginning of, or else the nearest one.
func meant(word string, names []string) []string {
	var begun []string
	for _, n := range names {
		if len(word) > 1 && strings.HasPrefix(n, word) {
			begun = append(begun, n)
		}
	}
	if len(begun) > 0 && len(begun) <= 3 {
		return begun
	}
	if n := closest(word, names); n != "" {
		return []string{n}
	}
	return nil
}

// didYouMean is the beginning of a hint, or nothing.
func didYouMean(before string, names []string) string {
	if len(names) == 0 {
		return ""
	}
	return "did you mean " + before + strings.Join(names, " or "+before) + "? "
}

func flagNames(cmd *cli.Command) (names []string) {
	for _, f := range cmd.VisibleFlags() {
		names = append(names, f.Names()...)
	}
	return names
}

// behind moves the flags before a command behind it, if they have no value in
// a word of its own. args[at] is the command, also in what is returned.
func behind(cmd *cli.Command, args []string, at int) ([]string, int) {
	for _, a := range args[1:at] {
		name, _, valued := strings.Cut(strings.TrimLeft(a, "-"), "=")
		if !slices.Contains(flagNames(cmd), name) || takesValue(cmd, name) && !valued {
			return args, at
		}
	}
	return slices.Concat(args[:1], args[at:at+1], args[1:at], args[at+1:]), 1
}

// apart takes short flags in one word apart: -qk K and -kK. A word that looks
// like a long flag with a typing mistake stays as it is, and is refused.
func apart(cmd *cli.Command, word string) []string {
	names := flagNames(cmd)
	name, _, _ := strings.Cut(strings.TrimLeft(word, "-"), "=")
	if strings.HasPrefix(word, "--") || len(name) < 2 || slices.Contains(names, name) || len(meant(name, names)) > 0 {
		return []string{word}
	}
	var out []string
	for rest := word[1:]; rest != ""; {
		letter := rest[:1]
		rest = rest[1:]
		switch {
		case !slices.Contains(names, letter):
			return []string{word}
		case takesValue(cmd, letter) && rest != "":
			return append(out, "-"+letter+"="+strings.TrimPrefix(rest, "="))
		}
		out = append(out, "-"+letter)
	}
	return out
}

// badValue is what the library says of a value that a flag does not take.
var badValue = regexp.MustCompile(`^invalid (boolean )?value (".*") for (?:flag )?-(\S+): `)

// valueError is that in our words, or nil.
func valueError(msg, help string) error {
	m := badValue.FindStringSubmatch(msg)
	if m == nil {
		return nil
	}
	name := "--" + m[3]
	if len(m[3]) == 1 {
		name = "-" + m[3]
	}
	if m[1] != "" {
		return misuse(fmt.Errorf("%s=%s: want no value, the flag alone says it", name, m[2]), "leave out the value, or the flag; "+help)
	}
	return misuse(fmt.Errorf("%s %s: want a number", name, m[2]), help)
}

// arguments says which there are, for an error.
func arguments(c *cli.Context) string {
	s := count(c.NArg(), "argument")
	for i, a := range c.Args().Slice() {
		s += fmt.Sprintf("%s %q", map[bool]string{true: ":", false: ","}[i == 0], a)
	}
	return s
}
