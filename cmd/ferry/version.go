package main

import (
	"fmt"
	"runtime"
	"runtime/debug"

	"github.com/urfave/cli/v2"

	"github.com/ociferry/ferry/cmd/ferry/internal/ui"
)

// version, commit and date are set by the Makefile; a build without it says
// what the Go tool wrote into the binary.
var (
	version = "devel"
	commit  string
	date    string // of the commit, RFC 3339
)

// A build is what a binary knows of its making.
type build struct {
	Version  string `json:"version"`
	Commit   string `json:"commit,omitempty"`
	Date     string `json:"date,omitempty"` // of the commit
	Modified bool   `json:"modified,omitempty"`
	Go       string `json:"go"`
	Platform string `json:"platform"`
}

func thisBuild() build {
	b := build{Version: version, Commit: commit, Date: date, Go: runtime.Version(), Platform: runtime.GOOS + "/" + runtime.GOARCH}
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return b
	}
	if b.Version == "devel" && info.Main.Version != "" && info.Main.Version != "(devel)" {
		b.Version = info.Main.Version // of go install
	}
	for _, s := range info.Settings {
		switch {
		case s.Key == "vcs.revision" && b.Commit == "":
			b.Commit = s.Value
		case s.Key == "vcs.time" && b.Date == "":
			b.Date = s.Value
		case s.Key == "vcs.modified":
			b.Modified = s.Value == "true"
		}
	}
	return b
}

func versionCommand(e *ui.Env) *cli.Command {
	return &cli.Command{
		Name:        "version",
		Usage:       "show the version",
		Description: "Example: ferry version --format json",
		Flags:       []cli.Flag{ui.FormatFlag()},
		Action: func(c *cli.Context) error {
			if c.Args().Present() {
				return ui.Misuse(fmt.Errorf("version: want no arguments, found %s", ui.Arguments(c)), "")
			}
			b := thisBuild()
			if c.String("format") == "json" {
				return ui.PrintJSON(e.Stdout, b)
			}
			fmt.Fprintf(e.Stdout, "ferry %s (%s, %s)\n", b.Version, b.Go, b.Platform)
			return nil
		},
	}
}
