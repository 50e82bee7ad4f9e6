package zarf

import "fmt"

// A Shape is which components [Define] makes.
type Shape string

// The shapes, as the package comment says.
const (
	Files    Shape = "files"
	Registry Shape = "registry"
	Both     Shape = "both"
)

// Options are what [Define] does not take from the bundle.
type Options struct {
	Shape        Shape  // Both if empty
	Name         string // else from the references, or the archive's name
	Version      string // else the artifacts' tag
	Architecture string // amd64 if empty
	Description  string // else the artifact's own and the version
	// Target is the directory on the host, for the files component: relative to
	// the working directory of the deployment, or absolute, or under ~/. The
	// name if empty.
	Target string
	// Images are the references to list for the registry component, each as it
	// stands in the archive's index. If there are none, all are listed, and all
	// have to be under a .internal domain.
	Images []string
	// Ferry are the binaries that travel in the package and unpack, at most one
	// for each system. If there are none, zarf itself unpacks.
	Ferry []Binary
	// Readme is the documentation, relative to zarf.yaml. Empty for none.
	Readme string
}

// A Binary is a ferry to put into the package.
type Binary struct {
	Path             string // relative to zarf.yaml
	SHA256           string // 64 lower-case hexadecimal digits
	OS, Architecture string // as Go names them
}

// Define makes the package for a bundle, or says all that stands against it:
// each error is an [*Error].
func Define(b Bundle, o Options) (*Package, error) {
	if o.Shape == "" {
		o.Shape = Both
	}
	if o.Architecture == "" {
		o.Architecture = "amd64"
	}
	files, registry := o.Shape != Registry, o.Shape != Files
	var l list
	if o.Shape != Files && o.Shape != Registry && o.Shape != Both {
		l.add(&Error{Field: "shape", Found: string(o.Shape), Want: "files, registry or both"})
	}
	if !files && len(o.Ferry) > 0 {
		l.add(&Error{Field: "ferry", Found: o.Ferry[0].Path, Want: "no ferry in the shape registry, which unpacks nothing", Hint: "--shape files or both"})
	}
	if !registry && len(o.Images) > 0 {
		l.add(&Error{Field: "image", Found: o.Images[0], Want: "no image in the shape files, which carries the archive whole", Hint: "--shape registry or both"})
	}
	l.add(b.check())
	if err := l.err(); err != nil {
		return nil, err
	}

	p := &Package{
		Name: o.Name, Version: o.Version, Architecture: o.Architecture, Description: o.Description,
		Readme: o.Readme, Bundle: b,
	}
	if p.Name == "" {
		p.Name = b.packageName()
	}
	if p.Version == "" {
		var err error
		p.Version, err = b.version()
		l.add(err)
	}
	if p.Description == "" {
		p.Description = b.description(p.Version)
	}
	p.Annotations = map[string]string{annotationIndex: b.Index}
	if b.single() {
		p.Annotations[annotationArtifact] = b.Artifacts[0].Digest
	}
	// What follows is made of the name and the version; wrong ones are told of
	// once.
	l.add(checkName("name", p.Name))
	if p.Version != "" {
		l.add(checkVersion(p.Version))
	}
	if err := l.err(); err != nil {
		return nil, err
	}

	if files {
		c, err := b.filesComponent(p, o)
		l.add(err)
		p.Components = append(p.Components, c)
	}
	if registry {
		c, err := b.registryComponent(p, o)
		l.add(err)
		c.Required = !files
		p.Components = append(p.Components, c)
		if !nodes[p.Architecture] {
			p.Notes = append(p.Notes, fmt.Sprintf("no node of a cluster is known to have the architecture %.40q, and zarf package deploy wants that of one for %s; zarf package mirror-resources takes any", p.Architecture, c.Name))
		}
	}
	if len(l) == 0 {
		l.add(p.check())
	}
	if err := l.err(); err != nil {
		return nil, err
	}
	return p, nil
}

// nodes are the architectures that nodes of a cluster have, of which Zarf wants
// one for images; as Go names them, for which Kubernetes is built.
var nodes = map[string]bool{
	"386": true, "amd64": true, "arm": true, "arm64": true, "loong64": true, "ppc64le": true, "riscv64": true, "s390x": true,
}

// Annotations of the package: the identity of the bundle, and with a single
// artifact that of it.
const (
	annotationIndex    = "io.github.ociferry.index.digest"
	annotationArtifact = "io.github.ociferry.artifact.digest"
)
