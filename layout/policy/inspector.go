package policy

import (
	"io"
	"strings"
	"sync"
	"time"

	"github.com/opencontainers/go-digest"
	v1 "github.com/opencontainers/image-spec/specs-go/v1"

	"github.com/ociferry/ferry/layout"
	"github.com/ociferry/ferry/layout/artifact"
	"github.com/ociferry/ferry/layout/sniff"
)

// An Inspector gathers what is carried while a layout is audited. It is a
// layout.FileInspector, good for one audit.
type Inspector struct {
	// Kind is the word for the kind of a manifest, one of Kinds.
	Kind func(*v1.Manifest) string
	// Look makes the inspector look into the content of blobs and files.
	Look bool

	mu        sync.Mutex
	artifacts []Artifact
	blobs     []v1.Descriptor
	content   map[digest.Digest]*sniff.Findings
	files     []File
	input     *Input
}

// Blob looks into a blob, once.
func (i *Inspector) Blob(d v1.Descriptor) io.WriteCloser {
	if !i.Look {
		return nil
	}
	i.mu.Lock()
	defer i.mu.Unlock()
	if i.content[d.Digest] != nil {
		return nil
	}
	if i.content == nil {
		i.content = map[digest.Digest]*sniff.Findings{}
	}
	s := sniff.New("", d.Size, sniff.Limits{})
	i.content[d.Digest] = s.Findings()
	return s
}

// File looks into a file that is no part of the layout.
func (i *Inspector) File(name string, size int64) io.WriteCloser {
	file := File{Name: name, Size: size}
	var w io.WriteCloser
	if i.Look {
		s := sniff.New(name, size, sniff.Limits{})
		file.Found, w = s.Findings(), s
	}
	i.mu.Lock()
	defer i.mu.Unlock()
	i.files = append(i.files, file)
	return w
}

// Unread notes a file that is carried and that the audit does not read.
func (i *Inspector) Unread(name string, size int64) {
	i.mu.Lock()
	defer i.mu.Unlock()
	i.files = append(i.files, File{Name: name, Size: size})
}

// Manifest notes what a manifest says. It has no objections.
func (i *Inspector) Manifest(d v1.Descriptor, m *v1.Manifest) error {
	i.mu.Lock()
	defer i.mu.Unlock()
	a := Artifact{Digest: d.Digest, Kind: i.Kind(m)}
	if m.Subject != nil {
		a.About = m.Subject.Digest
	}
	if t, err := artifact.ParseTime(m.Annotations[v1.AnnotationCreated]); err == nil {
		a.Date = t
	}
	i.artifacts = append(i.artifacts, a)
	i.blobs = append(append(append(i.blobs, d), m.Config), m.Layers...)
	return nil
}

// Input is all that was gathered, with what the report of the audit says. It is
// good when the audit has ended and found nothing wrong; later calls return what
// the first one made.
func (i *Inspector) Input(r *layout.Report) *Input {
	if i.input != nil {
		return i.input
	}
	in := &Input{Artifacts: i.artifacts, Blobs: i.blobs, Content: i.content, Files: i.files}
	in.Blobs = append(in.Blobs, r.All()...) // below nested indexes, and what nothing refers to
	names := map[digest.Digest]string{}
	for _, d := range r.Index.Manifests {
		in.Blobs = append(in.Blobs, d)
		for n, name := range layout.Names(d) {
			if names[d.Digest] == "" {
				names[d.Digest] = name
			}
			if n == 0 || strings.Contains(name, "/") {
				in.Names = append(in.Names, name)
			}
		}
	}
	for n := range in.Artifacts {
		in.Artifacts[n].Name = names[in.Artifacts[n].Digest]
	}
	for _, sig := range r.Signatures { // files that no seal answers for
		w := sniff.New(sig.Name, int64(len(sig.Data)), sniff.Limits{})
		w.Write(sig.Data)
		w.Close()
		if found := w.Findings(); found.Executable.Len()+found.Encrypted.Len() > 0 {
			in.Files = append(in.Files, File{Name: sig.Name, Size: int64(len(sig.Data)), Found: found})
		}
	}
	i.input = in
	return in
}

// SetDate gives an artifact the date that its payload says.
func (in *Input) SetDate(d digest.Digest, t time.Time) {
	for i := range in.Artifacts {
		if in.Artifacts[i].Digest == d {
			in.Artifacts[i].Date = t
		}
	}
}

// Program says as what a system runs a blob for the title that its descriptor
// gives it; "" if it does not, or if its content says so already.
func (in *Input) Program(b v1.Descriptor) string {
	if f := in.Content[b.Digest]; f == nil || f.Executable.Len() > 0 {
		return ""
	}
	return sniff.ByName(b.Annotations[v1.AnnotationTitle])
}

// Chosen are the artifacts that a reference chooses: one, or all where the
// reference is "" or chooses an index.
func (in *Input) Chosen(index *v1.Index, ref string) []Artifact {
	d, err := layout.Resolve(index, ref)
	if ref == "" || err != nil {
		return in.Artifacts
	}
	for _, a := range in.Artifacts {
		if a.Digest == d.Digest {
			return []Artifact{a}
		}
	}
	return in.Artifacts
}
