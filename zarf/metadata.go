package zarf

import (
	"bytes"
	"fmt"
	"path"
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"
)

// updateMetadata brings up to date what ferry has written of the bundle into
// the metadata of a definition of its own: its annotations always, version and
// description where they are what ferry wrote for the content before. The
// definition before tells, whose components are not yet those of p.
func updateMetadata(data []byte, before *Definition, p *Package) (out []byte, changes []Change, notes []string, err error) {
	if before.Annotations[annotationIndex] == "" || !before.isFor(p) {
		return data, nil, nil, nil
	}
	change := func(field, from, to string) {
		if err != nil || from == to {
			return
		}
		if data, err = setMetadata(data, field, to); err == nil {
			changes = append(changes, Change{Component: "metadata", Field: field, From: from, To: to})
		}
	}
	prefix, hasVersion := strings.CutSuffix(p.Description, p.Version)
	for _, f := range []struct {
		field, from, to string
		ours            bool
	}{
		{"version", before.Version, p.Version, before.isOurs(p)},
		{"description", before.description, p.Description, hasVersion && before.description == prefix+before.Version},
	} {
		if f.ours {
			change(f.field, f.from, f.to)
		} else if f.from != f.to && f.from != "" {
			notes = append(notes, fmt.Sprintf("metadata.%s stays %q, which is not what ferry writes; of this bundle that is %q", f.field, f.from, f.to))
		}
	}
	for _, key := range []string{annotationIndex, annotationArtifact} {
		change("annotations."+key, before.Annotations[key], p.Annotations[key])
	}
	return data, changes, notes, err
}

// isFor says whether d was made for a bundle of p's name, or names no other
// bundle: then its annotations are about that.
func (d *Definition) isFor(p *Package) bool {
	return d.Name == p.Name || !slices.ContainsFunc(d.Components, func(c DefinedComponent) bool {
		return !p.has(c.Name) && (len(c.Archives) > 0 || slices.ContainsFunc(c.Files, func(f File) bool { return isArchive(f.Source) }))
	})
}

// isOurs says whether the version is one that ferry has written: a component
// that is p's to update unpacks to it, or has an image of that tag.
func (d *Definition) isOurs(p *Package) bool {
	for _, c := range d.Components {
		if !p.has(c.Name) {
			continue
		}
		for _, f := range c.Files {
			dir := "\ndir=" + word(path.Join(path.Dir(f.Target), d.Version)) + "\n"
			if slices.ContainsFunc(c.After, func(a Action) bool { return strings.Contains(a.Command, dir) }) {
				return true
			}
		}
		for _, a := range c.Archives {
			for _, image := range a.Images {
				if r, err := parseReference(image); err == nil && r.tag == d.Version {
					return true
				}
			}
		}
	}
	return false
}

func (p *Package) has(component string) bool {
	return slices.ContainsFunc(p.Components, func(c Component) bool { return c.Name == component })
}

// setMetadata sets a string of the metadata, like version or annotations.KEY;
// an empty one removes it. The other lines stay, if they can.
func setMetadata(data []byte, field, value string) ([]byte, error) {
	root, err := parseNode(data)
	if err != nil {
		return nil, err
	}
	tree, lines := clone(root), splitLines(data)
	parent, key := get(tree, "metadata"), field
	if rest, ok := strings.CutPrefix(field, "annotations."); ok {
		parent, key = get(parent, "annotations"), rest
	}
	old := get(parent, key)
	switch {
	case parent == nil || parent.Kind != yaml.MappingNode || old != nil && old.Kind != yaml.ScalarNode:
		return nil, &Error{Field: "definition", Found: "metadata." + field, Want: "one that is written out, and not an alias of another"}
	case old == nil: // an annotation, behind that of the index
		if at := get(parent, annotationIndex); at != nil {
			line := &lines[at.Line-1]
			*line = fmt.Appendf(*line, "%s%s: %s%s", strings.Repeat(" ", indent(*line)), scalar(key), scalar(value), eol(data))
		}
		put(parent, key, text(value))
	case value == "":
		lines[old.Line-1] = nil
		i := slices.Index(parent.Content, old)
		parent.Content = slices.Delete(parent.Content, i-1, i+1)
	default:
		line := &lines[old.Line-1]
		for _, written := range []string{scalar(old.Value), "'" + old.Value + "'", old.Value} {
			if at := bytes.LastIndex(*line, []byte(": "+written)); at >= 0 {
				*line = slices.Concat((*line)[:at+2], []byte(scalar(value)), (*line)[at+2+len(written):])
				break
			}
		}
		old.Value, old.Tag, old.Style = value, "!!str", yaml.DoubleQuotedStyle
	}
	if out := bytes.Join(lines, nil); proves(out, tree) {
		return out, nil
	}
	return rewrite(tree)
}

// scalar is a string of one line as encode writes it.
func scalar(s string) string {
	data, _ := encode(text(s))
	return strings.TrimSuffix(string(data), "\n")
}
