package zarf

import (
	"fmt"
	"path"
	"slices"

	"go.yaml.in/yaml/v3"
)

// A merger brings nodes up to date and keeps what is not ours.
type merger struct {
	component string
	changes   []Change
}

func (m *merger) note(field, from, to string) {
	m.changes = append(m.changes, Change{Component: m.component, Field: field, From: from, To: to})
}

func (m *merger) merge(have, want *yaml.Node) {
	for i := 0; i+1 < len(want.Content); i += 2 {
		key, value := want.Content[i].Value, want.Content[i+1]
		switch key {
		case "name":
		case "required": // the user's to decide once the component is there
		case "files":
			m.list(have, key, key, value, sameFile)
		case "imageArchives":
			m.list(have, key, key, value, sameArchive)
		case "actions":
			m.actions(have, value)
		default:
			m.value(have, key, key, value)
		}
	}
}

func (m *merger) actions(have, want *yaml.Node) {
	for _, key := range []string{"actions", "onDeploy"} {
		if child := get(have, key); child == nil || child.Kind != yaml.MappingNode {
			set(have, key, mapping())
		}
		have = get(have, key)
	}
	m.list(have, "after", "actions.onDeploy.after", get(get(want, "onDeploy"), "after"), sameAction)
}

// list brings the entries of want into the list under key, each in the place of
// the one that same finds, or at the end.
func (m *merger) list(have *yaml.Node, key, field string, want *yaml.Node, same func(have, want *yaml.Node) bool) {
	l := get(have, key)
	if l == nil || l.Kind != yaml.SequenceNode {
		set(have, key, sequence())
		l = get(have, key)
	}
	for _, w := range want.Content {
		i := slices.IndexFunc(l.Content, func(n *yaml.Node) bool { return same(n, w) })
		if i < 0 {
			l.Content = append(l.Content, w)
			l.Style &^= yaml.FlowStyle
			m.note(fmt.Sprintf("%s[%d]", field, len(l.Content)-1), "", w.Content[1].Value)
			continue
		}
		for j := 0; j+1 < len(w.Content); j += 2 {
			name := w.Content[j].Value
			m.value(l.Content[i], name, fmt.Sprintf("%s[%d].%s", field, i, name), w.Content[j+1])
		}
	}
}

// value sets a scalar or a list of scalars.
func (m *merger) value(have *yaml.Node, key, field string, want *yaml.Node) {
	old := get(have, key)
	if old != nil && equal(old, want) {
		return
	}
	from := ""
	if old != nil {
		from = show(old)
		want = clone(want)
		keepComments(want, old)
		for i := range min(len(want.Content), len(old.Content)) {
			keepComments(want.Content[i], old.Content[i])
		}
	}
	set(have, key, want)
	m.note(field, from, show(want))
}

func keepComments(n, old *yaml.Node) {
	n.HeadComment, n.LineComment, n.FootComment = old.HeadComment, old.LineComment, old.FootComment
}

func sameFile(have, want *yaml.Node) bool {
	h, w := valueOf(have, "target"), valueOf(want, "target")
	hs, _ := archiveSuffix(h)
	ws, _ := archiveSuffix(w)
	return h == w || hs != "" && ws != "" && path.Dir(h) == path.Dir(w)
}

func sameArchive(have, want *yaml.Node) bool {
	if valueOf(have, "path") == valueOf(want, "path") {
		return true
	}
	repositories := map[string]bool{}
	for _, n := range itemsOf(get(want, "images")) {
		if r, err := parseReference(n.Value); err == nil {
			repositories[r.repository()] = true
		}
	}
	return slices.ContainsFunc(itemsOf(get(have, "images")), func(n *yaml.Node) bool {
		r, err := parseReference(n.Value)
		return err == nil && repositories[r.repository()]
	})
}

func sameAction(have, want *yaml.Node) bool {
	return valueOf(have, "description") == valueOf(want, "description")
}
