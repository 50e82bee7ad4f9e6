package policy

import (
	"context"
	"crypto/sha256"
	"hash"
	"io"
	"io/fs"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/opencontainers/go-digest"
	v1 "github.com/opencontainers/image-spec/specs-go/v1"

	"github.com/ociferry/ferry/layout"
	"github.com/ociferry/ferry/layout/artifact"
	"github.com/ociferry/ferry/layout/sniff"
)

// An Inspector looks into all that is carried while a layout is audited. It is a
// layout.FileInspector, good for one audit; the zero value looks at nothing and
// only notes the files beside the layout.
type Inspector struct {
	// Budget is for looking into blobs and files; nil means not to.
	Budget *sniff.Budget

	mu      sync.Mutex
	content map[digest.Digest]*sniff.Findings
	plain   map[string]*sniff.Findings // of which there is only a type to say
	files   []File
	asides  sniff.Findings
	input   *Input
}

// Blob looks into a blob, once.
func (i *Inspector) Blob(d v1.Descriptor) io.WriteCloser {
	if i.Budget == nil {
		return nil
	}
	i.mu.Lock()
	defer i.mu.Unlock()
	if _, ok := i.content[d.Digest]; ok {
		return nil
	}
	if i.content == nil {
		i.content, i.plain = map[digest.Digest]*sniff.Findings{}, map[string]*sniff.Findings{}
	}
	i.content[d.Digest] = nil // until it has passed
	return &blobWriter{i.Budget.New("", d.Size), i, d.Digest}
}

// A blobWriter notes what was found in a blob when it has passed. Of many small
// blobs there is nothing to say but the same type.
type blobWriter struct {
	*sniff.Sniffer
	i      *Inspector
	digest digest.Digest
}

func (w *blobWriter) Close() error {
	w.Sniffer.Close()
	w.i.mu.Lock()
	defer w.i.mu.Unlock()
	f := w.Findings()
	if f.Plain() {
		if w.i.plain[f.Type] == nil {
			w.i.plain[f.Type] = f
		}
		f = w.i.plain[f.Type]
	}
	w.i.content[w.digest] = f
	return nil
}

// Manifest has no objections.
func (i *Inspector) Manifest(v1.Descriptor, *v1.Manifest) error { return nil }

// File looks into a file that is no part of the layout.
func (i *Inspector) File(name string, size int64) io.WriteCloser {
	if i.Budget == nil {
		i.note(File{Name: name, Size: size})
		return nil
	}
	return &fileWriter{i, i.Budget.New(name, size), sha256.New(), File{Name: name, Size: size}}
}

func (i *Inspector) note(f File) {
	i.mu.Lock()
	defer i.mu.Unlock()
	i.files = append(i.files, f)
}

// A fileWriter notes a file when it has passed.
type fileWriter struct {
	i *Inspector
	*sniff.Sniffer
	hash hash.Hash
	file File
}

func (w *fileWriter) Write(p []byte) (int, error) {
	w.hash.Write(p)
	return w.Sniffer.Write(p)
}

func (w *fileWriter) Close() error {
	w.Sniffer.Close()
	w.file.Found, w.file.Digest = w.Findings(), digest.NewDigest(digest.SHA256, w.hash)
	w.i.note(w.file)
	return nil
}

// Aside looks at what the archive carries beside its files.
func (i *Inspector) Aside(what string, size int64, r io.Reader) error {
	if i.Budget != nil {
		i.Budget.Aside(&i.asides, what, size, r)
	}
	return nil
}

// Beside notes what lies in a layout directory without a seal and is no part of
// the layout, so that an audit does not read it: who carries the directory
// carries it too. It is called once at most, before Input.
func (i *Inspector) Beside(dir fs.FS) error {
	return fs.WalkDir(dir, ".", func(name string, e fs.DirEntry, err error) error {
		var size int64
		switch {
		case err != nil && name != ".": // such as lost+found on a medium
		case err != nil:
			return err
		case name == "blobs":
			return fs.SkipDir // the audit has been there
		case e.IsDir(), name == v1.ImageLayoutFile, name == v1.ImageIndexFile, name == layout.SealName, layout.IsSignature(name):
			return nil
		default:
			info, err := e.Info()
			if err != nil {
				return err
			}
			size = info.Size()
		}
		i.note(File{Name: name, Size: size})
		return nil
	})
}

// Input is all that is carried: what the report says, and what was found in it.
// kind is the word for the kind of a manifest, one of Kinds. The report must have
// found nothing wrong. Later calls return what the first one made.
func (i *Inspector) Input(ctx context.Context, r *layout.Report, kind func(*v1.Manifest) string) (*Input, error) {
	if i.input != nil {
		return i.input, nil
	}
	slices.SortFunc(i.files, func(a, b File) int { return strings.Compare(a.Name, b.Name) })
	in := &Input{Content: i.content, Files: i.files}
	b := &blobs{in: in, types: map[string]string{}, first: map[digest.Digest]int{}}
	names := map[digest.Digest]string{}
	for _, d := range r.Index.Manifests {
		for n, name := range layout.Names(d) {
			if names[d.Digest] == "" {
				names[d.Digest] = name
			}
			if n == 0 || strings.Contains(name, "/") {
				in.Names = append(in.Names, name)
			}
		}
	}
	err := r.Walk(ctx, layout.WalkOptions{Repeats: true}, func(n *layout.Node) error {
		b.add(n.Descriptor)
		if n.Again {
			return nil
		}
		a := Artifact{Digest: n.Digest, Name: names[n.Digest]}
		switch {
		case n.Manifest != nil:
			a.Kind = kind(n.Manifest)
			if t, err := artifact.ParseTime(n.Manifest.Annotations[v1.AnnotationCreated]); err == nil {
				a.Date = t
			}
		case n.Index == nil && (n.Relation == layout.RootNode || n.Relation == layout.MemberNode):
			a.Kind = KindBlob
		default:
			return nil
		}
		in.Artifacts = append(in.Artifacts, a)
		return nil
	})
	if err != nil {
		return nil, err
	}
	for _, d := range r.All() {
		if d.MediaType == "" { // nothing refers to it
			in.Artifacts = append(in.Artifacts, Artifact{Digest: d.Digest, Kind: KindBlob, unreferenced: true})
		}
		b.add(d)
	}
	if i.Budget != nil {
		for _, row := range in.Blobs {
			if f := in.Content[row.Digest]; f != nil {
				in.Content[row.Digest] = f.Claim(row.MediaType)
			}
		}
		for _, sig := range r.Signatures { // files that no seal answers for
			w := i.Budget.New(sig.Name, int64(len(sig.Data)))
			w.Write(sig.Data)
			w.Close()
			if f := w.Findings(); f.Found() > 0 {
				in.Files = append(in.Files, File{Name: sig.Name, Size: int64(len(sig.Data)), Found: f})
			}
		}
		if i.asides.Found() > 0 {
			in.Files = append(in.Files, File{Name: "(the archive)", Found: &i.asides})
		}
	}
	i.input = in
	return in, nil
}

// blobs collects descriptors, each that says something new.
type blobs struct {
	in    *Input
	types map[string]string // media types, each once in memory
	first map[digest.Digest]int
}

func (b *blobs) add(d v1.Descriptor) {
	t, ok := b.types[d.MediaType]
	if !ok {
		t = d.MediaType
		b.types[t] = t
	}
	row := Blob{Digest: d.Digest, MediaType: t, Title: d.Annotations[v1.AnnotationTitle], Size: d.Size}
	at, known := b.first[d.Digest]
	if !known {
		b.first[d.Digest] = len(b.in.Blobs)
	} else if have := b.in.Blobs[at]; have.MediaType == t && (row.Title == "" || have.Title == row.Title) {
		return
	}
	b.in.Blobs = append(b.in.Blobs, row)
}

// SetDates gives artifacts the dates that their payloads say.
func (in *Input) SetDates(dates map[digest.Digest]time.Time) {
	for i := range in.Artifacts {
		if t, ok := dates[in.Artifacts[i].Digest]; ok {
			in.Artifacts[i].Date = t
		}
	}
}

// Program says as what a system runs a blob for the title that its descriptor
// gives it; "" if it does not, or if its content says so already.
func (in *Input) Program(d digest.Digest, title string) string {
	if f := in.Content[d]; f == nil || f.Executable.Len() > 0 {
		return ""
	}
	return sniff.ByName(title)
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
