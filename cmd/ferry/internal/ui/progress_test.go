package ui

import (
	"testing"
	"time"
)

func TestFigures(t *testing.T) {
	began := time.Date(2026, 2, 5, 12, 0, 0, 0, time.UTC)
	for _, c := range []struct {
		total, done int64
		after       time.Duration
		short       bool
		want        string
	}{
		{4 << 30, 1 << 30, 2 * time.Second, false, "25% of 4.0 GiB, 512.0 MiB/s, 6s left"},
		{4 << 30, 1 << 30, 2 * time.Second, true, "25%, 512.0 MiB/s, 6s left"},
		{4 << 30, 1 << 30, time.Second / 2, false, "25% of 4.0 GiB"}, // too early for a rate
		{4 << 30, 5 << 30, 4 * time.Second, false, "100% of 4.0 GiB, 1.2 GiB/s"},
		{0, 1 << 20, 2 * time.Second, false, "1.0 MiB, 512.0 KiB/s"}, // a stream
	} {
		p := &Progress{total: c.total, began: began}
		p.Done.Store(c.done)
		if got := p.figures(began.Add(c.after), c.short); got != c.want {
			t.Errorf("%d of %d after %v: got %q, want %q", c.done, c.total, c.after, got, c.want)
		}
	}
}
