// Package registrytest is a registry in memory, for tests: as much of the OCI
// distribution specification as a push and a pull need, every request noted,
// and a hook to misbehave in.
package registrytest

import (
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"regexp"
	"slices"
	"sort"
	"strconv"
	"strings"
	"sync"
)

// A Registry is an http.Handler. Its fields are set before it serves.
type Registry struct {
	// Hook sees every request first, and returns true when it has answered.
	Hook func(w http.ResponseWriter, r *http.Request) bool
	// NoReferrers is a registry from before version 1.1 of the specification.
	NoReferrers bool
	// NoMount takes no blob over from another repository.
	NoMount bool
	// NoRange sends every blob from its beginning.
	NoRange bool

	mu        sync.Mutex
	blobs     map[string][]byte   // by "repository digest"
	manifests map[string]manifest // by "repository reference"
	uploads   int
	log       []Request
}

type manifest struct {
	mediaType string
	data      []byte
}

// A Request is one that was made.
type Request struct {
	Method, Path, Query  string
	Range, Authorization string
}

// String is the method and the path.
func (r Request) String() string { return r.Method + " " + r.Path }

// Requests are those made so far, whose "METHOD PATH" matches a pattern.
func (g *Registry) Requests(pattern string) []Request {
	g.mu.Lock()
	defer g.mu.Unlock()
	re := regexp.MustCompile(pattern)
	var found []Request
	for _, r := range g.log {
		if re.MatchString(r.String()) {
			found = append(found, r)
		}
	}
	return found
}

// Digest is the SHA-256 of data as a digest.
func Digest(data []byte) string { return fmt.Sprintf("sha256:%x", sha256.Sum256(data)) }

// Put stores a manifest under its digest and, if there is one, a tag.
func (g *Registry) Put(repository, tag, mediaType string, data []byte) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.put(repository, tag, manifest{mediaType, data})
}

func (g *Registry) put(repository, reference string, m manifest) {
	if g.manifests == nil {
		g.manifests = map[string]manifest{}
	}
	g.manifests[repository+" "+Digest(m.data)] = m
	if reference != "" {
		g.manifests[repository+" "+reference] = m
	}
}

// PutBlob stores a blob.
func (g *Registry) PutBlob(repository string, data []byte) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.blobs == nil {
		g.blobs = map[string][]byte{}
	}
	g.blobs[repository+" "+Digest(data)] = data
}

// Manifest is what stands under a tag or digest.
func (g *Registry) Manifest(repository, reference string) (mediaType string, data []byte) {
	g.mu.Lock()
	defer g.mu.Unlock()
	m := g.manifests[repository+" "+reference]
	return m.mediaType, m.data
}

// Blob is a blob, or nil.
func (g *Registry) Blob(repository, digest string) []byte {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.blobs[repository+" "+digest]
}

var route = regexp.MustCompile(`^/v2/(.+)/(manifests|blobs|tags|referrers)/(.*)$`)

func (g *Registry) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	g.mu.Lock()
	g.log = append(g.log, Request{r.Method, r.URL.Path, r.URL.RawQuery, r.Header.Get("Range"), r.Header.Get("Authorization")})
	g.mu.Unlock()
	if g.Hook != nil && g.Hook(w, r) {
		return
	}
	if r.URL.Path == "/v2/" {
		return
	}
	m := route.FindStringSubmatch(r.URL.Path)
	if m == nil {
		Fail(w, http.StatusNotFound, "NAME_UNKNOWN")
		return
	}
	repository, what, name := m[1], m[2], m[3]
	switch {
	case what == "manifests":
		g.serveManifest(w, r, repository, name)
	case what == "tags":
		g.serveTags(w, repository)
	case what == "referrers" && !g.NoReferrers:
		g.serveReferrers(w, repository, name)
	case what == "blobs" && strings.HasPrefix(name, "uploads/"):
		g.serveUpload(w, r, repository)
	case what == "blobs":
		g.serveBlob(w, r, repository, name)
	default:
		Fail(w, http.StatusNotFound, "UNSUPPORTED")
	}
}

// Fail answers with an error of the specification.
func Fail(w http.ResponseWriter, status int, code string) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	fmt.Fprintf(w, `{"errors":[{"code":%q,"message":"as the test wants it"}]}`, code)
}

func (g *Registry) serveManifest(w http.ResponseWriter, r *http.Request, repository, name string) {
	if r.Method == http.MethodPut {
		data, err := io.ReadAll(r.Body)
		if err != nil || strings.HasPrefix(name, "sha256:") && Digest(data) != name {
			Fail(w, http.StatusBadRequest, "DIGEST_INVALID")
			return
		}
		var doc struct {
			Subject *struct {
				Digest string `json:"digest"`
			} `json:"subject"`
		}
		if json.Unmarshal(data, &doc) == nil && doc.Subject != nil && !g.NoReferrers {
			w.Header().Set("OCI-Subject", doc.Subject.Digest)
		}
		g.Put(repository, name, r.Header.Get("Content-Type"), data)
		w.Header().Set("Docker-Content-Digest", Digest(data))
		w.WriteHeader(http.StatusCreated)
		return
	}
	mediaType, data := g.Manifest(repository, name)
	if data == nil {
		Fail(w, http.StatusNotFound, "MANIFEST_UNKNOWN")
		return
	}
	w.Header().Set("Content-Type", mediaType)
	w.Header().Set("Content-Length", strconv.Itoa(len(data)))
	w.Header().Set("Docker-Content-Digest", Digest(data))
	if r.Method == http.MethodGet {
		w.Write(data)
	}
}

func (g *Registry) serveTags(w http.ResponseWriter, repository string) {
	g.mu.Lock()
	defer g.mu.Unlock()
	tags := []string{}
	known := false
	for k := range g.manifests {
		tag, ok := strings.CutPrefix(k, repository+" ")
		known = known || ok
		if ok && !strings.Contains(tag, ":") {
			tags = append(tags, tag)
		}
	}
	if !known {
		Fail(w, http.StatusNotFound, "NAME_UNKNOWN")
		return
	}
	sort.Strings(tags)
	w.Header().Set("Content-Type", "application/json")
	json.NewEncoder(w).Encode(map[string]any{"name": repository, "tags": tags})
}

func (g *Registry) serveReferrers(w http.ResponseWriter, repository, digest string) {
	g.mu.Lock()
	defer g.mu.Unlock()
	list := []map[string]any{}
	for k, m := range g.manifests {
		d, ok := strings.CutPrefix(k, repository+" sha256:")
		if ok && strings.Contains(string(m.data), `"subject"`) && strings.Contains(string(m.data), digest) {
			list = append(list, map[string]any{"mediaType": m.mediaType, "digest": "sha256:" + d, "size": len(m.data)})
		}
	}
	slices.SortFunc(list, func(a, b map[string]any) int { return strings.Compare(a["digest"].(string), b["digest"].(string)) })
	w.Header().Set("Content-Type", "application/vnd.oci.image.index.v1+json")
	json.NewEncoder(w).Encode(map[string]any{"schemaVersion": 2, "mediaType": "application/vnd.oci.image.index.v1+json", "manifests": list})
}

// serveUpload answers with a relative Location, as the specification allows.
func (g *Registry) serveUpload(w http.ResponseWriter, r *http.Request, repository string) {
	q := r.URL.Query()
	if from := q.Get("from"); r.Method == http.MethodPost && from != "" && !g.NoMount {
		if data := g.Blob(from, q.Get("mount")); data != nil {
			g.PutBlob(repository, data)
			w.Header().Set("Docker-Content-Digest", q.Get("mount"))
			w.WriteHeader(http.StatusCreated)
			return
		}
	}
	switch r.Method {
	case http.MethodPost:
		g.mu.Lock()
		g.uploads++
		n := g.uploads
		g.mu.Unlock()
		w.Header().Set("Location", fmt.Sprintf("/v2/%s/blobs/uploads/%d?state=x", repository, n))
		w.WriteHeader(http.StatusAccepted)
	case http.MethodPut:
		data, err := io.ReadAll(r.Body)
		if err != nil || Digest(data) != q.Get("digest") || q.Get("state") != "x" {
			Fail(w, http.StatusBadRequest, "DIGEST_INVALID")
			return
		}
		g.PutBlob(repository, data)
		w.WriteHeader(http.StatusCreated)
	default:
		Fail(w, http.StatusMethodNotAllowed, "UNSUPPORTED")
	}
}

func (g *Registry) serveBlob(w http.ResponseWriter, r *http.Request, repository, digest string) {
	data := g.Blob(repository, digest)
	if data == nil {
		Fail(w, http.StatusNotFound, "BLOB_UNKNOWN")
		return
	}
	w.Header().Set("Content-Type", "application/octet-stream")
	w.Header().Set("Docker-Content-Digest", digest)
	from := 0
	if s, ok := strings.CutPrefix(r.Header.Get("Range"), "bytes="); ok && !g.NoRange {
		first, _, _ := strings.Cut(s, "-")
		n, err := strconv.Atoi(first)
		if err != nil || n >= len(data) {
			Fail(w, http.StatusRequestedRangeNotSatisfiable, "RANGE")
			return
		}
		from = n
		w.Header().Set("Content-Range", fmt.Sprintf("bytes %d-%d/%d", n, len(data)-1, len(data)))
	}
	w.Header().Set("Content-Length", strconv.Itoa(len(data)-from))
	if from > 0 {
		w.WriteHeader(http.StatusPartialContent)
	}
	if r.Method == http.MethodGet {
		w.Write(data[from:])
	}
}
