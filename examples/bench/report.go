package main

import (
	"fmt"
	"math"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"time"
)

// figures are one figure of the rounds of a row with a value of "for".
func (r *row) figures(value string, figure func(sample) float64) (all figures) {
	for _, s := range r.samples[value] {
		all = append(all, figure(s))
	}
	return all
}

type figures []float64

func (f figures) median() float64 {
	if len(f) == 0 {
		return math.NaN()
	}
	s := slices.Sorted(slices.Values(f))
	return (s[(len(s)-1)/2] + s[len(s)/2]) / 2
}

func (f figures) over(base figures) (all figures) {
	for i := range min(len(f), len(base)) {
		all = append(all, f[i]/base[i])
	}
	return all
}

func seconds(s sample) float64 { return s.seconds }
func cpu(s sample) float64     { return s.cpu }
func peak(s sample) float64    { return s.peak }

// goal is a line of the table of goals.
func (s *section) goal(r *row, goal string) string {
	first, last := s.values[0], s.values[len(s.values)-1]
	what, of, _ := strings.Cut(goal, " of ")
	number, unit, _ := strings.Cut(what, " ")
	limit, _ := strconv.ParseFloat(number, 64)
	base := s.rows[max(0, slices.IndexFunc(s.rows, func(r *row) bool { return r.name == of }))]
	ratio := func(v string) float64 { return r.figures(v, seconds).over(base.figures(v, seconds)).median() }
	found, want, got := ratio(last), "at most %s x "+base.name, "%.2f x"
	switch unit {
	case "ms":
		found, want, got = r.figures(last, seconds).median()*1000, "at most %s ms", "%.0f ms"
	case "times":
		found, want = r.figures(first, seconds).median()/r.figures(last, seconds).median(), "%s x as quick with "+last+" "+s.over+" as with "+first
	case "growth":
		found, want = ratio(last)/ratio(first), "grows at most %s x as "+base.name
	}
	if math.IsNaN(found) {
		return ""
	}
	return fmt.Sprintf("| %s: %s | %s | %s | %s |\n", s.name, r.name, fmt.Sprintf(want, number), fmt.Sprintf(got, found), met(found <= limit == (unit != "times")))
}

func met(is bool) string {
	if is {
		return "met"
	}
	return "**not met**"
}

// memoryGoal is the peak of any command, on any size, in MiB.
const memoryGoal = 48

// markdown is the report.
func (b *run) markdown() string {
	var goals, tables strings.Builder
	most, of := 0.0, ""
	for _, s := range b.sections {
		base := s.rows[0]
		fmt.Fprintf(&tables, "\n## %s: %s\n\n| command | time (s) | from, to | x %s | from, to | processor (s) | peak memory (MiB) |\n|---|---|---|---|---|---|---|\n", s.name, s.title, base.name)
		for _, r := range s.rows {
			for _, v := range s.values {
				t, memory := r.figures(v, seconds), r.figures(v, peak)
				x := t.over(base.figures(v, seconds))
				if r.failed || x == nil {
					continue
				}
				if m := slices.Max(memory); strings.HasPrefix(r.name, "ferry ") && m > most {
					most, of = m, s.name+": "+r.name
				}
				fmt.Fprintf(&tables, "| %s | %.3f | %.3f, %.3f | %.2f | %.2f, %.2f | %.2f | %.0f |\n", strings.TrimRight(r.name+", "+v+" "+s.over, ", "),
					t.median(), slices.Min(t), slices.Max(t), x.median(), slices.Min(x), slices.Max(x), r.figures(v, cpu).median(), slices.Max(memory))
			}
			for g := range strings.SplitSeq(r.goals, "; ") {
				if g != "" && !r.failed {
					goals.WriteString(s.goal(r, g))
				}
			}
		}
	}
	return fmt.Sprintf("# Speed and memory\n\nMeasured on %s by `make bench`: %s, %d cores, %s/%s, %s; %s.", time.Now().UTC().Format(time.DateOnly),
		eval(`$(sed -n 's/^model name.*: //p' /proc/cpuinfo | head -1)`), runtime.NumCPU(), runtime.GOOS, runtime.GOARCH, runtime.Version(), strings.Join(b.peers, ", ")) +
		strings.TrimSuffix(" Not there, and left out: "+strings.Join(b.absent, ", ")+".", " Not there, and left out: .") +
		"\n\nThe rows of a section run in turn, round after round, in an order that changes, with warm caches. A time is the median of the rounds, a ratio the median of the rounds' ratios; from, to are the least and the most. Peak memory cannot be told below that of the measuring program." +
		"\n\n## Goals\n\n| work | goal | measured | |\n|---|---|---|---|\n" + goals.String() +
		fmt.Sprintf("| memory of any command of ferry | at most %d MiB | %.0f MiB (%s) | %s |\n\n![time and memory against size, time against cores](bench.svg)\n", memoryGoal, most, of, met(most <= memoryGoal)) + tables.String()
}

// plot draws each section with "for", a line a row, as SVG.
func (b *run) plot() string {
	var w strings.Builder
	top := 0.0
	for _, s := range b.sections {
		if s.over != "" {
			s.panel(&w, 60, top, "time (s)", seconds)
			s.panel(&w, 490, top, "peak memory (MiB)", peak)
			top += 380
		}
	}
	return fmt.Sprintf(`<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 860 %.0f" font-family="sans-serif" font-size="12">`+"\n"+`<rect width="860" height="%[1]f" fill="white"/>`+"\n%s</svg>\n", top, w.String())
}

var colours = []string{"#444444", "#0072b2", "#009e73", "#d55e00", "#cc79a7", "#e69f00"}

func (s *section) panel(w *strings.Builder, left, top float64, title string, figure func(sample) float64) {
	const width, height = 330, 250
	x := func(v string) float64 {
		n, _ := strconv.ParseFloat(v, 64)
		largest, _ := strconv.ParseFloat(s.values[len(s.values)-1], 64)
		return left + width*n/largest
	}
	highest := 1e-3
	for _, r := range s.rows {
		for _, v := range s.values {
			if m := r.figures(v, figure).median(); m > highest {
				highest = m
			}
		}
	}
	step := math.Pow(10, math.Floor(math.Log10(highest/4))) // 1, 2 or 5 times a power of ten
	for _, m := range []float64{2, 2.5} {
		if highest/step > 8 {
			step *= m
		}
	}
	highest = step * math.Ceil(highest/step)
	y := func(v float64) float64 { return top + 40 + height*(1-v/highest) }
	text := func(x, y float64, anchor, s string) {
		fmt.Fprintf(w, `<text x="%.1f" y="%.1f" text-anchor="%s">%s</text>`+"\n", x, y, anchor, s)
	}
	line := func(colour, points string) {
		fmt.Fprintf(w, `<polyline points="%s" fill="none" stroke="%s" stroke-width="2"/>`+"\n", points, colour)
	}
	text(left, top+24, "start", s.name+": "+title)
	line("black", fmt.Sprintf("%f,%f %f,%f %f,%f", left, top+40, left, y(0), left+width, y(0)))
	for v := 0.0; v < highest*1.01; v += step {
		text(left-7, y(v)+4, "end", fmt.Sprintf("%.3g", v))
	}
	for i, v := range s.values {
		if i == 0 || x(v)-x(s.values[i-1]) > 50 {
			text(x(v), y(0)+18, "middle", v+" "+s.over)
		}
	}
	for i, r := range s.rows {
		points := ""
		for _, v := range s.values {
			if m := r.figures(v, figure).median(); m > 0 {
				points += fmt.Sprintf("%.1f,%.1f ", x(v), y(m))
			}
		}
		legend, row := left+float64(i%2)*160, y(0)+38+float64(i/2)*16
		line(colours[i%len(colours)], points)
		line(colours[i%len(colours)], fmt.Sprintf("%.1f,%.1f %.1f,%.1f", legend, row-4, legend+14, row-4))
		text(legend+18, row, "start", r.name)
	}
}
