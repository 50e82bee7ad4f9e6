package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"

	v1 "github.com/opencontainers/image-spec/specs-go/v1"
	"github.com/urfave/cli/v2"

	"github.com/ociferry/ferry/cmd/ferry/internal/source"
	"github.com/ociferry/ferry/cmd/ferry/internal/ui"
	"github.com/ociferry/ferry/layout"
	"github.com/ociferry/ferry/layout/artifact"
	"github.com/ociferry/ferry/layout/lei"
)

func summaryCommand(e *ui.Env) *cli.Command {
	return &cli.Command{
		Name:      "summary",
		Aliases:   []string{"import"},
		Usage:     "say what the reports of an LEI cache say",
		ArgsUsage: "SRC",
		Description: "Example: ferry summary lei-cache.tar\n\n" +
			"SRC is a snapshot directory, a layout, a bundle or -; all of it is verified before\n" +
			"anything is printed. --list names the repositories, --query prints the reports of one\n" +
			"of them as JSONL, byte for byte as they stand in the snapshot.",
		Flags: []cli.Flag{
			&cli.StringFlag{Name: "tag", Aliases: []string{"t"}, Usage: "the artifact `REF`, where there are several"},
			&cli.BoolFlag{Name: "list", Usage: "name the repositories, a line each"},
			&cli.StringFlag{Name: "query", Usage: "print the reports of `REPO` as JSONL"},
			source.ExpectFlag(),
			&cli.StringFlag{Name: "tmpdir", Usage: "where answers of more than a MiB wait until all is verified (default: TMPDIR or the system's)"},
			ui.FormatFlag(),
		},
		Action: func(c *cli.Context) error {
			arg, err := ui.OneArg(c, "snapshot or bundle to summarise")
			if err != nil {
				return err
			}
			s := &summaryRun{e: e, c: c, arg: arg, query: c.String("query"), list: c.Bool("list"), json: c.String("format") == "json"}
			switch {
			case s.list && c.IsSet("query"):
				return ui.Misuse(fmt.Errorf("--list and --query: want one of the two"), "")
			case c.IsSet("query") && s.json:
				return ui.Misuse(fmt.Errorf("--query prints JSONL; --format json is for the summary"), "leave --format out")
			}
			defer s.close()
			return s.run(c.Context)
		},
	}
}

// A summaryRun is one run of ferry summary.
type summaryRun struct {
	e     *ui.Env
	c     *cli.Context
	arg   string
	query string
	list  bool
	json  bool

	mu   sync.Mutex
	all  []*ui.Spill
	done map[*lei.Payload]finished
}

type finished struct {
	*lei.Summary
	out *ui.Spill
}

func (s *summaryRun) close() {
	for _, h := range s.all {
		h.Close()
	}
}

// begin makes the options for one payload; what is asked of its reports waits
// until everything is verified.
func (s *summaryRun) begin(v1.Descriptor) lei.Watch {
	h := &ui.Spill{Dir: s.c.String("tmpdir")}
	s.mu.Lock()
	s.all = append(s.all, h)
	s.mu.Unlock()
	var o lei.SummaryOptions
	line := func(text []byte) error {
		if _, err := h.Write(text); err != nil {
			return err
		}
		_, err := h.Write([]byte{'\n'})
		return err
	}
	if s.list {
		o.Repo = func(name string) error { return line([]byte(ui.PrintableLine(name))) }
	}
	if s.c.IsSet("query") {
		o.QueryRepo, o.Query = s.query, line
	}
	return o.Watch(func(sum *lei.Summary) {
		s.mu.Lock()
		defer s.mu.Unlock()
		if s.done == nil {
			s.done = map[*lei.Payload]finished{}
		}
		s.done[sum.Payload] = finished{sum, h}
	})
}

func (s *summaryRun) run(ctx context.Context) error {
	if info, err := os.Stat(s.arg); err == nil && info.IsDir() && lei.IsSnapshot(os.DirFS(s.arg)) {
		if s.c.IsSet("expect") || s.c.IsSet("tag") {
			return ui.Misuse(fmt.Errorf("%s: a snapshot directory has no identity and no tags", layout.Printable(s.arg)), "ferry pack gives it both")
		}
		return s.directory(ctx)
	}
	src, err := source.Parse(s.e, s.arg)
	if err != nil {
		return err
	}
	if err := src.Choose(s.c.String("tag")); err != nil {
		return err
	}
	check := lei.NewChecker(artifact.IgnoreSecrets, s.begin)
	report, err := src.Audit(ctx, layout.AuditOptions{Inspectors: []layout.Inspector{check, artifact.Titles{}}})
	if err != nil {
		return err
	}
	if err := report.Err(); err != nil {
		return src.Err(err)
	}
	if err := source.Expect(s.c, src, report); err != nil {
		return src.Err(err)
	}
	f, reference, err := chosen(src, report, check.Found())
	if err != nil {
		return src.Err(err)
	}
	return s.answer(src.Name, reference, f.Snapshot, f.Payload, check.Notices())
}

// chosen is the cache that a reference chooses, or the only one.
func chosen(src *source.Source, report *layout.Report, found []lei.Found) (f lei.Found, reference string, err error) {
	if src.Ref == "" && len(found) == 1 {
		for _, d := range report.Index.Manifests {
			if n := layout.Names(d); d.Digest == found[0].Digest && len(n) > 0 {
				return found[0], n[0], nil
			}
		}
		return found[0], "", nil
	}
	if len(found) == 0 {
		return f, "", ui.Hinted(errors.New("holds no LEI cache"), "ferry inspect shows what it holds; ferry pack makes an LEI cache of a snapshot")
	}
	d, err := layout.Resolve(report.Index, src.Ref)
	if err != nil {
		return f, "", err
	}
	if n := layout.Names(d); len(n) > 0 {
		reference = n[0]
	}
	for _, f := range found {
		if f.Digest == d.Digest {
			return f, reference, nil
		}
	}
	return f, "", ui.Hinted(fmt.Errorf("%s is not an LEI cache", d.Digest), "ferry ls shows what is there")
}

// directory summarises a snapshot that is not packed.
func (s *summaryRun) directory(ctx context.Context) error {
	snapshot, err := readSnapshot(s.arg)
	if err != nil {
		return err
	}
	name := filepath.Join(s.arg, "cache.jsonl.gz")
	f, err := os.Open(name)
	if err != nil {
		return err
	}
	defer f.Close()
	p, err := lei.ScanPayload(ctx, f, lei.ScanOptions{MaxRaw: snapshot.RawSize, Watch: s.begin(v1.Descriptor{})})
	if err == nil {
		err = snapshot.Check(p)
	}
	if err != nil {
		return ui.Wrap(s.arg, err)
	}
	return s.answer(s.arg, "", snapshot, p, nil)
}

// readSnapshot reads the manifest.json of a snapshot directory.
func readSnapshot(dir string) (*lei.Snapshot, error) {
	f, err := os.Open(filepath.Join(dir, "manifest.json"))
	if err != nil {
		return nil, err
	}
	defer f.Close()
	snapshot, err := lei.ReadSnapshot(f, nil)
	return snapshot, ui.Wrap(dir, err)
}

// summaryAnswer is what summary reports.
type summaryAnswer struct {
	Source       string           `json:"source"`
	Reference    string           `json:"reference,omitempty"`
	Date         string           `json:"date"`
	LEIVersion   string           `json:"leiVersion"`
	Created      string           `json:"created"`
	Entries      int64            `json:"entries"`
	Repositories int64            `json:"repositories"`
	RawBytes     int64            `json:"rawBytes"`
	Bytes        int64            `json:"bytes"`
	ContentHash  string           `json:"contentHash"`
	Risk         map[string]int64 `json:"risk"`
	Ecosystems   map[string]int64 `json:"ecosystems"`
	Oldest       string           `json:"oldest,omitempty"`
	Newest       string           `json:"newest,omitempty"`
	List         []string         `json:"list,omitempty"`
	Notices      []string         `json:"notices,omitempty"`
}

func (s *summaryRun) answer(source, reference string, snapshot *lei.Snapshot, p *lei.Payload, notices []string) error {
	sum := s.done[p]
	if sum.Repos != snapshot.Repos {
		notices = append(notices, fmt.Sprintf("repos: manifest.json has %d, the reports %d", snapshot.Repos, sum.Repos))
	}
	for _, n := range notices {
		s.e.Note("%s", n)
	}
	if s.c.IsSet("query") {
		n, err := sum.out.WriteTo(s.e.Stdout)
		if err == nil && n == 0 {
			err = ui.Hinted(fmt.Errorf("%s: no report of the repository %s", layout.Printable(source), layout.Printable(s.query)), "--list names the repositories")
		}
		return err
	}
	if s.list && !s.json {
		_, err := sum.out.WriteTo(s.e.Stdout)
		return err
	}
	a := summaryAnswer{
		Source: source, Reference: reference, Date: snapshot.Date, LEIVersion: snapshot.LEIVersion, Created: snapshot.Created,
		Entries: p.Entries, Repositories: sum.Repos, RawBytes: p.RawSize, Bytes: p.CompressedSize, ContentHash: p.ContentHash,
		Risk: sum.Risk, Ecosystems: sum.Ecosystems, Oldest: ui.RFC3339(sum.Oldest), Newest: ui.RFC3339(sum.Newest), Notices: notices,
	}
	if s.json {
		if s.list {
			var b strings.Builder
			if _, err := sum.out.WriteTo(&b); err != nil {
				return err
			}
			for name := range strings.Lines(b.String()) {
				a.List = append(a.List, strings.TrimSuffix(name, "\n"))
			}
		}
		return ui.PrintJSON(s.e.Stdout, a)
	}
	a.print(s.e.Stdout)
	s.e.Next("ferry summary --list names the repositories, --query REPO prints the reports of one")
	return nil
}

func (a *summaryAnswer) print(w io.Writer) {
	row := func(name, format string, args ...any) {
		fmt.Fprintf(w, "  %-13s %s\n", name, ui.PrintableLine(fmt.Sprintf(format, args...)))
	}
	fmt.Fprintf(w, "LEI cache %s\n", layout.Printable(a.Source))
	if a.Reference != "" {
		row("artifact", "%s", a.Reference)
	}
	row("Date", "%s", a.Date)
	row("LEI Version", "%s", a.LEIVersion)
	row("Entries", "%d", a.Entries)
	row("Repos", "%d", a.Repositories)
	var risks []string
	for _, r := range lei.Risks {
		if a.Risk[r] > 0 || r != "other" {
			risks = append(risks, fmt.Sprintf("%s %d", r, a.Risk[r]))
		}
	}
	row("risk", "%s", strings.Join(risks, ", "))
	if len(a.Ecosystems) > 0 {
		row("ecosystems", "%s", ecosystems(a.Ecosystems))
	}
	if a.Oldest != "" {
		row("oldest", "%s", a.Oldest)
	}
	if a.Newest != "" {
		row("newest", "%s", a.Newest)
	}
	row("content", "%s of JSONL, %s compressed", ui.Size(a.RawBytes), ui.Size(a.Bytes))
	reports := "reports are"
	if a.Entries == 1 {
		reports = "report is"
	}
	fmt.Fprintf(w, "ok: verified; %d analysis %s available\n", a.Entries, reports)
}

// ecosystems lists the most frequent first.
func ecosystems(counts map[string]int64) string {
	names := make([]string, 0, len(counts))
	for n := range counts {
		names = append(names, n)
	}
	slices.SortFunc(names, func(a, b string) int {
		if counts[a] != counts[b] {
			return int(counts[b] - counts[a])
		}
		return strings.Compare(a, b)
	})
	var list []string
	for i, n := range names {
		if i == 20 {
			list = append(list, fmt.Sprintf("and %d more", len(names)-i))
			break
		}
		list = append(list, fmt.Sprintf("%s %d", layout.Printable(n), counts[n]))
	}
	return strings.Join(list, ", ")
}
