package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"

	v1 "github.com/opencontainers/image-spec/specs-go/v1"
	"github.com/urfave/cli/v2"

	"github.com/ociferry/ferry/cmd/ferry/internal/source"
	"github.com/ociferry/ferry/cmd/ferry/internal/ui"
	"github.com/ociferry/ferry/layout"
	"github.com/ociferry/ferry/layout/registry"
)

// registryFlags are those of every command that speaks to a registry. None
// takes a secret: the command line is for everybody to see.
func registryFlags() []cli.Flag {
	return []cli.Flag{
		&cli.StringFlag{Name: "username", Aliases: []string{"u"}, Usage: "log in as `USER`; the password comes by --password-stdin"},
		&cli.BoolFlag{Name: "password-stdin", Usage: "read the password from standard input"},
		&cli.BoolFlag{Name: "token-stdin", Usage: "read a bearer token from standard input, instead of " + ui.TokenVariable},
		&cli.StringFlag{Name: "registry-config", Usage: "take credentials and helpers from `FILE` instead of docker's config.json"},
		&cli.StringFlag{Name: "ca-file", Usage: "trust the certificate authorities in `FILE` (PEM) too"},
		&cli.StringFlag{Name: "cert-file", Usage: "the client's certificate, `FILE` in PEM"},
		&cli.StringFlag{Name: "key-file", Usage: "the client's key, `FILE` in PEM"},
		&cli.BoolFlag{Name: "insecure", Usage: "do not check the registry's certificate"},
		&cli.BoolFlag{Name: "plain-http", Usage: "speak HTTP without TLS; found out by itself for this machine only"},
		&cli.IntFlag{Name: "retry", Value: 5, Usage: "try again up to `N` times on 429, 5xx and cut connections"},
		&cli.IntFlag{Name: "concurrency", Value: 3, Usage: "carry `N` blobs at a time"},
	}
}

// connect makes the client that the flags ask for; show, which may be nil, shows
// how far it has come. All references must be of
// one host if a credential is given that says not for which.
func connect(e *ui.Env, c *cli.Context, show *carrying, refs ...registry.Reference) (*registry.Client, error) {
	o := registry.Options{
		Username: c.String("username"), CAFile: c.String("ca-file"), CertFile: c.String("cert-file"), KeyFile: c.String("key-file"),
		Insecure: c.Bool("insecure"), PlainHTTP: c.Bool("plain-http"), Retry: c.Int("retry"), Concurrency: c.Int("concurrency"),
		UserAgent: "ferry/" + strings.ReplaceAll(version, " ", "-"),
		Log:       func(line string) { e.Remark("%s", line) },
	}
	if show != nil {
		o.Progress = show.update
	}
	password, token := c.Bool("password-stdin"), c.Bool("token-stdin")
	switch {
	case o.Retry < 0 || o.Retry > 100:
		return nil, ui.Misuse(fmt.Errorf("--retry %d: want 0 to 100", o.Retry), "")
	case o.Concurrency < 1 || o.Concurrency > 64:
		return nil, ui.Misuse(fmt.Errorf("--concurrency %d: want 1 to 64", o.Concurrency), "")
	case (o.CertFile == "") != (o.KeyFile == ""):
		return nil, ui.Misuse(errors.New("--cert-file and --key-file belong together"), "give both")
	case o.PlainHTTP && (o.Insecure || o.CAFile != "" || o.CertFile != ""):
		return nil, ui.Misuse(errors.New("--plain-http: there is no certificate without TLS"), "leave out --plain-http, or the flags about certificates")
	case strings.Contains(o.Username, ":"):
		return nil, ui.Misuse(errors.New("-u: a user name has no colon; a password is never taken on the command line"), "pass the password by --password-stdin")
	case (o.Username != "") != password:
		return nil, ui.Misuse(errors.New("-u and --password-stdin belong together"), "for example: ferry ... -u USER --password-stdin < password-file")
	case password && token:
		return nil, ui.Misuse(errors.New("--password-stdin and --token-stdin: only one of them can be read"), "")
	}
	var err error
	switch {
	case password:
		o.Password, err = e.Secret("--password-stdin")
	case token:
		o.Token, err = e.Secret("--token-stdin")
	default:
		o.Token = strings.TrimSpace(e.Getenv(ui.TokenVariable))
	}
	if err != nil {
		return nil, err
	}
	if strings.ContainsFunc(o.Token, func(r rune) bool { return r <= ' ' || r > '~' }) {
		return nil, ui.Misuse(errors.New("the bearer token holds a space or another character that no token has"), "check "+ui.TokenVariable+" or what is piped into --token-stdin")
	}
	for _, r := range refs {
		if r.Host != refs[0].Host && (o.Token != "" || o.Username != "") {
			return nil, ui.Misuse(fmt.Errorf("one credential for two hosts, %s and %s", refs[0].Host, r.Host), "pull from one host at a time, or put the credentials into docker's config.json; "+ui.TokenVariable+" is a credential too")
		}
	}
	if o.ConfigFile, err = registryConfig(e, c.String("registry-config")); err != nil {
		return nil, err
	}
	client, err := registry.New(o)
	if _, hint := ui.Outcome(err); err != nil && hint == "" {
		err = ui.Hinted(err, "check the files behind --registry-config (docker's config.json), --ca-file and --cert-file (certificates in PEM) and --key-file (a key in PEM)")
	}
	return client, err
}

// registryConfig is the file that credentials come from, or "".
func registryConfig(e *ui.Env, given string) (string, error) {
	if given != "" {
		_, err := os.Stat(given)
		return given, err
	}
	if dir := e.Getenv("DOCKER_CONFIG"); dir != "" {
		return filepath.Join(dir, "config.json"), nil
	}
	home := e.Getenv("HOME")
	if home == "" {
		home = e.Getenv("USERPROFILE")
	}
	if home == "" {
		return "", nil
	}
	return filepath.Join(home, ".docker", "config.json"), nil
}

// sourceOrRegistry is source for the commands that read a registry as well:
// what is no file and looks like HOST/REPOSITORY, and all that begins with
// oci://, is a reference.
func sourceOrRegistry(e *ui.Env, c *cli.Context, arg string, all bool) (*view, error) {
	if !source.LooksRemote(arg) {
		if c.Bool("password-stdin") || c.Bool("token-stdin") {
			return nil, ui.Misuse(fmt.Errorf("%s: a file needs no credential", layout.Printable(arg)), "oci://HOST/REPOSITORY:TAG is a registry")
		}
		s, err := source.Parse(e, arg)
		return &view{Source: s}, err
	}
	ref, err := registry.Parse(arg)
	if err != nil {
		return nil, err
	}
	v := &view{Source: &source.Source{Env: e, Name: arg}, again: registryAgain(c)}
	v.remote = func(ctx context.Context) (*layout.Report, error) {
		client, err := connect(e, c, nil, ref)
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
			return nil, notThere(ctx, c, client, ref, err)
		}
		return report, nil
	}
	return v, nil
}

// A view is a source, or what a registry has.
type view struct {
	*source.Source
	remote func(context.Context) (*layout.Report, error) // nil for a source
	again  string                                        // the flags that reach the registry
}

func (v *view) documents(ctx context.Context) (*layout.Report, error) {
	if v.remote != nil {
		return v.remote(ctx)
	}
	return v.Source.Documents(ctx)
}

// next says what comes after looking at it.
func (v *view) next() {
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

// parsePlatform reads OS/ARCH[/VARIANT].
func parsePlatform(s string) (*v1.Platform, error) {
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

// newCarrying shows how far a client has come, once it knows what there is to
// carry. The caller ends it.
func newCarrying(e *ui.Env, stage string) *carrying { return &carrying{e: e, stage: stage} }

type carrying struct {
	e     *ui.Env
	stage string

	mu    sync.Mutex
	p     *ui.Progress
	total int64
	ended bool
}

func (c *carrying) update(done, total int64) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.ended {
		return
	}
	if total != c.total { // the first time, and with every further artifact
		c.p.End()
		c.p, c.total = c.e.Progress(c.stage, total), total
	}
	if c.p != nil {
		c.p.Done.Store(done)
	}
}

func (c *carrying) end() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.p.End()
	c.ended = true
}
