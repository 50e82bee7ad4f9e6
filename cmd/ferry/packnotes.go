package main

import (
	"os"
	"path/filepath"
	"slices"

	v1 "github.com/opencontainers/image-spec/specs-go/v1"

	"github.com/ociferry/ferry/cmd/ferry/internal/output"
	"github.com/ociferry/ferry/cmd/ferry/internal/ui"
	"github.com/ociferry/ferry/layout"
	"github.com/ociferry/ferry/layout/artifact"
)

// overlooked says what a directory holds that its kind passes over, or is beside
// what it is packed as. asked is set where the user has named the kind.
func overlooked(p *output.Packing, asked bool) {
	if p.Kind.Files == nil {
		_, err := os.Lstat(filepath.Join(p.Dir, v1.ImageLayoutFile))
		_, err2 := os.Lstat(filepath.Join(p.Dir, v1.ImageIndexFile))
		if err == nil && err2 == nil && !asked {
			p.Notice("%s is an OCI image layout, and packed as the files that it consists of; ferry bundle %s -o OUT carries it as what it is", layout.Printable(p.Dir), ui.ShellWord(p.Dir))
		}
		return
	}
	entries, err := os.ReadDir(p.Dir)
	if err != nil {
		return // packing says why
	}
	var names []string
	for _, e := range entries {
		if slices.ContainsFunc(p.Kind.Files, func(f artifact.File) bool { return f.Name == e.Name() }) {
			continue
		}
		name := e.Name()
		if e.IsDir() {
			name += "/"
		}
		names = append(names, name)
	}
	if len(names) > 0 {
		p.Notice("%s holds %s beside the snapshot, left out: %s; --kind files packs everything", layout.Printable(p.Dir), ui.Count(len(names), "other"), ui.FirstOf(names))
	}
}
