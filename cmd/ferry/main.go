// Command ferry carries OCI artifacts across an air gap: it packs a directory
// into an OCI image layout or a sealed tar of one, and on the other side
// verifies it and writes the files back.
package main

import (
	"context"
	"os"
	"runtime/debug"
	"time"

	"github.com/ociferry/ferry/cmd/ferry/internal/ui"
)

func main() {
	// Nothing here needs much memory; a soft limit keeps the collector from
	// taking what it could have.
	if os.Getenv("GOMEMLIMIT") == "" {
		debug.SetMemoryLimit(36 << 20)
	}
	fixUmask()
	ctx, stop := ui.Interruptible(context.Background())
	defer stop()
	e := &ui.Env{Stdin: ui.Stdin(ctx), Typed: ui.IsTerminal(os.Stdin), Stdout: os.Stdout, Stderr: os.Stderr, Getenv: os.Getenv, LookupEnv: os.LookupEnv, Ask: ui.AskTerminal, Now: time.Now}
	os.Exit(run(ctx, e, os.Args))
}
