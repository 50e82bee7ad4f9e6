package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
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
	"github.com/ociferry/ferry/layout/compression"
	"github.com/ociferry/ferry/layout/durable"
	"github.com/ociferry/ferry/layout/lei"
)

func exportCommand(e *ui.Env) *cli.Command {
	return &cli.Command{
		Name:      "export",
		Usage:     "make an LEI snapshot of reports in JSONL",
		ArgsUsage: "[REPORTS]",
		Description: "Example: ferry export reports.jsonl -o lei-cache-2026-02-05\n\n" +
			"REPORTS is JSONL, plain or compressed with gzip or zstd, one report a line; a snapshot\n" +
			"directory; or - for standard input, the default. Lines pass through byte for byte. A\n" +
			"malformed line is refused with its place. Reports whose data.config holds secrets are\n" +
			"refused with exit code 5 and the names of the keys, never the values. The gzip data is\n" +
			"made of members of 4 MiB of reports each, which are inflated on several cores.",
		Flags: []cli.Flag{
			ui.OutputFlag("write the snapshot to the directory `DIR` (default: lei-cache-DATE)"),
			&cli.StringFlag{Name: "pack", Usage: "pack the snapshot as the bundle `OUT`; without -o no directory is left"},
			&cli.StringSliceFlag{Name: "tag", Aliases: []string{"t"}, Usage: "with --pack: give the artifact this `REF`; may be repeated"},
			&cli.BoolFlag{Name: "lei-tags", Usage: "with --pack: tag with the date, latest, and weekly on Sundays"},
			&cli.StringFlag{Name: "date", Usage: "the snapshot's `DATE` as YYYY-MM-DD (default: today in UTC)"},
			&cli.StringFlag{Name: "created", Usage: "the `TIME` of the export in RFC 3339 (default: SOURCE_DATE_EPOCH, or now)"},
			&cli.StringFlag{Name: "lei-version", Usage: "the `VERSION` of LowEndInsight that made the reports (default: " + lei.DefaultLEIVersion + ")"},
			&cli.BoolFlag{Name: "skip-malformed", Usage: "drop lines that are no reports, and count them"},
			&cli.BoolFlag{Name: "allow-empty", Usage: "make a snapshot of no reports"},
			&cli.BoolFlag{Name: "allow-secrets", Usage: "let secrets in data.config pass"},
			&cli.BoolFlag{Name: "redact", Usage: "put null in the place of secrets in data.config"},
			&cli.BoolFlag{Name: "redact-emails", Usage: "put a hash in the place of every e-mail address"},
			&cli.BoolFlag{Name: "single-member", Usage: "make one gzip member, a few thousandths smaller and inflated on one core"},
			&cli.StringFlag{Name: "max-line", Value: "64MiB", Usage: "the longest line, a `SIZE` of at most 64MiB"},
			&cli.StringFlag{Name: "max-raw", Usage: "the longest input when inflated, a `SIZE` (default: no limit)"},
			ui.OverwriteFlag("an existing output"),
			&cli.StringFlag{Name: "tmpdir", Usage: "with --pack -, make the snapshot in `DIR` first (default: TMPDIR or the system's)"},
			ui.NoSyncFlag(),
			ui.FormatFlag(),
		},
		Action: func(c *cli.Context) error {
			x, err := newExportRun(c, e)
			if err != nil {
				return err
			}
			return x.run(c.Context)
		},
	}
}

// An exportRun is one run of ferry export.
type exportRun struct {
	e      *ui.Env
	c      *cli.Context
	in     string // a file or "-"
	label  string
	source *lei.Snapshot // of the snapshot that is exported again, or nil
	out    string        // "" for a bundle only
	pack   string
	o      lei.ExportOptions
	d      durable.Options
}

func newExportRun(c *cli.Context, e *ui.Env) (*exportRun, error) {
	x := &exportRun{e: e, c: c, in: "-", out: c.String("output"), pack: c.String("pack")}
	x.d = durable.Options{Overwrite: c.Bool("overwrite"), NoSync: c.Bool("no-sync")}
	switch c.NArg() {
	case 0:
	case 1:
		x.in = c.Args().First()
	default:
		return nil, ui.Misuse(fmt.Errorf("export: want one file of reports, found %s", ui.Arguments(c)), "cat joins several: cat a.jsonl b.jsonl | ferry export -o DIR")
	}
	if x.pack == "" && (c.IsSet("tag") || c.Bool("lei-tags")) {
		return nil, ui.Misuse(errors.New("-t and --lei-tags: want --pack OUT beside them"), "a snapshot directory has no tags")
	}
	if x.out == "-" || compression.ByName(x.out) != nil {
		return nil, ui.Misuse(fmt.Errorf("-o %s: want a directory for the snapshot", layout.Printable(x.out)), "--pack "+x.out+" makes a bundle of it")
	}
	if err := e.NoTerminal("--pack", x.pack); err != nil {
		return nil, err
	}
	x.label = layout.Printable(x.in)
	if x.in == "-" {
		x.label = "standard input"
	}
	x.o = lei.ExportOptions{
		LEIVersion: c.String("lei-version"), SkipMalformed: c.Bool("skip-malformed"), AllowEmpty: c.Bool("allow-empty"),
		AllowSecrets: c.Bool("allow-secrets"), Redact: c.Bool("redact"), RedactEmails: c.Bool("redact-emails"), SingleMember: c.Bool("single-member"),
	}
	var err error
	if x.o.MaxLine, err = ui.SizeFlag(c, "max-line"); err != nil {
		return nil, err
	}
	if x.o.MaxLine > lei.MaxLine {
		return nil, ui.Misuse(fmt.Errorf("--max-line: want at most %s, found %s", ui.Size(lei.MaxLine), ui.Size(x.o.MaxLine)), "a snapshot with a longer line would be refused by ferry pack and ferry verify")
	}
	if x.o.MaxRaw, err = ui.SizeFlag(c, "max-raw"); err != nil {
		return nil, err
	}
	if err := x.openSnapshot(); err != nil {
		return nil, err
	}
	if err := x.times(); err != nil {
		return nil, err
	}
	if x.out == "" && x.pack == "" {
		x.out = "lei-cache-" + x.o.Date
	}
	return x, nil
}

// openSnapshot takes date, time and version from the snapshot that is exported
// again, if it is one.
func (x *exportRun) openSnapshot() error {
	if x.in == "-" {
		return nil
	}
	info, err := os.Stat(x.in)
	if err != nil || !info.IsDir() {
		return err
	}
	if !lei.IsSnapshot(os.DirFS(x.in)) {
		hint := "a snapshot holds manifest.json and cache.jsonl.gz"
		if _, err := os.Lstat(filepath.Join(x.in, v1.ImageLayoutFile)); err == nil {
			hint = "this is a layout; unpack it first: ferry unpack " + ui.ShellWord(x.in) + " -o DIR"
		}
		return ui.Misuse(fmt.Errorf("%s: want a file of reports or a snapshot, found another directory", x.label), hint)
	}
	if x.source, err = readSnapshot(x.in); err != nil {
		return unsound(x.in, err)
	}
	x.in = filepath.Join(x.in, "cache.jsonl.gz")
	if x.o.LEIVersion == "" {
		x.o.LEIVersion = x.source.LEIVersion
	}
	return nil
}

// times settles the date and the time of the export.
func (x *exportRun) times() error {
	now := x.e.Now().UTC()
	fixed := false
	if epoch := x.e.Getenv("SOURCE_DATE_EPOCH"); epoch != "" {
		n, err := strconv.ParseInt(epoch, 10, 64)
		if err != nil {
			return ui.Misuse(fmt.Errorf("SOURCE_DATE_EPOCH=%q: want a number of seconds since 1970", epoch), "unset it, or set it as reproducible-builds.org says")
		}
		now, fixed = time.Unix(n, 0).UTC(), true
	}
	x.o.Date, x.o.Created = x.c.String("date"), x.c.String("created")
	if x.source != nil {
		if x.o.Date == "" {
			x.o.Date = x.source.Date
		}
		if x.o.Created == "" {
			x.o.Created = x.source.Created
		}
	}
	if x.o.Date == "" {
		x.o.Date = now.Format(time.DateOnly)
	}
	if x.o.Created == "" {
		x.o.Created = now.Format("2006-01-02T15:04:05.000000Z")
		if !fixed {
			x.e.Remark("created is the time now, %s; --created or SOURCE_DATE_EPOCH makes an export that can be repeated", x.o.Created)
		}
	}
	if _, err := lei.Tags(x.o.Date); err != nil {
		return ui.Misuse(fmt.Errorf("--date: %w", err), "for example --date 2026-02-05")
	}
	if _, err := artifact.ParseTime(x.o.Created); err != nil {
		return ui.Misuse(fmt.Errorf("--created: %w", err), "for example 2026-02-05T00:00:00Z")
	}
	return nil
}

func (x *exportRun) run(ctx context.Context) error {
	if x.pack != "" && x.pack != "-" && !x.d.Overwrite {
		// Asked before anything is read, so that the answer comes at once.
		if _, err := os.Lstat(x.pack); err == nil {
			return &fs.PathError{Op: "create", Path: x.pack, Err: fs.ErrExist}
		}
	}
	in, err := x.open(ctx)
	if err != nil {
		return err
	}
	defer in.Close()
	name := x.out
	switch {
	case name != "":
	case x.pack == "-": // not named by the output, so that only who runs this may read it
		tmp, err := os.MkdirTemp(x.c.String("tmpdir"), "ferry-export-")
		if err != nil {
			return err
		}
		defer os.RemoveAll(tmp)
		name = filepath.Join(tmp, "snapshot")
	default: // the snapshot stands beside the bundle while that is made
		name = x.pack + ".snapshot"
	}
	if err := ownDirectory(name, x.d.Overwrite); err != nil {
		return err
	}
	dir, err := durable.Mkdir(name, x.d)
	if err != nil {
		return err
	}
	defer dir.Close()
	snapshot, report, err := x.write(ctx, in, dir.Path())
	x.notes(report)
	if err != nil && x.out == "" && x.pack == "-" {
		err = ui.NoRoom(x.c.String("tmpdir"), err)
	}
	if err != nil {
		return err
	}
	if x.out != "" {
		if err := dir.Commit(); err != nil {
			return ui.Wrap(x.out, err)
		}
	}
	if x.pack != "" {
		where := dir.Path()
		if x.out != "" {
			where = x.out
		}
		return x.bundle(ctx, where)
	}
	return x.answer(snapshot, report)
}

// ownDirectory lets --overwrite replace a snapshot, and no other directory.
func ownDirectory(name string, overwrite bool) error {
	entries, err := os.ReadDir(name)
	if err != nil || !overwrite || len(entries) == 0 {
		return nil // durable.Mkdir says what there is to say
	}
	if !lei.IsSnapshot(os.DirFS(name)) {
		return fmt.Errorf("%s: not a snapshot; it is not overwritten", layout.Printable(name))
	}
	return nil
}

// open opens the reports; a snapshot is checked first.
func (x *exportRun) open(ctx context.Context) (io.ReadCloser, error) {
	if x.in == "-" {
		return x.reports(x.e.Input())
	}
	f, err := os.Open(x.in)
	if err != nil {
		return nil, err
	}
	if x.source == nil {
		return x.reports(f)
	}
	p, err := lei.ScanPayload(ctx, f, lei.ScanOptions{MaxRaw: x.source.RawSize, MaxLine: x.o.MaxLine})
	if err == nil {
		err = x.source.Check(p)
	}
	if err == nil {
		_, err = f.Seek(0, io.SeekStart)
	}
	if err != nil {
		f.Close()
		dir := filepath.Dir(x.in)
		return nil, unsound(dir, ui.Wrap(dir, err))
	}
	return f, nil
}

// unsound is the error about a snapshot that cannot be exported again.
func unsound(dir string, err error) error {
	return ui.Hinted(err, "get the snapshot anew; or export its reports without what manifest.json says of them: ferry export "+ui.ShellWord(filepath.Join(dir, "cache.jsonl.gz")))
}

// write makes the two files in dir.
func (x *exportRun) write(ctx context.Context, in io.Reader, dir string) (*lei.Snapshot, *lei.ExportReport, error) {
	var files [2]*os.File
	for i, n := range []string{"manifest.json", "cache.jsonl.gz"} {
		f, err := os.OpenFile(filepath.Join(dir, n), os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o644)
		if err != nil {
			return nil, nil, err
		}
		defer f.Close()
		files[i] = f
	}
	snapshot, report, err := lei.Export(ctx, in, files[0], files[1], x.o)
	var format *lei.FormatError
	var secrets *lei.SecretsError
	switch {
	case err == nil:
	case errors.Is(err, lei.ErrEmpty):
		err = ui.Hinted(fmt.Errorf("%s: %w", x.label, err), "--allow-empty makes a snapshot of none")
	case errors.As(err, &format):
		hint := "mend the line, or drop such lines with --skip-malformed"
		if format.Line == 0 {
			hint = "give JSONL, plain or compressed with gzip or zstd, that is whole"
		}
		err = ui.Hinted(fmt.Errorf("%s: %w", x.label, err), hint)
	case errors.As(err, &secrets):
		err = ui.Hinted(fmt.Errorf("%s: %w", x.label, err), "--redact puts null in their place; --allow-secrets lets them pass")
	}
	for _, f := range files {
		if cerr := f.Close(); err == nil {
			err = cerr
		}
	}
	return snapshot, report, err
}

// notes says what was found and done beside the export.
func (x *exportRun) notes(r *lei.ExportReport) {
	if r == nil {
		return
	}
	if r.Skipped > 0 {
		x.e.Note("%s dropped; the first: %s", ui.Count(int(r.Skipped), "malformed line"), r.FirstSkipped[0])
	}
	if r.InvalidUTF8 > 0 {
		x.e.Note("%s not valid UTF-8, kept as found", ui.Count(int(r.InvalidUTF8), "report"))
	}
	if n := r.Secrets.Notice(); n != "" && !x.o.Redact {
		x.e.Note("%s", n)
	}
	if s := r.Secrets; s.Err() != nil && x.o.AllowSecrets && !x.o.Redact {
		x.e.Note("%s; allowed", &lei.SecretsError{Secrets: s})
	}
}

// bundle packs the snapshot in dir.
func (x *exportRun) bundle(ctx context.Context, dir string) error {
	p := &output.Packing{
		Output: &output.Output{Env: x.e, Name: x.pack, Options: x.d, JSON: x.c.String("format") == "json"},
		Dir:    dir, Kind: lei.Cache, Artifact: artifact.Options{Secrets: artifact.RefuseSecrets}, Repository: lei.Repository,
		Tags: x.c.StringSlice("tag"), KindTags: x.c.Bool("lei-tags"),
	}
	if x.o.AllowSecrets {
		p.Artifact.Secrets = artifact.AllowSecrets
	}
	root, err := os.OpenRoot(dir)
	if err != nil {
		return err
	}
	defer root.Close()
	packed, index, err := p.Pack(ctx, layout.RootFS(root))
	if err != nil {
		return err
	}
	packed.Notices = nil // said before
	p.Dir = x.label
	return p.AnswerPacked(packed, index)
}

// exportAnswer is what export reports.
type exportAnswer struct {
	Output          string `json:"output"`
	Date            string `json:"date"`
	Created         string `json:"created"`
	LEIVersion      string `json:"leiVersion"`
	Entries         int64  `json:"entries"`
	Repositories    int64  `json:"repositories"`
	RawBytes        int64  `json:"rawBytes"`
	Bytes           int64  `json:"bytes"`
	ContentHash     string `json:"contentHash"`
	Skipped         int64  `json:"skipped"`
	InvalidUTF8     int64  `json:"invalidUTF8"`
	RedactedSecrets int64  `json:"redactedSecrets"`
	RedactedEmails  int64  `json:"redactedEmails"`
}

func (x *exportRun) answer(s *lei.Snapshot, r *lei.ExportReport) error {
	if x.c.String("format") == "json" {
		return ui.PrintJSON(x.e.Stdout, exportAnswer{
			x.out, s.Date, s.Created, s.LEIVersion, s.EntryCount, s.Repos, s.RawSize, s.CompressedSize, s.ContentHash,
			r.Skipped, r.InvalidUTF8, r.RedactedSecrets, r.RedactedEmails,
		})
	}
	w := x.e.Stdout
	fmt.Fprintf(w, "exported %s\n", x.label)
	sh := ui.NewTable(w)
	sh.Row("output", "%s (LEI snapshot)", x.out)
	sh.Row("date", "%s", s.Date)
	sh.Row("reports", "%d, of %d repositories", s.EntryCount, s.Repos)
	if r.Skipped > 0 {
		sh.Row("skipped", "%s", ui.Count(int(r.Skipped), "malformed line"))
	}
	if x.o.Redact || x.o.RedactEmails {
		sh.Row("redacted", "%d secrets, %d e-mail addresses", r.RedactedSecrets, r.RedactedEmails)
	}
	sh.Row("content", "%s of JSONL, %s compressed", ui.Size(s.RawSize), ui.Size(s.CompressedSize))
	sh.Row("hash", "%s", s.ContentHash)
	x.e.Next("ferry pack %s -o %s.tar", ui.ShellWord(x.out), ui.ShellWord(strings.TrimSuffix(x.out, "/")))
	return nil
}
