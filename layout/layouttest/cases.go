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

// Refused are the cases that must be refused. With the race detector on, those
// of much content are left out: they take minutes then, and show no race that
// the others do not.
func Refused() []Case {
	cases := slices.Concat(descriptorCases(), manifestCases(), indexCases(), layoutCases(), graphCases(),
		titleCases(), blobCases(), dirCases(), sealCases(),
		snapshotCases(), configCases(), lineCases(), payloadCases(), layerCases(),
		nameCases(), typeCases(), headerCases(), fieldCases(), recordCases(), streamCases())
	if race {
		large := regexp.MustCompile(`[MG]iB|00,00.`)
		cases = slices.DeleteFunc(cases, func(c Case) bool { return large.MatchString(c.Name) && c.Dir == nil })
	}
	return cases
}

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
