package registry

import (
	"context"
	"errors"
	"fmt"
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
// "partial". It is locked while it is open. Its methods may be called from
// several goroutines, save Contents, Commit and Close.
type Stage struct {
	dir    string
	root   *os.Root
	unlock func()
	lender *layout.Reader // or nil

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
// when another run has it open.
func OpenStage(dir string) (*Stage, error) {
	for range 8 {
		if err := os.Mkdir(dir, 0o755); err != nil && !errors.Is(err, fs.ErrExist) {
			return nil, err
		}
		info, err := os.Lstat(dir)
		if errors.Is(err, fs.ErrNotExist) {
			continue // another run has just ended
		}
		if err != nil {
			return nil, err
		}
		if !info.IsDir() {
			return nil, fmt.Errorf("%s: in the way, and not a directory; remove it", layout.Printable(dir))
		}
		unlock, err := durable.Lock(dir)
		if errors.Is(err, fs.ErrNotExist) {
			continue
		}
		if err != nil {
			return nil, err
		}
		root, err := os.OpenRoot(dir)
		if err == nil {
			var now, mine fs.FileInfo
			if mine, err = root.Stat("."); err == nil {
				now, err = os.Lstat(dir)
			}
			if err == nil && os.SameFile(mine, now) {
				return &Stage{dir: dir, root: root, unlock: unlock, have: map[digest.Digest]bool{}}, nil
			}
			root.Close()
		}
		unlock()
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			return nil, err
		}
	}
	return nil, fmt.Errorf("%s: %w", layout.Printable(dir), durable.ErrBusy)
}

// Close ends the work on the stage. It is removed unless it is to be kept and
// holds something.
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
	err = s.root.Close()
	s.root = nil
	if !kept {
		if e := os.RemoveAll(s.dir); err == nil { // under the lock, so it is ours
			err = e
		}
	}
	s.unlock()
	return kept, err
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

// write puts the two files beside the blobs, so that the stage is a layout.
func (s *Stage) write(index v1.Index) error {
	c := &layout.Contents{}
	if err := c.SetIndex(index); err != nil {
		return err
	}
	if err := s.root.MkdirAll("blobs/sha256", 0o755); err != nil {
		return err
	}
	for name, data := range map[string][]byte{v1.ImageLayoutFile: c.OCILayout(), v1.ImageIndexFile: c.RawIndex} {
		if err := s.root.RemoveAll(name); err != nil {
			return err
		}
		if err := s.root.WriteFile(name, data, 0o644); err != nil {
			return err
		}
	}
	return nil
}

// Contents makes the stage a layout with this index and lists it for copying.
// Blobs that this run did not ask for are removed first. The stage must stay
// open while the contents are used; the caller closes the reader.
func (s *Stage) Contents(ctx context.Context, index v1.Index) (*layout.Contents, *layout.Reader, error) {
	if err := s.sweep(); err != nil {
		return nil, nil, err
	}
	if err := s.write(index); err != nil {
		return nil, nil, err
	}
	r, err := layout.OpenDir(s.dir)
	if err != nil {
		return nil, nil, err
	}
	c, err := r.Contents(ctx)
	if err != nil {
		r.Close()
		return nil, nil, err
	}
	return c, r, nil
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

// Commit makes the stage, after Contents, the layout directory dir: its blobs
// are moved there, not copied. With o.Overwrite a directory is replaced, but
// only if it holds a layout. After an error the stage may be empty.
func (s *Stage) Commit(ctx context.Context, dir string, o durable.Options, seal bool) (err error) {
	if o.Overwrite {
		if _, err := os.Lstat(filepath.Join(dir, v1.ImageLayoutFile)); errors.Is(err, fs.ErrNotExist) {
			o.Overwrite = false // an empty directory will do, anything else is not ours to replace
		}
	}
	out, err := durable.Mkdir(dir, o)
	if err != nil {
		return err
	}
	defer out.Close()
	moved := []string{}
	defer func() {
		for _, name := range moved {
			if err != nil {
				os.Rename(filepath.Join(out.Path(), name), filepath.Join(s.dir, name)) // at worst it is fetched again
			}
		}
	}()
	for _, name := range []string{"blobs", v1.ImageLayoutFile, v1.ImageIndexFile} {
		if err := os.Rename(filepath.Join(s.dir, name), filepath.Join(out.Path(), name)); err != nil {
			return err
		}
		moved = append(moved, name)
	}
	if seal {
		if err := sealDir(ctx, out.Path()); err != nil {
			return err
		}
	}
	return out.Commit()
}

func sealDir(ctx context.Context, dir string) error {
	root, err := os.OpenRoot(dir)
	if err != nil {
		return err
	}
	defer root.Close()
	data, err := layout.SealDir(ctx, root)
	if err != nil {
		return err
	}
	return root.WriteFile(layout.SealName, data, 0o644)
}
