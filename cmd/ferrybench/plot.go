package main

import (
	"fmt"
	"math"
	"slices"
	"strings"
)

// plot draws time and peak memory against size, one line a command, as SVG.
func plot(points []point) string {
	var w strings.Builder
	fmt.Fprint(&w, `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 860 376" font-family="sans-serif" font-size="12">`+"\n")
	fmt.Fprint(&w, `<rect width="860" height="376" fill="white"/>`+"\n")
	panel(&w, 60, "time (s)", points, func(p point) float64 { return p.wall.Seconds() }, 0)
	panel(&w, 490, "peak memory (MiB)", points, func(p point) float64 { return float64(p.rss) / (1 << 20) }, 48)
	w.WriteString("</svg>\n")
	return w.String()
}

// ticks is the distance of the marks on an axis: 1, 2 or 5 times a power of
// ten, four to ten of them.
func ticks(highest float64) float64 {
	step := math.Pow(10, math.Floor(math.Log10(highest/4)))
	for _, m := range []float64{5, 2} {
		if step*m*4 <= highest {
			return step * m
		}
	}
	return step
}

var colours = []string{"#444444", "#0072b2", "#009e73", "#d55e00", "#cc79a7", "#e69f00"}

// panel draws one of the two; goal is a line across, if it is not 0.
func panel(w *strings.Builder, left float64, title string, points []point, value func(point) float64, goal float64) {
	const width, height, top = 330, 250, 40
	var names []string
	sizes := []int64{}
	highest := goal * 1.2
	for _, p := range points {
		if !slices.Contains(names, p.name) {
			names = append(names, p.name)
		}
		if !slices.Contains(sizes, p.size) {
			sizes = append(sizes, p.size)
		}
		highest = max(highest, value(p)*1.1)
	}
	step := ticks(highest)
	highest = step * math.Ceil(highest/step)
	largest := slices.Max(sizes)
	x := func(size int64) float64 { return left + width*float64(size)/float64(largest) }
	y := func(v float64) float64 { return top + height*(1-v/highest) }
	text := func(x, y float64, anchor, s string) {
		fmt.Fprintf(w, `<text x="%.1f" y="%.1f" text-anchor="%s">%s</text>`+"\n", x, y, anchor, s)
	}
	line := func(x1, y1, x2, y2 float64, style string) {
		fmt.Fprintf(w, `<line x1="%.1f" y1="%.1f" x2="%.1f" y2="%.1f" %s/>`+"\n", x1, y1, x2, y2, style)
	}
	text(left, top-16, "start", title)
	line(left, top+height, left+width, top+height, `stroke="black"`)
	line(left, top, left, top+height, `stroke="black"`)
	for v := 0.0; v <= highest*1.001; v += step {
		line(left-4, y(v), left, y(v), `stroke="black"`)
		text(left-7, y(v)+4, "end", fmt.Sprintf("%.3g", v))
	}
	for i, s := range sizes {
		line(x(s), top+height, x(s), top+height+4, `stroke="black"`)
		if i == 0 && len(sizes) > 1 && x(sizes[1])-x(s) < 60 {
			continue // no room for both
		}
		text(x(s), top+height+18, "middle", bytesWord(s))
	}
	if goal > 0 {
		line(left, y(goal), left+width, y(goal), `stroke="black" stroke-dasharray="4 4"`)
		text(left+width, y(goal)-5, "end", "goal")
	}
	for i, name := range names {
		colour := colours[i%len(colours)]
		var path []string
		for _, p := range points {
			if p.name == name {
				path = append(path, fmt.Sprintf("%.1f,%.1f", x(p.size), y(value(p))))
			}
		}
		fmt.Fprintf(w, `<polyline points="%s" fill="none" stroke="%s" stroke-width="2"/>`+"\n", strings.Join(path, " "), colour)
		for _, at := range path {
			cx, cy, _ := strings.Cut(at, ",")
			fmt.Fprintf(w, `<circle cx="%s" cy="%s" r="3" fill="%s"/>`+"\n", cx, cy, colour)
		}
		legend := left + float64(i%2)*160
		row := float64(top + height + 38 + i/2*16)
		line(legend, row-4, legend+14, row-4, fmt.Sprintf(`stroke="%s" stroke-width="2"`, colour))
		text(legend+18, row, "start", name)
	}
}
