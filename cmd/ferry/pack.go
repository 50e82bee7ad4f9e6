package main

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/urfave/cli/v2"

	"github.com/ociferry/ferry/cmd/ferry/internal/output"
	"github.com/ociferry/ferry/cmd/ferry/internal/source"
	"github.com/ociferry/ferry/cmd/ferry/internal/ui"
	"github.com/ociferry/ferry/layout"
	"github.com/ociferry/ferry/layout/artifact"
	"github.com/ociferry/ferry/layout/kinds"
)

func packCommand(e *ui.Env) *cli.Command {
	return &cli.Command{
		Name:      "pack",
		Usage:     "pack an LEI snapshot or any directory as an OCI artifact",
		ArgsUsage: "DIR [FILE:MEDIATYPE]... -o OUT",
		Description: "Example: ferry pack lei-cache-2026-02-05 -o lei-cache.tar\n" +
			"Example: ferry pack handbook -o handbook.tar.zst -t docs.internal/handbook:3\n\n" +
			"DIR is an LEI snapshot (manifest.json and cache.jsonl.gz), which is checked first, or\n" +
			"any directory. OUT says the form by its name: .tar, .tar.gz or .tgz, .tar.zst, else a\n" +
			"layout directory; - is a tar on standard output. FILE:MEDIATYPE gives a file of DIR\n" +
			"another media type. Packing twice gives the same bytes: what is packed of a directory is the\n" +
			"names and contents of its files, not their modes and times, and no empty directories.",
		Flags: append([]cli.Flag{
			ui.OutputFlag("write the bundle to `OUT`"),
			&cli.StringSliceFlag{Name: "tag", Aliases: []string{"t"}, Usage: "give the artifact this `REF`, a full reference or a tag; may be repeated"},
			&cli.BoolFlag{Name: "lei-tags", Usage: "tag with the snapshot's date, latest, and weekly on Sundays"},
			&cli.StringFlag{Name: "kind", Usage: strings.Join(kinds.All.Names(), " or ") + ", instead of what DIR looks like"},
			&cli.StringSliceFlag{Name: "annotation", Aliases: []string{"a"}, Usage: "add `KEY=VALUE` to the manifest; may be repeated"},
			&cli.StringFlag{Name: "artifact-type", Usage: "the artifact's media `TYPE`"},
			&cli.StringFlag{Name: "created", Usage: "the `TIME` of packing in RFC 3339, instead of the snapshot's own"},
			&cli.BoolFlag{Name: "no-check", Usage: "pack a snapshot that is not sound, which the far side refuses"},
			&cli.BoolFlag{Name: "allow-secrets", Usage: "pack a snapshot whose reports hold secrets"},
			&cli.BoolFlag{Name: "append", Usage: "add to an existing layout directory"},
			&cli.BoolFlag{Name: "seal", Usage: "write SHA256SUMS into a layout directory too"},
			ui.OverwriteFlag("an existing OUT; with --append, move names"),
			ui.NoSyncFlag(),
			source.PolicyFlag(),
			ui.FormatFlag(),
		}, append(output.SignFlags(), output.PackingListFlags()...)...),
		Action: func(c *cli.Context) error {
			p, err := newPacking(e, c)
			if err != nil {
				return err
			}
			fsys, err := layout.OpenFS(p.Dir)
			if err != nil {
				return err
			}
			defer fsys.Close()
			packed, index, err := p.Pack(c.Context, fsys)
			if err != nil {
				return err
			}
			identity, err := layout.IndexDigest(index)
			if err == nil {
				err = p.List.Of(c.Context, p.Name, identity)
			}
			if err != nil {
				return err
			}
			return p.AnswerPacked(packed, index)
		},
	}
}

// newPacking reads the flags and looks at the directory.
func newPacking(e *ui.Env, c *cli.Context) (*output.Packing, error) {
	out, err := output.Parse(e, c)
	if err != nil {
		return nil, err
	}
	if c.NArg() == 0 {
		return nil, ui.Misuse(errors.New("pack: missing the directory to pack"), "see ferry help pack")
	}
	p := &output.Packing{
		Output: out, Dir: c.Args().First(), Tags: c.StringSlice("tag"), KindTags: c.Bool("lei-tags"),
		Artifact: artifact.Options{ArtifactType: c.String("artifact-type"), NoCheck: c.Bool("no-check"), Secrets: artifact.RefuseSecrets},
	}
	if c.Bool("allow-secrets") {
		p.Artifact.Secrets = artifact.AllowSecrets
	}
	if err := p.NoAppend("pack into a directory, then ferry bundle it"); err != nil {
		return nil, err
	}
	if err := chooseKind(p, c); err != nil {
		return nil, err
	}
	if err := readArtifact(p, c); err != nil {
		return nil, err
	}
	return p, p.ParseTrust(c)
}

// chooseKind is by --kind, or by what the directory holds.
func chooseKind(p *output.Packing, c *cli.Context) error {
	if p.Dir == "" {
		return ui.Misuse(errors.New("pack: the name of the directory is empty"), "look at the variable that it came from")
	}
	info, err := os.Stat(p.Dir)
	if err != nil {
		return err
	}
	if !info.IsDir() {
		return ui.Misuse(fmt.Errorf("%s: want a directory, found a file", layout.Printable(p.Dir)), "ferry bundle converts a bundle; ferry export makes a snapshot of reports")
	}
	asked, fsys := c.String("kind"), os.DirFS(p.Dir)
	if p.Kind = kinds.All.For(asked, fsys); p.Kind == nil {
		return ui.Misuse(fmt.Errorf("--kind %q: there is no such kind", asked), "the kinds are: "+strings.Join(kinds.All.Names(), ", "))
	}
	p.Repository = strings.ReplaceAll(p.Kind.Repository, "%s", slug(p.Dir))
	switch {
	case p.Kind.Tags == nil && p.KindTags:
		return ui.Misuse(errors.New("--lei-tags is for an LEI snapshot, and this is none"), "give names with -t")
	case p.Kind.Files != nil && c.NArg() > 1:
		return ui.Misuse(fmt.Errorf("%s: the files of %s have media types of their own", layout.Printable(c.Args().Get(1)), p.Kind.Noun), "leave it out, or pack the directory with --kind files")
	}
	if err := whole(p.Dir, p.Kind); err != nil {
		return err
	}
	for _, k := range kinds.All {
		if asked != "" || k.Incomplete == nil {
			continue
		}
		switch maybe, surely := k.Incomplete(fsys); {
		case surely:
			return whole(p.Dir, k)
		case maybe:
			p.Env.Note("%v; packed as plain files", whole(p.Dir, k))
		}
	}
	overlooked(p, asked != "")
	return nil
}

// whole says which file of a kind the directory lacks.
func whole(dir string, k *artifact.Kind) error {
	missing := k.Missing(os.DirFS(dir))
	if missing == "" {
		return nil
	}
	found := "none"
	if _, err := os.Stat(filepath.Join(dir, missing)); err == nil {
		found = "something else"
	}
	return ui.Hinted(fmt.Errorf("%s: not %s: want a file %s in it, found %s", layout.Printable(dir), k.Noun, missing, found), k.Make+"; --kind files packs any directory as files")
}
