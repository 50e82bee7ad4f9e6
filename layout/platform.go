package layout

import v1 "github.com/opencontainers/image-spec/specs-go/v1"

// FormatPlatform is OS/ARCH[/VARIANT][:OSVERSION]; "" for none. Its parts are
// foreign text; see Printable.
func FormatPlatform(p *v1.Platform) string {
	if p == nil || p.OS == "" && p.Architecture == "" {
		return ""
	}
	s := p.OS + "/" + p.Architecture
	if p.Variant != "" {
		s += "/" + p.Variant
	}
	if p.OSVersion != "" {
		s += ":" + p.OSVersion
	}
	return s
}
