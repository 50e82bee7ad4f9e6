package lei

import (
	"errors"
	"fmt"
	"hash/maphash"
	"io"
	"strconv"
	"strings"
	"time"

	"github.com/opencontainers/go-digest"

	"github.com/ociferry/ferry/layout/artifact"
)

// A Snapshot is what manifest.json says of a snapshot, its list of
// repositories apart.
type Snapshot struct {
	FormatVersion  string // "1.0"
	LEIVersion     string // "0.9.1"
	Date           string // a calendar date, YYYY-MM-DD
	Created        string // RFC 3339, as found
	EntryCount     int64  // reports
	RawSize        int64  // bytes of JSONL
	CompressedSize int64  // bytes of cache.jsonl.gz
	ContentHash    string // SHA-256 of the JSONL without its line feeds, 64 hexadecimal digits in lower case
	Repos          int64  // names in the list of repositories
}

// Limits of manifest.json; its size and the length of its list of
// repositories have none. A single string is at most 1 MiB.
const (
	maxManifestDepth = 32
	maxManifestKeys  = 1 << 20
)

// ReadSnapshot reads a manifest.json of any size in constant memory, to its
// end. Each repository is given to repo, which may be nil, in its order; an
// error of repo ends the reading and is returned as it is.
//
// The reading is strict: one JSON object in UTF-8 without a byte order mark
// and nothing behind it; no key twice in any object, nor a key that differs
// from a known one by case only; all nine fields there, format_version "1.x",
// date a day of the calendar, created in RFC 3339, the counts non-negative
// integers, content_hash 64 lower-case hexadecimal digits, repos an array of
// strings. Fields that are not known are allowed. What is wrong
// is a *FormatError with the file manifest.json.
func ReadSnapshot(r io.Reader, repo func(string) error) (*Snapshot, error) {
	d := newManifestReader(repo)
	if err := d.read(r); err != nil {
		if d.repoErr != nil {
			return nil, d.repoErr
		}
		return nil, inFile(manifestName, err)
	}
	for _, f := range snapshotFields {
		if !d.have[f.node-leaf] {
			return nil, &FormatError{File: manifestName, Path: f.name, Msg: "want " + f.want + ", found no such field"}
		}
	}
	return &d.snapshot, nil
}

// salvage reads what can be read of a manifest.json that ReadSnapshot refuses:
// what is missing, of another type, or no date or time where it should be one,
// is empty.
func salvage(r io.Reader) *Snapshot {
	d := newManifestReader(nil)
	d.salvage = true
	_ = d.read(r) // it counts up to there
	s := &d.snapshot
	if !validDate(s.Date) {
		s.Date = ""
	}
	if !validTime(s.Created) {
		s.Created = ""
	}
	return s
}

const (
	nFormat node = leaf + iota
	nLEI
	nDate
	nCreated
	nEntries
	nRaw
	nCompressed
	nHash
	nRepos
	nRepo    // an element of repos
	nUnknown // anything below a field that is not known
	nFields  // their number
)

const wantCount = "a non-negative integer"

var snapshotFields = []struct {
	name string
	node node
	want string
}{
	{"format_version", nFormat, `a format version "1.0" or another "1.x"`},
	{"lei_version", nLEI, "a string"},
	{"date", nDate, "a date as YYYY-MM-DD"},
	{"created", nCreated, "a time in RFC 3339"},
	{"entry_count", nEntries, wantCount},
	{"raw_size", nRaw, wantCount},
	{"compressed_size", nCompressed, wantCount},
	{"content_hash", nHash, "a SHA-256 of 64 lower-case hexadecimal digits"},
	{"repos", nRepos, "an array of strings"},
}

// validFormat says whether a format version is 1, and further numbers behind
// dots.
func validFormat(version string) bool {
	parts := strings.Split(version, ".")
	for _, p := range parts[1:] {
		if p == "" || len(p) > 9 || strings.Trim(p, "0123456789") != "" {
			return false
		}
	}
	return parts[0] == "1" && len(parts) > 1
}

// validDate says whether date is a day of the calendar as YYYY-MM-DD.
func validDate(date string) bool {
	_, err := time.Parse(time.DateOnly, date)
	return err == nil
}

func validTime(t string) bool {
	_, err := artifact.ParseTime(t)
	return err == nil
}

// manifestReader is the handler for manifest.json.
type manifestReader struct {
	snapshot Snapshot
	repo     func(string) error
	repoErr  error
	have     [nFields - leaf]bool
	salvage  bool // pass over values that do not fit

	// Keys that were seen, hashed together with the number of their object.
	seen    map[uint64]struct{}
	seed    maphash.Seed
	objects uint64
	within  []uint64
}

func newManifestReader(repo func(string) error) *manifestReader {
	return &manifestReader{repo: repo, seen: map[uint64]struct{}{}, seed: maphash.MakeSeed()}
}

func (d *manifestReader) read(r io.Reader) error {
	s := newScanner(d)
	s.document, s.maxDepth = true, maxManifestDepth
	buf := make([]byte, 64<<10)
	var u utf8Check
	for {
		n, err := r.Read(buf)
		p := buf[:n]
		bad := u.next(p)
		if bad >= 0 {
			p = p[:bad]
		}
		if _, _, _, err := s.next(p); err != nil {
			return err
		}
		if bad >= 0 {
			return s.place(errors.New("want UTF-8, found "+describe(buf[bad])), s.off)
		}
		if err == io.EOF {
			break
		}
		if err != nil {
			return err
		}
	}
	if !u.end() {
		return s.place(errors.New("want UTF-8, found a sequence that the end of the file cuts"), s.off)
	}
	_, err := s.finish()
	return err
}

func (d *manifestReader) key(parent node, name []byte) (node, error) {
	var h maphash.Hash
	h.SetSeed(d.seed)
	maphash.WriteComparable(&h, d.within[len(d.within)-1])
	h.Write(name)
	sum := h.Sum64()
	if _, twice := d.seen[sum]; twice {
		return none, fmt.Errorf("want each key once in an object, found %s twice", quote(name))
	}
	if len(d.seen) == maxManifestKeys {
		return none, fmt.Errorf("want at most %d keys, found more", maxManifestKeys)
	}
	d.seen[sum] = struct{}{}
	if parent != root {
		return nUnknown, nil
	}
	for _, f := range snapshotFields {
		if string(name) == f.name {
			d.have[f.node-leaf] = true
			return f.node, nil
		}
		if strings.EqualFold(string(name), f.name) {
			return none, fmt.Errorf("want the key %q, found %s", f.name, quote(name))
		}
	}
	return nUnknown, nil
}

func (d *manifestReader) open(n node, object bool) (node, error) {
	if object {
		d.objects++
	}
	d.within = append(d.within, d.objects)
	switch {
	case n == root || n == nUnknown:
		return n, nil
	case d.salvage && (n != nRepos || object):
		return nUnknown, nil
	case n == nRepos && !object:
		return nRepo, nil
	case object:
		return none, d.unwanted(n, "an object")
	}
	return none, d.unwanted(n, "an array")
}

func (d *manifestReader) close(n node) { d.within = d.within[:len(d.within)-1] }

// unwanted is the error for a value of the wrong type or form.
func (d *manifestReader) unwanted(n node, found string) error {
	if d.salvage {
		return nil
	}
	if n == nRepo {
		return &FormatError{Path: fmt.Sprintf("repos[%d]", d.snapshot.Repos), Msg: "want a string, found " + found}
	}
	for _, f := range snapshotFields {
		if f.node == n {
			return &FormatError{Path: f.name, Msg: "want " + f.want + ", found " + found}
		}
	}
	return nil
}

func (d *manifestReader) value(n node, v scalar) error {
	if n == nUnknown {
		return nil
	}
	if n == nEntries || n == nRaw || n == nCompressed {
		count, err := strconv.ParseUint(string(v.text), 10, 63)
		if v.kind != kindNumber || err != nil {
			return d.unwanted(n, v.found())
		}
		switch n {
		case nEntries:
			d.snapshot.EntryCount = int64(count)
		case nRaw:
			d.snapshot.RawSize = int64(count)
		case nCompressed:
			d.snapshot.CompressedSize = int64(count)
		}
		return nil
	}
	if v.kind != kindString {
		return d.unwanted(n, v.found())
	}
	s, ok := &d.snapshot, true
	switch n {
	case nFormat:
		s.FormatVersion = string(v.text)
		ok = validFormat(s.FormatVersion)
	case nLEI:
		s.LEIVersion = string(v.text)
	case nDate:
		s.Date = string(v.text)
		ok = validDate(s.Date)
	case nCreated:
		s.Created = string(v.text)
		ok = validTime(s.Created)
	case nHash:
		s.ContentHash = string(v.text)
		ok = digest.SHA256.Validate(s.ContentHash) == nil
	case nRepo:
		s.Repos++
		if d.repo != nil {
			d.repoErr = d.repo(string(v.text))
		}
		return d.repoErr
	default: // repos itself
		ok = false
	}
	if !ok {
		return d.unwanted(n, v.found())
	}
	return nil
}

// found describes v for a message.
func (v scalar) found() string {
	switch v.kind {
	case kindString:
		return "the string " + quote(v.text)
	case kindNumber:
		if len(v.text) > maxQuote {
			return fmt.Sprintf("a number of %d digits", len(v.text))
		}
		return string(v.text)
	}
	return string(v.text)
}
