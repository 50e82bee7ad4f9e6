package source

import (
	"context"
	"encoding/json"
	"io"
	"io/fs"
	"strings"
	"syscall"
	"testing"

	v1 "github.com/opencontainers/image-spec/specs-go/v1"

	"github.com/ociferry/ferry/layout"
	"github.com/ociferry/ferry/layout/lei"
)

// A medium that cannot be read is not taken for content that verify refuses.
func TestAcceptableUnread(t *testing.T) {
	failed := &fs.PathError{Op: "read", Path: "a.tar", Err: syscall.EIO}
	payload := layout.Blob{
		Descriptor: lei.BlobDescriptor([]byte("payload"), lei.CacheJSONLMediaType),
		Open:       func() (io.ReadCloser, error) { return nil, failed },
	}
	config := layout.InMemory(lei.BlobDescriptor([]byte("{}"), lei.ConfigMediaType), []byte("{}"))
	snapshot := layout.InMemory(lei.BlobDescriptor([]byte("{}"), lei.CacheManifestMediaType), []byte("{}"))
	m, err := lei.BuildManifest(config.Descriptor, []v1.Descriptor{snapshot.Descriptor, payload.Descriptor}, "2026-02-01T03:15:00Z")
	if err != nil {
		t.Fatal(err)
	}
	data, err := json.Marshal(m)
	if err != nil {
		t.Fatal(err)
	}
	manifest := layout.InMemory(lei.BlobDescriptor(data, v1.MediaTypeImageManifest), data)
	index := layout.NewIndex()
	index.Manifests = []v1.Descriptor{manifest.Descriptor}
	c, err := layout.NewContents(index, []layout.Blob{manifest, config, snapshot, payload})
	if err != nil {
		t.Fatal(err)
	}
	if err := Acceptable(context.Background(), c, false, ""); err != failed {
		t.Errorf("want the error of reading, found %v", err)
	}
	if err := Acceptable(context.Background(), c, true, ""); err != nil {
		t.Errorf("checked before, found %v", err)
	}
	payload = layout.InMemory(payload.Descriptor, []byte("payload"))
	if c, err = layout.NewContents(index, []layout.Blob{manifest, config, snapshot, payload}); err != nil {
		t.Fatal(err)
	}
	if err := Acceptable(context.Background(), c, false, ""); err == nil || !strings.Contains(err.Error(), "would refuse it") {
		t.Errorf("want a refusal, found %v", err)
	}
}
