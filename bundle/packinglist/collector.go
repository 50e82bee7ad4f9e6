package packinglist

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"hash"
	"iter"
	"slices"
	"strings"
	"time"

	"github.com/opencontainers/go-digest"
	v1 "github.com/opencontainers/image-spec/specs-go/v1"

	"github.com/ociferry/ferry/layout"
	"github.com/ociferry/ferry/layout/artifact"
	"github.com/ociferry/ferry/layout/compression"
	"github.com/ociferry/ferry/layout/kinds"
	"github.com/ociferry/ferry/layout/lei"
	"github.com/ociferry/ferry/layout/policy"
	"github.com/ociferry/ferry/layout/signature"
	"github.com/ociferry/ferry/layout/sniff"
)

// maxFindings bounds each list of findings; what comes later is counted.
const maxFindings = 1000

// A Collector collects, in the pass of an audit, what a List says of a bundle. The
// bytes of an archive are written to it as they are read.
type Collector struct {
	hash hash.Hash // of the archive as it is carried
	size int64
	head []byte

	seen    *policy.Inspector
	Content *artifact.Inspection
}

// NewCollector is a Collector for one audit.
func NewCollector() *Collector {
	return &Collector{hash: sha256.New()}
}

// Begin adds to an audit what the list needs to see.
func (l *Collector) Begin(ctx context.Context, o layout.AuditOptions) layout.AuditOptions {
	o.Inspectors = slices.Clone(o.Inspectors)
	l.seen = nil
	for _, in := range o.Inspectors {
		switch in := in.(type) {
		case *artifact.Inspection:
			in.Look = artifact.Look{Secrets: artifact.AllowSecrets, Detail: true} // they are listed, which is what is asked for
			l.Content = in
		case *policy.Inspector:
			l.seen = in
		}
	}
	if l.seen == nil {
		l.seen = &policy.Inspector{}
		o.Inspectors = append(o.Inspectors, l.seen)
	}
	if l.seen.Budget == nil {
		l.seen.Budget = sniff.NewBudget(ctx, sniff.Limits{})
	}
	return o
}

// Write takes the next bytes of the archive.
func (l *Collector) Write(p []byte) (int, error) {
	if n := compression.MagicLen - len(l.head); n > 0 {
		l.head = append(l.head, p[:min(n, len(p))]...)
	}
	l.size += int64(len(p))
	return l.hash.Write(p)
}

// A lister turns what was collected into a packing list.
type lister struct {
	*Collector
	report *layout.Report
	in     *policy.Input
	out    *List
	found  map[digest.Digest]artifact.Finding
	seen   map[digest.Digest]bool
	known  map[digest.Digest]bool // artifacts: many paths may lead to one
}

// List is good when the audit has ended and found nothing wrong. Of the bundle it
// is told the name, and whether that is a directory or came as a stream; of the
// signatures who signed and what the far side is to check them with.
func (l *Collector) List(ctx context.Context, report *layout.Report, b Bundle, s Signature) (*List, error) {
	in, err := l.seen.Input(ctx, report, kinds.All.Word)
	if err != nil {
		return nil, err
	}
	b.Form, b.Size, b.Identity, b.Sealed, b.Blobs = "OCI layout directory", report.Bytes, string(report.Digest), report.Sealed, report.Blobs
	if !b.Directory {
		b.Form = "OCI layout, tar"
		if f, err := compression.Detect(l.head); err == nil && f != compression.None {
			b.Form += " with " + f.Name
		}
		b.Size, b.SHA256 = l.size, hex.EncodeToString(l.hash.Sum(nil))
	}
	s.Present = len(report.Signatures) > 0 || len(s.Keys) > 0
	s.Checked = len(s.Keys) > 0
	for _, f := range report.Signatures {
		if g, err := signature.Parse(f.Data); err == nil && !s.Checked {
			s.Hints = append(s.Hints, g.Hint())
		}
	}
	x := &lister{l, report, in, &List{Bundle: b, Signature: s, Artifacts: []Artifact{}, Files: []File{}, Notices: l.Content.Notices()}, map[digest.Digest]artifact.Finding{}, map[digest.Digest]bool{}, map[digest.Digest]bool{}}
	for _, f := range []*Findings{&x.out.Encrypted, &x.out.Executable, &x.out.Unseen} {
		f.List = []Finding{}
	}
	for _, f := range l.Content.Findings() {
		x.found[f.Digest] = f
	}
	for d, names := range references(report.Index) {
		x.descriptor(d, names, "")
	}
	for _, d := range report.All() {
		if d.MediaType == "" {
			x.file(File{Artifact: -1, Role: "unreferenced", Digest: string(d.Digest), Size: d.Size})
		}
	}
	for _, f := range in.Files {
		if f.Found == nil {
			x.add(&x.out.Unseen, Finding{File: f.Name, What: "no part of the layout, and not looked at"})
			continue
		}
		if f.Digest != "" {
			x.out.Files = append(x.out.Files, File{Artifact: -1, Role: "beside", Name: f.Name, Type: f.Found.Type, Nesting: f.Found.Nesting, Entries: f.Found.Entries, Size: f.Size, Digest: string(f.Digest),
				Encrypted: f.Found.Encrypted.Len() > 0, Executable: f.Found.Executable.Len() > 0, Unseen: f.Found.Unseen.Len() > 0})
		}
		x.places(&x.out.Encrypted, f.Name, &f.Found.Encrypted)
		x.places(&x.out.Executable, f.Name, &f.Found.Executable)
		x.places(&x.out.Unseen, f.Name, &f.Found.Unseen)
	}
	return x.out, nil
}

// references are the artifacts of an index, in its order, each once with all
// its names.
func references(index *v1.Index) iter.Seq2[v1.Descriptor, []string] {
	names := map[digest.Digest][]string{}
	for _, d := range index.Manifests {
		all := names[d.Digest]
		for _, n := range layout.Names(d) {
			// A tag that ends a full reference says nothing new.
			if !slices.ContainsFunc(all, func(have string) bool { return have == n || strings.HasSuffix(have, ":"+n) }) && len(all) < 100 {
				all = append(all, n)
			}
		}
		names[d.Digest] = all
	}
	return func(yield func(v1.Descriptor, []string) bool) {
		for _, d := range index.Manifests {
			if !yield(d, names[d.Digest]) {
				return
			}
		}
	}
}

// descriptor lists an artifact, or an index with what is in it, once.
func (x *lister) descriptor(d v1.Descriptor, references []string, within digest.Digest) {
	if x.known[d.Digest] {
		return
	}
	x.known[d.Digest] = true
	a := Artifact{References: references, MediaType: d.MediaType, Digest: string(d.Digest), Within: string(within), Platform: layout.FormatPlatform(d.Platform)}
	index, m := x.report.Document(d.Digest)
	if a.Kind = kinds.All.Word(m); index != nil {
		a.Kind = fmt.Sprintf("index of %d", len(index.Manifests))
	}
	at := len(x.out.Artifacts)
	x.out.Artifacts = append(x.out.Artifacts, a)
	row := File{Artifact: at, Role: "manifest", Claimed: d.MediaType, Digest: string(d.Digest), Size: d.Size}
	switch {
	case m != nil:
		x.manifest(at, d, m)
	case index != nil:
		p := &x.out.Artifacts[at]
		p.Type, p.Created, p.Source = index.ArtifactType, index.Annotations[v1.AnnotationCreated], index.Annotations[v1.AnnotationSource]
		row.Role = "index"
	default:
		row.Role = "file"
	}
	x.file(row)
	if index != nil { // the audit has bounded the depth
		for _, child := range index.Manifests {
			x.descriptor(child, layout.Names(child), d.Digest)
		}
	}
}

func (x *lister) manifest(at int, d v1.Descriptor, m *v1.Manifest) {
	a := &x.out.Artifacts[at]
	a.Type, a.Created, a.Source = m.ArtifactType, m.Annotations[v1.AnnotationCreated], m.Annotations[v1.AnnotationSource]
	titles, _ := x.Content.FileNames(m) // the inspectors have had their say
	for i, l := range m.Layers {
		f := File{Artifact: at, Role: "layer", Name: l.Annotations[v1.AnnotationTitle], Claimed: l.MediaType, Digest: string(l.Digest), Size: l.Size}
		if i < len(titles) && titles[i] != "" {
			f.Name = titles[i]
		}
		if f.Name != "" {
			f.Role = "file"
		}
		a.Files++
		a.Size += l.Size
		x.file(f)
	}
	x.file(File{Artifact: at, Role: "config", Claimed: m.Config.MediaType, Digest: string(m.Config.Digest), Size: m.Config.Size})
	if f, ok := x.found[d.Digest].Detail.(*lei.Found); ok {
		a.LEI = x.lei(f)
	}
}

func (x *lister) lei(f *lei.Found) *LEI {
	e := &LEI{Date: f.Snapshot.Date, Version: f.Snapshot.LEIVersion, Reports: f.Payload.Entries, RawSize: f.Payload.RawSize, Secrets: Secrets{Found: []Count{}}}
	if s := f.Summary; s != nil {
		e.Repositories, e.Oldest, e.Newest = s.Repos, rfc3339(s.Oldest), rfc3339(s.Newest)
		for _, r := range lei.Risks {
			if n := s.Risk[r]; n > 0 || r != "other" {
				e.Risk = append(e.Risk, Count{Name: r, N: n})
			}
		}
	}
	if s := f.Payload.Secrets; s != nil {
		e.Secrets.More = s.More
		for _, p := range s.Found {
			e.Secrets.Found = append(e.Secrets.Found, Count{Name: p.Path, N: p.Count})
		}
		for _, p := range s.Defaults {
			e.Secrets.Defaults = append(e.Secrets.Defaults, Count{Name: p.Path, N: p.Count})
		}
	}
	return e
}

func rfc3339(t time.Time) string {
	if t.IsZero() {
		return ""
	}
	return t.Format(time.RFC3339)
}

// file adds a row with what was found in the blob.
func (x *lister) file(f File) {
	d := digest.Digest(f.Digest)
	f.Again = x.seen[d]
	x.seen[d] = true
	name := f.Name
	if name == "" {
		name = f.Digest
	}
	var program string
	if b := x.in.Content[d]; b != nil {
		f.Type, f.Entries = b.Type, b.Entries
		f.Nesting = b.Nesting
		program = x.in.Program(d, f.Name)
		f.Encrypted, f.Executable, f.Unseen = b.Encrypted.Len() > 0, b.Executable.Len() > 0, b.Unseen.Len() > 0
		if !f.Again {
			x.places(&x.out.Encrypted, name, &b.Encrypted)
			x.places(&x.out.Executable, name, &b.Executable)
			x.places(&x.out.Unseen, name, &b.Unseen)
		}
	}
	if program != "" {
		f.Executable = true
		x.add(&x.out.Executable, Finding{File: name, What: program})
	}
	x.out.Files = append(x.out.Files, f)
}

func (x *lister) places(to *Findings, name string, p *sniff.Places) {
	for _, q := range p.List {
		x.add(to, Finding{File: name, Path: q.Path, What: q.What})
	}
	to.More += p.More
}

func (x *lister) add(to *Findings, f Finding) {
	if len(to.List) >= maxFindings {
		to.More++
		return
	}
	to.List = append(to.List, f)
}
