package main

import (
	"context"
	"errors"
	"fmt"
	"syscall"

	"github.com/urfave/cli/v2"

	"github.com/ociferry/ferry/cmd/ferry/internal/source"
	"github.com/ociferry/ferry/cmd/ferry/internal/ui"
	"github.com/ociferry/ferry/layout"
)

func sealCommand(e *ui.Env) *cli.Command {
	return &cli.Command{
		Name:      "seal",
		Usage:     "write SHA256SUMS into a layout directory, over everything in it",
		ArgsUsage: "DIR",
		Description: "Example: ferry seal layout-dir\n\n" +
			"The layout is verified first, an old seal apart. A later change by any tool is then noticed by\n" +
			"ferry verify and by sha256sum -c SHA256SUMS. Signatures of another seal are removed: sign it again.",
		Flags: []cli.Flag{ui.FormatFlag()},
		Action: func(c *cli.Context) error {
			arg, err := ui.OneArg(c, "layout directory to seal")
			if err != nil {
				return err
			}
			src, err := source.Parse(e, arg)
			if err != nil {
				return err
			}
			if !src.IsDir {
				return ui.Misuse(fmt.Errorf("%s: want a layout directory, found a file", src.Label()), "ferry bundle seals every archive that it writes")
			}
			if src.Ref != "" {
				return ui.Misuse(fmt.Errorf("%s: a layout is sealed as a whole", layout.Printable(arg)), "ferry seal "+ui.ShellWord(src.Name))
			}
			report, removed, err := sealDir(c.Context, src.Name)
			if errors.Is(err, syscall.EROFS) {
				return ui.Hinted(ui.Wrap(src.Name, err), "a seal is written into the directory: copy it to where you may write, or ferry bundle it, which seals an archive")
			}
			if err != nil {
				return src.Err(err)
			}
			if c.String("format") == "json" {
				return ui.PrintJSON(e.Stdout, struct {
					Source   string   `json:"source"`
					Identity string   `json:"identity"`
					Extra    []string `json:"extra,omitempty"`   // covered, and nothing refers to them
					Removed  []string `json:"removed,omitempty"` // signatures
				}{src.Name, string(report.Digest), report.Extra, ui.SignaturesIn(removed)})
			}
			fmt.Fprintf(e.Stdout, "sealed %s\n", src.Label())
			ui.NewTable(e.Stdout).Row("identity", "%s", report.Digest)
			if n := len(report.Extra); n > 0 {
				e.Note("SHA256SUMS covers %s that nothing refers to as well: %s", ui.Count(n, "file"), ui.FirstOf(report.Extra))
			}
			e.Unsealed(removed, src.Name, true, false)
			e.Next("ferry verify %s --expect %s", ui.ShellWord(src.Name), report.Digest)
			return nil
		},
	}
}

// sealDir seals a layout directory, and says what it took away of the seal that
// was there.
func sealDir(ctx context.Context, dir string) (report *layout.Report, removed []string, err error) {
	w, err := layout.Append(ctx, dir, layout.WriterOptions{})
	if err != nil {
		return nil, nil, err
	}
	defer w.Close()
	report, err = layout.SealLayout(ctx, w, source.Inspectors())
	return report, w.Removed(), err
}
