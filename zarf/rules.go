package zarf

import (
	"errors"
	"fmt"
	"maps"
	"path"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"
)

// An Error is one rule of the package comment that a value breaks. A call that
// finds several returns them joined; errors.As yields the first.
type Error struct {
	// Field is what was wrong: name, component, version, architecture,
	// description, annotation, shape, archive, file, shasum, target, ferry,
	// readme, image, images, index, action, components or definition.
	Field string
	Found string // empty if there was nothing
	Want  string
	Hint  string // what to do next; may be empty
}

func (e *Error) Error() string {
	if e.Found == "" {
		return fmt.Sprintf("zarf: %s: want %s", e.Field, e.Want)
	}
	return fmt.Sprintf("zarf: %s: found %q, want %s", e.Field, e.Found, e.Want)
}

// A list gathers errors, so that all that is wrong is said at once.
type list []error

func (l *list) add(err error) {
	if err != nil {
		*l = append(*l, err)
	}
}

func (l list) err() error { return errors.Join(l...) }

// Zarf allows a trailing "-" and any length, and the API server then refuses
// the label that Zarf makes of the name.
var namePattern = pattern(`^[a-z0-9]([a-z0-9-]*[a-z0-9])?$`)

func checkName(field, name string) error {
	if len(name) > 63 || !namePattern().MatchString(name) {
		return &Error{Field: field, Found: name, Want: "lower-case letters, digits and inner hyphens, at most 63", Hint: "--name sets it"}
	}
	return nil
}

func checkVersion(version string) error {
	if !validTag(version) {
		return &Error{
			Field: "version", Found: version,
			Want: "letters, digits, _ . - (one string is version, tag and file name), at most 128, the first no . or -",
			Hint: "--version sets it",
		}
	}
	return nil
}

var architecturePattern = pattern(`^[a-z0-9][a-z0-9_]{0,31}$`)

func checkArchitecture(architecture string) error {
	if !architecturePattern().MatchString(architecture) {
		return &Error{Field: "architecture", Found: architecture, Want: "a name like amd64, arm64 or multi (it becomes part of the package's file name)"}
	}
	return nil
}

// plain says whether s is text that Zarf and a terminal take as it stands:
// "###" opens a Zarf template, and a control character may be an escape.
func plain(s string) bool {
	return utf8.ValidString(s) && !strings.Contains(s, "###") &&
		strings.IndexFunc(s, func(r rune) bool { return !unicode.IsPrint(r) }) < 0
}

func checkText(field, s string) error {
	if !plain(s) {
		return &Error{Field: field, Found: s, Want: "one line of printable text without ###, which Zarf would take for a template"}
	}
	return nil
}

// checkPath is for paths that Zarf reads beside zarf.yaml when it creates the
// package.
func checkPath(field, p string) error {
	switch {
	case p == "" || !plain(p) || strings.Contains(p, `\`):
		return &Error{Field: field, Found: p, Want: "a path of printable characters without backslash and ###"}
	case path.IsAbs(p):
		return &Error{Field: field, Found: p, Want: "a path relative to zarf.yaml, so that the two can be moved together"}
	case strings.Contains(p, "://"):
		return &Error{Field: field, Found: p, Want: "a path and not a URL"}
	case path.Clean(p) != p || p == "." || path.Base(p) == "..":
		return &Error{Field: field, Found: p, Want: "a clean path to a file, like " + path.Join("dir", "x.tar.gz")}
	}
	return nil
}

func checkArchiveName(p string) error {
	if suffix, _ := archiveSuffix(p); suffix == "" {
		return &Error{
			Field: "archive", Found: p, Want: "a name that ends in .tar, .tar.gz, .tgz or .tar.zst, which Zarf reads",
			Hint: "ferry bundle SRC -o OUT.tar.gz makes one, from a layout directory too",
		}
	}
	return nil
}

// checkTarget is for paths on the host where the package is deployed. They are
// quoted for the shell, yet "./zarf " would become the path of the running
// zarf wherever it stands, and a leading ~ is only known in the form ~/.
func checkTarget(target string) error {
	switch {
	case target == "" || !plain(target) || strings.Contains(target, `\`):
		return &Error{Field: "target", Found: target, Want: "a path of printable characters without backslash and ###"}
	case strings.Contains(target+"/", "zarf "):
		return &Error{Field: "target", Found: target, Want: `a path without "zarf " in it, which Zarf replaces in commands`}
	case strings.HasPrefix(target, "~") && !strings.HasPrefix(target, "~/"):
		return &Error{Field: "target", Found: target, Want: "~/ for the home directory, else no leading ~"}
	case path.Clean(target) != target:
		return &Error{Field: "target", Found: target, Want: "the clean path " + path.Clean(target)}
	}
	return nil
}

var devicePattern = pattern(`^(?i:con|prn|aux|nul|com[0-9]|lpt[0-9])(\.|$)`)

// checkEntry is for the name that a file has within the package: the last
// element of its target. Zarf packs any, and when it deploys it unpacks none
// that Windows would take for something else (src/pkg/archive/archive.go of
// Zarf 0.84).
func checkEntry(target string) error {
	name := path.Base(target)
	if strings.Contains(name, ":") || strings.TrimRight(name, ". ") != name || devicePattern().MatchString(name) {
		return &Error{
			Field: "target", Found: name, Want: "a file name that Zarf unpacks again: no colon, no dot or space at its end, no name of a Windows device like nul or com1",
			Hint: "rename the archive",
		}
	}
	return nil
}

// checkImage is for a name under imageArchives.
func checkImage(image string) error {
	r, err := parseReference(image)
	switch {
	case err != nil:
		return &Error{Field: "image", Found: image, Want: "a reference Zarf can parse: " + err.Error()}
	case r.digest != "":
		return &Error{Field: "image", Found: image, Want: "no digest (Zarf mirrors a pinned name without its tag)"}
	case r.String() != image:
		return &Error{
			Field: "image", Found: image, Want: "a full name with host and tag (Zarf reads this one as " + r.String() + ")",
			Hint: "ferry pack -t HOST.internal/REPOSITORY:TAG gives the artifact one",
		}
	}
	return nil
}

func sortedKeys[V any](m map[string]V) []string { return slices.Sorted(maps.Keys(m)) }
