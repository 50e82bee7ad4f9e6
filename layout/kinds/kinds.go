// Package kinds is the table of the kinds of artifact that ferry knows. A new
// kind is a package beside layout/lei and a line here.
package kinds

import (
	"github.com/ociferry/ferry/layout/artifact"
	"github.com/ociferry/ferry/layout/helm"
	"github.com/ociferry/ferry/layout/lei"
)

// All are the kinds, those that are told by their content first.
var All = artifact.Kinds{
	lei.Cache,
	helm.Chart,
	artifact.Files,
	artifact.Other,
}
