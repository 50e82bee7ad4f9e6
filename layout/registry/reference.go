package registry

import (
	"fmt"
	"net"
	"net/netip"
	"regexp"
	"strconv"
	"strings"
	"sync"

	"github.com/opencontainers/go-digest"

	"github.com/ociferry/ferry/layout"
)

// DefaultRepository is the repository of a reference that is a host alone.
const DefaultRepository = "lei-cache"

// A Reference names a repository in a registry, and something in it.
type Reference struct {
	Host       string // with the port, if there is one; lower case
	Repository string
	Tag        string        // "" when none was given
	Digest     digest.Digest // "" when none was given
}

// String is the reference as Parse reads it, without a scheme.
func (r Reference) String() string {
	s := r.Name()
	if r.Tag != "" {
		s += ":" + r.Tag
	}
	if r.Digest != "" {
		s += "@" + string(r.Digest)
	}
	return s
}

// Name is the host and the repository.
func (r Reference) Name() string { return r.Host + "/" + r.Repository }

// asked is what a registry is asked for: the digest, or else the tag.
func (r Reference) asked() string {
	switch {
	case r.Digest != "" && r.Tag == "":
		return string(r.Digest)
	case r.Tag == "":
		return "latest"
	}
	return r.Tag
}

// A ReferenceError is text that is no reference.
type ReferenceError struct {
	Text string // "" where it must not be repeated
	Msg  string
}

func (e *ReferenceError) Error() string {
	if e.Text == "" {
		return "invalid OCI reference: " + e.Msg
	}
	return fmt.Sprintf("invalid OCI reference: %s: %s", layout.Printable(e.Text), e.Msg)
}

// The grammar of the distribution specification ("Pulling manifests"), and of
// host names.
var (
	repositoryPattern = pattern(`^[a-z0-9]+(?:(?:\.|_|__|-+)[a-z0-9]+)*(?:/[a-z0-9]+(?:(?:\.|_|__|-+)[a-z0-9]+)*)*$`)
	labelPattern      = pattern(`^[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?$`)
	schemePattern     = pattern(`^([A-Za-z][A-Za-z0-9+.-]*)://`)
	// atDigestPattern is what is meant as a digest, right or wrong.
	atDigestPattern = pattern(`^(?:sha[0-9]+:.*|[a-z0-9+._-]+:[0-9A-Za-z=_-]{32,})$`)
)

// Parse reads a reference: [oci://]HOST[:PORT][/REPOSITORY][:TAG][@DIGEST]. The
// scheme may be in any case, and space around it all is dropped. A host alone
// means DefaultRepository; there is no default host. The error is a
// *ReferenceError.
func Parse(text string) (Reference, error) {
	s := strings.TrimSpace(text)
	for {
		m := schemePattern().FindStringSubmatch(s)
		if m == nil {
			break
		}
		if !strings.EqualFold(m[1], "oci") {
			return Reference{}, &ReferenceError{Msg: fmt.Sprintf("the scheme %s:// is not supported, want oci://HOST/REPOSITORY:TAG or the same without a scheme", m[1])}
		}
		s = s[len(m[0]):]
	}
	fail := func(format string, args ...any) (Reference, error) {
		return Reference{}, &ReferenceError{text, fmt.Sprintf(format, args...)}
	}
	if name, dgst, ok := strings.Cut(s, "@"); ok && !atDigestPattern().MatchString(dgst) {
		if !strings.ContainsAny(name, "/") || strings.ContainsAny(dgst, "@/") {
			return Reference{}, &ReferenceError{Msg: "a user or password does not belong into a reference; use -u and --password-stdin"}
		}
		return Reference{}, &ReferenceError{Msg: "what follows @ is not a digest; want sha256: and 64 hexadecimal digits"}
	}
	host, rest, slash := strings.Cut(s, "/")
	r := Reference{Host: strings.ToLower(host)}
	if err := checkHost(r.Host); err != nil {
		return fail("%v", err)
	}
	if !slash {
		r.Repository = DefaultRepository
		return r, nil
	}
	rest, dgst, pinned := strings.Cut(rest, "@")
	repository, tag, tagged := strings.Cut(rest, ":")
	r.Repository = repository
	if r.Host == "docker.io" && !strings.Contains(repository, "/") {
		r.Repository = "library/" + repository
	}
	switch {
	case repository == "":
		return fail("the repository is empty")
	case len(r.Name()) > 255:
		return fail("host and repository are longer than 255 characters")
	case !repositoryPattern().MatchString(repository) && repositoryPattern().MatchString(strings.ToLower(repository)):
		return fail("the repository %s has upper-case letters", layout.Printable(repository))
	case !repositoryPattern().MatchString(repository):
		return fail("want a repository of lower-case letters, digits and single separators, found %s", layout.Printable(repository))
	case tagged && !layout.ValidTag(tag):
		return fail("want a tag of letters, digits, '.', '_' and '-', at most 128, found %s", layout.Printable(tag))
	}
	r.Tag = tag
	if pinned {
		d, err := layout.ParseDigest(dgst)
		if err != nil {
			return fail("%v", err)
		}
		r.Digest = d
	}
	return r, nil
}

// ParseHost reads a host with an optional path below it, as Parse does, without
// a tag or digest: where several repositories go. The path may be empty.
func ParseHost(text string) (host, path string, err error) {
	s := strings.TrimSuffix(strings.TrimSpace(text), "/")
	probe := s
	bare := !strings.Contains(strings.TrimPrefix(strings.ToLower(s), "oci://"), "/")
	r, err := Parse(probe)
	if err != nil {
		return "", "", err
	}
	if r.Tag != "" || r.Digest != "" {
		return "", "", &ReferenceError{text, "want a host and a path, found a tag or digest"}
	}
	if bare {
		return r.Host, "", nil
	}
	return r.Host, r.Repository, nil
}

// Userinfo is the user and password in what may be meant as a reference, with
// the @ that ends them, or "". Parse refuses them, and no message may repeat them.
func Userinfo(text string) string {
	s := strings.TrimSpace(text)
	scheme := schemePattern().FindString(s)
	s = s[len(scheme):]
	at := strings.LastIndexByte(s, '@')
	if at >= 0 && atDigestPattern().MatchString(s[at+1:]) {
		s = s[:at]
		at = strings.LastIndexByte(s, '@')
	}
	if at < 0 || scheme == "" && !strings.Contains(s[:at], ":") && !strings.Contains(s[at:], "/") {
		return ""
	}
	return s[:at+1]
}

// checkHost checks a lower-case host name or address with an optional port.
func checkHost(s string) error {
	host, port := s, ""
	bracket := strings.HasPrefix(s, "[")
	if i := strings.LastIndexByte(s, ':'); i >= 0 && (!bracket || i > strings.IndexByte(s, ']')) {
		host, port = s[:i], s[i+1:]
		if n, err := strconv.ParseUint(port, 10, 16); err != nil || n == 0 || port[0] == '0' {
			return fmt.Errorf("want HOST:PORT with a port from 1 to 65535, found %s", layout.Printable(s))
		}
	}
	if host == "" {
		return fmt.Errorf("the host is empty")
	}
	if bracket {
		a, err := netip.ParseAddr(strings.TrimSuffix(strings.TrimPrefix(host, "["), "]"))
		if err != nil || !a.Is6() || a.Zone() != "" || !strings.HasSuffix(host, "]") {
			return fmt.Errorf("want an IPv6 address in brackets, found %s", layout.Printable(host))
		}
		return nil
	}
	if len(host) > 253 {
		return fmt.Errorf("the host is longer than 253 characters")
	}
	for _, label := range strings.Split(host, ".") {
		if !labelPattern().MatchString(label) {
			return fmt.Errorf("want a host name, found %s", layout.Printable(host))
		}
	}
	return nil
}

// loopback reports whether a host, with or without a port, is this machine by
// its very name.
func loopback(host string) bool {
	if h, _, err := net.SplitHostPort(host); err == nil {
		host = h
	}
	host = strings.Trim(host, "[]")
	if host == "localhost" || strings.HasSuffix(host, ".localhost") {
		return true
	}
	a, err := netip.ParseAddr(host)
	return err == nil && a.Unmap().IsLoopback()
}

// pattern is an expression that is compiled when it is first asked for, since
// few runs of a command ask for many.
func pattern(expression string) func() *regexp.Regexp {
	return sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(expression) })
}
