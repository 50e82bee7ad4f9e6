package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"

	v1 "github.com/opencontainers/image-spec/specs-go/v1"

	"github.com/ociferry/ferry/bundle"
	"github.com/ociferry/ferry/cmd/ferry/internal/source"
	"github.com/ociferry/ferry/cmd/ferry/internal/ui"
	"github.com/ociferry/ferry/layout"
	"github.com/ociferry/ferry/layout/artifact"
	"github.com/ociferry/ferry/layout/kinds"
	"github.com/ociferry/ferry/zarf"
)

// zarfBundle verifies the archive that arg names and gathers what a definition
// in dir says of it.
func zarfBundle(e *ui.Env, ctx context.Context, arg, dir string) (zarf.Bundle, error) {
	s, err := source.Parse(e, arg)
	if err != nil {
		return zarf.Bundle{}, err
	}
	switch {
	case s.IsDir:
		return zarf.Bundle{}, ui.Misuse(fmt.Errorf("%s is a directory, and Zarf takes an archive", s.Label()), "bundle it first: ferry bundle "+ui.ShellWord(arg)+" -o "+ui.ShellWord(filepath.Clean(s.Name)+".tar.gz"))
	case s.Name == "-":
		return zarf.Bundle{}, ui.Misuse(errors.New("zarf: the bundle is a file that zarf.yaml names, and not standard input"), "")
	case s.Ref != "":
		return zarf.Bundle{}, ui.Misuse(fmt.Errorf("zarf: %s names one artifact, and Zarf takes the whole bundle", layout.Printable(arg)), "--image lists those that go to the registry")
	}
	name, err := relative(dir, s.Name)
	if err != nil {
		return zarf.Bundle{}, err
	}
	b, err := bundleFacts(ctx, s.Name)
	b.Path = name
	return b, s.Err(err)
}

// bundleFacts verifies an archive, payloads included, and gathers what a
// definition says of it.
func bundleFacts(ctx context.Context, name string) (b zarf.Bundle, err error) {
	f, err := openRegular(name)
	if err != nil {
		return b, err
	}
	defer f.Close()
	in := kinds.All.Inspect(source.Usual)
	d, err := bundle.Describe(ctx, f, layout.AuditOptions{Inspectors: []layout.Inspector{in}})
	if err == nil {
		err = d.Report.Err()
	}
	if err != nil {
		return b, err
	}
	b = zarf.Bundle{SHA256: d.SHA256, Index: string(d.Report.Digest), Compression: d.Compression.Name, Sealed: d.Report.Sealed}
	for _, m := range d.Report.Index.Manifests {
		index, manifest := d.Report.Document(m.Digest)
		b.Artifacts = append(b.Artifacts, artifactFacts(in, m, index, manifest))
	}
	return b, nil
}

// artifactFacts are what a definition says of an artifact.
func artifactFacts(in *artifact.Inspection, d v1.Descriptor, index *v1.Index, m *v1.Manifest) zarf.Artifact {
	a := zarf.Artifact{Digest: string(d.Digest), MediaType: d.MediaType, ArtifactType: d.ArtifactType, Annotations: d.Annotations}
	if index != nil {
		a.Platforms = []zarf.Platform{}
		for _, child := range index.Manifests {
			var p zarf.Platform
			if child.Platform != nil {
				p = zarf.Platform{OS: child.Platform.OS, Architecture: child.Platform.Architecture}
			}
			a.Platforms = append(a.Platforms, p)
		}
	}
	if m == nil {
		return a
	}
	if a.ArtifactType == "" {
		a.ArtifactType = m.ArtifactType
	}
	if a.ArtifactType == "" {
		a.ArtifactType = m.Config.MediaType
	}
	a.Description = m.Annotations[v1.AnnotationDescription]
	if a.Description == "" {
		a.Description = m.Annotations[v1.AnnotationTitle]
	}
	names, err := in.FileNames(m)
	if err != nil {
		return a
	}
	for i, name := range names {
		if name == "" {
			continue
		}
		if artifact.CheckTitle(name) != nil {
			a.Files = nil
			return a
		}
		a.Files = append(a.Files, zarf.Layer{Name: name, Digest: string(m.Layers[i].Digest)})
	}
	return a
}

// zarfFound is what lies at a path that a definition in dir names.
func zarfFound(ctx context.Context, dir, p string, wantBundle bool) (zarf.Found, error) {
	name := filepath.FromSlash(p)
	if !filepath.IsAbs(name) {
		name = filepath.Join(dir, name)
	}
	var reason error
	if wantBundle {
		b, err := bundleFacts(ctx, name)
		b.Path = p
		var unread *fs.PathError
		if err == nil || errors.As(err, &unread) || ctx.Err() != nil {
			return zarf.Found{SHA256: b.SHA256, Bundle: &b}, err
		}
		reason = err // any other tar can stand under files
	}
	sum, err := fileSHA256(name)
	return zarf.Found{SHA256: sum, Reason: reason}, err
}
