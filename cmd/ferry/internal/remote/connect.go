// Package remote is how a command reaches a registry: its flags, the client that
// they ask for, and what is said when something is not there.
package remote

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/urfave/cli/v2"

	"github.com/ociferry/ferry/cmd/ferry/internal/ui"
	"github.com/ociferry/ferry/layout/registry"
)

// Flags are those of every command that speaks to a registry. None
// takes a secret: the command line is for everybody to see.
func Flags() []cli.Flag {
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

// Connect makes the client that the flags ask for; show, which may be nil, shows
// how far it has come. All references must be of
// one host if a credential is given that says not for which.
func Connect(e *ui.Env, c *cli.Context, show *Progress, refs ...registry.Reference) (*registry.Client, error) {
	o := registry.Options{
		Username: c.String("username"), CAFile: c.String("ca-file"), CertFile: c.String("cert-file"), KeyFile: c.String("key-file"),
		Insecure: c.Bool("insecure"), PlainHTTP: c.Bool("plain-http"), Retry: c.Int("retry"), Concurrency: c.Int("concurrency"),
		UserAgent: "ferry/" + strings.ReplaceAll(e.Version, " ", "-"),
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
