package artifact

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"slices"
	"time"

	"github.com/opencontainers/go-digest"
	v1 "github.com/opencontainers/image-spec/specs-go/v1"

	"github.com/ociferry/ferry/layout"
)

// ErrChanged is wrapped by the error of reading a file that is no longer what
// it was when it was listed.
var ErrChanged = errors.New("changed while it was packed")

// A Plan is an artifact whose files have been listed and not read. Everything
// about it is known but digests.
type Plan struct {
	Layers []Layer
	Config []byte // the config blob
	Tag    string // the kind's usual tag for it, or ""
	// Progress, when set, is told how many bytes of files have just been read. It
	// is called from several goroutines.
	Progress func(bytes int)

	kind   *Kind
	config *Config
	check  Inspector
	o      Options
}

// A Layer is a file that will be a layer.
type Layer struct {
	File
	Size int64 // bytes

	fsys        fs.FS
	modified    time.Time
	annotations map[string]string
}

// NewPlan lists the files of a directory.
func NewPlan(k *Kind, fsys fs.FS, o Options) (*Plan, error) {
	p := &Plan{kind: k, o: o}
	var err error
	if p.Layers, err = k.layers(fsys, o); err != nil {
		return nil, err
	}
	if p.config, err = k.Config(fsys, o); err != nil {
		return nil, err
	}
	p.Config, p.Tag = p.config.Data, p.config.Tag
	if k.Inspector != nil {
		p.check = k.Inspector(Look{Secrets: o.Secrets})
	}
	return p, nil
}

// Size is that of all files, in bytes.
func (p *Plan) Size() (total int64) {
	for i := range p.Layers {
		total += p.Layers[i].Size
	}
	return total
}

// Open opens the file. Reading to io.EOF means that it is as long, and was
// last changed when, the plan says; else the error wraps ErrChanged.
func (l *Layer) Open() (io.ReadCloser, error) {
	f, err := l.fsys.Open(l.Name)
	if err != nil {
		return nil, err
	}
	return &steady{f, l, 0}, nil
}

type steady struct {
	fs.File
	l *Layer
	n int64
}

func (s *steady) Read(p []byte) (int, error) {
	if s.n == s.l.Size && len(p) > 0 {
		return 0, s.end() // without asking for more than there is
	}
	n, err := s.File.Read(p)
	s.n += int64(n)
	if err == io.EOF || s.n > s.l.Size {
		err = s.end()
	}
	return n, err
}

// end is io.EOF where the file is still what the plan says.
func (s *steady) end() error {
	info, err := s.File.Stat()
	switch {
	case err != nil:
		return err
	case s.n != s.l.Size, !info.Mode().IsRegular(), info.Size() != s.l.Size, !info.ModTime().Equal(s.l.modified):
		return fmt.Errorf("%s: %w", s.l.Name, ErrChanged)
	}
	return io.EOF
}

// A Packed is an artifact that was packed: before it has been written its digest
// and those of its layers are pending.
type Packed struct {
	v1.Descriptor // of the manifest
	Manifest      *v1.Manifest
	Notices       []string // for people, a line each
	Refused       error    // what the kind's check let pass on NoCheck, or nil
}

// Contents is a layout of the artifact alone, under these full references. Its
// files are read when the contents are written; the kind's inspector sees them then,
// and what it refuses is the error of writing. packed is good from then on. The
// error wraps ErrTooMany. It is called once.
func (p *Plan) Contents(names ...string) (c *layout.Contents, packed *Packed, err error) {
	config := layout.InMemory(v1.Descriptor{MediaType: p.kind.ConfigType, Digest: digest.FromBytes(p.Config), Size: int64(len(p.Config))}, p.Config)
	m := p.manifest(config.Descriptor)
	data, err := p.encode(m)
	if err != nil {
		return nil, nil, err
	}
	if len(data) > MaxManifest {
		return nil, nil, fmt.Errorf("%w: %d files make a manifest of %d bytes, the limit is %d", ErrTooMany, len(m.Layers), len(data), MaxManifest)
	}
	packed = &Packed{Manifest: m, Notices: p.config.Notices}
	packed.Descriptor = v1.Descriptor{MediaType: v1.MediaTypeImageManifest, ArtifactType: m.ArtifactType, Digest: layout.NewPending(), Size: int64(len(data))}
	blobs := append(make([]layout.Blob, 0, len(m.Layers)+2), layout.InMemory(packed.Descriptor, data), config)
	for i := range m.Layers {
		blobs = append(blobs, p.blob(i, m.Layers[i]))
	}
	index := layout.NewIndex()
	for _, full := range names {
		d := packed.Descriptor
		d.Annotations = layout.NameAnnotations(full)
		if err := layout.AddTo(&index, d); err != nil {
			return nil, nil, err
		}
	}
	if len(names) == 0 {
		index.Manifests = append(index.Manifests, packed.Descriptor)
	}
	if c, err = layout.NewContents(index, blobs); err != nil {
		return nil, nil, err
	}
	c.Check = func(known func(digest.Digest) digest.Digest) error {
		packed.Digest = known(packed.Digest)
		for i := range m.Layers {
			m.Layers[i].Digest = known(m.Layers[i].Digest)
		}
		return p.judge(packed)
	}
	return c, packed, nil
}

// manifest is the manifest over layers that have not been read.
func (p *Plan) manifest(config v1.Descriptor) *v1.Manifest {
	m := &v1.Manifest{MediaType: v1.MediaTypeImageManifest, ArtifactType: p.o.ArtifactType, Config: config}
	m.SchemaVersion = 2
	if m.ArtifactType == "" && p.kind.ConfigType == v1.MediaTypeEmptyJSON {
		m.ArtifactType = DefaultArtifactType
	}
	m.Layers = make([]v1.Descriptor, len(p.Layers))
	for i := range p.Layers {
		l := &p.Layers[i]
		m.Layers[i] = v1.Descriptor{MediaType: l.MediaType, Digest: layout.NewPending(), Size: l.Size, Annotations: l.annotations}
	}
	if len(p.config.Annotations)+len(p.o.Annotations) > 0 {
		m.Annotations = map[string]string{}
	}
	for _, more := range []map[string]string{p.config.Annotations, p.o.Annotations} {
		for key, v := range more {
			m.Annotations[key] = v
		}
	}
	return m
}

// blob is a layer where its file lies.
func (p *Plan) blob(i int, d v1.Descriptor) layout.Blob {
	l := &p.Layers[i]
	b := layout.Blob{Descriptor: d, Open: func() (io.ReadCloser, error) {
		r, err := l.Open()
		if err != nil || p.Progress == nil {
			return r, err
		}
		return counted{r, p.Progress}, nil
	}}
	if p.check != nil {
		// The digest is not known yet; the checker finds the content again by its
		// media type.
		b.Watch = func() io.WriteCloser { return p.check.Blob(v1.Descriptor{MediaType: l.MediaType, Size: l.Size}) }
	}
	return b
}

type counted struct {
	io.ReadCloser
	add func(bytes int)
}

func (c counted) Read(p []byte) (int, error) {
	n, err := c.ReadCloser.Read(p)
	c.add(n)
	return n, err
}

// judge says whether the kind's inspector is content with what passed, and adds to
// the notices of packed.
func (p *Plan) judge(packed *Packed) error {
	if p.check == nil {
		return nil
	}
	if w := p.check.Blob(v1.Descriptor{MediaType: p.kind.ConfigType, Size: int64(len(p.Config))}); w != nil {
		_, err := w.Write(p.Config)
		if e := w.Close(); err == nil {
			err = e
		}
		if err != nil {
			return err
		}
	}
	if err := p.check.Manifest(packed.Descriptor, packed.Manifest); err != nil {
		if !p.o.NoCheck {
			return err
		}
		packed.Refused = err
		if n := PackedAnyway(err); !slices.Contains(packed.Notices, n) { // the config may have found it first
			packed.Notices = append(packed.Notices, n)
		}
	}
	if r, ok := p.check.(Reporter); ok {
		packed.Notices = append(packed.Notices, r.Notices()...)
	}
	return nil
}

// PackedAnyway is the notice of what would be refused without Options.NoCheck.
func PackedAnyway(err error) string { return err.Error() + "; packed all the same" }

// Pack writes the artifact into a layout, under these full references, which the
// layout's index gets once everything was good; see layout.Writer.AddIndex. After
// an error the layout is not to be committed.
func Pack(ctx context.Context, w *layout.Writer, p *Plan, names ...string) (*Packed, error) {
	c, packed, err := p.Contents(names...)
	if err != nil {
		return nil, err
	}
	if err := c.CopyTo(ctx, w); err != nil {
		return nil, err
	}
	return packed, w.AddIndex(c.Index)
}
