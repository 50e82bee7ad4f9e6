package lei

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"sync"

	"github.com/opencontainers/go-digest"
	v1 "github.com/opencontainers/image-spec/specs-go/v1"

	"github.com/ociferry/ferry/layout/artifact"
	"github.com/ociferry/ferry/layout/internal/strictjson"
)

// A Hook gives the Watch of a payload before it is read. It may be called by
// several goroutines.
type Hook func(payload v1.Descriptor) Watch

// A Checker checks the payload of cache artifacts in the one pass in which
// their blobs are hashed: that manifest.json and the config are what they
// should be, that the payload is whole JSONL, and that all three agree. It has
// the methods of artifact.Inspector and artifact.Reporter, may be used by several
// goroutines, and holds no payload in memory.
//
// Where blobs come before the manifest that names them, it looks into whatever
// may be a payload, and forgets what was none. The zero value is ready for use.
type Checker struct {
	secrets artifact.Secrets
	hook    Hook

	mu      sync.Mutex
	results map[string]*result
	maxRaw  int64 // the largest raw_size announced so far
	maxRep  int64 // the largest entry_count
	found   []Found
	notices []string
	noted   int
}

// A Found is a cache artifact that has been checked and is sound.
type Found struct {
	Digest   digest.Digest // of its manifest
	Snapshot *Snapshot
	Payload  *Payload
	Summary  *Summary // nil if none was asked for

	blob digest.Digest // of the payload
}

// result is what became of one blob; each part is nil if it was not looked at
// as that.
type result struct {
	snapshot    *Snapshot
	snapshotErr error
	payload     *Payload
	payloadErr  error
	configured  bool  // it was looked at as a config
	entries     int64 // that the config counts
	configErr   error
	looked      bool // at its first bytes
}

// NewChecker is a Checker that does so about secrets, and lets others watch the
// payloads that it checks if the hook is not nil.
func NewChecker(secrets artifact.Secrets, hook Hook) *Checker {
	return &Checker{secrets: secrets, hook: hook}
}

// Found lists the cache artifacts that were checked and found sound.
func (c *Checker) Found() []Found { return c.found }

// Notices are what is worth saying of artifacts that are sound, a line each: the
// first maxNotices, and how many more there are.
func (c *Checker) Notices() []string {
	if more := c.noted - len(c.notices); more > 0 {
		return append(slices.Clip(c.notices), fmt.Sprintf("and %d more such notes", more))
	}
	return c.notices
}

const maxNotices = 20

// note is called with c.mu held.
func (c *Checker) note(s string) {
	if c.noted++; len(c.notices) < maxNotices {
		c.notices = append(c.notices, s)
	}
}

// key finds a blob again: by its digest, or by its media type while it is
// being packed and has none.
func key(d v1.Descriptor) string {
	if d.Digest == "" {
		return d.MediaType
	}
	return string(d.Digest)
}

const maxConfig = 64 << 10

// Blob looks into a blob as it passes, if it is part of a cache or may be.
func (c *Checker) Blob(d v1.Descriptor) io.WriteCloser {
	c.mu.Lock()
	defer c.mu.Unlock()
	r := c.results[key(d)]
	if r == nil {
		r = &result{}
	}
	var w io.WriteCloser
	switch d.MediaType {
	case ConfigMediaType:
		r.looked = true
		w = &configWriter{r: r}
	case CacheManifestMediaType:
		w = c.snapshotWriter(r)
	case CacheJSONLMediaType:
		w = c.payloadWriter(r, d)
	case "":
		w = &untyped{c: c, r: r, d: d}
	default:
		return nil
	}
	c.put(d, r)
	return w
}

// put is called with c.mu held.
func (c *Checker) put(d v1.Descriptor, r *result) {
	if c.results == nil {
		c.results = map[string]*result{}
	}
	c.results[key(d)] = r
}

// configWriter reads a config, and keeps what it counts: there may be very many.
type configWriter struct {
	r    *result
	data []byte
}

func (w *configWriter) Write(p []byte) (int, error) {
	w.data = append(w.data, p[:min(len(p), maxConfig+1-len(w.data))]...)
	return len(p), nil
}

func (w *configWriter) Close() error {
	w.r.configured = true
	w.r.entries, w.r.configErr = parseConfig(w.data)
	return nil
}

// A pipeWriter hands what is written to a reader in a goroutine, and lets the
// rest pass when that has seen enough.
type pipeWriter struct {
	pw   *io.PipeWriter
	done chan struct{}
}

func newPipeWriter(read func(io.Reader)) *pipeWriter {
	pr, pw := io.Pipe()
	w := &pipeWriter{pw, make(chan struct{})}
	go func() {
		defer close(w.done)
		read(pr)
		pr.Close()
	}()
	return w
}

func (w *pipeWriter) Write(p []byte) (int, error) {
	w.pw.Write(p) // fails when the reader has seen enough
	return len(p), nil
}

func (w *pipeWriter) Close() error {
	w.pw.Close()
	<-w.done
	return nil
}

func (c *Checker) snapshotWriter(r *result) io.WriteCloser {
	r.looked = true
	return newPipeWriter(func(in io.Reader) {
		r.snapshot, r.snapshotErr = ReadSnapshot(in, nil)
		if r.snapshot != nil {
			c.mu.Lock()
			c.maxRaw = max(c.maxRaw, r.snapshot.RawSize)
			c.maxRep = max(c.maxRep, r.snapshot.EntryCount)
			c.mu.Unlock()
		}
	})
}

// maxRatio is how many times its size a payload may inflate to, beyond 64 MiB,
// before a manifest.json has announced as much. Reports compress 5:1 to 10:1; a
// gzip bomb 1000:1.
const maxRatio = 24

// announcedRatio is the same for what a manifest.json has announced.
const announcedRatio = 100

// rawLimit is called with c.mu held. What the payload inflates to is bounded
// by what a manifest.json announced, within reason, or else by what a payload of
// its size may reasonably hold.
func (c *Checker) rawLimit(size int64) int64 {
	size = min(size, 1<<50)
	return max(min(c.maxRaw, 64<<20+size*announcedRatio), 64<<20+size*maxRatio)
}

// payloadWriter is called with c.mu held.
func (c *Checker) payloadWriter(r *result, d v1.Descriptor) io.WriteCloser {
	r.looked = true
	limit, announced := c.rawLimit(d.Size), c.maxRaw
	// Each report takes more than a byte of gzip.
	o := ScanOptions{MaxRaw: limit, MaxReports: max(c.maxRep, 1<<20+d.Size), Secrets: c.secrets != artifact.IgnoreSecrets}
	if c.hook != nil {
		o.Watch = c.hook(d)
	}
	return newPipeWriter(func(in io.Reader) {
		r.payload, r.payloadErr = ScanPayload(context.Background(), in, o)
		switch {
		case !errors.Is(r.payloadErr, errTooLarge):
		case limit > announced:
			r.payloadErr = &FormatError{File: cacheName, Msg: fmt.Sprintf("%d bytes inflate to more than the limit of %d, and no raw_size announced more", d.Size, limit)}
		case limit < announced:
			r.payloadErr = &FormatError{File: cacheName, Msg: fmt.Sprintf("%d bytes inflate to more than the limit of %d, whatever raw_size announces; reports compress about ten to one", d.Size, limit)}
		}
	})
}

// An untyped blob is one that no manifest has named yet: its first bytes tell
// what it may be.
type untyped struct {
	c    *Checker
	r    *result
	d    v1.Descriptor
	to   []io.WriteCloser
	done bool
}

func (u *untyped) Write(p []byte) (int, error) {
	if !u.done && len(p) > 0 {
		u.done, u.r.looked = true, true
		t := bytes.TrimLeft(p, whiteSpace)
		switch {
		case len(p) > 2 && p[0] == 0x1f && p[1] == 0x8b:
			u.c.mu.Lock()
			u.to = append(u.to, u.c.payloadWriter(u.r, u.d))
			u.c.mu.Unlock()
		case len(t) > 0 && t[0] == '{':
			u.to = append(u.to, u.c.snapshotWriter(u.r))
			if u.d.Size <= maxConfig {
				u.to = append(u.to, &configWriter{r: u.r})
			}
		}
	}
	for _, w := range u.to {
		w.Write(p)
	}
	return len(p), nil
}

func (u *untyped) Close() error {
	u.r.looked = true
	for _, w := range u.to {
		w.Close()
	}
	return nil
}

// IsCache reports whether a manifest is that of a cache artifact: its config
// or artifact type says so, or a layer is of a cache's type.
func IsCache(m *v1.Manifest) bool {
	if m.Config.MediaType == ConfigMediaType || m.ArtifactType == ConfigMediaType {
		return true
	}
	for _, l := range m.Layers {
		if _, ok := MediaTypeFilename(l.MediaType); ok {
			return true
		}
	}
	return false
}

// Manifest judges a manifest, whose blobs have all passed. Manifests of other
// kinds are none of its business.
func (c *Checker) Manifest(d v1.Descriptor, m *v1.Manifest) error {
	if !IsCache(m) {
		return nil
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	names, err := fileNames(m)
	if err != nil {
		return err
	}
	var man, pay *result
	var payload digest.Digest
	for i, l := range m.Layers {
		r := c.results[string(l.Digest)]
		if r == nil {
			r = c.results[l.MediaType]
		}
		if t := l.Annotations[v1.AnnotationTitle]; t != "" && names[i] != "" && t != names[i] {
			c.note(fmt.Sprintf("layers[%d] of %s has the title %s, and is %s by its type; the title is ignored", i, d.Digest, quote(t), names[i]))
		}
		switch names[i] {
		case manifestName:
			man = r
		case cacheName:
			pay, payload = r, l.Digest
		default:
			c.note(fmt.Sprintf("layers[%d] of %s is of type %s, no file of an LEI cache; it is left alone", i, d.Digest, quote(l.MediaType)))
		}
	}
	switch {
	case man == nil || pay == nil || !man.looked || !pay.looked:
		return errors.New("the payload could not be looked at: one of its blobs is described under another media type as well")
	case man.snapshotErr != nil:
		return man.snapshotErr
	case man.snapshot == nil:
		return &FormatError{File: manifestName, Msg: "want a JSON object, found something else"}
	case pay.payloadErr != nil:
		return pay.payloadErr
	case pay.payload == nil:
		return &FormatError{File: cacheName, Msg: "want gzip data, found something else"}
	}
	s, p := man.snapshot, pay.payload
	if err := s.Check(p); err != nil {
		return err
	}
	if m.Config.MediaType == ConfigMediaType {
		r := c.results[string(m.Config.Digest)]
		if r == nil {
			r = c.results[m.Config.MediaType]
		}
		switch {
		case r == nil || !r.looked:
			return errors.New("the config could not be looked at: its blob is described under another media type as well")
		case !r.configured:
			return fmt.Errorf("config: want a JSON object of at most %d bytes, found something else", maxConfig)
		case r.configErr != nil:
			return fmt.Errorf("config: %w", r.configErr)
		case r.entries != s.EntryCount:
			return fmt.Errorf("config: cache_entries: manifest.json counts %d reports, the config %d", s.EntryCount, r.entries)
		}
	}
	err = p.Secrets.Err()
	switch {
	case err == nil:
	case c.secrets == artifact.RefuseSecrets:
		return err
	case c.secrets == artifact.TellSecrets:
		c.note(err.Error())
	default:
		c.note(err.Error() + "; allowed")
	}
	if n := p.Secrets.Notice(); n != "" && c.secrets != artifact.TellSecrets {
		c.note(n)
	}
	if p.InvalidUTF8 > 0 {
		c.note(fmt.Sprintf("%s: %d reports are not valid UTF-8", cacheName, p.InvalidUTF8))
	}
	c.found = append(c.found, Found{Digest: d.Digest, Snapshot: s, Payload: p, blob: payload})
	return nil
}

// parseConfig reads a config, whose four fields must be there and of the right
// types, and says how many reports it counts.
func parseConfig(data []byte) (entries int64, err error) {
	if len(data) > maxConfig {
		return 0, fmt.Errorf("want at most %d bytes, found more", maxConfig)
	}
	var c struct {
		LEIVersion    *string `json:"lei_version"`
		FormatVersion *string `json:"format_version"`
		Created       *string `json:"created"`
		CacheEntries  *int64  `json:"cache_entries"`
	}
	if err := strictjson.Unmarshal(data, &c, "lei_version", "format_version", "created", "cache_entries"); err != nil {
		return 0, err
	}
	switch {
	case c.LEIVersion == nil:
		return 0, errors.New("lei_version: want a string, found none")
	case c.FormatVersion == nil:
		return 0, errors.New("format_version: want a string, found none")
	case !validFormat(*c.FormatVersion):
		return 0, fmt.Errorf(`format_version: want "1.x", found %s`, quote(*c.FormatVersion))
	case c.Created == nil:
		return 0, errors.New("created: want a time in RFC 3339, found none")
	case !validTime(*c.Created):
		return 0, fmt.Errorf("created: want a time in RFC 3339, found %s", quote(*c.Created))
	case c.CacheEntries == nil:
		return 0, errors.New("cache_entries: want a number of reports, found none")
	}
	return *c.CacheEntries, nil
}

var _ artifact.Reporter = (*Checker)(nil)
