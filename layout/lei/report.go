package lei

import "slices"

// The places of interest in a report. The original takes the first of two
// equal keys, and so does this.
const (
	nHeader node = root + 1 + iota
	nData
	nTypes // project_types
)

const (
	nConfig node = leaf + iota // data.config itself, and what stands in it as an array
	nPlain                     // what is in data.config under a key that names no secret
	nSecret                    // the value of a key that names a secret, and what is below that

	nHeaderRepo
	nDataRepo
	nRisk
	nStart // header.start_time
	nEnd   // header.end_time
)

// A field is the text of one value of the report at hand.
type field struct {
	kind kind
	set  bool
	text []byte
}

func (f *field) keep(v scalar) {
	if !f.set {
		f.kind, f.set, f.text = v.kind, true, append(f.text[:0], v.text...)
	}
}

// maxTypes bounds the project_types of one report.
const maxTypes = 100

// A Report is what a Watch is told of one line of JSONL. It is good for the
// length of the call. As the scanner's handler it costs next to nothing where it
// is not asked for anything.
type Report struct {
	wantSecrets bool
	wantFields  bool // repo, risk, project_types, times

	headerRepo, dataRepo, risk, start, end field
	types                                  []string // keys of project_types

	secrets secretFinder
	text    []byte
	sum     *textSum // nil if it is not wanted
}

// Repo is the report's repository: data.repo, else header.repo, else "unknown",
// which it is too where the first that is there is no string.
func (r *Report) Repo() []byte {
	if repo, err := r.repo(); err == nil {
		return repo
	}
	return []byte("unknown")
}

// Text is the report as it stands, without its line feed, if it was asked for.
func (r *Report) Text() []byte { return r.text }

// reset is for a new line; what the last one held and was not committed is
// forgotten.
func (r *Report) reset() {
	r.headerRepo.set, r.dataRepo.set, r.risk.set, r.start.set, r.end.set = false, false, false, false, false
	r.types = r.types[:0]
	r.secrets.reset()
	if r.sum != nil {
		r.sum.reset()
	}
}

func (r *Report) key(parent node, name []byte) (node, error) {
	switch parent {
	case root:
		switch string(name) {
		case "header":
			if r.wantFields {
				return nHeader, nil
			}
		case "data":
			return nData, nil
		}
	case nHeader:
		switch string(name) {
		case "repo":
			return nHeaderRepo, nil
		case "start_time":
			return nStart, nil
		case "end_time":
			return nEnd, nil
		}
	case nData:
		switch string(name) {
		case "config":
			if r.wantSecrets {
				r.secrets.depth = 0
				return nConfig, nil
			}
		case "repo":
			if r.wantFields {
				return nDataRepo, nil
			}
		case "risk":
			if r.wantFields {
				return nRisk, nil
			}
		case "project_types":
			if r.wantFields {
				return nTypes, nil
			}
		}
	case nTypes:
		if len(r.types) < maxTypes && len(name) <= maxQuote && !slices.Contains(r.types, string(name)) {
			r.types = append(r.types, string(name))
		}
	case nConfig, nPlain, nSecret:
		if r.secrets.key(name) || parent == nSecret {
			return nSecret, nil
		}
		return nPlain, nil
	}
	return none, nil
}

func (r *Report) open(n node, object bool) (node, error) {
	switch n {
	case root:
		r.reset()
		return n, nil
	case nHeader, nData, nTypes:
		if object {
			return n, nil
		}
	case nConfig, nPlain, nSecret:
		r.secrets.open(object)
		if n == nConfig && object {
			return nPlain, nil
		}
		return n, nil
	case nHeaderRepo:
		r.headerRepo.keep(scalar{kind: kindOther})
	case nDataRepo:
		r.dataRepo.keep(scalar{kind: kindOther})
	}
	return none, nil
}

func (r *Report) close(n node) {
	if n == nConfig || n == nPlain || n == nSecret {
		r.secrets.depth--
	}
}

func (r *Report) value(n node, v scalar) error {
	switch n {
	case nHeaderRepo:
		r.headerRepo.keep(v)
	case nDataRepo:
		r.dataRepo.keep(v)
	case nRisk:
		r.risk.keep(v)
	case nStart:
		r.start.keep(v)
	case nEnd:
		r.end.keep(v)
	case nConfig:
		if v.kind == kindString {
			r.secrets.value(v)
		}
	case nSecret:
		r.secrets.value(v)
	case nPlain:
		r.secrets.text(v)
	}
	return nil
}
