package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/urfave/cli/v2"

	"github.com/ociferry/ferry/cmd/ferry/internal/ui"
	"github.com/ociferry/ferry/layout"
	"github.com/ociferry/ferry/layout/durable"
	"github.com/ociferry/ferry/zarf"
)

func zarfCommand(e *ui.Env) *cli.Command {
	return &cli.Command{
		Name:      "zarf",
		Usage:     "write the zarf.yaml that takes a bundle into a Zarf package",
		ArgsUsage: "[BUNDLE]",
		Description: "Example: ferry zarf lei-cache.tar.gz -o zarf.yaml\n" +
			"Example: ferry zarf lei-cache.tar.gz --into zarf.yaml\n" +
			"Example: ferry zarf --check zarf.yaml\n\n" +
			"The bundle is verified, and what Zarf checks late or never is checked first. --into puts\n" +
			"the components into a definition that is there, and leaves the rest of it as it is.\n" +
			"--check says whether a definition and what lies beside it still belong together.",
		Flags: []cli.Flag{
			ui.OutputFlag("where to write; - is standard output"),
			&cli.StringFlag{Name: "into", Usage: "add the components to the definition in `FILE`, or bring them up to date"},
			&cli.StringFlag{Name: "check", Usage: "compare the definition in `FILE` with the files it names, and write nothing"},
			&cli.StringFlag{Name: "shape", Value: string(zarf.Both), Usage: "files (placed on a host, no cluster), registry (mirrored), or both"},
			&cli.StringFlag{Name: "name", Usage: "the package's `NAME` (default: from the references)"},
			&cli.StringFlag{Name: "version", Usage: "the package's `VERSION` (default: the tag)"},
			&cli.StringFlag{Name: "description", Usage: "the package's description (default: the artifact's)"},
			&cli.StringFlag{Name: "architecture", Value: "amd64", Usage: "the package's architecture: that of the cluster; any, without one"},
			&cli.StringFlag{Name: "target", Usage: "`DIR` on the host for the files (default: the name)"},
			&cli.StringSliceFlag{Name: "image", Usage: "a reference to list for the registry, again for more (default: all, under .internal)"},
			&cli.StringSliceFlag{Name: "with-ferry", Usage: "put this ferry `BINARY` into the package to unpack with, one for each system"},
			&cli.BoolFlag{Name: "readme", Usage: "write README.md beside it, as the package's documentation"},
			&cli.BoolFlag{Name: "uds", Usage: "write uds-bundle.yaml beside it"},
			ui.OverwriteFlag("what is written"),
			ui.NoSyncFlag(),
			ui.FormatFlag(),
		},
		Action: func(c *cli.Context) error {
			if c.String("check") != "" {
				return zarfCheck(e, c)
			}
			return zarfWrite(e, c)
		},
	}
}

// A zarfAnswer is what `ferry zarf` says.
type zarfAnswer struct {
	Written      []string `json:"written"`
	Name         string   `json:"name"`
	Version      string   `json:"version"`
	Architecture string   `json:"architecture"`
	Components   []string `json:"components"`
	Images       []string `json:"images"`
	Archive      string   `json:"archive"`
	SHA256       string   `json:"sha256"`
	Index        string   `json:"index"`
	Changes      []string `json:"changes"`
	Notes        []string `json:"notes"`
}

func zarfWrite(e *ui.Env, c *cli.Context) error {
	arg, err := ui.OneArg(c, "BUNDLE")
	if err != nil {
		return err
	}
	into, output := c.String("into"), c.String("output")
	if output == "" {
		output = into
	}
	if output == "" {
		return ui.Misuse(errors.New("zarf: missing -o, the name of the output"), "usually -o zarf.yaml, beside the bundle; --into FILE changes a definition that is there")
	}
	extras := c.Bool("readme") || c.Bool("uds")
	switch {
	case extras && output == "-":
		return ui.Misuse(errors.New("zarf: --readme and --uds write files beside zarf.yaml, and -o - is none"), "give -o a name")
	case extras && into != "":
		return ui.Misuse(errors.New("zarf: --readme and --uds go with a definition of ferry's own, and not with --into"), "")
	}
	// The definition is found, before anything long is done.
	var existing []byte
	if into != "" {
		if existing, err = readDefinition(into); err != nil {
			return err
		}
	}
	dir := "."
	if output != "-" {
		dir = filepath.Dir(output)
	} else if into != "" {
		dir = filepath.Dir(into)
	}
	b, err := zarfBundle(e, c.Context, arg, dir)
	if err != nil {
		return err
	}
	o := zarf.Options{
		Shape: zarf.Shape(c.String("shape")), Name: c.String("name"), Version: c.String("version"), Description: c.String("description"),
		Architecture: c.String("architecture"), Target: c.String("target"), Images: c.StringSlice("image"),
	}
	for _, name := range c.StringSlice("with-ferry") {
		bin, err := zarfBinary(name, dir)
		if err != nil {
			return err
		}
		o.Ferry = append(o.Ferry, bin)
	}
	if c.Bool("readme") {
		o.Readme = "README.md"
	}
	p, err := zarf.Define(b, o)
	if err != nil {
		return zarfError(err)
	}
	answer := zarfAnswer{
		Name: p.Name, Version: p.Version, Architecture: p.Architecture, Archive: b.Path, SHA256: b.SHA256, Index: b.Index,
		Images: []string{}, Changes: []string{}, Notes: append([]string{}, p.Notes...), Written: []string{},
	}
	for _, component := range p.Components {
		answer.Components = append(answer.Components, component.Name)
		for _, a := range component.Archives {
			answer.Images = append(answer.Images, a.Images...)
		}
	}
	files := []zarfFile{{output, p.Write}}
	if into != "" {
		data, changes, err := zarf.Update(existing, p)
		if err != nil {
			return noDefinition(ui.Wrap(into, err), "ferry zarf "+ui.ShellWord(arg)+" -o NEW.yaml writes one anew")
		}
		for _, change := range changes {
			answer.Changes = append(answer.Changes, change.String())
		}
		answer.Notes = append(answer.Notes[:0], p.Notes...)
		files[0].write = func(w io.Writer) error { _, err := w.Write(data); return err }
		if len(changes) == 0 && output == into {
			files = nil
		}
	}
	if c.Bool("readme") {
		files = append(files, zarfFile{filepath.Join(dir, "README.md"), p.WriteReadme})
	}
	if c.Bool("uds") {
		files = append(files, zarfFile{filepath.Join(dir, "uds-bundle.yaml"), p.WriteUDS})
	}
	if output == "-" {
		if err := files[0].write(e.Stdout); err != nil {
			return err
		}
	} else {
		overwrite := c.Bool("overwrite") || output == into
		if err := writeAll(files, durable.Options{Overwrite: overwrite, NoSync: c.Bool("no-sync")}); err != nil {
			return err
		}
		for _, f := range files {
			answer.Written = append(answer.Written, f.name)
		}
	}
	return zarfSay(e, c, answer, output, into)
}

// zarfSay answers on standard output, unless the definition has gone there.
func zarfSay(e *ui.Env, c *cli.Context, a zarfAnswer, output, into string) error {
	for _, n := range a.Notes {
		e.Note("%s", n)
	}
	w := e.Stdout
	if output == "-" {
		w = e.Advice()
	} else if c.String("format") == "json" {
		return ui.PrintJSON(e.Stdout, a)
	}
	for _, change := range a.Changes {
		fmt.Fprintln(w, ui.PrintableLine(change))
	}
	if into != "" && len(a.Changes) == 0 {
		fmt.Fprintf(w, "%s is up to date\n", layout.Printable(into))
	}
	for _, name := range a.Written {
		fmt.Fprintf(w, "wrote %s\n", layout.Printable(name))
	}
	if len(a.Written) > 0 {
		e.Next("zarf package create %s --confirm", ui.ShellWord(packageAt(output)))
	}
	return nil
}

// packageAt is what zarf package create is given: in a directory it reads
// zarf.yaml, whatever else lies there.
func packageAt(definition string) string {
	if dir, name := filepath.Split(definition); name == "zarf.yaml" {
		return filepath.Clean(dir)
	}
	return definition
}

func zarfCheck(e *ui.Env, c *cli.Context) error {
	name := c.String("check")
	if c.NArg() > 0 || c.String("output") != "" || c.String("into") != "" {
		return ui.Misuse(errors.New("zarf: --check takes the definition and nothing else"), "it finds the bundle by what the definition says")
	}
	data, err := readDefinition(name)
	if err != nil {
		return err
	}
	d, err := zarf.Parse(data)
	if err != nil {
		return noDefinition(ui.Wrap(name, err), "it names the bundle")
	}
	var ended error
	absent := 0
	report := d.Check(func(p string, bundle bool) (zarf.Found, error) {
		if ended != nil {
			return zarf.Found{}, ended
		}
		found, err := zarfFound(c.Context, filepath.Dir(name), p, bundle)
		if err != nil && c.Context.Err() != nil {
			ended = context.Cause(c.Context)
		}
		if errors.Is(err, fs.ErrNotExist) {
			absent++
		}
		return found, err
	})
	if ended != nil {
		return ended
	}
	lines := []string{}
	for _, d := range report.Disagreements {
		lines = append(lines, d.String())
	}
	if c.String("format") == "json" {
		err = ui.PrintJSON(e.Stdout, struct {
			Files         int      `json:"files"`
			References    int      `json:"references"`
			Disagreements []string `json:"disagreements"`
		}{report.Files, report.References, lines})
	} else {
		for _, line := range lines {
			fmt.Fprintln(e.Stdout, ui.PrintableLine(line))
		}
		if len(lines) == 0 {
			fmt.Fprintf(e.Stdout, "%s: agrees with %s and %s beside it\n", layout.Printable(name), ui.Count(report.Files, "file"), ui.Count(report.References, "reference"))
		}
	}
	if err != nil || len(lines) == 0 {
		return err
	}
	code := ui.CodeBad
	if absent > 0 && absent == len(lines) {
		code = ui.CodeIncomplete
	}
	return ui.Fail(code, fmt.Errorf("%s: %s with what is beside it", layout.Printable(name), ui.Count(len(lines), "disagreement")), "ferry zarf BUNDLE --into "+ui.ShellWord(name)+" brings up to date what ferry wrote in it; the rest is mended by hand")
}

// A zarfFile is a file to write.
type zarfFile struct {
	name  string
	write func(io.Writer) error
}

// writeAll writes all files before the first of them gets its name.
func writeAll(files []zarfFile, o durable.Options) error {
	var all []*durable.File
	for _, f := range files {
		d, err := durable.Create(f.name, o)
		if err != nil {
			return err
		}
		defer d.Close()
		if err := f.write(d); err != nil {
			return ui.Wrap(f.name, err)
		}
		all = append(all, d)
	}
	for _, d := range all {
		if err := d.Commit(); err != nil {
			return err
		}
	}
	return nil
}

// readDefinition reads a file that may be anything.
func readDefinition(name string) ([]byte, error) {
	f, err := os.Open(name)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	var b bytes.Buffer
	// One byte more than zarf.Parse takes, for its error.
	if _, err := io.Copy(&b, io.LimitReader(f, 4<<20+1)); err != nil {
		return nil, err
	}
	return b.Bytes(), nil
}

// noDefinition is zarfError, with what to do when a file is no definition.
func noDefinition(err error, otherwise string) error {
	var e *zarf.Error
	if errors.As(err, &e) && e.Field != "definition" {
		return zarfError(err)
	}
	return ui.Hinted(zarfError(err), "give the definition of the package, zarf.yaml; "+otherwise)
}

// zarfError gives the first of what zarf.Define finds its exit code and hint.
func zarfError(err error) error {
	var e *zarf.Error
	if !errors.As(err, &e) {
		return err
	}
	code := ui.CodeMisuse
	if e.Field == "index" || e.Field == "definition" || e.Field == "component" {
		code = ui.CodeRefused
	}
	return ui.Fail(code, errors.New(strings.ReplaceAll(err.Error(), "\n", "; ")), e.Hint)
}
