// Command ferryinterop runs the neighbours of ferry against what ferry writes,
// and ferry against what they write, and prints the outcome as a table.
//
//	go run ./cmd/ferryinterop -ferry bin/ferry -o table.md
//
// Every cell is a command that was run. What a neighbour cannot do is in the
// table of checks with the reason and with words of the neighbour's own
// message: a no that is not in that table fails the run, and so does a yes
// where a no is written, or a no in other words.
//
// The neighbours, at the versions in tools.go, are taken from -bin, or else
// from a cache that "go install" and "apt-get download" fill. Daemons listen
// on loopback or on a socket in the working directory, and are ended at the
// end. Those that cannot run on a machine are named below the table; with
// -all that fails the run too.
package main

import (
	"bytes"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

func main() {
	ferry := flag.String("ferry", "bin/ferry", "the ferry to test")
	out := flag.String("o", "", "write the table to this file too, between its marks if it has them")
	bin := flag.String("bin", "", "a directory with oras, crane and regctl, used where their versions fit")
	cache := flag.String("cache", defaultCache(), "where tools are installed that are not there")
	work := flag.String("work", "", "keep the working files in this new directory")
	only := flag.String("run", "", "run checks only whose name contains this; prints no table")
	all := flag.Bool("all", false, "fail when a neighbour cannot run here")
	verbose := flag.Bool("v", false, "show each command that fails")
	flag.Parse()
	if err := run(*ferry, *out, *bin, *cache, *work, *only, *all, *verbose); err != nil {
		fmt.Fprintln(os.Stderr, "ferryinterop:", err)
		os.Exit(1)
	}
}

// The table stands between these two lines in a file that has them.
const begin, end = "<!-- interop: begin -->\n", "<!-- interop: end -->\n"

// put writes the table as a file, or between the marks of a file that is there.
func put(name string, table []byte) error {
	old, err := os.ReadFile(name)
	if err == nil {
		before, rest, ok := bytes.Cut(old, []byte(begin))
		_, after, ok2 := bytes.Cut(rest, []byte(end))
		if ok && ok2 {
			table = slices.Concat(before, []byte(begin), table, []byte(end), after)
		}
	}
	return os.WriteFile(name, table, 0o644)
}

func defaultCache() string {
	dir, err := os.UserCacheDir()
	if err != nil {
		dir = os.TempDir()
	}
	return filepath.Join(dir, "ferry-interop")
}

func run(ferry, out, bin, cache, work, only string, all, verbose bool) error {
	keep := work != ""
	if keep {
		if err := os.Mkdir(work, 0o755); err != nil {
			return err
		}
	} else {
		var err error
		if work, err = os.MkdirTemp("", "ferryinterop-"); err != nil {
			return err
		}
		defer os.RemoveAll(work)
	}
	work, err := filepath.Abs(work)
	if err != nil {
		return err
	}
	if ferry, err = filepath.Abs(ferry); err != nil {
		return err
	}
	w := &world{ferry: ferry, work: work, tools: map[string]*tool{}, verbose: verbose}
	defer w.stop()
	if err := w.findTools(bin, cache); err != nil {
		return err
	}
	if err := w.startRegistry(); err != nil {
		return err
	}
	if err := w.makeKinds(); err != nil {
		return err
	}
	w.startDaemons()

	var results []result
	bad := 0
	for _, c := range checks() {
		t := w.tools[c.tool]
		for _, k := range w.kinds {
			name := c.tool + " " + c.column.id() + " " + k.name
			if !c.covers(k) || !strings.Contains(name, only) {
				continue
			}
			r := result{check: c, kind: k.name}
			if t.why != "" {
				r.outcome = notRun
			} else {
				r.outcome, r.message = w.try(c, k)
			}
			if p := r.problem(); p != "" {
				bad++
				fmt.Fprintf(os.Stderr, "UNEXPECTED %s (%s): %s\n", name, c.how, p)
			} else if verbose || only != "" {
				fmt.Fprintf(os.Stderr, "ok %s (%s): %s\n", name, c.how, r.outcome)
			}
			results = append(results, r)
		}
	}
	if only == "" {
		var b bytes.Buffer
		w.table(&b, results)
		os.Stdout.Write(b.Bytes())
		if out != "" {
			if err := put(out, b.Bytes()); err != nil {
				return err
			}
		}
	}
	if keep {
		fmt.Fprintln(os.Stderr, "the working files are in", work)
	}
	for _, name := range toolNames() {
		if t := w.tools[name]; t.why != "" {
			fmt.Fprintf(os.Stderr, "not run: %s: %s\n", name, t.why)
			if all {
				bad++
			}
		}
	}
	if bad > 0 {
		return fmt.Errorf("%d of %d checks did not end as the table of checks says", bad, len(results))
	}
	fmt.Fprintf(os.Stderr, "%d checks, all as expected\n", len(results))
	return nil
}
