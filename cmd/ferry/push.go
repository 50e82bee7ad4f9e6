package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"

	"github.com/opencontainers/go-digest"
	v1 "github.com/opencontainers/image-spec/specs-go/v1"
	"github.com/urfave/cli/v2"

	"github.com/ociferry/ferry/layout"
	"github.com/ociferry/ferry/layout/lei"
	"github.com/ociferry/ferry/layout/registry"
)

func pushCommand(e *env) *cli.Command {
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
			&cli.StringFlag{Name: "tmpdir", Usage: "unpack a source that cannot be read out of order into `DIR` first"},
			formatFlag(),
		}, append(trustFlags(), registryFlags()...)...),
		Action: func(c *cli.Context) error {
			if err := checkFormat(c); err != nil {
				return err
			}
			p, err := newPushing(c, e)
			if err != nil {
				return err
			}
			p.show = e.carrying("pushing")
			defer p.show.end()
			client, err := e.connect(c, p.show, p.to)
			if err != nil {
				return err
			}
			defer client.Close()
			p.client = client
			return p.run(c.Context)
		},
	}
}

// A pushing is what one push command does.
type pushing struct {
	e              *env
	client         *registry.Client
	show           *carrying
	src            *source
	to             registry.Reference // with all, the host alone
	path           string             // with all, what comes before repositories
	tags           []string
	all, referrers bool
	json           bool
	tmpdir         string
}

func newPushing(c *cli.Context, e *env) (*pushing, error) {
	if c.NArg() != 2 {
		return nil, misuse(fmt.Errorf("push: want SRC and REF, found %d arguments: %q", c.NArg(), c.Args().Slice()), "see ferry help push")
	}
	p := &pushing{
		e: e, tags: c.StringSlice("add-tag"), all: c.Bool("all"), referrers: c.Bool("include-referrers"),
		json: c.String("format") == "json", tmpdir: c.String("tmpdir"),
	}
	for _, t := range p.tags {
		if !registry.ValidTag(t) {
			return nil, misuse(fmt.Errorf("--add-tag %s: want a tag of letters, digits, '.', '_' and '-', at most 128", layout.Printable(t)), "for example --add-tag stable")
		}
	}
	src, err := e.source(c.Args().First())
	if err != nil {
		return nil, err
	}
	p.src = src
	if src.trust, err = e.trust(c); err != nil {
		return nil, err
	}
	if err := src.choose(c.String("tag")); err != nil {
		return nil, err
	}
	if src.name == "-" && (c.Bool("password-stdin") || c.Bool("token-stdin")) {
		return nil, misuse(errors.New("standard input cannot be both the source and the credential"), "log in with docker's config.json, or give the source as a file")
	}
	ref := c.Args().Get(1)
	if !p.all {
		if c.String("prefix") != "" {
			return nil, misuse(errors.New("--prefix is for --all"), "give the whole name as REF")
		}
		p.to, err = registry.Parse(ref)
		return p, err
	}
	if src.ref != "" || len(p.tags) > 0 {
		return nil, misuse(errors.New("--all pushes everything under the tags that it has"), "leave out -t and --add-tag, or --all")
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

func (p *pushing) run(ctx context.Context) error {
	c, done, err := p.verified(ctx)
	if err != nil {
		return err
	}
	defer done()
	shipments, err := p.plan(ctx, c)
	if err != nil {
		return err
	}
	a := pushAnswer{Source: p.src.name, Artifacts: []pushRow{}}
	for _, s := range shipments {
		out, err := p.client.Push(ctx, c, s.desc, s.to, s.tags, p.from(s.desc, s.to.Host))
		if err != nil {
			if n := len(a.Artifacts); n > 0 {
				p.e.note("%s of %d had been pushed by then", count(n, "artifact"), len(shipments))
			}
			return err
		}
		a.Artifacts = append(a.Artifacts, pushRow{s.to.Name(), string(out.Digest), out.Tags})
		a.Sent += out.Sent
		a.Mounted += out.Mounted
		a.Present += out.Present
		a.Bytes += out.Bytes
	}
	p.show.end()
	return p.answer(a)
}

// verified is what the source holds, once it has passed what verify checks.
func (p *pushing) verified(ctx context.Context) (*layout.Contents, func(), error) {
	if r, err := p.src.reader(); err == nil {
		r.Close()
		ins, _ := inspectors()
		report, err := p.src.audit(ctx, layout.AuditOptions{Inspectors: ins})
		if err == nil {
			err = p.src.err(report.Err())
		}
		if err != nil {
			return nil, nil, err
		}
	} // else it is verified while it is spooled
	tmpdir := p.tmpdir
	if tmpdir == "" {
		tmpdir = os.TempDir()
	}
	return p.src.contents(ctx, filepath.Join(tmpdir, "ferry-push.spool"))
}

// A shipment is one artifact with its destination.
type shipment struct {
	desc v1.Descriptor
	to   registry.Reference
	tags []string
}

func (p *pushing) plan(ctx context.Context, c *layout.Contents) ([]shipment, error) {
	m, err := manifests(ctx, c)
	if err != nil {
		return nil, p.src.err(err)
	}
	if p.all {
		return p.planAll(c, m)
	}
	d, err := layout.Resolve(&c.Index, p.src.ref)
	var ref *layout.ReferenceError
	if errors.As(err, &ref) && !ref.Several && registry.ValidTag(p.src.ref) {
		return nil, hinted(p.src.err(err), "-t chooses among what is there; --add-tag "+p.src.ref+" sets a further tag")
	}
	if err != nil {
		return nil, p.src.err(err)
	}
	if p.to.Digest != "" && p.to.Digest != d.Digest {
		return nil, &failure{codeBad, fmt.Errorf("%s: want %s, found %s", p.src.label(), p.to.Digest, d.Digest), "ferry ls shows the digests; leave the digest out of REF to push whatever it is"}
	}
	tags, err := p.defaultTags(c, d, m[d.Digest])
	if err != nil {
		return nil, err
	}
	s := []shipment{{d, p.to, tags}}
	if p.referrers {
		s = append(s, p.planReferrers(c, m, s[0])...)
	}
	return s, nil
}

// defaultTags are the tags to set, each once.
func (p *pushing) defaultTags(c *layout.Contents, d v1.Descriptor, m *v1.Manifest) ([]string, error) {
	var tags []string
	switch {
	case p.to.Tag != "":
		tags = []string{p.to.Tag}
	case p.to.Digest != "":
	case m != nil && lei.IsCache(m):
		date, err := cacheDate(c, m)
		if err != nil {
			return nil, p.src.err(err)
		}
		if tags, err = lei.Tags(date); err != nil {
			return nil, p.src.err(err)
		}
	default:
		tags = []string{"latest"}
		for _, n := range layout.Names(d) {
			if i := strings.LastIndexByte(n, ':'); registry.ValidTag(n[i+1:]) {
				tags = []string{n[i+1:]}
			}
		}
	}
	for _, t := range p.tags {
		if !slices.Contains(tags, t) {
			tags = append(tags, t)
		}
	}
	return tags, nil
}

// cacheDate is the date of a snapshot, from its manifest.json.
func cacheDate(c *layout.Contents, m *v1.Manifest) (string, error) {
	for _, l := range m.Layers {
		if l.MediaType != lei.CacheManifestMediaType {
			continue
		}
		for _, b := range c.Blobs {
			if b.Digest != l.Digest {
				continue
			}
			r, err := b.Open()
			if err != nil {
				return "", err
			}
			defer r.Close()
			s, err := lei.ReadSnapshot(r, nil)
			if err != nil {
				return "", err
			}
			return s.Date, nil
		}
	}
	return "", errors.New("the LEI cache has no manifest.json to take its date from")
}

// planAll gives every artifact its place below the path.
func (p *pushing) planAll(c *layout.Contents, m map[digest.Digest]*v1.Manifest) ([]shipment, error) {
	var all []shipment
	taken := map[string]digest.Digest{}
	var nameless []v1.Descriptor
	for _, d := range c.Index.Manifests {
		to, tag, ok, err := p.place(d)
		if err != nil {
			return nil, err
		}
		if !ok {
			nameless = append(nameless, d)
			continue
		}
		if tag != "" {
			full := to.Name() + ":" + tag
			if have, ok := taken[full]; ok && have != d.Digest {
				return nil, misuse(fmt.Errorf("%s: both %s and %s would go there", full, have, d.Digest), "push them one by one with -t, to different repositories")
			}
			taken[full] = d.Digest
		}
		all = add(all, shipment{desc: d, to: to}, tag)
	}
	// What has no name goes where that is which it is about; signatures of
	// signatures after these.
	for again := true; again && len(nameless) > 0; {
		again = false
		for i, d := range nameless {
			found := false
			for _, s := range slices.Clone(all) {
				if about(m[d.Digest], s.desc, c) {
					all = add(all, shipment{desc: d, to: s.to}, "")
					found = true
				}
			}
			if found {
				nameless = slices.Delete(nameless, i, i+1)
				again = true
				break
			}
		}
	}
	for _, d := range nameless {
		p.e.note("%s has no name and stays here; push it alone with -t", d.Digest)
	}
	if len(all) == 0 {
		return nil, fmt.Errorf("%s: nothing in it has a name to be pushed under", p.src.label())
	}
	return all, nil
}

// add adds a shipment, or a tag to the one that is there.
func add(all []shipment, s shipment, tag string) []shipment {
	at := slices.IndexFunc(all, func(x shipment) bool { return x.desc.Digest == s.desc.Digest && x.to == s.to })
	if at < 0 {
		all = append(all, s)
		at = len(all) - 1
	}
	if tag != "" && !slices.Contains(all[at].tags, tag) {
		all[at].tags = append(all[at].tags, tag)
	}
	return all
}

// place is where an artifact goes by its name.
func (p *pushing) place(d v1.Descriptor) (to registry.Reference, tag string, ok bool, err error) {
	to = p.to
	for _, n := range layout.Names(d) {
		if registry.ValidTag(n) {
			if p.path == "" {
				return to, "", false, misuse(fmt.Errorf("%s names no repository, only a tag", layout.Printable(n)), "give one: ferry push SRC HOST/REPOSITORY --all")
			}
			to.Repository = p.path
			return to, n, true, nil
		}
		r, err := registry.Parse(n)
		if err != nil {
			return to, "", false, fmt.Errorf("%s: %w", p.src.label(), err)
		}
		to.Repository = path.Join(p.path, r.Repository)
		_, err = registry.Parse(to.Name())
		return to, r.Tag, true, err
	}
	return to, "", false, nil
}

// planReferrers are the artifacts that are about another, and about these.
func (p *pushing) planReferrers(c *layout.Contents, m map[digest.Digest]*v1.Manifest, first shipment) []shipment {
	all := []shipment{first}
	for again := true; again; {
		again = false
		for _, d := range c.Index.Manifests {
			if slices.ContainsFunc(all, func(s shipment) bool { return s.desc.Digest == d.Digest }) {
				continue
			}
			for _, s := range all {
				tag, isCosign := cosignTag(d, s.desc, c)
				if isCosign || about(m[d.Digest], s.desc, c) {
					all = add(all, shipment{desc: d, to: p.to}, tag)
					again = true
					break
				}
			}
		}
	}
	return all[1:]
}

// about reports whether a manifest's subject is d or what d reaches.
func about(m *v1.Manifest, d v1.Descriptor, c *layout.Contents) bool {
	if m == nil || m.Subject == nil {
		return false
	}
	return reaches(c, d, m.Subject.Digest)
}

// cosignTag is the tag of d if cosign keeps it so for what of reaches.
func cosignTag(d, of v1.Descriptor, c *layout.Contents) (string, bool) {
	for _, n := range layout.Names(d) {
		tag := n[strings.LastIndexByte(n, ':')+1:]
		name, _, ok := strings.Cut(tag, ".")
		algorithm, hex, ok2 := strings.Cut(name, "-")
		if x, err := layout.ParseDigest(algorithm + ":" + hex); ok && ok2 && err == nil && reaches(c, of, x) {
			return tag, true
		}
	}
	return "", false
}

func reaches(c *layout.Contents, d v1.Descriptor, x digest.Digest) bool {
	if d.Digest == x {
		return true
	}
	only, err := c.Only(string(d.Digest))
	return err == nil && slices.ContainsFunc(only.Blobs, func(b layout.Blob) bool { return b.Digest == x })
}

// manifests reads every manifest of the contents.
func manifests(ctx context.Context, c *layout.Contents) (map[digest.Digest]*v1.Manifest, error) {
	all := map[digest.Digest]*v1.Manifest{}
	for _, b := range c.Blobs {
		if !layout.IsManifest(b.MediaType) {
			continue
		}
		r, err := b.Open()
		if err != nil {
			return nil, err
		}
		var data bytes.Buffer
		err = layout.Copy(ctx, &data, r, b.Descriptor)
		r.Close()
		if err != nil {
			return nil, err
		}
		if all[b.Digest], err = layout.ParseManifest(data.Bytes(), b.MediaType); err != nil {
			return nil, err
		}
	}
	return all, nil
}

// from are the repositories of the registry that a descriptor's names tell of.
func (p *pushing) from(d v1.Descriptor, host string) []string {
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
	Repository string   `json:"repository"`
	Digest     string   `json:"digest"`
	Tags       []string `json:"tags"`
}

func (p *pushing) answer(a pushAnswer) error {
	w := p.e.stdout
	if p.json {
		return printJSON(w, a)
	}
	fmt.Fprintf(w, "pushed %s\n", p.src.label())
	s := sheet{w}
	for _, r := range a.Artifacts {
		s.row("artifact", "%s@%s", r.Repository, r.Digest)
		for _, t := range r.Tags {
			s.row("tag", "%s:%s", r.Repository, t)
		}
	}
	s.row("blobs", "%d sent (%s), %d there already, %d taken over from other repositories", a.Sent, size(a.Bytes), a.Present, a.Mounted)
	if len(a.Artifacts) > 0 {
		p.e.next("ferry ls %s", shellWord(a.Artifacts[0].Repository))
	}
	return nil
}
