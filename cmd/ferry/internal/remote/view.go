package remote

import (
	"context"
	"fmt"
	"strings"

	v1 "github.com/opencontainers/image-spec/specs-go/v1"
	"github.com/urfave/cli/v2"

	"github.com/ociferry/ferry/cmd/ferry/internal/source"
	"github.com/ociferry/ferry/cmd/ferry/internal/ui"
	"github.com/ociferry/ferry/layout"
	"github.com/ociferry/ferry/layout/registry"
)

// Parse is source.Parse for the commands that read a registry as well:
// what is no file and looks like HOST/REPOSITORY, and all that begins with
// oci://, is a reference.
func Parse(e *ui.Env, c *cli.Context, arg string, all bool) (*View, error) {
	if !source.LooksRemote(arg) {
		if c.Bool("password-stdin") || c.Bool("token-stdin") {
			return nil, ui.Misuse(fmt.Errorf("%s: a file needs no credential", layout.Printable(arg)), "oci://HOST/REPOSITORY:TAG is a registry")
		}
		s, err := source.Parse(e, arg)
		return &View{Source: s}, err
	}
	ref, err := registry.Parse(arg)
	if err != nil {
		return nil, err
	}
	v := &View{Source: &source.Source{Env: e, Name: arg}, again: FlagsAgain(c)}
	v.remote = func(ctx context.Context) (*layout.Report, error) {
		client, err := Connect(e, c, nil, ref)
		if err != nil {
			return nil, err
		}
		defer client.Close()
		refs := []registry.Reference{ref}
		if all && ref.Tag == "" && ref.Digest == "" {
			if refs, err = everyTag(e, ctx, client, ref); err != nil {
				return nil, err
			}
		}
		report, err := client.Documents(ctx, refs)
		if err != nil {
			return nil, NotThere(ctx, c, client, ref, err)
		}
		return report, nil
	}
	return v, nil
}

// A View is a source, or what a registry has.
type View struct {
	*source.Source
	remote func(context.Context) (*layout.Report, error) // nil for a source
	again  string                                        // the flags that reach the registry
}

// Documents reads index.json and all it reaches that is an index or manifest.
func (v *View) Documents(ctx context.Context) (*layout.Report, error) {
	if v.remote != nil {
		return v.remote(ctx)
	}
	return v.Source.Documents(ctx)
}

// Next says what comes after looking at it.
func (v *View) Next() {
	switch {
	case v.remote != nil:
		v.Env.Next("ferry pull %s -o OUT.tar%s", ui.ShellWord(v.Name), v.again)
	case v.Name != "-":
		v.Env.Next("ferry verify %s says whether it is whole", ui.ShellWord(v.Name))
	}
}

// maxListed bounds the tags whose manifests a listing fetches.
const maxListed = 500

func everyTag(e *ui.Env, ctx context.Context, client *registry.Client, ref registry.Reference) ([]registry.Reference, error) {
	tags, err := client.Tags(ctx, ref)
	if err != nil {
		return nil, err
	}
	if len(tags) == 0 {
		return nil, fmt.Errorf("%s: there are no tags", ref.Name())
	}
	if len(tags) > maxListed {
		e.Note("%s has %d tags; these are the last %d", ref.Name(), len(tags), maxListed)
		tags = tags[len(tags)-maxListed:]
	}
	var refs []registry.Reference
	for _, t := range tags {
		refs = append(refs, registry.Reference{Host: ref.Host, Repository: ref.Repository, Tag: t})
	}
	return refs, nil
}

// ParsePlatform reads OS/ARCH[/VARIANT].
func ParsePlatform(s string) (*v1.Platform, error) {
	if s == "" {
		return nil, nil
	}
	parts := strings.Split(s, "/")
	if len(parts) < 2 || len(parts) > 3 || parts[0] == "" || parts[1] == "" || parts[len(parts)-1] == "" {
		return nil, ui.Misuse(fmt.Errorf("--platform %q: want OS/ARCH or OS/ARCH/VARIANT", s), "for example linux/amd64 or linux/arm/v7")
	}
	p := &v1.Platform{OS: parts[0], Architecture: parts[1]}
	if len(parts) == 3 {
		p.Variant = parts[2]
	}
	return p, nil
}
