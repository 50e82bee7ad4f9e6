package lei

import (
	"bytes"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"
)

func TestSummarize(t *testing.T) {
	in := strings.Join([]string{
		`{"header":{"repo":"a","start_time":"2026-02-05T10:00:00.5Z","end_time":"2026-02-05T10:00:09Z"},"data":{"repo":"a","risk":"critical","project_types":{"node":["x"],"go_mod":[]}}}`,
		`{"header":{"repo":"b","start_time":"2026-02-05T10:30:00+01:00"},"data":{"risk":"low","project_types":{"node":["x"]}}}`,
		`{"header":{"start_time":"yesterday","end_time":7},"data":{"repo":"a","risk":"undetermined","project_types":{"undetermined":"undetermined"}}}`,
		`{"data":{"repo":7,"risk":"dreadful","results":{"risk":"high"},"project_types":["node"]}}`,
		`{"data":{"repo":null,"risk":["high"]}}`,
		`{"data":null}`,
		`{"header":{"end_time":"2026-03-01T00:00:00Z"},"data":{"repo":"c","risk":"high","risk":"low","project_types":{"node":1,"node":2}}}`,
	}, "\n")
	var names, query []string
	s, err := Summarize(t.Context(), bytes.NewReader(gzipped([]byte(in))), ScanOptions{MaxRaw: -1}, SummaryOptions{
		Repo:      func(name string) error { names = append(names, name); return nil },
		QueryRepo: "a",
		Query:     func(line []byte) error { query = append(query, string(line)); return nil },
	})
	if err != nil {
		t.Fatal(err)
	}
	got := fmt.Sprintln(s.Repos, names, s.Risk, s.Ecosystems, s.Oldest.Format(time.RFC3339Nano), s.Newest.Format(time.RFC3339Nano), s.Payload.Entries)
	want := "4 [a b unknown c] map[critical:1 high:1 low:1 medium:0 other:3 undetermined:1] map[go_mod:1 node:3 undetermined:1] 2026-02-05T09:30:00Z 2026-03-01T00:00:00Z 7\n"
	if got != want {
		t.Errorf("got %s, want %s", got, want)
	}
	lines := strings.Split(in, "\n")
	if !slices.Equal(query, []string{lines[0], lines[2]}) {
		t.Errorf("got %q", query)
	}
}

func TestSummarizeErrors(t *testing.T) {
	raw := reports(1, 10)
	stop := errors.New("enough")
	if _, err := Summarize(t.Context(), bytes.NewReader(gzipped(raw)), ScanOptions{MaxRaw: -1}, SummaryOptions{Repo: func(string) error { return stop }}); !errors.Is(err, stop) {
		t.Errorf("got %v, want the function's error", err)
	}
	if _, err := Summarize(t.Context(), bytes.NewReader(gzipped(raw)), ScanOptions{MaxRaw: 10}, SummaryOptions{}); err == nil {
		t.Error("a payload larger than raw_size is summarised")
	}
	s, err := Summarize(t.Context(), bytes.NewReader(gzipped([]byte("\n"))), ScanOptions{}, SummaryOptions{})
	if err == nil {
		t.Errorf("MaxRaw 0 allows one byte: %+v", s)
	}
}

// Hostile names of ecosystems cannot fill the memory.
func TestSummarizeBounded(t *testing.T) {
	var b bytes.Buffer
	for i := range 1000 {
		fmt.Fprintf(&b, `{"data":{"repo":"r","project_types":{"a%d":1,"%s":1}}}`+"\n", i, strings.Repeat("x", 70))
	}
	s, err := Summarize(t.Context(), bytes.NewReader(gzipped(b.Bytes())), ScanOptions{MaxRaw: -1}, SummaryOptions{})
	if err != nil || len(s.Ecosystems) != maxEcosystems+1 || s.Ecosystems["other"] != 1000-maxEcosystems {
		t.Errorf("got %d ecosystems, %d others, %v", len(s.Ecosystems), s.Ecosystems["other"], err)
	}
}

func TestTags(t *testing.T) {
	for _, tt := range []struct{ date, want string }{
		{"2026-02-05", "[2026-02-05 latest]"},
		{"2026-02-08", "[2026-02-08 latest weekly]"},
		{"2024-02-29", "[2024-02-29 latest]"},
		{"2026-02-29", `want a date as YYYY-MM-DD, found "2026-02-29"`},
		{"../etc", `want a date as YYYY-MM-DD, found "../etc"`},
	} {
		tags, err := Tags(tt.date)
		if got := fmt.Sprint(tags); err == nil && got != tt.want || err != nil && err.Error() != tt.want {
			t.Errorf("%s: got %v, %v, want %s", tt.date, tags, err, tt.want)
		}
	}
}
