package main

import (
	"errors"
	"fmt"
	"strings"

	"github.com/urfave/cli/v2"

	"github.com/ociferry/ferry/layout"
	"github.com/ociferry/ferry/layout/lei"
)

func verifyCommand(e *env) *cli.Command {
	return &cli.Command{
		Name:      "verify",
		Usage:     "check that a bundle is whole, in one pass",
		ArgsUsage: "SRC",
		Description: "Example: ferry verify lei-cache.tar --expect sha256:...\n" +
			"Example: ferry verify lei-cache.tar --key cosign.pub\n\n" +
			"Every blob is hashed, everything that the index reaches must be there, SHA256SUMS must\n" +
			"agree where it is present, and the payload of an LEI artifact must be what it says.\n" +
			"Nothing is written, not even a temporary file; - reads standard input. With --key or a\n" +
			"policy's keys the signature is checked before anything else is looked at.",
		Flags: append([]cli.Flag{
			expectFlag(),
			formatFlag(),
		}, requirementFlags()...),
		Action: func(c *cli.Context) error {
			if err := checkFormat(c); err != nil {
				return err
			}
			arg, err := oneArg(c, "bundle or layout to verify")
			if err != nil {
				return err
			}
			src, err := e.source(arg)
			if err != nil {
				return err
			}
			if src.required, err = e.requirements(c); err != nil {
				return err
			}
			end := e.reading("verifying", src)
			ins, cache := inspectors()
			files := &filed{}
			ins = append(ins, files)
			report, err := src.audit(c.Context, layout.AuditOptions{Inspectors: ins})
			end()
			if err != nil {
				if code, _ := outcome(err); code == codeRefused && c.String("format") == "json" {
					return errors.Join(printJSON(e.stdout, newVerifyAnswer(src, report, cache, err)), err)
				}
				return err
			}
			verdict := report.Err()
			if verdict == nil {
				verdict = expect(c, src, report)
			}
			if verdict == nil && src.ref != "" {
				_, verdict = layout.Resolve(report.Index, src.ref)
			}
			a := newVerifyAnswer(src, report, cache, verdict)
			if c.String("format") == "json" {
				if err := printJSON(e.stdout, a); err != nil {
					return err
				}
				return src.err(verdict)
			}
			if verdict != nil {
				all := report.Problems()
				if len(all) == 1 {
					all = nil // the error says it
				}
				for _, p := range all[:min(len(all), maxShown)] {
					fmt.Fprintln(e.stdout, "  bad "+printableLine(p.Error()))
				}
				if more := len(all) - maxShown; more > 0 {
					fmt.Fprintf(e.stdout, "  and %s more; --format json lists them all\n", count(more, "problem"))
				}
				return src.err(verdict)
			}
			a.print(e, arg)
			src.required.unchecked(report)
			fmt.Fprintln(e.stdout, src.required.line())
			e.next("%s", unpackStep(src, arg, report, files)+againFlags(c))
			return nil
		},
	}
}

// unpackStep is the command that unpacks what was verified: into files what has
// any, else into a layout for the tools of images.
func unpackStep(src *source, arg string, report *layout.Report, files *filed) string {
	d, err := layout.Resolve(report.Index, src.ref)
	switch name := files.first(report.Index); {
	case err == nil && files.has(d):
		return "ferry unpack " + shellWord(arg) + " -o DIR"
	case err != nil && name != "":
		return "ferry unpack " + shellWord(arg) + " -t " + shellWord(name) + " -o DIR"
	}
	return "ferry unpack " + shellWord(src.name) + " --layout -o DIR"
}

// againFlags are those that say whose bundle it must be, for the next command:
// it shall not ask less than this one.
func againFlags(c *cli.Context) string {
	return flagsAgain(c, "expect", "key", "require", "signature", "policy", "min-date", "max-age")
}

// flagsAgain are flags as they were given, with a space before each.
func flagsAgain(c *cli.Context, names ...string) string {
	var b strings.Builder
	for _, name := range names {
		switch v := c.Value(name).(type) {
		case bool:
			if v {
				b.WriteString(" --" + name)
			}
		case cli.StringSlice:
			for _, s := range v.Value() {
				b.WriteString(" --" + name + " " + shellWord(s))
			}
		default:
			if c.IsSet(name) && fmt.Sprint(v) != "" {
				b.WriteString(" --" + name + " " + shellWord(fmt.Sprint(v)))
			}
		}
	}
	return b.String()
}

// maxShown is how many problems people are shown.
const maxShown = 100

// verifyAnswer is what verify reports.
type verifyAnswer struct {
	Source    string        `json:"source"`
	OK        bool          `json:"ok"`
	Identity  string        `json:"identity,omitempty"`
	Sealed    bool          `json:"sealed"`
	SignedBy  []string      `json:"signedBy,omitempty"`
	Artifacts []artifactRow `json:"artifacts"`
	Blobs     int           `json:"blobs"`
	Bytes     int64         `json:"bytes"`
	Caches    []cacheRow    `json:"leiCaches,omitempty"`
	Extra     []string      `json:"extra,omitempty"`
	Problems  []string      `json:"problems,omitempty"`
	Notices   []string      `json:"notices,omitempty"`
	unlisted  int           // of Extra
}

// A cacheRow is an LEI artifact that was checked.
type cacheRow struct {
	Digest  string `json:"digest"`
	Date    string `json:"date"`
	Reports int64  `json:"reports"`
	Raw     int64  `json:"rawBytes"`
}

func newVerifyAnswer(src *source, r *layout.Report, cache *lei.Checker, verdict error) *verifyAnswer {
	if r == nil { // its signature was refused: the seal is there, and nothing else was looked at
		r = &layout.Report{Sealed: !errors.Is(verdict, layout.ErrUnsealed) && !errors.Is(verdict, layout.ErrEarly)}
	}
	a := &verifyAnswer{
		Source: src.name, OK: verdict == nil, Identity: string(r.Digest), Sealed: r.Sealed,
		SignedBy: src.required.signedBy(), Blobs: r.Blobs, Bytes: r.Bytes, Extra: r.Extra, Notices: cache.Notices(), Artifacts: []artifactRow{},
		unlisted: len(r.Unlisted),
	}
	if r.Index != nil {
		a.Artifacts = rows(r.Index)
	}
	for _, f := range cache.Found() {
		a.Caches = append(a.Caches, cacheRow{string(f.Digest), f.Snapshot.Date, f.Payload.Entries, f.Payload.RawSize})
	}
	for _, p := range r.Problems() {
		a.Problems = append(a.Problems, printableLine(p.Error()))
	}
	var refused *refusal
	if errors.As(verdict, &refused) {
		for _, v := range refused.violations {
			a.Problems = append(a.Problems, printableLine(v.String()))
		}
	}
	if verdict != nil && len(a.Problems) == 0 {
		a.Problems = []string{printableLine(verdict.Error())}
	}
	return a
}

// extra says what lies in a bundle and is no part of it; of these, so many files
// are not in its seal.
func (e *env) extra(names []string, unlisted int) {
	n, seal := len(names), ""
	switch {
	case n == 0:
		return
	case unlisted == n:
		seal = ", not even SHA256SUMS"
	case unlisted > 0:
		seal = fmt.Sprintf(", %d of them not in SHA256SUMS either", unlisted)
	}
	e.note("%s that nothing refers to%s, the first is %s", count(n, "file"), seal, layout.Printable(names[0]))
}

func (a *verifyAnswer) print(e *env, arg string) {
	w := e.stdout
	fmt.Fprintf(w, "verified %s\n", layout.Printable(a.Source))
	s := sheet{w}
	for _, r := range a.Artifacts {
		s.row("artifact", "%s", r.name("(no name)"))
		s.row("", "%s", r.Digest)
	}
	for _, c := range a.Caches {
		s.row("lei cache", "%s, dated %s, %s of JSONL", count(int(c.Reports), "report"), c.Date, size(c.Raw))
	}
	s.row("content", "%s, %s read, all hashed", count(a.Blobs, "blob"), size(a.Bytes))
	s.row("identity", "%s", a.Identity)
	for _, n := range a.Notices {
		e.note("%s", n)
	}
	e.extra(a.Extra, a.unlisted)
	if !a.Sealed {
		e.note("not sealed: nothing covers index.json and oci-layout, that is the names and what belongs together; compare the identity")
	}
}
