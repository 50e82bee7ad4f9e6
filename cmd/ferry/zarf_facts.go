package main

import (
	"context"
	"crypto/sha256"
	"debug/buildinfo"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"

	v1 "github.com/opencontainers/image-spec/specs-go/v1"

	"github.com/ociferry/ferry/bundle"
	"github.com/ociferry/ferry/cmd/ferry/internal/source"
	"github.com/ociferry/ferry/cmd/ferry/internal/ui"
	"github.com/ociferry/ferry/layout"
	"github.com/ociferry/ferry/layout/artifact"
	"github.com/ociferry/ferry/layout/compression"
	"github.com/ociferry/ferry/layout/kinds"
	"github.com/ociferry/ferry/layout/stream"
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

// bundleFacts verifies an archive, in one pass for the archive's own digest and
// for the layout in it, and reads its documents in a second, short one.
func bundleFacts(ctx context.Context, name string) (zarf.Bundle, error) {
	var b zarf.Bundle
	f, err := openRegular(name)
	if err != nil {
		return b, err
	}
	defer f.Close()
	head := make([]byte, compression.MagicLen)
	n, err := f.ReadAt(head, 0)
	if err != nil && !errors.Is(err, io.EOF) {
		return b, err
	}
	format, err := compression.Detect(head[:n])
	if err != nil {
		return b, err
	}
	b.Compression = format.Name
	h := sha256.New()
	in := kinds.All.Inspect(source.Usual)
	report, err := verifyBeside(ctx, f, h, in)
	if err != nil {
		return b, err
	}
	b.SHA256, b.Index, b.Sealed = hex.EncodeToString(h.Sum(nil)), string(report.Digest), report.Sealed
	if _, err := f.Seek(0, io.SeekStart); err != nil {
		return b, err
	}
	again, err := bundle.Documents(ctx, f)
	if err != nil {
		return b, err
	}
	if again.Digest != report.Digest {
		return b, errors.New("it changed while it was read")
	}
	for _, d := range report.Index.Manifests {
		index, manifest := again.Document(d.Digest)
		b.Artifacts = append(b.Artifacts, artifactFacts(in, d, index, manifest))
	}
	return b, nil
}

// verifyBeside verifies an archive as ferry verify does, the payloads too, and
// writes all of it to w, each on a core of its own.
func verifyBeside(ctx context.Context, r io.Reader, w io.Writer, in layout.Inspector) (*layout.Report, error) {
	pr, pw := io.Pipe()
	read := make(chan error, 1)
	go func() {
		_, err := stream.FanOut(ctx, r, w, pw)
		pw.CloseWithError(err) // nil is the end
		read <- err
	}()
	report, err := bundle.Verify(ctx, pr, layout.AuditOptions{Inspectors: []layout.Inspector{in}})
	if err == nil {
		err = report.Err()
	}
	if err == nil {
		_, err = io.Copy(io.Discard, pr)
	}
	pr.Close() // lets the reader end after an error
	if readErr := <-read; err == nil {
		err = readErr
	}
	return report, err
}

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

// zarfBinary is a ferry to put into the package; which system it is for, Go has
// written into it.
func zarfBinary(name, dir string) (zarf.Binary, error) {
	info, err := buildinfo.ReadFile(name)
	if err != nil {
		var p *os.PathError
		if errors.As(err, &p) {
			return zarf.Binary{}, err
		}
		return zarf.Binary{}, ui.Misuse(fmt.Errorf("--with-ferry %s: want a ferry binary, found a file that Go did not build", layout.Printable(name)), "")
	}
	if info.Main.Path != "github.com/ociferry/ferry" {
		return zarf.Binary{}, ui.Misuse(fmt.Errorf("--with-ferry %s: want a ferry binary, found one of %q", layout.Printable(name), info.Main.Path), "")
	}
	b := zarf.Binary{}
	for _, s := range info.Settings {
		switch s.Key {
		case "GOOS":
			b.OS = s.Value
		case "GOARCH":
			b.Architecture = s.Value
		}
	}
	if b.Path, err = relative(dir, name); err != nil {
		return b, err
	}
	b.SHA256, err = fileSHA256(name)
	return b, err
}

// relative is the path of an existing file as a definition in dir names it.
// Links in the way are resolved: "..", behind a link, leads elsewhere.
func relative(dir, name string) (string, error) {
	var resolved [2]string
	for i, d := range []string{dir, filepath.Dir(name)} {
		abs, err := filepath.Abs(d)
		if err != nil {
			return "", err
		}
		if resolved[i], err = filepath.EvalSymlinks(abs); err != nil {
			return "", err
		}
	}
	rel, err := filepath.Rel(resolved[0], filepath.Join(resolved[1], filepath.Base(name)))
	return filepath.ToSlash(rel), err
}

// openRegular opens a file and nothing that could block or never end.
func openRegular(name string) (*os.File, error) {
	info, err := os.Stat(name)
	if err != nil {
		return nil, err
	}
	if !info.Mode().IsRegular() {
		found := "a special file"
		if info.IsDir() {
			found = "a directory"
		}
		return nil, fmt.Errorf("want a file, found %s", found)
	}
	return os.Open(name)
}

func fileSHA256(name string) (string, error) {
	f, err := openRegular(name)
	if err != nil {
		return "", err
	}
	defer f.Close()
	h := sha256.New()
	if _, err := io.Copy(h, f); err != nil {
		return "", err
	}
	return hex.EncodeToString(h.Sum(nil)), nil
}
