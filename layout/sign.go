package layout

import (
	"context"
	"errors"
	"io/fs"

	"github.com/opencontainers/go-digest"
)

// Carried is the number of signatures that Commit has written and that it did not
// make itself: see CommitOptions.
func (w *Writer) Carried() int { return w.carried }

// addSignatures writes the signatures that sign makes, or the sources had.
func (w *Writer) addSignatures(seal []byte, sign func(seal []byte) ([]Signature, error)) error {
	carry := sign == nil
	if carry {
		sign = w.sign
	}
	if sign == nil {
		return nil
	}
	list, err := sign(seal)
	if carry {
		w.carried = len(list)
	}
	if err != nil {
		return err
	}
	for _, s := range list {
		if err := w.replace(s.Name, s.Data); err != nil {
			return err
		}
	}
	return nil
}

// unseal removes a seal that no longer holds, and its signatures.
func (w *Writer) unseal() error {
	if err := w.removeSignatures(); err != nil {
		return err
	}
	return w.remove(SealName)
}

func (w *Writer) removeSignatures() error {
	for n := 1; n <= MaxSignatures; n++ {
		if err := w.remove(SignatureFile(n)); err != nil {
			return err
		}
	}
	return nil
}

func (w *Writer) remove(name string) error {
	err := w.root.Remove(name)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err == nil {
		w.removed = append(w.removed, name)
	}
	return err
}

// Removed lists the files that Commit took away, since they no longer hold: of a
// layout that was added to its SHA256SUMS and the signatures of that.
func (w *Writer) Removed() []string { return w.removed }

// SignLayout checks a whole layout directory with these inspectors, seals it
// unless it is sealed, and puts the signatures into it that sign makes of its seal, given those
// that it has. They take the place of the old ones. It returns the layout's
// identity. After an error the old signatures are there, or some of the new.
func SignLayout(ctx context.Context, w *Writer, inspectors []Inspector, sign func(seal []byte, have []Signature) ([]Signature, error)) (digest.Digest, error) {
	r := Open(RootFS(w.root))
	report, err := r.Audit(ctx, AuditOptions{Inspectors: inspectors})
	if err == nil {
		err = report.Err()
	}
	if err != nil {
		return "", err
	}
	signed, err := r.Signed(ctx)
	if err != nil {
		return "", err
	}
	fresh := signed.Seal == nil
	if fresh {
		if signed.Seal, err = SealDir(ctx, w.root); err != nil {
			return "", err
		}
		signed.Signatures = nil // of a seal that is gone
	}
	if fresh {
		if err := w.removeSignatures(); err != nil {
			return "", err
		}
		if err := w.replace(SealName, signed.Seal); err != nil {
			return "", err
		}
	}
	if err := w.addSignatures(signed.Seal, func(seal []byte) ([]Signature, error) { return sign(seal, signed.Signatures) }); err != nil {
		return "", err
	}
	return report.Digest, w.syncRoot()
}
