package lei

import (
	"fmt"
	"strings"
)

// A MismatchError is a snapshot whose two files do not belong together.
type MismatchError struct {
	Fields []Mismatch
}

// A Mismatch is one field of manifest.json that cache.jsonl.gz does not bear
// out.
type Mismatch struct {
	Field string // "entry_count"
	Want  string // what manifest.json says
	Found string // what cache.jsonl.gz holds
}

func (e *MismatchError) Error() string {
	var b strings.Builder
	b.WriteString(cacheName + " is not what " + manifestName + " says: ")
	for i, m := range e.Fields {
		if i > 0 {
			b.WriteString("; ")
		}
		fmt.Fprintf(&b, "%s: want %s, found %s", m.Field, m.Want, m.Found)
	}
	return b.String()
}

// Check compares what manifest.json says with the payload as it was found. All
// that differs is in the one *MismatchError; nil means that nothing does. Of
// the list of repositories it is only asked that it is no longer than there are
// reports: to tell the names of two million reports apart takes more memory
// than checking them may.
func (s *Snapshot) Check(p *Payload) error {
	var e MismatchError
	count := func(field string, want, found int64) {
		if want != found {
			e.Fields = append(e.Fields, Mismatch{field, fmt.Sprint(want), fmt.Sprint(found)})
		}
	}
	count("entry_count", s.EntryCount, p.Entries)
	count("raw_size", s.RawSize, p.RawSize)
	count("compressed_size", s.CompressedSize, p.CompressedSize)
	if s.ContentHash != p.ContentHash {
		e.Fields = append(e.Fields, Mismatch{"content_hash", s.ContentHash, p.ContentHash})
	}
	if s.Repos > p.Entries {
		e.Fields = append(e.Fields, Mismatch{"repos", fmt.Sprint(s.Repos), fmt.Sprintf("at most %d, one a report", p.Entries)})
	}
	if e.Fields == nil {
		return nil
	}
	return &e
}
