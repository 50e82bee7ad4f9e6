package main

import (
	"bytes"
	"strings"
	"testing"
)

// A result that the table of checks does not expect is a problem, in either
// direction, and a no for another reason than the one that is written is too.
func TestProblem(t *testing.T) {
	c := &check{limits: limits{"files": cannot("it takes images only", "unsupported"), "index": differs("it takes one platform")}}
	for _, tt := range []struct {
		kind    string
		outcome outcome
		message string
		want    string
	}{
		{"image", yes, "", ""},
		{"image", no, "boom", "want yes, found no: boom"},
		{"image", changed, "a became b", "want yes, found digest changed"},
		{"files", no, "error: unsupported type", ""},
		{"files", no, "connection refused", "for another reason"},
		{"files", yes, "", "want no (it takes images only), found yes"},
		{"index", changed, "v1: sha256:1 became sha256:2", ""},
		{"index", yes, "", "want digest changed"},
		{"files", notRun, "", ""},
	} {
		r := result{check: c, kind: tt.kind, outcome: tt.outcome, message: tt.message}
		if got := r.problem(); (got == "") != (tt.want == "") || !strings.Contains(got, tt.want) {
			t.Errorf("%s %s %q: got %q, want %q", tt.kind, tt.outcome, tt.message, got, tt.want)
		}
	}
}

// Every check is of a tool that there is, and every no has words to be known by.
func TestChecks(t *testing.T) {
	tools := map[string]bool{}
	for _, n := range toolNames() {
		tools[n] = true
	}
	for _, c := range checks() {
		if !tools[c.tool] || c.how == "" || c.run == nil {
			t.Errorf("%s %s %q: incomplete", c.tool, c.column.id(), c.how)
		}
		for kind, l := range c.limits {
			if l.why == "" || l.says == "" || l.outcome == yes {
				t.Errorf("%s %s %s: a limit without a reason: %+v", c.tool, c.column.id(), kind, l)
			}
		}
	}
}

// The table says yes, no and why, once each.
func TestTable(t *testing.T) {
	w := &world{tools: map[string]*tool{}}
	for _, x := range allTools() {
		w.tools[x.name] = x
		x.version = "1.0"
	}
	good := &check{tool: "oras", column: readsDir, how: "oras cp"}
	bad := &check{tool: "oras", column: readsTarGz, how: "oras cp", limits: limits{"*": cannot("plain tar only", "x")}}
	part := &check{tool: "crane", column: readsDir, how: "crane push", limits: limits{"files": cannot("images only", "x")}}
	other := &check{tool: "crane", column: wroteTar, how: "crane pull", limits: limits{"image": differs("made anew")}}
	var b bytes.Buffer
	w.table(&b, []result{
		{good, "image", yes, ""}, {bad, "image", no, ""}, {bad, "files", no, ""},
		{part, "image", yes, ""}, {part, "files", no, ""}, {other, "image", changed, ""},
	})
	for _, want := range []string{
		"| oras 1.0 | yes | – | no [1] | – | yes | – | – |\n",
		"| crane 1.0 | yes; but files [2] | – | – | – | yes; but image [3] | – | yes |\n",
		"\n1. plain tar only\n2. images only\n3. made anew\n",
		"- oras: `oras cp`\n",
	} {
		if !strings.Contains(b.String(), want) {
			t.Errorf("the table lacks %q:\n%s", want, b.String())
		}
	}
}
