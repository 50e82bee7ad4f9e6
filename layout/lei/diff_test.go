package lei

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/opencontainers/go-digest"
	v1 "github.com/opencontainers/image-spec/specs-go/v1"

	"github.com/ociferry/ferry/layout/artifact"
)

// scanned is a payload whose fingerprints were taken.
func scanned(t *testing.T, f *Fingerprints, lines ...string) *Payload {
	t.Helper()
	raw := strings.Join(lines, "\n") + "\n"
	p, err := ScanPayload(t.Context(), bytes.NewReader(gzipped([]byte(raw))), ScanOptions{MaxRaw: -1, Watch: f.Watch(v1.Descriptor{})})
	if err != nil {
		t.Fatal(err)
	}
	if p.Entries != int64(len(lines)) || p.ContentHash != hashOf([]byte(raw)) {
		t.Fatalf("got %+v", p)
	}
	return p
}

func fingerprints(t *testing.T) *Fingerprints {
	f := NewFingerprints(t.TempDir())
	t.Cleanup(func() {
		if err := f.Close(); err != nil {
			t.Error(err)
		}
	})
	return f
}

func compared(t *testing.T, before, after []string) *Difference {
	t.Helper()
	a, b := fingerprints(t), fingerprints(t)
	scanned(t, a, report1("another payload", "1"))
	was, is := scanned(t, a, before...), scanned(t, b, after...)
	scanned(t, b, report1("another payload", "1"))
	d, err := Compare(t.Context(), a, was, b, is, 10)
	if err != nil {
		t.Fatal(err)
	}
	return d
}

func report1(repo, rest string) string { return fmt.Sprintf(`{"data":{"repo":%q,"x":%q}}`, repo, rest) }

func TestCompare(t *testing.T) {
	a1, a2, a3, b, c := report1("a", "1"), report1("a", "2"), report1("a", "3"), report1("b", "1"), report1("c", "1")
	for _, tt := range []struct {
		name           string
		before, after  []string
		reports, repos artifact.Counts
	}{
		{"same", []string{a1, b}, []string{a1, b}, artifact.Counts{Same: 2}, artifact.Counts{Same: 2}},
		{"order and white space", []string{a1, b}, []string{" " + b + "\r", a1}, artifact.Counts{Same: 2}, artifact.Counts{Same: 2}},
		{"added", []string{a1}, []string{a1, b}, artifact.Counts{Added: 1, Same: 1}, artifact.Counts{Added: 1, Same: 1}},
		{"removed", []string{a1, b}, []string{b}, artifact.Counts{Removed: 1, Same: 1}, artifact.Counts{Removed: 1, Same: 1}},
		{"changed", []string{a1, b}, []string{a2, b}, artifact.Counts{Changed: 1, Same: 1}, artifact.Counts{Changed: 1, Same: 1}},
		{"changed and one more", []string{a1}, []string{a2, a3}, artifact.Counts{Added: 1, Changed: 1}, artifact.Counts{Changed: 1}},
		{"changed and one less", []string{a1, a2, b}, []string{a3, b}, artifact.Counts{Removed: 1, Changed: 1, Same: 1}, artifact.Counts{Changed: 1, Same: 1}},
		{"twice is not once", []string{a1, a1}, []string{a1}, artifact.Counts{Removed: 1, Same: 1}, artifact.Counts{Changed: 1}},
		{"nothing in common", []string{a1, b}, []string{c}, artifact.Counts{Added: 1, Removed: 2}, artifact.Counts{Added: 1, Removed: 2}},
		{"a key's other place is another report", []string{`{"data":{"repo":"a","x":1}}`}, []string{`{"data":{"x":1,"repo":"a"}}`}, artifact.Counts{Changed: 1}, artifact.Counts{Changed: 1}},
		{"white space within is another report", []string{a1}, []string{strings.Replace(a1, ":", ": ", 1)}, artifact.Counts{Changed: 1}, artifact.Counts{Changed: 1}},
		{"header.repo where data has none", []string{`{"header":{"repo":"a"},"data":{}}`}, []string{a1}, artifact.Counts{Changed: 1}, artifact.Counts{Changed: 1}},
	} {
		d := compared(t, tt.before, tt.after)
		if d.Reports != tt.reports || d.Repos != tt.repos {
			t.Errorf("%s: got reports %+v, repositories %+v", tt.name, d.Reports, d.Repos)
		}
		back := compared(t, tt.after, tt.before)
		if back.Reports.Added != d.Reports.Removed || back.Reports.Changed != d.Reports.Changed || back.Repos.Added != d.Repos.Removed || back.Repos.Same != d.Repos.Same {
			t.Errorf("%s: the other way round it is %+v, %+v", tt.name, back.Reports, back.Repos)
		}
	}
}

func TestDifferenceTake(t *testing.T) {
	d := compared(t, []string{report1("a", "1"), report1("b", "1"), report1("c", "1")}, []string{report1("a", "1"), report1("b", "2"), report1("d", "1")})
	var got []artifact.Change
	for _, q := range []struct {
		name string
		gone bool
	}{{"a", true}, {"b", true}, {"c", true}, {"c", true}, {"a", false}, {"b", false}, {"b", false}, {"c", false}, {"d", false}, {"e", false}} {
		got = append(got, d.Take([]byte(q.name), q.gone))
	}
	if !slices.Equal(got, []artifact.Change{artifact.Same, artifact.Same, artifact.Removed, artifact.Same, artifact.Same, artifact.Changed, artifact.Same, artifact.Same, artifact.Added, artifact.Same}) {
		t.Errorf("got %v", got)
	}
	if n, more := d.Named(); n != 3 || more {
		t.Errorf("%d names, more %v", n, more)
	}
}

// Fingerprints beyond those in memory wait in a file, and are compared as if
// they did not; of the repositories that differ no more are kept than asked for.
func TestCompareMany(t *testing.T) {
	const n, k = 3 * maxRun / 2, maxRun / 2
	before, after := fingerprints(t), fingerprints(t)
	payload := func(f *Fingerprints, repos ...int) *Payload {
		var raw bytes.Buffer
		for i := 0; i < len(repos); i += 2 {
			for r := repos[i]; r < repos[i+1]; r++ {
				fmt.Fprintf(&raw, `{"data":{"repo":"r%d"}}`+"\n", r)
			}
		}
		scanned(t, f, report1("r1", "an earlier payload"))
		p, err := ScanPayload(t.Context(), bytes.NewReader(gzipped(raw.Bytes())), ScanOptions{MaxRaw: -1, Watch: f.Watch(v1.Descriptor{})})
		if err != nil {
			t.Fatal(err)
		}
		scanned(t, f, report1("r1", "a later one"))
		if len(f.runs) == 0 {
			t.Error("nothing is in the file")
		}
		return p
	}
	was, is := payload(before, 0, n, 0, k), payload(after, k, n+k)
	d, err := Compare(t.Context(), before, was, after, is, 1000)
	if err != nil {
		t.Fatal(err)
	}
	if want := (artifact.Counts{Added: k, Removed: 2 * k, Same: n - k}); d.Reports != want {
		t.Errorf("got reports %+v, want %+v", d.Reports, want)
	}
	named, more := d.Named()
	if want := (artifact.Counts{Added: k, Removed: k, Same: n - k}); d.Repos != want || named != 1000 || !more {
		t.Errorf("got repositories %+v, want %+v; %d names, more %v", d.Repos, want, named, more)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := Compare(ctx, before, was, after, is, 0); !errors.Is(err, context.Canceled) {
		t.Errorf("cancelled: got %v", err)
	}
	before.file.Close()
	if _, err := Compare(t.Context(), before, was, after, is, 0); !errors.Is(err, fs.ErrClosed) {
		t.Errorf("the file cannot be read: got %v", err)
	}
	before.file = nil
}

// What goes wrong with the temporary file is no fault of the payload's.
func TestFingerprintsNoRoom(t *testing.T) {
	f := NewFingerprints(filepath.Join(t.TempDir(), "absent"))
	w := f.Watch(v1.Descriptor{})
	p, err := ScanPayload(t.Context(), bytes.NewReader(gzipped(bytes.Repeat([]byte("{}\n"), maxRun))), ScanOptions{MaxRaw: -1, Watch: w})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := Compare(t.Context(), f, p, f, p, 0); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("got %v", err)
	}
}

// The checker lets a payload be watched whether its manifest has been seen or
// not, and says of an unsound one that it did not end.
func TestCheckerHook(t *testing.T) {
	raw := []byte(report1("a", "1") + "\n" + report1("b", "1") + "\n")
	for _, mediaType := range []string{CacheJSONLMediaType, ""} {
		for _, bad := range []bool{false, true} {
			data := gzipped(raw)
			if bad {
				data = data[:len(data)-4]
			}
			d := v1.Descriptor{MediaType: mediaType, Digest: digest.FromBytes(data), Size: int64(len(data))}
			var names []string
			var whole *Payload
			c := NewChecker(artifact.IgnoreSecrets, func(payload v1.Descriptor) Watch {
				if payload.Digest != d.Digest {
					t.Errorf("the hook is asked about %s", payload.Digest)
				}
				return Watch{
					Report: func(r *Report) error { names = append(names, string(r.Repo())); return nil },
					End:    func(p *Payload) { whole = p },
				}
			})
			w := c.Blob(d)
			w.Write(data)
			if err := w.Close(); err != nil {
				t.Fatal(err)
			}
			if bad != (whole == nil) || whole != c.results[string(d.Digest)].payload || !slices.Equal(names, []string{"a", "b"}) {
				t.Errorf("%q, damaged %v: got %q, %+v", mediaType, bad, names, whole)
			}
		}
	}
}
