package zarf

import (
	"fmt"
	"io"
	"path"
	"strings"
)

// WriteReadme writes a text in Markdown for the people who get the package:
// what is in it, and the commands that bring it out and check it. As
// documentation.readme it travels in the package, and `zarf package inspect
// documentation` shows it.
func (p *Package) WriteReadme(w io.Writer) error {
	var l list
	l.add(p.check())
	l.add(p.Bundle.checkContent())
	if err := l.err(); err != nil {
		return err
	}
	var b strings.Builder
	fmt.Fprintf(&b, "# %s %s\n\n%s.\n\n", p.Name, p.Version, strings.TrimSuffix(escape(p.Description), "."))
	fmt.Fprintf(&b, "The bundle is `%s`, an OCI image layout.\n\n", path.Base(p.Bundle.Path))
	fmt.Fprintf(&b, "| what | sha256 |\n|---|---|\n| the archive | `%s` |\n| its index.json: the identity, whatever the compression | `%s` |\n",
		p.Bundle.SHA256, strings.TrimPrefix(p.Bundle.Index, "sha256:"))
	for _, a := range p.Bundle.Artifacts {
		name := "(no name)"
		if n := a.Name(); n != "" {
			name = "`" + n + "`"
		}
		fmt.Fprintf(&b, "| %s | `%s` |\n", name, strings.TrimPrefix(a.Digest, "sha256:"))
	}
	for _, c := range p.Components {
		if len(c.Files) > 0 {
			c.readmeFiles(&b, p)
		}
		if len(c.Archives) > 0 {
			c.readmeRegistry(&b, p)
		}
	}
	_, err := io.WriteString(w, b.String())
	return err
}

func (c Component) readmeFiles(b *strings.Builder, p *Package) {
	archive := c.Files[0].Target
	fmt.Fprintf(b, "\n## On a host, with no cluster\n\n```sh\nzarf package deploy %s --components %s --confirm\n```\n\n", p.FileName(), c.Name)
	fmt.Fprintf(b, "places `%s`, verifies it, and unpacks it to `%s`. Relative paths count from the directory in which zarf runs. ",
		archive, path.Join(path.Dir(archive), p.Version))
	b.WriteString("A second deployment finds the directory there and leaves it as it is.\n")
}

func (c Component) readmeRegistry(b *strings.Builder, p *Package) {
	fmt.Fprintf(b, "\n## Into the registry of the enclave\n\n```sh\nzarf package mirror-resources %s --components %s --registry-url REGISTRY --confirm\n", p.FileName(), c.Name)
	indexes := map[string]bool{}
	for _, a := range p.Bundle.Artifacts {
		indexes[a.Name()] = a.IsIndex()
	}
	but := ""
	for _, a := range c.Archives {
		for _, image := range a.Images {
			r, _ := parseReference(image) // checked
			fmt.Fprintf(b, "oras pull REGISTRY/%s:%s\n", r.path, r.tag)
			if indexes[image] {
				but = ", but for an image index, of which Zarf brings the manifest for linux/" + p.Architecture
			}
		}
	}
	fmt.Fprintf(b, "```\n\nREGISTRY is a host and port, with a path if you like. The manifest digests there are those of the table%s.\n", but)
}

// escape is for foreign text within Markdown.
func escape(s string) string {
	return strings.NewReplacer("\\", "\\\\", "`", "\\`", "*", "\\*", "_", "\\_", "<", "&lt;", "[", "\\[", "|", "\\|", "#", "\\#").Replace(s)
}
