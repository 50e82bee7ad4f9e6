package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path"
	"strings"

	v1 "github.com/opencontainers/image-spec/specs-go/v1"
	"github.com/urfave/cli/v2"

	"github.com/ociferry/ferry/cmd/ferry/internal/remote"
	"github.com/ociferry/ferry/cmd/ferry/internal/source"
	"github.com/ociferry/ferry/cmd/ferry/internal/ui"
	"github.com/ociferry/ferry/layout"
	"github.com/ociferry/ferry/layout/kinds"
	"github.com/ociferry/ferry/layout/registry"
)

func pushCommand(e *ui.Env) *cli.Command {
	return &cli.Command{
		Name:      "push",
		Usage:     "send artifacts out of a bundle to a registry",
		ArgsUsage: "SRC REF",
		Description: "Example: ferry push lei-cache.tar registry.example.com/team/lei-cache\n\n" +
			"The source is verified first: what ferry verify refuses is not sent. What the registry has is\n" +
			"not sent again. The artifact goes under its digest, then the tags are set: that of REF; or for\n" +
			"an LEI cache its date, latest, and weekly on Sundays; or the one that it has in the bundle.\n" +
			"With --all, REF is HOST[/PATH] and every artifact keeps its repository below it and its tag:\n" +
			"ghcr.io/team/app:1 goes to HOST/PATH/team/app:1.",
		Flags: append([]cli.Flag{
			&cli.StringFlag{Name: "tag", Aliases: []string{"t"}, Usage: "the artifact of SRC to push, by `REF`, tag or digest"},
			&cli.StringSliceFlag{Name: "add-tag", Usage: "set this `TAG` too; may be repeated"},
			&cli.BoolFlag{Name: "all", Usage: "push every artifact of SRC"},
			&cli.StringFlag{Name: "prefix", Usage: "with --all, a further `PATH` before every repository"},
			&cli.BoolFlag{Name: "include-referrers", Usage: "push signatures, SBOMs and attestations in SRC along (--all does)"},
			&cli.StringFlag{Name: "tmpdir", Usage: "unpack a source that cannot be read out of order into `DIR` first (default: TMPDIR or the system's)"},
			ui.FormatFlag(),
		}, append(source.RequirementFlags(), remote.Flags()...)...),
		Action: func(c *cli.Context) error {
			p, err := newPushRun(c, e)
			if err != nil {
				return err
			}
			p.show = remote.NewProgress(e, "pushing")
			defer p.show.End()
			client, err := remote.Connect(e, c, p.show, p.to)
			if err != nil {
				return err
			}
			defer client.Close()
			p.client = client
			return p.run(c.Context)
		},
	}
}

// A pushRun is one run of ferry push.
type pushRun struct {
	e              *ui.Env
	client         *registry.Client
	show           *remote.Progress
	src            *source.Source
	to             registry.Reference // with all, the host alone
	path           string             // with all, what comes before repositories
	tags           []string
	all, referrers bool
	json           bool
	tmpdir         string
	again          string // the flags that reach the registry
}

func newPushRun(c *cli.Context, e *ui.Env) (*pushRun, error) {
	if c.NArg() != 2 {
		return nil, ui.Misuse(fmt.Errorf("push: want SRC and REF, found %s", ui.Arguments(c)), "see ferry help push")
	}
	p := &pushRun{
		e: e, tags: c.StringSlice("add-tag"), all: c.Bool("all"), referrers: c.Bool("include-referrers"),
		json: c.String("format") == "json", tmpdir: c.String("tmpdir"), again: remote.FlagsAgain(c),
	}
	for _, t := range p.tags {
		if !layout.ValidTag(t) {
			return nil, ui.Misuse(fmt.Errorf("--add-tag %s: want a tag of letters, digits, '.', '_' and '-', at most 128", layout.Printable(t)), "for example --add-tag stable")
		}
	}
	src, err := source.Parse(e, c.Args().First())
	if err != nil {
		return nil, err
	}
	p.src = src
	if src.Requirements, err = source.NewRequirements(e, c); err != nil {
		return nil, err
	}
	if err := src.Choose(c.String("tag")); err != nil {
		return nil, err
	}
	if src.Name == "-" && (c.Bool("password-stdin") || c.Bool("token-stdin")) {
		return nil, ui.Misuse(errors.New("standard input cannot be both the source and the credential"), "log in with docker's config.json, or give the source as a file")
	}
	ref := c.Args().Get(1)
	if !p.all {
		if c.String("prefix") != "" {
			return nil, ui.Misuse(errors.New("--prefix is for --all"), "give the whole name as REF")
		}
		p.to, err = registry.Parse(ref)
		return p, err
	}
	if src.Ref != "" || len(p.tags) > 0 {
		return nil, ui.Misuse(errors.New("--all pushes everything under the tags that it has"), "leave out -t and --add-tag, or --all")
	}
	host, sub, err := registry.ParseHost(ref)
	if err != nil {
		return nil, err
	}
	p.to = registry.Reference{Host: host}
	p.path = path.Join(sub, strings.Trim(c.String("prefix"), "/"))
	if p.path != "" {
		_, err = registry.Parse(host + "/" + p.path)
	}
	return p, err
}

func (p *pushRun) run(ctx context.Context) error {
	c, done, err := p.verified(ctx)
	if err != nil {
		return err
	}
	defer done()
	shipments, err := p.plan(ctx, c)
	if err != nil {
		return err
	}
	a := pushAnswer{Source: p.src.Name, Artifacts: []pushRow{}}
	for _, s := range shipments {
		out, err := p.client.Push(ctx, c, s.Descriptor, s.To, s.Tags, p.from(s.Descriptor, s.To.Host))
		if err != nil {
			if n := len(a.Artifacts); n > 0 {
				p.e.Note("%s of %d had been pushed by then", ui.Count(n, "artifact"), len(shipments))
			}
			if ui.SignalCode(err) != 0 {
				err = ui.Leaves(err, "what was sent stays in the registry, and the same command goes on from there")
			}
			return err
		}
		row := pushRow{Repository: s.To.Name(), Digest: string(out.Digest), Tags: out.Tags}
		for _, m := range out.Moved {
			row.Moved = append(row.Moved, movedRow{m.Tag, string(m.Before)})
		}
		a.Artifacts = append(a.Artifacts, row)
		a.Sent += out.Sent
		a.Mounted += out.Mounted
		a.Present += out.Present
		a.Bytes += out.Bytes
	}
	p.show.End()
	for _, n := range p.src.Content.Notices() {
		p.e.Note("%s", n)
	}
	return p.answer(a)
}

// verified is what the source holds, once it has passed what verify checks.
func (p *pushRun) verified(ctx context.Context) (*layout.Contents, func(), error) {
	if p.src.Seekable(ctx) {
		in := kinds.All.Inspect(source.Usual)
		report, err := p.src.Audit(ctx, layout.AuditOptions{Inspectors: []layout.Inspector{in}})
		if err == nil {
			err = p.src.Err(report.Err())
		}
		if err != nil {
			return nil, nil, err
		}
		p.src.Content, p.src.Checked = in, true
	} // else it is verified while it is spooled
	tmpdir := p.tmpdir
	if tmpdir == "" {
		tmpdir = os.TempDir()
	}
	c, done, err := p.src.Contents(ctx, tmpdir)
	return c, done, ui.NoRoom(tmpdir, err)
}

// from are the repositories of the registry that a descriptor's names tell of.
func (p *pushRun) from(d v1.Descriptor, host string) []string {
	var from []string
	for _, n := range layout.Names(d) {
		if r, err := registry.Parse(n); err == nil && r.Host == host {
			from = append(from, r.Repository)
		}
	}
	return from
}

// pushAnswer is what push reports.
type pushAnswer struct {
	Source    string    `json:"source"`
	Artifacts []pushRow `json:"artifacts"`
	Sent      int       `json:"blobsSent"`
	Mounted   int       `json:"blobsMounted"`
	Present   int       `json:"blobsPresent"`
	Bytes     int64     `json:"bytesSent"`
}

// A pushRow is an artifact that was pushed.
type pushRow struct {
	Repository string     `json:"repository"`
	Digest     string     `json:"digest"`
	Tags       []string   `json:"tags"`
	Moved      []movedRow `json:"moved,omitempty"`
}

// A movedRow is a tag that stood for another artifact before.
type movedRow struct {
	Tag    string `json:"tag"`
	Before string `json:"before"`
}

func (p *pushRun) answer(a pushAnswer) error {
	w := p.e.Stdout
	for _, r := range a.Artifacts {
		for _, m := range r.Moved {
			p.e.Note("%s:%s stood for %s before", r.Repository, m.Tag, m.Before)
		}
	}
	if p.json {
		return ui.PrintJSON(w, a)
	}
	fmt.Fprintf(w, "pushed %s\n", p.src.Label())
	s := ui.NewTable(w)
	for _, r := range a.Artifacts {
		s.Row("artifact", "%s@%s", r.Repository, r.Digest)
		for _, t := range r.Tags {
			s.Row("tag", "%s:%s", r.Repository, t)
		}
	}
	s.Row("blobs", "%d sent (%s), %d there already, %d taken over from other repositories", a.Sent, ui.Size(a.Bytes), a.Present, a.Mounted)
	switch {
	case len(a.Artifacts) == 0:
	case len(a.Artifacts[0].Tags) == 0: // there may be none to be listed
		p.e.Next("ferry inspect %s%s", ui.ShellWord(a.Artifacts[0].Repository+"@"+a.Artifacts[0].Digest), p.again)
	default:
		p.e.Next("ferry ls %s%s", ui.ShellWord(a.Artifacts[0].Repository), p.again)
	}
	return nil
}
