package source

import (
	"context"
	"crypto/sha256"
	"fmt"
	"strings"
	"unicode"

	"github.com/opencontainers/go-digest"
	"github.com/urfave/cli/v2"

	"github.com/ociferry/ferry/cmd/ferry/internal/ui"
	"github.com/ociferry/ferry/layout"
	"github.com/ociferry/ferry/layout/stream"
)

// ExpectFlag is checked before anything is read.
func ExpectFlag() cli.Flag {
	return &cli.StringFlag{Name: "expect", Usage: "the identity that came by another way, `sha256:...`", Action: func(_ *cli.Context, typed string) error {
		_, err := parseIdentity(typed)
		return err
	}}
}

// parseIdentity reads an identity as people type it: from paper, where it stands
// in groups, or as sha256sum prints it.
func parseIdentity(typed string) (digest.Digest, error) {
	s := strings.ToLower(strings.Map(func(r rune) rune {
		if unicode.IsSpace(r) {
			return -1
		}
		return r
	}, typed))
	if !strings.Contains(s, ":") {
		s = "sha256:" + s
	}
	d, err := layout.ParseDigest(s)
	if err == nil && d.Algorithm() != digest.SHA256 {
		err = fmt.Errorf("digest %s: want one of sha256", layout.Printable(s))
	}
	if err != nil {
		return "", ui.Misuse(fmt.Errorf("--expect: %w", err), "ferry pack prints the identity")
	}
	return d, nil
}

// Expect compares the identity with the one that came by another way.
func Expect(c *cli.Context, src *Source, report *layout.Report) error {
	if c.String("expect") == "" {
		return nil
	}
	d, err := parseIdentity(c.String("expect"))
	if err != nil || d == report.Digest {
		return err
	}
	hint := "this is whole, but it is not the bundle that was announced: ask who packed it, and do not use it"
	for _, m := range report.Index.Manifests {
		if m.Digest == d {
			hint = "that is the digest of a manifest in it; the identity is the digest of index.json, as ferry pack prints it"
		}
	}
	if src.isChecksum(c.Context, d) {
		hint = "that is the checksum of the file, as sha256sum prints it, and the file has it; the identity is the digest of index.json, as ferry pack prints it"
	}
	return ui.Fail(ui.CodeBad, fmt.Errorf("identity: want %s, found %s", d, report.Digest), hint)
}

// isChecksum reports whether a digest is that of the source's file. It reads the
// file to its end.
func (s *Source) isChecksum(ctx context.Context, d digest.Digest) bool {
	f, err := s.regular()
	if err != nil {
		return false
	}
	defer f.Close()
	h := sha256.New()
	_, err = stream.FanOut(ctx, f, h)
	return err == nil && digest.NewDigest(digest.SHA256, h) == d
}
