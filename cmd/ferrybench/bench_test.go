package main

import (
	"bytes"
	"compress/gzip"
	"encoding/json"
	"encoding/xml"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

func TestParseSize(t *testing.T) {
	for s, want := range map[string]int64{"1KiB": 1 << 10, "128MiB": 128 << 20, "2GiB": 2 << 30, "": 0, "2GB": 0, "-1GiB": 0, "GiB": 0} {
		if got, err := parseSize(s); got != want || (err == nil) != (want > 0) {
			t.Errorf("%q: got %d, %v", s, got, err)
		}
	}
}

func TestRatio(t *testing.T) {
	s := samples{}
	for i, pair := range [][2]int{{10, 20}, {100, 100}, {10, 30}} {
		s["base"] = append(s["base"], sample{wall: time.Duration(pair[0]), rss: int64(i)})
		s["it"] = append(s["it"], sample{wall: time.Duration(pair[1]), rss: int64(i)})
	}
	if got := s.ratio("it", "base"); got != 2 {
		t.Errorf("got %v, want the median of 2, 1 and 3", got)
	}
	if got := s.ratio("it", "absent"); got != 0 {
		t.Errorf("without a base: got %v", got)
	}
	if s.peak("it") != 2 || median(s.wall("base")) != 10 {
		t.Error("peak or median is wrong")
	}
}

// A run of true and of a command that is not there.
func TestMeasure(t *testing.T) {
	b := &bench{dir: t.TempDir(), rounds: 2, log: io.Discard, peers: map[string]string{"sh": "there"}}
	s, err := b.measure(2, []command{
		{name: "touch", args: []string{": > made"}, made: []string{"made"}},
		{name: "kept", args: []string{": > kept"}, made: []string{"kept"}, many: true},
		peer("absent", "no-such-tool", "", "true"),
		peer("fails", "sh", "", "exit 1"),
	})
	if err != nil {
		t.Fatal(err)
	}
	if len(s["touch"]) != 2 || len(s["kept"]) != 2 || s["absent"] != nil || s["fails"] != nil {
		t.Errorf("got %v", s)
	}
	if left, _ := os.ReadDir(b.dir); len(left) > 0 {
		t.Errorf("left behind: %v", left)
	}
	if _, err := b.measure(1, []command{{name: "ferry", args: []string{"exit 3"}}}); err == nil {
		t.Error("ferry failed, and nobody noticed")
	}
}

func TestInputs(t *testing.T) {
	b := &bench{dir: t.TempDir()}
	if err := b.dense("a", 1<<20); err != nil {
		t.Fatal(err)
	}
	if err := b.small("s", 3); err != nil {
		t.Fatal(err)
	}
	if err := b.reports("r.jsonl", 64<<10); err != nil {
		t.Fatal(err)
	}
	f, err := os.Open(filepath.Join(b.dir, "a/cache.jsonl.gz"))
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	z, err := gzip.NewReader(f)
	if err != nil {
		t.Fatal(err)
	}
	if n, err := io.Copy(io.Discard, z); err != nil || n < 1<<20-1000 {
		t.Errorf("%d bytes of gzip, %v", n, err)
	}
	data, err := os.ReadFile(filepath.Join(b.dir, "r.jsonl"))
	if err != nil {
		t.Fatal(err)
	}
	for line := range bytes.Lines(data) {
		var report struct{ Header struct{ Repo string } }
		if err := json.Unmarshal(line, &report); err != nil || !strings.HasPrefix(report.Header.Repo, "https://example.com/") {
			t.Fatalf("%s: %v", line, err)
		}
	}
}

func TestReport(t *testing.T) {
	b := &bench{dir: t.TempDir(), rounds: 1, log: io.Discard, peers: map[string]string{"tar": "1.34"}, absent: []string{"oras"}}
	s := samples{"ferry pack": {{wall: time.Second, cpu: time.Second, rss: 50 << 20}}, "tar": {{wall: 2 * time.Second}}}
	b.section("Packing")
	b.table(s, "tar")
	b.atMost(s, "pack", "ferry pack", "tar", 0.6)
	b.fasterThan(s, "pack", "ferry pack", "tar", 3)
	text := b.markdown()
	for _, want := range []string{"| ferry pack | 1.00 | 1.00 | 0.50 | 1.00 | 50 |", "left out: oras", "| 0.50 x | met |", "| 2.0 x | **not met** |", "50 MiB (ferry pack) | **not met** |"} {
		if !strings.Contains(text, want) {
			t.Errorf("the report lacks %q:\n%s", want, text)
		}
	}
}

func TestPlot(t *testing.T) {
	var points []point
	for _, n := range []int64{1 << 30, 2 << 30} {
		for _, name := range []string{base, "ferry pack", "ferry verify", "ferry unpack", "oras push, layout"} {
			points = append(points, point{name, n, time.Duration(n), 10 << 20})
		}
	}
	svg := plot(points)
	d := xml.NewDecoder(strings.NewReader(svg))
	for {
		if _, err := d.Token(); err == io.EOF {
			break
		} else if err != nil {
			t.Fatalf("%v in\n%s", err, svg)
		}
	}
	if n := strings.Count(svg, "<polyline"); n != 10 {
		t.Errorf("%d lines, want 10", n)
	}
}
