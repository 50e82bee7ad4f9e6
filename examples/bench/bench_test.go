package main

import (
	"encoding/xml"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// Every section has a base and rows, and every goal is about a row that is there.
func TestSections(t *testing.T) {
	all, err := parse(text)
	if err != nil {
		t.Fatal(err)
	}
	for _, s := range all[1:] {
		if len(s.rows) < 2 || s.title == "" || len(s.set["make"]) == 0 {
			t.Errorf("%s: %d rows, title %q", s.name, len(s.rows), s.title)
		}
		names := " "
		for _, r := range s.rows {
			names += r.name + "\n "
		}
		for _, r := range s.rows {
			if _, of, ok := strings.Cut(r.goals, " of "); ok && !strings.Contains(names, " "+of+"\n") {
				t.Errorf("%s: %s: no row is %q", s.name, r.name, of)
			}
		}
	}
	for _, text := range []string{"what\n", "ferry: no section\n", "section s: t\n\tno row\n"} {
		if _, err := parse(text); err == nil {
			t.Errorf("%q is taken", text)
		}
	}
}

// Rows run, what they make is removed, a neighbour that fails is left out, and
// a ferry that fails is an error.
func TestMeasure(t *testing.T) {
	b := &run{dir: t.TempDir(), absent: []string{"oras"}, rounds: 2}
	all, err := parse("section s: t\n\tfor N in 1 $((1 + 1))\n\tkeep\n\tmake mkdir -p bin; echo input > input\n\tone: cat input > made\n\tabsent: oras push\n\tfails: exit 1\n")
	if err != nil {
		t.Fatal(err)
	}
	if err := b.measure(all[1]); err != nil {
		t.Fatal(err)
	}
	for i, want := range []int{2, 0, 1} {
		if got := len(all[1].rows[i].samples["1"]); got != want || all[1].rows[i].failed != (i == 2) {
			t.Errorf("%s ran %d times, want %d", all[1].rows[i].name, got, want)
		}
	}
	if left := b.names(); len(left) != 1 {
		t.Errorf("left behind: %v", left)
	}
	if all, _ = parse("section s: t\n\tferry verify: exit 3\n"); b.measure(all[1]) == nil {
		t.Error("ferry failed, and nobody noticed")
	}
}

// A ratio is the median of the rounds' ratios; goals say what is met.
func TestReport(t *testing.T) {
	all, err := parse("section s: t\n\tfor cores in 1 2\n\tbase: true\n\tferry verify: true # 0.60; 400 ms; 1.8 times; 1.1 growth\n\tother: true # 1.00 of ferry verify\n")
	if err != nil {
		t.Fatal(err)
	}
	s := all[1]
	s.over, s.values = "cores", []string{"1", "2"}
	for i, base := range []float64{1, 10, 1} {
		for _, v := range s.values {
			s.rows[0].samples[v] = append(s.rows[0].samples[v], sample{seconds: base, peak: 5})
			s.rows[2].samples[v] = append(s.rows[2].samples[v], sample{seconds: base})
		}
		s.rows[1].samples["1"] = append(s.rows[1].samples["1"], sample{seconds: base * []float64{1, .2, 1}[i], peak: 50})
		s.rows[1].samples["2"] = append(s.rows[1].samples["2"], sample{seconds: base * .5})
	}
	b := &run{sections: []*section{s}}
	got := b.markdown()
	for _, want := range []string{
		"| s: ferry verify | at most 0.60 x base | 0.50 x | met |",
		"| s: ferry verify | at most 400 ms | 500 ms | **not met** |",
		"| s: ferry verify | 1.8 x as quick with 2 cores as with 1 | 2.00 x | met |",
		"| s: ferry verify | grows at most 1.1 x as base | 0.50 x | met |",
		"| s: other | at most 1.00 x ferry verify | 2.00 x | **not met** |",
		"50 MiB (s: ferry verify) | **not met** |",
		"| ferry verify, 1 cores | 1.000 | 1.000, 2.000 | 1.00 | 0.20, 1.00 | 0.00 | 50 |",
	} {
		if !strings.Contains(got, want) {
			t.Errorf("the report lacks %q:\n%s", want, got)
		}
	}
	svg := b.plot()
	for d := xml.NewDecoder(strings.NewReader(svg)); ; {
		if _, err := d.Token(); err == io.EOF {
			break
		} else if err != nil {
			t.Fatalf("%v in\n%s", err, svg)
		}
	}
	if n := strings.Count(svg, "<polyline"); n != 2*(1+2*3) {
		t.Errorf("%d lines in\n%s", n, svg)
	}
}

// Reports are lines of JSON, and about as many bytes as were asked for.
func TestReports(t *testing.T) {
	out := os.Stdout
	defer func() { os.Stdout = out }()
	name := filepath.Join(t.TempDir(), "r.jsonl")
	f, err := os.Create(name)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	os.Stdout = f
	if err := reports([]string{"65536"}); err != nil {
		t.Fatal(err)
	}
	data, err := os.ReadFile(name)
	if err != nil || len(data) < 65536 || len(data) > 80<<10 || strings.Contains(string(data), "%!") || !strings.Contains(string(data), `"repo":"https://example.com/`) {
		t.Errorf("%d bytes, %v: %.1000s", len(data), err, data)
	}
}
