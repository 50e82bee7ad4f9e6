package main

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"

	"github.com/opencontainers/go-digest"
	v1 "github.com/opencontainers/image-spec/specs-go/v1"

	"github.com/ociferry/ferry/cmd/ferry/internal/ui"
	"github.com/ociferry/ferry/layout"
	"github.com/ociferry/ferry/layout/artifact"
)

// notice keeps what is said when all is packed.
func (p *packing) notice(format string, args ...any) {
	p.notices = append(p.notices, fmt.Sprintf(format, args...))
}

// overlooked says what a directory holds that its kind passes over, or is beside
// what it is packed as. asked is set where the user has named the kind.
func (p *packing) overlooked(asked bool) {
	if p.kind.Files == nil {
		_, err := os.Lstat(filepath.Join(p.dir, v1.ImageLayoutFile))
		_, err2 := os.Lstat(filepath.Join(p.dir, v1.ImageIndexFile))
		if err == nil && err2 == nil && !asked {
			p.notice("%s is an OCI image layout, and packed as the files that it consists of; ferry bundle %s -o OUT carries it as what it is", layout.Printable(p.dir), ui.ShellWord(p.dir))
		}
		return
	}
	entries, err := os.ReadDir(p.dir)
	if err != nil {
		return // packing says why
	}
	var names []string
	for _, e := range entries {
		if slices.ContainsFunc(p.kind.Files, func(f artifact.File) bool { return f.Name == e.Name() }) {
			continue
		}
		name := e.Name()
		if e.IsDir() {
			name += "/"
		}
		names = append(names, name)
	}
	if len(names) > 0 {
		p.notice("%s holds %s beside the snapshot, left out: %s; --kind files packs everything", layout.Printable(p.dir), ui.Count(len(names), "other"), ui.FirstOf(names))
	}
}

// moved says from what an artifact has taken its names.
func (p *packing) moved(before, after v1.Index, packed digest.Digest) {
	names := map[digest.Digest]int{}
	for _, d := range after.Manifests {
		names[d.Digest] += len(layout.Names(d))
	}
	for i, d := range before.Manifests {
		had, has := layout.Names(d), layout.Names(after.Manifests[i])
		if d.Digest == packed || len(had) == len(has) {
			continue
		}
		left := "under its other names"
		if names[d.Digest] == 0 {
			left = "without a name, and is carried over with it; ferry bundle " + ui.ShellWord(p.out+":"+had[0]) + " -o OUT takes the new one alone"
		}
		p.notice("%s stood for %s before, which stays in %s %s", layout.Printable(had[0]), d.Digest, layout.Printable(p.out), left)
	}
}

// refused says that the far side will not take what --no-check let pass; secrets
// it does take.
func (p *packing) refused(err error) bool {
	var content artifact.ContentError
	if err == nil || errors.As(err, &content) && content.Refused() {
		return false
	}
	p.notice("ferry verify and ferry unpack refuse this on the far side, and with it all else that is in the same bundle")
	return true
}

// packError is an error of packing the files.
func (p *packing) packError(err error) error {
	var bad *layout.CorruptError
	if errors.As(err, &bad) || errors.Is(err, artifact.ErrChanged) || errors.Is(err, layout.ErrChanged) {
		return ui.Hinted(fmt.Errorf("%s: a file was changed while it was packed: %w", layout.Printable(p.dir), err), "wait until nobody writes there, and pack again")
	}
	var taken *layout.NameError
	if errors.As(err, &taken) {
		return ui.Hinted(err, "choose another name with -t, or move this one with --overwrite")
	}
	var path *fs.PathError
	if errors.As(err, &path) || ui.Settled(err) || ui.SignalCode(err) != 0 {
		return err // it names the file, of either side, or needs none
	}
	var content artifact.ContentError
	if err = ui.Wrap(p.dir, err); errors.As(err, &content) && !content.Refused() {
		err = ui.Hinted(err, p.kind.Repack+"; --no-check packs it as it is, and the far side refuses it")
	}
	return err
}
