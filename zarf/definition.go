package zarf

import (
	"bytes"
	"fmt"
	"path"
	"strings"

	"go.yaml.in/yaml/v3"
)

// maxDefinition is the size of the largest zarf.yaml that is read. Zarf's own
// largest examples have some kilobytes.
const maxDefinition = 4 << 20

// A Definition is what a zarf.yaml says of the things ferry knows about.
type Definition struct {
	Name         string
	Version      string
	Architecture string
	Annotations  map[string]string
	Components   []DefinedComponent
	description  string
	// problems are values that Zarf would refuse.
	problems []Disagreement
}

// A DefinedComponent is one of a definition's.
type DefinedComponent struct {
	Name     string
	Files    []File
	Archives []ImageArchive
	Images   []string // what Zarf pulls from registries
	After    []Action // onDeploy, after
}

// Parse reads a zarf.yaml. Refused with an [*Error] is one of more than 4 MiB,
// of several documents, with a key twice in one mapping, of another API version
// than v1alpha1, or of another kind than ZarfPackageConfig; what is not YAML,
// or has a list where Zarf wants a string, is an error of the YAML library's.
func Parse(data []byte) (*Definition, error) {
	if len(data) > maxDefinition {
		return nil, &Error{Field: "definition", Found: fmt.Sprintf("%d bytes", len(data)), Want: fmt.Sprintf("at most %d", maxDefinition)}
	}
	root, err := parseNode(data)
	if err != nil {
		return nil, err
	}
	if v := valueOf(root, "apiVersion"); v != "" && v != apiVersion {
		return nil, &Error{Field: "definition", Found: v, Want: "apiVersion " + apiVersion}
	}
	if k := valueOf(root, "kind"); k != "ZarfPackageConfig" {
		return nil, &Error{Field: "definition", Found: k, Want: "kind ZarfPackageConfig"}
	}
	var y struct {
		Metadata struct {
			Name, Version, Architecture, Description string
			Uncompressed                             bool
			Annotations                              map[string]string
		}
		Components []struct {
			Name  string
			Files []struct {
				Source, Shasum, Target string
				Executable             bool
			}
			ImageArchives []struct {
				Path   string
				Images []string
			} `yaml:"imageArchives"`
			Images  []string
			Actions struct {
				OnDeploy struct {
					After []struct{ Description, Cmd string }
				} `yaml:"onDeploy"`
			}
		}
	}
	// The decoder refuses a key that is there twice, as Zarf does.
	if err := yaml.NewDecoder(bytes.NewReader(data)).Decode(&y); err != nil {
		return nil, err
	}
	d := &Definition{Name: y.Metadata.Name, Version: y.Metadata.Version, Architecture: y.Metadata.Architecture, Annotations: y.Metadata.Annotations, description: y.Metadata.Description}
	if v := get(get(root, "metadata"), "version"); v != nil && v.ShortTag() != "!!str" {
		d.problems = append(d.problems, Disagreement{
			Where: "metadata.version", Found: v.Value + " (" + strings.TrimPrefix(v.ShortTag(), "!!") + ")", Want: "a string: put it in quotes",
		})
	}
	if y.Metadata.Uncompressed {
		d.problems = append(d.problems, Disagreement{
			Where: "metadata.uncompressed", Found: "true", Want: "compression left on, or the package cannot be deployed once it was cut by --max-package-size",
		})
	}
	for _, yc := range y.Components {
		c := DefinedComponent{Name: yc.Name, Images: yc.Images}
		for _, f := range yc.Files {
			c.Files = append(c.Files, File{Source: f.Source, SHA256: f.Shasum, Target: f.Target, Executable: f.Executable})
		}
		for _, a := range yc.ImageArchives {
			c.Archives = append(c.Archives, ImageArchive{Path: a.Path, Images: a.Images})
		}
		for _, a := range yc.Actions.OnDeploy.After {
			c.After = append(c.After, Action{Description: a.Description, Command: a.Cmd})
		}
		d.Components = append(d.Components, c)
	}
	return d, nil
}

// conflicts says what of p would clash with components that stay.
func (d *Definition) conflicts(p *Package) error {
	var l list
	ours := map[string]string{} // reference to path
	names := map[string]bool{}
	for _, c := range p.Components {
		names[c.Name] = true
		for _, a := range c.Archives {
			for _, image := range a.Images {
				ours[image] = a.Path
			}
		}
	}
	seen := map[string]bool{}
	for _, c := range d.Components {
		if seen[c.Name] {
			l.add(&Error{Field: "component", Found: c.Name, Want: "each name once in the definition"})
		}
		seen[c.Name] = true
		if names[c.Name] {
			continue
		}
		for _, a := range c.Archives {
			for _, image := range a.Images {
				// Zarf compares the paths as they are written.
				if at, ok := ours[normal(image)]; ok && at != a.Path {
					l.add(&Error{Field: "image", Found: image, Want: "each image from one archive, and component " + c.Name + " has it from " + a.Path})
				}
			}
		}
		for _, image := range c.Images {
			if _, ok := ours[normal(image)]; ok {
				l.add(&Error{Field: "image", Found: image, Want: "an image from the archive or from a registry, and component " + c.Name + " pulls it"})
			}
		}
	}
	return l.err()
}

// normal is the form in which Zarf compares names, or s if it has none.
func normal(s string) string {
	if r, err := parseReference(s); err == nil {
		return r.String()
	}
	return s
}

// local says whether Zarf reads source from beside the definition.
func local(source string) bool { return !strings.Contains(source, "://") }

// isArchive says whether p is named like an archive of ferry's.
func isArchive(p string) bool {
	suffix, _ := archiveSuffix(path.Base(p))
	return suffix != ""
}
