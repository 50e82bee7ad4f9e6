package main

import (
	"fmt"
	"maps"
	"path/filepath"
	"slices"
	"strings"
	"time"
)

// memoryGoal is the peak of any command, on any size, in bytes.
const memoryGoal = 48 << 20

// A result is a goal and what was measured.
type result struct {
	what, goal, found string
	met               bool
}

func (b *bench) goal(what, goal, found string, met bool) {
	b.goals = append(b.goals, result{what, goal, found, met})
}

// atMost is the goal that a command takes at most so many times its base.
func (b *bench) atMost(s samples, what, name, base string, limit float64) {
	if r := s.ratio(name, base); r > 0 {
		b.goal(what, fmt.Sprintf("at most %.2f x %s", limit, base), fmt.Sprintf("%.2f x", r), r <= limit)
	}
}

// fasterThan is the goal that a command is at least so many times as fast as a
// neighbour.
func (b *bench) fasterThan(s samples, what, name, neighbour string, times float64) {
	if r := s.ratio(neighbour, name); r > 0 {
		b.goal(what, fmt.Sprintf("%.1f x as fast as %s", times, neighbour), fmt.Sprintf("%.1f x", r), r >= times)
	}
}

// notePeak enters the memory of a command of ferry.
func (b *bench) notePeak(name string, rss int64) {
	if strings.HasPrefix(name, "ferry ") && rss > b.peak {
		b.peak, b.peakOf = rss, name
	}
}

func (b *bench) section(format string, args ...any) {
	fmt.Fprintf(&b.out, "\n## "+format+"\n\n", args...)
	fmt.Fprintf(b.log, "== "+format+"\n", args...)
}

// table prints what a section measured, the fastest of ferry's and of the
// others' mixed.
func (b *bench) table(s samples, base string) {
	names := slices.SortedFunc(maps.Keys(s), func(x, y string) int {
		return int(median(s.wall(x)) - median(s.wall(y)))
	})
	head := "| command | time (s) | least (s) |"
	line := "|---|---|---|"
	if base != "" {
		head += " x " + base + " |"
		line += "---|"
	}
	fmt.Fprintf(&b.out, "%s processor (s) | peak memory (MiB) |\n%s---|---|\n", head, line)
	for _, name := range names {
		var cpu []time.Duration
		for _, x := range s[name] {
			cpu = append(cpu, x.cpu)
		}
		walls := s.wall(name)
		fmt.Fprintf(&b.out, "| %s | %s | %s |", name, seconds(median(walls)), seconds(slices.Min(walls)))
		if base != "" {
			if r := s.ratio(name, base); r > 0 {
				fmt.Fprintf(&b.out, " %.2f |", r)
			} else {
				fmt.Fprint(&b.out, " |")
			}
		}
		fmt.Fprintf(&b.out, " %s | %s |\n", seconds(median(cpu)), mib(s.peak(name)))
		b.notePeak(name, s.peak(name))
	}
}

// markdown is the report.
func (b *bench) markdown() string {
	var w strings.Builder
	fmt.Fprintf(&w, "# Speed and memory\n\n%s\n", b.when())
	for _, name := range slices.Sorted(maps.Keys(b.peers)) {
		fmt.Fprintf(&w, "- %s: %s\n", name, b.peers[name])
	}
	if len(b.absent) > 0 {
		fmt.Fprintf(&w, "- not there, and left out: %s\n", strings.Join(b.absent, ", "))
	}
	if b.quick {
		w.WriteString("\nA quick run on small inputs: for a first impression only.\n")
	}
	fmt.Fprintf(&w, "\nEvery command of a table ran in turn, round after round, in an order that changed, with\n"+
		"warm caches; a time is the median of the rounds, a ratio the median of the rounds' ratios.\n"+
		"There were %d rounds, three for archiving and growth, more for what is quick.\n"+
		"Peak memory cannot be told below that of the measuring program.\n", b.rounds)
	w.WriteString("\n## Goals\n\n" + b.goalTable())
	return w.String() + b.out.String()
}

func (b *bench) when() string {
	return fmt.Sprintf("Measured on %s by `make bench`: %s.", time.Now().UTC().Format(time.DateOnly), machine())
}

// summary is what a README quotes; the report and the plot are in dir.
func (b *bench) summary(dir string) string {
	var w strings.Builder
	fmt.Fprintf(&w, "%s `openssl sha256` is the time that hashing takes, which no honest reader can be much below.\n\n%s", b.when(), b.goalTable())
	if dir != "" {
		fmt.Fprintf(&w, "\nEvery figure: [bench.md](%s/bench.md).\n\n![Time and memory against size](%[1]s/bench.svg)\n", filepath.ToSlash(dir))
	}
	return w.String()
}

func (b *bench) goalTable() string {
	goals := b.goals
	if b.peak > 0 {
		goals = append(goals[:len(goals):len(goals)], result{"peak memory of any command of ferry", "at most 48 MiB", mib(b.peak) + " MiB (" + b.peakOf + ")", b.peak <= memoryGoal})
	}
	var w strings.Builder
	w.WriteString("| work | goal | measured | |\n|---|---|---|---|\n")
	for _, g := range goals {
		word := "met"
		if !g.met {
			word = "**not met**"
		}
		fmt.Fprintf(&w, "| %s | %s | %s | %s |\n", g.what, g.goal, g.found, word)
	}
	return w.String()
}

func seconds(d time.Duration) string {
	if d < time.Second {
		return fmt.Sprintf("%.3f", d.Seconds())
	}
	return fmt.Sprintf("%.2f", d.Seconds())
}

func mib(n int64) string {
	if n == 0 {
		return ""
	}
	return fmt.Sprintf("%.0f", float64(n)/(1<<20))
}

func bytesWord(n int64) string {
	if n >= 1<<30 && n%(1<<30) == 0 {
		return fmt.Sprintf("%d GiB", n>>30)
	}
	return fmt.Sprintf("%d MiB", n>>20)
}
