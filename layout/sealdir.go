package layout

import (
	"bytes"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path"
	"strings"

	"github.com/opencontainers/go-digest"

	"github.com/ociferry/ferry/layout/durable"
)

// SealDir computes SHA256SUMS for the layout in root: every file of it but the
// seal itself, its signature and unfinished files.
func SealDir(ctx context.Context, root *os.Root) ([]byte, error) {
	var s Seal
	fsys := root.FS()
	err := fs.WalkDir(fsys, ".", func(name string, e fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case e.IsDir(), name == SealName, IsSignature(name), name == durable.LockName, strings.HasPrefix(path.Base(name), tempPrefix):
			return nil
		case !e.Type().IsRegular():
			return &FormatError{name, fmt.Errorf("want a regular file, found %s; it cannot be sealed", kind(e.Type()))}
		case !cleanName(name):
			return &FormatError{name, errors.New("a name that a seal cannot hold")}
		}
		f, err := fsys.Open(name)
		if err != nil {
			return err
		}
		defer f.Close()
		h := sha256.New()
		if _, err := Tee(ctx, f, h); err != nil {
			return err
		}
		got := [32]byte(h.Sum(nil))
		if d, ok, err := ParseBlobPath(name); err != nil {
			return &FormatError{name, err}
		} else if ok && d.Algorithm() == digest.SHA256 && got != SHA256(d) {
			return &CorruptError{Name: name, Want: d, Got: digest.NewDigestFromBytes(digest.SHA256, got[:]), WantSize: -1}
		}
		s.Add(name, got)
		return nil
	})
	return s.Bytes(), err
}

// unsealed is a layout's directory without its seal and the signatures of that.
type unsealed struct{ rootFS }

func (u unsealed) Open(name string) (fs.File, error) {
	if name == SealName || IsSignature(name) {
		return nil, &fs.PathError{Op: "open", Path: name, Err: fs.ErrNotExist}
	}
	return u.rootFS.Open(name)
}

func (u unsealed) Lstat(name string) (fs.FileInfo, error) {
	if name == SealName || IsSignature(name) {
		return nil, &fs.PathError{Op: "stat", Path: name, Err: fs.ErrNotExist}
	}
	return u.rootFS.Lstat(name)
}

// SealLayout checks a layout directory, an old seal apart, and writes
// SHA256SUMS into it. Signatures stay where the seal comes out as it was. It
// returns the layout's identity. After an error an old seal is there as it was,
// unless the system failed while the new one was written.
func SealLayout(ctx context.Context, dir string) (digest.Digest, error) {
	w, err := Append(ctx, dir, durable.Options{})
	if err != nil {
		return "", err
	}
	defer w.Close()
	old, err := Open(RootFS(w.root)).Signed(ctx)
	if err != nil {
		return "", err
	}
	report, err := Open(unsealed{rootFS{w.root, w.root.FS(), nil}}).Audit(ctx, AuditOptions{})
	if err == nil {
		err = report.Err()
	}
	if err != nil {
		return "", err
	}
	seal, err := SealDir(ctx, w.root)
	if err != nil || bytes.Equal(seal, old.Seal) {
		return report.Digest, err
	}
	if err := w.unseal(); err != nil {
		return "", err
	}
	if err := w.replace(SealName, seal); err != nil {
		return "", err
	}
	return report.Digest, w.syncRoot()
}
