// Command bench runs ferry beside its neighbours and writes what each took:
// time, processor time and memory, as a table in bench.md and a plot in
// bench.svg.
//
//	go run . -ferry ../../bin/ferry                 ten minutes, 1 GiB and more
//	go run . -o /tmp -size 67108864 -rounds 1       a first impression
//	go run . -o /tmp -only small                    one section
//
// bench.txt has the sections. Every row of a section runs in turn, round after
// round, each round in another order: what slows one down on a shared machine
// slows the others too. A ratio is the median of the ratios to the base in the
// same round, a time the median of the rounds. The base of most is "openssl
// sha256" of the same bytes: one core cannot check content faster than it can
// be hashed.
//
// Caches are warm: every input has been read before. It needs three times the
// largest input in the directory for temporary files (TMPDIR), and removes
// what it made.
package main

import (
	"bytes"
	_ "embed"
	"errors"
	"flag"
	"fmt"
	"math/rand/v2"
	"net"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"time"
)

//go:embed bench.txt
var text string

// A section is one of bench.txt, and what was measured.
type section struct {
	name, title string
	set         map[string][]string // the lines that are no rows, by their first word
	over        string              // the name of "for"
	values      []string
	rows        []*row
}

type row struct {
	name, command, goals string
	failed               bool
	samples              map[string][]sample // by value of "for", in the order of the rounds
}

type sample struct {
	seconds, cpu, peak float64 // peak is resident memory in MiB
}

// A run is one run of everything.
type run struct {
	dir           string
	rounds, trash int
	peers         []string // their versions
	absent        []string
	sections      []*section
}

func main() {
	command := bench
	if len(os.Args) > 2 && makers[os.Args[1]] != nil {
		command = func() error { return makers[os.Args[1]](os.Args[2:]) }
	}
	if err := command(); err != nil {
		fmt.Fprintln(os.Stderr, "bench:", err)
		os.Exit(1)
	}
}

func bench() error {
	ferry := flag.String("ferry", "../../bin/ferry", "the ferry to measure")
	out := flag.String("o", ".", "write bench.md and bench.svg into this directory")
	only := flag.String("only", "", "run only the sections whose names contain this")
	size := flag.Int64("size", 1<<30, "bytes of the large input")
	rounds := flag.Int("rounds", 0, "rounds of every section, if not those of bench.txt")
	flag.Parse()
	all, err := parse(text)
	if err != nil {
		return err
	}
	dir, err := os.MkdirTemp("", "ferry-bench-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	stop := make(chan os.Signal, 1)
	signal.Notify(stop, os.Interrupt)
	go func() { <-stop; os.RemoveAll(dir); os.Exit(1) }()
	l, err := net.Listen("tcp", "127.0.0.1:0") // a free port, for a daemon
	if err != nil {
		return err
	}
	l.Close()
	self, err := os.Executable()
	b := &run{dir: dir, rounds: *rounds}
	os.Setenv("SIZE", fmt.Sprint(*size))
	os.Setenv("HOST", l.Addr().String())
	os.Setenv("PATH", filepath.Join(dir, "bin")+":"+os.Getenv("PATH"))
	*ferry, _ = filepath.Abs(*ferry)
	if _, err2 := b.sh(fmt.Sprintf("mkdir bin && cp %q bin/ferry && cp %q bin/bench", *ferry, self)); err != nil || err2 != nil {
		return errors.Join(err, err2)
	}
	for _, peer := range all[0].set["peer"] {
		if version := eval("$(" + peer + " 2>&1 | grep -o '[0-9][0-9]*\\.[0-9][0-9.]*' | head -1)"); version != "" {
			b.peers = append(b.peers, strings.Fields(peer)[0]+" "+version)
		} else {
			b.absent = append(b.absent, strings.Fields(peer)[0])
		}
	}
	for _, s := range all[1:] {
		if !strings.Contains(s.name, *only) {
			continue
		} else if err := b.measure(s); err != nil {
			return fmt.Errorf("%s: %w", s.name, err)
		}
	}
	return errors.Join(os.WriteFile(filepath.Join(*out, "bench.md"), []byte(b.markdown()), 0o644), os.WriteFile(filepath.Join(*out, "bench.svg"), []byte(b.plot()), 0o644))
}

// parse reads bench.txt; what stands before the first section is one too.
func parse(text string) ([]*section, error) {
	s := &section{set: map[string][]string{}}
	all := []*section{s}
	for line := range strings.Lines(text) {
		line = strings.TrimSpace(line)
		word, rest, _ := strings.Cut(line, " ")
		command, goals, _ := strings.Cut(line, " # ")
		name, command, isRow := strings.Cut(command, ": ")
		switch {
		case line == "" || line[0] == '#':
		case word == "section":
			s = &section{name: strings.Fields(name)[1], title: command, set: map[string][]string{}, values: []string{""}}
			all = append(all, s)
		case slices.Contains([]string{"peer", "rounds", "make", "daemon", "before", "keep", "for"}, word):
			s.set[word] = append(s.set[word], rest)
		case !isRow || len(all) == 1:
			return nil, fmt.Errorf("bench.txt: nobody knows what %q is", line)
		default:
			s.rows = append(s.rows, &row{name: name, command: command, goals: goals, samples: map[string][]sample{}})
		}
	}
	return all, nil
}

// sh runs a line and measures it.
func (b *run) sh(line string) (sample, error) {
	c := exec.Command("sh", "-ec", line)
	c.Dir = b.dir
	var said bytes.Buffer
	c.Stderr = &said
	began := time.Now()
	err := c.Run()
	seconds := time.Since(began).Seconds()
	if err != nil {
		return sample{}, fmt.Errorf("%s: %w: %.500s", line, err, said.String())
	}
	p := c.ProcessState
	return sample{seconds, (p.UserTime() + p.SystemTime()).Seconds(), float64(p.SysUsage().(*syscall.Rusage).Maxrss) / 1024}, nil
}

// eval is a text with what sh puts in the place of $SIZE and $((SIZE / 2)).
func eval(text string) string {
	out, _ := exec.Command("sh", "-c", `echo "`+text+`"`).Output()
	return strings.TrimSpace(string(out))
}

// lacks reports whether a command runs a neighbour that is not there.
func (b *run) lacks(command string) bool {
	return slices.ContainsFunc(strings.Fields(command), func(word string) bool { return slices.Contains(b.absent, word) })
}

// measure measures a section, for each of its values.
func (b *run) measure(s *section) error {
	rounds := 5
	for _, n := range append(s.set["rounds"], fmt.Sprint(b.rounds)) {
		if n, err := strconv.Atoi(n); err != nil || n > 0 {
			rounds = n
		}
	}
	for _, line := range s.set["for"] {
		name, values, _ := strings.Cut(line, " in ")
		s.over, s.values = name, strings.Fields(eval(values))
	}
	s.title, b.sections = eval(s.title), append(b.sections, s)
	for _, v := range s.values {
		if s.over != "" {
			os.Setenv(s.over, v)
		}
		fmt.Fprintf(os.Stderr, "== %s %s\n", s.name, v)
		if err := errors.Join(b.value(s, v, rounds), b.clear([]string{"bin"}, nil)); err != nil {
			return err
		}
	}
	return nil
}

func (b *run) value(s *section, value string, rounds int) error {
	for _, line := range s.set["daemon"] {
		if b.lacks(line) {
			return nil
		}
		d := exec.Command("sh", "-c", line)
		d.Dir = b.dir
		if err := d.Start(); err != nil {
			return err
		}
		defer func() { d.Process.Kill(); d.Wait() }()
	}
	for _, line := range append(s.set["make"], "mkdir trash") {
		if _, err := b.sh(line); err != nil {
			return err
		}
	}
	inputs, order := b.names(), rand.New(rand.NewPCG(5, 6))
	for round := range rounds {
		for _, i := range order.Perm(len(s.rows)) {
			r := s.rows[i]
			if r.failed || b.lacks(r.command) {
				continue
			}
			fmt.Fprintf(os.Stderr, "round %d of %d: %s\n", round+1, rounds, r.name)
			if _, err := b.sh(strings.Join(s.set["before"], "\n")); err != nil {
				return err
			}
			got, err := b.sh(r.command)
			if err != nil && strings.HasPrefix(r.name, "ferry ") {
				return err
			} else if r.failed = err != nil; r.failed {
				fmt.Fprintf(os.Stderr, "%v; it is left out\n", err)
			}
			r.samples[value] = append(r.samples[value], got)
			if err := b.clear(inputs, s.set["keep"]); err != nil {
				return err
			}
		}
	}
	return nil
}

func (b *run) names() (names []string) {
	entries, _ := os.ReadDir(b.dir)
	for _, e := range entries {
		names = append(names, e.Name())
	}
	return names
}

// clear removes what is not among these names, or moves it aside.
func (b *run) clear(but, keep []string) (err error) {
	for _, name := range b.names() {
		if slices.Contains(but, name) {
			continue
		}
		from := filepath.Join(b.dir, name)
		if b.trash++; keep != nil {
			err = errors.Join(err, os.Rename(from, filepath.Join(b.dir, "trash", fmt.Sprint(b.trash))))
		} else {
			err = errors.Join(err, os.RemoveAll(from))
		}
	}
	return err
}
