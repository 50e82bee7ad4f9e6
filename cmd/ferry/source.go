package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	v1 "github.com/opencontainers/image-spec/specs-go/v1"

	"github.com/ociferry/ferry/bundle"
	"github.com/ociferry/ferry/cmd/ferry/internal/ui"
	"github.com/ociferry/ferry/layout"
	"github.com/ociferry/ferry/layout/artifact"
	"github.com/ociferry/ferry/layout/durable"
	"github.com/ociferry/ferry/layout/policy"
)

// A source is what a command reads: a layout directory, an archive, or
// standard input.
type source struct {
	name string // as it is opened and called; "-" is standard input
	ref  string // the artifact it chooses, or ""
	dir  bool
	// docker is set where the source may be an archive in docker's form.
	docker   bool
	e        *ui.Env
	seen     *ui.Progress  // counts what is read; nil while nobody wants to know
	required *requirements // what is asked of it beyond that it is whole
	// Signatures: those that it has, and those that go along when it is copied.
	signatures, kept int
	// listing collects what a packing list says; nil where none is wanted.
	listing *listing
	content *artifact.Inspection // once it has been checked, payloads too
	checked bool                 // by writeLayout, payloads too
}

// showReading shows the progress of reading sources. The caller ends it before it
// prints anything.
func showReading(e *ui.Env, stage string, sources ...*source) (end func()) {
	if e.Quiet || e.NoProgress {
		return func() {}
	}
	var total int64
	for _, s := range sources {
		if s.dir {
			// What is no layout is refused at once, however much there is in it.
			if _, err := os.Lstat(filepath.Join(s.name, v1.ImageLayoutFile)); err == nil {
				total += ui.FilesSize(os.DirFS(s.name))
			}
		} else if info, err := os.Stat(s.name); err == nil && info.Mode().IsRegular() {
			total += info.Size()
		}
	}
	p := e.Progress(stage, total)
	for _, s := range sources {
		s.seen = p
	}
	return p.End
}

// parseSource parses SRC. A path that exists is taken as it stands; else what
// follows the first colon or @ behind an existing path is the reference.
func parseSource(e *ui.Env, arg string) (*source, error) {
	s := &source{e: e}
	rest, isOCI := strings.CutPrefix(arg, "oci:")
	rest2, isArchive := strings.CutPrefix(arg, "oci-archive:")
	if rest, ok := strings.CutPrefix(arg, "docker-archive:"); ok {
		arg, s.docker = rest, true
	}
	switch {
	case ui.IsStdin(arg):
		s.name = "-"
		if len(arg) > 1 {
			s.ref = arg[2:]
		}
		return s, nil
	case strings.HasPrefix(arg, "oci://") || strings.HasPrefix(arg, "docker://"):
		return nil, ui.Misuse(fmt.Errorf("%s: a registry cannot be read here", layout.Printable(arg)), "ferry pull REF -o OUT fetches it first")
	case isOCI:
		arg = rest
	case isArchive:
		arg = rest2
	}
	if arg == "" {
		return nil, ui.Misuse(errors.New("the name of a source is empty"), "look at the variable that it came from")
	}
	info, err := os.Stat(arg)
	if err == nil {
		s.name = arg
	} else {
		for i := 1; i < len(arg) && s.name == ""; i++ {
			if arg[i] != ':' && arg[i] != '@' {
				continue
			}
			if in, e := os.Stat(arg[:i]); e == nil {
				s.name, s.ref, info = arg[:i], arg[i+1:], in
			}
		}
		if s.name == "" && looksRemote(arg) {
			return nil, ui.Hinted(err, "check the name; what is in a registry is fetched first: ferry pull "+ui.ShellWord(arg)+" -o OUT")
		}
		if s.name == "" {
			return nil, err
		}
	}
	s.dir = info.IsDir()
	switch {
	case isOCI && !s.dir:
		return nil, ui.Misuse(fmt.Errorf("%s: oci: wants a layout directory, found a file", layout.Printable(s.name)), "oci-archive:"+s.name+" reads a file")
	case s.docker && s.dir:
		return nil, ui.Misuse(fmt.Errorf("%s: docker-archive: wants a file, found a directory", layout.Printable(s.name)), "oci:"+s.name+" reads a directory")
	case isArchive && s.dir:
		return nil, ui.Misuse(fmt.Errorf("%s: oci-archive: wants a file, found a directory", layout.Printable(s.name)), "oci:"+s.name+" reads a directory")
	}
	return s, nil
}

// choose settles the reference that SRC or -t asks for.
func (s *source) choose(tag string) error {
	if tag != "" && s.ref != "" && tag != s.ref {
		return ui.Misuse(fmt.Errorf("-t %s: the source chooses %s already", layout.Printable(tag), layout.Printable(s.ref)), "give one of the two")
	}
	if tag != "" {
		s.ref = tag
	}
	return nil
}

// label is what the source is called in answers.
func (s *source) label() string {
	if s.name == "-" {
		return "standard input"
	}
	return layout.Printable(s.name)
}

// audit checks the whole source, and that it keeps what s.required asks of it:
// what that refuses is an error, and the report is there with it unless the
// signature does not hold.
func (s *source) audit(ctx context.Context, o layout.AuditOptions) (*layout.Report, error) {
	o, err := s.required.begin(ctx, s, o)
	if err != nil {
		return nil, s.err(err)
	}
	o = s.listing.begin(ctx, o)
	report, err := s.examine(ctx, o)
	if err == nil && report.Err() == nil {
		err = s.beside(report, o)
	}
	if err == nil && report.Err() == nil {
		err = s.err(s.required.check(ctx, report, s.ref))
	}
	return report, err
}

// beside notes what lies in a directory beside the layout and was not read.
func (s *source) beside(r *layout.Report, o layout.AuditOptions) error {
	for _, in := range o.Inspectors {
		if in, ok := in.(*policy.Inspector); ok && s.dir && !r.Sealed {
			return in.Beside(os.DirFS(s.name))
		}
	}
	return nil
}

// examine checks the whole source, and tells the requirements how large it is.
func (s *source) examine(ctx context.Context, o layout.AuditOptions) (*layout.Report, error) {
	if s.dir {
		r, err := s.reader()
		if err != nil {
			return nil, err
		}
		defer r.Close()
		report, err := r.Audit(ctx, o)
		if err == nil {
			err = s.required.measure(r.Size)
		}
		return report, s.err(err)
	}
	f, err := s.open(ctx)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	n := &sized{Reader: f}
	report, err := bundle.Verify(ctx, s.listing.reader(s.seen.Reader(n)), o)
	if err == nil {
		err = s.required.measure(n.size)
	}
	if err := s.otherForm(ctx, report, err); err != nil {
		return nil, s.err(err)
	}
	return report, s.err(err)
}

// documents reads index.json and all it reaches that is an index or manifest.
func (s *source) documents(ctx context.Context) (report *layout.Report, err error) {
	r, err := s.reader()
	if errors.Is(err, bundle.ErrCompressed) || errors.Is(err, errNotSeekable) {
		f, err := s.open(ctx)
		if err != nil {
			return nil, err
		}
		defer f.Close()
		report, err := bundle.Documents(ctx, f)
		if err := s.otherForm(ctx, report, err); err != nil {
			return nil, s.err(err)
		}
		if err == nil {
			err = report.Err()
		}
		return report, s.err(err)
	}
	if err == nil {
		defer r.Close()
		report, err = r.Documents(ctx)
	}
	if form := s.otherForm(ctx, nil, err); form != nil {
		err = form
	}
	return report, s.err(err)
}

var errNotSeekable = errors.New("not a file that can be read out of order")

// A reader reads the layout out of order, with what must be closed after it.
type reader struct {
	*layout.Reader
	close func() error
}

func (r *reader) Close() error { return r.close() }

// reader opens the source for reading out of order. The error is
// bundle.ErrCompressed or errNotSeekable when that cannot be.
func (s *source) reader() (*reader, error) {
	if s.dir {
		d, err := layout.OpenFS(s.name)
		if err != nil {
			return nil, err
		}
		return &reader{layout.Open(s.seen.Fs(d)), d.Close}, nil
	}
	f, err := s.regular()
	if err != nil {
		return nil, err
	}
	info, err := f.Stat()
	if err != nil {
		f.Close()
		return nil, err
	}
	r, err := bundle.OpenArchive(s.seen.ReaderAt(f), info.Size())
	if err != nil {
		f.Close()
		return nil, err
	}
	return &reader{r, f.Close}, nil
}

// contents lists the source for copying. A source that can only be read from
// front to back is unpacked beside spool first, a path that names the output.
// The caller calls done when it has copied what it wants.
func (s *source) contents(ctx context.Context, spool string) (c *layout.Contents, done func(), err error) {
	if s.docker {
		if c, done, err := s.dockerContents(ctx, spool); !errors.Is(err, bundle.ErrIsLayout) {
			return c, done, err
		}
	}
	r, err := s.reader()
	if errors.Is(err, bundle.ErrCompressed) || errors.Is(err, errNotSeekable) {
		return s.spool(ctx, spool)
	}
	if err == nil {
		if c, err = r.Contents(ctx); err != nil {
			r.Close()
		}
	}
	if form := s.otherForm(ctx, nil, err); form != nil {
		err = form
	}
	if err != nil {
		return nil, nil, s.err(err)
	}
	if c.Signed != nil {
		s.signatures = len(c.Signed.Signatures)
	}
	return c, func() { r.Close() }, nil
}

// spool unpacks a stream into a layout directory that never gets its final
// name: it goes when the command ends, or when the next run finds it.
func (s *source) spool(ctx context.Context, name string) (*layout.Contents, func(), error) {
	tmp, err := spoolDir(name)
	if err != nil {
		return nil, nil, err
	}
	dir := filepath.Join(tmp.Path(), "layout")
	report, err := s.writeLayout(ctx, dir, durable.Options{NoSync: true}, false, nil)
	if err != nil {
		tmp.Close()
		return nil, nil, err
	}
	r, err := layout.OpenDir(dir)
	if err != nil {
		tmp.Close()
		return nil, nil, err
	}
	done := func() { r.Close(); tmp.Close() }
	c, err := r.Contents(ctx)
	if err != nil {
		done()
		return nil, nil, err
	}
	c.Sign = report.SignaturesFor
	return c, done, nil
}

// spoolDir is a directory that goes when it is closed, or when the next run
// finds it.
func spoolDir(name string) (*durable.Dir, error) {
	o := durable.Options{NoSync: true}
	tmp, err := durable.Mkdir(name, o)
	for n := 2; errors.Is(err, durable.ErrBusy) && n < 100; n++ {
		tmp, err = durable.Mkdir(fmt.Sprintf("%s-%d", name, n), o)
	}
	return tmp, err
}

// writeLayout checks the source and writes it as a new layout directory, in
// one pass. check, which may be nil, has the last word. Signatures go along
// where the seal comes out as it was; prepare may set others.
func (s *source) writeLayout(ctx context.Context, dir string, o durable.Options, seal bool, check func(*layout.Report) error, prepare ...func(*layout.Writer)) (*layout.Report, error) {
	w, err := layout.Create(dir, o)
	if err != nil {
		return nil, err
	}
	defer w.Close()
	in := kinds.Inspect(usual)
	report, err := s.audit(ctx, layout.AuditOptions{Inspectors: []layout.Inspector{in}, Sink: func(_ *layout.Audit, d v1.Descriptor) (io.WriteCloser, error) {
		return w.Blob(ctx, d)
	}})
	if err == nil {
		err = s.err(report.Err())
	}
	if err == nil && check != nil {
		err = s.err(check(report))
	}
	if err != nil {
		return nil, err
	}
	s.content, s.checked = in, true
	if err := w.Drop(report.Extra); err != nil {
		return nil, err
	}
	if err := w.PutIndex(report.RawIndex); err != nil {
		return nil, err
	}
	s.signatures = len(report.Signatures)
	w.SignWith(func(seal []byte) ([]layout.Signature, error) {
		list, err := report.SignaturesFor(seal)
		s.kept = len(list)
		return list, err
	})
	for _, p := range prepare {
		p(w)
	}
	if _, err := w.Commit(ctx, seal); err != nil {
		return nil, err
	}
	return report, nil
}

// err names the source in an error about its content.
func (s *source) err(err error) error {
	if err == nil || ui.SignalCode(err) != 0 {
		return err
	}
	var p *fs.PathError
	if errors.As(err, &p) {
		return err
	}
	return fmt.Errorf("%s: %w", s.label(), err)
}
