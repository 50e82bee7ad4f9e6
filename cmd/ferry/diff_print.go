package main

import (
	"cmp"
	"fmt"
	"slices"

	"github.com/ociferry/ferry/cmd/ferry/internal/ui"
	"github.com/ociferry/ferry/layout"
	"github.com/ociferry/ferry/layout/artifact"
	"github.com/ociferry/ferry/layout/diff"
)

// printDifference prints for people.
func printDifference(e *ui.Env, d *diff.Difference, list bool) {
	w := e.Stdout
	s := ui.NewTable(w)
	if d.Same {
		fmt.Fprintf(w, "the same: %s and %s\n", sideLabel(d.Before), sideLabel(d.After))
		if one := cmp.Or(d.Before.Artifact, d.After.Artifact); one != "" {
			s.Row("artifact", "%s", one)
		} else {
			s.Row("identity", "%s", d.After.Identity)
		}
		return
	}
	fmt.Fprintln(w, "different")
	s.Row("before", "%s, %s", sideLabel(d.Before), cmp.Or(d.Before.Artifact, d.Before.Identity))
	s.Row("after", "%s, %s", sideLabel(d.After), cmp.Or(d.After.Artifact, d.After.Identity))
	told := map[string]bool{} // by the artifact's own line
	for _, a := range append(slices.Clone(d.Artifacts.Added), d.Artifacts.Removed...) {
		told[a.Digest] = true
	}
	for _, r := range d.References.Moved {
		s.Row("moved", "%s", r.Reference)
		s.Row("", "from %s", r.From)
		s.Row("", "to   %s", r.To)
	}
	for _, r := range d.References.Added {
		if !told[r.To] {
			s.Row("new name", "%s, %s", r.Reference, r.To)
		}
	}
	for _, r := range d.References.Removed {
		if !told[r.From] {
			s.Row("gone name", "%s, %s", r.Reference, r.From)
		}
	}
	for _, a := range d.Artifacts.Added {
		s.Row("added", "%s", artifactLine(a))
	}
	for _, a := range d.Artifacts.Removed {
		s.Row("removed", "%s", artifactLine(a))
	}
	b := d.Blobs
	s.Row("blobs", "+%d -%d, %d the same", b.Added.Count, b.Removed.Count, b.Same.Count)
	s.Row("bytes", "+%s -%s, %s the same", ui.Size(b.Added.Bytes), ui.Size(b.Removed.Bytes), ui.Size(b.Same.Bytes))
	if len(d.Artifacts.Added)+len(d.Artifacts.Removed)+len(d.References.Added)+len(d.References.Removed)+len(d.References.Moved) == 0 {
		s.Row("index", "index.json alone differs: its order, or an annotation")
	}
	for _, c := range d.Contents {
		s.Row(c.Kind.Label, "%s, dated %s, and %s before", c.After.Name(), c.After.Date, c.Before.Date)
		for _, n := range c.Counts {
			s.Row(n.Label, "%s", counts(n.Counts))
		}
		printNames(e, c.Names)
	}
	for _, f := range d.Files {
		s.Row("files", "%s, +%d -%d ~%d, %d the same", f.After.Name(), len(f.Added), len(f.Removed), len(f.Changed), f.Same)
		printNames(e, f.Names)
	}
	switch {
	case list:
	case len(d.Contents) > 0:
		e.Next("ferry diff --list names the repositories")
	case d.Named > 0:
		e.Next("ferry diff --list names the files")
	}
}

// sideLabel is the source as it was given.
func sideLabel(s diff.Side) string {
	switch {
	case s.Reference == "":
		return layout.Printable(s.Source)
	case s.Reference == s.Artifact:
		return layout.Printable(s.Source + "@" + s.Reference)
	}
	return layout.Printable(s.Source + ":" + s.Reference)
}

func printNames(e *ui.Env, n *diff.Names) {
	if n == nil {
		return
	}
	for _, l := range []struct {
		mark  string
		names []string
	}{{"+", n.Added}, {"-", n.Removed}, {"~", n.Changed}} {
		for _, name := range l.names {
			fmt.Fprintf(e.Stdout, "    %s %s\n", l.mark, ui.PrintableLine(name))
		}
	}
	if n.Truncated {
		e.Note("there are more than %d names; the rest is left out", diff.MaxNames)
	}
}

func counts(c artifact.Counts) string {
	return fmt.Sprintf("+%d -%d ~%d, %d the same", c.Added, c.Removed, c.Changed, c.Same)
}

func artifactLine(a diff.Artifact) string {
	name := a.Digest
	switch {
	case len(a.References) > 0:
		name = a.References[0] + ", " + a.Digest
	case a.Platform != "":
		name = a.Platform + ", " + a.Digest
	}
	return fmt.Sprintf("%s, %s, %s", a.Kind, name, ui.Size(a.Size))
}
