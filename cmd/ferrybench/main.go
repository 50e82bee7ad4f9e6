// Command ferrybench runs ferry beside its neighbours and says what each took:
// time, processor time and memory, as a table in Markdown and a plot in SVG.
//
//		go run ./cmd/ferrybench                     half an hour, 2 GiB and more
//		go run ./cmd/ferrybench -quick              one minute, small inputs
//		go run ./cmd/ferrybench -o examples/bench   and keep bench.md and bench.svg
//		go run ./cmd/ferrybench -readme README.md   and quote the goals there
//
//	  - It makes its inputs: random data as a valid gzip file that does not
//	    compress further, ten thousand small files, reports for a snapshot.
//	  - It builds ferry, unless -ferry names one, and runs the neighbours that it
//	    finds on PATH; those that are not there are named in the table.
//	  - Every command of a section runs in turn, round after round: what slows
//	    one down on a shared machine slows its neighbours too. A ratio is the
//	    median of the ratios of each round; a time is the median of the rounds.
//	  - The measure of all is "openssl sha256" of the same bytes in the same
//	    round: nobody can check content faster than it can be hashed.
//	  - Caches are warm: every input has been read before. So is free memory: a
//	    virtual machine gives what is free back to its host after a second or
//	    two, and who writes next waits while it comes back. Before each run that
//	    is asked for, and let go of again.
//
// It needs three times the largest input in the directory for temporary files
// (TMPDIR), and removes what it made.
package main

import (
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"strconv"
	"strings"
)

func main() {
	if err := run(os.Args[1:], os.Stdout, os.Stderr); err != nil {
		fmt.Fprintln(os.Stderr, "ferrybench:", err)
		os.Exit(1)
	}
}

func run(args []string, stdout, stderr io.Writer) error {
	flags := flag.NewFlagSet("ferrybench", flag.ContinueOnError)
	flags.SetOutput(stderr)
	var (
		size   = flags.String("size", "2GiB", "the large input; the plot goes from half of it to four times as much")
		rounds = flags.Int("rounds", 5, "how often each command runs")
		quick  = flags.Bool("quick", false, "small inputs and three rounds, for a first impression: the figures are not to be quoted")
		out    = flags.String("o", "", "write bench.md and bench.svg into this directory")
		ferry  = flags.String("ferry", "", "the ferry to run (default: built from this module)")
		only   = flags.String("only", "", "run only the sections whose names contain this")
		readme = flags.String("readme", "", "write the goals between the marks in this file")
		touch  = flags.Int64("touch", 0, "take so many bytes of memory, let go of them, and end: how a run is made ready for the next")
	)
	if err := flags.Parse(args); err != nil {
		return err
	}
	if *touch > 0 {
		touchMemory(*touch)
		return nil
	}
	if *quick {
		*size, *rounds = "128MiB", 3
	}
	n, err := parseSize(*size)
	if err != nil {
		return err
	}
	dir, err := os.MkdirTemp("", "ferrybench-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	stop := make(chan os.Signal, 1)
	signal.Notify(stop, os.Interrupt)
	go func() {
		<-stop
		os.RemoveAll(dir)
		os.Exit(1)
	}()
	b := &bench{dir: dir, size: n, rounds: *rounds, quick: *quick, only: *only, log: stderr}
	if b.ferry = *ferry; b.ferry == "" {
		if b.ferry, err = build(dir, stderr); err != nil {
			return err
		}
	}
	if b.ferry, err = filepath.Abs(b.ferry); err != nil {
		return err
	}
	b.findPeers()
	for _, s := range sections {
		if !strings.Contains(s.name, b.only) {
			continue
		}
		if err := s.run(b); err != nil {
			return fmt.Errorf("%s: %w", s.name, err)
		}
	}
	text := b.markdown()
	if _, err := io.WriteString(stdout, text); err != nil {
		return err
	}
	if *readme != "" {
		if err := quote(*readme, b.summary(*out)); err != nil {
			return err
		}
	}
	if *out == "" {
		return nil
	}
	err = os.MkdirAll(*out, 0o755)
	if err == nil {
		err = os.WriteFile(filepath.Join(*out, "bench.md"), []byte(text), 0o644)
	}
	if err == nil && len(b.growth) > 0 {
		err = os.WriteFile(filepath.Join(*out, "bench.svg"), []byte(plot(b.growth)), 0o644)
	}
	return err
}

// build makes a ferry and installs it, that is, copies it: a linker writes a file
// page by page, as which it is then loaded, and not as what is read from a disk.
func build(dir string, stderr io.Writer) (string, error) {
	made, installed := filepath.Join(dir, "ferry.made"), filepath.Join(dir, "ferry")
	cmd := exec.Command("go", "build", "-trimpath", "-tags=urfave_cli_no_docs", "-ldflags=-s -w", "-o", made, "./cmd/ferry")
	cmd.Env = append(os.Environ(), "CGO_ENABLED=0")
	cmd.Stderr = stderr
	if err := cmd.Run(); err != nil {
		return "", fmt.Errorf("building ferry: %w; run it in the module, or give -ferry", err)
	}
	data, err := os.ReadFile(made)
	if err != nil {
		return "", err
	}
	return installed, os.WriteFile(installed, data, 0o755)
}

// The summary stands between these two lines in a file that has them.
const begin, end = "<!-- bench: begin -->\n", "<!-- bench: end -->\n"

// quote puts a text between the marks of a file.
func quote(name, text string) error {
	old, err := os.ReadFile(name)
	if err != nil {
		return err
	}
	before, rest, ok := strings.Cut(string(old), begin)
	_, after, ok2 := strings.Cut(rest, end)
	if !ok || !ok2 {
		return fmt.Errorf("%s: want the lines %q and %q in it, to write between", name, begin, end)
	}
	return os.WriteFile(name, []byte(before+begin+text+end+after), 0o644)
}

// parseSize reads "2GiB" or "128MiB".
func parseSize(s string) (int64, error) {
	for unit, n := range map[string]int64{"KiB": 1 << 10, "MiB": 1 << 20, "GiB": 1 << 30} {
		if digits, ok := strings.CutSuffix(s, unit); ok {
			v, err := strconv.ParseInt(digits, 10, 32)
			if err == nil && v > 0 {
				return v * n, nil
			}
		}
	}
	return 0, errors.New("-size: want a number with KiB, MiB or GiB, found " + strconv.Quote(s))
}
