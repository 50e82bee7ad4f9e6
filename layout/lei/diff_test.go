package lei

import (
	"bytes"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/opencontainers/go-digest"
	v1 "github.com/opencontainers/image-spec/specs-go/v1"
)

func scanned(t *testing.T, lines ...string) *Reports {
	t.Helper()
	raw := strings.Join(lines, "\n") + "\n"
	r, err := ScanReports(t.Context(), bytes.NewReader(gzipped([]byte(raw))), ScanOptions{MaxRaw: -1})
	if err != nil {
		t.Fatal(err)
	}
	if r.Payload.Entries != int64(len(lines)) || r.Payload.ContentHash != hashOf([]byte(raw)) {
		t.Fatalf("got %+v", r.Payload)
	}
	return r
}

func report1(repo, rest string) string { return fmt.Sprintf(`{"data":{"repo":%q,"x":%q}}`, repo, rest) }

func TestCompare(t *testing.T) {
	a1, a2, a3, b, c := report1("a", "1"), report1("a", "2"), report1("a", "3"), report1("b", "1"), report1("c", "1")
	for _, tt := range []struct {
		name           string
		before, after  []string
		reports, repos Counts
	}{
		{"same", []string{a1, b}, []string{a1, b}, Counts{Same: 2}, Counts{Same: 2}},
		{"order and white space", []string{a1, b}, []string{" " + b + "\r", a1}, Counts{Same: 2}, Counts{Same: 2}},
		{"added", []string{a1}, []string{a1, b}, Counts{Added: 1, Same: 1}, Counts{Added: 1, Same: 1}},
		{"removed", []string{a1, b}, []string{b}, Counts{Removed: 1, Same: 1}, Counts{Removed: 1, Same: 1}},
		{"changed", []string{a1, b}, []string{a2, b}, Counts{Changed: 1, Same: 1}, Counts{Changed: 1, Same: 1}},
		{"changed and one more", []string{a1}, []string{a2, a3}, Counts{Added: 1, Changed: 1}, Counts{Changed: 1}},
		{"changed and one less", []string{a1, a2, b}, []string{a3, b}, Counts{Removed: 1, Changed: 1, Same: 1}, Counts{Changed: 1, Same: 1}},
		{"twice is not once", []string{a1, a1}, []string{a1}, Counts{Removed: 1, Same: 1}, Counts{Changed: 1}},
		{"nothing in common", []string{a1, b}, []string{c}, Counts{Added: 1, Removed: 2}, Counts{Added: 1, Removed: 2}},
		{"a key's other place is another report", []string{`{"data":{"repo":"a","x":1}}`}, []string{`{"data":{"x":1,"repo":"a"}}`}, Counts{Changed: 1}, Counts{Changed: 1}},
		{"header.repo where data has none", []string{`{"header":{"repo":"a"},"data":{}}`}, []string{a1}, Counts{Changed: 1}, Counts{Changed: 1}},
	} {
		d := Compare(scanned(t, tt.before...), scanned(t, tt.after...))
		if d.Reports != tt.reports || d.Repos != tt.repos {
			t.Errorf("%s: got reports %+v, repositories %+v", tt.name, d.Reports, d.Repos)
		}
		back := Compare(scanned(t, tt.after...), scanned(t, tt.before...))
		if back.Reports.Added != d.Reports.Removed || back.Reports.Changed != d.Reports.Changed || back.Repos.Added != d.Repos.Removed || back.Repos.Same != d.Repos.Same {
			t.Errorf("%s: the other way round it is %+v, %+v", tt.name, back.Reports, back.Repos)
		}
	}
}

func TestDifferenceTake(t *testing.T) {
	d := Compare(scanned(t, report1("a", "1"), report1("b", "1"), report1("c", "1")), scanned(t, report1("a", "1"), report1("b", "2"), report1("d", "1")))
	var got []Change
	for _, name := range []string{"a", "b", "b", "c", "d", "d", "e"} {
		got = append(got, d.Take([]byte(name)))
	}
	if !slices.Equal(got, []Change{Same, Changed, Same, Removed, Added, Same, Same}) {
		t.Errorf("got %v", got)
	}
}

// The checker finds the payload whether its manifest has been seen or not, and
// an unsound one leaves nothing behind that could be compared.
func TestReportsChecker(t *testing.T) {
	raw := []byte(report1("a", "1") + "\n" + report1("b", "1") + "\n")
	for _, mediaType := range []string{CacheJSONLMediaType, ""} {
		for _, bad := range []bool{false, true} {
			c := &ReportsChecker{Checker: NewChecker(false)}
			data := gzipped(raw)
			if bad {
				data = data[:len(data)-4]
			}
			d := v1.Descriptor{MediaType: mediaType, Digest: digest.FromBytes(data), Size: int64(len(data))}
			w := c.Blob(d)
			w.Write(data)
			if err := w.Close(); err != nil {
				t.Fatal(err)
			}
			got := c.Reports(Found{Payload: c.results[string(d.Digest)].payload})
			if bad != (got == nil) || !bad && len(got.list) != 2 {
				t.Errorf("%q, damaged %v: got %+v", mediaType, bad, got)
			}
		}
	}
	var names []string
	c := &ReportsChecker{Checker: NewChecker(false), Repo: func(_ digest.Digest, repo []byte) error {
		names = append(names, string(repo))
		return nil
	}}
	data := gzipped(raw)
	w := c.Blob(v1.Descriptor{MediaType: CacheJSONLMediaType, Digest: digest.FromBytes(data), Size: int64(len(data))})
	w.Write(data)
	w.Close()
	if !slices.Equal(names, []string{"a", "b"}) {
		t.Errorf("got %q", names)
	}
}
