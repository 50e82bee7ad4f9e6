package main

import (
	"errors"
	"fmt"

	"github.com/urfave/cli/v2"

	"github.com/ociferry/ferry/cmd/ferry/internal/source"
	"github.com/ociferry/ferry/cmd/ferry/internal/ui"
	"github.com/ociferry/ferry/layout"
	"github.com/ociferry/ferry/layout/artifact"
	"github.com/ociferry/ferry/layout/kinds"
)

func verifyCommand(e *ui.Env) *cli.Command {
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
			source.ExpectFlag(),
			ui.FormatFlag(),
		}, source.RequirementFlags()...),
		Action: func(c *cli.Context) error {
			arg, err := ui.OneArg(c, "bundle or layout to verify")
			if err != nil {
				return err
			}
			src, err := source.Parse(e, arg)
			if err != nil {
				return err
			}
			if src.Requirements, err = source.NewRequirements(e, c); err != nil {
				return err
			}
			end := source.ShowReading(e, "verifying", src)
			in := kinds.All.Inspect(source.Usual)
			report, err := src.Audit(c.Context, layout.AuditOptions{Inspectors: []layout.Inspector{in}})
			end()
			if err != nil {
				if code, _ := ui.Outcome(err); code == ui.CodeRefused && c.String("format") == "json" {
					return errors.Join(ui.PrintJSON(e.Stdout, newVerifyAnswer(src, report, in, err)), err)
				}
				return err
			}
			verdict := report.Err()
			if verdict == nil {
				verdict = source.Expect(c, src, report)
			}
			if verdict == nil && src.Ref != "" {
				_, verdict = layout.Resolve(report.Index, src.Ref)
			}
			a := newVerifyAnswer(src, report, in, verdict)
			if c.String("format") == "json" {
				if err := ui.PrintJSON(e.Stdout, a); err != nil {
					return err
				}
				return src.Err(verdict)
			}
			if verdict != nil {
				all := report.Problems()
				if len(all) == 1 {
					all = nil // the error says it
				}
				for _, p := range all[:min(len(all), maxShown)] {
					fmt.Fprintln(e.Stdout, "  bad "+ui.PrintableLine(p.Error()))
				}
				if more := len(all) - maxShown; more > 0 {
					fmt.Fprintf(e.Stdout, "  and %s more; --format json lists them all\n", ui.Count(more, "problem"))
				}
				return src.Err(verdict)
			}
			a.print(e, arg)
			src.Requirements.Unchecked(report)
			fmt.Fprintln(e.Stdout, src.Requirements.Line())
			e.Next("%s", unpackStep(src, arg, report, in)+againFlags(c))
			return nil
		},
	}
}

// unpackStep is the command that unpacks what was verified: into files what has
// any, else into a layout for the tools of images.
func unpackStep(src *source.Source, arg string, report *layout.Report, in *artifact.Inspection) string {
	d, err := layout.Resolve(report.Index, src.Ref)
	switch name := source.Unpackable(in, report.Index); {
	case err == nil && in.Unpackable(d.Digest):
		return "ferry unpack " + ui.ShellWord(arg) + " -o DIR"
	case err != nil && name != "":
		return "ferry unpack " + ui.ShellWord(arg) + " -t " + ui.ShellWord(name) + " -o DIR"
	}
	return "ferry unpack " + ui.ShellWord(src.Name) + " --layout -o DIR"
}

// againFlags are those that say whose bundle it must be, for the next command:
// it shall not ask less than this one.
func againFlags(c *cli.Context) string {
	return ui.FlagsAgain(c, "expect", "key", "require", "signature", "policy", "min-date", "max-age")
}

// maxShown is how many problems people are shown.
const maxShown = 100

// verifyAnswer is what verify reports.
type verifyAnswer struct {
	Source    string           `json:"source"`
	OK        bool             `json:"ok"`
	Identity  string           `json:"identity,omitempty"`
	Sealed    bool             `json:"sealed"`
	SignedBy  []string         `json:"signedBy,omitempty"`
	Artifacts []ui.ArtifactRow `json:"artifacts"`
	Blobs     int              `json:"blobs"`
	Bytes     int64            `json:"bytes"`
	Caches    []cacheRow       `json:"leiCaches,omitempty"`
	Extra     []string         `json:"extra,omitempty"`
	Problems  []string         `json:"problems,omitempty"`
	Notices   []string         `json:"notices,omitempty"`
	unlisted  int              // of Extra
}

// A cacheRow is an LEI artifact that was checked.
type cacheRow struct {
	Digest  string `json:"digest"`
	Date    string `json:"date"`
	Reports int64  `json:"reports"`
	Raw     int64  `json:"rawBytes"`
}

func newVerifyAnswer(src *source.Source, r *layout.Report, in *artifact.Inspection, verdict error) *verifyAnswer {
	if r == nil { // its signature was refused: the seal is there, and nothing else was looked at
		r = &layout.Report{Sealed: !errors.Is(verdict, layout.ErrUnsealed) && !errors.Is(verdict, layout.ErrEarly)}
	}
	a := &verifyAnswer{
		Source: src.Name, OK: verdict == nil, Identity: string(r.Digest), Sealed: r.Sealed,
		SignedBy: src.Requirements.SignedBy(), Blobs: r.Blobs, Bytes: r.Bytes, Extra: r.Extra, Notices: in.Notices(), Artifacts: []ui.ArtifactRow{},
		unlisted: len(r.Unlisted),
	}
	if r.Index != nil {
		a.Artifacts = ui.Rows(r.Index)
	}
	for _, f := range in.Findings() {
		a.Caches = append(a.Caches, cacheRow{string(f.Digest), f.Date, f.Entries, f.RawSize})
	}
	for _, p := range r.Problems() {
		a.Problems = append(a.Problems, ui.PrintableLine(p.Error()))
	}
	var refused *ui.Refusal
	if errors.As(verdict, &refused) {
		for _, v := range refused.Violations {
			a.Problems = append(a.Problems, ui.PrintableLine(v.String()))
		}
	}
	if verdict != nil && len(a.Problems) == 0 {
		a.Problems = []string{ui.PrintableLine(verdict.Error())}
	}
	return a
}

func (a *verifyAnswer) print(e *ui.Env, arg string) {
	w := e.Stdout
	fmt.Fprintf(w, "verified %s\n", layout.Printable(a.Source))
	s := ui.NewTable(w)
	for _, r := range a.Artifacts {
		s.Row("artifact", "%s", r.Name("(no name)"))
		s.Row("", "%s", r.Digest)
	}
	for _, c := range a.Caches {
		s.Row("lei cache", "%s, dated %s, %s of JSONL", ui.Count(int(c.Reports), "report"), c.Date, ui.Size(c.Raw))
	}
	s.Row("content", "%s, %s read, all hashed", ui.Count(a.Blobs, "blob"), ui.Size(a.Bytes))
	s.Row("identity", "%s", a.Identity)
	for _, n := range a.Notices {
		e.Note("%s", n)
	}
	e.Extra(a.Extra, a.unlisted)
	if !a.Sealed {
		e.Note("not sealed: nothing covers index.json and oci-layout, that is the names and what belongs together; compare the identity")
	}
}
