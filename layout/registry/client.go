package registry

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"os"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"oras.land/oras-go/v2/registry"
	"oras.land/oras-go/v2/registry/remote"
	"oras.land/oras-go/v2/registry/remote/auth"

	"github.com/ociferry/ferry/layout"
)

// Options say how registries are spoken to. The zero value speaks TLS with the
// system's roots and has no credentials.
type Options struct {
	// Username and Password go to every host that a reference names; so does
	// Token, as a bearer token, without a challenge. At most one of the two is
	// set, and then all references should be of one host.
	Username, Password string
	Token              string
	// ConfigFile is a docker config.json; it and the credential helpers that
	// it names are asked where nothing above is set. It may be absent.
	ConfigFile string

	CAFile            string // further roots, in PEM
	CertFile, KeyFile string // the client's certificate, for the registry alone
	Insecure          bool   // certificates are not checked
	PlainHTTP         bool   // no TLS at all

	Retry       int // further tries of a request
	Concurrency int // blobs at a time; 0 is 3
	UserAgent   string
	// Log, when set, is told in a line what takes longer than it should. It
	// may be called by several goroutines at a time.
	Log func(line string)
	// Progress, when set, is told how many bytes of blobs are there, of how
	// many that are known to be wanted, whenever that changes. It is called by
	// several goroutines and should return at once.
	Progress func(done, total int64)
}

// A Client speaks to registries. It may be used by several goroutines.
type Client struct {
	o     Options
	own   http.RoundTripper
	other http.RoundTripper
	creds auth.CredentialFunc

	patience patience
	secrets  secrets

	mu    sync.Mutex
	plain map[string]bool // by host
	auths map[string]*auth.Client
	repos map[string]*remote.Repository
	known map[string][]string // by host and digest: repositories that have the blob

	done, total atomic.Int64
}

// New makes a Client. The error is about a file that the options name.
func New(o Options) (*Client, error) {
	if o.Concurrency <= 0 {
		o.Concurrency = 3
	}
	if o.UserAgent == "" {
		o.UserAgent = "ferry"
	}
	c := &Client{o: o, patience: usual, plain: map[string]bool{}, auths: map[string]*auth.Client{}, repos: map[string]*remote.Repository{}}
	if err := c.checkProxies(); err != nil {
		return nil, err
	}
	base := &tls.Config{MinVersion: tls.VersionTLS12, InsecureSkipVerify: o.Insecure}
	if o.CAFile != "" {
		pem, err := readSmall(o.CAFile)
		if err != nil {
			return nil, err
		}
		if base.RootCAs, err = x509.SystemCertPool(); err != nil {
			base.RootCAs = x509.NewCertPool()
		}
		if !base.RootCAs.AppendCertsFromPEM(pem) {
			return nil, fmt.Errorf("%s: want certificates in PEM, found none", layout.Printable(o.CAFile))
		}
	}
	own := base.Clone()
	if o.CertFile != "" || o.KeyFile != "" {
		pair, err := tls.LoadX509KeyPair(o.CertFile, o.KeyFile)
		if err != nil {
			return nil, fmt.Errorf("client certificate: %w", err)
		}
		own.Certificates = []tls.Certificate{pair}
	}
	c.own, c.other = transport(own, o.Concurrency), transport(base, o.Concurrency)
	if err := c.credentials(); err != nil {
		return nil, err
	}
	return c, nil
}

func transport(t *tls.Config, concurrency int) *http.Transport {
	return &http.Transport{
		Proxy:               http.ProxyFromEnvironment,
		DialContext:         (&net.Dialer{Timeout: 20 * time.Second, KeepAlive: 30 * time.Second}).DialContext,
		TLSClientConfig:     t,
		TLSHandshakeTimeout: 20 * time.Second,
		MaxIdleConnsPerHost: concurrency + 1,
		IdleConnTimeout:     30 * time.Second,
		ForceAttemptHTTP2:   true,
		DisableCompression:  true, // digests are those of the bytes as they are
		ReadBufferSize:      64 << 10,
		WriteBufferSize:     64 << 10,

		MaxResponseHeaderBytes: 256 << 10,
	}
}

// A ProxyError is a variable of the environment that names no proxy. Requests
// would go past it, to the registry itself.
type ProxyError struct{ Variable string }

func (e *ProxyError) Error() string {
	return e.Variable + ": not the address of a proxy; want http://HOST:PORT, or https or socks5 in place of http"
}

// checkProxies looks at what http.ProxyFromEnvironment takes proxies from: it
// passes over what it cannot read. A value may hold a password.
func (c *Client) checkProxies() error {
	for _, name := range []string{"HTTPS_PROXY", "https_proxy", "HTTP_PROXY", "http_proxy"} {
		value := os.Getenv(name)
		if value == "" {
			continue
		}
		if !strings.Contains(value, "://") {
			value = "http://" + value
		}
		u, err := url.Parse(value)
		if err != nil || !slices.Contains([]string{"http", "https", "socks5", "socks5h"}, u.Scheme) || u.Hostname() == "" || strings.ContainsAny(u.Host, " \t") {
			return &ProxyError{name}
		}
		if password, ok := u.User.Password(); ok {
			c.secrets.add(password)
			c.secrets.add(base64.StdEncoding.EncodeToString([]byte(u.User.Username() + ":" + password)))
		}
	}
	return nil
}

func readSmall(name string) ([]byte, error) {
	f, err := os.Open(name)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	const limit = 16 << 20
	data, err := io.ReadAll(io.LimitReader(f, limit+1))
	if err == nil && len(data) > limit {
		err = fmt.Errorf("%s: larger than the limit of %d bytes", layout.Printable(name), limit)
	}
	return data, err
}

// credentials chooses where credentials come from.
func (c *Client) credentials() error {
	fixed := auth.Credential{Username: c.o.Username, Password: c.o.Password}
	c.secrets.add(c.o.Password)
	c.secrets.add(c.o.Token)
	switch {
	case c.o.Token != "":
		return nil // see repository
	case fixed != auth.EmptyCredential:
		// It is asked for hosts that references name, and for no others.
		c.creds = func(context.Context, string) (auth.Credential, error) { return fixed, nil }
		return nil
	case c.o.ConfigFile == "":
		return nil
	}
	logins, err := readLogins(c.o.ConfigFile)
	if err != nil {
		return err
	}
	var mu sync.Mutex
	asked := map[string]auth.Credential{}
	c.creds = func(ctx context.Context, host string) (auth.Credential, error) {
		mu.Lock()
		defer mu.Unlock()
		if cred, ok := asked[host]; ok {
			return cred, nil
		}
		cred, err := logins.login(ctx, host, &c.secrets, c.patience.helper)
		if err != nil {
			return cred, &LoginError{host, c.o.ConfigFile, err}
		}
		for _, secret := range []string{cred.Password, cred.RefreshToken, cred.AccessToken} {
			c.secrets.add(secret)
		}
		asked[host] = cred
		return cred, nil
	}
	return nil
}

// carried counts bytes of blobs that have come to where they belong, or were
// there.
func (c *Client) carried(n int64) {
	if done := c.done.Add(n); c.o.Progress != nil {
		c.o.Progress(done, c.total.Load())
	}
}

// Close lets idle connections go.
func (c *Client) Close() {
	for _, t := range []http.RoundTripper{c.own, c.other} {
		if t, ok := t.(*http.Transport); ok {
			t.CloseIdleConnections()
		}
	}
}

// repository is the library's view of the repository of a reference.
func (c *Client) repository(ctx context.Context, ref Reference) (*remote.Repository, error) {
	plain, err := c.isPlain(ctx, ref.Host)
	if err != nil {
		return nil, err
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if r := c.repos[ref.Name()]; r != nil {
		return r, nil
	}
	at := registry.Reference{Registry: ref.Host, Repository: ref.Repository}
	a := c.auths[ref.Host]
	if a == nil {
		g := &gate{host: at.Host(), plain: plain, open: c.o.PlainHTTP, token: c.o.Token, agent: c.o.UserAgent, own: c.own, other: c.other, patience: &c.patience, secrets: &c.secrets}
		a = &auth.Client{Client: &http.Client{Transport: g}, Credential: c.creds, Cache: auth.NewCache(), ClientID: "ferry"}
		if loopback(ref.Host) {
			a.BlockedRealmPrefixes = []netip.Prefix{} // a registry on this machine may have its token service here too
		}
		c.auths[ref.Host] = a
	}
	var client remote.Client = a
	if c.o.Token != "" {
		client = a.Client // the gate sends the token; there is nothing to exchange
	}
	r := &remote.Repository{
		Client: client, Reference: at, PlainHTTP: plain,
		ManifestMediaTypes: accepted, MaxMetadataBytes: layout.MaxDocument + 1, // the gate ends before that
		TagListMaxPages: 1000, ReferrerListMaxPages: 100,
		SkipReferrersGC: true, // deleting is often forbidden, and nothing is deleted here
	}
	c.repos[ref.Name()] = r
	return r, nil
}

// isPlain decides, once for each host, whether it is spoken to in plain HTTP.
// A loopback address is asked: it may be either.
func (c *Client) isPlain(ctx context.Context, host string) (bool, error) {
	switch {
	case c.o.PlainHTTP:
		return true, nil
	case !loopback(host) || c.o.CAFile != "" || c.o.CertFile != "" || c.o.Insecure:
		return false, nil
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if plain, ok := c.plain[host]; ok {
		return plain, nil
	}
	ctx, cancel := context.WithTimeout(ctx, c.patience.small)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+host+"/v2/", nil)
	if err != nil {
		return false, err
	}
	req.Header.Set("User-Agent", c.o.UserAgent)
	plain := true
	resp, err := c.other.RoundTrip(req)
	switch {
	case err == nil:
		b := make([]byte, 256)
		n, _ := io.ReadFull(resp.Body, b)
		resp.Body.Close()
		// What TLS servers answer to plain HTTP.
		plain = !(resp.StatusCode == http.StatusBadRequest && strings.Contains(string(b[:n]), "HTTPS"))
	case ctx.Err() == nil && (errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) || isReset(err) || strings.Contains(err.Error(), "malformed HTTP")):
		plain = false
	case ctx.Err() == nil:
		return false, &Error{Reference: host, Doing: "connecting", Err: err}
	default:
		return false, context.Cause(ctx)
	}
	c.plain[host] = plain
	return plain, nil
}
