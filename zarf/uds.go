package zarf

import "io"

// WriteUDS writes a uds-bundle.yaml that takes the package, as `zarf package
// create` names it and puts it beside the file. With both shapes, the
// registry's component is one to choose.
func (p *Package) WriteUDS(w io.Writer) error {
	if err := p.check(); err != nil {
		return err
	}
	pkg := mapping("name", text(p.Name), "path", text("./"), "ref", text(p.Version))
	optional := sequence()
	for _, c := range p.Components {
		if !c.Required {
			optional.Content = append(optional.Content, text(c.Name))
		}
	}
	if len(optional.Content) > 0 {
		put(pkg, "optionalComponents", optional)
	}
	pkg.HeadComment = "# " + p.FileName()
	data, err := encode(mapping(
		"kind", text("UDSBundle"),
		"metadata", mapping(
			"name", text(p.Name),
			"description", text(p.Description),
			"version", text(p.Version),
			"architecture", text(p.Architecture),
		),
		"packages", sequence(pkg),
	))
	if err != nil {
		return err
	}
	_, err = w.Write(data)
	return err
}

// FileName is the name Zarf gives the package that it creates.
func (p *Package) FileName() string {
	return "zarf-package-" + p.Name + "-" + p.Architecture + "-" + p.Version + ".tar.zst"
}
