package lei

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"runtime"
	"strings"
	"testing"
	"testing/iotest"
)

// manifest is a good manifest.json with the named fields replaced by other
// JSON, "" for none at all.
func manifest(change ...string) string {
	fields := []string{
		"repos", `["https://github.com/a/b","https://github.com/c/d"]`, "raw_size", "4593", "lei_version", `"0.9.1"`,
		"format_version", `"1.0"`, "entry_count", "2", "date", `"2026-02-05"`, "created", `"2026-11-23T22:24:47.236216Z"`,
		"content_hash", `"` + strings.Repeat("0f", 32) + `"`, "compressed_size", "517",
	}
	for ; len(change) > 0; change = change[2:] {
		for i := 0; i < len(fields); i += 2 {
			if fields[i] == change[0] {
				fields[i+1] = change[1]
			}
		}
	}
	var list []string
	for i := 0; i < len(fields); i += 2 {
		if fields[i+1] != "" {
			list = append(list, fmt.Sprintf("  %q: %s", fields[i], fields[i+1]))
		}
	}
	return "{\n" + strings.Join(list, ",\n") + "\n}"
}

func TestReadSnapshot(t *testing.T) {
	for _, tt := range []struct {
		name, in string
		err      string // "" for none
	}{
		{"good", manifest(), ""},
		{"line feed at the end", manifest() + "\r\n\n", ""},
		{"another 1.x", manifest("format_version", `"1.12"`), ""},
		{"no repositories", manifest("repos", "[]"), ""},
		{"unknown fields", strings.Replace(manifest(), "{", `{"future":{"a":[{"b":1},{"b":2}],"c":null},"x":1.5e3,`, 1), ""},
		{"known names further down", strings.Replace(manifest(), "{", `{"future":{"Repos":1,"date":2},`, 1), ""},
		{"escaped key", strings.Replace(manifest(), "entry_count", `\u0065ntry_count`, 1), ""},
		{"time with an offset", manifest("created", `"2026-02-05T00:00:00+01:00"`), ""},

		{"empty", "", "manifest.json: line 1, column 1: want a JSON object, found the end of the file"},
		{"array", "[]", "manifest.json: line 1, column 1: want a JSON object, found '['"},
		{"number", "5", "want a JSON object, found '5'"},
		{"byte order mark", "\ufeff" + manifest(), "a byte order mark?"},
		{"trailing data", manifest() + "{}", "line 11, column 2: want nothing behind the object, found '{'"},
		{"cut short", manifest()[:40], "manifest.json: line 2, column 39: want the end of the string, found the end of the file"},
		{"not UTF-8", manifest("lei_version", "\"0.9\xff\""), "manifest.json: line 4, column 22: want UTF-8, found byte 0xff"},
		{"cut UTF-8", "{\"x\":\"\xc3", "line 1, column 8: want UTF-8"},
		{"lone surrogate", manifest("lei_version", `"\ud800"`), "surrogate"},
		{"key twice", strings.Replace(manifest(), "{", `{"date":"2026-02-05",`, 1), `manifest.json: line 7, column 3: want each key once in an object, found "date" twice`},
		{"unknown key twice", strings.Replace(manifest(), "{", `{"x":1,"\u0078":2,`, 1), `want each key once in an object, found "x" twice`},
		{"key twice further down", strings.Replace(manifest(), "{", `{"x":[{"a":1,"b":{"a":1},"a":2}],`, 1), `found "a" twice`},
		{"key in another case", strings.Replace(manifest(), "entry_count", "Entry_Count", 1), `want the key "entry_count", found "Entry_Count"`},
		{"another case besides", strings.Replace(manifest(), "{", `{"REPOS":[],`, 1), `want the key "repos", found "REPOS"`},
		{"Unicode case", strings.Replace(manifest(), "repos", "repoſ", 1), `want the key "repos"`},
		{"too deep", strings.Replace(manifest(), "{", `{"x":`+strings.Repeat("[", 32)+strings.Repeat("]", 32)+`,`, 1), "want at most 32 levels"},
		{"long string", manifest("lei_version", `"`+strings.Repeat("x", 1<<20+1)+`"`), "want at most 1048576 bytes"},
		{"long unknown string", strings.Replace(manifest(), "{", `{"x":"`+strings.Repeat("x", 1<<20+1)+`",`, 1), "want at most 1048576 bytes"},

		{"no repos", manifest("repos", ""), "manifest.json: repos: want an array of strings, found no such field"},
		{"no format_version", manifest("format_version", ""), `manifest.json: format_version: want a format version "1.0" or another "1.x", found no such field`},
		{"no entry_count", manifest("entry_count", ""), "manifest.json: entry_count: want a non-negative integer, found no such field"},
		{"no hash", manifest("content_hash", ""), "content_hash: want"},
		{"no date", manifest("date", ""), "date: want"},
		{"no lei_version", manifest("lei_version", ""), "lei_version: want"},
		{"no created", manifest("created", ""), "created: want"},
		{"no raw_size", manifest("raw_size", ""), "raw_size: want"},
		{"no compressed_size", manifest("compressed_size", ""), "compressed_size: want"},

		{"version 2", manifest("format_version", `"2.0"`), `manifest.json: line 5, column 21: format_version: want a format version "1.0" or another "1.x", found the string "2.0"`},
		{"version 9.9", manifest("format_version", `"9.9"`), `found the string "9.9"`},
		{"version 10", manifest("format_version", `"10.0"`), `found the string "10.0"`},
		{"version as number", manifest("format_version", "1.0"), "format_version: want a format version \"1.0\" or another \"1.x\", found 1.0"},
		{"count as string", manifest("entry_count", `"7"`), `entry_count: want a non-negative integer, found the string "7"`},
		{"count as float", manifest("entry_count", "2.0"), "entry_count: want a non-negative integer, found 2.0"},
		{"count with exponent", manifest("raw_size", "1e3"), "raw_size: want a non-negative integer, found 1e3"},
		{"negative count", manifest("compressed_size", "-1"), "compressed_size: want a non-negative integer, found -1"},
		{"negative zero", manifest("entry_count", "-0"), "found -0"},
		{"count out of range", manifest("raw_size", "9223372036854775808"), "raw_size: want a non-negative integer, found 9223372036854775808"},
		{"count of many digits", manifest("raw_size", strings.Repeat("9", 500)), "found a number of 500 digits"},
		{"null count", manifest("entry_count", "null"), "entry_count: want a non-negative integer, found null"},
		{"boolean count", manifest("entry_count", "true"), "found true"},
		{"array as count", manifest("entry_count", "[1]"), "entry_count: want a non-negative integer, found an array"},
		{"short hash", manifest("content_hash", `"0f"`), `content_hash: want a SHA-256 of 64 lower-case hexadecimal digits, found the string "0f"`},
		{"upper-case hash", manifest("content_hash", `"`+strings.Repeat("0F", 32)+`"`), "content_hash: want"},
		{"hash with algorithm", manifest("content_hash", `"sha256:`+strings.Repeat("0f", 32)+`"`), "content_hash: want"},
		{"date as path", manifest("date", `"../../etc"`), `date: want a date as YYYY-MM-DD, found the string "../../etc"`},
		{"no such day", manifest("date", `"2026-02-30"`), "date: want"},
		{"time as date", manifest("date", `"2026-02-05T00:00:00Z"`), "date: want"},
		{"null date", manifest("date", "null"), "date: want a date as YYYY-MM-DD, found null"},
		{"created with one digit", manifest("created", `"2026-02-05T1:02:03Z"`), "created: want a time in RFC 3339"},
		{"created with a comma", manifest("created", `"2026-02-05T01:02:03,5Z"`), "created: want a time in RFC 3339"},
		{"created in small letters", manifest("created", `"2026-02-05t01:02:03z"`), ""},
		{"created at a leap second", manifest("created", `"2016-12-31T23:59:60Z"`), ""},
		{"created as date", manifest("created", `"2026-02-05"`), "created: want a time in RFC 3339"},
		{"null repos", manifest("repos", "null"), "repos: want an array of strings, found null"},
		{"object as repos", manifest("repos", "{}"), "repos: want an array of strings, found an object"},
		{"number in repos", manifest("repos", `["a",7]`), "manifest.json: line 2, column 17: repos[1]: want a string, found 7"},
		{"array in repos", manifest("repos", `[[]]`), "repos[0]: want a string, found an array"},
		{"lei_version as number", manifest("lei_version", "0.9"), "lei_version: want a string, found 0.9"},
		{"escape to a terminal", manifest("date", `"\u001b[2J"`), `found the string "\x1b[2J"`},
		{"long foreign text", manifest("date", `"`+strings.Repeat("y", 5000)+`"`), `yyyy"... (5000 bytes)`},
	} {
		t.Run(tt.name, func(t *testing.T) {
			for _, r := range []io.Reader{strings.NewReader(tt.in), iotest.OneByteReader(strings.NewReader(tt.in)), iotest.DataErrReader(strings.NewReader(tt.in))} {
				s, err := ReadSnapshot(r, nil)
				if tt.err == "" {
					if err != nil {
						t.Fatal(err)
					}
					if s.EntryCount != 2 || s.RawSize != 4593 || s.CompressedSize != 517 || s.Date != "2026-02-05" || s.LEIVersion != "0.9.1" {
						t.Fatalf("got %+v", s)
					}
					continue
				}
				var e *FormatError
				if !errors.As(err, &e) || e.File != "manifest.json" || !strings.Contains(err.Error(), tt.err) {
					t.Fatalf("got %v, want %s", err, tt.err)
				}
				if s != nil || strings.ContainsAny(err.Error(), "\n\x1b") {
					t.Fatalf("got %v, %q", s, err)
				}
			}
		})
	}
}

func TestReadSnapshotRepos(t *testing.T) {
	in := manifest("repos", `["a","é\u00e9\"","a",""]`)
	var got []string
	s, err := ReadSnapshot(strings.NewReader(in), func(name string) error {
		got = append(got, name)
		return nil
	})
	if err != nil || s.Repos != 4 || fmt.Sprintf("%q", got) != `["a" "éé\"" "a" ""]` {
		t.Fatalf("got %q, %v, %+v", got, err, s)
	}
	stop := errors.New("enough")
	if _, err := ReadSnapshot(strings.NewReader(in), func(string) error { return stop }); err != stop {
		t.Errorf("got %v, want the error of the function as it is", err)
	}
	boom := errors.New("boom")
	if _, err := ReadSnapshot(io.MultiReader(strings.NewReader(in[:20]), iotest.ErrReader(boom)), nil); !errors.Is(err, boom) {
		t.Errorf("got %v, want boom", err)
	}
}

// A manifest of two million repositories, some 100 MB, is not held.
func TestReadSnapshotMemory(t *testing.T) {
	const n = 2_000_000
	good := manifest("repos", "[@]")
	head, tail, _ := strings.Cut(good, "@")
	list := make([]io.Reader, 0, 2003)
	list = append(list, strings.NewReader(head), strings.NewReader(`"x"`))
	thousand := strings.Repeat(`,"https://github.com/a-long-name/of-a-repository"`, 1000)
	for range n / 1000 {
		list = append(list, strings.NewReader(thousand))
	}
	list = append(list, strings.NewReader(tail))
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	s, err := ReadSnapshot(io.MultiReader(list...), nil)
	runtime.ReadMemStats(&after)
	if err != nil || s.Repos != n+1 {
		t.Fatalf("got %+v, %v", s, err)
	}
	if got := after.TotalAlloc - before.TotalAlloc; got > 1<<20 {
		t.Errorf("%d bytes were allocated", got)
	}
}

// What ReadSnapshot takes, encoding/json takes too, and finds the same in it.
func FuzzReadSnapshot(f *testing.F) {
	f.Add(manifest())
	f.Add(manifest("repos", `[]`, "entry_count", "0"))
	f.Add(strings.Replace(manifest(), "{", `{"future":{"a":[{"b":1},{"b":2}],"c":null},`, 1))
	f.Fuzz(func(t *testing.T, in string) {
		var repos []string
		s, err := ReadSnapshot(strings.NewReader(in), func(name string) error {
			repos = append(repos, name)
			return nil
		})
		if err != nil {
			if strings.Contains(err.Error(), "\n") {
				t.Fatalf("more than one line: %q", err)
			}
			return
		}
		var want struct {
			Repos                             []string
			Raw_size, Entry_count             int64
			Compressed_size                   int64
			Lei_version, Format_version, Date string
			Created, Content_hash             string
		}
		if err := json.Unmarshal([]byte(in), &want); err != nil {
			t.Fatalf("%q: encoding/json says %v", in, err)
		}
		got := Snapshot{want.Format_version, want.Lei_version, want.Date, want.Created, want.Entry_count, want.Raw_size, want.Compressed_size, want.Content_hash, int64(len(want.Repos))}
		if *s != got {
			t.Fatalf("%q: got %+v, encoding/json finds %+v", in, *s, got)
		}
		for i := range repos {
			if repos[i] != want.Repos[i] {
				t.Fatalf("%q: repos[%d]: got %q, want %q", in, i, repos[i], want.Repos[i])
			}
		}
	})
}
