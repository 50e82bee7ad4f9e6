package zarf

import (
	"fmt"
	"path"
	"strings"
)

// check is for what does not depend on options.
func (b Bundle) check() error {
	var l list
	l.add(checkPath("archive", b.Path))
	l.add(checkArchiveName(b.Path))
	l.add(b.checkContent())
	return l.err()
}

// checkContent is for what does not depend on the path either.
func (b Bundle) checkContent() error {
	var l list
	if !hexPattern().MatchString(b.SHA256) {
		l.add(&Error{Field: "shasum", Found: b.SHA256, Want: "64 lower-case hexadecimal digits, for " + b.Path})
	}
	if !digestPattern().MatchString(b.Index) {
		l.add(&Error{Field: "index", Found: b.Index, Want: "the digest of index.json"})
	}
	if suffix, promised := archiveSuffix(b.Path); suffix != "" && b.Compression != "" && b.Compression != promised {
		l.add(&Error{
			Field: "archive", Found: path.Base(b.Path) + " with compression " + b.Compression,
			Want: fmt.Sprintf("compression %s, which Zarf expects by the name", promised), Hint: "rename the archive, or ferry bundle it again",
		})
	}
	if len(b.Artifacts) == 0 {
		l.add(&Error{Field: "index", Want: "at least one artifact in " + b.Path})
	}
	seen := map[string]bool{}
	for _, a := range b.Artifacts {
		name := a.Name()
		if !digestPattern().MatchString(a.Digest) {
			l.add(&Error{Field: "index", Found: a.Digest, Want: "entries with a sha256 digest"})
		}
		if name == "" {
			continue
		}
		r, err := parseReference(name)
		if err != nil {
			l.add(&Error{
				Field: "index", Found: name, Want: "names Zarf can parse, be they listed or not: " + err.Error(),
				Hint: "ferry pack -t HOST.internal/REPOSITORY:TAG gives the artifact a full name",
			})
			continue
		}
		if seen[r.String()] {
			l.add(&Error{Field: "index", Found: name, Want: "each name once in " + b.Path})
		}
		seen[r.String()] = true
	}
	return l.err()
}

// packageName is the repository if all names share one, else the archive's
// name without its suffix and the version.
func (b Bundle) packageName() string {
	repository := ""
	for i, a := range b.Artifacts {
		r, err := parseReference(a.Name())
		if err != nil || i > 0 && r.path != repository {
			repository = ""
			break
		}
		repository = strings.TrimPrefix(r.path, "library/")
	}
	if r, err := parseReference(b.Artifacts[0].Name()); err == nil && r.domain == "docker.io" && r.tag == "latest" {
		repository = "" // a bare tag, which Zarf takes for a repository
	}
	if repository == "" {
		suffix, _ := archiveSuffix(b.Path)
		repository = strings.ToLower(strings.TrimSuffix(path.Base(b.Path), suffix))
		if version, _ := b.version(); version != "" {
			repository = strings.TrimSuffix(repository, "-"+strings.ToLower(version))
		}
	}
	return strings.NewReplacer("/", "-", ".", "-", "_", "-").Replace(repository)
}

// version is the one tag of all artifacts that have one, and of a single
// artifact with several the first.
func (b Bundle) version() (string, error) {
	version := ""
	for _, a := range b.Artifacts {
		tag := a.tag()
		if version == "" {
			version = tag
		}
		if tag != "" && tag != version && !b.single() {
			return "", &Error{Field: "version", Found: version + ", " + tag, Want: "one version for artifacts with several tags", Hint: "--version sets it"}
		}
	}
	if version == "" {
		return "", &Error{Field: "version", Want: "a version, since no artifact in " + b.Path + " has a tag", Hint: "--version sets it"}
	}
	return version, nil
}

// tag is the artifact's, by the short name or the full one.
func (a Artifact) tag() string {
	if tag := a.Annotations[annotationRefName]; validTag(tag) {
		return tag
	}
	if name := a.Name(); name != "" {
		if r, err := parseReference(name); err == nil && strings.HasSuffix(name, ":"+r.tag) {
			return r.tag
		}
	}
	return ""
}

// single says whether all entries of the index are names of one artifact.
func (b Bundle) single() bool {
	for _, a := range b.Artifacts {
		if a.Digest != b.Artifacts[0].Digest {
			return false
		}
	}
	return len(b.Artifacts) > 0
}

func (b Bundle) description(version string) string {
	if b.single() {
		a := b.Artifacts[0]
		if a.Description != "" && len(a.Description) <= 200 && plain(a.Description) {
			return a.Description + " " + version
		}
		if name := a.Name(); name != "" {
			return "OCI artifact " + name
		}
	}
	return fmt.Sprintf("%d OCI artifacts, %s", len(b.Artifacts), version)
}
