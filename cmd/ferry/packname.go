package main

import (
	"fmt"
	"path"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	v1 "github.com/opencontainers/image-spec/specs-go/v1"
	"github.com/urfave/cli/v2"

	"github.com/ociferry/ferry/cmd/ferry/internal/output"
	"github.com/ociferry/ferry/cmd/ferry/internal/ui"
	"github.com/ociferry/ferry/layout"
	"github.com/ociferry/ferry/layout/artifact"
)

// readArtifact reads the flags about the artifact itself.
func readArtifact(p *output.Packing, c *cli.Context) (err error) {
	o := &p.Artifact
	if t := o.ArtifactType; t != "" && !layout.IsMediaType(t) {
		return noMediaType("--artifact-type", t)
	}
	if o.MediaTypes, err = mediaTypes(c.Args().Tail()); err != nil {
		return err
	}
	if o.Annotations, err = annotations(c.StringSlice("annotation")); err != nil {
		return err
	}
	o.Created, o.CreatedElse, err = created(c, p.Env)
	return err
}

// created is the time of packing as it was given, or that of the environment:
// a snapshot has its own, which only --created overrules.
func created(c *cli.Context, e *ui.Env) (given, otherwise string, err error) {
	if t := c.String("created"); t != "" {
		if _, err := artifact.ParseTime(t); err != nil {
			return "", "", ui.Misuse(fmt.Errorf("--created: %w", err), "for example 2026-02-05T00:00:00Z")
		}
		return t, "", nil
	}
	epoch := e.Getenv("SOURCE_DATE_EPOCH")
	if epoch == "" {
		return "", "", nil
	}
	n, err := strconv.ParseInt(epoch, 10, 64)
	if err != nil {
		return "", "", ui.Misuse(fmt.Errorf("SOURCE_DATE_EPOCH=%q: want a number of seconds since 1970", epoch), "unset it, or set it as reproducible-builds.org says")
	}
	return "", time.Unix(n, 0).UTC().Format(time.RFC3339), nil
}

func mediaTypes(args []string) (map[string]string, error) {
	types := map[string]string{}
	for _, a := range args {
		name, mediaType, ok := strings.Cut(a, ":")
		if !ok || !strings.Contains(mediaType, "/") {
			return nil, ui.Misuse(fmt.Errorf("%q: want FILE:MEDIATYPE", a), "only one directory is packed at a time; ferry bundle puts several bundles into one")
		}
		if !layout.IsMediaType(mediaType) {
			return nil, noMediaType(a, mediaType)
		}
		types[path.Clean(filepath.ToSlash(name))] = mediaType
	}
	return types, nil
}

func noMediaType(where, found string) error {
	return ui.Misuse(fmt.Errorf("%s: want a media type, found %s", layout.Printable(where), layout.Printable(found)), "for example application/vnd.example.handbook.v1")
}

func annotations(pairs []string) (map[string]string, error) {
	m := map[string]string{}
	for _, p := range pairs {
		k, v, ok := strings.Cut(p, "=")
		if !ok || k == "" {
			return nil, ui.Misuse(fmt.Errorf("--annotation %q: want KEY=VALUE", p), "for example -a org.opencontainers.image.vendor=Example")
		}
		if k == v1.AnnotationCreated {
			if _, err := artifact.ParseTime(v); err != nil {
				return nil, ui.Misuse(fmt.Errorf("--annotation %s: %w", k, err), "for example 2026-02-05T00:00:00Z; --created sets it too")
			}
		}
		m[k] = v
	}
	return m, nil
}

// slug makes a repository name of a directory's.
func slug(dir string) string {
	abs, err := filepath.Abs(dir)
	if err != nil {
		abs = dir
	}
	var b strings.Builder
	for _, r := range strings.ToLower(filepath.Base(abs)) {
		if r >= 'a' && r <= 'z' || r >= '0' && r <= '9' {
			b.WriteRune(r)
		} else if s := b.String(); s != "" && s[len(s)-1] != '-' {
			b.WriteByte('-')
		}
	}
	if s := strings.Trim(b.String(), "-"); s != "" {
		return s
	}
	return "directory"
}
