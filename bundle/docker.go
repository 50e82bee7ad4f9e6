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
// Since version 25 "docker save" writes a layout with docker's file beside it.
// That is read as any other layout, unless the layout is empty or not whole, or
// docker's file names more than it does; see DockerContents.
const dockerManifest = layout.DockerManifest

// Docker's media types of an image's config and layers.
const (
	mediaTypeDockerConfig = "application/vnd.docker.container.image.v1+json"
	mediaTypeDockerLayer  = "application/vnd.docker.image.rootfs.diff.tar"
)

// WriteDocker writes what Write writes, and docker's manifest.json, which the
// seal lists. It names the images that index.json names, by a full reference or
// by one in the place of the tag, each name once. The rest docker's form cannot
// hold: indexes of several platforms, what is no image, signatures and
// attestations in the form of one, whose layers are no tars, images with layers
// that are not in the archive. It is returned as skipped: a reader of docker's form will not see it. The error is
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
	images := []layout.DockerImage{}
	at := map[string]int{} // by the manifest's digest
	tagged := map[string]bool{}
	for _, d := range c.Index.Manifests {
		tag := dockerTag(d)
		if tagged[tag] {
			tag = "" // another's: docker load would take it from that one
		}
		if i, ok := at[string(d.Digest)]; ok {
			if tag != "" {
				images[i].RepoTags = append(images[i].RepoTags, tag)
				tagged[tag] = true
			}
			continue
		}
		m, err := manifestOf(ctx, c, d)
		if err != nil {
			return nil, nil, err
		}
		if m == nil || !dockerLoads(m) {
			skipped = append(skipped, d)
			continue
		}
		image := layout.DockerImage{Config: layout.BlobPath(m.Config.Digest), Layers: []string{}}
		if tag != "" {
			image.RepoTags = []string{tag}
			tagged[tag] = true
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

// dockerLoads reports whether docker load takes what a manifest describes: the
// config of an image, and layers that are tars.
func dockerLoads(m *v1.Manifest) bool {
	if m.Config.MediaType != v1.MediaTypeImageConfig && m.Config.MediaType != mediaTypeDockerConfig {
		return false
	}
	for _, l := range m.Layers {
		switch l.MediaType {
		case v1.MediaTypeImageLayer, v1.MediaTypeImageLayerGzip, v1.MediaTypeImageLayerZstd, mediaTypeDockerLayer, mediaTypeDockerLayer + ".gzip":
		default:
			return false
		}
	}
	return true
}

// dockerTag is the name that docker gives an image, or "" when none of what it
// has is a NAME:TAG.
func dockerTag(d v1.Descriptor) string {
	for _, n := range layout.Names(d) {
		if name, _, ok := cutTag(n); ok && name == strings.ToLower(name) && repoTag().MatchString(n) {
			return n
		}
	}
	return ""
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
