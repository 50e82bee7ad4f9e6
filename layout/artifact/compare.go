package artifact

import (
	"context"

	"github.com/opencontainers/go-digest"
)

// A Change is what became of a thing.
type Change int

// The changes.
const (
	Same Change = iota
	Added
	Removed
	Changed
)

// Counts are numbers of things by what became of them.
type Counts struct {
	Added   int64 `json:"added"`
	Removed int64 `json:"removed"`
	Changed int64 `json:"changed"`
	Same    int64 `json:"same"`
}

// Add counts n more.
func (c *Counts) Add(change Change, n int64) {
	*[]*int64{&c.Same, &c.Added, &c.Removed, &c.Changed}[change] += n
}

// A Comparer is what Kind.Inspector makes where Look.Compare is set and the kind
// can tell what changed from one artifact to another.
type Comparer interface {
	Reporter
	// Compare compares a sound artifact that passed with one that passed
	// another Comparer of the kind. Of the names that differ at most limit can
	// be asked for afterwards.
	Compare(ctx context.Context, was digest.Digest, after Comparer, is digest.Digest, limit int) (Comparison, error)
	// Namer makes an inspector for a second pass over one side: that before,
	// where gone is set, or that after. It calls tell for names that differ in
	// one of the comparisons, each once, perhaps from several goroutines; the
	// name is good for the length of the call.
	Namer(gone bool, all []Comparison, tell func(which int, c Change, name []byte)) Inspector
	// Close removes what a Comparer holds beside its memory.
	Close() error
}

// A Comparison is what changed from one artifact to another.
type Comparison interface {
	// Counts are what changed, by what was counted.
	Counts() []NamedCounts
	// Named is how many names can be asked for, and whether more differ.
	Named() (n int, more bool)
}

// NamedCounts are Counts of one thing.
type NamedCounts struct {
	Key   string // in JSON: "repositories"
	Label string // for people: "repos"
	Counts
}
