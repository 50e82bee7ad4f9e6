package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	v1 "github.com/opencontainers/image-spec/specs-go/v1"

	"github.com/ociferry/ferry/bundle"
	"github.com/ociferry/ferry/layout"
	"github.com/ociferry/ferry/layout/compression"
	"github.com/ociferry/ferry/layout/durable"
)

// writeArchive writes contents as a sealed tar in the form that the name asks
// for; "-" is a plain tar on standard output.
func (e *env) writeArchive(ctx context.Context, name string, o durable.Options, c *layout.Contents) error {
	return e.writeArchiveAs(ctx, name, o, c, bundle.Write)
}

// tarWriter is bundle.Write, or what writes more than it.
type tarWriter func(context.Context, io.Writer, *layout.Contents) error

// writeArchiveAs is writeArchive in another form. A file gets its name only when
// the checks are content with it.
func (e *env) writeArchiveAs(ctx context.Context, name string, o durable.Options, c *layout.Contents, write tarWriter, checks ...func(bundle.Target) error) error {
	if name == "-" {
		if err := compressTo(ctx, e.stdout, compression.None, c, write); err != nil {
			return err
		}
		return e.flush()
	}
	return createFile(name, o, func(f bundle.Target) error {
		err := compressTo(ctx, f, compression.ByName(name), c, write)
		for _, check := range checks {
			if err == nil {
				err = check(f)
			}
		}
		return err
	})
}

func compressTo(ctx context.Context, w io.Writer, format *compression.Format, c *layout.Contents, write tarWriter) error {
	z := format.NewWriter(w)
	if err := write(ctx, z, c); err != nil {
		z.Close()
		return err
	}
	return z.Close()
}

// createFile makes an output file that is there whole, when fill has written
// it, or not at all.
func createFile(name string, o durable.Options, fill func(bundle.Target) error) error {
	f, err := durable.Create(name, o)
	if err != nil {
		return err
	}
	defer f.Close()
	if err := fill(&output{f, name}); err != nil {
		return err
	}
	return fileError(name, f.Commit())
}

// An output is a file whose errors call it by its final name and not by its
// temporary one.
type output struct {
	f    *durable.File
	name string
}

func (o *output) Write(p []byte) (int, error) {
	n, err := o.f.Write(p)
	return n, o.err(err)
}

func (o *output) WriteAt(p []byte, at int64) (int, error) {
	n, err := o.f.WriteAt(p, at)
	return n, o.err(err)
}

func (o *output) err(err error) error {
	var p *fs.PathError
	if errors.As(err, &p) {
		return &fs.PathError{Op: p.Op, Path: o.name, Err: p.Err}
	}
	return err
}

// inTheWay is the error for what stands where a directory is to be written and
// is never replaced, or nil: what is no directory, or no layout where one is to
// be.
func inTheWay(name string, layoutDir bool) error {
	info, err := os.Lstat(name)
	what, hint := "", "choose another name"
	switch {
	case err != nil:
		return nil
	case info.Mode()&fs.ModeSymlink != 0:
		what, hint = "a symbolic link", "name what it points to"
	case !info.IsDir():
		what = "a file, where a directory is wanted"
	case layoutDir:
		if _, err := os.Lstat(filepath.Join(name, v1.ImageLayoutFile)); err == nil {
			return nil
		}
		what = "a directory that is no layout"
	default:
		return nil
	}
	return hinted(fmt.Errorf("%s is %s; it is not replaced", layout.Printable(name), what), hint)
}

// slashed refuses a file where the name, by the slash at its end, asks for a
// directory.
func slashed(name string) error {
	info, err := os.Lstat(filepath.Clean(name))
	if err != nil || info.IsDir() || !os.IsPathSeparator(name[len(name)-1]) {
		return nil
	}
	return hinted(fmt.Errorf("-o %s: want a directory, by the slash at the end, found a file", layout.Printable(name)), "leave the slash out, or choose another name")
}

// nothingThere gives the error about a layout that is not there to be added to
// its next step.
func nothingThere(name string, err error) error {
	if _, e := os.Lstat(name); errors.Is(e, fs.ErrNotExist) {
		return hinted(err, "leave --append out to make a new layout: it adds to one that is there")
	}
	return err
}

// fileError calls an output by its final name.
func fileError(name string, err error) error {
	if err == nil {
		return nil
	}
	return in(name, err)
}

// printJSON prints one value as JSON for programs.
func printJSON(w io.Writer, v any) error {
	enc := json.NewEncoder(printableJSON{w})
	enc.SetEscapeHTML(false)
	enc.SetIndent("", "  ")
	return enc.Encode(v)
}

// A sheet prints names and values in two columns.
type sheet struct{ w io.Writer }

func (s sheet) row(name, format string, args ...any) {
	fmt.Fprintf(s.w, "  %-10s %s\n", name, printableLine(fmt.Sprintf(format, args...)))
}

// inAll says how many entries a layout has that was added to, and how many of
// them are fresh.
func (s sheet) inAll(n, fresh int) {
	word := "none"
	if fresh > 0 {
		word = strconv.Itoa(fresh)
	}
	s.row("in all", "%s now, %s of them new", count(n, "artifact"), word)
}

// size is a number of bytes for people: exact, and in a handy unit.
func size(n int64) string {
	const units = "KMGTPE"
	if n < 1<<10 {
		return fmt.Sprintf("%d B", n)
	}
	v, i := float64(n)/1024, 0
	for v >= 1024 && i < len(units)-1 {
		v /= 1024
		i++
	}
	return fmt.Sprintf("%.1f %ciB", v, units[i])
}

// count is "1 blob" or "2 blobs".
func count(n int, one string) string {
	if n == 1 {
		return "1 " + one
	}
	return fmt.Sprintf("%d %ss", n, one)
}

// firstOf is a list of names that ends with "..." where there are many.
func firstOf(names []string) string {
	var list []string
	for _, name := range names[:min(len(names), 8)] {
		list = append(list, layout.Printable(name))
	}
	if len(names) > len(list) {
		list = append(list, "...")
	}
	return strings.Join(list, ", ")
}

// shellWord is a word as it is typed in a shell. A name is not to be taken for
// a flag; "-", with an artifact behind it or not, is standard input.
func shellWord(s string) string {
	if strings.HasPrefix(s, "-") && !isStdin(s) {
		s = "./" + s
	}
	for _, r := range s {
		if !(r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' || strings.ContainsRune("_@%+=:,./-", r)) {
			return "'" + strings.ReplaceAll(s, "'", `'\''`) + "'"
		}
	}
	if s == "" {
		return "''"
	}
	return s
}
