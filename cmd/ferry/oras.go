package main

import (
	"fmt"
	"path/filepath"

	v1 "github.com/opencontainers/image-spec/specs-go/v1"

	"github.com/ociferry/ferry/cmd/ferry/internal/ui"
	"github.com/ociferry/ferry/layout"
)

// orasUnpack marks a layer that oras made of a directory, a tar with gzip, and
// that oras pull makes a directory again. Ferry leaves it packed: what is in it
// has passed no check of names.
const orasUnpack = "io.deis.oras.content.unpack"

// orasDirectories says of each such file how it is unpacked.
func orasDirectories(m *v1.Manifest, out string) (notices []string) {
	for _, l := range m.Layers {
		title := l.Annotations[v1.AnnotationTitle]
		if l.Annotations[orasUnpack] != "true" || title == "" {
			continue
		}
		if len(notices) == filesNamed {
			return append(notices, "and more directories that oras packed; ferry inspect shows the layers")
		}
		name := filepath.Join(out, filepath.FromSlash(title))
		notices = append(notices, fmt.Sprintf("%s is a directory that oras packed, and was left in its tar with gzip: mkdir DIR && tar xzf %s -C DIR", layout.Printable(name), ui.ShellWord(name)))
	}
	return notices
}
