package lei

import (
	"context"
	"io"

	v1 "github.com/opencontainers/image-spec/specs-go/v1"
)

// A SummaryChecker is a Checker that summarises the payload of each cache
// artifact in the same pass. What of it belongs to an artifact that is sound
// is known by the Payload, which is that of the Summary and of the Found.
type SummaryChecker struct {
	*Checker
	// Begin is called for each payload before it is read, perhaps from several
	// goroutines. It returns the options, MaxRaw apart, and a function that
	// gets the summary, if the payload was whole.
	Begin func() (SummaryOptions, func(*Summary))
}

// Blob looks into a blob as Checker.Blob does.
func (c *SummaryChecker) Blob(d v1.Descriptor) io.WriteCloser {
	switch d.MediaType {
	case CacheJSONLMediaType:
		return c.payload(d)
	case "":
		return &summaryGuess{c: c, d: d}
	}
	return c.Checker.Blob(d)
}

func (c *SummaryChecker) payload(d v1.Descriptor) io.WriteCloser {
	c.mu.Lock()
	defer c.mu.Unlock()
	r := c.results[key(d)]
	if r == nil {
		r = &result{}
		c.put(d, r)
	}
	o, end := c.Begin()
	r.looked, o.MaxRaw = true, c.rawLimit(d.Size)
	return newFeed(func(in io.Reader) {
		s, err := Summarize(context.Background(), in, o)
		if r.payloadErr = err; err == nil {
			r.payload = s.Payload
			end(s)
		}
	})
}

// summaryGuess looks at the first bytes of a blob that no manifest has named
// yet.
type summaryGuess struct {
	c *SummaryChecker
	d v1.Descriptor
	w io.WriteCloser
}

func (g *summaryGuess) Write(p []byte) (int, error) {
	if g.w == nil && len(p) > 0 {
		if len(p) > 2 && p[0] == 0x1f && p[1] == 0x8b {
			g.w = g.c.payload(g.d)
		} else {
			g.w = g.c.Checker.Blob(g.d)
		}
	}
	if g.w != nil {
		g.w.Write(p)
	}
	return len(p), nil
}

func (g *summaryGuess) Close() error {
	if g.w != nil {
		return g.w.Close()
	}
	return nil
}
