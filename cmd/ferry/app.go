package main

import (
	"context"

	"github.com/urfave/cli/v2"

	"github.com/ociferry/ferry/cmd/ferry/internal/ui"
)

// commands are the verbs, in the order of the help text. A new one is a file
// of its own and a line here.
func commands(e *ui.Env) []*cli.Command {
	return []*cli.Command{
		packCommand(e),
		bundleCommand(e),
		verifyCommand(e),
		unpackCommand(e),
		lsCommand(e),
		inspectCommand(e),
		diffCommand(e),
		pullCommand(e),
		pushCommand(e),
		sealCommand(e),
		keygenCommand(e),
		signCommand(e),
		zarfCommand(e),
		exportCommand(e),
		summaryCommand(e),
		packingListCommand(e),
		completionCommand(e),
		manCommand(e),
		versionCommand(e),
	}
}

// run runs one verb and returns the exit code.
func run(ctx context.Context, e *ui.Env, args []string) int {
	e.Version = version
	return ui.Run(ctx, e, args, &cli.App{
		Name:  "ferry",
		Usage: "carry OCI artifacts across an air gap",
		Description: "Pack a directory into an OCI image layout or a sealed tar of one, carry it over,\n" +
			"verify it and write the files back. Only pull and push open network connections, and ls and\n" +
			"inspect of a reference into a registry.\n\n" +
			"A source (SRC) is a layout directory, a .tar, .tar.gz or .tar.zst, or - for standard\n" +
			"input; SRC:TAG and SRC@sha256:... choose one artifact; oci:DIR:TAG, oci-archive:FILE:TAG and,\n" +
			"for ferry bundle, docker-archive:FILE are understood as well.\n\n" +
			"Exit codes: 0 good, 1 failed, 2 misuse, 3 the content is not what it should be,\n" +
			"4 incomplete, 5 refused by a signature or a rule.",
		Commands: commands(e),
	})
}
