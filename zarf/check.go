package zarf

import (
	"errors"
	"fmt"
	"io/fs"
	"strings"
)

// A Disagreement is one thing in which a definition and what lies beside it do
// not go together.
type Disagreement struct {
	Where string // like "component lei-cache-files: files[0]"
	Found string
	Want  string
}

func (d Disagreement) String() string {
	if d.Found == "" {
		return d.Where + ": want " + d.Want
	}
	return fmt.Sprintf("%s: found %q, want %s", d.Where, d.Found, d.Want)
}

// A Report is the answer of [Definition.Check].
type Report struct {
	Files         int // checked against a shasum
	References    int // found in their archives
	Disagreements []Disagreement
}

// Err is nil if there is no disagreement, else a [*CheckError].
func (r *Report) Err() error {
	if len(r.Disagreements) == 0 {
		return nil
	}
	return &CheckError{r.Disagreements}
}

// A CheckError has all that disagrees.
type CheckError struct{ Disagreements []Disagreement }

func (e *CheckError) Error() string {
	lines := make([]string, len(e.Disagreements))
	for i, d := range e.Disagreements {
		lines[i] = d.String()
	}
	return strings.Join(lines, "\n")
}

// A Found is what lies at a path that a definition names.
type Found struct {
	SHA256 string
	Bundle *Bundle // nil if it is no archive of a whole OCI layout
	Reason error   // why it is none; may be nil
}

// Check compares d with what is beside it. It asks find for each path that d
// names, once, with bundle set if it needs to know what the archive holds; an
// error of find becomes a disagreement, and the others are still looked at.
// Remote sources are not looked at.
//
// Found out: a shasum that is not the file's, a target whose name Zarf would
// not unpack again, a reference that is not in its
// archive or cannot be taken out of it, one that comes from two places, a pin
// in an action that is neither the archive's nor an artifact's nor a file's of
// that component, a digest in the package's annotations that is not the
// bundle's, a directory under files, and a definition without a bundle.
func (d *Definition) Check(find func(path string, bundle bool) (Found, error)) *Report {
	c := checker{Report: &Report{Disagreements: d.problems}, find: find, found: map[string]*Found{}, archives: map[string]bool{}}
	for _, dc := range d.Components {
		for _, a := range dc.Archives {
			c.archives[a.Path] = true
		}
		for _, f := range dc.Files {
			if local(f.Source) && isArchive(f.Source) {
				c.archives[f.Source] = true
			}
		}
	}
	from := map[string]string{}
	for _, dc := range d.Components {
		c.component(d, dc, from)
	}
	for _, dc := range d.Components {
		for _, image := range dc.Images {
			if at, ok := from[normal(image)]; ok {
				c.disagree("component "+dc.Name+": images", image, "an image from the archive "+at+" or from a registry")
			}
		}
	}
	c.annotations(d)
	return c.Report
}

type checker struct {
	*Report
	find     func(string, bool) (Found, error)
	found    map[string]*Found
	archives map[string]bool
	bundles  []*Bundle
}

func (c *checker) disagree(where, found, want string) {
	c.Disagreements = append(c.Disagreements, Disagreement{where, found, want})
}

// at is what lies at path, or nil after having said why not.
func (c *checker) at(where, path string) *Found {
	if f, ok := c.found[path]; ok {
		return f
	}
	c.found[path] = nil
	f, err := c.find(path, c.archives[path])
	switch {
	case errors.Is(err, fs.ErrNotExist):
		c.disagree(where, path, "a file that is there")
		return nil
	case err != nil:
		c.disagree(where, path, "a file that can be read: "+err.Error())
		return nil
	}
	c.found[path] = &f
	if f.Bundle != nil {
		c.bundles = append(c.bundles, f.Bundle)
	}
	return &f
}

func (c *checker) component(d *Definition, dc DefinedComponent, from map[string]string) {
	pins := map[string]bool{} // what the actions may name
	bundle := false
	for i, file := range dc.Files {
		where := fmt.Sprintf("component %s: files[%d]", dc.Name, i)
		if err := checkEntry(file.Target); err != nil {
			c.disagree(where+".target", file.Target, err.(*Error).Want)
		}
		if !local(file.Source) {
			continue
		}
		f := c.at(where, file.Source)
		if f == nil {
			continue
		}
		pins[f.SHA256] = true
		if file.SHA256 != "" {
			c.Files++
			if !strings.EqualFold(file.SHA256, f.SHA256) {
				c.disagree(where+".shasum", file.SHA256, f.SHA256+" as "+file.Source+" has")
			}
		}
		if f.Bundle != nil {
			bundle = true
			pins[strings.TrimPrefix(f.Bundle.Index, "sha256:")] = true
			for _, a := range f.Bundle.Artifacts {
				pins[strings.TrimPrefix(a.Digest, "sha256:")] = true
				for _, l := range a.Files {
					pins[strings.TrimPrefix(l.Digest, "sha256:")] = true
				}
			}
		}
	}
	for i, a := range dc.After {
		if !bundle {
			break
		}
		for _, pin := range pinPattern().FindAllString(a.Command, -1) {
			if !pins[pin] {
				c.disagree(fmt.Sprintf("component %s: actions.onDeploy.after[%d].cmd", dc.Name, i), pin, "the sha256 of a file of this component, or of what is in it")
			}
		}
	}
	for i, a := range dc.Archives {
		c.archive(d, fmt.Sprintf("component %s: imageArchives[%d]", dc.Name, i), a, from)
	}
}

var pinPattern = pattern(`\b[0-9a-f]{64}\b`)

func (c *checker) archive(d *Definition, where string, a ImageArchive, from map[string]string) {
	if err := checkArchiveName(a.Path); err != nil {
		c.disagree(where+".path", a.Path, err.(*Error).Want)
	}
	if len(a.Images) == 0 {
		c.disagree(where+".images", "", "at least one image")
	}
	for _, image := range a.Images {
		name := normal(image)
		if at, ok := from[name]; ok && at != a.Path {
			c.disagree(where+".images", image, "each image from one archive, and it comes from "+at+" too")
		}
		from[name] = a.Path
	}
	f := c.at(where, a.Path)
	if f == nil {
		return
	}
	if f.Bundle == nil {
		want := "an archive of a whole OCI layout"
		if f.Reason != nil {
			want += ": " + f.Reason.Error()
		}
		c.disagree(where+".path", a.Path, want)
		return
	}
	for _, e := range unjoin(f.Bundle.checkContent()) {
		c.disagree(where+".path", e.Found, e.Want)
	}
	byName := map[string]Artifact{}
	var names []string
	for _, artifact := range f.Bundle.Artifacts {
		if name := artifact.Name(); name != "" {
			byName[normal(name)] = artifact
			names = append(names, name)
		}
	}
	for _, image := range a.Images {
		if r, err := parseReference(image); err == nil && r.digest != "" {
			c.disagree(where+".images", image, "no digest (Zarf mirrors a pinned name without its tag)")
		}
		artifact, ok := byName[normal(image)]
		if !ok {
			c.disagree(where+".images", image, "one that is in the index of "+a.Path+": "+quoteAll(names))
			continue
		}
		c.References++
		architecture := d.Architecture
		if architecture == "" {
			continue // that of the machine that creates the package
		}
		if _, err := checkIndex(image, artifact, architecture); err != nil {
			e := err.(*Error)
			c.disagree(where+".images", e.Found, e.Want)
		}
	}
}

// annotations compares the digests that Define notes with the bundles.
func (c *checker) annotations(d *Definition) {
	if len(c.bundles) == 0 {
		c.disagree("components", "", "a bundle under files or imageArchives, and there is none that can be read")
		return
	}
	indexes, artifacts := map[string]bool{}, map[string]bool{}
	for _, b := range c.bundles {
		indexes[b.Index] = true
		for _, a := range b.Artifacts {
			artifacts[a.Digest] = true
		}
	}
	if v := d.Annotations[annotationIndex]; v != "" && !indexes[v] {
		c.disagree("metadata.annotations: "+annotationIndex, v, c.bundles[0].Index)
	}
	if v := d.Annotations[annotationArtifact]; v != "" && !artifacts[v] {
		c.disagree("metadata.annotations: "+annotationArtifact, v, "the digest of an artifact in "+c.bundles[0].Path)
	}
}

// unjoin is the errors in what list.err made.
func unjoin(err error) []*Error {
	var all []*Error
	if joined, ok := err.(interface{ Unwrap() []error }); ok {
		for _, e := range joined.Unwrap() {
			all = append(all, unjoin(e)...)
		}
		return all
	}
	if e, ok := err.(*Error); ok {
		all = append(all, e)
	}
	return all
}
