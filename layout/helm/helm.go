// Package helm knows Helm charts as Helm 3.8 and later push them to a registry:
// as the kind of artifact [Chart].
//
//   - The config is the chart's Chart.yaml as JSON, of type [ConfigMediaType].
//   - One layer is the chart, a tar with gzip; another, which may be missing, its
//     provenance file. Layers of other types are left alone.
//   - A chart is unpacked as NAME-VERSION.tgz and NAME-VERSION.tgz.prov, as helm
//     pull writes it. Both come from the config, and are refused where they are
//     not what Helm would take: a name goes into a file name.
//
// The package does not look into charts and does not check provenance: helm
// verify does.
package helm

import (
	"fmt"
	"regexp"

	"github.com/ociferry/ferry/layout/artifact"
	"github.com/ociferry/ferry/layout/internal/strictjson"
)

// The media types of a chart.
const (
	ConfigMediaType     = "application/vnd.cncf.helm.config.v1+json"
	ChartMediaType      = "application/vnd.cncf.helm.chart.content.v1.tar+gzip"
	ProvenanceMediaType = "application/vnd.cncf.helm.chart.provenance.v1.prov"
)

// Chart is the kind of artifact that a Helm chart is. Ferry does not pack it:
// helm package and helm push do.
var Chart = &artifact.Kind{
	Name:       "helm",
	Noun:       "a Helm chart",
	ConfigType: ConfigMediaType,
	Files: []artifact.File{
		{Name: "*.tgz", MediaType: ChartMediaType},
		{Name: "*.tgz.prov", MediaType: ProvenanceMediaType, Optional: true},
	},
	Stem: stem,
}

var (
	// What helm lint asks of a name, with capitals, which charts have.
	namePattern = regexp.MustCompile(`^[A-Za-z0-9](?:[A-Za-z0-9._-]*[A-Za-z0-9])?$`)
	// Semantic Versioning 2.0.0, with the v and the short forms that Helm takes.
	versionPattern = regexp.MustCompile(`^v?[0-9]+(?:\.[0-9]+){0,2}(?:-[0-9A-Za-z.-]+)?(?:\+[0-9A-Za-z.-]+)?$`)
)

// stem is NAME-VERSION, from a config.
func stem(config []byte) (string, error) {
	var c struct {
		Name    string `json:"name"`
		Version string `json:"version"`
	}
	if err := strictjson.Unmarshal(config, &c, "name", "version"); err != nil {
		return "", err
	}
	switch {
	case len(c.Name) > 128 || !namePattern.MatchString(c.Name):
		return "", fmt.Errorf("name: want letters, digits, '.', '_' and '-', found %.80q", c.Name)
	case len(c.Version) > 100 || !versionPattern.MatchString(c.Version):
		return "", fmt.Errorf("version: want one by Semantic Versioning, found %.80q", c.Version)
	}
	return c.Name + "-" + c.Version, nil
}
