package main

import (
	"fmt"
	"io"
	"strings"
)

// table prints the outcome: a line a tool, a cell a direction, and below it
// why each no is one.
func (w *world) table(out io.Writer, results []result) {
	var notes []string
	note := func(text string) string {
		for i, n := range notes {
			if n == text {
				return fmt.Sprint(i + 1)
			}
		}
		notes = append(notes, text)
		return fmt.Sprint(len(notes))
	}
	fmt.Fprintln(out, "| neighbour | reads our directory | our .tar | our .tar.gz | our .tar with --docker | digest unchanged | we read its directory | we read its archive |")
	fmt.Fprintln(out, "|---|---|---|---|---|---|---|---|")
	for _, name := range toolNames() {
		t := w.tools[name]
		cells := make([]string, columns)
		for c := range columns {
			cells[c] = cell(results, name, c, note)
		}
		row := append(append(append([]string{}, cells[:readsDocker+1]...), unchanged(results, name, note)), cells[wroteDir:]...)
		fmt.Fprintf(out, "| %s %s | %s |\n", name, strings.TrimPrefix(t.version, "v"), strings.Join(row, " | "))
	}
	fmt.Fprintln(out, "\nKinds:")
	var words []string
	for _, k := range w.kinds {
		words = append(words, fmt.Sprintf("**%s** %s", k.name, k.words))
	}
	fmt.Fprintln(out, strings.Join(words, ", ")+`. "Yes" is yes for every kind; "–" is a form that the tool has no command for. The digest is the manifest's or the index's, in docker's store the image ID.`)
	fmt.Fprintln(out)
	for i, n := range notes {
		fmt.Fprintf(out, "%d. %s\n", i+1, n)
	}
	fmt.Fprintln(out, "\nEvery cell was run:")
	fmt.Fprintln(out)
	for _, name := range toolNames() {
		var how []string
		for _, r := range results {
			h := "`" + r.how + "`"
			if r.tool == name && !contains(how, h) {
				how = append(how, h)
			}
		}
		fmt.Fprintf(out, "- %s: %s\n", name, strings.Join(how, ", "))
	}
}

func contains(list []string, s string) bool {
	for _, x := range list {
		if x == s {
			return true
		}
	}
	return false
}

// cell sums up the checks of one tool in one direction.
func cell(results []result, tool string, c column, note func(string) string) string {
	n, good, ran := 0, 0, false
	var nos []string
	group := map[string][]string{}
	for _, r := range results {
		if r.tool != tool || r.column != c {
			continue
		}
		n++
		if r.outcome != notRun {
			ran = true
		}
		if r.outcome == yes || r.outcome == changed {
			good++
		}
		why := r.remarks[r.kind]
		if r.outcome == no {
			l, _ := r.limit(r.kind)
			why = l.why
		}
		if why == "" {
			continue
		}
		if group[why] == nil {
			nos = append(nos, why)
		}
		if !contains(group[why], r.kind) {
			group[why] = append(group[why], r.kind)
		}
	}
	switch {
	case n == 0:
		return "–"
	case !ran:
		return "not run"
	}
	word := "yes"
	if good == 0 {
		word = "no"
	}
	var parts []string
	for _, why := range nos {
		if good == 0 {
			parts = append(parts, "["+note(why)+"]")
			continue
		}
		parts = append(parts, strings.Join(group[why], ", ")+" ["+note(why)+"]")
	}
	switch {
	case len(parts) == 0:
		return word
	case good == 0:
		return word + " " + strings.Join(parts, " ")
	}
	return word + "; but " + strings.Join(parts, "; ")
}

// unchanged sums up what became of the digests.
func unchanged(results []result, tool string, note func(string) string) string {
	kept := false
	var whys []string
	group := map[string][]string{}
	for _, r := range results {
		if r.tool != tool {
			continue
		}
		kept = kept || r.outcome == yes
		if r.outcome == changed {
			l, _ := r.limit(r.kind)
			if group[l.why] == nil {
				whys = append(whys, l.why)
			}
			if !contains(group[l.why], r.kind) {
				group[l.why] = append(group[l.why], r.kind)
			}
		}
	}
	var parts []string
	for _, why := range whys {
		parts = append(parts, strings.Join(group[why], ", ")+" ["+note(why)+"]")
	}
	switch {
	case len(parts) == 0 && !kept:
		return "–"
	case len(parts) == 0:
		return "yes"
	case !kept:
		return "no; " + strings.Join(parts, "; ")
	}
	return "yes; but " + strings.Join(parts, "; ")
}
