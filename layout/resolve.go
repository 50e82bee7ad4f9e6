package layout

import (
	"fmt"
	"slices"
	"strings"

	"github.com/opencontainers/go-digest"
	v1 "github.com/opencontainers/image-spec/specs-go/v1"
)

// Names are the references of one descriptor of an index: the full one, then
// the short one, as far as they are there and differ. Names are not keys: those
// of several descriptors may be the same, as docker save gives each image its
// tag alone for a short one. What is no reference is no name, whatever the
// specification allows in its place: nothing, a path, the ID of an image as
// containerd has it, another digest.
func Names(d v1.Descriptor) []string {
	var names []string
	for _, n := range []string{FullName(d), d.Annotations[v1.AnnotationRefName]} {
		if named(d, n) && (len(names) == 0 || names[0] != n) {
			names = append(names, n)
		}
	}
	return names
}

// OtherName is the second of a descriptor's names if it says anything new: umoci
// tags by a copy of the descriptor of which it changes the tag alone.
func OtherName(names []string) string {
	if len(names) < 2 {
		return ""
	}
	if full, _, _ := strings.Cut(names[0], "@"); strings.HasSuffix(full, ":"+names[1]) {
		return ""
	}
	return names[1]
}

// FullName is the full reference of one descriptor of an index, or "".
func FullName(d v1.Descriptor) string {
	if full := d.Annotations[AnnotationContainerdName]; named(d, full) {
		return full
	}
	return ""
}

// named reports whether what stands in the place of a name is one.
func named(d v1.Descriptor, name string) bool {
	_, err := ParseDigest(name)
	return validName(name) && (err != nil || name == string(d.Digest))
}

// A ReferenceError says that a reference fits nothing in an index, or that
// there is a choice to be made. Have lists what there is.
type ReferenceError struct {
	Reference string   // as asked for; empty when nothing was
	Have      []string // names; where several things fit, each with its kind and digest
	Choose    string   // where several fit: what chooses the first of them, and nothing else
	Several   bool     // more than one thing fits
	Nameless  int      // of what there is to choose from, further artifacts without a name
}

func (e *ReferenceError) Error() string {
	switch {
	case e.Several && e.Reference == "" && e.Nameless > 0:
		return fmt.Sprintf("there are several artifacts: %s, and %d without a name", strings.Join(e.Have, ", "), e.Nameless)
	case e.Several && e.Reference == "":
		return "there are several artifacts: " + strings.Join(e.Have, ", ")
	case e.Several:
		return fmt.Sprintf("%s fits several artifacts: %s", Printable(e.Reference), strings.Join(e.Have, ", "))
	case e.Reference == "":
		return "there is no artifact"
	case len(e.Have) == 0:
		return fmt.Sprintf("no artifact is named %s; none has a name", Printable(e.Reference))
	}
	return fmt.Sprintf("no artifact is named %s; there are: %s", Printable(e.Reference), strings.Join(e.Have, ", "))
}

// CosignSubject takes apart a name whose tag says that it is about another artifact:
// cosign and others hang a signature, an attestation or an SBOM on an image by
// its digest, with "-" for ":", and mostly a suffix behind a dot. The digest is
// "" for any other name.
func CosignSubject(name string) (d digest.Digest, suffix string) {
	if t := tagOf(name); t != "" {
		name = t
	}
	name, suffix, _ = strings.Cut(name, ".")
	d, err := ParseDigest(strings.Replace(name, "-", ":", 1))
	if err != nil {
		return "", ""
	}
	return d, suffix
}

func aboutAnother(d v1.Descriptor) bool {
	about, _ := CosignSubject(d.Annotations[v1.AnnotationRefName])
	return about != ""
}

// pinned is the digest that a reference says it stands for, or "". Names are
// pinned to other digests honestly too: crane names an image by the index that
// it was chosen from. Such a name is no way to the image.
func pinned(reference string) string {
	if _, d, ok := strings.Cut(reference, "@"); ok {
		return d
	}
	if _, err := ParseDigest(reference); err == nil {
		return reference
	}
	return ""
}

// Resolve finds what a reference stands for in an index: a full reference, a
// tag, or a digest. An empty reference stands for the one artifact that has a
// name of its own, or else for the only one that there is. The error is a
// *ReferenceError.
func Resolve(index *v1.Index, reference string) (v1.Descriptor, error) {
	found := map[digest.Digest]v1.Descriptor{}
	var first v1.Descriptor
	var have, fitting []string
	nameless := 0
	for _, d := range index.Manifests {
		name := string(d.Digest)
		if n := Names(d); len(n) > 0 {
			name = n[0]
		}
		if have = append(have, Printable(name)); len(Names(d)) > 1 && tagOf(name) != Names(d)[1] {
			have = append(have, Printable(Names(d)[1]))
		}
		if fits(d, reference) {
			if len(found) == 0 {
				first = d
			}
			found[d.Digest] = d
			if reference != "" {
				name = fmt.Sprintf("%s (%s, %s)", Printable(name), about(d), d.Digest)
			}
			fitting = append(fitting, name)
		}
	}
	switch {
	case len(found) == 1:
		return first, nil
	case len(found) > 1:
		for _, d := range index.Manifests {
			if _, ok := found[d.Digest]; !ok && len(Names(d)) == 0 {
				found[d.Digest] = d
				nameless++
			}
		}
		return v1.Descriptor{}, &ReferenceError{reference, fitting, choose(index, first), true, nameless}
	case len(index.Manifests) == 0:
		return v1.Descriptor{}, &ReferenceError{Reference: reference}
	case reference == "" && len(index.Manifests) == 1:
		return index.Manifests[0], nil
	case reference == "":
		return v1.Descriptor{}, &ReferenceError{Reference: reference, Have: have, Choose: choose(index, index.Manifests[0]), Several: true}
	}
	return v1.Descriptor{}, &ReferenceError{Reference: reference, Have: have}
}

// fits reports whether a reference, which may be empty, stands for a descriptor.
func fits(d v1.Descriptor, reference string) bool {
	if reference == "" {
		return len(Names(d)) > 0 && !aboutAnother(d)
	}
	if pin := pinned(reference); pin != "" {
		return pin == string(d.Digest) && (pin == reference || slices.Contains(Names(d), reference))
	}
	return slices.ContainsFunc(Names(d), func(n string) bool { return n == reference || tagOf(n) == reference })
}

// choose is a reference that stands for one descriptor of an index alone.
func choose(index *v1.Index, d v1.Descriptor) string {
	for _, n := range Names(d) {
		if fits(d, n) && !slices.ContainsFunc(index.Manifests, func(x v1.Descriptor) bool { return x.Digest != d.Digest && fits(x, n) }) {
			return n
		}
	}
	return string(d.Digest)
}

// about is what an index says of the kind of what it names. Hauler tells an image
// from its signature by an annotation of its own.
func about(d v1.Descriptor) string {
	switch kind := d.Annotations["kind"]; {
	case d.ArtifactType != "":
		return d.ArtifactType
	case kind != "":
		return Printable(kind)
	case IsIndex(d.MediaType):
		return "index"
	case IsManifest(d.MediaType) && d.Platform != nil:
		return "image for " + Printable(d.Platform.OS+"/"+d.Platform.Architecture)
	case IsManifest(d.MediaType):
		return "manifest"
	}
	return d.MediaType
}

// tagOf is the tag of a full reference, or "".
func tagOf(name string) string {
	name, _, _ = strings.Cut(name, "@")
	if i := strings.LastIndexByte(name, ':'); i >= 0 && !strings.Contains(name[i:], "/") {
		return name[i+1:]
	}
	return ""
}

// NameAnnotations are the annotations that give a descriptor its full
// reference: the reference itself for Zarf and containerd, the tag for all
// others.
func NameAnnotations(full string) map[string]string {
	return map[string]string{AnnotationContainerdName: full, v1.AnnotationRefName: tagOf(full)}
}

// Untag takes a full reference, and its tag, from whatever has it. What has no
// other name stays in the index without one.
func Untag(index *v1.Index, full string) {
	for i := range index.Manifests {
		d := &index.Manifests[i]
		a := map[string]string{}
		for k, v := range d.Annotations {
			if k == AnnotationContainerdName && v == full || k == v1.AnnotationRefName && (v == full || v == tagOf(full)) {
				continue
			}
			a[k] = v
		}
		d.Annotations = a
	}
}
