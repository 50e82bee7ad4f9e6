package main

import (
	"context"
	"errors"
	"fmt"
	"io"

	"github.com/urfave/cli/v2"

	"github.com/ociferry/ferry/bundle"
	"github.com/ociferry/ferry/cmd/ferry/internal/ui"
	"github.com/ociferry/ferry/layout"
	"github.com/ociferry/ferry/layout/compression"
)

// Docker's own form of an archive: read as docker-archive:FILE by bundle, and
// written beside the layout on --docker.

func dockerFlag() cli.Flag {
	return &cli.BoolFlag{Name: "docker", Usage: "put docker's manifest.json into the archive, so that every docker load reads its images"}
}

// writeTar writes the archive, with docker's file on --docker.
func (b *bundleRun) writeTar(ctx context.Context, w io.Writer, format *compression.Format, c *layout.Contents) error {
	if !b.docker {
		return bundle.Write(ctx, w, format, c)
	}
	skipped, err := bundle.WriteDocker(ctx, w, format, c)
	if errors.Is(err, bundle.ErrNoImages) {
		return ui.Misuse(fmt.Errorf("--docker: %w", err), "leave --docker out; ferry ls shows what is there")
	}
	if err == nil && len(skipped) > 0 {
		b.Env.Note("docker load of this will not see %s: it knows only images of a single platform, of layers that are tars", ui.Count(len(skipped), "artifact"))
	}
	return err
}
