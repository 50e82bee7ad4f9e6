package registry

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"strings"

	v1 "github.com/opencontainers/image-spec/specs-go/v1"

	"github.com/ociferry/ferry/layout"
)

// A PlatformError says that an index has not just one image for a platform.
type PlatformError struct {
	Reference string
	Want      string
	Have      []string // what there is, or what fits; foreign
	Several   bool
}

func (e *PlatformError) Error() string {
	const shown = 20
	have := make([]string, 0, shown+1)
	for i, p := range e.Have {
		if i == shown {
			have = append(have, fmt.Sprintf("and %d more", len(e.Have)-i))
			break
		}
		have = append(have, layout.Printable(p))
	}
	if e.Several {
		return fmt.Sprintf("%s: several images fit the platform %s: %s", e.Reference, e.Want, strings.Join(have, ", "))
	}
	return fmt.Sprintf("%s: no image for the platform %s; there are: %s", e.Reference, e.Want, strings.Join(have, ", "))
}

// fits reports whether an image for p runs where want is asked for. For arm64
// the variant v8 is the only one, written or not.
func fits(p, want v1.Platform) bool {
	if p.OS != want.OS || p.Architecture != want.Architecture {
		return false
	}
	if p.Architecture == "arm64" && (p.Variant == "v8" || p.Variant == "") && (want.Variant == "v8" || want.Variant == "") {
		return true
	}
	return want.Variant == "" || p.Variant == want.Variant
}

// choose takes the image for a platform out of an index, and the attestations
// that the index holds about it.
func (p *pull) choose(ctx context.Context, top document, want v1.Platform) (document, []v1.Descriptor, error) {
	fail := &PlatformError{Reference: p.ref.String(), Want: layout.FormatPlatform(&want)}
	if top.index == nil {
		have, err := p.platformOf(ctx, top)
		if err == nil && have != nil && !fits(*have, want) {
			fail.Have = []string{layout.FormatPlatform(have)}
			err = fail
		}
		return top, nil, err
	}
	var found []v1.Descriptor
	var names []string
	for _, d := range top.index.Manifests {
		if d.Platform == nil {
			continue
		}
		fail.Have = append(fail.Have, layout.FormatPlatform(d.Platform))
		if fits(*d.Platform, want) {
			found = append(found, d)
			names = append(names, layout.FormatPlatform(d.Platform))
		}
	}
	switch {
	case len(found) == 0:
		return top, nil, fail
	case len(found) > 1:
		fail.Have, fail.Several = names, true
		return top, nil, fail
	}
	var about []v1.Descriptor
	for _, d := range top.index.Manifests {
		// How BuildKit puts attestations beside images.
		if d.Annotations["vnd.docker.reference.digest"] == string(found[0].Digest) && d.Digest != found[0].Digest {
			about = append(about, d)
		}
	}
	doc, err := p.c.document(ctx, p.at(found[0].Digest), &found[0])
	return doc, about, err
}

// platformOf reads the config of a single image; nil means that it is for none.
func (p *pull) platformOf(ctx context.Context, doc document) (*v1.Platform, error) {
	m := doc.manifest
	switch m.Config.MediaType {
	case v1.MediaTypeImageConfig, "application/vnd.docker.container.image.v1+json":
	default:
		return nil, nil
	}
	if m.Config.Size > layout.MaxDocument {
		return nil, p.wrong(m.Config.Digest, tooLarge(m.Config.Size))
	}
	if there, err := p.s.holds(ctx, m.Config); err != nil {
		return nil, err
	} else if !there {
		if err := p.c.blob(ctx, p.ref, m.Config, p.s); err != nil {
			return nil, err
		}
	}
	f, err := layout.Open(layout.RootFS(p.s.root)).Fetch(ctx, m.Config)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	var b bytes.Buffer
	if err := layout.Copy(ctx, &b, f, m.Config); err != nil {
		return nil, err
	}
	var config v1.Platform
	if err := json.Unmarshal(b.Bytes(), &config); err != nil {
		return nil, &ContentError{p.ref.Name() + "@" + string(m.Config.Digest), "image config", err}
	}
	return &config, nil
}
