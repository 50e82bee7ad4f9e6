package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path"
	"sync"

	"github.com/opencontainers/go-digest"
	v1 "github.com/opencontainers/image-spec/specs-go/v1"

	"github.com/ociferry/ferry/cmd/ferry/internal/source"
	"github.com/ociferry/ferry/cmd/ferry/internal/ui"
	"github.com/ociferry/ferry/layout"
	"github.com/ociferry/ferry/layout/artifact"
	"github.com/ociferry/ferry/layout/durable"
)

// unpackLayout writes the layout itself.
func unpackLayout(ctx context.Context, src *source.Source, out string, o durable.Options, seal bool, check func(*layout.Report) error) (*unpackAnswer, error) {
	end := source.ShowReading(src.Env, "unpacking", src)
	report, err := src.WriteLayout(ctx, out, o, seal, check)
	end()
	if err != nil {
		return nil, err
	}
	src.Env.SignaturesLeft(src.Signatures-src.Kept, seal)
	return &unpackAnswer{Output: out, Identity: string(report.Digest), Extra: report.Extra}, nil
}

// unpackFiles checks the whole source and writes the files of one artifact.
func unpackFiles(ctx context.Context, src *source.Source, out string, o durable.Options, check func(*layout.Report) error) (*unpackAnswer, error) {
	t, err := openTarget(out, o)
	if err != nil {
		return nil, err
	}
	defer t.close()
	x := &extraction{ref: src.Ref, root: t.root, into: t.into, o: o}
	defer x.leave()
	in := source.Kinds.Inspect(source.Usual)
	end := source.ShowReading(src.Env, "unpacking", src)
	report, err := src.Audit(ctx, layout.AuditOptions{Inspectors: []layout.Inspector{in}, Sink: x.sink})
	end()
	if err != nil {
		return nil, err
	}
	x.leave()
	if err := report.Err(); err != nil {
		return nil, src.Err(err)
	}
	if err := check(report); err != nil {
		return nil, src.Err(err)
	}
	desc, m, err := x.target(x.audit)
	var choice *layout.ReferenceError
	if errors.As(err, &choice) && choice.Several && src.Ref == "" && x.named.Digest == "" {
		if name := source.Unpackable(in, report.Index); name != "" {
			err = ui.Hinted(err, "choose one with -t, for example -t "+layout.Printable(name))
		} else {
			err = ui.Hinted(err, "none of them is unpacked into files; ferry unpack --layout writes the layout with all of them")
		}
	}
	if err != nil {
		return nil, src.Err(err)
	}
	answer := &unpackAnswer{kind: source.Kinds.Of(m), Output: out, Manifest: string(desc.Digest), Identity: string(report.Digest), Extra: report.Extra, Notices: in.Notices()}
	if n := layout.Names(x.named); len(n) > 0 {
		answer.Reference = n[0]
	}
	if answer.Files, err = x.place(ctx, desc, m, t); err != nil {
		return nil, src.Err(err)
	}
	dirs := orasDirectories(m, out)
	answer.Notices, answer.packed = append(answer.Notices, dirs...), len(dirs) > 0
	return answer, nil
}

// An extraction picks the blobs of one artifact out of all that pass. While it
// is not known which these are, it keeps what may be one of them.
type extraction struct {
	ref   string
	root  *os.Root
	into  string // below root, where files get their names
	o     durable.Options
	named v1.Descriptor // as the index names the artifact

	mu    sync.Mutex // of what follows: blobs pass side by side
	audit *layout.Audit
	names []string                 // of the files of the artifact, a layer each, once it is known
	want  map[digest.Digest]string // where each blob of the artifact goes
	at    map[digest.Digest]string // where a blob was written
	dirs  map[string]bool          // those that were made
	ready bool

	dir     *os.Root // see in
	dirName string
}

// staged is where a blob waits for its name: where no title can lie.
func staged(d digest.Digest) string {
	return path.Join(artifact.Staging, string(d.Algorithm())+"-"+d.Encoded())
}

var errTooEarly = errors.New("not known yet")

// target finds the manifest that is unpacked: the one that the reference
// chooses, or the only one in an index that it chooses. The error is
// errTooEarly as long as it is not known.
func (x *extraction) target(a *layout.Audit) (v1.Descriptor, *v1.Manifest, error) {
	if a == nil || a.Index() == nil {
		return v1.Descriptor{}, nil, errTooEarly
	}
	d, err := layout.Resolve(a.Index(), x.ref)
	if err != nil {
		return d, nil, err
	}
	x.named = d
	for range 16 {
		index, m := a.Document(d.Digest)
		switch {
		case m != nil:
			return d, m, nil
		case index == nil && !layout.IsIndex(d.MediaType) && !layout.IsManifest(d.MediaType):
			return d, nil, ui.Hinted(fmt.Errorf("%s is not an artifact but a single blob of type %s", d.Digest, layout.Printable(d.MediaType)), "ferry unpack --layout writes the layout with all its blobs")
		case index == nil:
			return d, nil, errTooEarly
		case len(index.Manifests) == 0:
			return d, nil, ui.Hinted(fmt.Errorf("%s is an index of nothing", d.Digest), "choose another artifact with -t; ferry ls shows what is there")
		case len(index.Manifests) != 1:
			e := &layout.ReferenceError{Reference: x.ref, Several: true}
			for _, m := range index.Manifests {
				e.Have = append(e.Have, string(m.Digest))
			}
			return d, nil, ui.Hinted(e, "it holds an image of several platforms or several artifacts; ferry unpack --layout writes the layout")
		}
		d = index.Manifests[0]
	}
	return d, nil, errTooEarly
}

// sink says where the content of a blob goes.
func (x *extraction) sink(a *layout.Audit, d v1.Descriptor) (io.WriteCloser, error) {
	name, err := x.stagingName(a, d.Digest)
	if name == "" || err != nil {
		return nil, err
	}
	if dir := x.in(path.Dir(name)); dir != nil {
		if f, err := x.o.CreateIn(dir, path.Base(name)); err == nil {
			return f, nil
		}
	}
	f, err := x.o.CreateIn(x.root, name)
	if err != nil {
		return nil, err
	}
	return f, nil
}

// in is a directory, open while files come that stand in it, which most do side
// by side; nil if it cannot be opened. Whoever has it may find it closed.
func (x *extraction) in(dir string) *os.Root {
	x.mu.Lock()
	defer x.mu.Unlock()
	if x.dir == nil || x.dirName != dir {
		x.leave()
		x.dir, _ = x.root.OpenRoot(dir)
		x.dirName = dir
	}
	return x.dir
}

// leave closes the directory that in holds open.
func (x *extraction) leave() {
	if x.dir != nil {
		x.dir.Close()
		x.dir = nil
	}
}

// stagingName is the name under which a blob waits: that of its file, below the
// directory that is not there yet, if it is known by now; "" if the blob is no
// file of the artifact.
func (x *extraction) stagingName(a *layout.Audit, d digest.Digest) (string, error) {
	x.mu.Lock()
	defer x.mu.Unlock()
	x.audit = a
	if !x.ready {
		_, m, err := x.target(a)
		switch {
		case err == nil:
			x.ready, x.want = true, x.wants(m)
		case !errors.Is(err, errTooEarly):
			x.ready = true // nothing will be written; the audit goes on for its verdict
		}
	}
	name := x.want[d]
	if !x.ready {
		name = staged(d)
	}
	if name == "" {
		return "", nil
	}
	if x.at == nil {
		x.at = make(map[digest.Digest]string, len(x.want))
	}
	x.at[d] = name
	return name, x.parents(name)
}

// wants says where each blob of an artifact is written.
func (x *extraction) wants(m *v1.Manifest) map[digest.Digest]string {
	want := make(map[digest.Digest]string, len(m.Layers))
	if k := source.Kinds.Of(m); k != nil {
		if names, err := k.FileNames(m); err == nil { // else the audit or place says what is wrong
			x.names = names
		}
	}
	for i, l := range m.Layers {
		if want[l.Digest] != "" {
			continue
		}
		if x.names != nil && x.names[i] != "" {
			want[l.Digest] = path.Join(x.into, x.names[i])
		} else {
			want[l.Digest] = staged(l.Digest)
		}
	}
	return want
}

// parents makes the directories that a file stands in.
func (x *extraction) parents(name string) error {
	dir := path.Dir(name)
	if dir == "." || x.dirs[dir] {
		return nil
	}
	if x.dirs == nil {
		x.dirs = map[string]bool{}
	}
	x.dirs[dir] = true
	return x.root.MkdirAll(dir, 0o755)
}

// place gives the files their names, once all of them are there.
func (x *extraction) place(ctx context.Context, desc v1.Descriptor, m *v1.Manifest, t *target) ([]fileRow, error) {
	k := source.Kinds.Of(m)
	if k == nil {
		return nil, ui.Hinted(fmt.Errorf("%s: %w; it is of type %s", desc.Digest, artifact.ErrNoFiles, layout.Printable(m.Config.MediaType)),
			"a container image is unpacked by its own tools; ferry unpack --layout writes the layout for them")
	}
	names := x.names
	if names == nil {
		var err error
		if names, err = k.FileNames(m); err != nil {
			return nil, err
		}
	}
	var files []fileRow
	for i, l := range m.Layers {
		if names[i] == "" {
			continue
		}
		files = append(files, fileRow{names[i], l.Size, string(l.Digest)})
		name := path.Join(t.into, names[i])
		if err := x.parents(name); err != nil {
			return nil, err
		}
		switch at := x.at[l.Digest]; at {
		case name:
		case staged(l.Digest):
			if err := t.root.Rename(at, name); err != nil {
				return nil, err
			}
			x.at[l.Digest] = name
		default: // the same content has another name already
			if err := copyFile(ctx, t.root, l, at, name); err != nil {
				return nil, err
			}
		}
	}
	// What was staged in vain, where the order of the bundle did not tell.
	if err := t.root.RemoveAll(artifact.Staging); err != nil {
		return nil, err
	}
	return files, t.commit(names)
}

// copyFile writes one content under a second name.
func copyFile(ctx context.Context, root *os.Root, d v1.Descriptor, have, name string) error {
	from, err := root.Open(have)
	if err != nil {
		return err
	}
	defer from.Close()
	to, err := durable.Options{NoSync: true}.CreateIn(root, name)
	if err != nil {
		return err
	}
	if err := layout.Copy(ctx, to, from, d); err != nil {
		to.Close()
		return err
	}
	return to.Close()
}
