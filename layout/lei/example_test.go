package lei_test

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"log"
	"os"
	"path/filepath"

	"github.com/opencontainers/go-digest"
	v1 "github.com/opencontainers/image-spec/specs-go/v1"

	"github.com/ociferry/ferry/layout"
	"github.com/ociferry/ferry/layout/artifact"
	"github.com/ociferry/ferry/layout/lei"
)

var snapshot = os.DirFS(filepath.Join("..", "..", "examples", "lei-cache", "snapshot"))

func ExamplePackage() {
	m, raw, blobs, err := lei.Package(context.Background(), snapshot, artifact.Options{})
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(digest.FromBytes(raw))
	for _, b := range blobs {
		fmt.Println(b.MediaType, b.Size)
	}
	fmt.Println(m.Annotations["org.opencontainers.image.vendor"])
	// Output:
	// sha256:d7c76766a34d131473a104d5ac37a5a38d353a770076e67abfd9d8b0c1025667
	// application/vnd.lei.cache.config.v1+json 105
	// application/vnd.lei.cache.manifest+json 894
	// application/vnd.lei.cache.jsonl+gzip 7104
	// LowEndInsight
}

// Unpack needs no layout: here the blobs come out of a map.
func ExampleUnpack() {
	ctx := context.Background()
	m, _, blobs, err := lei.Package(ctx, snapshot, artifact.Options{})
	if err != nil {
		log.Fatal(err)
	}
	store := map[digest.Digest]layout.Blob{}
	for _, b := range blobs {
		store[b.Digest] = b
	}
	dir, err := os.MkdirTemp("", "lei")
	if err != nil {
		log.Fatal(err)
	}
	defer os.RemoveAll(dir)
	err = lei.Unpack(ctx, m, dir, func(_ context.Context, d v1.Descriptor) (io.ReadCloser, error) {
		return store[d.Digest].Open()
	})
	if err != nil {
		log.Fatal(err)
	}
	files, _ := filepath.Glob(filepath.Join(dir, "*"))
	for _, f := range files {
		fmt.Println(filepath.Base(f))
	}
	// Output:
	// cache.jsonl.gz
	// manifest.json
}

func ExampleUnpack_damaged() {
	ctx := context.Background()
	m, _, _, err := lei.Package(ctx, snapshot, artifact.Options{})
	if err != nil {
		log.Fatal(err)
	}
	dir, err := os.MkdirTemp("", "lei")
	if err != nil {
		log.Fatal(err)
	}
	defer os.RemoveAll(dir)
	err = lei.Unpack(ctx, m, dir, func(context.Context, v1.Descriptor) (io.ReadCloser, error) {
		return io.NopCloser(bytes.NewReader([]byte("something else"))), nil
	})
	fmt.Println(err != nil)
	files, _ := os.ReadDir(dir)
	fmt.Println(len(files), "files")
	// Output:
	// true
	// 0 files
}

func ExampleBlobDescriptor() {
	d := lei.BlobDescriptor([]byte("{}"), lei.ConfigMediaType)
	fmt.Println(d.MediaType, d.Digest, d.Size)
	// Output: application/vnd.lei.cache.config.v1+json sha256:44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a 2
}

func ExampleBuildManifest() {
	config := lei.BlobDescriptor([]byte("{}"), lei.ConfigMediaType)
	layers := []v1.Descriptor{lei.BlobDescriptor([]byte("{}"), lei.CacheManifestMediaType)}
	m, err := lei.BuildManifest(config, layers, "2026-02-01T00:00:00Z")
	fmt.Println(m.SchemaVersion, m.MediaType, m.Annotations["org.opencontainers.image.title"], err)
	_, err = lei.BuildManifest(v1.Descriptor{}, nil, "2026-02-01T00:00:00Z")
	fmt.Println(err)
	// Output:
	// 2 application/vnd.oci.image.manifest.v1+json lei-cache <nil>
	// descriptor "" of type "" and 0 bytes: want a media type, a digest and a size
}

func ExampleMediaTypeFilename() {
	fmt.Println(lei.MediaTypeFilename("application/vnd.lei.cache.jsonl+gzip"))
	fmt.Println(lei.MediaTypeFilename("application/vnd.lei.cache.jsonl+gzip;charset=utf-8"))
	// Output:
	// cache.jsonl.gz true
	//  false
}
