package main

import (
	"github.com/ociferry/ferry/cmd/ferry/internal/ui"
	"github.com/ociferry/ferry/layout"
	"github.com/ociferry/ferry/layout/signature"
)

// A signatureRow is a signature of the bundle, by what it says of itself.
type signatureRow struct {
	File string `json:"file"`
	Key  string `json:"key,omitempty"` // that it names; unchecked
	Bad  string `json:"bad,omitempty"` // why it can be none
}

func signatureRows(list []layout.Signature) []signatureRow {
	var rows []signatureRow
	for _, s := range list {
		r := signatureRow{File: s.Name}
		if p, err := signature.Parse(s.Data); err != nil {
			r.Bad = ui.PrintableLine(err.Error())
		} else {
			r.Key = p.Hint()
		}
		rows = append(rows, r)
	}
	return rows
}

func (r signatureRow) String() string {
	if r.Bad != "" {
		return r.File + ": " + r.Bad
	}
	return r.File + ", says it is by " + r.Key + "; ferry verify --key checks it"
}

// carried says what a manifest is by cosign's names, and what it is about. It
// is "" for any other name. What it holds goes through ferry unchanged, and is
// checked by those who can: where the artifact runs.
func carried(names []string) (kind, about string) {
	for _, n := range names {
		about, suffix := layout.CosignSubject(n)
		word := map[string]string{"sig": "signature", "att": "attestation", "sbom": "sbom"}[suffix]
		if about != "" && word != "" {
			return "cosign " + word, string(about)
		}
	}
	return "", ""
}
