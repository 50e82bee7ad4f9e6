package ui

import (
	"net"
	"net/http"
	"strings"
	"testing"

	"github.com/ociferry/ferry/layout/registry"
)

// Hints that depend on what a name server or a TLS server says.
func TestRegistryHint(t *testing.T) {
	for _, c := range []struct {
		err  *registry.Error
		want string
	}{
		{&registry.Error{Reference: "alpine:3/lei-cache:latest", Err: &net.DNSError{Name: "alpine", IsNotFound: true}}, "alpine is taken for one"},
		{&registry.Error{Reference: "registry.example/x:1", Err: &net.DNSError{Name: "registry.example", IsNotFound: true}}, "check the registry's host name"},
		{&registry.Error{Reference: "registry/x:1", Err: &net.DNSError{Name: "registry", IsTimeout: true}}, "check the registry's host name"},
		{&registry.Error{Reference: "registry.example/x:1", Status: http.StatusBadRequest, Body: "Client sent an HTTP request to an HTTPS server."}, "leave --plain-http out"},
	} {
		if hint := RegistryHint(c.err); !strings.Contains(hint, c.want) {
			t.Errorf("%v: %q, want %q in it", c.err, hint, c.want)
		}
	}
}
