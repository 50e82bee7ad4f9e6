package source

import (
	v1 "github.com/opencontainers/image-spec/specs-go/v1"

	"github.com/ociferry/ferry/layout"
	"github.com/ociferry/ferry/layout/artifact"
	"github.com/ociferry/ferry/layout/kinds"
)

// Usual is what is looked for where a bundle is verified: secrets are told, for
// a hundredth of the time that a payload takes.
var Usual = artifact.Look{Secrets: artifact.TellSecrets}

// Inspectors look into the content of every bundle that is verified, and are
// made anew for each.
func Inspectors() []layout.Inspector { return []layout.Inspector{kinds.All.Inspect(Usual)} }

// Unpackable chooses the first artifact of an index that has files, by its name
// or digest; "" means that there is none.
func Unpackable(in *artifact.Inspection, index *v1.Index) string {
	d, ok := in.First(index)
	if !ok {
		return ""
	}
	for _, n := range layout.Names(d) {
		if _, err := layout.Resolve(index, n); err == nil {
			return n
		}
	}
	return string(d.Digest)
}
