package layout

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"slices"
	"strings"

	"github.com/ociferry/ferry/layout/internal/strictjson"
	"github.com/ociferry/ferry/layout/stream"
)

// DockerManifest is the file at the root of an archive in docker's form that
// says which files are images. Since version 25 docker save writes it beside a
// layout. It is no part of the layout; but where the two disagree, a reader of
// one sees other images than a reader of the other.
const DockerManifest = "manifest.json"

// A DockerImage is one element of docker's manifest.json: the names of files of
// the archive, and the image's names as docker writes them.
type DockerImage struct {
	Config   string
	RepoTags []string
	Layers   []string
}

// Limits of docker's manifest.json.
const maxDockerItems = 200_000 // elements in it

// ParseDockerManifest reads docker's manifest.json: at most MaxDocument bytes, no
// key twice in an object, and none of docker's keys in another case.
func ParseDockerManifest(data []byte) (images []DockerImage, err error) {
	if len(data) > MaxDocument {
		return nil, fmt.Errorf("%d bytes is too large, the limit is %d", len(data), MaxDocument)
	}
	// No name in it holds a comma; an element of two bytes takes a hundred decoded.
	if n := bytes.Count(data, []byte(",")); n > maxDockerItems {
		return nil, fmt.Errorf("too many elements, the limit is %d, found %d", maxDockerItems, n)
	}
	if err := strictjson.Check(data, strictjson.Limits{Items: maxDockerItems + 1}, "Config", "RepoTags?", "Layers?"); err != nil {
		return nil, err
	}
	if err := json.Unmarshal(data, &images); err != nil {
		return nil, err
	}
	if len(images) == 0 {
		return nil, errors.New("want at least one image, found none")
	}
	return images, nil
}

// A DockerError says that docker's manifest.json names files which index.json
// does not reach: whoever carries the layout alone loses them.
type DockerError struct {
	Lost []string // the files, sorted
}

func (e *DockerError) Error() string {
	more := ""
	if n := len(e.Lost); n > 1 {
		more = fmt.Sprintf(" and %d more files", n-1)
	}
	return fmt.Sprintf("%s: docker's images need %s%s, which index.json does not reach: they would be lost", DockerManifest, Printable(e.Lost[0]), more)
}

// checkDocker compares docker's manifest.json with a layout. unreached tells of a
// file of the archive that it is there and is no part of the layout. A file of
// that name which is not docker's is nobody's concern.
func checkDocker(data []byte, unreached func(name string) bool) error {
	images, err := ParseDockerManifest(data)
	if err != nil {
		var loose []DockerImage
		if json.Unmarshal(data, &loose) == nil && len(loose) > 0 && loose[0].Config != "" {
			return &FormatError{DockerManifest, err}
		}
		return nil
	}
	var lost []string
	for _, image := range images {
		for _, name := range append([]string{image.Config}, image.Layers...) {
			if name = strings.TrimPrefix(name, "./"); name != "" && unreached(name) {
				lost = append(lost, name)
			}
		}
	}
	if len(lost) == 0 {
		return nil
	}
	slices.Sort(lost)
	return &DockerError{slices.Compact(lost)}
}

// checkDocker compares docker's manifest.json, if it came, with what the index
// reaches. a.mu is held.
func (a *Audit) checkDocker() {
	if a.docker == nil || a.index == nil {
		return
	}
	err := checkDocker(a.docker, func(name string) bool {
		if d, ok, err := ParseBlobPath(name); ok && err == nil {
			return a.blobs[d] != nil && a.blobs[d].seen && !a.blobs[d].wanted
		}
		_, there := a.others[name]
		return there && name != DockerManifest
	})
	if err != nil {
		a.invalid = append(a.invalid, err)
	}
}

// checkDocker is the same for a layout whose documents have been read.
func (r *Reader) checkDocker(ctx context.Context, a *Audit) error {
	f, size, err := r.openFile(DockerManifest)
	if err != nil || size > MaxDocument {
		return nil // nothing that docker reads
	}
	defer f.Close()
	var data bytes.Buffer
	if _, err := stream.FanOut(ctx, io.LimitReader(f, MaxDocument), &data); err != nil {
		return err
	}
	return checkDocker(data.Bytes(), func(name string) bool {
		if d, ok, err := ParseBlobPath(name); ok && err == nil && a.blobs[d] != nil {
			return false
		}
		if !fs.ValidPath(name) || name == DockerManifest {
			return false
		}
		info, err := fs.Lstat(r.fsys, name)
		return err == nil && info.Mode().IsRegular()
	})
}
