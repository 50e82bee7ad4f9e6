package zarf

import (
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"
)

// itemsOf are the items of a sequence, and none of anything else.
func itemsOf(n *yaml.Node) []*yaml.Node {
	if n == nil || n.Kind != yaml.SequenceNode {
		return nil
	}
	return n.Content
}

// nameOf is a component's name, also of one that is an alias.
func nameOf(n *yaml.Node) string {
	if n.Kind == yaml.AliasNode {
		n = n.Alias
	}
	return valueOf(n, "name")
}

func valueOf(m *yaml.Node, key string) string {
	if n := get(m, key); n != nil && n.Kind == yaml.ScalarNode {
		return n.Value
	}
	return ""
}

// set replaces the value of a key, or appends it.
func set(m *yaml.Node, key string, value *yaml.Node) {
	for i := 0; i+1 < len(m.Content); i += 2 {
		if m.Content[i].Value == key {
			m.Content[i+1] = value
			return
		}
	}
	put(m, key, value)
}

// equal says whether two nodes mean the same: comments and style do not count,
// and what an alias stands for is compared by the anchor's name.
func equal(a, b *yaml.Node) bool {
	return a.Kind == b.Kind && a.ShortTag() == b.ShortTag() && a.Value == b.Value && a.Anchor == b.Anchor &&
		slices.EqualFunc(a.Content, b.Content, equal)
}

// clone copies a tree; aliases point to the original, which is enough to write
// them.
func clone(n *yaml.Node) *yaml.Node {
	c := *n
	c.Content = make([]*yaml.Node, len(n.Content))
	for i, child := range n.Content {
		c.Content[i] = clone(child)
	}
	return &c
}

// show is a scalar, or a list of them, for people.
func show(n *yaml.Node) string {
	if n.Kind == yaml.ScalarNode {
		return n.Value
	}
	var values []string
	for _, c := range n.Content {
		values = append(values, show(c))
	}
	return strings.Join(values, ", ")
}
