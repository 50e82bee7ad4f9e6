package zarf

// A Package is the content of a zarf.yaml. [Define] makes one; its methods
// Write, WriteUDS and WriteReadme, and [Update], check it before they write.
type Package struct {
	Name         string
	Description  string
	Version      string
	Architecture string
	Annotations  map[string]string
	// Readme is the file that becomes the package's documentation, relative to
	// zarf.yaml. Empty for none.
	Readme     string
	Components []Component
	// Bundle is the archive the package was made for.
	Bundle Bundle
	// Notes are what the one who makes the package should know about it and
	// that is no error. They are not written.
	Notes []string
}

// A Component is one of a package's.
type Component struct {
	Name        string
	Description string
	Required    bool
	Files       []File
	Archives    []ImageArchive
	// After are the actions that run after the files are placed.
	After []Action
}

// A File is placed on the host where the package is deployed.
type File struct {
	Source     string // relative to zarf.yaml
	SHA256     string // 64 lower-case hexadecimal digits
	Target     string // relative to the working directory of the deployment, or absolute, or under ~/
	Executable bool
}

// An ImageArchive names the references to take out of an archive.
type ImageArchive struct {
	Path   string // relative to zarf.yaml
	Images []string
}

// An Action is a command run by `sh -e -c`.
type Action struct {
	Description string // also the name by which Update finds the action again
	Command     string
}

// check says whether the package can be created: an error for each rule of
// the package comment that it breaks.
func (p *Package) check() error {
	var l list
	l.add(checkName("name", p.Name))
	l.add(checkVersion(p.Version))
	l.add(checkArchitecture(p.Architecture))
	l.add(checkText("description", p.Description))
	for _, key := range sortedKeys(p.Annotations) {
		l.add(checkText("annotation", key))
		l.add(checkText("annotation", p.Annotations[key]))
	}
	if p.Readme != "" {
		l.add(checkPath("readme", p.Readme))
	}
	if len(p.Components) == 0 {
		l.add(&Error{Field: "components", Want: "at least one"})
	}
	names := map[string]bool{}
	for _, c := range p.Components {
		l.add(checkName("component", c.Name))
		if names[c.Name] {
			l.add(&Error{Field: "component", Found: c.Name, Want: "each name once"})
		}
		names[c.Name] = true
		l.add(c.check())
	}
	return l.err()
}

func (c Component) check() error {
	var l list
	l.add(checkText("description", c.Description))
	targets := map[string]bool{}
	for _, f := range c.Files {
		l.add(checkPath("file", f.Source))
		l.add(checkTarget(f.Target))
		l.add(checkEntry(f.Target))
		if !hexPattern().MatchString(f.SHA256) {
			l.add(&Error{Field: "shasum", Found: f.SHA256, Want: "64 lower-case hexadecimal digits, for " + f.Source})
		}
		if targets[f.Target] {
			l.add(&Error{Field: "target", Found: f.Target, Want: "a place of its own for each file", Hint: "choose another --version or --target"})
		}
		targets[f.Target] = true
	}
	for _, a := range c.Archives {
		l.add(checkPath("archive", a.Path))
		l.add(checkArchiveName(a.Path))
		if len(a.Images) == 0 {
			l.add(&Error{Field: "images", Want: "at least one for " + a.Path})
		}
		for _, image := range a.Images {
			l.add(checkImage(image))
		}
	}
	for _, a := range c.After {
		l.add(checkText("action", a.Description))
	}
	return l.err()
}
