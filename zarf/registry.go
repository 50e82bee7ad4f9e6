package zarf

import (
	"errors"
	"fmt"
	"strings"
)

func (b Bundle) registryComponent(p *Package, o Options) (Component, error) {
	var l list
	byName := map[string]Artifact{}
	var names, foreign []string
	unnamed := 0
	for _, a := range b.Artifacts {
		name := a.Name()
		if name == "" {
			unnamed++
			continue
		}
		r, _ := parseReference(name) // checked by b.check
		byName[r.String()] = a
		names = append(names, name)
		if !r.internal() {
			foreign = append(foreign, name)
		}
	}
	images := o.Images
	if len(images) == 0 {
		images = names
		for _, name := range foreign {
			if err := checkImage(name); err != nil {
				continue // said below
			}
			l.add(&Error{
				Field: "image", Found: name, Want: "a .internal domain, which can never be a public registry",
				Hint: "--image names the references to list, under whichever domain",
			})
		}
		if len(names) == 0 {
			l.add(&Error{Field: "images", Want: "a name for at least one artifact in " + b.Path, Hint: "ferry pack -t HOST.internal/REPOSITORY:TAG gives it one, or take --shape files"})
		}
	}
	c := Component{
		Name:        p.Name + "-registry",
		Description: "Brings " + count(len(images), "artifact") + " into the registry of the enclave",
		Archives:    []ImageArchive{{Path: b.Path, Images: images}},
	}
	listed := map[string]bool{}
	for _, image := range images {
		if err := checkImage(image); err != nil {
			var e *Error
			if r, bad := parseReference(image); bad == nil && errors.As(err, &e) {
				if _, ok := byName[r.String()]; ok {
					e.Hint = "--image " + r.String() + " is in " + b.Path
				}
			}
			l.add(err)
			continue
		}
		a, ok := byName[image]
		if !ok {
			l.add(&Error{Field: "image", Found: image, Want: "one that is in the index of " + b.Path + ": " + quoteAll(names)})
			continue
		}
		if listed[image] {
			l.add(&Error{Field: "image", Found: image, Want: "each image once"})
		}
		listed[image] = true
		note, err := checkIndex(image, a, p.Architecture)
		l.add(err)
		if note != "" {
			p.Notes = append(p.Notes, note)
		}
		if r, _ := parseReference(image); !r.internal() {
			p.Notes = append(p.Notes, fmt.Sprintf("%s is not under a .internal domain: zarf dev lint warns of that", image))
		}
	}
	if unnamed > 0 {
		p.Notes = append(p.Notes, fmt.Sprintf("the registry gets what is listed only: %s without a name (signatures and other referrers are such) %s", count(unnamed, "artifact"),
			map[bool]string{true: "travels in the files component", false: "stays behind"}[o.Shape == Both]))
	}
	return c, l.err()
}

// checkIndex says whether Zarf can take a out of an archive by its name. Of an
// index it takes one child, that for linux and the package's architecture.
func checkIndex(image string, a Artifact, architecture string) (note string, err error) {
	if !a.IsIndex() {
		return "", nil
	}
	var found []string
	for _, c := range a.Platforms {
		if c.OS == "linux" && c.Architecture == architecture {
			return fmt.Sprintf("%s is an index of %s: Zarf brings the one for linux/%s, under a digest of its own", image, count(len(a.Platforms), "manifest"), architecture), nil
		}
		name := c.OS + "/" + c.Architecture
		if c == (Platform{}) {
			name = "no platform"
		}
		found = append(found, name)
	}
	return "", &Error{
		Field: "image", Found: fmt.Sprintf("%s: an index with children for %s", image, strings.Join(found, ", ")),
		Want: "a child for linux/" + architecture + ", which is all that Zarf takes of an index",
		Hint: "--shape files carries the index whole; --architecture chooses another child",
	}
}

func count(n int, noun string) string {
	if n == 1 {
		return "1 " + noun
	}
	return fmt.Sprintf("%d %ss", n, noun)
}

// quoteAll lists names for an error; an index can hold very many.
func quoteAll(names []string) string {
	if len(names) == 0 {
		return "none has a name"
	}
	var b strings.Builder
	for i, name := range names {
		if i == 10 {
			fmt.Fprintf(&b, " and %d more", len(names)-i)
			break
		}
		fmt.Fprintf(&b, "%s%q", map[bool]string{true: ", ", false: ""}[i > 0], name)
	}
	return b.String()
}
