package lei

import (
	"bytes"
	"fmt"
	"slices"
	"strings"
)

// Secrets is what a search of data.config found, by the path of its key. No
// value is kept or shown.
//
// The original copies its whole application environment into data.config of
// every report. A secret is a value that is neither null nor the empty string and
//
//   - stands under a key that names a secret, or anywhere below such a key: one
//     with "secret", "token", "passw", "key" or the like in it, or one of whose
//     words is "pass", "pwd", "salt", "dsn" or the like;
//   - is a text that holds what has the form of a secret: a token of a known
//     kind, a private key, a URL with a password, the value of an
//     Authorization header, a pair such as "password=x";
//   - is a string that is data.config itself, or stands in an array that is:
//     without a key it cannot be told from a secret.
//
// The words and forms are in secretwords.go. No key that LowEndInsight itself
// sets holds one of the words and is harmless. Nested objects and arrays are
// searched too. A text in data.config is at most 1 MiB. Of keys and texts that
// differ from report to report 64 MiB are looked into; what comes later is taken
// for secrets.
type Secrets struct {
	Found []SecretPath
	// Defaults are LowEndInsight's published development defaults: a
	// jwt_secret of lei_dev_secret and a session_secret_key_base that begins
	// with lei_dev_session_secret. They stand in every snapshot that a plain
	// mix lei.cache.export makes, and protect nothing.
	Defaults []SecretPath
	// More counts the secrets at paths beyond the first hundred that differ, and
	// those that are taken for secrets since there is too much to look into.
	More int64
}

// A SecretPath is a key and in how many reports it had a value.
type SecretPath struct {
	Path  string // "data.config.jwt_secret"
	Count int64
}

// Err is nil when no secrets were found, the development defaults apart, and
// else a *SecretsError.
func (s *Secrets) Err() error {
	if s == nil || len(s.Found) == 0 && s.More == 0 {
		return nil
	}
	return &SecretsError{cacheName, s}
}

// A SecretsError refuses a snapshot whose data.config holds secrets.
type SecretsError struct {
	File    string // "cache.jsonl.gz", or empty for the input of Export
	Secrets *Secrets
}

func (e *SecretsError) Error() string {
	msg := "want no secrets in the reports' data.config, found values at " + describePaths(e.Secrets.Found, e.Secrets.More)
	if e.File != "" {
		msg = e.File + ": " + msg
	}
	return msg
}

// Notice is a line that names the development defaults that were found, or "".
func (s *Secrets) Notice() string {
	if s == nil || len(s.Defaults) == 0 {
		return ""
	}
	return "the published development defaults of LowEndInsight, which are no secret, stand at " + describePaths(s.Defaults, 0)
}

// maxPaths bounds how many different paths are told apart, and maxShown how
// many a message names.
const (
	maxPaths = 100
	maxShown = 8
)

func describePaths(paths []SecretPath, more int64) string {
	var b strings.Builder
	for i, p := range paths {
		if i == maxShown {
			fmt.Fprintf(&b, ", and %d more keys", len(paths)-maxShown)
			break
		}
		if i > 0 {
			b.WriteString(", ")
		}
		times := "times"
		if p.Count == 1 {
			times = "time"
		}
		fmt.Fprintf(&b, "%s (%d %s)", p.Path, p.Count, times)
	}
	switch {
	case more > 0 && len(paths) > 0:
		fmt.Fprintf(&b, ", and %d values at still other keys", more)
	case more > 0:
		fmt.Fprintf(&b, "%d keys, in too much text to look into", more)
	}
	return b.String()
}

// secretFinder follows the keys within data.config.
type secretFinder struct {
	depth int
	path  []pathElem // above and at the value, by depth

	// Nearly all reports have the same keys in the same order, and the same texts
	// under them: known has the answers in that order, and next is where the next
	// one is.
	known []knownKey
	next  int

	wantSpans bool
	spans     []span   // of the line's values
	names     []string // their paths; a development default has an empty one before it
	rest      int64    // of the line, beyond maxNames

	found, defaults map[string]int64
	more            int64
	looked          int64 // bytes of keys and texts that were not known
}

// maxLooked bounds the keys and texts that differ from report to report and are
// looked into, in bytes of a payload, and with them the time. What comes later
// is taken for secrets, and counted without its path.
const maxLooked = 64 << 20

// maxNames bounds the paths that are held of one line.
const maxNames = 10000

// A span is a place in a line, end exclusive.
type span struct{ start, end int64 }

type knownKey struct {
	name   string
	secret bool

	text       []byte // under it, last
	textSecret bool
}

type pathElem struct {
	array bool
	key   []byte
}

func (f *secretFinder) open(object bool) {
	f.depth++
	if f.depth > len(f.path) {
		f.path = append(f.path, pathElem{})
	}
	f.path[f.depth-1].array = !object
}

// key says whether the key names a secret.
func (f *secretFinder) key(name []byte) bool {
	at := &f.path[f.depth-1]
	at.key = append(at.key[:0], name...)
	if f.next < len(f.known) && f.known[f.next].name == string(name) {
		f.next++
		return f.known[f.next-1].secret
	}
	f.looked += int64(len(name))
	secret := f.looked > maxLooked || isSecret(name, false)
	if f.next == len(f.known) && len(f.known) < 100 && len(name) <= maxQuote {
		f.known = append(f.known, knownKey{name: string(name), secret: secret})
		f.next++
	}
	return secret
}

// place is the path of the value at hand, fit for a message.
func (f *secretFinder) place() []byte {
	path := []byte("data.config")
	for i, p := range f.path[:f.depth] {
		if i == maxManifestDepth {
			return append(path, "..."...)
		}
		if p.array {
			path = append(path, "[]"...)
			continue
		}
		path = append(path, '.')
		plain := len(p.key) > 0 && len(p.key) <= maxQuote
		for _, c := range p.key {
			plain = plain && (c == '_' || c == '-' || c >= '0' && c <= '9' || c|0x20 >= 'a' && c|0x20 <= 'z')
		}
		if plain {
			path = append(path, p.key...)
		} else {
			path = append(path, quote(p.key)...)
		}
	}
	return path
}

// text looks for secrets in a value under a key that names none.
func (f *secretFinder) text(v scalar) {
	if v.kind != kindString {
		return
	}
	var k *knownKey
	if f.next > 0 && !f.path[f.depth-1].array {
		k = &f.known[f.next-1]
		if bytes.Equal(k.text, v.text) {
			if k.textSecret {
				f.value(v)
			}
			return
		}
	}
	f.looked += int64(len(v.text))
	secret := f.looked > maxLooked || looksSecret(v.text)
	if k != nil && len(v.text) <= maxKnownText {
		k.text, k.textSecret = append(k.text[:0], v.text...), secret
	}
	if secret {
		f.value(v)
	}
}

// maxKnownText bounds the texts that are remembered.
const maxKnownText = 4096

// value takes a value that is a secret, unless there is nothing in it.
func (f *secretFinder) value(v scalar) {
	if v.kind == kindNull || v.kind == kindString && len(v.text) == 0 {
		return
	}
	if f.wantSpans {
		f.spans = append(f.spans, span{v.start, v.end})
	}
	if len(f.names) >= maxNames || f.looked > maxLooked {
		f.rest++
		return
	}
	if v.kind == kindString && f.depth == 1 && isDefault(f.path[0].key, v.text) {
		f.names = append(f.names, "")
	}
	f.names = append(f.names, string(f.place()))
}

func (f *secretFinder) reset() {
	f.depth, f.next, f.spans, f.names, f.rest = 0, 0, f.spans[:0], f.names[:0], 0
}

func (f *secretFinder) commit() {
	into := &f.found
	for _, name := range f.names {
		if name == "" {
			into = &f.defaults
			continue
		}
		if *into == nil {
			*into = map[string]int64{}
		}
		if n, ok := (*into)[name]; ok || len(*into) < maxPaths {
			(*into)[name] = n + 1
		} else {
			f.more++
		}
		into = &f.found
	}
	f.more += f.rest
	f.names, f.rest = f.names[:0], 0
}

func isDefault(key, value []byte) bool {
	switch string(key) {
	case "jwt_secret":
		return string(value) == "lei_dev_secret"
	case "session_secret_key_base":
		return bytes.HasPrefix(value, []byte("lei_dev_session_secret"))
	}
	return false
}

func (f *secretFinder) report() *Secrets {
	return &Secrets{Found: sorted(f.found), Defaults: sorted(f.defaults), More: f.more}
}

func sorted(m map[string]int64) []SecretPath {
	var paths []SecretPath
	for p, n := range m {
		paths = append(paths, SecretPath{p, n})
	}
	slices.SortFunc(paths, func(a, b SecretPath) int { return strings.Compare(a.Path, b.Path) })
	return paths
}
