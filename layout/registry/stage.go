package registry

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"sync"

	"github.com/opencontainers/go-digest"
	v1 "github.com/opencontainers/image-spec/specs-go/v1"

	"github.com/ociferry/ferry/layout"
	"github.com/ociferry/ferry/layout/durable"
)

// A Stage is a directory in which a pull collects blobs: those that are whole
// under the names that they have in a layout, and those that are not under
// "partial". It is the user's own, and locked while it is open. Its methods may
// be called from several goroutines, except Contents, Commit and Close.
type Stage struct {
	private *durable.Private
	root    *os.Root       // of private
	lender  *layout.Reader // or nil

	mu   sync.Mutex
	have map[digest.Digest]bool // written or hashed by this run
}

// StageFor is the directory of the Stage for an output: beside it, and the same
// for every run, so that the next finds what a killed one left.
func StageFor(output string) string {
	output = filepath.Clean(output)
	return filepath.Join(filepath.Dir(output), "."+filepath.Base(output)+".ferry-pull")
}

// OpenStage opens a stage, or makes a new one. The error wraps durable.ErrBusy
// when another run has it open, and durable.ErrNotOurs when somebody else may
// have made it.
func OpenStage(dir string) (*Stage, error) { return newStage(durable.OpenPrivate(dir)) }

// TempStage makes a stage for a pull that leaves nothing behind, in a directory
// that others may write into. What runs that were killed left there is removed.
func TempStage(parent string) (*Stage, error) {
	return newStage(durable.MakePrivate(parent, "ferry-pull-"))
}

func newStage(p *durable.Private, err error) (*Stage, error) {
	if err != nil {
		return nil, err
	}
	return &Stage{private: p, root: p.Root, have: map[digest.Digest]bool{}}, nil
}

// Path is the directory of the stage, for people.
func (s *Stage) Path() string { return s.private.Path() }

// Close ends the work on the stage. It is removed unless it is to be kept and
// holds something. Closing it twice is harmless.
func (s *Stage) Close(keep bool) (kept bool, err error) {
	if s.root == nil {
		return false, nil
	}
	if keep {
		for _, dir := range []string{"partial", "blobs/sha256", "blobs/sha512"} {
			if names, err := fs.ReadDir(s.root.FS(), dir); err == nil && len(names) > 0 {
				kept = true
			}
		}
	}
	s.root = nil
	if kept {
		return true, s.private.Close()
	}
	return false, s.private.Remove()
}

// holds reports whether a blob is there, by its content.
func (s *Stage) holds(ctx context.Context, d v1.Descriptor) (bool, error) {
	s.mu.Lock()
	done := s.have[d.Digest]
	s.mu.Unlock()
	if done {
		return true, nil
	}
	f, err := layout.Open(layout.RootFS(s.root)).Fetch(ctx, d)
	if errors.Is(err, fs.ErrNotExist) {
		return s.borrow(ctx, d)
	}
	if err == nil {
		err = layout.Copy(ctx, nil, f, d)
		f.Close()
	}
	var corrupt *layout.CorruptError
	var format *layout.FormatError
	switch {
	case errors.As(err, &corrupt) || errors.As(err, &format):
		return false, s.root.RemoveAll(layout.BlobPath(d.Digest))
	case err != nil:
		return false, err
	}
	s.keep(d.Digest)
	return true, nil
}

// Borrow has the stage take blobs that a layout holds already from there and
// not from a registry. The layout is only read, and must stay open as long as
// the stage; what is not whole in it is passed over.
func (s *Stage) Borrow(r *layout.Reader) { s.lender = r }

// borrow copies a blob out of the lender.
func (s *Stage) borrow(ctx context.Context, d v1.Descriptor) (bool, error) {
	if s.lender == nil {
		return false, nil
	}
	f, err := s.lender.Fetch(ctx, d)
	if err != nil {
		return false, nil // it is fetched then
	}
	defer f.Close()
	p, err := s.partial(d)
	if err != nil {
		return false, err
	}
	defer p.close()
	if p.n > 0 {
		return false, nil // that goes on where it was
	}
	if err := layout.Copy(ctx, p.f, f, d); err != nil {
		return false, p.reset()
	}
	return true, p.accept()
}

func (s *Stage) keep(d digest.Digest) {
	s.mu.Lock()
	s.have[d] = true
	s.mu.Unlock()
}

// put adds a document, which has been checked.
func (s *Stage) put(doc document) error {
	p, err := s.partial(doc.Descriptor)
	if err != nil {
		return err
	}
	defer p.close()
	if err := p.reset(); err != nil {
		return err
	}
	if _, err := p.f.Write(doc.data); err != nil {
		return err
	}
	return p.accept()
}

// Contents makes the stage a layout with this index, and lists it for copying;
// with seal it is sealed. Blobs that this run did not ask for are removed first.
// The stage must stay open while the contents are used.
func (s *Stage) Contents(ctx context.Context, index v1.Index, seal bool) (*layout.Contents, error) {
	if err := s.sweep(); err != nil {
		return nil, err
	}
	w, err := layout.CreateIn(s.root, layout.WriterOptions{NoSync: true}) // synced where it is committed
	if err != nil {
		return nil, err
	}
	defer w.Close()
	w.SetIndex(index)
	if _, err := w.Commit(ctx, layout.CommitOptions{Seal: seal}); err != nil {
		return nil, err
	}
	return layout.Open(layout.RootFS(s.root)).Contents(ctx)
}

// sweep removes what earlier runs left and this one does not need.
func (s *Stage) sweep() error {
	if err := s.root.RemoveAll("partial"); err != nil {
		return err
	}
	for _, a := range []string{"sha256", "sha512"} {
		entries, err := fs.ReadDir(s.root.FS(), "blobs/"+a)
		if errors.Is(err, fs.ErrNotExist) {
			continue
		}
		if err != nil {
			return err
		}
		for _, e := range entries {
			if !s.have[digest.Digest(a+":"+e.Name())] {
				if err := s.root.RemoveAll("blobs/" + a + "/" + e.Name()); err != nil {
					return err
				}
			}
		}
	}
	return nil
}

// Commit makes the stage, after Contents, the layout directory dir, which must be
// the output that it is for. With o.Overwrite a directory is replaced, but only if
// it holds a layout. Without an error the stage is closed; else it is as it was.
func (s *Stage) Commit(dir string, o durable.Options) error {
	if o.Overwrite {
		if _, err := os.Lstat(filepath.Join(dir, v1.ImageLayoutFile)); errors.Is(err, fs.ErrNotExist) {
			o.Overwrite = false // an empty directory will do, anything else is not ours to replace
		}
	}
	out, err := durable.Adopt(s.private, dir, o)
	if err == nil {
		err = out.Commit()
	}
	if err == nil {
		s.root = nil
	}
	return err
}
