package registry_test

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/base64"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"log"
	"math/big"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/ociferry/ferry/layout/registry"
	"github.com/ociferry/ferry/layout/registry/registrytest"
)

const password = "hunter2-secret"

func basic(user, password string) string {
	return "Basic " + base64.StdEncoding.EncodeToString([]byte(user+":"+password))
}

// guard lets only requests with an authorization pass, and challenges others.
func guard(want, challenge string) func(http.ResponseWriter, *http.Request) bool {
	return func(w http.ResponseWriter, r *http.Request) bool {
		if r.URL.Path == "/token" || r.Header.Get("Authorization") == want {
			return false
		}
		if challenge != "" {
			w.Header().Set("WWW-Authenticate", challenge)
		}
		registrytest.Fail(w, http.StatusUnauthorized, "UNAUTHORIZED")
		return true
	}
}

// tokens adds a token service to a registry: /token hands out a token for the
// right credential and the right scope.
func tokens(w *world, want string) {
	g := guard("Bearer exchanged", fmt.Sprintf(`Bearer realm="%s/token",service="test",scope="repository:team/app:pull"`, w.srv.URL))
	w.reg.Hook = func(rw http.ResponseWriter, r *http.Request) bool {
		if r.URL.Path != "/token" {
			return g(rw, r)
		}
		if r.Header.Get("Authorization") != want || r.URL.Query().Get("service") != "test" || !strings.Contains(r.URL.RawQuery, "repository%3Ateam%2Fapp%3Apull") {
			registrytest.Fail(rw, http.StatusUnauthorized, "DENIED")
			return true
		}
		fmt.Fprint(rw, `{"token":"exchanged"}`)
		return true
	}
}

func TestAuthentication(t *testing.T) {
	user := func(o *registry.Options) { o.Username, o.Password = "ada", password }
	token := func(o *registry.Options) { o.Token = "s3cret-token" }
	config := func(text string) func(*world) func(*registry.Options) {
		return func(w *world) func(*registry.Options) {
			name := filepath.Join(w.dir, "config.json")
			if err := os.WriteFile(name, []byte(strings.ReplaceAll(text, "HOST", w.host)), 0o600); err != nil {
				w.t.Fatal(err)
			}
			return func(o *registry.Options) { o.ConfigFile = name }
		}
	}
	given := func(f func(*registry.Options)) func(*world) func(*registry.Options) {
		return func(*world) func(*registry.Options) { return f }
	}
	none := given(func(*registry.Options) {})
	auth := base64.StdEncoding.EncodeToString([]byte("ada:" + password))
	for name, c := range map[string]struct {
		setup  func(*world)
		option func(*world) func(*registry.Options)
		err    string
	}{
		"basic":                  {func(w *world) { w.reg.Hook = guard(basic("ada", password), `Basic realm="x"`) }, given(user), ""},
		"basic, wrong password":  {func(w *world) { w.reg.Hook = guard(basic("ada", "other"), `Basic realm="x"`) }, given(user), "registry returned 401"},
		"basic, no credential":   {func(w *world) { w.reg.Hook = guard(basic("ada", password), `Basic realm="x"`) }, none, "registry returned 401"},
		"docker's config":        {func(w *world) { w.reg.Hook = guard(basic("ada", password), `Basic realm="x"`) }, config(`{"auths":{"HOST":{"auth":"` + auth + `"}}}`), ""},
		"another's config":       {func(w *world) { w.reg.Hook = guard(basic("ada", password), `Basic realm="x"`) }, config(`{"auths":{"other":{"auth":"` + auth + `"}}}`), "registry returned 401"},
		"no config file":         {func(w *world) { w.reg.Hook = guard("", "") }, given(func(o *registry.Options) { o.ConfigFile = filepath.Join(os.TempDir(), "not", "there.json") }), ""},
		"token exchange":         {func(w *world) { tokens(w, basic("ada", password)) }, given(user), ""},
		"token exchange, nobody": {func(w *world) { tokens(w, "") }, none, ""},
		"token exchange, denied": {func(w *world) { tokens(w, basic("ada", "other")) }, given(user), "registry returned 401"},
		"bearer token":           {func(w *world) { w.reg.Hook = guard("Bearer s3cret-token", "") }, given(token), ""},
		"bearer token, wrong":    {func(w *world) { w.reg.Hook = guard("Bearer another", `Bearer realm="http://127.0.0.1:1/"`) }, given(token), "registry returned 401"},
		"no token is no header":  {func(w *world) { w.reg.Hook = guard("", "") }, given(func(o *registry.Options) { o.Token = "" }), ""},
		"a realm over plain HTTP": {func(w *world) {
			w.reg.Hook = guard("Bearer x", `Bearer realm="http://192.0.2.1/token"`)
		}, given(user), `refused to go on to "192.0.2.1" over plain HTTP`},
		"a realm that is a file": {func(w *world) {
			w.reg.Hook = guard("Bearer x", `Bearer realm="file:///etc/passwd"`)
		}, given(user), "unsupported scheme"},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t, 10)
			c.setup(w)
			_, _, err := w.pull(w.client(c.option(w)), registry.PullOptions{})
			if (err == nil) != (c.err == "") || err != nil && !strings.Contains(err.Error(), c.err) {
				t.Fatalf("want %q, found %v", c.err, err)
			}
			if err == nil {
				return
			}
			for _, secret := range []string{password, "s3cret-token", auth} {
				if strings.Contains(err.Error(), secret) {
					t.Errorf("the error tells the secret: %v", err)
				}
			}
		})
	}
}

// A credential helper is asked as docker asks it.
func TestCredentialHelper(t *testing.T) {
	w := newWorld(t, 10)
	w.reg.Hook = guard(basic("ada", password), `Basic realm="x"`)
	helper := filepath.Join(w.dir, "docker-credential-ferrytest")
	script := "#!/bin/sh\nread host\n[ \"$1 $host\" = \"get " + w.host + "\" ] && echo '{\"Username\":\"ada\",\"Secret\":\"" + password + "\"}'\n"
	if err := os.WriteFile(helper, []byte(script), 0o755); err != nil {
		t.Fatal(err)
	}
	t.Setenv("PATH", w.dir+string(os.PathListSeparator)+os.Getenv("PATH"))
	config := filepath.Join(w.dir, "config.json")
	if err := os.WriteFile(config, []byte(`{"credHelpers":{"`+w.host+`":"ferrytest"}}`), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, _, err := w.pull(w.client(func(o *registry.Options) { o.ConfigFile = config }), registry.PullOptions{}); err != nil {
		t.Fatal(err)
	}
}

// Blobs often lie elsewhere. No credential goes along with a redirect: not to
// another host, and not to another port of the same.
func TestRedirect(t *testing.T) {
	for name, c := range map[string]struct {
		want, challenge string
		option          func(*registry.Options)
	}{
		"basic":  {basic("ada", password), `Basic realm="x"`, func(o *registry.Options) { o.Username, o.Password = "ada", password }},
		"bearer": {"Bearer s3cret", "", func(o *registry.Options) { o.Token = "s3cret" }},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t, 1000)
			var mu sync.Mutex
			seen, asked := 0, 0
			storage := httptest.NewServer(http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
				mu.Lock()
				defer mu.Unlock()
				asked++
				if len(r.Header["Authorization"]) > 0 {
					seen++
				}
				switch {
				case strings.HasSuffix(r.URL.Path, registrytest.Digest(w.layer)):
					rw.Write(w.layer)
				case asked == 1:
					// It wants a credential of its own: it gets none.
					rw.Header().Set("WWW-Authenticate", `Basic realm="mine"`)
					rw.WriteHeader(http.StatusUnauthorized)
				default:
					rw.Write(w.config)
				}
			}))
			defer storage.Close()
			g := guard(c.want, c.challenge)
			w.hook(func(rw http.ResponseWriter, r *http.Request) bool {
				if g(rw, r) {
					return true
				}
				if strings.Contains(r.URL.Path, "/blobs/") {
					http.Redirect(rw, r, storage.URL+"/x?X-Signature=verysecret&of="+r.URL.Path, http.StatusTemporaryRedirect)
					return true
				}
				return false
			})
			_, _, err := w.pull(w.client(c.option, func(o *registry.Options) { o.Concurrency = 1 }), registry.PullOptions{})
			// The storage's 401 is final, and says who gave it; the signature
			// in the address is not repeated.
			var failed *registry.Error
			if !errors.As(err, &failed) || failed.Status != 401 || failed.By != strings.TrimPrefix(storage.URL, "http://") || strings.Contains(err.Error(), "verysecret") {
				t.Errorf("want the storage's 401, found %v", err)
			}
			w.hook(func(rw http.ResponseWriter, r *http.Request) bool {
				if g(rw, r) {
					return true
				}
				if strings.Contains(r.URL.Path, "/blobs/") {
					http.Redirect(rw, r, storage.URL+r.URL.Path, http.StatusTemporaryRedirect)
					return true
				}
				return false
			})
			if _, _, err := w.pull(w.client(c.option), registry.PullOptions{}); err != nil {
				t.Error(err)
			}
			if seen > 0 || asked < 3 {
				t.Errorf("the storage was asked %d times and saw %d credentials", asked, seen)
			}
		})
	}
}

// A token service that sends the request on does not send the password on.
func TestTokenRedirect(t *testing.T) {
	w := newWorld(t, 10)
	var seen []string
	elsewhere := httptest.NewServer(http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		seen = append(seen, r.Header.Get("Authorization"))
		fmt.Fprint(rw, `{"token":"exchanged"}`)
	}))
	defer elsewhere.Close()
	tokens(w, basic("ada", password))
	inner := w.reg.Hook
	w.reg.Hook = func(rw http.ResponseWriter, r *http.Request) bool {
		if r.URL.Path == "/token" {
			http.Redirect(rw, r, elsewhere.URL, http.StatusFound)
			return true
		}
		return inner(rw, r)
	}
	w.pull(w.client(func(o *registry.Options) { o.Username, o.Password = "ada", password }), registry.PullOptions{})
	for _, s := range seen {
		if s != "" {
			t.Errorf("elsewhere saw %q", s)
		}
	}
}

// TLS: a private authority is trusted when it is named, a client certificate is
// shown, and a loopback address that speaks TLS is recognised.
func TestTLS(t *testing.T) {
	w := newWorld(t, 10)
	srv := httptest.NewUnstartedServer(w.reg)
	srv.Config.ErrorLog = log.New(io.Discard, "", 0) // of handshakes that are meant to fail
	srv.StartTLS()
	defer srv.Close()
	w.host = strings.TrimPrefix(srv.URL, "https://")
	w.ref.Host = w.host
	ca := filepath.Join(w.dir, "ca.pem")
	if err := os.WriteFile(ca, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: srv.Certificate().Raw}), 0o644); err != nil {
		t.Fatal(err)
	}
	var unknown x509.UnknownAuthorityError
	if _, _, err := w.pull(w.client(), registry.PullOptions{}); !errors.As(err, &unknown) {
		t.Errorf("want an unknown authority, found %v", err)
	}
	if _, _, err := w.pull(w.client(func(o *registry.Options) { o.CAFile = ca }), registry.PullOptions{}); err != nil {
		t.Error(err)
	}
	if _, _, err := w.pull(w.client(func(o *registry.Options) { o.Insecure = true }), registry.PullOptions{}); err != nil {
		t.Error(err)
	}
	if _, _, err := w.pull(w.client(func(o *registry.Options) { o.PlainHTTP = true }), registry.PullOptions{}); err == nil {
		t.Error("want an error for plain HTTP")
	}
	// From TLS nothing goes on over plain HTTP, not even to this machine.
	w.hook(once(9, "GET /v2/team/app/blobs/", func(rw http.ResponseWriter, r *http.Request) {
		http.Redirect(rw, r, w.srv.URL+r.URL.Path, http.StatusTemporaryRedirect)
	}))
	if _, _, err := w.pull(w.client(func(o *registry.Options) { o.CAFile = ca }), registry.PullOptions{}); err == nil || !strings.Contains(err.Error(), "over plain HTTP") {
		t.Errorf("want a refusal, found %v", err)
	}
	w.hook(nil)
	// A client certificate.
	certFile, keyFile := clientCertificate(t, w.dir)
	var shown atomic.Bool
	w.hook(func(rw http.ResponseWriter, r *http.Request) bool {
		if c := r.TLS.PeerCertificates; len(c) > 0 && c[0].Subject.CommonName == "ferry test" {
			shown.Store(true)
		}
		return false
	})
	mutual := httptest.NewUnstartedServer(w.reg)
	mutual.TLS = srv.TLS.Clone()
	mutual.TLS.ClientAuth = 1 // request
	mutual.StartTLS()
	defer mutual.Close()
	w.ref.Host = strings.TrimPrefix(mutual.URL, "https://")
	if _, _, err := w.pull(w.client(func(o *registry.Options) { o.CAFile, o.CertFile, o.KeyFile = ca, certFile, keyFile }), registry.PullOptions{}); err != nil || !shown.Load() {
		t.Errorf("want the certificate shown, found %v, %v", shown.Load(), err)
	}
	for _, o := range []registry.Options{{CAFile: keyFile}, {CAFile: "nowhere.pem"}, {CertFile: certFile}, {CertFile: ca, KeyFile: keyFile}} {
		if _, err := registry.New(o); err == nil || strings.Contains(err.Error(), "BEGIN") {
			t.Errorf("%+v: want an error, found %v", o, err)
		}
	}
}

func clientCertificate(t *testing.T, dir string) (certFile, keyFile string) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "ferry test"}, NotAfter: time.Now().Add(time.Hour)}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	if err != nil {
		t.Fatal(err)
	}
	raw, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	certFile, keyFile = filepath.Join(dir, "client.pem"), filepath.Join(dir, "client.key")
	if err := os.WriteFile(certFile, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}), 0o644); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(keyFile, pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: raw}), 0o600); err != nil {
		t.Fatal(err)
	}
	return certFile, keyFile
}
