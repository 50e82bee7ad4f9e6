package lei

import (
	"context"
	"sync"

	"github.com/opencontainers/go-digest"
	v1 "github.com/opencontainers/image-spec/specs-go/v1"

	"github.com/ociferry/ferry/layout/artifact"
)

// A comparer is a Checker that gathers the fingerprints of all payloads.
type comparer struct {
	*Checker
	*Fingerprints
}

func (c *comparer) payload(d digest.Digest) (f Found) {
	for _, f := range c.found {
		if f.Digest == d {
			return f
		}
	}
	return f
}

// Compare compares two caches by their reports and repositories.
func (c *comparer) Compare(ctx context.Context, was digest.Digest, after artifact.Comparer, is digest.Digest, limit int) (artifact.Comparison, error) {
	other := after.(*comparer)
	x, y := c.payload(was), other.payload(is)
	d, err := Compare(ctx, c.Fingerprints, x.Payload, other.Fingerprints, y.Payload, limit)
	if err != nil {
		return nil, err
	}
	return &comparison{d, x.blob, y.blob}, nil
}

// Namer tells the names of repositories.
func (c *comparer) Namer(gone bool, all []artifact.Comparison, tell func(int, artifact.Change, []byte)) artifact.Inspector {
	var mu sync.Mutex
	return NewChecker(artifact.IgnoreSecrets, func(payload v1.Descriptor) Watch {
		return Watch{Report: func(r *Report) error {
			mu.Lock()
			defer mu.Unlock()
			for i := range all {
				d := all[i].(*comparison)
				if gone && d.was != payload.Digest || !gone && d.is != payload.Digest {
					continue
				}
				if c := d.Take(r.Repo(), gone); c != artifact.Same {
					tell(i, c, r.Repo())
				}
			}
			return nil
		}}
	})
}

// A comparison is a Difference of two payloads.
type comparison struct {
	*Difference
	was, is digest.Digest // of the payloads
}

// Counts are those of reports and of repositories.
func (c *comparison) Counts() []artifact.NamedCounts {
	return []artifact.NamedCounts{{Key: "reports", Label: "reports", Counts: c.Reports}, {Key: "repositories", Label: "repos", Counts: c.Repos}}
}
