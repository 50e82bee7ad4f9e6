package main

import (
	"context"
	"fmt"
	"text/tabwriter"

	v1 "github.com/opencontainers/image-spec/specs-go/v1"
	"github.com/urfave/cli/v2"

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
		Flags: append([]cli.Flag{ui.FormatFlag()}, registryFlags()...),
		Action: func(c *cli.Context) error {
			arg, err := ui.OneArg(c, "bundle, layout or reference to list")
			if err != nil {
				return err
			}
			src, err := sourceOrRegistry(e, c, arg, true)
			if err != nil {
				return err
			}
			report, err := src.documents(c.Context)
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
				kind, total := describe(report, d)
				list = append(list, lsRow{r, kind, total})
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
			src.next()
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

// describe says what a descriptor stands for and how large it is with all that
// it names. What several indexes name is counted once, and looked at once: the
// paths through a hostile graph are more than can be walked.
func describe(r *layout.Report, d v1.Descriptor) (kind string, total int64) {
	return kindOfDescriptor(r, d), sizeOf(r, d)
}

func kindOfDescriptor(r *layout.Report, d v1.Descriptor) string {
	index, m := r.Document(d.Digest)
	switch {
	case m != nil:
		return kinds.All.Word(m)
	case index != nil:
		return fmt.Sprintf("index of %d", len(index.Manifests))
	}
	return "blob"
}

func sizeOf(r *layout.Report, d v1.Descriptor) (total int64) {
	// The audit has bounded the depth and the number of blobs.
	_ = r.Walk(context.Background(), layout.WalkOptions{Roots: []v1.Descriptor{d}}, func(n *layout.Node) error {
		total += n.Size
		return nil
	})
	return total
}
