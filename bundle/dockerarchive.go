package bundle

import (
	"archive/tar"
	"bufio"
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"hash"
	"io"
	"path"
	"regexp"
	"strings"
	"sync"

	"github.com/opencontainers/go-digest"
	"github.com/opencontainers/image-spec/specs-go"
	v1 "github.com/opencontainers/image-spec/specs-go/v1"

	"github.com/ociferry/ferry/layout"
	"github.com/ociferry/ferry/layout/compression"
	"github.com/ociferry/ferry/layout/stream"
)

// ErrIsLayout is DockerContents' for an archive that is a layout as well, a whole
// one that has all that docker's manifest.json names: OpenArchive and Verify read
// it, and keep its manifests as they are.
var ErrIsLayout = errors.New("the archive is an OCI image layout")

// ErrNotDocker is wrapped by the error for an archive without docker's
// manifest.json at its root.
var ErrNotDocker = errors.New("no manifest.json at the root: this is no archive as docker save writes it")

// Limits of an archive in docker's form.
const (
	maxDockerLayers = 1000     // of one image
	maxDockerFacts  = 32 << 20 // bytes of all configs and manifests, as of a layout's documents
	dockerRatio     = 1100     // inflated to compressed, beyond slack: what deflate can do
)

// IsDocker reports whether a plain tar has docker's manifest.json and is no
// layout. It looks at the names of its entries only, until ctx ends.
func IsDocker(ctx context.Context, f io.ReaderAt, size int64) bool {
	d, err := scanDocker(ctx, f, size)
	return err == nil && !d.layout
}

// DockerContents reads an archive in docker's form, a plain tar, as a layout:
// each image of manifest.json becomes an OCI manifest over the same config and
// the same layer files, so that docker's image ID, the config's digest, stays;
// docker's form has no manifest, so that there is no digest of one to keep.
// The same archive gives the same layout.
//
//   - Entries have unique names by the rules of every bundle, a colon apart.
//     Names are looked up among the entries and never joined to a path. A link
//     stands for the regular file of the archive that it names, in one step.
//   - A config is at most layout.MaxDocument bytes and lists as many diff_ids as
//     the image has layers. Each layer, inflated when it is compressed, must
//     have its diff_id; a file whose name is a digest must have that digest.
//   - What nothing names is left out and listed in Dropped.
//   - RepoTags become references as docker means them: "alpine:3" is
//     docker.io/library/alpine:3.
//   - In an archive that is a layout as well, but an empty one, not a whole one,
//     or one that lacks what manifest.json names, manifest.json is followed. A
//     manifest of the layout with the same config and layers is carried instead
//     of a new one; and so is every other one that the index reaches and that is
//     whole, under its name unless that is an image's. A sealed archive is not
//     read so.
//
// f stays open as long as the contents are used. The error is ErrIsLayout,
// wraps ErrNotDocker or ErrCompressed, is an *EntryError, a *RatioError, a
// *compression.Error, a *layout.CorruptError or *layout.FormatError, or the
// error of f or of ctx.
func DockerContents(ctx context.Context, f io.ReaderAt, size int64) (*layout.Contents, error) {
	d, err := scanDocker(ctx, f, size)
	if err != nil {
		return nil, err
	}
	if d.layout {
		if err := d.besideLayout(ctx, size); err != nil {
			return nil, err
		}
	}
	raw, err := d.small(dockerManifest)
	if err != nil {
		return nil, err
	}
	images, err := layout.ParseDockerManifest(raw)
	if err != nil {
		return nil, &layout.FormatError{Name: dockerManifest, Err: err}
	}
	c := &layout.Contents{}
	index := layout.NewIndex()
	for i := range images {
		desc, err := d.image(ctx, &images[i])
		if err != nil {
			return nil, fmt.Errorf("%s: image %d: %w", dockerManifest, i+1, err)
		}
		names, err := dockerNames(images[i].RepoTags)
		if err != nil {
			return nil, &layout.FormatError{Name: dockerManifest, Err: err}
		}
		if len(names) == 0 {
			names = []string{""}
		}
		for _, n := range names {
			one := desc
			if n != "" {
				one.Annotations = layout.NameAnnotations(n)
			}
			if err := layout.AddTo(&index, one); err != nil {
				return nil, &layout.FormatError{Name: dockerManifest, Err: err}
			}
		}
	}
	for _, m := range d.others {
		if err := d.carry(ctx, &index, m); err != nil {
			return nil, err
		}
	}
	c.Blobs = append(append(d.manifests, d.configs...), d.layers...)
	if len(c.Blobs) > layout.MaxFiles {
		return nil, &layout.FormatError{Name: dockerManifest, Err: fmt.Errorf("more than the limit of %d blobs", layout.MaxFiles)}
	}
	for _, name := range d.order {
		if !d.used[name] && name != dockerManifest && name != v1.ImageLayoutFile && name != v1.ImageIndexFile {
			c.Dropped = append(c.Dropped, name)
		}
	}
	if err := c.SetIndex(index); err != nil {
		return nil, err
	}
	if len(c.RawIndex) > layout.MaxDocument {
		return nil, &layout.FormatError{Name: dockerManifest, Err: errors.New("names more images than an index can hold")}
	}
	return c, nil
}

// Inflate writes the tar that a compressed stream holds, or the stream itself
// when it is a plain tar, to w: what DockerContents reads. The bounds on what a
// stream may inflate to are those of Verify.
func Inflate(ctx context.Context, w io.Writer, r io.Reader) error {
	m, z, _, err := open(r)
	if err != nil {
		return err
	}
	defer z.Close()
	_, err = stream.FanOut(ctx, m, w)
	return err
}

// dockerArchive is the entries of an archive, and what has been made of them.
type dockerArchive struct {
	f                          io.ReaderAt
	files                      map[string]member
	links                      map[string]string // to the name of a file
	order                      []string          // names, of files
	used                       map[string]bool
	manifests, configs, layers []layout.Blob
	have                       map[digest.Digest]bool
	hashed                     map[string]dockerLayer // by the name of a file
	facts                      int                    // bytes of configs read and manifests made

	layout    bool                // it is one as well
	originals map[string]original // its manifests, by what they name
	others    []layout.Node       // those that its index reaches, as far as they are whole
}

// original is a manifest of a layout, as it lies.
type original struct {
	desc v1.Descriptor
	raw  []byte
}

// dockerLayer is a layer that was read.
type dockerLayer struct {
	desc v1.Descriptor
	diff digest.Digest
}

// scanDocker reads the headers of an archive.
func scanDocker(ctx context.Context, f io.ReaderAt, size int64) (*dockerArchive, error) {
	stream := io.NewSectionReader(f, 0, size)
	head := make([]byte, compression.MagicLen)
	n, err := stream.ReadAt(head, 0)
	if err != nil && err != io.EOF {
		return nil, err
	}
	if format, err := compression.Detect(head[:n]); err != nil {
		return nil, fmt.Errorf("%w: %w", ErrNotTar, err)
	} else if format != compression.None {
		return nil, fmt.Errorf("%w: %s", ErrCompressed, format)
	}
	d := &dockerArchive{
		f: f, files: map[string]member{}, links: map[string]string{}, used: map[string]bool{},
		have: map[digest.Digest]bool{}, hashed: map[string]dockerLayer{},
	}
	e := newSeekingEntries(stream)
	for {
		if ctx.Err() != nil {
			return nil, context.Cause(ctx)
		}
		h, err := e.header()
		if err == io.EOF {
			break
		}
		if err != nil {
			return nil, err
		}
		if err := d.entry(e, h, stream); err != nil {
			return nil, err
		}
	}
	if err := e.end(); err != io.EOF {
		return nil, err
	}
	_, d.layout = d.files[v1.ImageLayoutFile]
	_, ok := d.files[dockerManifest]
	switch {
	case d.layout && !ok:
		return nil, ErrIsLayout
	case !ok:
		return nil, ErrNotDocker
	}
	return d, nil
}

func (d *dockerArchive) entry(e *entries, h *tarHeader, stream *io.SectionReader) error {
	// crane calls a config "sha256:HEX".
	plain := *h
	plain.name = strings.ReplaceAll(h.name, ":", "_")
	if _, err := entryName(&plain); err != nil {
		return &EntryError{h.name, err.(*EntryError).Msg}
	}
	name := strings.TrimSuffix(strings.TrimPrefix(h.name, "./"), "/")
	if err := e.claim(name, h.flag != tar.TypeDir); err != nil {
		return err
	}
	switch h.flag {
	case tar.TypeDir:
	case tar.TypeLink, tar.TypeSymlink:
		to := path.Clean(h.link) // a hard link's is an entry's name
		if h.flag == tar.TypeSymlink {
			to = path.Join(path.Dir(name), h.link)
		}
		if h.link == "" || len(h.link) > maxName || path.IsAbs(h.link) || to == ".." || strings.HasPrefix(to, "../") {
			return &EntryError{h.name, fmt.Sprintf("a link that leaves the archive, to %s", layout.Printable(h.link))}
		}
		d.links[name] = to
	default:
		at, err := stream.Seek(0, io.SeekCurrent)
		if err != nil {
			return err
		}
		if h.size > stream.Size()-at {
			return &EntryError{h.name, msgTruncated}
		}
		d.files[name] = member{at, h.size}
		d.order = append(d.order, name)
	}
	return nil
}

// file is the regular file that a name of manifest.json stands for.
func (d *dockerArchive) file(name string) (string, member, error) {
	name = strings.TrimPrefix(name, "./")
	d.used[name] = true
	if to, ok := d.links[name]; ok {
		if _, ok := d.files[to]; !ok {
			return "", member{}, &layout.FormatError{Name: name, Err: fmt.Errorf("a link to %s, which is no regular file of the archive", layout.Printable(to))}
		}
		name = to
		d.used[name] = true
	}
	m, ok := d.files[name]
	if !ok {
		return "", member{}, &layout.MissingError{Name: name, Size: -1, From: dockerManifest}
	}
	return name, m, nil
}

func (d *dockerArchive) open(m member) *io.SectionReader {
	return io.NewSectionReader(d.f, m.at, m.size)
}

// small is the content of a file that is held in memory.
func (d *dockerArchive) small(name string) ([]byte, error) {
	name, m, err := d.file(name)
	if err != nil {
		return nil, err
	}
	if m.size > layout.MaxDocument {
		return nil, &layout.FormatError{Name: name, Err: fmt.Errorf("%d bytes is too large, the limit is %d", m.size, layout.MaxDocument)}
	}
	return d.read(m)
}

func (d *dockerArchive) count(n int) error {
	if d.facts += n; d.facts > maxDockerFacts {
		return &layout.FormatError{Name: dockerManifest, Err: fmt.Errorf("too many images, the limit is %d bytes of configs and manifests", maxDockerFacts)}
	}
	return nil
}

// unmarshalDocker reads JSON as docker does, by whose reading it is meant, and
// nothing behind it.
func unmarshalDocker(name string, data []byte, v any) error {
	if err := json.Unmarshal(data, v); err != nil {
		return &layout.FormatError{Name: name, Err: err}
	}
	return nil
}

// imageFacts is what is asked of v1.Image: the rest takes much memory, decoded.
type imageFacts struct {
	OS, Architecture, Variant string
	RootFS                    struct {
		DiffIDs []digest.Digest `json:"diff_ids"`
	}
}

// image makes a manifest of an image, and notes its blobs.
func (d *dockerArchive) image(ctx context.Context, image *layout.DockerImage) (v1.Descriptor, error) {
	var none v1.Descriptor
	raw, err := d.small(image.Config)
	if err != nil {
		return none, err
	}
	config := v1.Descriptor{MediaType: v1.MediaTypeImageConfig, Digest: digest.FromBytes(raw), Size: int64(len(raw))}
	if err := nameHolds(image.Config, config, ""); err != nil {
		return none, err
	}
	var parsed imageFacts
	if err := unmarshalDocker(image.Config, raw, &parsed); err != nil {
		return none, err
	}
	if n := len(parsed.RootFS.DiffIDs); n != len(image.Layers) || n > maxDockerLayers {
		return none, &layout.FormatError{Name: image.Config, Err: fmt.Errorf("rootfs.diff_ids: want one for each of the %d layers, at most %d, found %d", len(image.Layers), maxDockerLayers, n)}
	}
	m := v1.Manifest{Versioned: specs.Versioned{SchemaVersion: 2}, MediaType: v1.MediaTypeImageManifest, Config: config, Layers: []v1.Descriptor{}}
	for i, name := range image.Layers {
		l, err := d.layer(ctx, name)
		if err != nil {
			return none, err
		}
		if want := parsed.RootFS.DiffIDs[i]; l.diff != want {
			return none, &layout.CorruptError{Name: layout.Printable(name), Want: digest.Digest(layout.Printable(string(want))), Got: l.diff, WantSize: -1, GotSize: l.desc.Size}
		}
		m.Layers = append(m.Layers, l.desc)
	}
	d.add(&d.configs, config, func() (io.ReadCloser, error) { return io.NopCloser(bytes.NewReader(raw)), nil })
	doc, err := json.Marshal(m)
	if err != nil {
		return none, err
	}
	desc := v1.Descriptor{MediaType: m.MediaType, Digest: digest.FromBytes(doc), Size: int64(len(doc))}
	if o, ok := d.originals[named(&m)]; ok {
		desc, doc = o.desc, o.raw
		d.used[layout.BlobPath(desc.Digest)] = true
	}
	if err := d.count(len(raw) + len(doc)); err != nil {
		return none, err
	}
	d.add(&d.manifests, desc, func() (io.ReadCloser, error) { return io.NopCloser(bytes.NewReader(doc)), nil })
	if parsed.OS != "" && parsed.Architecture != "" {
		desc.Platform = &v1.Platform{OS: parsed.OS, Architecture: parsed.Architecture, Variant: parsed.Variant}
	}
	return desc, nil
}

func (d *dockerArchive) add(list *[]layout.Blob, desc v1.Descriptor, open func() (io.ReadCloser, error)) {
	if !d.have[desc.Digest] {
		d.have[desc.Digest] = true
		*list = append(*list, layout.Blob{Descriptor: desc, Open: open})
	}
}

// layer hashes a layer as it lies and inflated, in one pass.
func (d *dockerArchive) layer(ctx context.Context, name string) (dockerLayer, error) {
	asked := name
	name, m, err := d.file(name)
	if err != nil {
		return dockerLayer{}, err
	}
	l, ok := d.hashed[name]
	if !ok {
		if l, err = d.hashLayer(ctx, name, m); err != nil {
			return l, err
		}
		d.hashed[name] = l
		d.add(&d.layers, l.desc, func() (io.ReadCloser, error) { return io.NopCloser(d.open(m)), nil })
	}
	for _, n := range []string{asked, name} {
		if err := nameHolds(n, l.desc, l.diff); err != nil {
			return l, err
		}
	}
	return l, nil
}

func (d *dockerArchive) hashLayer(ctx context.Context, name string, m member) (l dockerLayer, err error) {
	head, err := peek(bufio.NewReader(d.open(m)))
	if err != nil {
		return l, err
	}
	format, err := compression.Detect(head)
	if err != nil {
		return l, &layout.FormatError{Name: name, Err: err}
	}
	l.desc.MediaType = map[*compression.Format]string{
		compression.None: v1.MediaTypeImageLayer, compression.Gzip: v1.MediaTypeImageLayerGzip, compression.Zstd: v1.MediaTypeImageLayerZstd,
	}[format]
	lying, inflated := sha256.New(), sha256.New()
	if format == compression.None {
		l.desc.Size, err = stream.FanOut(ctx, d.open(m), lying)
		inflated = lying
	} else {
		l.desc.Size, err = inflate(ctx, io.TeeReader(d.open(m), lying), format, m.size, inflated)
	}
	if err != nil {
		return l, &layout.FormatError{Name: name, Err: err}
	}
	l.desc.Digest = digest.NewDigest(digest.SHA256, lying)
	l.diff = digest.NewDigest(digest.SHA256, inflated)
	return l, nil
}

// inflate reads all of a compressed layer of the given size and hashes what it
// inflates to.
func inflate(ctx context.Context, r io.Reader, format *compression.Format, size int64, h hash.Hash) (int64, error) {
	in := &counter{r: r}
	z, err := format.NewReader(in)
	if err != nil {
		return 0, err
	}
	defer z.Close()
	limit := slack + dockerRatio*size
	n, err := stream.FanOut(ctx, io.LimitReader(z, limit+1), h)
	switch {
	case err != nil:
		return 0, err
	case n > limit:
		return 0, &RatioError{n, size, false}
	}
	if err := z.Close(); err != nil {
		return 0, err
	}
	_, err = stream.FanOut(ctx, in) // what a reader may leave behind its end
	return size, err
}

// digestName is a file's name that is a digest: of the file, or of a layer
// before its compression.
var digestName = pattern(`^(?:blobs/sha256/|sha256:)?([0-9a-f]{64})(?:\.json|\.tar|\.tar\.gz)?$`)

// nameHolds compares a file with its name, where that is a digest.
func nameHolds(name string, d v1.Descriptor, diff digest.Digest) error {
	found := digestName().FindStringSubmatch(strings.TrimPrefix(name, "./"))
	if found == nil {
		return nil
	}
	want := digest.NewDigestFromEncoded(digest.SHA256, found[1])
	if want == d.Digest || want == diff {
		return nil
	}
	return &layout.CorruptError{Name: name, Want: want, Got: d.Digest, WantSize: d.Size, GotSize: d.Size}
}

// dockerNames makes full references of docker's short names.
func dockerNames(tags []string) ([]string, error) {
	var out []string
	for _, t := range tags {
		name, tag, ok := cutTag(t)
		if !ok || len(t) > 400 || !repoTag().MatchString(t) {
			return nil, fmt.Errorf("RepoTags: want NAME:TAG, found %s", layout.Printable(t))
		}
		host, rest, ok := strings.Cut(name, "/")
		switch {
		case !ok:
			name = "docker.io/library/" + name
		case !strings.ContainsAny(host, ".:") && host != "localhost":
			name = "docker.io/" + name
		case host == "index.docker.io" && rest != "":
			name = "docker.io/" + rest
		}
		out = append(out, name+":"+tag)
	}
	return out, nil
}

var repoTag = pattern(`^[A-Za-z0-9][A-Za-z0-9_.:-]*(/[a-z0-9][a-z0-9_.-]*)*:[A-Za-z0-9_][A-Za-z0-9_.-]{0,127}$`)

// pattern is an expression that is compiled when it is first asked for, since
// few runs of a command ask for many.
func pattern(expression string) func() *regexp.Regexp {
	return sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(expression) })
}
