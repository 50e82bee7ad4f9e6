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

// SummaryOptions says who is told what a Summary sees.
type SummaryOptions struct {
	// Repo, if not nil, is given each repository at its first report.
	Repo func(name string) error
	// Query, if not nil, is given the bytes of each report of the repository
	// QueryRepo, without the line feed, good for the length of the call. One
	// line is held in memory then.
	Query     func(report []byte) error
	QueryRepo string
}

// Summarize reads a cache.jsonl.gz as ScanPayload does, checking the same, and
// counts on the way; see SummaryOptions.Watch.
func Summarize(ctx context.Context, r io.Reader, scan ScanOptions, o SummaryOptions) (*Summary, error) {
	var s *Summary
	scan.Watch = o.Watch(func(sum *Summary) { s = sum })
	_, err := ScanPayload(ctx, r, scan)
	return s, err
}

// Watch summarises a payload for done, which is called when that turned out to
// be sound. It takes 16 bytes of memory for each repository that differs.
//
// A report's repository is found as Export finds it, but one that is not a
// string counts as "unknown". Times that are not RFC 3339 are passed over.
func (o SummaryOptions) Watch(done func(*Summary)) Watch {
	c := &summarizer{o: o, repos: repoSet{}, s: &Summary{Risk: map[string]int64{}, Ecosystems: map[string]int64{}}}
	for _, risk := range Risks {
		c.s.Risk[risk] = 0
	}
	return Watch{Report: c.report, Text: o.Query != nil, End: func(p *Payload) {
		c.s.Repos, c.s.Payload = int64(len(c.repos)), p
		done(c.s)
	}}
}

type summarizer struct {
	o     SummaryOptions
	s     *Summary
	repos repoSet
}

// report counts one report.
func (c *summarizer) report(rep *Report) error {
	risk := "other"
	if r := &rep.risk; r.set && r.kind == kindString {
		if _, ok := c.s.Risk[string(r.text)]; ok {
			risk = string(r.text)
		}
	}
	c.s.Risk[risk]++
	for _, name := range rep.types {
		if _, ok := c.s.Ecosystems[name]; !ok && len(c.s.Ecosystems) >= maxEcosystems {
			name = "other"
		}
		c.s.Ecosystems[name]++
	}
	start, end := rep.start.time(), rep.end.time()
	if end.IsZero() {
		end = start
	}
	if !start.IsZero() && (c.s.Oldest.IsZero() || start.Before(c.s.Oldest)) {
		c.s.Oldest = start
	}
	if end.After(c.s.Newest) {
		c.s.Newest = end
	}
	repo := rep.Repo()
	if c.repos.add(repo) && c.o.Repo != nil {
		if err := c.o.Repo(string(repo)); err != nil {
			return err
		}
	}
	if c.o.Query != nil && string(repo) == c.o.QueryRepo {
		return c.o.Query(rep.text)
	}
	return nil
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
