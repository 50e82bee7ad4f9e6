package zarf

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"
)

// A Change is one thing [Update] did to a definition.
type Change struct {
	Component string // its name; metadata for the package's own
	Field     string // like files[0].shasum; empty if the component is new
	From, To  string // empty where there was, or is, nothing
}

func (c Change) String() string {
	const limit = 100
	short := func(s string) string {
		if first, _, more := strings.Cut(s, "\n"); more {
			s = first + " ..."
		}
		if len(s) > limit {
			s = s[:limit] + "..."
		}
		return fmt.Sprintf("%q", s)
	}
	switch {
	case c.Field == "":
		return c.Component + ": added"
	case c.From == "":
		return fmt.Sprintf("%s: %s: added %s", c.Component, c.Field, short(c.To))
	case c.To == "":
		return fmt.Sprintf("%s: %s: removed %s", c.Component, c.Field, short(c.From))
	case short(c.From) == short(c.To):
		return fmt.Sprintf("%s: %s: changed", c.Component, c.Field)
	}
	return fmt.Sprintf("%s: %s: %s, was %s", c.Component, c.Field, short(c.To), short(c.From))
}

// Update puts p's components into the definition that existing holds, and says
// what it changed; with no change the bytes are those of existing.
//
// A component of p that the definition has by name is brought up to date: what
// p says of it is set, and what p is silent about stays, so do its comments,
// `required`, and entries of its lists that are not p's (files by their target,
// archives by the repositories of their images, actions by their description).
// A component that it has not is added at the end. In a definition that ferry
// has written, the annotations are p's from then on, and so are version and
// description where they are what ferry wrote for the content before; where
// they are not, and for what Zarf would refuse of the definition as it then is,
// a line is added to p.Notes. Nothing else is touched: the other lines stay as they are, byte for byte, unless the components are
// written in flow style ("[...]"), in which case all is written anew, with the
// same content.
//
// Refused with an [*Error]: what [Parse] refuses, and a reference of p that
// another component brings too.
func Update(existing []byte, p *Package) ([]byte, []Change, error) {
	if err := p.check(); err != nil {
		return nil, nil, err
	}
	before, err := Parse(existing)
	if err != nil {
		return nil, nil, err
	}
	if err := before.conflicts(p); err != nil {
		return nil, nil, err
	}
	data := existing
	var changes []Change
	for _, c := range p.Components {
		var made []Change
		if data, made, err = updateComponent(data, p, c); err != nil {
			return nil, nil, err
		}
		changes = append(changes, made...)
	}
	data, made, notes, err := updateMetadata(data, before, p)
	if err != nil {
		return nil, nil, err
	}
	after, err := Parse(data)
	if err != nil {
		return nil, nil, err
	}
	for _, problem := range after.problems {
		notes = append(notes, problem.String()+"; mend it by hand")
	}
	p.Notes = append(p.Notes, notes...)
	return data, append(changes, made...), nil
}

// updateComponent does one component. Each starts from the text, since line
// numbers move.
func updateComponent(data []byte, p *Package, c Component) ([]byte, []Change, error) {
	root, err := parseNode(data)
	if err != nil {
		return nil, nil, err
	}
	want := c.node()
	components := get(root, "components")
	i := slices.IndexFunc(itemsOf(components), func(n *yaml.Node) bool { return nameOf(n) == c.Name })
	if i < 0 {
		want.HeadComment = c.comment(p)
		out, err := insert(data, root, want)
		return out, []Change{{Component: c.Name}}, err
	}
	item := components.Content[i]
	if item.Kind != yaml.MappingNode {
		return nil, nil, &Error{Field: "component", Found: c.Name, Want: "a component written out, and not an alias of another"}
	}
	m := merger{component: c.Name}
	merged := clone(item)
	m.merge(merged, want)
	if len(m.changes) == 0 {
		return data, nil, nil
	}
	out, err := replace(data, root, i, func(n *yaml.Node) { (&merger{}).merge(n, want) })
	return out, m.changes, err
}

var errSplice = errors.New("the lines of the component could not be told from the others")

// insert adds a component at the end of the list.
func insert(data []byte, root, want *yaml.Node) ([]byte, error) {
	tree := clone(root)
	components := get(tree, "components")
	if components == nil || components.Kind != yaml.SequenceNode {
		set(tree, "components", sequence())
		components = get(tree, "components")
	}
	components.Content = append(components.Content, clone(want))
	for _, blank := range []bool{false, true} {
		if out, err := spliceInsert(data, root, want, blank); err == nil && proves(out, tree) {
			return out, nil
		}
	}
	components.Style &^= yaml.FlowStyle
	return rewrite(tree)
}

// replace changes component i by edit.
func replace(data []byte, root *yaml.Node, i int, edit func(*yaml.Node)) ([]byte, error) {
	tree := clone(root)
	edit(get(tree, "components").Content[i])
	for _, blank := range []bool{false, true} {
		if out, err := spliceReplace(data, root, i, edit, blank); err == nil && proves(out, tree) {
			return out, nil
		}
	}
	return rewrite(tree)
}

// rewrite writes the whole tree anew.
func rewrite(tree *yaml.Node) ([]byte, error) {
	out, err := encode(tree)
	if err != nil {
		return nil, err
	}
	if !proves(out, tree) {
		return nil, &Error{Field: "definition", Want: "YAML that is the same after writing", Hint: "write the components in block style, without anchors"}
	}
	return out, nil
}

// proves says whether text means what tree means.
func proves(text []byte, tree *yaml.Node) bool {
	got, err := parseNode(text)
	return err == nil && equal(got, tree)
}

func parseNode(data []byte) (*yaml.Node, error) {
	var doc, more yaml.Node
	d := yaml.NewDecoder(bytes.NewReader(data))
	if err := d.Decode(&doc); errors.Is(err, io.EOF) {
		return nil, &Error{Field: "definition", Want: "a zarf.yaml, and it is empty"}
	} else if err != nil {
		return nil, err
	}
	switch err := d.Decode(&more); {
	case err == nil:
		return nil, &Error{Field: "definition", Want: "a single YAML document"}
	case !errors.Is(err, io.EOF):
		return nil, err
	}
	if len(doc.Content) != 1 || doc.Content[0].Kind != yaml.MappingNode {
		return nil, &Error{Field: "definition", Want: "a mapping at the top"}
	}
	return doc.Content[0], nil
}
