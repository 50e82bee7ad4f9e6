package main

import (
	"strings"
	"testing"
)

// A result that the matrix does not expect is a problem, in either direction,
// and a no for another reason than the one that is written is too.
func TestProblem(t *testing.T) {
	m, err := parse("tool t t -v\ndir of t\n\trun\n\tno files: it takes images only | unsupported\n\tchanged index: it takes one platform\n")
	if err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct {
		kind    string
		outcome outcome
		message string
		want    string
	}{
		{"image", yes, "", ""},
		{"image", no, "boom", "found no: boom"},
		{"image", changed, "a became b", "want yes"},
		{"files", no, "error: unsupported type", ""},
		{"files", no, "connection refused", "for another reason"},
		{"files", yes, "", "want no (it takes images only), found yes"},
		{"index", changed, "v1: sha256:1 became sha256:2", ""},
		{"index", yes, "", "want changed"},
		{"files", notRun, "", ""},
	} {
		r := result{row: m.rows[0], kind: tt.kind, outcome: tt.outcome, message: tt.message}
		if got := r.problem(); (got == "") != (tt.want == "") || !strings.Contains(got, tt.want) {
			t.Errorf("%s %s %q: got %q, want %q", tt.kind, tt.outcome, tt.message, got, tt.want)
		}
	}
}

// The matrix is whole: its words are those of the kinds and forms, every no
// has words to be known by, and no macro's name is left in it.
func TestMatrix(t *testing.T) {
	m, err := parse(text)
	if err != nil {
		t.Fatal(err)
	}
	known := map[string]bool{}
	for _, c := range columns {
		for _, form := range strings.Fields(c.forms) {
			known[form] = true
		}
	}
	for _, k := range m.kinds {
		known[k.name] = true
	}
	n := 0
	for _, r := range m.rows {
		n += len(r.forms)
		for _, l := range r.limits {
			if l.why == "" || l.says == "" && l.outcome == no {
				t.Errorf("%s %v: a limit without a reason: %+v", r.tool.name, r.forms, l)
			}
			for _, w := range l.when {
				if !known[w] {
					t.Errorf("%s %v: nobody knows %q", r.tool.name, r.forms, w)
				}
			}
		}
		for _, w := range append(append([]string{}, r.forms...), r.kinds...) {
			if !known[w] {
				t.Errorf("%s: nobody knows %q", r.tool.name, w)
			}
		}
		for _, line := range r.lines {
			if !strings.Contains(line, " ") {
				t.Errorf("%s %v: %q is no command", r.tool.name, r.forms, line)
			}
		}
	}
	if n < 60 {
		t.Errorf("only %d rows", n)
	}
	if _, err := parse("what of nobody\n"); err == nil {
		t.Error("a tool that is not there is taken")
	}
}

// A line runs for each root that it is about, and for each referrer.
func TestLine(t *testing.T) {
	x := &try{world: &world{work: t.TempDir(), host: "h"}, kind: "K", form: "tar", roots: []root{{name: "a:1", tag: "1", config: "c", referrers: []string{"r1", "r2"}}, {name: "b:2", tag: "2"}}}
	for _, line := range []string{"echo IN NAME >> log", "echo TAGS FROM:TAG... >> log", "echo REFERRER CONFIG >> log", "TAG < cat log"} {
		if err := x.line(line); err != nil {
			t.Fatal(err)
		}
	}
	got, err := x.sh("cat log")
	if want := "ours-k.tar a:1\nours-k.tar b:2\n1,2 h/source/k:1 h/source/k:2\nr1 c\nr2 c\n"; got != want || err != nil {
		t.Errorf("got %q, %v, want %q", got, err, want)
	}
	for line, want := range map[string]outcome{"DIGEST < echo other": changed, "REFERRER < true": no, "CONFIG < echo": no, "exit 1": no, "echo": yes} {
		x.roots[0].digest, x.roots[1].digest = "d1", "d2"
		if got, _ := x.run(&row{lines: []string{line}}, "tar", &kind{name: "K", roots: x.roots}); got != want {
			t.Errorf("%s: got %s, want %s", line, got, want)
		}
	}
}

// The table says yes, no and why, once each.
func TestTable(t *testing.T) {
	m, err := parse(strings.Join([]string{"tool oras v v", "tool crane v v",
		"dir of oras", "\toras cp", "targz of oras", "\toras cp", "\tno: plain tar only | x",
		"dir of crane", "\tcrane push", "\tno files: images only | x", "wrote-tar of crane", "\tcrane pull", "\tchanged image: made anew"}, "\n"))
	if err != nil {
		t.Fatal(err)
	}
	r := m.rows
	got := m.table([]result{
		{r[0], "dir", "image", yes, ""}, {r[1], "targz", "image", no, ""}, {r[1], "targz", "files", no, ""},
		{r[2], "dir", "image", yes, ""}, {r[2], "dir", "files", no, ""}, {r[3], "wrote-tar", "image", changed, ""},
	})
	for _, want := range []string{
		"| oras  | yes | – | no [1] | – | yes | – | – |\n",
		"| crane  | yes; but files [2] | – | – | – | yes; but image [3] | – | yes |\n",
		"\n1. plain tar only\n2. images only\n3. made anew\n",
	} {
		if !strings.Contains(got, want) {
			t.Errorf("the table lacks %q:\n%s", want, got)
		}
	}
}
