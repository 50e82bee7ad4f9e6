package lei

import (
	"bytes"
	"cmp"
	"context"
	"crypto/sha256"
	"fmt"
	"io"
	"slices"
	"sync/atomic"

	"github.com/opencontainers/go-digest"
	v1 "github.com/opencontainers/image-spec/specs-go/v1"
)

// Reports are the reports of one payload, each known by 16 bytes of the
// SHA-256 of its text and 16 of the name of its repository: 32 bytes a report,
// and up to twice that while they are gathered, whatever the length of a
// report. There are at most MaxCompared of them, in all payloads of a bundle
// together.
type Reports struct {
	Payload *Payload
	list    []fingerprint
}

// MaxCompared is the largest number of reports that are compared: those of ten
// million repositories, and 320 MB.
const MaxCompared = 10_000_000

type fingerprint struct{ repo, text [16]byte }

func (f fingerprint) compare(g fingerprint) int {
	return cmp.Or(bytes.Compare(f.repo[:], g.repo[:]), bytes.Compare(f.text[:], g.text[:]))
}

func short(p []byte) [16]byte {
	sum := sha256.Sum256(p)
	return [16]byte(sum[:16])
}

// ScanReports reads a cache.jsonl.gz as ScanPayload does, checking the same,
// and takes the fingerprints of its reports. Memory is that of Reports and one
// line. A report's repository is found as Summarize finds it; white space
// around a report is no part of it.
func ScanReports(ctx context.Context, r io.Reader, o ScanOptions) (*Reports, error) {
	return scanReports(ctx, r, o, new(atomic.Int64))
}

func scanReports(ctx context.Context, r io.Reader, o ScanOptions, n *atomic.Int64) (*Reports, error) {
	out := &Reports{}
	p, err := eachReport(ctx, r, o, func(repo, text []byte) error {
		if n.Add(1) > MaxCompared {
			return &FormatError{Msg: fmt.Sprintf("want at most %d reports to compare, found more", MaxCompared)}
		}
		out.list = append(out.list, fingerprint{short(repo), short(text)})
		return nil
	})
	if err != nil {
		return nil, err
	}
	out.Payload = p
	slices.SortFunc(out.list, fingerprint.compare)
	return out, nil
}

func eachReport(ctx context.Context, r io.Reader, o ScanOptions, each func(repo, text []byte) error) (*Payload, error) {
	c := &summarizer{}
	c.rep = &report{wantFields: true, wantSecrets: o.Secrets}
	p, err := scanLines(ctx, r, o, c.rep, func(line []byte) error {
		return each(c.repo(), bytes.Trim(line, " \t\r\n"))
	})
	if err == nil && o.Secrets {
		p.Secrets = c.rep.secrets.report()
	}
	return p, err
}

// A Change is what became of a repository or a report.
type Change int

// The changes. Changed is a repository whose reports are not those of before,
// and the lesser of the numbers of its reports that came and that went.
const (
	Same Change = iota
	Added
	Removed
	Changed
)

// Counts are numbers by what became of them.
type Counts struct {
	Added   int64 `json:"added"`
	Removed int64 `json:"removed"`
	Changed int64 `json:"changed"`
	Same    int64 `json:"same"`
}

// A Difference is what Compare finds.
type Difference struct {
	Reports Counts
	Repos   Counts
	repos   []repoChange // those that are not the same, sorted
}

type repoChange struct {
	repo   [16]byte
	change Change
	taken  bool
}

// Compare compares two snapshots. A report is the same when its text is, byte
// for byte, however often and in whatever order it stands. In a repository
// that both have, a report that went and one that came are one that changed.
func Compare(before, after *Reports) *Difference {
	d := &Difference{}
	a, b := before.list, after.list
	for len(a) > 0 || len(b) > 0 {
		var repo [16]byte
		if len(b) == 0 || len(a) > 0 && bytes.Compare(a[0].repo[:], b[0].repo[:]) < 0 {
			repo = a[0].repo
		} else {
			repo = b[0].repo
		}
		was, is := leading(a, repo), leading(b, repo)
		d.repository(repo, a[:was], b[:is])
		a, b = a[was:], b[is:]
	}
	return d
}

// leading is how many fingerprints at the front are of a repository.
func leading(list []fingerprint, repo [16]byte) (n int) {
	for n < len(list) && list[n].repo == repo {
		n++
	}
	return n
}

func (d *Difference) repository(repo [16]byte, was, is []fingerprint) {
	var same, came, went int64
	i, k := 0, 0
	for i < len(was) || k < len(is) {
		order := 0
		switch {
		case i == len(was):
			order = 1
		case k == len(is):
			order = -1
		default:
			order = was[i].compare(is[k])
		}
		switch {
		case order < 0:
			went, i = went+1, i+1
		case order > 0:
			came, k = came+1, k+1
		default:
			same, i, k = same+1, i+1, k+1
		}
	}
	both := min(came, went)
	d.Reports.Same += same
	d.Reports.Changed += both
	d.Reports.Added += came - both
	d.Reports.Removed += went - both
	change := Same
	switch {
	case len(was) == 0:
		change = Added
		d.Repos.Added++
	case len(is) == 0:
		change = Removed
		d.Repos.Removed++
	case came+went > 0:
		change = Changed
		d.Repos.Changed++
	default:
		d.Repos.Same++
		return
	}
	d.repos = append(d.repos, repoChange{repo: repo, change: change})
}

// Look says what became of a repository.
func (d *Difference) Look(repo []byte) Change {
	if c := d.find(repo); c != nil {
		return c.change
	}
	return Same
}

// Take is Look the first time that it is asked for a repository; to the same
// question again it answers Same, so that each name is told once.
func (d *Difference) Take(repo []byte) Change {
	c := d.find(repo)
	if c == nil || c.taken {
		return Same
	}
	c.taken = true
	return c.change
}

func (d *Difference) find(repo []byte) *repoChange {
	i, ok := slices.BinarySearchFunc(d.repos, short(repo), func(c repoChange, k [16]byte) int { return bytes.Compare(c.repo[:], k[:]) })
	if !ok {
		return nil
	}
	return &d.repos[i]
}

// A ReportsChecker is a Checker that takes the fingerprints of each payload in
// the same pass, or tells the names of repositories.
type ReportsChecker struct {
	*Checker
	// Repo, if not nil, is called with the repository of every report of each
	// payload, perhaps from several goroutines; there are no fingerprints
	// then. What it is told comes from a payload that is not yet checked to
	// its end.
	Repo func(payload digest.Digest, repo []byte) error

	all   map[*Payload]*Reports
	count atomic.Int64
}

// Reports are those of an artifact that was checked.
func (c *ReportsChecker) Reports(f Found) *Reports {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.all[f.Payload]
}

// Blob looks into a blob as Checker.Blob does.
func (c *ReportsChecker) Blob(d v1.Descriptor) io.WriteCloser {
	switch d.MediaType {
	case CacheJSONLMediaType:
		return c.payload(d)
	case "":
		return &payloadGuess{d: d, payload: c.payload, other: c.Checker.Blob}
	}
	return c.Checker.Blob(d)
}

func (c *ReportsChecker) payload(d v1.Descriptor) io.WriteCloser {
	c.mu.Lock()
	defer c.mu.Unlock()
	r := c.results[key(d)]
	if r == nil {
		r = &result{}
		c.put(d, r)
	}
	o := ScanOptions{MaxRaw: c.rawLimit(d.Size)}
	r.looked = true
	return newFeed(func(in io.Reader) {
		if c.Repo != nil {
			r.payload, r.payloadErr = eachReport(context.Background(), in, o, func(repo, _ []byte) error { return c.Repo(d.Digest, repo) })
			return
		}
		var reports *Reports
		if reports, r.payloadErr = scanReports(context.Background(), in, o, &c.count); r.payloadErr == nil {
			r.payload = reports.Payload
			c.mu.Lock()
			defer c.mu.Unlock()
			if c.all == nil {
				c.all = map[*Payload]*Reports{}
			}
			c.all[r.payload] = reports
		}
	})
}

// payloadGuess tells by the first bytes whether a blob that no manifest has
// named yet may be a payload.
type payloadGuess struct {
	d              v1.Descriptor
	payload, other func(v1.Descriptor) io.WriteCloser
	w              io.WriteCloser
}

func (g *payloadGuess) Write(p []byte) (int, error) {
	if g.w == nil && len(p) > 0 {
		if len(p) > 2 && p[0] == 0x1f && p[1] == 0x8b {
			g.w = g.payload(g.d)
		} else {
			g.w = g.other(g.d)
		}
	}
	if g.w != nil {
		g.w.Write(p)
	}
	return len(p), nil
}

func (g *payloadGuess) Close() error {
	if g.w != nil {
		return g.w.Close()
	}
	return nil
}
