package zarf

import (
	"fmt"
	"io/fs"
	"path"
	"strings"
)

func (b Bundle) filesComponent(p *Package, o Options) (Component, error) {
	target := o.Target
	if target == "" {
		target = p.Name
	}
	var l list
	archive, dir := path.Join(target, path.Base(b.Path)), path.Join(target, p.Version)
	c := Component{
		Name:        p.Name + "-files",
		Description: "Places " + path.Base(b.Path) + " on this host, verifies it and unpacks it to " + dir,
		Required:    true,
		Files:       []File{{Source: b.Path, SHA256: b.SHA256, Target: archive}},
	}
	l.add(checkTarget(target))
	if target == ".." || strings.HasPrefix(target, "../") {
		p.Notes = append(p.Notes, fmt.Sprintf("%.200q lies above the directory in which zarf package deploy is run, and Zarf writes there", target))
	}
	if archive == dir || dir+".new" == archive {
		l.add(&Error{Field: "version", Found: p.Version, Want: "another than the archive's name, since both are put into " + target, Hint: "--version sets it"})
	}
	if len(o.Ferry) == 0 {
		if !b.Sealed {
			l.add(&Error{
				Field: "archive", Found: b.Path, Want: "SHA256SUMS at its root, since without ferry nothing else can verify what was unpacked",
				Hint: "ferry bundle writes it; or put a ferry into the package with --with-ferry",
			})
		}
		c.After = []Action{{
			Description: "Verify and unpack " + p.Name,
			Command:     unpackWithZarf(archive, b.SHA256, b.Index, dir, b.scriptable()),
		}}
		return c, l.err()
	}
	var ferries []ferry
	seen := map[string]bool{}
	for _, bin := range o.Ferry {
		system := bin.OS + "/" + bin.Architecture
		f := ferry{target: path.Join(target, "ferry"), hosts: hosts[system]}
		if len(o.Ferry) > 1 {
			f.target += "-" + bin.OS + "-" + bin.Architecture
		}
		if f.hosts == "" || seen[system] {
			l.add(&Error{Field: "ferry", Found: bin.Path + " for " + system, Want: "a binary for Linux or macOS, one for each system"})
		}
		if f.target == dir || f.target == dir+".new" {
			l.add(&Error{Field: "version", Found: p.Version, Want: "another than the name of the ferry beside it", Hint: "--version sets it"})
		}
		seen[system] = true
		ferries = append(ferries, f)
		c.Files = append(c.Files, File{Source: bin.Path, SHA256: bin.SHA256, Target: f.target, Executable: true})
	}
	layout := !b.single() || len(b.Artifacts[0].Files) == 0
	c.After = []Action{{
		Description: "Verify and unpack " + p.Name,
		Command:     unpackWithFerry(archive, b.Index, dir, layout, ferries),
	}}
	return c, l.err()
}

// maxScriptFiles is how many files the action moves to their names without
// ferry. With more, the action could not be read any more.
const maxScriptFiles = 16

// scriptable are the files of the one artifact if a shell can bring them to
// their names, or none.
func (b Bundle) scriptable() []Layer {
	if !b.single() || len(b.Artifacts[0].Files) > maxScriptFiles {
		return nil
	}
	files := b.Artifacts[0].Files
	seen := map[string]bool{}
	for _, f := range files {
		if !fs.ValidPath(f.Name) || checkTarget(f.Name) != nil || seen[f.Name] || !digestPattern().MatchString(f.Digest) {
			return nil
		}
		seen[f.Name] = true
	}
	return files
}
