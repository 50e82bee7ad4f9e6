package artifact_test

import (
	"context"
	"fmt"
	"io"
	"log"
	"os"
	"path/filepath"
	"strings"

	"github.com/opencontainers/go-digest"
	v1 "github.com/opencontainers/image-spec/specs-go/v1"

	"github.com/ociferry/ferry/layout/artifact"
	"github.com/ociferry/ferry/layout/durable"
	"github.com/ociferry/ferry/layout/kinds"
)

// One artifact is unpacked from wherever its blobs are: here, from a map.
func ExampleExtract() {
	blobs := map[digest.Digest]string{}
	put := func(mediaType, content, title string) v1.Descriptor {
		d := v1.Descriptor{MediaType: mediaType, Digest: digest.FromString(content), Size: int64(len(content))}
		d.Annotations = map[string]string{v1.AnnotationTitle: title}
		blobs[d.Digest] = content
		return d
	}
	m := &v1.Manifest{Config: put(v1.MediaTypeEmptyJSON, "{}", "config.json"), Layers: []v1.Descriptor{put("text/plain", "Hello.\n", "docs/hello.txt")}}

	dir, err := os.MkdirTemp("", "")
	if err != nil {
		log.Fatal(err)
	}
	defer os.RemoveAll(dir)
	files, err := artifact.Extract(context.Background(), kinds.All, m, func(_ context.Context, d v1.Descriptor) (io.ReadCloser, error) {
		return io.NopCloser(strings.NewReader(blobs[d.Digest])), nil
	}, filepath.Join(dir, "new"), durable.Options{})
	if err != nil {
		log.Fatal(err)
	}
	data, err := os.ReadFile(filepath.Join(dir, "new", files[0].Name))
	fmt.Printf("%s: %s%v\n", files[0].Name, data, err)
	// Output: docs/hello.txt: Hello.
	// <nil>
}
