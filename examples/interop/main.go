// Command interop runs the neighbours of ferry against what ferry writes, and
// ferry against what they write, and prints the outcome as a table.
//
//	PATH=$(sh tools) go run . -ferry ../../bin/ferry -o README.md
//
// Every cell is commands that were run: those of matrix.txt. What a neighbour
// cannot do stands there too, with the reason and with words of the
// neighbour's own message: a no that is not there fails the run, and so does a
// yes where a no is written, or a no in other words.
//
// The neighbours come from PATH. Daemons listen on loopback or on a socket in
// the working directory, and are ended at the end. A neighbour that cannot run
// on this machine is named at the end; with -all that fails the run too.
package main

import (
	_ "embed"
	"flag"
	"fmt"
	"os"
	"slices"
	"strings"
)

//go:embed matrix.txt
var text string

func main() {
	ferry := flag.String("ferry", "../../bin/ferry", "the ferry to test")
	out := flag.String("o", "", "write the table into this file")
	only := flag.String("run", "", "run only the checks whose name contains this; makes no table")
	all := flag.Bool("all", false, "fail when a neighbour cannot run here")
	flag.Parse()
	if err := run(*ferry, *out, *only, *all); err != nil {
		fmt.Fprintln(os.Stderr, "interop:", err)
		os.Exit(1)
	}
}

func run(ferry, out, only string, all bool) error {
	m, err := parse(text)
	if err != nil {
		return err
	}
	w := &world{}
	if w.work, err = os.MkdirTemp("", "interop-"); err != nil {
		return err
	}
	defer w.stop()
	if err := w.fill(m, ferry); err != nil {
		return err
	}
	var results []result
	bad := 0
	for _, r := range m.rows {
		for _, form := range r.forms {
			for _, k := range m.kinds {
				res := result{row: r, form: form, kind: k.name, outcome: notRun}
				some := k.in(form)
				if some == nil || r.kinds != nil && !slices.Contains(r.kinds, k.name) || !strings.Contains(res.name(), only) {
					continue
				}
				if r.tool.why == nil {
					res.outcome, res.message = w.run(r, form, some)
				}
				if results = append(results, res); res.problem() != "" {
					bad++
				}
				fmt.Fprintf(os.Stderr, "%s: %s %s\n", res.outcome, res.name(), res.problem())
			}
		}
	}
	for _, t := range m.tools {
		if t.why != nil {
			fmt.Fprintf(os.Stderr, "not run: %s: %v\n", t.name, t.why)
			if all {
				bad++
			}
		}
	}
	if out != "" && only == "" {
		if err := os.WriteFile(out, []byte(m.table(results)), 0o644); err != nil {
			return err
		}
	}
	if bad > 0 {
		return fmt.Errorf("%d of %d checks did not end as matrix.txt says", bad, len(results))
	}
	fmt.Fprintf(os.Stderr, "%d checks, all as expected\n", len(results))
	return nil
}
