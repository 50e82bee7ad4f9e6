package policy

import (
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"go.yaml.in/yaml/v3"

	"github.com/ociferry/ferry/layout/sniff"
)

// A rule is one key of a policy, with its group in front: all that there is to
// say of it stands in one row of the table.
type rule struct {
	key   string
	help  string // for people
	value string // as a JSON schema, "" for a word of forbid
	parse func(*Policy, *yaml.Node) error
	judge func(*Policy, *Input, *judge) // nil where the caller judges
}

const (
	words = `"type": "array", "minItems": 1, "items": {"type": "string", "minLength": 1}`
	size  = `"type": ["string", "integer"], "pattern": "^[0-9]+(\\.[0-9]+)?([kKMGT]i?B|B)?$"`
)

// rules are all keys but version, in the order in which they are judged. Set by
// init, since parsing asks for the table.
var rules []rule

func init() {
	rules = []rule{
		{"signatures.require", "by how many different ones of the keys (default: 1)", `"type": "integer", "minimum": 1`,
			func(p *Policy, n *yaml.Node) error {
				if err := n.Decode(&p.Require); err != nil || p.Require > 0 {
					return err
				}
				return fmt.Errorf("want a number from 1 to that of the keys, found %d", p.Require)
			}, nil},
		{"signatures.keys", "files of public keys (cosign.pub), relative to the policy", words,
			func(p *Policy, n *yaml.Node) (err error) { p.Keys, err = list(n); return err }, nil},
		{"kinds", "the artifacts' kinds, as ferry ls shows them: " + strings.Join(Kinds, ", ") + "; blob is what is no manifest",
			`"type": "array", "minItems": 1, "items": {"enum": ["` + strings.Join(Kinds, `", "`) + `"]}`,
			func(p *Policy, n *yaml.Node) (err error) {
				p.Kinds, err = list(n)
				for _, k := range p.Kinds {
					if !slices.Contains(Kinds, k) {
						return fmt.Errorf("there is no kind %q, want some of %s", k, strings.Join(Kinds, ", "))
					}
				}
				return err
			}, (*Policy).judgeKinds},
		{"mediaTypes", "of manifests, configs and layers; * is any text", words,
			func(p *Policy, n *yaml.Node) (err error) { p.MediaTypes, err = list(n); return err }, (*Policy).judgeMediaTypes},
		{"names", "hosts of the names in index.json, without port; * is any text", words,
			func(p *Policy, n *yaml.Node) (err error) { p.Names, err = list(n); return err }, (*Policy).judgeNames},
		{"limits.blob", "the largest blob: 1048576, 650MB, 4.7GB or 2GiB", size,
			func(p *Policy, n *yaml.Node) (err error) { p.MaxBlob, err = scalar(n, ParseSize); return err }, (*Policy).judgeBlobs},
		{"limits.bundle", "the archive as it lies there, or all files of the directory", size,
			func(p *Policy, n *yaml.Node) (err error) { p.MaxBundle, err = scalar(n, ParseSize); return err }, (*Policy).judgeBundle},
		{"forbid.executables", "programs and scripts, by their bytes, or a name such as .ps1", "",
			func(p *Policy, _ *yaml.Node) error { p.Forbid.Executables = true; return nil },
			func(p *Policy, in *Input, j *judge) {
				if p.Forbid.Executables {
					j.content(in, "executables", func(f *sniff.Findings) *sniff.Places { return &f.Executable })
					j.programs(in)
				}
			}},
		{"forbid.encrypted", "content that is encrypted", "",
			func(p *Policy, _ *yaml.Node) error { p.Forbid.Encrypted = true; return nil },
			func(p *Policy, in *Input, j *judge) {
				if p.Forbid.Encrypted {
					j.content(in, "encrypted", func(f *sniff.Findings) *sniff.Places { return &f.Encrypted })
				}
			}},
		{"forbid.secrets", "secrets in the reports of an LEI snapshot, and no others", "",
			func(p *Policy, _ *yaml.Node) error { p.Forbid.Secrets = true; return nil },
			func(p *Policy, in *Input, j *judge) {
				for _, m := range in.Secrets {
					if p.Forbid.Secrets {
						j.add("forbid secrets", "reports", "%s", m)
					}
				}
			}},
		{"forbid.unseen", "what could not be looked into for executables and encrypted: damage, formats that are not read here, binary content of no known form", "",
			func(p *Policy, _ *yaml.Node) error { p.Forbid.Unseen = true; return nil },
			func(p *Policy, in *Input, j *judge) {
				if p.Forbid.Unseen {
					j.content(in, "unseen", func(f *sniff.Findings) *sniff.Places { return &f.Unseen })
				}
			}},
		{"dates.min", "no artifact is older: a day (from midnight UTC), or RFC 3339",
			`"type": "string", "pattern": "^[0-9]{4}-[0-9]{2}-[0-9]{2}(T.+)?$"`,
			func(p *Policy, n *yaml.Node) (err error) { p.Dates.Min, err = scalar(n, ParseDate); return err },
			func(p *Policy, in *Input, j *judge) { p.Dates.Judge(in.Artifacts, in.Now, j.add) }},
		{"dates.maxAge", "no artifact is older than 30d, 2w or 36h by this host's clock", `"type": "string", "pattern": "^[0-9]+[a-z0-9.]*$"`,
			func(p *Policy, n *yaml.Node) (err error) { p.Dates.MaxAge, err = scalar(n, ParseAge); return err }, nil},
	}
}

// Example holds every rule that there is.
const Example = `version: 1
signatures:
  require: 2
  keys: [alice.pub, bob.pub]
kinds: [lei, files]
mediaTypes:
  - application/vnd.oci.image.manifest.v1+json
  - application/vnd.oci.empty.v1+json
  - application/vnd.lei.*
  - application/octet-stream
names: ["*.internal", registry.example.com]
limits:
  blob: 2GiB
  bundle: 4.7GB
forbid: [executables, encrypted, secrets, unseen]
dates:
  min: 2026-02-01
  maxAge: 30d
`

// Help says of each rule what it is about, by its key.
func Help() (rows [][2]string) {
	for _, r := range rules {
		rows = append(rows, [2]string{r.key, r.help})
	}
	return rows
}

// Fields are the fields of a policy, and in brackets what is in them; the words
// of forbid are no fields.
func Fields() (fields []string) {
	for _, r := range rules {
		group, key, _ := strings.Cut(r.key, ".")
		last := len(fields) - 1
		switch {
		case key == "" || group == "forbid" && !slices.Contains(fields, group):
			fields = append(fields, group)
		case group == "forbid":
		case last >= 0 && strings.HasPrefix(fields[last], group+" ("):
			fields[last] = strings.TrimSuffix(fields[last], ")") + ", " + key + ")"
		default:
			fields = append(fields, group+" ("+key+")")
		}
	}
	return fields
}

// keys are those of the rules that begin with a prefix, without it.
func keys(prefix string) (keys []string) {
	for _, r := range rules {
		if k, ok := strings.CutPrefix(r.key, prefix); ok {
			keys = append(keys, k)
		}
	}
	return keys
}

// scalar parses a value that is one word.
func scalar[T any](n *yaml.Node, parse func(string) (T, error)) (v T, err error) {
	var s string
	if err := n.Decode(&s); err != nil {
		return v, err
	}
	if s == "" {
		return v, errors.New("an empty value; leave out the rule to allow everything")
	}
	return parse(s)
}

var units = []struct {
	name string
	n    float64
}{
	{"KiB", 1 << 10}, {"MiB", 1 << 20}, {"GiB", 1 << 30}, {"TiB", 1 << 40},
	{"kB", 1e3}, {"KB", 1e3}, {"MB", 1e6}, {"GB", 1e9}, {"TB", 1e12}, {"B", 1}, {"", 1},
}

// ParseSize reads a number of bytes such as 1048576, 4.7GB or 4GiB; "" is 0.
func ParseSize(s string) (int64, error) {
	if s == "" {
		return 0, nil
	}
	for _, u := range units {
		number, ok := strings.CutSuffix(s, u.name)
		if !ok {
			continue
		}
		v, err := strconv.ParseFloat(strings.TrimSpace(number), 64)
		if n := v * u.n; err == nil && n >= 1 && n < 1<<62 {
			return int64(n), nil
		}
		break
	}
	return 0, fmt.Errorf("%q: want a size such as 650MB, 4.7GB or 2GiB", s)
}

// ParseDate reads a day, which begins at midnight UTC, or a time in RFC 3339;
// "" is the zero time.
func ParseDate(s string) (time.Time, error) {
	if s == "" {
		return time.Time{}, nil
	}
	for _, form := range []string{time.DateOnly, time.RFC3339} {
		if t, err := time.Parse(form, s); err == nil {
			return t, nil
		}
	}
	return time.Time{}, fmt.Errorf("%q: want a day such as 2026-02-05, or a time in RFC 3339", s)
}

// ParseAge reads a duration such as 30d, 2w or 36h; "" is 0.
func ParseAge(s string) (time.Duration, error) {
	if s == "" {
		return 0, nil
	}
	var d time.Duration
	var err error
	day := 24 * time.Hour
	switch n := len(s) - 1; s[n] {
	case 'd', 'w':
		unit := day
		if s[n] == 'w' {
			unit = 7 * day
		}
		var k int64
		k, err = strconv.ParseInt(s[:n], 10, 16)
		d = time.Duration(k) * unit
	default:
		d, err = time.ParseDuration(s)
	}
	if err != nil || d <= 0 {
		return 0, fmt.Errorf("%q: want an age such as 30d, 2w or 36h", s)
	}
	return d, nil
}
