package ui

import (
	"crypto/x509"
	"errors"
	"net"
	"net/http"
	"strings"
	"syscall"

	"github.com/ociferry/ferry/layout"
	"github.com/ociferry/ferry/layout/registry"
)

// TokenVariable holds a bearer token, as for the original's tasks. Empty means
// unset.
const TokenVariable = "LEI_REGISTRY_TOKEN"

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
		proxy     *registry.ProxyError
	)
	switch {
	case errors.As(err, &proxy):
		return CodeMisuse, "set " + proxy.Variable + " right, or unset it to go without a proxy"
	case errors.As(err, &reference):
		return CodeMisuse, "for example oci://registry.example.com/team/app:1.0, or registry.example.com/team/app@sha256:..."
	case errors.As(err, &pin):
		return CodeBad, "ask who gave you the digest: either the tag has been moved, or this is not the registry you think it is; the digest alone, without the tag, asks for the old content"
	case errors.As(err, &content):
		return CodeBad, "do not use it: the registry, a proxy before it or the address is wrong"
	case errors.As(err, &platform):
		return CodeMisuse, "choose one of these with --platform, or leave it out to take all"
	case errors.As(err, &tags):
		return CodeFailed, "push again: what is there is not sent again"
	case errors.As(err, &failed):
		return CodeFailed, RegistryHint(failed)
	}
	return 0, ""
}

// RegistryHint is the next step after a request that was not served.
func RegistryHint(err *registry.Error) string {
	name, _, _ := strings.Cut(strings.TrimPrefix(err.Reference, "["), "@")
	if i := strings.LastIndexByte(name, ':'); i > strings.LastIndexByte(name, '/') {
		name = name[:i]
	}
	var login *registry.LoginError
	switch {
	case errors.As(err, &login):
		return "log in again with docker login or oras login, or check the file and the helper that it names"
	case err.Status == http.StatusUnauthorized:
		return "log in: docker login or oras login, -u USER --password-stdin, or a bearer token in " + TokenVariable
	case err.Status == http.StatusForbidden:
		return "the credential is not allowed to do this there: ask for the right, or use another one"
	case err.Status == http.StatusNotFound && name == err.Reference:
		return "check the name: the registry has no such repository, or does not show it without a login"
	case err.Status == http.StatusNotFound:
		return "check the name; ferry ls " + ShellWord(name) + " shows the tags that are there"
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
