package zarf

import (
	"bytes"
	"strings"

	"go.yaml.in/yaml/v3"
)

// Splicing replaces the lines of one component, so that the others stay as
// they are to the byte: a YAML encoder would drop empty lines and write its own
// indentation and quotes. Which lines those are is told by the indentation, and
// whoever calls proves the result by parsing it.

// spliceInsert puts a component after the last one, or a list with it at the
// end of the text.
func spliceInsert(data []byte, root, want *yaml.Node, blank bool) ([]byte, error) {
	lines := splitLines(data)
	components := get(root, "components")
	if components == nil {
		if root.Style&yaml.FlowStyle != 0 || root.Column != 1 {
			return nil, errSplice
		}
		text, err := encode(mapping("components", sequence(want)))
		if err != nil {
			return nil, err
		}
		return join(lines, len(lines), len(lines), text, 0, eol(data)), nil
	}
	if !block(components) || len(components.Content) == 0 {
		return nil, errSplice
	}
	last := len(components.Content) - 1
	start, end, err := extent(lines, components, last, blank)
	if err != nil {
		return nil, err
	}
	text, err := encode(sequence(want))
	if err != nil {
		return nil, err
	}
	if last > 0 && !blank && apart(lines, start) {
		text = append([]byte("\n"), text...)
	}
	return join(lines, end, end, text, components.Column-1, eol(data)), nil
}

// spliceReplace writes component i anew. It is parsed by itself, so that only
// the comments within its own lines are its own.
func spliceReplace(data []byte, root *yaml.Node, i int, edit func(*yaml.Node), blank bool) ([]byte, error) {
	lines := splitLines(data)
	components := get(root, "components")
	if !block(components) {
		return nil, errSplice
	}
	start, end, err := extent(lines, components, i, blank)
	if err != nil {
		return nil, err
	}
	var doc yaml.Node
	if err := yaml.Unmarshal(bytes.Join(lines[start:end], nil), &doc); err != nil {
		return nil, err
	}
	if len(doc.Content) != 1 || doc.Content[0].Kind != yaml.SequenceNode || len(doc.Content[0].Content) != 1 {
		return nil, errSplice
	}
	edit(doc.Content[0].Content[0])
	text, err := encode(&doc)
	if err != nil {
		return nil, err
	}
	return join(lines, start, end, text, components.Column-1, eol(data)), nil
}

// block says whether n is a sequence written with dashes.
func block(n *yaml.Node) bool {
	return n.Kind == yaml.SequenceNode && n.Style&yaml.FlowStyle == 0 && n.Anchor == ""
}

// extent is the half-open range of lines of item i: from its dash to the last
// line that is indented deeper than the dash, with blank to the empty lines
// after it as well, which can be content ("|+").
func extent(lines [][]byte, list *yaml.Node, i int, blank bool) (start, end int, err error) {
	start = list.Content[i].Line - 1
	dash := list.Column - 1
	if start < 0 || start >= len(lines) || len(lines[start]) <= dash || lines[start][dash] != '-' || indent(lines[start]) != dash {
		return 0, 0, errSplice
	}
	end = start + 1
	for at := start + 1; at < len(lines); at++ {
		if len(bytes.TrimSpace(lines[at])) == 0 {
			if blank {
				end = at + 1
			}
			continue
		}
		if indent(lines[at]) <= dash {
			break
		}
		end = at + 1
	}
	return start, end, nil
}

// apart says whether an empty line stands before an item and its comments.
func apart(lines [][]byte, start int) bool {
	for start--; start >= 0; start-- {
		line := bytes.TrimSpace(lines[start])
		if len(line) == 0 || line[0] != '#' {
			return len(line) == 0
		}
	}
	return false
}

func indent(line []byte) int { return len(line) - len(bytes.TrimLeft(line, " ")) }

// splitLines keeps the line ends.
func splitLines(data []byte) [][]byte {
	lines := bytes.SplitAfter(data, []byte("\n"))
	if len(lines[len(lines)-1]) == 0 {
		lines = lines[:len(lines)-1]
	}
	return lines
}

func eol(data []byte) string {
	if i := bytes.IndexByte(data, '\n'); i > 0 && data[i-1] == '\r' {
		return "\r\n"
	}
	return "\n"
}

// join is lines with those of [start, end) replaced by text, indented.
func join(lines [][]byte, start, end int, text []byte, columns int, eol string) []byte {
	var b bytes.Buffer
	for _, line := range lines[:start] {
		b.Write(line)
	}
	if start > 0 && !bytes.HasSuffix(lines[start-1], []byte("\n")) {
		b.WriteString(eol)
	}
	for line := range strings.Lines(string(text)) {
		line = strings.TrimSuffix(line, "\n")
		if line != "" {
			b.WriteString(strings.Repeat(" ", columns))
			b.WriteString(line)
		}
		b.WriteString(eol)
	}
	for _, line := range lines[end:] {
		b.Write(line)
	}
	return b.Bytes()
}
