package artifact

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"slices"
	"time"

	"github.com/opencontainers/go-digest"
	v1 "github.com/opencontainers/image-spec/specs-go/v1"
)

// ErrChanged is wrapped by the error of reading a file that is no longer what
// it was when it was listed.
var ErrChanged = errors.New("changed while it was packed")

// A Plan is an artifact whose files have been listed and not read. Everything
// about it is known but the digests of its layers.
type Plan struct {
	Layers []Layer
	Config []byte // the config blob

	kind   *Kind
	config *Config
	check  Inspector
	o      Options
	layers []v1.Descriptor // of the manifest that Finish made last
	data   []byte
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
	p.Config = p.config.Data
	if k.Inspector != nil {
		p.check = k.Inspector(Look{Secrets: o.Secrets})
	}
	return p, nil
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

// Watch is who looks into the content of a layer for the kind's inspector, or nil.
// It must see all of it and be closed before Judge.
func (p *Plan) Watch(i int) io.WriteCloser {
	if p.check == nil {
		return nil
	}
	// The digest is not known yet; the checker finds the content again by its
	// media type.
	return p.check.Blob(v1.Descriptor{MediaType: p.Layers[i].MediaType, Size: p.Layers[i].Size})
}

// ConfigDescriptor describes the config.
func (p *Plan) ConfigDescriptor() v1.Descriptor {
	return v1.Descriptor{MediaType: p.kind.ConfigType, Digest: digest.FromBytes(p.Config), Size: int64(len(p.Config))}
}

// A Packed is an artifact whose digests are known.
type Packed struct {
	v1.Descriptor // of the manifest
	Manifest      *v1.Manifest
	Data          []byte // the manifest as it is written
	Tag           string // the kind's usual tag for it, or ""
	Notices       []string
	Refused       error // what Judge let pass on NoCheck, or nil
}

// Finish makes the manifest over layers with these digests. Its length does
// not depend on them. What the plan made before is written over: of ten
// thousand files it has megabytes. The error wraps ErrTooMany.
func (p *Plan) Finish(layers []digest.Digest) (*Packed, error) {
	m := &v1.Manifest{MediaType: v1.MediaTypeImageManifest, ArtifactType: p.o.ArtifactType}
	m.SchemaVersion = 2
	if m.ArtifactType == "" && p.kind.ConfigType == v1.MediaTypeEmptyJSON {
		m.ArtifactType = DefaultArtifactType
	}
	p.layers = slices.Grow(p.layers[:0], len(layers))
	for i, d := range layers {
		l := &p.Layers[i]
		p.layers = append(p.layers, v1.Descriptor{MediaType: l.MediaType, Digest: d, Size: l.Size, Annotations: l.annotations})
	}
	m.Layers = p.layers
	m.Config = p.ConfigDescriptor()
	if len(p.config.Annotations)+len(p.o.Annotations) > 0 {
		m.Annotations = map[string]string{}
	}
	for _, more := range []map[string]string{p.config.Annotations, p.o.Annotations} {
		for key, v := range more {
			m.Annotations[key] = v
		}
	}
	var err error
	if p.data, err = p.encode(p.data[:0], m); err != nil {
		return nil, err
	}
	if len(p.data) > MaxManifest {
		return nil, fmt.Errorf("%w: %d files make a manifest of %d bytes, the limit is %d", ErrTooMany, len(layers), len(p.data), MaxManifest)
	}
	d := v1.Descriptor{MediaType: v1.MediaTypeImageManifest, ArtifactType: m.ArtifactType, Digest: digest.FromBytes(p.data), Size: int64(len(p.data))}
	return &Packed{Descriptor: d, Manifest: m, Data: p.data, Tag: p.config.Tag, Notices: p.config.Notices}, nil
}

// Judge says whether the kind's inspector is content with what passed, and adds to
// the notices of packed.
func (p *Plan) Judge(packed *Packed) error {
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

// Pack puts the files of a directory into a store as one artifact. Blobs are
// added parents last: layers, config, manifest. On an error the store may hold
// blobs that nothing refers to.
func Pack(ctx context.Context, s Store, k *Kind, fsys fs.FS, o Options) (*Packed, error) {
	p, err := NewPlan(k, fsys, o)
	if err != nil {
		return nil, err
	}
	digests := make([]digest.Digest, len(p.Layers))
	for i := range p.Layers {
		if digests[i], err = p.add(ctx, s, i); err != nil {
			return nil, fmt.Errorf("%s: %w", p.Layers[i].Name, err)
		}
	}
	packed, err := p.Finish(digests)
	if err != nil {
		return nil, err
	}
	if err := p.Judge(packed); err != nil {
		return nil, err
	}
	for _, b := range []struct {
		mediaType string
		data      []byte
	}{{k.ConfigType, p.Config}, {packed.MediaType, packed.Data}} {
		open := func() (io.ReadCloser, error) { return io.NopCloser(bytes.NewReader(b.data)), nil }
		if _, err := s.Add(ctx, b.mediaType, open); err != nil {
			return nil, err
		}
	}
	return packed, nil
}

// add puts one file into a store.
func (p *Plan) add(ctx context.Context, s Store, i int) (digest.Digest, error) {
	l := &p.Layers[i]
	w := p.Watch(i)
	if w == nil {
		d, err := s.Add(ctx, l.MediaType, l.Open)
		return d.Digest, err
	}
	defer w.Close()
	d, err := s.Add(ctx, l.MediaType, l.Open, w)
	if e := w.Close(); err == nil {
		err = e
	}
	return d.Digest, err
}
