package lei

import (
	"sync"

	v1 "github.com/opencontainers/image-spec/specs-go/v1"

	"github.com/ociferry/ferry/layout/artifact"
)

// inspector makes the inspector of the kind.
func inspector(l artifact.Look) artifact.Inspector {
	switch {
	case l.Compare:
		f := NewFingerprints(l.TempDir)
		return &comparer{NewChecker(l.Secrets, f.Watch), f}
	case !l.Detail:
		return NewChecker(l.Secrets, nil)
	}
	d := &detailer{sums: map[*Payload]*Summary{}}
	d.Checker = NewChecker(l.Secrets, func(v1.Descriptor) Watch {
		return SummaryOptions{}.Watch(func(s *Summary) {
			d.mu.Lock()
			defer d.mu.Unlock()
			d.sums[s.Payload] = s
		})
	})
	return d
}

// A detailer keeps the summary of each payload for what it finds.
type detailer struct {
	*Checker
	mu   sync.Mutex
	sums map[*Payload]*Summary
}

// Findings are those of the checker, with summaries.
func (d *detailer) Findings() []artifact.Finding {
	all := d.Checker.Findings()
	for i := range all {
		f := *all[i].Detail.(*Found)
		f.Summary = d.sums[f.Payload]
		all[i].Detail = &f
	}
	return all
}

// Findings are the artifacts that are sound; the detail of each is a *Found.
func (c *Checker) Findings() (all []artifact.Finding) {
	for i := range c.found {
		f := &c.found[i]
		a := artifact.Finding{
			Digest: f.Digest, Kind: Cache, Date: f.Snapshot.Date, Entries: f.Payload.Entries, Entry: "report", RawSize: f.Payload.RawSize, Format: "JSONL", Detail: f,
		}
		if f.Payload.Secrets.Err() != nil {
			for _, p := range f.Payload.Secrets.Found {
				a.Secrets = append(a.Secrets, artifact.Place(p))
			}
			if n := f.Payload.Secrets.More; n > 0 {
				a.Secrets = append(a.Secrets, artifact.Place{Path: "data.config, at further keys", Count: n})
			}
		}
		all = append(all, a)
	}
	return all
}

const remedy = "have the snapshot exported and packed again"

// What to do about the errors of the kind; see artifact.ContentError.

func (e *FormatError) Refused() bool    { return false }
func (e *FormatError) Remedy() string   { return remedy }
func (e *MismatchError) Refused() bool  { return false }
func (e *MismatchError) Remedy() string { return remedy }
func (e *SecretsError) Refused() bool   { return true }
func (e *SecretsError) Remedy() string {
	return "ferry export --redact removes the values; --allow-secrets packs them as they are"
}
