package main

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/base64"
	"encoding/pem"
	"fmt"
	"io"
	"log"
	"math/big"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/rogpeppe/go-internal/testscript"

	"github.com/ociferry/ferry/layout"
	"github.com/ociferry/ferry/layout/registry"
	"github.com/ociferry/ferry/layout/registry/registrytest"
)

// The account of registries that want a login: its name, its password, and the
// password's bcrypt hash for docker-registry.
const (
	user         = "ada"
	password     = "hunter2-secret"
	passwordHash = "$2a$04$EELyWzofZyaQiElf/iT21e7/elQVtQO1MZoCq2fBjbs6KfSMnBAR6"
)

// startRegistry NAME [tls] [login] [memory] [cut] [wrong]: starts a registry on
// loopback and puts its address into the variable NAME, and its certificate
// authority into ca.pem. It is Debian's docker-registry where that is
// installed, and else, or with "memory", one in the test. With "cut" it breaks
// off every blob of more than 4 KiB once, after half of it; with "wrong" it sends
// zeros in place of the first such blob.
func startRegistry(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 1 {
		ts.Fatalf("usage: registry NAME [tls] [login] [memory] [cut] [wrong]")
	}
	has := map[string]bool{}
	for _, a := range args[1:] {
		has[a] = true
	}
	var cert tls.Certificate
	if has["tls"] {
		cert = authority(ts)
	}
	program, err := exec.LookPath("docker-registry")
	if err != nil || has["memory"] || has["cut"] || has["wrong"] {
		ts.Setenv(args[0], inMemory(ts, has, cert))
		return
	}
	ts.Setenv(args[0], dockerRegistry(ts, program, has))
}

// authority makes a private authority and a certificate for loopback.
func authority(ts *testscript.TestScript) tls.Certificate {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	ts.Check(err)
	root := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "ferry test authority"}, NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
		IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign,
	}
	rootDER, err := x509.CreateCertificate(rand.Reader, root, root, &key.PublicKey, key)
	ts.Check(err)
	leafKey, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	ts.Check(err)
	leaf := &x509.Certificate{
		SerialNumber: big.NewInt(2), Subject: pkix.Name{CommonName: "registry"}, NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
		IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)}, DNSNames: []string{"localhost"}, ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth},
	}
	leafDER, err := x509.CreateCertificate(rand.Reader, leaf, root, &leafKey.PublicKey, key)
	ts.Check(err)
	raw, err := x509.MarshalPKCS8PrivateKey(leafKey)
	ts.Check(err)
	certPEM := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: leafDER})
	keyPEM := pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: raw})
	for name, data := range map[string][]byte{"ca.pem": pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: rootDER}), "server.pem": certPEM, "server.key": keyPEM} {
		ts.Check(os.WriteFile(ts.MkAbs(name), data, 0o600))
	}
	cert, err := tls.X509KeyPair(certPEM, keyPEM)
	ts.Check(err)
	return cert
}

func inMemory(ts *testscript.TestScript, has map[string]bool, cert tls.Certificate) string {
	g := &registrytest.Registry{}
	var mu sync.Mutex
	was := map[string]bool{}
	g.Hook = func(w http.ResponseWriter, r *http.Request) bool {
		want := "Basic " + base64.StdEncoding.EncodeToString([]byte(user+":"+password))
		if has["login"] && r.Header.Get("Authorization") != want {
			w.Header().Set("WWW-Authenticate", `Basic realm="test"`)
			registrytest.Fail(w, http.StatusUnauthorized, "UNAUTHORIZED")
			return true
		}
		repository, digest, ok := strings.Cut(strings.TrimPrefix(r.URL.Path, "/v2/"), "/blobs/")
		if !has["cut"] && !has["wrong"] || !ok || r.Method != http.MethodGet {
			return false
		}
		data := g.Blob(repository, digest)
		mu.Lock()
		cut := len(data) > 4<<10 && !was[digest]
		was[digest] = true
		if has["wrong"] && cut {
			has["wrong"], cut = false, false
			w.Write(make([]byte, len(data)))
			mu.Unlock()
			return true
		}
		cut = cut && has["cut"]
		mu.Unlock()
		if cut {
			w.Header().Set("Content-Length", strconv.Itoa(len(data)))
			w.Write(data[:len(data)/2])
			w.(http.Flusher).Flush()
			panic(http.ErrAbortHandler)
		}
		return false
	}
	srv := httptest.NewUnstartedServer(g)
	srv.Config.ErrorLog = log.New(io.Discard, "", 0) // of connections that are meant to break
	if has["tls"] {
		srv.TLS = &tls.Config{Certificates: []tls.Certificate{cert}}
		srv.StartTLS()
	} else {
		srv.Start()
	}
	ts.Defer(srv.Close)
	return srv.Listener.Addr().String()
}

func dockerRegistry(ts *testscript.TestScript, program string, has map[string]bool) string {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	ts.Check(err)
	addr := l.Addr().String()
	ts.Check(l.Close())
	dir := ts.MkAbs(".registry-" + strings.ReplaceAll(addr, ":", "-"))
	ts.Check(os.MkdirAll(dir, 0o755))
	config := fmt.Sprintf("version: 0.1\nlog: {level: error, accesslog: {disabled: true}}\nstorage: {filesystem: {rootdirectory: %q}}\nhttp:\n  addr: %q\n", filepath.Join(dir, "data"), addr)
	if has["tls"] {
		config += fmt.Sprintf("  tls: {certificate: %q, key: %q}\n", ts.MkAbs("server.pem"), ts.MkAbs("server.key"))
	}
	if has["login"] {
		ts.Check(os.WriteFile(filepath.Join(dir, "htpasswd"), []byte(user+":"+passwordHash+"\n"), 0o600))
		config += fmt.Sprintf("auth: {htpasswd: {realm: test, path: %q}}\n", filepath.Join(dir, "htpasswd"))
	}
	name := filepath.Join(dir, "config.yml")
	ts.Check(os.WriteFile(name, []byte(config), 0o644))
	cmd := exec.Command(program, "serve", name)
	cmd.Env = append(os.Environ(), "OTEL_TRACES_EXPORTER=none")
	ts.Check(cmd.Start())
	ended := make(chan struct{})
	go func() { cmd.Wait(); close(ended) }()
	ts.Defer(func() { cmd.Process.Kill(); <-ended })
	for range 200 {
		c, err := net.Dial("tcp", addr)
		if err == nil {
			c.Close()
			return addr
		}
		select {
		case <-ended:
			ts.Fatalf("docker-registry has ended")
		case <-time.After(50 * time.Millisecond):
		}
	}
	ts.Fatalf("docker-registry does not answer on %s", addr)
	return ""
}

// login FILE HOST: writes docker's configuration with the login to a registry.
func login(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 2 {
		ts.Fatalf("usage: login FILE HOST")
	}
	auth := base64.StdEncoding.EncodeToString([]byte(user + ":" + password))
	ts.Check(os.WriteFile(ts.MkAbs(args[0]), fmt.Appendf(nil, `{"auths":{%q:{"auth":%q}}}`, args[1], auth), 0o600))
}

// upload DIR REF: puts the first artifact of a layout into a registry, which
// ferry push does with none that ferry verify refuses.
func upload(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 2 {
		ts.Fatalf("usage: upload DIR REF")
	}
	ctx := context.Background()
	ref, err := registry.Parse(args[1])
	ts.Check(err)
	r, err := layout.OpenDir(ts.MkAbs(args[0]))
	ts.Check(err)
	defer r.Close()
	c, err := r.Contents(ctx)
	ts.Check(err)
	client, err := registry.New(registry.Options{PlainHTTP: true})
	ts.Check(err)
	defer client.Close()
	_, err = client.Push(ctx, c, c.Index.Manifests[0], ref, []string{ref.Tag}, nil)
	ts.Check(err)
}
