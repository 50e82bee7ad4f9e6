package layout

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path"
	"strings"

	"github.com/opencontainers/go-digest"
	v1 "github.com/opencontainers/image-spec/specs-go/v1"

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

// SealLayout checks a layout directory, an old seal apart, and writes
// SHA256SUMS into it. Signatures stay where the seal comes out as it was. It
// returns the layout's identity.
func SealLayout(ctx context.Context, dir string) (digest.Digest, error) {
	w, err := Append(ctx, dir, durable.Options{})
	if err != nil {
		return "", err
	}
	defer w.Close()
	raw, err := w.root.ReadFile(v1.ImageIndexFile)
	if err != nil {
		return "", err
	}
	if err := w.PutIndex(raw); err != nil {
		return "", err
	}
	signed, err := Open(RootFS(w.root)).Signed(ctx)
	if err != nil {
		return "", err
	}
	w.sign = signed.signaturesFor
	if err := w.unseal(); err != nil {
		return "", err
	}
	report, err := Open(RootFS(w.root)).Audit(ctx, AuditOptions{})
	if err == nil {
		err = report.Err()
	}
	if err != nil {
		return "", err
	}
	return w.Commit(ctx, true)
}
