package main

import (
	"context"
	"errors"

	v1 "github.com/opencontainers/image-spec/specs-go/v1"

	"github.com/ociferry/ferry/cmd/ferry/internal/source"
	"github.com/ociferry/ferry/cmd/ferry/internal/ui"
	"github.com/ociferry/ferry/layout"
	"github.com/ociferry/ferry/layout/artifact"
	"github.com/ociferry/ferry/layout/durable"
	"github.com/ociferry/ferry/layout/kinds"
)

// unpackLayout writes the layout itself.
func unpackLayout(ctx context.Context, src *source.Source, out string, o durable.Options, seal bool, check func(*layout.Report) error) (*unpackAnswer, error) {
	end := source.ShowReading(src.Env, "unpacking", src)
	report, err := src.WriteLayout(ctx, out, layout.WriterOptions(o), layout.CommitOptions{Seal: seal}, check)
	end()
	if err != nil {
		return nil, err
	}
	src.Env.SignaturesLeft(src.Signatures-src.Kept, seal)
	return &unpackAnswer{Output: out, Identity: string(report.Digest), Extra: report.Extra}, nil
}

// unpackFiles checks the whole source and writes the files of one artifact.
func unpackFiles(ctx context.Context, src *source.Source, out string, o durable.Options, check func(*layout.Report) error) (*unpackAnswer, error) {
	in := kinds.All.Inspect(source.Usual)
	x, err := artifact.NewExtractor(in, src.Ref, out, o)
	if err != nil {
		return nil, err
	}
	defer x.Close()
	end := source.ShowReading(src.Env, "unpacking", src)
	report, err := src.Audit(ctx, layout.AuditOptions{Inspectors: []layout.Inspector{in}, Sink: x.Sink})
	end()
	if err == nil {
		err = report.Err()
	}
	if err == nil {
		err = check(report)
	}
	if err != nil {
		return nil, src.Err(err)
	}
	named, desc, m, err := x.Chosen()
	if err != nil {
		return nil, src.Err(chooseAnother(err, named, in, report))
	}
	a := &unpackAnswer{kind: kinds.All.Of(m), Output: out, Manifest: string(desc.Digest), Identity: string(report.Digest), Extra: report.Extra, Notices: in.Notices()}
	if n := layout.Names(named); len(n) > 0 {
		a.Reference = n[0]
	}
	files, err := x.Commit(ctx)
	var inTheWay *artifact.InTheWayError
	switch {
	case errors.Is(err, artifact.ErrNoFiles):
		err = ui.Hinted(err, "a container image is unpacked by its own tools; ferry unpack --layout writes the layout for them")
	case errors.As(err, &inTheWay):
		err = ui.Hinted(err, "move it away, or unpack into another directory")
	}
	if err != nil {
		return nil, src.Err(err)
	}
	for _, f := range files {
		a.Files = append(a.Files, fileRow{f.Name, f.Size, string(f.Digest)})
	}
	dirs := orasDirectories(m, out)
	a.Notices, a.packed = append(a.Notices, dirs...), len(dirs) > 0
	return a, nil
}

// chooseAnother says what to choose where a reference, or none, chooses no
// artifact of files.
func chooseAnother(err error, named v1.Descriptor, in *artifact.Inspection, report *layout.Report) error {
	var ref *layout.ReferenceError
	var choice *artifact.ChoiceError
	switch name := source.Unpackable(in, report.Index); {
	case errors.As(err, &choice) && choice.Index:
		return ui.Hinted(err, "choose another artifact with -t; ferry ls shows what is there")
	case errors.As(err, &choice):
		return ui.Hinted(err, "ferry unpack --layout writes the layout with all its blobs")
	case errors.As(err, &ref) && ref.Several && named.Digest != "":
		return ui.Hinted(err, "it holds an image of several platforms or several artifacts; ferry unpack --layout writes the layout")
	case !errors.As(err, &ref) || !ref.Several || ref.Reference != "":
		return err
	case name != "":
		return ui.Hinted(err, "choose one with -t, for example -t "+layout.Printable(name))
	}
	return ui.Hinted(err, "none of them is unpacked into files; ferry unpack --layout writes the layout with all of them")
}
