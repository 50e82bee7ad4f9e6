package source

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/ociferry/ferry/bundle"
	"github.com/ociferry/ferry/cmd/ferry/internal/ui"
	"github.com/ociferry/ferry/layout"
)

// otherForm is the error for an archive that was to be a layout and is something
// near it, or nil: a report of the layout that it is not, or an error, says that
// there was something wrong.
func (s *Source) otherForm(ctx context.Context, report *layout.Report, err error) error {
	if err == nil && report != nil {
		err = report.Err()
	}
	var entry *bundle.EntryError
	none := errors.Is(err, layout.ErrNotLayout)
	if s.IsDir || !none && !errors.As(err, &entry) {
		return nil
	}
	docker := report != nil && slices.Contains(report.Extra, "manifest.json")
	below := ""
	if f, err := s.regular(); err == nil {
		defer f.Close()
		if info, err := f.Stat(); err == nil {
			docker = docker || bundle.IsDocker(ctx, f, info.Size())
			if none {
				below = bundle.NestedLayout(ctx, f, info.Size())
			}
		}
	}
	switch {
	case docker:
		return ui.Fail(ui.CodeBad, errDockerForm, "ferry bundle "+ui.ShellWord("docker-archive:"+s.Name)+" -o OUT.tar makes a bundle of it")
	case below != "":
		return ui.Fail(ui.CodeBad, fmt.Errorf("oci-layout: missing at the root of the archive; a layout stands below %s in it", layout.Printable(below+"/")),
			"make it anew of what is in that directory (tar cf NEW.tar -C "+ui.ShellWord(below)+" .), or unpack it and give "+layout.Printable(below))
	}
	return nil
}

var errDockerForm = errors.New("not an OCI image layout; it is an archive in docker's form, as docker save writes it")
