package zarf

import (
	"bytes"
	"io"
	"strings"

	"go.yaml.in/yaml/v3"
)

const apiVersion = "zarf.dev/v1alpha1"

// Write writes p as a zarf.yaml. It checks p first and writes nothing if a rule
// is broken.
func (p *Package) Write(w io.Writer) error {
	if err := p.check(); err != nil {
		return err
	}
	data, err := encode(p.node())
	if err != nil {
		return err
	}
	_, err = w.Write(data)
	return err
}

// encode is the one place that turns nodes into text.
func encode(n *yaml.Node) ([]byte, error) {
	var b bytes.Buffer
	e := yaml.NewEncoder(&b)
	e.SetIndent(2)
	if err := e.Encode(n); err != nil {
		return nil, err
	}
	if err := e.Close(); err != nil {
		return nil, err
	}
	return b.Bytes(), nil
}

func (p *Package) node() *yaml.Node {
	metadata := mapping(
		"name", text(p.Name),
		"description", text(p.Description),
		"version", text(p.Version),
		"architecture", text(p.Architecture),
	)
	if len(p.Annotations) > 0 {
		annotations := mapping()
		for _, key := range sortedKeys(p.Annotations) {
			annotations.Content = append(annotations.Content, text(key), text(p.Annotations[key]))
		}
		put(metadata, "annotations", annotations)
	}
	root := mapping(
		"apiVersion", text(apiVersion),
		"kind", text("ZarfPackageConfig"),
		"metadata", metadata,
	)
	if p.Readme != "" {
		put(root, "documentation", mapping("readme", text(p.Readme)))
	}
	components := sequence()
	for _, c := range p.Components {
		n := c.node()
		n.HeadComment = c.comment(p)
		components.Content = append(components.Content, n)
	}
	put(root, "components", components)
	return root
}

// comment says how the component gets to where it goes.
func (c Component) comment(p *Package) string {
	if len(c.Archives) > 0 {
		return "# zarf package mirror-resources PACKAGE --components " + c.Name + " --registry-url REGISTRY,\n" +
			"# or zarf package deploy on a cluster"
	}
	return "# zarf package deploy PACKAGE: needs no cluster"
}

func (c Component) node() *yaml.Node {
	n := mapping(
		"name", text(c.Name),
		"description", text(c.Description),
		"required", boolean(c.Required),
	)
	if len(c.Files) > 0 {
		files := sequence()
		for _, f := range c.Files {
			file := mapping("source", text(f.Source), "shasum", text(f.SHA256), "target", text(f.Target))
			if f.Executable {
				put(file, "executable", boolean(true))
			}
			files.Content = append(files.Content, file)
		}
		put(n, "files", files)
	}
	if len(c.Archives) > 0 {
		archives := sequence()
		for _, a := range c.Archives {
			images := sequence()
			for _, image := range a.Images {
				images.Content = append(images.Content, text(image))
			}
			archives.Content = append(archives.Content, mapping("path", text(a.Path), "images", images))
		}
		put(n, "imageArchives", archives)
	}
	if len(c.After) > 0 {
		after := sequence()
		for _, a := range c.After {
			after.Content = append(after.Content, mapping("description", text(a.Description), "cmd", text(a.Command)))
		}
		put(n, "actions", mapping("onDeploy", mapping("after", after)))
	}
	return n
}

// mapping makes a mapping of key, node, key, node ...
func mapping(pairs ...any) *yaml.Node {
	n := &yaml.Node{Kind: yaml.MappingNode, Tag: "!!map"}
	for i := 0; i < len(pairs); i += 2 {
		put(n, pairs[i].(string), pairs[i+1].(*yaml.Node))
	}
	return n
}

func sequence(items ...*yaml.Node) *yaml.Node {
	return &yaml.Node{Kind: yaml.SequenceNode, Tag: "!!seq", Content: items}
}

// text is always a string to YAML: quoted, or a block if it has lines.
func text(s string) *yaml.Node {
	n := &yaml.Node{Kind: yaml.ScalarNode, Tag: "!!str", Value: s, Style: yaml.DoubleQuotedStyle}
	if strings.Contains(s, "\n") {
		n.Style = yaml.LiteralStyle
	}
	return n
}

func boolean(b bool) *yaml.Node {
	n := &yaml.Node{Kind: yaml.ScalarNode, Tag: "!!bool", Value: "false"}
	if b {
		n.Value = "true"
	}
	return n
}

// put appends a key that m does not have.
func put(m *yaml.Node, key string, value *yaml.Node) {
	m.Content = append(m.Content, &yaml.Node{Kind: yaml.ScalarNode, Tag: "!!str", Value: key}, value)
}

// get is the value of a key, or nil.
func get(m *yaml.Node, key string) *yaml.Node {
	if m == nil || m.Kind != yaml.MappingNode {
		return nil
	}
	for i := 0; i+1 < len(m.Content); i += 2 {
		if m.Content[i].Value == key {
			return m.Content[i+1]
		}
	}
	return nil
}
