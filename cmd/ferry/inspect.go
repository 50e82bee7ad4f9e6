package main

import (
	"fmt"
	"io"
	"sort"
	"strings"

	"github.com/opencontainers/go-digest"
	v1 "github.com/opencontainers/image-spec/specs-go/v1"
	"github.com/urfave/cli/v2"

	"github.com/ociferry/ferry/cmd/ferry/internal/remote"
	"github.com/ociferry/ferry/cmd/ferry/internal/ui"
	"github.com/ociferry/ferry/layout"
	"github.com/ociferry/ferry/layout/kinds"
)

func inspectCommand(e *ui.Env) *cli.Command {
	return &cli.Command{
		Name:      "inspect",
		Usage:     "show what an artifact is made of",
		ArgsUsage: "SRC | REF",
		Description: "Example: ferry inspect bundle.tar -t 2026-02-05\n\n" +
			"Shows the index and the manifests, of one artifact or of all. It says what the bundle says\n" +
			"of itself; ferry verify says whether it is so. HOST/REPOSITORY:TAG, or oci:// before it, asks a\n" +
			"registry; its identity is that of the layout which ferry pull makes of it.",
		Flags: append([]cli.Flag{
			&cli.StringFlag{Name: "tag", Aliases: []string{"t"}, Usage: "the artifact to show, by `REF`, tag or digest"},
			ui.FormatFlag(),
		}, remote.Flags()...),
		Action: func(c *cli.Context) error {
			arg, err := ui.OneArg(c, "bundle, layout or reference to inspect")
			if err != nil {
				return err
			}
			src, err := remote.Parse(e, c, arg, false)
			if err != nil {
				return err
			}
			if err := src.Choose(c.String("tag")); err != nil {
				return err
			}
			report, err := src.Documents(c.Context)
			if err != nil {
				return err
			}
			v := inspection{Source: src.Name, Identity: string(report.Digest), Sealed: report.Sealed, Signatures: signatureRows(report.Signatures)}
			list := report.Index.Manifests
			if src.Ref != "" {
				d, err := layout.Resolve(report.Index, src.Ref)
				if err != nil {
					return src.Err(err)
				}
				list = []v1.Descriptor{d}
			}
			shown := map[digest.Digest]bool{}
			for _, d := range list {
				v.Artifacts = append(v.Artifacts, inspectDescriptor(report, d, shown))
			}
			if c.String("format") == "json" {
				return ui.PrintJSON(e.Stdout, v)
			}
			fmt.Fprintf(e.Stdout, "%s\n", layout.Printable(v.Source))
			s := ui.NewTable(e.Stdout)
			s.Row("identity", "%s", v.Identity)
			if v.Sealed {
				s.Row("sealed", "yes, by %s", layout.SealName)
			} else {
				s.Row("sealed", "no")
			}
			for _, r := range v.Signatures {
				s.Row("signature", "%s", r)
			}
			for _, n := range v.Artifacts {
				n.print(e.Stdout, "")
			}
			src.Next()
			return nil
		},
	}
}

// inspection is what inspect reports.
type inspection struct {
	Source   string `json:"source"`
	Identity string `json:"identity"`
	Sealed   bool   `json:"sealed"`

	Signatures []signatureRow `json:"signatures,omitempty"`

	Artifacts []node `json:"artifacts"`
}

// A node is an index or a manifest with what it names.
type node struct {
	References  []string          `json:"references,omitempty"`
	Kind        string            `json:"kind"`
	Platform    string            `json:"platform,omitempty"`
	Descriptor  v1.Descriptor     `json:"descriptor"`
	Artifact    string            `json:"artifactType,omitempty"`
	Subject     string            `json:"subject,omitempty"`
	Annotations map[string]string `json:"annotations,omitempty"`
	Config      *v1.Descriptor    `json:"config,omitempty"`
	Layers      []v1.Descriptor   `json:"layers,omitempty"`
	Manifests   []node            `json:"manifests,omitempty"`
}

// inspectDescriptor shows a descriptor and what it names. An index that was
// shown before is not unfolded again.
func inspectDescriptor(r *layout.Report, d v1.Descriptor, shown map[digest.Digest]bool) node {
	index, m := r.Document(d.Digest)
	n := node{References: layout.Names(d), Descriptor: d, Kind: kinds.All.WordFor(index, m), Platform: layout.FormatPlatform(d.Platform)}
	switch {
	case m != nil:
		n.Artifact, n.Annotations, n.Config, n.Layers = m.ArtifactType, m.Annotations, &m.Config, m.Layers
		if m.Subject != nil {
			n.Subject = string(m.Subject.Digest)
		}
		if kind, about := carried(n.References); kind != "" {
			n.Kind, n.Subject = kind, about
		}
	case index != nil && !shown[d.Digest]:
		shown[d.Digest] = true
		n.Artifact, n.Annotations = index.ArtifactType, index.Annotations
		for _, child := range index.Manifests {
			n.Manifests = append(n.Manifests, inspectDescriptor(r, child, shown))
		}
	}
	return n
}

func (n *node) print(w io.Writer, indent string) {
	name := "(no name)"
	if len(n.References) > 0 {
		name = ui.ArtifactRow{Reference: n.References[0], Also: layout.OtherName(n.References)}.Name("")
	}
	if n.Platform != "" {
		name = layout.Printable(n.Platform)
	}
	fmt.Fprintf(w, "%s%s\n", indent, name)
	row := func(k, format string, args ...any) {
		fmt.Fprintf(w, "%s  %-10s %s\n", indent, k, ui.PrintableLine(fmt.Sprintf(format, args...)))
	}
	row("kind", "%s, %s", n.Kind, n.Descriptor.MediaType)
	row("digest", "%s, %s", n.Descriptor.Digest, ui.Size(n.Descriptor.Size))
	if n.Artifact != "" {
		row("type", "%s", n.Artifact)
	}
	if n.Subject != "" {
		row("about", "%s", n.Subject)
	}
	var keys []string
	for k := range n.Annotations {
		keys = append(keys, k)
	}
	sort.Strings(keys)
	for _, k := range keys {
		row("note", "%s: %s", layout.Printable(strings.TrimPrefix(k, "org.opencontainers.image.")), n.Annotations[k])
	}
	if n.Config != nil {
		row("config", "%s, %s, %s", n.Config.MediaType, n.Config.Digest, ui.Size(n.Config.Size))
	}
	for _, l := range n.Layers {
		title := l.Annotations[v1.AnnotationTitle]
		if title == "" {
			title = "-"
		}
		row("layer", "%s, %s, %s, %s", layout.Printable(title), l.MediaType, l.Digest, ui.Size(l.Size))
	}
	for i := range n.Manifests {
		n.Manifests[i].print(w, indent+"  ")
	}
}
