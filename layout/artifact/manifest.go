package artifact

import (
	"bytes"
	"encoding/json"
	"strconv"

	v1 "github.com/opencontainers/image-spec/specs-go/v1"
)

// encode is the manifest, compact and without HTML escapes. The layers are
// those of the plan: of ten thousand, encoding/json would need twenty times as
// long, and four times the memory.
func (p *Plan) encode(m *v1.Manifest) ([]byte, error) {
	bare := *m
	bare.Layers = []v1.Descriptor{}
	frame, err := marshal(bare)
	if err != nil {
		return nil, err
	}
	const none = `"layers":[]`
	// No string holds it: a quotation mark in one has a backslash before it.
	at := bytes.Index(frame, []byte(none)) + len(none) - 1
	size := len(frame)
	for i := range m.Layers {
		size += len(m.Layers[i].MediaType) + len(m.Layers[i].Digest) + len(p.Layers[i].Name) + 120
	}
	out := append(make([]byte, 0, size), frame[:at]...)
	for i := range m.Layers {
		if i > 0 {
			out = append(out, ',')
		}
		if out, err = p.Layers[i].appendJSON(out, &m.Layers[i]); err != nil {
			return nil, err
		}
	}
	return append(out, frame[at:]...), nil
}

// appendJSON appends the descriptor d of the file.
func (l *Layer) appendJSON(out []byte, d *v1.Descriptor) ([]byte, error) {
	out, err := appendString(append(out, `{"mediaType":`...), d.MediaType)
	if err != nil {
		return nil, err
	}
	out = append(append(out, `,"digest":"`...), d.Digest...)
	out = strconv.AppendInt(append(out, `","size":`...), d.Size, 10)
	out, err = appendString(append(out, `,"annotations":{"`+v1.AnnotationTitle+`":`...), l.Name)
	return append(out, "}}"...), err
}

func appendString(out []byte, s string) ([]byte, error) {
	for i := range len(s) {
		if c := s[i]; c < ' ' || c > '~' || c == '"' || c == '\\' {
			b, err := marshal(s)
			return append(out, b...), err
		}
	}
	return append(append(append(out, '"'), s...), '"'), nil
}

// marshal writes a value compact and without HTML escapes.
func marshal(v any) ([]byte, error) {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	err := e.Encode(v)
	return bytes.TrimSuffix(b.Bytes(), []byte("\n")), err
}
