package main

import (
	"bufio"
	"context"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"syscall"

	v1 "github.com/opencontainers/image-spec/specs-go/v1"
	"github.com/urfave/cli/v2"

	"github.com/ociferry/ferry/layout"
	"github.com/ociferry/ferry/layout/compression"
	"github.com/ociferry/ferry/layout/registry"
)

// tokenVariable holds a bearer token, as for the original's tasks. Empty means
// unset.
const tokenVariable = "LEI_REGISTRY_TOKEN"

// registryFlags are those of every command that speaks to a registry. None
// takes a secret: the command line is for everybody to see.
func registryFlags() []cli.Flag {
	return []cli.Flag{
		&cli.StringFlag{Name: "username", Aliases: []string{"u"}, Usage: "log in as `USER`; the password comes by --password-stdin"},
		&cli.BoolFlag{Name: "password-stdin", Usage: "read the password from standard input"},
		&cli.BoolFlag{Name: "token-stdin", Usage: "read a bearer token from standard input, instead of " + tokenVariable},
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
func (e *env) connect(c *cli.Context, show *carrying, refs ...registry.Reference) (*registry.Client, error) {
	o := registry.Options{
		Username: c.String("username"), CAFile: c.String("ca-file"), CertFile: c.String("cert-file"), KeyFile: c.String("key-file"),
		Insecure: c.Bool("insecure"), PlainHTTP: c.Bool("plain-http"), Retry: c.Int("retry"), Concurrency: c.Int("concurrency"),
		UserAgent: "ferry/" + strings.ReplaceAll(version, " ", "-"),
		Log:       func(line string) { e.remark("%s", line) },
	}
	if show != nil {
		o.Progress = show.update
	}
	password, token := c.Bool("password-stdin"), c.Bool("token-stdin")
	switch {
	case o.Retry < 0 || o.Retry > 100:
		return nil, misuse(fmt.Errorf("--retry %d: want 0 to 100", o.Retry), "")
	case o.Concurrency < 1 || o.Concurrency > 64:
		return nil, misuse(fmt.Errorf("--concurrency %d: want 1 to 64", o.Concurrency), "")
	case (o.CertFile == "") != (o.KeyFile == ""):
		return nil, misuse(errors.New("--cert-file and --key-file belong together"), "give both")
	case o.PlainHTTP && (o.Insecure || o.CAFile != "" || o.CertFile != ""):
		return nil, misuse(errors.New("--plain-http: there is no certificate without TLS"), "leave out --plain-http, or the flags about certificates")
	case strings.Contains(o.Username, ":"):
		return nil, misuse(errors.New("-u: a user name has no colon; a password is never taken on the command line"), "pass the password by --password-stdin")
	case (o.Username != "") != password:
		return nil, misuse(errors.New("-u and --password-stdin belong together"), "for example: ferry ... -u USER --password-stdin < password-file")
	case password && token:
		return nil, misuse(errors.New("--password-stdin and --token-stdin: only one of them can be read"), "")
	}
	var err error
	switch {
	case password:
		o.Password, err = e.secret("--password-stdin")
	case token:
		o.Token, err = e.secret("--token-stdin")
	default:
		o.Token = strings.TrimSpace(e.getenv(tokenVariable))
	}
	if err != nil {
		return nil, err
	}
	if strings.ContainsFunc(o.Token, func(r rune) bool { return r <= ' ' || r > '~' }) {
		return nil, misuse(errors.New("the bearer token holds a space or another character that no token has"), "check "+tokenVariable+" or what is piped into --token-stdin")
	}
	for _, r := range refs {
		if r.Host != refs[0].Host && (o.Token != "" || o.Username != "") {
			return nil, misuse(fmt.Errorf("one credential for two hosts, %s and %s", refs[0].Host, r.Host), "pull from one host at a time, or put the credentials into docker's config.json; "+tokenVariable+" is a credential too")
		}
	}
	if o.ConfigFile, err = e.registryConfig(c.String("registry-config")); err != nil {
		return nil, err
	}
	client, err := registry.New(o)
	if _, hint := outcome(err); err != nil && hint == "" {
		err = hinted(err, "check the files behind --registry-config (docker's config.json), --ca-file and --cert-file (certificates in PEM) and --key-file (a key in PEM)")
	}
	return client, err
}

// registryConfig is the file that credentials come from, or "".
func (e *env) registryConfig(given string) (string, error) {
	if given != "" {
		_, err := os.Stat(given)
		return given, err
	}
	if dir := e.getenv("DOCKER_CONFIG"); dir != "" {
		return filepath.Join(dir, "config.json"), nil
	}
	home := e.getenv("HOME")
	if home == "" {
		home = e.getenv("USERPROFILE")
	}
	if home == "" {
		return "", nil
	}
	return filepath.Join(home, ".docker", "config.json"), nil
}

// secret reads the one line of standard input that is a secret.
func (e *env) secret(flag string) (string, error) {
	const limit = 64 << 10
	line, err := bufio.NewReader(io.LimitReader(e.stdin, limit+1)).ReadString('\n')
	if err != nil && err != io.EOF {
		return "", err
	}
	line = strings.TrimRight(line, "\r\n")
	switch {
	case len(line) >= limit:
		return "", misuse(fmt.Errorf("%s: want a line of less than %d bytes, found more", flag, limit), "")
	case line == "" && flag == "--password-stdin":
		return "", misuse(errors.New("--password-stdin: standard input is empty"), "pipe the password in, for example from a file")
	}
	return line, nil
}

// sourceOrRegistry is source for the commands that read a registry as well:
// what is no file and looks like HOST/REPOSITORY, and all that begins with
// oci://, is a reference.
func (e *env) sourceOrRegistry(c *cli.Context, arg string, all bool) (*view, error) {
	if !looksRemote(arg) {
		if c.Bool("password-stdin") || c.Bool("token-stdin") {
			return nil, misuse(fmt.Errorf("%s: a file needs no credential", layout.Printable(arg)), "oci://HOST/REPOSITORY:TAG is a registry")
		}
		s, err := e.source(arg)
		return &view{source: s}, err
	}
	ref, err := registry.Parse(arg)
	if err != nil {
		return nil, err
	}
	v := &view{source: &source{e: e, name: arg}, again: registryAgain(c)}
	v.remote = func(ctx context.Context) (*layout.Report, error) {
		client, err := e.connect(c, nil, ref)
		if err != nil {
			return nil, err
		}
		defer client.Close()
		refs := []registry.Reference{ref}
		if all && ref.Tag == "" && ref.Digest == "" {
			if refs, err = e.everyTag(ctx, client, ref); err != nil {
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
	*source
	remote func(context.Context) (*layout.Report, error) // nil for a source
	again  string                                        // the flags that reach the registry
}

func (v *view) documents(ctx context.Context) (*layout.Report, error) {
	if v.remote != nil {
		return v.remote(ctx)
	}
	return v.source.documents(ctx)
}

// next says what comes after looking at it.
func (v *view) next() {
	switch {
	case v.remote != nil:
		v.e.next("ferry pull %s -o OUT.tar%s", shellWord(v.name), v.again)
	case v.name != "-":
		v.e.next("ferry verify %s says whether it is whole", shellWord(v.name))
	}
}

// maxListed bounds the tags whose manifests a listing fetches.
const maxListed = 500

func (e *env) everyTag(ctx context.Context, client *registry.Client, ref registry.Reference) ([]registry.Reference, error) {
	tags, err := client.Tags(ctx, ref)
	if err != nil {
		return nil, err
	}
	if len(tags) == 0 {
		return nil, fmt.Errorf("%s: there are no tags", ref.Name())
	}
	if len(tags) > maxListed {
		e.note("%s has %d tags; these are the last %d", ref.Name(), len(tags), maxListed)
		tags = tags[len(tags)-maxListed:]
	}
	var refs []registry.Reference
	for _, t := range tags {
		refs = append(refs, registry.Reference{Host: ref.Host, Repository: ref.Repository, Tag: t})
	}
	return refs, nil
}

// looksRemote reports whether an argument is meant for a registry. A path that
// is there never is.
func looksRemote(arg string) bool {
	if scheme, _, ok := strings.Cut(arg, "://"); ok && !strings.ContainsAny(scheme, "/.") {
		return true
	}
	if _, err := os.Lstat(arg); err == nil || compression.ByName(arg) != nil {
		return false
	}
	host, _, ok := strings.Cut(arg, "/")
	if !ok { // a host alone, as pull takes it; with a port, for a file's name may look like one
		name, port, _ := strings.Cut(arg, ":")
		_, err := strconv.ParseUint(port, 10, 16)
		_, there := os.Lstat(name)
		ok = err == nil && there != nil && compression.ByName(name) == nil && (name == "localhost" || strings.Contains(name, "."))
	}
	if !ok || host == "." || host == ".." || host == "~" || host == "" {
		return false
	}
	if _, err := os.Lstat(host); err == nil {
		return false // a directory: a name in it was mistyped
	}
	if !strings.ContainsAny(host, ".:") && host != "localhost" {
		return false
	}
	_, err := registry.Parse(arg)
	return err == nil
}

// parsePlatform reads OS/ARCH[/VARIANT].
func parsePlatform(s string) (*v1.Platform, error) {
	if s == "" {
		return nil, nil
	}
	parts := strings.Split(s, "/")
	if len(parts) < 2 || len(parts) > 3 || parts[0] == "" || parts[1] == "" || parts[len(parts)-1] == "" {
		return nil, misuse(fmt.Errorf("--platform %q: want OS/ARCH or OS/ARCH/VARIANT", s), "for example linux/amd64 or linux/arm/v7")
	}
	p := &v1.Platform{OS: parts[0], Architecture: parts[1]}
	if len(parts) == 3 {
		p.Variant = parts[2]
	}
	return p, nil
}

// carrying shows how far a client has come, once it knows what there is to
// carry. The caller ends it.
func (e *env) carrying(stage string) *carrying { return &carrying{e: e, stage: stage} }

type carrying struct {
	e     *env
	stage string

	mu    sync.Mutex
	p     *progress
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
		c.p.end()
		c.p, c.total = c.e.progress(c.stage, total), total
	}
	if c.p != nil {
		c.p.done.Store(done)
	}
}

func (c *carrying) end() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.p.end()
	c.ended = true
}

// classifyRegistry gives the errors of registries their exit code and next
// step; 0 is for an error that is none of them.
func classifyRegistry(err error) (code int, hint string) {
	var (
		reference *registry.ReferenceError
		content   *registry.ContentError
		pin       *registry.PinError
		platform  *registry.PlatformError
		tags      *registry.TagError
		failed    *registry.Error
	)
	switch {
	case errors.As(err, &reference):
		return codeMisuse, "for example oci://registry.example.com/team/app:1.0, or registry.example.com/team/app@sha256:..."
	case errors.As(err, &pin):
		return codeBad, "ask who gave you the digest: either the tag has been moved, or this is not the registry you think it is; the digest alone, without the tag, asks for the old content"
	case errors.As(err, &content):
		return codeBad, "do not use it: the registry, a proxy before it or the address is wrong; nothing of it was kept"
	case errors.As(err, &platform):
		return codeMisuse, "choose one of these with --platform, or leave it out to take all"
	case errors.As(err, &tags):
		return codeFailed, "push again: what is there is not sent again"
	case errors.As(err, &failed):
		return codeFailed, registryHint(failed)
	}
	return 0, ""
}

// registryHint is the next step after a request that was not served.
func registryHint(err *registry.Error) string {
	name, _, _ := strings.Cut(strings.TrimPrefix(err.Reference, "["), "@")
	if i := strings.LastIndexByte(name, ':'); i > strings.LastIndexByte(name, '/') {
		name = name[:i]
	}
	switch {
	case err.Status == http.StatusUnauthorized:
		return "log in: docker login or oras login, -u USER --password-stdin, or a bearer token in " + tokenVariable
	case err.Status == http.StatusForbidden:
		return "the credential is not allowed to do this there: ask for the right, or use another one"
	case err.Status == http.StatusNotFound && name == err.Reference:
		return "check the name: the registry has no such repository, or does not show it without a login"
	case err.Status == http.StatusNotFound:
		return "check the name; ferry ls " + shellWord(name) + " shows the tags that are there"
	case err.Status == http.StatusTooManyRequests:
		return "wait a while and run it again; a login often raises the limit"
	case err.Status == http.StatusRequestEntityTooLarge:
		return "the registry or a proxy before it limits the size of uploads: ask whoever runs it"
	case err.Status == http.StatusBadRequest && strings.Contains(err.Body, "HTTPS"): // what TLS servers answer to plain HTTP
		return "the registry speaks TLS: leave --plain-http out"
	case err.Status >= 500:
		return "the fault is on the registry's side: run it again later"
	case err.Status != 0:
		return "the registry does not allow this: see what it says, or ask whoever runs it"
	}
	var (
		authority x509.UnknownAuthorityError
		host      x509.HostnameError
		invalid   x509.CertificateInvalidError
		dns       *net.DNSError
	)
	switch {
	case errors.As(err, &authority):
		return "give the registry's certificate authority with --ca-file; --insecure does without checking"
	case errors.As(err, &host), errors.As(err, &invalid):
		return "the registry's certificate is not for this name or not valid now: check the name and the clock"
	case errors.Is(err, http.ErrSchemeMismatch):
		return "the registry speaks HTTP without TLS: --plain-http allows that"
	case errors.As(err, &dns) && dns.IsNotFound && !strings.Contains(strings.TrimSuffix(dns.Name, "."), "."):
		return "a reference begins with the host of a registry, and " + layout.Printable(dns.Name) + " is taken for one; for example docker.io/library/alpine:3"
	case errors.As(err, &dns):
		return "check the registry's host name, and the name server or proxy"
	case errors.Is(err, syscall.ECONNREFUSED):
		return "nothing listens there: check host and port, and whether the registry runs"
	case strings.Contains(err.Error(), "redirects"):
		return "the registry sends requests round in a circle: check the address and the proxy before it"
	}
	return "check the connection, the host name and the proxy, and run it again"
}
