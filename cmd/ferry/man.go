package main

import (
	"fmt"
	"io"
	"strings"

	"github.com/urfave/cli/v2"

	"github.com/ociferry/ferry/cmd/ferry/internal/ui"
)

func manCommand(e *ui.Env) *cli.Command {
	return &cli.Command{
		Name:        "man",
		Usage:       "write the man page",
		Description: "Example: ferry man > /usr/local/share/man/man1/ferry.1",
		Action: func(c *cli.Context) error {
			if c.Args().Present() {
				return ui.Misuse(fmt.Errorf("man: want no arguments, found %s", ui.Arguments(c)), "ferry man > ferry.1")
			}
			var b strings.Builder
			this := thisBuild()
			ui.ManPage(&b, c.App, this.Version, this.Date)
			_, err := io.WriteString(e.Stdout, b.String())
			return err
		},
	}
}
