package ui

import (
	v1 "github.com/opencontainers/image-spec/specs-go/v1"

	"github.com/ociferry/ferry/layout"
)

// An ArtifactRow is one descriptor of an index.
type ArtifactRow struct {
	Reference string `json:"reference,omitempty"`
	Also      string `json:"also,omitempty"` // another name, which is not the reference's tag
	MediaType string `json:"mediaType"`
	Digest    string `json:"digest"`
	Size      int64  `json:"size"`
}

func Rows(index *v1.Index) []ArtifactRow {
	var out []ArtifactRow
	for _, d := range index.Manifests {
		r := ArtifactRow{MediaType: d.MediaType, Digest: string(d.Digest), Size: d.Size}
		if n := layout.Names(d); len(n) > 0 {
			r.Reference, r.Also = n[0], layout.OtherName(n)
		}
		out = append(out, r)
	}
	return out
}

// Name is what a row is called, printable; otherwise is for one without a name.
func (r ArtifactRow) Name(otherwise string) string {
	switch {
	case r.Reference == "":
		return otherwise
	case r.Also != "":
		return layout.Printable(r.Reference) + ", " + layout.Printable(r.Also)
	}
	return layout.Printable(r.Reference)
}
