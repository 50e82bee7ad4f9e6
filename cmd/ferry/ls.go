package main

import (
	"fmt"
	"text/tabwriter"

	"github.com/urfave/cli/v2"

	"github.com/ociferry/ferry/cmd/ferry/internal/remote"
	"github.com/ociferry/ferry/cmd/ferry/internal/ui"
	"github.com/ociferry/ferry/layout"
	"github.com/ociferry/ferry/layout/kinds"
)

func lsCommand(e *ui.Env) *cli.Command {
	return &cli.Command{
		Name:      "ls",
		Usage:     "list the artifacts in a bundle, or the tags in a registry",
		ArgsUsage: "SRC | REF",
		Description: "Example: ferry ls bundle.tar\n\n" +
			"Reads the index and the manifests and nothing else, so it is quick, and no word that the\n" +
			"rest is whole; ferry verify says that. HOST/REPOSITORY[:TAG], or oci:// before it, asks a registry.",
		Flags: append([]cli.Flag{ui.FormatFlag()}, remote.Flags()...),
		Action: func(c *cli.Context) error {
			arg, err := ui.OneArg(c, "bundle, layout or reference to list")
			if err != nil {
				return err
			}
			src, err := remote.Parse(e, c, arg, true)
			if err != nil {
				return err
			}
			report, err := src.Documents(c.Context)
			if err != nil {
				return err
			}
			list := []lsRow{}
			for i, r := range ui.Rows(report.Index) {
				d := report.Index.Manifests[i]
				if src.Ref != "" {
					if want, err := layout.Resolve(report.Index, src.Ref); err != nil {
						return src.Err(err)
					} else if want.Digest != d.Digest {
						continue
					}
				}
				total, err := report.TotalSize(c.Context, d)
				if err != nil {
					return err
				}
				list = append(list, lsRow{r, kinds.All.WordFor(report.Document(d.Digest)), total})
			}
			if c.String("format") == "json" {
				return ui.PrintJSON(e.Stdout, list)
			}
			t := tabwriter.NewWriter(e.Stdout, 0, 0, 2, ' ', 0)
			fmt.Fprintln(t, "REFERENCE\tKIND\tSIZE\tDIGEST")
			for _, r := range list {
				fmt.Fprintf(t, "%s\t%s\t%s\t%s\n", r.Name("-"), r.Kind, ui.Size(r.Total), r.Digest)
			}
			if err := t.Flush(); err != nil {
				return err
			}
			src.Next()
			return nil
		},
	}
}

// An lsRow is an artifact with what it holds.
type lsRow struct {
	ui.ArtifactRow
	Kind  string `json:"kind"`
	Total int64  `json:"totalSize"` // bytes of it and all it names
}
