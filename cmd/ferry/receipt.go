package main

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/urfave/cli/v2"

	"github.com/ociferry/ferry/bundle/packinglist"
	"github.com/ociferry/ferry/cmd/ferry/internal/output"
	"github.com/ociferry/ferry/cmd/ferry/internal/source"
	"github.com/ociferry/ferry/cmd/ferry/internal/ui"
	"github.com/ociferry/ferry/layout"
)

// receiptFlags are for commands that take a bundle in.
func receiptFlags() []cli.Flag {
	return []cli.Flag{
		&cli.StringFlag{Name: "receipt", Usage: "write what arrived and what was checked to `FILE`, a .txt, .json or .html"},
		&cli.StringFlag{Name: "received-by", Usage: "on the receipt: `WHO` received it"},
		&cli.StringFlag{Name: "received-at", Usage: "on the receipt: `WHEN`, a time in RFC 3339, instead of now"},
	}
}

// A receipt is a paper on what arrived. A nil receipt is not asked for.
type receipt struct {
	*output.ListFile
	listing  *packinglist.Collector
	by, at   string
	expected bool
}

// newReceipt reads the flags, and has the source looked into when a receipt is
// asked for.
func newReceipt(e *ui.Env, c *cli.Context, src *source.Source) (*receipt, error) {
	p, err := output.NewListFile(e, c, "receipt")
	if p == nil || err != nil {
		return nil, err
	}
	r := &receipt{ListFile: p, listing: packinglist.NewCollector(), by: c.String("received-by"), at: c.String("received-at"), expected: c.String("expect") != ""}
	if r.at == "" {
		r.at = e.Now().UTC().Format(time.RFC3339)
	}
	src.Collector = r.listing
	return r, nil
}

// write writes the receipt of a source that was unpacked.
func (r *receipt) write(ctx context.Context, src *source.Source, report *layout.Report, a *unpackAnswer) error {
	if r == nil {
		return nil
	}
	l, err := output.ListOf(ctx, r.listing, src, report)
	if err != nil {
		return err
	}
	l.Receipt = &packinglist.Receipt{ReceivedAt: r.at, ReceivedBy: r.by, Output: a.Output, Artifact: a.Reference, Manifest: a.Manifest, Files: len(a.Files), Checks: r.checks(src, report, l)}
	if err := r.ListFile.Write(l); err != nil {
		return fmt.Errorf("%s is unpacked, its receipt is not written: %w", layout.Printable(a.Output), err)
	}
	return nil
}

func (r *receipt) checks(src *source.Source, report *layout.Report, l *packinglist.List) []packinglist.Check {
	all := []packinglist.Check{{
		What: "Content", Done: true,
		How: fmt.Sprintf("%s of %s: each hashed, and compared with its name and with the size and digest that asks for it; everything that index.json reaches is there", ui.Count(report.Blobs, "blob"), ui.Count(report.Manifests, "manifest")),
	}}
	add := func(what string, done bool, yes, no string) {
		if !done {
			yes = no
		}
		all = append(all, packinglist.Check{What: what, Done: done, How: yes})
	}
	add("Identity", r.expected,
		"the digest of index.json is the one that was given with --expect: "+string(report.Digest),
		"no identity was given to compare with: --expect does it; compare the one above with the packing list")
	unsealed := "there is no SHA256SUMS; nothing but the identity covers index.json and oci-layout"
	if n := len(report.Unlisted); n > 0 {
		unsealed = fmt.Sprintf("SHA256SUMS lists every file of the layout, and each is as listed; it does not list %s beside it, which was compared with nothing: %s", ui.Count(n, "file"), ui.FirstOf(report.Unlisted))
	}
	add("Seal", report.Sealed && len(report.Unlisted) == 0,
		"SHA256SUMS lists every file, index.json and oci-layout too, and each is as listed", unsealed)
	signers := src.Requirements.SignedBy()
	switch {
	case len(signers) > 0:
		add("Signature", true, "SHA256SUMS is signed by "+strings.Join(signers, " and "), "")
	case l.Signature.Present:
		add("Signature", false, "", "it carries "+ui.Count(len(report.Signatures), "signature")+"; no key was given to check with: --key does it")
	default:
		add("Signature", false, "", "not signed; who packed it is not proven")
	}
	found := r.listing.Content.Findings()
	for _, f := range found {
		add("LEI cache of "+f.Date, true,
			fmt.Sprintf("%s, each a line of JSON; their number, sizes and content hash are as manifest.json and the config say", ui.Count(int(f.Entries), f.Entry)), "")
	}
	if len(found) == 0 {
		add("Payload", false, "", "of no kind whose payload is known here; its bytes are those that were packed")
	}
	return all
}
