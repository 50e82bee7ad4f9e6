package artifact

import (
	"cmp"
	"fmt"
	"io/fs"
	"path"
	"slices"
	"strings"

	v1 "github.com/opencontainers/image-spec/specs-go/v1"
)

// DefaultArtifactType is the artifactType of files packed without another; it
// must be set where the config is the empty one (manifest.md).
const DefaultArtifactType = "application/vnd.ferry.files.v1"

// Files is the kind of any directory: each regular file below it is a layer,
// titled with its path, in the order of the paths; the config is the empty
// one.
var Files = &Kind{
	Name:       "files",
	Noun:       "a directory of files",
	Repository: "ferry.internal/files/%s",
	ConfigType: v1.MediaTypeEmptyJSON,
	Detect:     func(fs.FS) bool { return true },
	Fits: func(m *v1.Manifest) bool {
		return len(m.Layers) > 0 && !slices.ContainsFunc(m.Layers, func(l v1.Descriptor) bool { return l.Annotations[v1.AnnotationTitle] == "" })
	},
	Config: func(_ fs.FS, o Options) (*Config, error) {
		c := &Config{Data: []byte("{}")}
		if t := cmp.Or(o.Created, o.CreatedElse); t != "" {
			if _, err := ParseTime(t); err != nil {
				return nil, fmt.Errorf("created: %w", err)
			}
			c.Annotations = map[string]string{v1.AnnotationCreated: t}
		}
		return c, nil
	},
	Inspector: func(Look) Inspector { return Titles{} },
}

// Other is the kind of any artifact that is no container image. It is not
// packed; its layers are unpacked under the names that FileNames makes.
var Other = &Kind{
	Name: "artifact",
	Noun: "an artifact of another kind",
	Fits: func(m *v1.Manifest) bool {
		return !isImage(m) && slices.ContainsFunc(layerNames(m), func(name string) bool { return name != "" })
	},
}

// mediaTypes is the small table of suffixes; the longest that fits wins.
var mediaTypes = map[string]string{
	".csv":       "text/csv",
	".gz":        "application/gzip",
	".html":      "text/html",
	".json":      "application/json",
	".jsonl":     "application/jsonl",
	".jsonl.gz":  "application/jsonl+gzip",
	".md":        "text/markdown",
	".pdf":       "application/pdf",
	".png":       "image/png",
	".spdx.json": "application/spdx+json",
	".tar":       "application/x-tar",
	".tar.gz":    "application/x-tar+gzip",
	".tar.zst":   "application/x-tar+zstd",
	".tgz":       "application/x-tar+gzip",
	".txt":       "text/plain",
	".xml":       "application/xml",
	".yaml":      "application/yaml",
	".yml":       "application/yaml",
	".zip":       "application/zip",
	".zst":       "application/zstd",
}

func mediaTypeOf(name string) string {
	base := strings.ToLower(path.Base(name))
	for i := range len(base) {
		if base[i] == '.' {
			if t, ok := mediaTypes[base[i:]]; ok {
				return t
			}
		}
	}
	return "application/octet-stream"
}
