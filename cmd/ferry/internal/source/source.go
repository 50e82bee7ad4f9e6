// Package source is what a command reads: how it is named on the command line,
// opened, checked against what the user asks of it, copied, and, where it is not
// what it should be, diagnosed.
package source

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	v1 "github.com/opencontainers/image-spec/specs-go/v1"

	"github.com/ociferry/ferry/bundle"
	"github.com/ociferry/ferry/cmd/ferry/internal/ui"
	"github.com/ociferry/ferry/layout"
	"github.com/ociferry/ferry/layout/artifact"
)

// Base is what a source is called on paper, where no directory of this host
// belongs.
func (s *Source) Base() string {
	if s.Name == "-" {
		return "standard input"
	}
	if abs, err := filepath.Abs(s.Name); err == nil {
		return filepath.Base(abs)
	}
	return filepath.Base(s.Name)
}

// A Source is what a command reads: a layout directory, an archive, or
// standard input.
type Source struct {
	Name  string // as it is opened and called; "-" is standard input
	Ref   string // the artifact it chooses, or ""
	IsDir bool
	// docker is set where the source may be an archive in docker's form.
	Docker       bool
	Env          *ui.Env
	Progress     *ui.Progress  // counts what is read; nil while nobody wants to know
	Requirements *Requirements // what is asked of it beyond that it is whole
	// Signatures: those that it has, and those that go along when it is copied.
	Signatures, Kept int
	// collector sees what passes in an audit; nil where nobody collects.
	Collector collector
	Content   *artifact.Inspection // once it has been checked, payloads too
	Checked   bool                 // by writeLayout, payloads too

	opened *bundle.Source
	fsys   fs.FS // of a directory
	close  func() error
}

// ShowReading shows the progress of reading sources. The caller ends it before it
// prints anything.
func ShowReading(e *ui.Env, stage string, sources ...*Source) (end func()) {
	if e.Quiet || e.NoProgress {
		return func() {}
	}
	var total int64
	for _, s := range sources {
		if s.IsDir {
			// What is no layout is refused at once, however much there is in it.
			if _, err := os.Lstat(filepath.Join(s.Name, v1.ImageLayoutFile)); err == nil {
				total += ui.FilesSize(os.DirFS(s.Name))
			}
		} else if info, err := os.Stat(s.Name); err == nil && info.Mode().IsRegular() {
			total += info.Size()
		}
	}
	p := e.Progress(stage, total)
	for _, s := range sources {
		s.Progress = p
	}
	return p.End
}

// Parse parses SRC. A path that exists is taken as it stands; else what
// follows the first colon or @ behind an existing path is the reference.
func Parse(e *ui.Env, arg string) (*Source, error) {
	s := &Source{Env: e}
	rest, isOCI := strings.CutPrefix(arg, "oci:")
	rest2, isArchive := strings.CutPrefix(arg, "oci-archive:")
	if rest, ok := strings.CutPrefix(arg, "docker-archive:"); ok {
		arg, s.Docker = rest, true
	}
	switch {
	case ui.IsStdin(arg):
		s.Name = "-"
		if len(arg) > 1 {
			s.Ref = arg[2:]
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
		s.Name = arg
	} else {
		for i := 1; i < len(arg) && s.Name == ""; i++ {
			if arg[i] != ':' && arg[i] != '@' {
				continue
			}
			if in, e := os.Stat(arg[:i]); e == nil {
				s.Name, s.Ref, info = arg[:i], arg[i+1:], in
			}
		}
		if s.Name == "" && LooksRemote(arg) {
			return nil, ui.Hinted(err, "check the name; what is in a registry is fetched first: ferry pull "+ui.ShellWord(arg)+" -o OUT")
		}
		if s.Name == "" {
			return nil, err
		}
	}
	s.IsDir = info.IsDir()
	switch {
	case isOCI && !s.IsDir:
		return nil, ui.Misuse(fmt.Errorf("%s: oci: wants a layout directory, found a file", layout.Printable(s.Name)), "oci-archive:"+s.Name+" reads a file")
	case s.Docker && s.IsDir:
		return nil, ui.Misuse(fmt.Errorf("%s: docker-archive: wants a file, found a directory", layout.Printable(s.Name)), "oci:"+s.Name+" reads a directory")
	case isArchive && s.IsDir:
		return nil, ui.Misuse(fmt.Errorf("%s: oci-archive: wants a file, found a directory", layout.Printable(s.Name)), "oci:"+s.Name+" reads a directory")
	}
	return s, nil
}

// Choose settles the reference that SRC or -t asks for.
func (s *Source) Choose(tag string) error {
	if tag != "" && s.Ref != "" && tag != s.Ref {
		return ui.Misuse(fmt.Errorf("-t %s: the source chooses %s already", layout.Printable(tag), layout.Printable(s.Ref)), "give one of the two")
	}
	if tag != "" {
		s.Ref = tag
	}
	return nil
}

// Label is what the source is called in answers.
func (s *Source) Label() string {
	if s.Name == "-" {
		return "standard input"
	}
	return layout.Printable(s.Name)
}

// Err names the source in an error about its content.
func (s *Source) Err(err error) error {
	if err == nil || ui.SignalCode(err) != 0 {
		return err
	}
	var p *fs.PathError
	if errors.As(err, &p) {
		return err
	}
	return fmt.Errorf("%s: %w", s.Label(), err)
}
