package artifact

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path"
	"strconv"
	"strings"

	"github.com/opencontainers/go-digest"
	v1 "github.com/opencontainers/image-spec/specs-go/v1"
)

// ErrNoFiles is wrapped by the error for an artifact whose layers do not name
// files, such as a container image.
var ErrNoFiles = errors.New("its layers do not name files")

// FileNames are the names of the files that the layers of a manifest are,
// layer for layer. For a kind that fixes its files they come from the media
// types: each file must be there once, and its title counts for nothing, as long
// as it is fit for a file and not nearly the name. Layers of another type have
// the name "" and are not written, and none of them may bear the name of a file
// of the kind. For any other kind the names
// are the titles.
func (k *Kind) FileNames(m *v1.Manifest) ([]string, error) {
	if k.Files == nil {
		return titles(m)
	}
	names := make([]string, len(m.Layers))
	for _, f := range k.Files {
		found := -1
		for i, l := range m.Layers {
			if l.MediaType != f.MediaType {
				continue
			}
			if found >= 0 {
				return nil, fmt.Errorf("layers[%d]: a second layer of type %s, duplicate of layers[%d]; want one", i, f.MediaType, found)
			}
			if t, ok := l.Annotations[v1.AnnotationTitle]; ok && t != f.Name {
				if strings.EqualFold(t, f.Name) {
					return nil, fmt.Errorf("layers[%d]: title %.80q, want %q or none", i, t, f.Name)
				}
				if err := CheckTitle(t); err != nil {
					return nil, fmt.Errorf("layers[%d]: title: %w", i, err)
				}
			}
			found, names[i] = i, f.Name
		}
		for i, l := range m.Layers {
			if t := l.Annotations[v1.AnnotationTitle]; l.MediaType != f.MediaType && strings.EqualFold(t, f.Name) {
				return nil, fmt.Errorf("layers[%d]: title %q on a layer of type %s, want one of type %s", i, t, l.MediaType, f.MediaType)
			}
		}
		if found < 0 {
			return nil, fmt.Errorf("layers: missing %s, want a layer of type %s", f.Name, f.MediaType)
		}
	}
	return names, nil
}

func titles(m *v1.Manifest) ([]string, error) {
	names := make([]string, len(m.Layers))
	for i, l := range m.Layers {
		t, ok := l.Annotations[v1.AnnotationTitle]
		if !ok {
			return nil, fmt.Errorf("layers[%d]: %w (type %s)", i, ErrNoFiles, l.MediaType)
		}
		names[i] = t
	}
	return names, checkTitles(m)
}

// Titles checks the titles of artifacts that name their files by titles: each
// is fit for a file name and no two are the same or stand in each other's way.
// A title on the config counts: oras writes that one as well.
// It is an Inspector that looks at manifests only.
type Titles struct{}

// Blob is not interested in content.
func (Titles) Blob(v1.Descriptor) io.WriteCloser { return nil }

// Manifest checks every title that is there.
func (Titles) Manifest(_ v1.Descriptor, m *v1.Manifest) error { return checkTitles(m) }

func checkTitles(m *v1.Manifest) error {
	// The titles as they stand, by what a file system may take them for.
	files, dirs := make(map[string]string, len(m.Layers)), map[string]string{}
	check := func(d v1.Descriptor) error {
		t, ok := d.Annotations[v1.AnnotationTitle]
		if !ok {
			return nil
		}
		if err := CheckTitle(t); err != nil {
			return fmt.Errorf("title: %w", err)
		}
		low := strings.ToLower(strings.ToUpper(t)) // some small letters have no other way to their kin
		switch first, below := files[low], dirs[low]; {
		case first == t:
			return fmt.Errorf("title %.80q: duplicate of an earlier one", t)
		case first != "":
			return &FileError{Name: t, Err: fmt.Errorf("a title that is a duplicate of %.80q where no case is told from another", first)}
		case below != "":
			return &FileError{Name: t, Err: fmt.Errorf("a title that is a duplicate of the directory of %.80q", below)}
		}
		files[low] = t
		for d := path.Dir(low); d != "."; d = path.Dir(d) {
			if first := files[d]; first != "" {
				return &FileError{Name: t, Err: fmt.Errorf("a title in conflict with %.80q, which is a file", first)}
			}
			if dirs[d] != "" {
				break // and so are those above
			}
			dirs[d] = t
		}
		return nil
	}
	for i, l := range m.Layers {
		if err := check(l); err != nil {
			return fmt.Errorf("layers[%d]: %w", i, err)
		}
	}
	if err := check(m.Config); err != nil {
		return fmt.Errorf("config: %w", err)
	}
	return nil
}

// Staging is the directory, below the one that is unpacked into, in which files
// wait for their names. No title lies in it; see CheckTitle.
const Staging = ".ferry-partial"

// Unpack fetches the files of an artifact and writes them below root, each
// checked by size and digest, and all of them by the kind's own check, for
// which the config is fetched too. Files appear under their names only when
// everything was good; an error leaves root as it was, but perhaps for empty
// directories. Existing files of the same names are replaced, links are not
// followed, other files stay.
func Unpack(ctx context.Context, fetch Fetcher, k *Kind, m *v1.Manifest, root *os.Root) error {
	names, err := k.FileNames(m)
	if err != nil {
		return err
	}
	for _, d := range append([]v1.Descriptor{m.Config}, m.Layers...) {
		if err := d.Digest.Validate(); err != nil || d.Size < 0 {
			return fmt.Errorf("descriptor %q of %d bytes: want a digest and a size", d.Digest, d.Size)
		}
	}
	var check Inspector
	if k.Inspector != nil {
		check = k.Inspector(Look{})
		if err := fetchBlob(ctx, fetch, m.Config, check, io.Discard); err != nil {
			return fmt.Errorf("config: %w", err)
		}
	}
	if err := errors.Join(root.RemoveAll(Staging), root.Mkdir(Staging, 0o755)); err != nil {
		return err
	}
	defer root.RemoveAll(Staging)
	temps := make([]string, len(names))
	for i, l := range m.Layers {
		if names[i] == "" {
			continue
		}
		temps[i] = path.Join(Staging, strconv.Itoa(i))
		if err := fetchFile(ctx, fetch, l, check, root, temps[i]); err != nil {
			return fmt.Errorf("%s: %w", names[i], err)
		}
	}
	if check != nil {
		if err := check.Manifest(v1.Descriptor{}, m); err != nil {
			return err
		}
	}
	if err := clearWay(root, names); err != nil {
		return err
	}
	for i, name := range names {
		if name == "" {
			continue
		}
		if err := root.Rename(temps[i], name); err != nil {
			return err
		}
	}
	return nil
}

// clearWay makes the directories that files go into, and sees to it that the
// renaming will not fail halfway.
func clearWay(root *os.Root, names []string) error {
	for _, name := range names {
		if name == "" {
			continue
		}
		if err := root.MkdirAll(path.Dir(name), 0o755); err != nil {
			return err
		}
		if info, err := root.Lstat(name); err == nil && info.IsDir() {
			return fmt.Errorf("%.80q: a directory stands in the place of this file", name)
		}
	}
	return nil
}

func fetchFile(ctx context.Context, fetch Fetcher, d v1.Descriptor, check Inspector, root *os.Root, temp string) error {
	f, err := root.OpenFile(temp, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o644)
	if err != nil {
		return err
	}
	err = fetchBlob(ctx, fetch, d, check, f)
	if err == nil {
		err = f.Sync()
	}
	if e := f.Close(); err == nil {
		err = e
	}
	return err
}

// fetchBlob gets one blob, lets the checker see it, and compares it with its
// descriptor.
func fetchBlob(ctx context.Context, fetch Fetcher, d v1.Descriptor, check Inspector, w io.Writer) error {
	r, err := fetch(ctx, d)
	if err != nil {
		return fmt.Errorf("failed to fetch blob %s: %w", d.Digest, err)
	}
	defer r.Close()
	h := d.Digest.Algorithm().Hash()
	sinks := []io.Writer{h, w}
	if check != nil {
		if c := check.Blob(d); c != nil {
			defer c.Close()
			sinks = append(sinks, c)
		}
	}
	n, err := io.Copy(io.MultiWriter(sinks...), io.LimitReader(r, d.Size+1))
	if err != nil {
		return err
	}
	if got := digest.NewDigest(d.Digest.Algorithm(), h); n != d.Size || got != d.Digest {
		return fmt.Errorf("blob %s: want %d bytes, found %d bytes of %s", d.Digest, d.Size, n, got)
	}
	return nil
}
