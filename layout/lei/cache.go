package lei

import (
	"bytes"
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"time"

	"github.com/opencontainers/go-digest"
	v1 "github.com/opencontainers/image-spec/specs-go/v1"

	"github.com/ociferry/ferry/layout/artifact"
)

// The media types of a cache artifact.
const (
	ManifestMediaType      = v1.MediaTypeImageManifest
	ConfigMediaType        = "application/vnd.lei.cache.config.v1+json"
	CacheManifestMediaType = "application/vnd.lei.cache.manifest+json"
	CacheJSONLMediaType    = "application/vnd.lei.cache.jsonl+gzip"
)

// Repository is the name under which an artifact is known when it is given no
// other: ".internal" is never looked up in public.
const Repository = "lei.internal/lei/cache"

var files = []artifact.File{
	{Name: manifestName, MediaType: CacheManifestMediaType},
	{Name: cacheName, MediaType: CacheJSONLMediaType},
}

// Cache is the kind of artifact that a snapshot is: the layers manifest.json
// and cache.jsonl.gz, in this order, and a config of four fields.
var Cache = &artifact.Kind{
	Name:          "lei",
	Noun:          "an LEI snapshot",
	Label:         "lei cache",
	Repository:    Repository,
	ConfigType:    ConfigMediaType,
	Files:         files,
	Fits:          IsCache,
	CheckManifest: checkManifest,
	Inspector:     inspector,
	Config:        config,
	Detect:        IsSnapshot,
	Incomplete:    Incomplete,
	Tags:          Tags,
	Remedy:        remedy,
	Repack:        "export the snapshot again",
	Make:          "ferry export makes a snapshot of reports",
}

// IsSnapshot reports whether a directory holds the two files of a snapshot.
func IsSnapshot(fsys fs.FS) bool { return (&artifact.Kind{Files: files}).Missing(fsys) == "" }

// Incomplete reports whether a directory that is no snapshot may be what is
// left of one, and whether it surely is: manifest.json is that of a snapshot,
// or cache.jsonl.gz is all there is beside it.
func Incomplete(fsys fs.FS) (maybe, surely bool) {
	entries, err := fs.ReadDir(fsys, ".")
	if err != nil || IsSnapshot(fsys) {
		return false, false
	}
	info, err := fs.Stat(fsys, cacheName)
	cache := err == nil && info.Mode().IsRegular()
	info, err = fs.Stat(fsys, manifestName)
	manifest := err == nil
	if manifest && info.Mode().IsRegular() {
		if f, err := fsys.Open(manifestName); err == nil {
			defer f.Close()
			_, err = ReadSnapshot(f, nil)
			surely = err == nil
		}
	}
	surely = surely || cache && (manifest || len(entries) == 1)
	return surely || cache || manifest && len(entries) == 1, surely
}

// MediaTypeFilename is the file that a layer of the given media type is. ok is
// false for any other type: there is no file called "unknown".
func MediaTypeFilename(mediaType string) (name string, ok bool) {
	for _, f := range files {
		if f.MediaType == mediaType {
			return f.Name, true
		}
	}
	return "", false
}

// fileNames are the names of the files that the layers of a cache are.
func fileNames(m *v1.Manifest) ([]string, error) {
	if err := checkManifest(m); err != nil {
		return nil, err
	}
	return Cache.FileNames(m, "")
}

// checkManifest is what is asked of a manifest beside its layers.
func checkManifest(m *v1.Manifest) error {
	if m.Config.MediaType != ConfigMediaType && m.Config.MediaType != v1.MediaTypeEmptyJSON {
		return fmt.Errorf("config.mediaType: want %s for the layers of an LEI cache, found %s", ConfigMediaType, quote(m.Config.MediaType))
	}
	if m.Config.MediaType == v1.MediaTypeEmptyJSON && m.ArtifactType == "" {
		return errors.New("artifactType: missing; it must be set where the config is the empty one")
	}
	return nil
}

// BlobDescriptor describes bytes: their media type, SHA-256 and size. The
// bytes themselves are not in it.
func BlobDescriptor(data []byte, mediaType string) v1.Descriptor {
	return v1.Descriptor{MediaType: mediaType, Digest: digest.FromBytes(data), Size: int64(len(data))}
}

// BuildManifest is the image manifest of a config and its layers, with the
// annotations that a cache artifact has; created is a time in RFC 3339.
func BuildManifest(config v1.Descriptor, layers []v1.Descriptor, created string) (*v1.Manifest, error) {
	for _, d := range append([]v1.Descriptor{config}, layers...) {
		if d.MediaType == "" || d.Size < 0 || d.Digest.Validate() != nil {
			return nil, fmt.Errorf("descriptor %q of type %q and %d bytes: want a media type, a digest and a size", d.Digest, d.MediaType, d.Size)
		}
	}
	if !validTime(created) {
		return nil, fmt.Errorf("created: want a time in RFC 3339, found %s", quote(created))
	}
	m := &v1.Manifest{MediaType: ManifestMediaType, Config: config, Layers: layers, Annotations: annotations(created)}
	m.SchemaVersion = 2
	return m, nil
}

func annotations(created string) map[string]string {
	return map[string]string{
		v1.AnnotationCreated:     created,
		v1.AnnotationTitle:       "lei-cache",
		v1.AnnotationDescription: "LEI analysis cache snapshot",
		v1.AnnotationVendor:      "LowEndInsight",
	}
}

// configBlob is the config: four fields, in a fixed order.
type configBlob struct {
	LEIVersion    string `json:"lei_version"`
	FormatVersion string `json:"format_version"`
	Created       string `json:"created"`
	CacheEntries  int64  `json:"cache_entries"`
}

// config reads manifest.json for what the artifact says of itself. A snapshot
// whose manifest.json is not sound is packed on NoCheck only, with what can be
// read of it; where that is nothing, as the original packs it: with no entries
// counted.
func config(fsys fs.FS, o artifact.Options) (*artifact.Config, error) {
	f, err := fsys.Open(manifestName)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	c := &artifact.Config{}
	s, err := ReadSnapshot(f, nil)
	if err != nil {
		if !o.NoCheck {
			return nil, err
		}
		c.Notices = append(c.Notices, artifact.PackedAnyway(err))
		again, err := fsys.Open(manifestName)
		if err != nil {
			return nil, err
		}
		defer again.Close()
		s = salvage(again)
		s.FormatVersion = cmp.Or(s.FormatVersion, "1.0")
		s.LEIVersion = cmp.Or(s.LEIVersion, "unknown")
		s.Created = cmp.Or(s.Created, o.CreatedElse, time.Unix(0, 0).UTC().Format(time.RFC3339))
	}
	created := s.Created
	if o.Created != "" {
		created = o.Created
	}
	if !validTime(created) {
		return nil, fmt.Errorf("created: want a time in RFC 3339, found %s", quote(created))
	}
	c.Annotations = annotations(created)
	c.Tag = s.Date
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	if err := e.Encode(configBlob{s.LEIVersion, s.FormatVersion, created, s.EntryCount}); err != nil {
		return nil, err
	}
	c.Data = bytes.TrimSuffix(b.Bytes(), []byte("\n"))
	return c, nil
}
