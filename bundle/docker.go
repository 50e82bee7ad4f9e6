package bundle

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"strings"

	v1 "github.com/opencontainers/image-spec/specs-go/v1"

	"github.com/ociferry/ferry/layout"
	"github.com/ociferry/ferry/layout/compression"
)

// Docker's form of an archive, as "docker save" has written it since version
// 1.10, names configs and layers in one file at the root. Two things are done
// with it here:
//
//   - WriteDocker puts that file into a bundle beside what Write puts there, so
//     that "docker load" of any version, and what reads docker archives only,
//     reads the same blobs. The identity is the one that Write's archive has.
//   - DockerContents reads an archive that has only docker's form as a layout.
//
// Since version 25 "docker save" writes a layout with docker's file beside it;
// that is read as any other layout.
const dockerManifest = "manifest.json"

// Docker's media type of an image's config.
const mediaTypeDockerConfig = "application/vnd.docker.container.image.v1+json"

// dockerImage is one element of docker's manifest.json.
type dockerImage struct {
	Config   string
	RepoTags []string
	Layers   []string
}

// WriteDocker writes what Write writes, and docker's manifest.json, which the
// seal lists. It names the images that index.json names; the rest, indexes of
// several platforms and what is no image, docker's form cannot hold, and is
// returned as skipped: a reader of docker's form will not see it. The error is
// ErrNoImages when that is all there is; nothing is written then.
func WriteDocker(ctx context.Context, w io.Writer, format *compression.Format, c *layout.Contents) (skipped []v1.Descriptor, err error) {
	if c.Pending() {
		if err := c.Hash(ctx); err != nil {
			return nil, err
		}
	}
	data, skipped, err := dockerFile(ctx, c)
	if err != nil {
		return skipped, err
	}
	return skipped, write(ctx, w, format, c, file{dockerManifest, data})
}

// ErrNoImages is WriteDocker's for a layout without an image of one platform.
var ErrNoImages = fmt.Errorf("no image of a single platform; docker's form holds nothing else")

func dockerFile(ctx context.Context, c *layout.Contents) (data []byte, skipped []v1.Descriptor, err error) {
	images := []dockerImage{}
	at := map[string]int{} // by the manifest's digest
	for _, d := range c.Index.Manifests {
		tag := dockerTag(d)
		if i, ok := at[string(d.Digest)]; ok {
			if tag != "" {
				images[i].RepoTags = append(images[i].RepoTags, tag)
			}
			continue
		}
		m, err := manifestOf(ctx, c, d)
		if err != nil {
			return nil, nil, err
		}
		if m == nil || m.Config.MediaType != v1.MediaTypeImageConfig && m.Config.MediaType != mediaTypeDockerConfig {
			skipped = append(skipped, d)
			continue
		}
		image := dockerImage{Config: layout.BlobPath(m.Config.Digest), Layers: []string{}}
		if tag != "" {
			image.RepoTags = []string{tag}
		}
		for _, l := range m.Layers {
			image.Layers = append(image.Layers, layout.BlobPath(l.Digest))
		}
		at[string(d.Digest)] = len(images)
		images = append(images, image)
	}
	if len(images) == 0 {
		return nil, skipped, ErrNoImages
	}
	data, err = json.Marshal(images)
	return data, skipped, err
}

// dockerTag is the name that docker gives an image, or "" when what it has is
// no NAME:TAG.
func dockerTag(d v1.Descriptor) string {
	full := layout.FullName(d)
	name, tag, ok := cutTag(full)
	if !ok || strings.Contains(full, "@") || name != strings.ToLower(name) {
		return ""
	}
	return name + ":" + tag
}

// cutTag divides NAME:TAG, where NAME may begin with HOST:PORT/.
func cutTag(ref string) (name, tag string, ok bool) {
	i := strings.LastIndexByte(ref, ':')
	if i <= 0 || i == len(ref)-1 || strings.Contains(ref[i:], "/") {
		return "", "", false
	}
	return ref[:i], ref[i+1:], true
}

// manifestOf is the manifest that d describes, or nil where it describes
// something else.
func manifestOf(ctx context.Context, c *layout.Contents, d v1.Descriptor) (*v1.Manifest, error) {
	if !layout.IsManifest(d.MediaType) {
		return nil, nil
	}
	for _, b := range c.Blobs {
		if b.Digest != d.Digest {
			continue
		}
		data, err := b.Bytes(ctx)
		if err != nil {
			return nil, err
		}
		return layout.ParseManifest(data, d.MediaType)
	}
	return nil, &layout.MissingError{Name: layout.BlobPath(d.Digest), Size: d.Size, From: "index.json"}
}
