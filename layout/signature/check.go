package signature

import (
	"errors"
	"fmt"
	"strings"
)

// A File is a signature as it was found.
type File struct {
	Name string // for messages
	Data []byte
}

// MaxFiles is the largest number of signatures that Check looks at: sixteen that
// a layout may carry, and as many that came beside it.
const MaxFiles = 32

// Check wants content to be signed by at least need different ones of the
// keys, and says which they are, in the order of keys. A key that is given
// twice counts once. The error says of each signature why it does not count,
// and wraps what is wrong with the first; ErrUnsigned when there are none,
// ErrTooFew when there are good ones, but not enough.
func Check(content []byte, files []File, keys []*PublicKey, need int) ([]*PublicKey, error) {
	switch {
	case len(keys) == 0 || need < 1:
		return nil, errors.New("no key to check signatures with")
	case len(files) == 0:
		return nil, ErrUnsigned
	case len(files) > MaxFiles:
		return nil, fmt.Errorf("%w: %d signatures, the limit is %d", ErrUnsupported, len(files), MaxFiles)
	}
	made := map[string]bool{} // fingerprints of keys with a good signature
	var faults []error
	for _, f := range files {
		signers, err := f.check(content, keys)
		if err != nil {
			faults = append(faults, fmt.Errorf("%s: %w", f.Name, err))
		}
		for _, k := range signers {
			made[k.Fingerprint()] = true
		}
	}
	var good []*PublicKey
	for _, k := range keys {
		if p := k.Fingerprint(); made[p] {
			good = append(good, k)
			delete(made, p)
		}
	}
	switch {
	case len(good) >= need:
		return good, nil
	case len(good) == 0:
		return nil, join(faults)
	}
	err := fmt.Errorf("%w: want %d different keys, found %d (%s)", ErrTooFew, need, len(good), good[0].Fingerprint())
	if len(faults) > 0 {
		err = fmt.Errorf("%w; %w", err, join(faults))
	}
	return nil, err
}

// check says which keys made one signature: one of them, unless it is none.
func (f File) check(content []byte, keys []*PublicKey) ([]*PublicKey, error) {
	s, err := Parse(f.Data)
	if err != nil {
		return nil, err
	}
	var worst error
	for _, k := range keys {
		err := s.Verify(content, k)
		if err == nil {
			return []*PublicKey{k}, nil
		}
		// That a key is named and did not sign says more than that another
		// did not either.
		if worst == nil || errors.Is(err, ErrForged) {
			worst = err
		}
	}
	if errors.Is(worst, ErrOtherKey) && len(keys) > 1 {
		worst = fmt.Errorf("%w: found one that says %s, want one of the %d keys given", ErrOtherKey, s.Hint(), len(keys))
	}
	return nil, worst
}

type joined struct{ errs []error }

func join(errs []error) error {
	if len(errs) == 1 {
		return errs[0]
	}
	return &joined{errs}
}

func (j *joined) Error() string {
	var b strings.Builder
	for i, err := range j.errs {
		if i > 0 {
			b.WriteString("; ")
		}
		b.WriteString(err.Error())
	}
	return b.String()
}

func (j *joined) Unwrap() []error { return j.errs }
