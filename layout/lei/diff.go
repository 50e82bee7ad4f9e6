package lei

import (
	"bytes"
	"cmp"
	"context"
	"slices"

	"github.com/ociferry/ferry/layout/artifact"
)

// A Difference is what Compare finds.
type Difference struct {
	Reports artifact.Counts
	Repos   artifact.Counts

	repos []repoChange // sorted
}

type repoChange struct {
	repo   [sumLen]byte
	change artifact.Change
	taken  bool
}

// Named is how many repositories Take knows, which are not the same, and whether
// further ones differ, beyond the limit of Compare.
func (d *Difference) Named() (n int, more bool) {
	return len(d.repos), d.Repos.Added+d.Repos.Removed+d.Repos.Changed > int64(len(d.repos))
}

// Compare compares two payloads, each of which was watched by Fingerprints to
// its end, in constant memory. A report is the same when its text is, byte for
// byte, however often and in whatever order it stands. In a repository that both
// have, a report that went and one that came are one that changed. Of the
// repositories that differ at most limit, which ones is left open, can be asked
// for afterwards; see Take. An error is that of ctx or of a temporary file.
func Compare(ctx context.Context, before *Fingerprints, was *Payload, after *Fingerprints, is *Payload, limit int) (*Difference, error) {
	d := &Difference{}
	a, b := before.cursor(was), after.cursor(is)
	var repo [sumLen]byte
	var same, came, went int64
	some := false
	end := func() {
		if some {
			d.repository(repo, same, came, went, limit)
		}
		same, came, went = 0, 0, 0
	}
	for n := 0; a.at != nil || b.at != nil; n++ {
		if n%4096 == 0 && ctx.Err() != nil {
			break
		}
		order := 0 // of the reports at hand, that of the payload before first
		switch {
		case a.at == nil:
			order = 1
		case b.at == nil:
			order = -1
		default:
			order = bytes.Compare(a.at[4:], b.at[4:])
		}
		first := b.at
		if order <= 0 {
			first = a.at
		}
		if !some || !bytes.Equal(first.repo(), repo[:]) {
			end()
			some = true
			copy(repo[:], first.repo())
		}
		switch {
		case order < 0:
			went++
			a.next()
		case order > 0:
			came++
			b.next()
		default:
			same++
			a.next()
			b.next()
		}
	}
	end()
	return d, cmp.Or(context.Cause(ctx), a.err, b.err)
}

// repository counts one repository.
func (d *Difference) repository(repo [sumLen]byte, same, came, went int64, limit int) {
	both := min(came, went)
	d.Reports.Same += same
	d.Reports.Changed += both
	d.Reports.Added += came - both
	d.Reports.Removed += went - both
	change := artifact.Changed
	switch {
	case same+went == 0:
		change = artifact.Added
	case same+came == 0:
		change = artifact.Removed
	case came+went == 0:
		change = artifact.Same
	}
	d.Repos.Add(change, 1)
	if change != artifact.Same && len(d.repos) < limit {
		d.repos = append(d.repos, repoChange{repo: repo, change: change})
	}
}

// Take says what became of a repository the first time that it is asked for it,
// so that each name is told once; to the same question again it answers Same. It
// is asked for names of the payload before where gone is set, and tells of those
// that were removed; else for names of the other, and tells of the rest.
func (d *Difference) Take(repo []byte, gone bool) artifact.Change {
	sum := sum16(repo)
	i, ok := slices.BinarySearchFunc(d.repos, sum, func(c repoChange, k [sumLen]byte) int { return bytes.Compare(c.repo[:], k[:]) })
	if !ok || d.repos[i].taken || gone != (d.repos[i].change == artifact.Removed) {
		return artifact.Same
	}
	d.repos[i].taken = true
	return d.repos[i].change
}
