package layouttest

import (
	"regexp"
	"slices"
	"testing"
)

// A Case is a layout that must be refused, or accepted.
type Case struct {
	Name  string
	Words string // a regular expression, without regard to case: what the refusal must say

	// One of these is set. An Artifact is tried as a directory and as a tar; a
	// Tar is one; Dir changes the directory of a sound Artifact, whose files
	// are given.
	Artifact Artifact
	Tar      func() []byte
	Dir      func(tb testing.TB, dir string, l Layout)

	// Incomplete is set where something is missing and nothing else is wrong.
	Incomplete bool
	// Choice is set where nothing is wrong, but a choice must be made before
	// anything can be unpacked.
	Choice bool
}

// Refused are the cases that must be refused, without the large ones.
func Refused() []Case { return refused(false) }

// Large are those that must be refused and take long to make and to read, or
// ask for much memory. They are for one test, of the whole command.
func Large() []Case { return refused(true) }

func refused(large bool) []Case {
	cases := slices.Concat(descriptorCases(), manifestCases(), indexCases(), layoutCases(), graphCases(),
		titleCases(), blobCases(), dirCases(), sealCases(),
		snapshotCases(), configCases(), lineCases(), payloadCases(), layerCases(),
		nameCases(), typeCases(), headerCases(), fieldCases(), recordCases(), streamCases())
	return slices.DeleteFunc(cases, func(c Case) bool { return (much.MatchString(c.Name) && c.Dir == nil) != large })
}

// much is in the names of what is large.
var much = regexp.MustCompile(`[MG]iB|00,00.`)

// Accepted are the cases that are unusual, and right.
func Accepted() []Case {
	return slices.Concat(acceptedLayouts(), namedCases(), acceptedTars(), writtenTars())
}

func with(key, value string) func(Object) Object {
	return func(o Object) Object { return o.With(key, value) }
}

func without(key string) func(Object) Object {
	return func(o Object) Object { return o.Without(key) }
}

func also(key, value string) func(Object) Object {
	return func(o Object) Object { return o.Also(key, value) }
}

func become(text string) func([]byte) []byte {
	return func([]byte) []byte { return []byte(text) }
}

func behind(text string) func([]byte) []byte {
	return func(b []byte) []byte { return append(slices.Clone(b), text...) }
}

func before(text string) func([]byte) []byte {
	return func(b []byte) []byte { return append([]byte(text), b...) }
}

func flipped(at int) func([]byte) []byte {
	return func(b []byte) []byte {
		b = slices.Clone(b)
		if at < 0 {
			at += len(b)
		}
		b[at] ^= 0x10
		return b
	}
}

func cut(n int) func([]byte) []byte {
	return func(b []byte) []byte { return slices.Clone(b[:len(b)-n]) }
}
