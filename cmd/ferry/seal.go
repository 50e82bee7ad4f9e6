package main

import (
	"errors"
	"fmt"
	"syscall"

	"github.com/urfave/cli/v2"

	"github.com/ociferry/ferry/layout"
)

func sealCommand(e *env) *cli.Command {
	return &cli.Command{
		Name:      "seal",
		Usage:     "write SHA256SUMS into a layout directory, over everything in it",
		ArgsUsage: "DIR",
		Description: "Example: ferry seal layout-dir\n\n" +
			"The layout is verified first, an old seal apart. A later change by any tool is then noticed by\n" +
			"ferry verify and by sha256sum -c SHA256SUMS.",
		Flags: []cli.Flag{formatFlag()},
		Action: func(c *cli.Context) error {
			if err := checkFormat(c); err != nil {
				return err
			}
			arg, err := oneArg(c, "layout directory to seal")
			if err != nil {
				return err
			}
			src, err := e.source(arg)
			if err != nil {
				return err
			}
			if !src.dir {
				return misuse(fmt.Errorf("%s: want a layout directory, found a file", src.label()), "ferry bundle seals every archive that it writes")
			}
			if src.ref != "" {
				return misuse(fmt.Errorf("%s: a layout is sealed as a whole", layout.Printable(arg)), "ferry seal "+shellWord(src.name))
			}
			id, err := layout.SealLayout(c.Context, src.name)
			if errors.Is(err, syscall.EROFS) {
				return hinted(in(src.name, err), "a seal is written into the directory: copy it to where you may write, or ferry bundle it, which seals an archive")
			}
			if err != nil {
				return src.err(err)
			}
			if c.String("format") == "json" {
				return printJSON(e.stdout, struct {
					Source   string `json:"source"`
					Identity string `json:"identity"`
				}{src.name, string(id)})
			}
			fmt.Fprintf(e.stdout, "sealed %s\n", src.label())
			sheet{e.stdout}.row("identity", "%s", id)
			e.next("ferry verify %s --expect %s", shellWord(src.name), id)
			return nil
		},
	}
}
