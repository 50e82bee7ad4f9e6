package lei

import (
	"context"
	"io"
	"time"
)

// Risks are the risks of a report, the worst first, as a Summary counts them.
// What is none of these is "other", a report without one too.
var Risks = []string{"critical", "high", "medium", "low", "undetermined", "other"}

// A Summary is what the reports of a snapshot say, counted for real.
type Summary struct {
	Repos      int64            // repositories that differ
	Risk       map[string]int64 // reports by data.risk; every one of Risks is a key
	Ecosystems map[string]int64 // reports by each key of data.project_types
	Oldest     time.Time        // header.start_time, the earliest; zero if no report has one
	Newest     time.Time        // header.end_time, or start_time, the latest
	Payload    *Payload
}

// maxEcosystems bounds how many ecosystems a Summary tells apart; what comes
// later is counted as "other".
const maxEcosystems = 200

// SummaryOptions says what Summarize allows and whom it tells what it sees.
type SummaryOptions struct {
	ScanOptions
	// Repo, if not nil, is given each repository at its first report.
	Repo func(name string) error
	// Query, if not nil, is given the bytes of each report of the repository
	// QueryRepo, without the line feed, good for the length of the call. One
	// line is held in memory then.
	Query     func(report []byte) error
	QueryRepo string
}

// Summarize reads a cache.jsonl.gz as ScanPayload does, checking the same, and
// counts on the way. Its memory is that of ScanPayload and 16 bytes for each
// repository that differs. What the functions are given before Summarize
// returns nil comes from a stream that is not checked to its end.
//
// A report's repository is found as Export finds it, but one that is not a
// string counts as "unknown". Times that are not RFC 3339 are passed over.
func Summarize(ctx context.Context, r io.Reader, o SummaryOptions) (*Summary, error) {
	c := &summarizer{o: o, repos: repoSet{}, s: &Summary{Risk: map[string]int64{}, Ecosystems: map[string]int64{}}}
	for _, risk := range Risks {
		c.s.Risk[risk] = 0
	}
	c.rep = &report{wantFields: true, wantSecrets: o.Secrets, accept: c.accept}
	var line func([]byte) error
	if o.Query != nil {
		line = c.line
	}
	p, err := scanLines(ctx, r, o.ScanOptions, c.rep, line)
	if err != nil {
		return nil, err
	}
	if o.Secrets {
		p.Secrets = c.rep.secrets.report()
	}
	c.s.Repos, c.s.Payload = int64(len(c.repos)), p
	return c.s, nil
}

type summarizer struct {
	o     SummaryOptions
	s     *Summary
	rep   *report
	repos repoSet
}

// line is given the report before accept is called for it.
func (c *summarizer) line(line []byte) error {
	if string(c.repo()) == c.o.QueryRepo {
		return c.o.Query(line)
	}
	return nil
}

// accept counts the report at hand.
func (c *summarizer) accept() error {
	risk := "other"
	if r := &c.rep.risk; r.set && r.kind == kindString {
		if _, ok := c.s.Risk[string(r.text)]; ok {
			risk = string(r.text)
		}
	}
	c.s.Risk[risk]++
	for _, name := range c.rep.types {
		if _, ok := c.s.Ecosystems[name]; !ok && len(c.s.Ecosystems) >= maxEcosystems {
			name = "other"
		}
		c.s.Ecosystems[name]++
	}
	start, end := c.rep.start.time(), c.rep.end.time()
	if end.IsZero() {
		end = start
	}
	if !start.IsZero() && (c.s.Oldest.IsZero() || start.Before(c.s.Oldest)) {
		c.s.Oldest = start
	}
	if end.After(c.s.Newest) {
		c.s.Newest = end
	}
	if repo := c.repo(); c.repos.add(repo) && c.o.Repo != nil {
		return c.o.Repo(string(repo))
	}
	return nil
}

func (c *summarizer) repo() []byte {
	if repo, err := c.rep.repo(); err == nil {
		return repo
	}
	return []byte("unknown")
}

// time is the field as a time in UTC, zero if it is none.
func (f *field) time() time.Time {
	if !f.set || f.kind != kindString {
		return time.Time{}
	}
	t, err := time.Parse(time.RFC3339Nano, string(f.text))
	if err != nil {
		return time.Time{}
	}
	return t.UTC()
}
