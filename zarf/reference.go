package zarf

import (
	"errors"
	"fmt"
	"regexp"
	"strings"
	"sync"
)

// A reference is an image name in its parts, as Zarf and containerd parse it
// (github.com/distribution/reference, "normalized" form).
type reference struct {
	domain string // host, with the port if there is one
	path   string
	tag    string
	digest string
}

var (
	domainPattern = pattern(`^(?:(?:[a-zA-Z0-9]|[a-zA-Z0-9][a-zA-Z0-9-]*[a-zA-Z0-9])(?:\.(?:[a-zA-Z0-9]|[a-zA-Z0-9][a-zA-Z0-9-]*[a-zA-Z0-9]))*|\[[a-fA-F0-9:]+\])(?::[0-9]+)?$`)
	pathPattern   = pattern(`^[a-z0-9]+(?:(?:\.|_|__|-+)[a-z0-9]+)*(?:/[a-z0-9]+(?:(?:\.|_|__|-+)[a-z0-9]+)*)*$`)
	tagPattern    = pattern(`^[A-Za-z0-9_][A-Za-z0-9_.-]*$`)
	digestPattern = pattern(`^sha256:[0-9a-f]{64}$`)
	// Names are also pinned by sha512; what ferry writes is sha256 only.
	anyDigestPattern = pattern(`^(?:sha256:[0-9a-f]{64}|sha512:[0-9a-f]{128})$`)
	hexPattern       = pattern(`^[0-9a-f]{64}$`)
)

// parseReference parses s the way Zarf does: a name without a domain is one of
// docker.io, and a name without a tag is :latest.
func parseReference(s string) (reference, error) {
	var r reference
	rest := strings.TrimPrefix(s, "oci://")
	if hexPattern().MatchString(rest) {
		return r, errors.New("64 hexadecimal digits are an image ID and not a name")
	}
	if name, digest, ok := strings.Cut(rest, "@"); ok {
		if !anyDigestPattern().MatchString(digest) {
			return r, fmt.Errorf("%q is not a sha256 or sha512 digest", digest)
		}
		rest, r.digest = name, digest
	}
	if i := strings.LastIndexByte(rest, ':'); i > strings.LastIndexByte(rest, '/') {
		rest, r.tag = rest[:i], rest[i+1:]
		if !validTag(r.tag) {
			return r, fmt.Errorf("%q is not a tag ([A-Za-z0-9_.-], at most 128)", r.tag)
		}
	}
	first, after, found := strings.Cut(rest, "/")
	if found && (strings.ContainsAny(first, ".:") || first == "localhost" || strings.ToLower(first) != first) {
		r.domain, r.path = first, after
	} else {
		r.domain, r.path = "docker.io", rest
	}
	if r.domain == "index.docker.io" {
		r.domain = "docker.io"
	}
	if r.domain == "docker.io" && !strings.Contains(r.path, "/") {
		r.path = "library/" + r.path
	}
	switch {
	case !domainPattern().MatchString(r.domain):
		return r, fmt.Errorf("%q is not a registry's name", r.domain)
	case !pathPattern().MatchString(r.path):
		return r, fmt.Errorf("%q is not a repository (lower-case letters, digits, and . _ - / between them)", r.path)
	case len(r.domain)+1+len(r.path) > 255:
		return r, errors.New("the name is longer than 255 bytes")
	}
	if r.tag == "" && r.digest == "" {
		r.tag = "latest"
	}
	return r, nil
}

// validTag bounds the length beside the expression, which compiles {0,127} into
// as many levels.
func validTag(tag string) bool { return len(tag) <= 128 && tagPattern().MatchString(tag) }

// repository is the name without tag and digest.
func (r reference) repository() string { return r.domain + "/" + r.path }

// String is the form in which Zarf compares names.
func (r reference) String() string {
	s := r.repository()
	if r.tag != "" {
		s += ":" + r.tag
	}
	if r.digest != "" {
		s += "@" + r.digest
	}
	return s
}

// internal says whether the name is under a .internal domain, which Zarf's
// lint wants of every name under imageArchives.
func (r reference) internal() bool {
	host, _, _ := strings.Cut(r.domain, ":")
	return strings.HasSuffix(host, ".internal")
}

// pattern is an expression that is compiled when it is first asked for, since
// few runs of a command ask for many.
func pattern(expression string) func() *regexp.Regexp {
	return sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(expression) })
}
