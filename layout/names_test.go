package layout

import (
	"math/rand/v2"
	"regexp"
	"strings"
	"testing"
)

// TestNames holds the checks of names against the expressions of the
// specifications, on random text of the characters that matter.
func TestNames(t *testing.T) {
	name := regexp.MustCompile(`^[A-Za-z0-9_][A-Za-z0-9_.:@+-]*(/[A-Za-z0-9_][A-Za-z0-9_.:@+-]*)*$`)
	tag := regexp.MustCompile(`^[A-Za-z0-9_][A-Za-z0-9._-]*$`)
	r := rand.New(rand.NewPCG(1, 2))
	const letters = "aZ09__.:@+-/ \n\x00é"
	for range 20_000 {
		b := make([]byte, r.IntN(8))
		for i := range b {
			b[i] = letters[r.IntN(len(letters))]
		}
		s := string(b)
		if got, want := validName(s), name.MatchString(s); got != want {
			t.Fatalf("name %q: got %v, want %v", s, got, want)
		}
		if got, want := ValidTag(s), tag.MatchString(s); got != want {
			t.Fatalf("tag %q: got %v, want %v", s, got, want)
		}
	}
	if a := strings.Repeat("a", 128); !ValidTag(a) || ValidTag(a+"a") {
		t.Error("a tag has at most 128 characters")
	}
	if a := strings.Repeat("a", 512); !validName(a) || validName(a+"a") {
		t.Error("a name has at most 512 characters")
	}
}

func TestAbout(t *testing.T) {
	sum := strings.Repeat("0a", 32)
	for _, c := range []struct{ name, digest, suffix string }{
		{"sha256-" + sum + ".sig", "sha256:" + sum, "sig"},
		{"x.example:5000/a/b:sha256-" + sum + ".att", "sha256:" + sum, "att"},
		{"sha512-" + sum + sum, "sha512:" + sum + sum, ""},
		{"sha256-" + sum[1:] + ".sig", "", ""},
		{"sha256:" + sum, "", ""},
		{"x.example/a@sha256:" + sum, "", ""},
		{"latest", "", ""},
	} {
		if d, suffix := CosignSubject(c.name); string(d) != c.digest || suffix != c.suffix {
			t.Errorf("CosignSubject(%q) = %q, %q; want %q, %q", c.name, d, suffix, c.digest, c.suffix)
		}
	}
}
