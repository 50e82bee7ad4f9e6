package main

import (
	"bytes"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"time"
)

// A bench is one run of everything.
type bench struct {
	dir    string // for what is made here
	ferry  string
	size   int64 // bytes of the large input
	rounds int
	quick  bool
	only   string
	log    io.Writer
	peers  map[string]string // version lines of those that are there
	absent []string
	out    bytes.Buffer
	goals  []result
	growth []point
	trash  int
	warm   int64 // bytes of memory that are made ready before each run
	peak   int64 // bytes of memory
	peakOf string
}

// A command is what is measured.
type command struct {
	name string
	args []string // of the program; a single one is a line for sh
	in   string   // the directory it runs in
	// before makes room, or makes ready, and is not measured.
	before func() error
	// many keeps what was made until the section is over: a file system that
	// has to pass over thousands of deleted files creates slowly.
	many bool
	made []string // what it makes
	need string   // the program that it needs
}

// A sample is one run of a command.
type sample struct {
	wall, cpu time.Duration
	rss       int64 // bytes
}

// samples are the runs of each command, in the order of the rounds.
type samples map[string][]sample

// measure runs the commands in turn, round after round, each round in another
// order: the first to write after a pause pays for memory that the machine has
// given back to its host. A command that fails is left out, and named in the
// log.
func (b *bench) measure(rounds int, cmds []command) (samples, error) {
	out := samples{}
	failed := map[string]bool{}
	order := rand.New(rand.NewPCG(5, 6))
	for round := range rounds {
		for _, i := range order.Perm(len(cmds)) {
			c := cmds[i]
			if failed[c.name] || c.need != "" && b.peers[c.need] == "" {
				continue
			}
			fmt.Fprintf(b.log, "round %d of %d: %s\n", round+1, rounds, c.name)
			s, err := b.run(c)
			if err != nil && c.need == "" {
				return nil, err
			}
			if err != nil {
				fmt.Fprintf(b.log, "%v; it is left out\n", err)
				failed[c.name] = true
				delete(out, c.name)
				continue
			}
			out[c.name] = append(out[c.name], s)
		}
	}
	return out, b.empty()
}

func (b *bench) run(c command) (sample, error) {
	if c.before != nil {
		if err := c.before(); err != nil {
			return sample{}, err
		}
	}
	if err := b.makeReady(); err != nil {
		return sample{}, err
	}
	args := c.args
	if len(args) == 1 {
		args = []string{"sh", "-c", args[0]}
	}
	cmd := exec.Command(args[0], args[1:]...)
	cmd.Dir = c.in
	if cmd.Dir == "" {
		cmd.Dir = b.dir
	}
	var said bytes.Buffer
	cmd.Stderr = &said
	begin := time.Now()
	err := cmd.Run()
	s := sample{wall: time.Since(begin)}
	if err != nil {
		return s, fmt.Errorf("%s: %w: %.300s", c.name, err, said.String())
	}
	s.cpu = cmd.ProcessState.UserTime() + cmd.ProcessState.SystemTime()
	s.rss = residentPeak(cmd.ProcessState)
	for _, m := range c.made {
		m = filepath.Join(b.dir, m)
		if _, err := os.Lstat(m); err != nil {
			return s, fmt.Errorf("%s: made nothing: %w", c.name, err)
		}
		if !c.many {
			err = os.RemoveAll(m)
		} else {
			b.trash++
			err = os.Rename(m, filepath.Join(b.dir, fmt.Sprintf("trash-%d", b.trash)))
		}
		if err != nil {
			return s, err
		}
	}
	return s, nil
}

// makeReady takes memory from the host, in a process of its own, and leaves it
// free for who runs next.
func (b *bench) makeReady() error {
	if b.warm == 0 {
		return nil
	}
	self, err := os.Executable()
	if err != nil {
		return err
	}
	return exec.Command(self, "-touch", strconv.FormatInt(b.warm, 10)).Run()
}

// touchMemory writes to every page of so many bytes.
func touchMemory(n int64) {
	m := anonymous(n)
	for i := 0; i < len(m); i += 4096 {
		m[i] = 1
	}
	runtime.KeepAlive(m)
}

// empty removes what was kept.
func (b *bench) empty() error {
	for ; b.trash > 0; b.trash-- {
		if err := os.RemoveAll(filepath.Join(b.dir, fmt.Sprintf("trash-%d", b.trash))); err != nil {
			return err
		}
	}
	return nil
}

// must runs a command that makes an input.
func (b *bench) must(args ...string) error {
	cmd := exec.Command(args[0], args[1:]...)
	cmd.Dir = b.dir
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("%s: %w: %.300s", strings.Join(args, " "), err, out)
	}
	return nil
}

func median[T int64 | float64 | time.Duration](v []T) T {
	if len(v) == 0 {
		return 0
	}
	v = slices.Sorted(slices.Values(v))
	if n := len(v); n%2 == 0 {
		return (v[n/2-1] + v[n/2]) / 2
	}
	return v[len(v)/2]
}

func (s samples) wall(name string) (all []time.Duration) {
	for _, x := range s[name] {
		all = append(all, x.wall)
	}
	return all
}

// ratio is the median of the rounds' ratios, or 0.
func (s samples) ratio(name, base string) float64 {
	a, b := s[name], s[base]
	var all []float64
	for i := range min(len(a), len(b)) {
		all = append(all, a[i].wall.Seconds()/b[i].wall.Seconds())
	}
	return median(all)
}

// peak is the largest resident memory of all rounds, in bytes.
func (s samples) peak(name string) (peak int64) {
	for _, x := range s[name] {
		peak = max(peak, x.rss)
	}
	return peak
}

// peers are the programs that ferry is compared with, and how each tells its
// version.
var peers = [][]string{
	{"openssl", "version"}, {"cat", "--version"}, {"dd", "--version"}, {"tar", "--version"}, {"pigz", "--version"}, {"zstd", "--version"},
	{"oras", "version"}, {"skopeo", "--version"}, {"regctl", "version", "--format", "{{.VCSTag}}"}, {"crane", "version"},
	{"script", "--version"},
}

func (b *bench) findPeers() {
	b.peers = map[string]string{}
	for _, p := range peers {
		out, err := exec.Command(p[0], p[1:]...).CombinedOutput()
		if err != nil {
			b.absent = append(b.absent, p[0])
			continue
		}
		line, _, _ := strings.Cut(strings.TrimSpace(string(out)), "\n")
		b.peers[p[0]] = strings.TrimSpace(strings.TrimPrefix(line, "Version:"))
	}
}
