package registry

import (
	"bytes"
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os/exec"
	"slices"
	"strings"
	"time"

	"oras.land/oras-go/v2/registry/remote/auth"

	"github.com/ociferry/ferry/layout"
)

// A loginFile is as much of docker's config.json, and of podman's auth.json, as
// says how to log in.
type loginFile struct {
	name  string
	Auths map[string]json.RawMessage `json:"auths"`
	// Helpers are the ends of the names of programs, docker-credential-NAME:
	// of all hosts, and by host.
	Helper  string            `json:"credsStore"`
	Helpers map[string]string `json:"credHelpers"`
}

// A LoginError says that the credential for a host could not be had, though a
// file says where it is. Nothing has been sent with it.
type LoginError struct {
	Host string
	File string
	Err  error
}

func (e *LoginError) Error() string {
	return fmt.Sprintf("the credential for %s in %s: %v", e.Host, layout.Printable(e.File), e.Err)
}

func (e *LoginError) Unwrap() error { return e.Err }

// readLogins reads a login file. One that is not there, or empty, has no logins.
func readLogins(name string) (*loginFile, error) {
	f := &loginFile{name: name}
	data, err := readSmall(name)
	if errors.Is(err, fs.ErrNotExist) {
		return f, nil
	}
	if err == nil && len(bytes.TrimSpace(data)) > 0 {
		err = unmarshalQuietly(data, f)
	}
	if err != nil {
		return nil, fmt.Errorf("%s: not a docker configuration: %w", layout.Printable(name), err)
	}
	return f, nil
}

// unmarshalQuietly reads JSON. Its error repeats nothing of the data.
func unmarshalQuietly(data []byte, v any) error {
	err := json.Unmarshal(data, v)
	var kind *json.UnmarshalTypeError
	var syntax *json.SyntaxError
	switch {
	case errors.As(err, &kind):
		found, _, _ := strings.Cut(kind.Value, " ")
		return fmt.Errorf("JSON at byte %d: want a %s, found a %s", kind.Offset, kind.Type.Kind(), found)
	case errors.As(err, &syntax):
		return fmt.Errorf("not JSON at byte %d of %d", syntax.Offset, len(data))
	case err != nil:
		return errors.New("not JSON")
	}
	return nil
}

// dockerHub is the key under which docker keeps the login of its registry.
const dockerHub = "https://index.docker.io/v1/"

// login is the credential for a host, which may be empty.
func (f *loginFile) login(ctx context.Context, host string, s *secrets, limit time.Duration) (auth.Credential, error) {
	key := host
	if host == "registry-1.docker.io" || host == "docker.io" {
		key = dockerHub
	}
	helper := f.Helpers[key]
	if helper == "" {
		helper = f.Helper
	}
	if helper != "" {
		cred, err := askHelper(ctx, helper, key, s, limit)
		if err != nil || cred != auth.EmptyCredential {
			return cred, err
		}
	}
	entry, ok := f.Auths[key]
	for _, address := range slices.Sorted(maps.Keys(f.Auths)) {
		if !ok && hostOf(address) == host {
			entry, ok = f.Auths[address], true
		}
	}
	if !ok {
		return auth.EmptyCredential, nil
	}
	return readLogin(entry)
}

// hostOf is the host of a key, which older programs wrote as https://HOST/v1/.
func hostOf(key string) string {
	if _, rest, ok := strings.Cut(key, "://"); ok {
		key = rest
	}
	host, _, _ := strings.Cut(key, "/")
	return host
}

func readLogin(entry json.RawMessage) (auth.Credential, error) {
	var e struct {
		Auth          string `json:"auth"` // base64 of USER:PASSWORD
		Username      string `json:"username"`
		Password      string `json:"password"`
		IdentityToken string `json:"identitytoken"`
		RegistryToken string `json:"registrytoken"`
	}
	if err := unmarshalQuietly(entry, &e); err != nil {
		return auth.EmptyCredential, err
	}
	cred := auth.Credential{Username: e.Username, Password: e.Password, RefreshToken: e.IdentityToken, AccessToken: e.RegistryToken}
	if e.Auth != "" {
		text, err := base64.StdEncoding.DecodeString(e.Auth)
		user, password, ok := strings.Cut(string(text), ":")
		if err != nil || !ok {
			return auth.EmptyCredential, errors.New("its \"auth\" is not the base64 of USER:PASSWORD; a bearer token belongs into \"registrytoken\"")
		}
		cred.Username, cred.Password = user, strings.Trim(password, "\x00")
	}
	return cred, nil
}

// What a credential helper may print, in bytes.
const (
	maxHelperOutput = 64 << 10
	maxHelperError  = 4 << 10
)

var (
	helperPattern = pattern(`^[A-Za-z0-9][A-Za-z0-9._-]*$`)
	// secretPattern finds what a helper calls the secret, whole or cut off.
	secretPattern = pattern(`"(?i:secret|password|token)"\s*:\s*"((?:[^"\\]|\\.)*)`)
)

// askHelper asks a credential helper as docker does: the host on its standard
// input, JSON on its output. It ends with ctx, or with the limit, though the
// helper, or a program that this has started, lives on.
func askHelper(ctx context.Context, name, host string, s *secrets, limit time.Duration) (cred auth.Credential, err error) {
	if !helperPattern().MatchString(name) {
		return cred, fmt.Errorf("%s is not the name of a credential helper: want letters, digits, '.', '_' and '-'", layout.Printable(shorten(name)))
	}
	program := "docker-credential-" + name
	defer func() {
		if err != nil && ctx.Err() == nil {
			err = fmt.Errorf("%s: %w", program, err)
		}
	}()
	limited, cancel := context.WithTimeoutCause(ctx, limit, fmt.Errorf("it did not answer within %v", limit))
	defer cancel()
	limited, stop := context.WithCancelCause(limited)
	defer stop(nil)
	out, said := &bounded{limit: maxHelperOutput}, &bounded{limit: maxHelperError}
	out.full = func() { stop(fmt.Errorf("it printed more than the limit of %d bytes", maxHelperOutput)) }
	cmd := exec.CommandContext(limited, program, "get")
	cmd.Stdin, cmd.Stdout, cmd.Stderr = strings.NewReader(host), out, said
	cmd.WaitDelay = 300 * time.Millisecond // for who else has the pipes
	err = cmd.Run()
	if limited.Err() != nil {
		return cred, context.Cause(limited)
	}
	if errors.Is(err, exec.ErrWaitDelay) { // it has ended well, and left somebody behind
		err = nil
	}
	for _, m := range secretPattern().FindAllSubmatch(slices.Concat(out.data, said.data), -1) {
		s.add(string(m[1]))
	}
	answer := strings.TrimSpace(string(out.data))
	if err != nil {
		if answer == "credentials not found in native keychain" {
			return cred, nil
		}
		for _, text := range []string{answer, string(said.data)} {
			if text = s.foreign(text); text != "" {
				err = fmt.Errorf("%w; it says %q", err, text)
			}
		}
		return cred, err
	}
	var login struct{ Username, Secret string }
	if err := unmarshalQuietly(out.data, &login); err != nil {
		return cred, fmt.Errorf("its answer: %w", err)
	}
	s.add(login.Secret)
	if login.Username == "<token>" {
		return auth.Credential{RefreshToken: login.Secret}, nil
	}
	return auth.Credential{Username: login.Username, Password: login.Secret}, nil
}

// bounded keeps the beginning of what is written to it. It has no ReadFrom, by
// which a bytes.Buffer would take everything.
type bounded struct {
	data  []byte
	limit int
	full  func() // told when more comes, unless nil
}

func (b *bounded) Write(p []byte) (int, error) {
	n := min(len(p), b.limit-len(b.data))
	b.data = append(b.data, p[:n]...)
	if n < len(p) && b.full != nil {
		b.full()
	}
	return len(p), nil
}
