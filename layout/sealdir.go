package layout

import (
	"bytes"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path"
	"slices"
	"strings"

	"github.com/opencontainers/go-digest"
	v1 "github.com/opencontainers/image-spec/specs-go/v1"

	"github.com/ociferry/ferry/layout/durable"
	"github.com/ociferry/ferry/layout/stream"
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
			return &FormatError{name, errors.New("a name that a seal cannot hold: sha256sum would not read it as this file; rename it, or remove it")}
		}
		f, err := fsys.Open(name)
		if err != nil {
			return err
		}
		defer f.Close()
		h := sha256.New()
		if _, err := stream.FanOut(ctx, f, h); err != nil {
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

// SealLayout checks a layout directory, an old seal apart, with these inspectors,
// and writes SHA256SUMS into it. Signatures stay where the seal comes out as it
// was; else w.Removed lists them. The report is that of the check; its Extra is
// everything that the seal covers and nothing refers to. After an error an old
// seal is there as it was, unless the system failed while the new one was written.
func SealLayout(ctx context.Context, w *Writer, inspectors []Inspector) (*Report, error) {
	old, err := Open(RootFS(w.root)).Signed(ctx)
	if err != nil {
		return nil, err
	}
	report, err := Open(unsealed{rootFS{w.root, w.root.FS(), nil}}).Audit(ctx, AuditOptions{Inspectors: inspectors})
	if err == nil {
		err = report.Err()
	}
	if err != nil {
		return nil, err
	}
	seal, err := SealDir(ctx, w.root)
	if err != nil {
		return nil, err
	}
	listed, err := parseSeal(seal)
	if err != nil {
		return nil, &FormatError{SealName, err}
	}
	report.Extra = slices.DeleteFunc(slices.Sorted(maps.Keys(listed)), func(name string) bool {
		d, _, _ := ParseBlobPath(name)
		b := report.blobs[d]
		return name == v1.ImageLayoutFile || name == v1.ImageIndexFile || b != nil && b.wanted
	})
	if bytes.Equal(seal, old.Seal) {
		return report, nil
	}
	if err := w.unseal(); err != nil {
		return nil, err
	}
	if err := w.replace(SealName, seal); err != nil {
		return nil, err
	}
	return report, w.syncRoot()
}
