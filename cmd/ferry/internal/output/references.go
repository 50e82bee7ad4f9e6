package output

import (
	"cmp"
	"fmt"
	"regexp"
	"strings"
	"sync"

	"github.com/ociferry/ferry/cmd/ferry/internal/ui"
	"github.com/ociferry/ferry/layout"
)

// names are the full references of the artifact, whose kind has a usual tag for
// it or "".
func (p *Packing) names(tag string) ([]string, error) {
	tags := p.Tags
	if p.KindTags && tag != "" {
		more, err := p.Kind.Tags(tag)
		if err != nil {
			return nil, err
		}
		tags = append(more, tags...)
	}
	if len(tags) == 0 {
		tags = []string{cmp.Or(tag, "latest")}
	}
	var names []string
	for _, t := range tags {
		full, err := fullReference(t, p.Repository)
		if err != nil {
			return nil, err
		}
		names = append(names, full)
	}
	return names, nil
}

var repositoryPattern = sync.OnceValue(func() *regexp.Regexp {
	return regexp.MustCompile(`^[A-Za-z0-9](?:[A-Za-z0-9.-]*[A-Za-z0-9])?(?::[0-9]+)?(?:/[a-z0-9]+(?:(?:\.|_|__|-+)[a-z0-9]+)*)+$`)
})

// fullReference makes a full reference of a tag, or checks one.
func fullReference(ref, repository string) (string, error) {
	repo, tag := repository, ref
	if i := strings.LastIndexByte(ref, ':'); strings.Contains(ref, "/") || i >= 0 {
		if i < 0 || strings.Contains(ref[i:], "/") {
			return "", ui.Misuse(fmt.Errorf("-t %s: want HOST/REPOSITORY:TAG, found no tag", layout.Printable(ref)), "for example -t "+repository+":1.0")
		}
		repo, tag = ref[:i], ref[i+1:]
	}
	if !layout.ValidTag(tag) {
		return "", ui.Misuse(fmt.Errorf("-t %s: want a tag of letters, digits, '.', '_' and '-', at most 128", layout.Printable(ref)), "for example -t 2026-02-05")
	}
	if !repositoryPattern().MatchString(repo) || len(repo) > 255 {
		return "", ui.Misuse(fmt.Errorf("-t %s: want HOST/REPOSITORY:TAG, found the repository %s", layout.Printable(ref), layout.Printable(repo)), "for example -t "+repository+":1.0")
	}
	return repo + ":" + tag, nil
}
