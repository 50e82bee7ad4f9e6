package layout

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"path"
	"runtime"
	"strings"
	"sync"

	v1 "github.com/opencontainers/image-spec/specs-go/v1"

	"github.com/ociferry/ferry/layout/durable"
)

// A Reader reads a layout out of a file system, which is as foreign as what is
// in it: every element of a path is looked at before it is opened, links and
// special files are refused, sizes are compared before anything is read.
//
// The file system is a directory (OpenDir), or an archive that offers its
// entries as one. Its Open must not block on a FIFO; OpenDir sees to that.
type Reader struct {
	// Elsewhere, when set, is asked for blobs that are not in the file system:
	// because they are made of others, or lie on another medium. What it fetches is
	// as foreign as what is in the file system.
	Elsewhere Fetcher

	fsys    fs.FS
	close   func() error
	archive bool
}

// A Fetcher opens blobs by what describes them; the content is as long as that
// says, or shorter or longer by mistake. The error is an fs.ErrNotExist for a blob
// that it does not have. A Reader is one.
type Fetcher interface {
	Fetch(ctx context.Context, d v1.Descriptor) (io.ReadCloser, error)
}

// Open is a Reader of the layout at the root of fsys. It reads nothing yet.
func Open(fsys fs.FS) *Reader { return &Reader{fsys: fsys, close: func() error { return nil }} }

// OpenArchive is a Reader of an archive that offers its entries as a file system.
// Nobody adds to an archive: all files in it are read by an audit, and a seal is
// the whole list of them; see AuditOptions.Strict.
func OpenArchive(fsys fs.FS) *Reader {
	r := Open(fsys)
	r.archive = true
	return r
}

// OpenDir is a Reader of the layout in a directory. The caller closes it.
func OpenDir(dir string) (*Reader, error) {
	d, err := OpenFS(dir)
	if err != nil {
		return nil, err
	}
	r := Open(d)
	r.close = d.Close
	return r, nil
}

// Close releases the directory. It is harmless to call twice.
func (r *Reader) Close() error { return r.close() }

// openFile opens a regular file whose parents are directories and no links.
func (r *Reader) openFile(name string) (fs.File, int64, error) {
	for i, c := range name {
		if c == '/' {
			info, err := fs.Lstat(r.fsys, name[:i])
			if err != nil {
				return nil, 0, err
			}
			if !info.IsDir() {
				return nil, 0, &FormatError{name[:i], fmt.Errorf("want a directory, found %s", kind(info.Mode()))}
			}
		}
	}
	before, err := fs.Lstat(r.fsys, name)
	if err != nil {
		return nil, 0, err
	}
	if !before.Mode().IsRegular() {
		return nil, 0, &FormatError{name, fmt.Errorf("want a regular file, found %s", kind(before.Mode()))}
	}
	f, err := r.fsys.Open(name)
	if err != nil {
		return nil, 0, err
	}
	after, err := f.Stat()
	if err == nil && (!after.Mode().IsRegular() || after.Size() != before.Size()) {
		err = &FormatError{name, errors.New("changed while it was opened")}
	}
	if err == nil && holes(after) {
		err = &FormatError{name, fmt.Errorf("a sparse file: its size is %d bytes, and nearly all of it is holes", after.Size())}
	}
	if err != nil {
		f.Close()
		return nil, 0, err
	}
	return f, after.Size(), nil
}

// kind is the word for what stands where a regular file should.
func kind(m fs.FileMode) string {
	switch {
	case m.IsRegular():
		return "a regular file"
	case m.IsDir():
		return "a directory"
	case m&fs.ModeSymlink != 0:
		return "a symbolic link"
	case m&fs.ModeNamedPipe != 0:
		return "a FIFO (named pipe)"
	case m&fs.ModeSocket != 0:
		return "a socket"
	case m&fs.ModeDevice != 0:
		return "a device"
	}
	return "a special file"
}

// Fetch opens a blob for reading. Its size has been compared with d; its
// content has not: pass it through Copy. The error is an fs.ErrNotExist when
// the blob is not there.
func (r *Reader) Fetch(ctx context.Context, d v1.Descriptor) (io.ReadCloser, error) {
	if _, err := ParseDigest(string(d.Digest)); err != nil {
		return nil, err
	}
	name := BlobPath(d.Digest)
	f, size, err := r.openFile(name)
	if errors.Is(err, fs.ErrNotExist) && r.Elsewhere != nil {
		return r.Elsewhere.Fetch(ctx, d)
	}
	if errors.Is(err, fs.ErrNotExist) {
		return nil, &MissingError{Name: name, Size: d.Size, From: "a descriptor"}
	}
	if err != nil {
		return nil, err
	}
	if size != d.Size {
		f.Close()
		return nil, &CorruptError{Name: name, Want: d.Digest, WantSize: d.Size, GotSize: size}
	}
	return f, nil
}

// Audit checks the whole layout; see Audit. Blobs are hashed on all cores. The
// error is one that ended the audit, a cancelled ctx among them; what is wrong
// with the layout is in the report, which is nil only with an error.
func (r *Reader) Audit(ctx context.Context, o AuditOptions) (*Report, error) {
	if r.archive {
		o.Strict = true
	}
	a := NewAudit(o)
	for _, name := range rootFiles() {
		if err := r.add(ctx, a, name); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return nil, err
		}
	}
	if err := a.requireTrust(""); err != nil {
		return nil, err
	}
	if a.Index() != nil {
		if err := r.addWanted(ctx, a); err != nil {
			return nil, err
		}
	}
	if err := r.addRest(ctx, a); err != nil {
		return nil, err
	}
	return a.Finish(), nil
}

// CopyTo checks the whole layout and writes it, in one pass; see Writer.Receive.
func (r *Reader) CopyTo(ctx context.Context, w *Writer, o AuditOptions) (*Report, error) {
	return w.Receive(ctx, o, r.Audit)
}

// Size is the number of bytes in all files of the layout's directory, those that
// are no part of the layout too.
func (r *Reader) Size() (total int64, err error) {
	err = fs.WalkDir(r.fsys, ".", func(_ string, e fs.DirEntry, err error) error {
		if err != nil || !e.Type().IsRegular() {
			return err
		}
		info, err := e.Info()
		if err == nil {
			total += info.Size()
		}
		return err
	})
	return total, err
}

// Documents reads index.json, the indexes and the manifests, and nothing else:
// what is in the layout, without the word that it is whole.
func (r *Reader) Documents(ctx context.Context) (*Report, error) {
	a, err := r.documents(ctx, AuditOptions{})
	if err != nil {
		return nil, err
	}
	return a.Partial(), nil
}

func (r *Reader) documents(ctx context.Context, o AuditOptions) (*Audit, error) {
	if r.archive {
		o.Strict = true
	}
	a := NewAudit(o)
	for _, name := range rootFiles() {
		err := r.add(ctx, a, name)
		if errors.Is(err, fs.ErrNotExist) {
			if name == SealName || IsSignature(name) {
				continue
			}
			err = &FormatError{name, ErrNotLayout}
		}
		if err != nil {
			return nil, err
		}
	}
	if err := a.requireTrust(""); err != nil {
		return nil, err
	}
	for {
		d, document, ok := a.Next()
		if !ok || !document {
			break
		}
		if err := r.addBlob(ctx, a, d); err != nil {
			return nil, err
		}
	}
	if len(a.invalid)+len(a.corrupt) > 0 {
		return nil, (&Report{Invalid: a.invalid, Corrupt: a.corrupt}).Err()
	}
	return a, nil
}

func (r *Reader) add(ctx context.Context, a *Audit, name string) error {
	f, size, err := r.openFile(name)
	var bad *FormatError
	if errors.As(err, &bad) {
		a.refuse(name, bad)
		return nil
	}
	if err != nil {
		return err
	}
	defer f.Close()
	return a.Add(ctx, name, size, f)
}

// smallBlob is what a config or a manifest.json stays below.
const smallBlob = 4 << 20

// addWanted feeds what descriptors reach: documents one after another, since
// each may name more, then the small blobs and then the large ones, on all
// cores. An inspector so knows what the small ones say of the large ones.
func (r *Reader) addWanted(ctx context.Context, a *Audit) error {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	var (
		wg    sync.WaitGroup
		slots = make(chan struct{}, runtime.GOMAXPROCS(0))
	)
	one := func(d v1.Descriptor) {
		if err := r.addBlob(ctx, a, d); err != nil {
			cancel(err)
		}
	}
	start := func(d v1.Descriptor) {
		slots <- struct{}{}
		wg.Go(func() { one(d); <-slots })
	}
	var large []v1.Descriptor
	for ctx.Err() == nil {
		d, document, ok := a.Next()
		if !ok {
			break
		}
		switch {
		case document:
			one(d)
		case d.Size > smallBlob:
			large = append(large, d)
		default:
			start(d)
		}
	}
	wg.Wait()
	for _, d := range large {
		if ctx.Err() == nil {
			start(d)
		}
	}
	wg.Wait()
	return context.Cause(ctx)
}

// addBlob feeds one blob that a descriptor wants, or says that it is missing.
func (r *Reader) addBlob(ctx context.Context, a *Audit, d v1.Descriptor) error {
	err := r.add(ctx, a, BlobPath(d.Digest))
	if errors.Is(err, fs.ErrNotExist) && r.Elsewhere != nil {
		var f io.ReadCloser
		if f, err = r.Elsewhere.Fetch(ctx, d); err == nil {
			defer f.Close()
			return a.Add(ctx, BlobPath(d.Digest), d.Size, f)
		}
	}
	if errors.Is(err, fs.ErrNotExist) {
		a.MarkMissing(d.Digest)
		return nil
	}
	return err
}

// addRest feeds what no descriptor reaches: all blobs, and in a sealed layout or
// an archive all files. In a plain layout other files are nobody's concern, and are not
// read, only those at the root are named; but a link or special file there or
// under blobs is refused.
func (r *Reader) addRest(ctx context.Context, a *Audit) error {
	sealed := a.Sealed() || r.archive
	count := 0
	err := fs.WalkDir(r.fsys, ".", func(name string, e fs.DirEntry, err error) error {
		inBlobs := name == "blobs" || len(name) > 6 && name[:6] == "blobs/"
		if (inBlobs || sealed) && !fs.ValidPath(name) {
			a.fault(&a.invalid, &FormatError{name, errors.New("want a name in UTF-8; rename the file, or remove it")})
			if e.IsDir() {
				return fs.SkipDir
			}
			return nil
		}
		if err != nil {
			return err
		}
		if count++; count > 2*MaxFiles {
			return &FormatError{name, fmt.Errorf("too many files, the limit is %d", MaxFiles)}
		}
		switch {
		case name == ".":
			return nil
		case e.IsDir():
			if !inBlobs && !sealed {
				if in, err := fs.ReadDir(r.fsys, name); err != nil || len(in) > 0 {
					a.beside(name + "/")
				}
				return fs.SkipDir
			}
			return nil
		case !e.Type().IsRegular():
			if (inBlobs || sealed || path.Dir(name) == ".") && !a.refused(name) {
				a.fault(&a.invalid, &FormatError{name, fmt.Errorf("want a regular file, found %s", kind(e.Type()))})
			}
			return nil
		case name == "blobs":
			a.fault(&a.invalid, &FormatError{name, errors.New("want a directory, found a regular file")})
			return nil
		}
		if d, ok, err := ParseBlobPath(name); ok && err == nil && a.Seen(d) {
			return nil
		} else if !ok && (!sealed || a.has(name)) && (name != DockerManifest || a.has(name)) {
			if !a.has(name) && name != durable.LockName && !strings.HasPrefix(name, tempPrefix) {
				a.beside(name)
			}
			return nil
		}
		if a.only != nil {
			return a.assumeFile(name, e)
		}
		return r.add(ctx, a, name)
	})
	return err
}
