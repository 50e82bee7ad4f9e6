package registry

import (
	"strings"
	"testing"
)

const sum = "sha256:d7c76766a34d131473a104d5ac37a5a38d353a770076e67abfd9d8b0c1025667"

// What the original made of a reference, where it is kept and where not.
func TestParse(t *testing.T) {
	for _, c := range []struct{ in, want, err string }{
		// Kept.
		{"ghcr.io/org/lei-cache:latest", "ghcr.io/org/lei-cache:latest", ""},
		{"oci://ghcr.io/org/lei-cache:latest", "ghcr.io/org/lei-cache:latest", ""},
		{"oci://oci://ghcr.io/org/lei-cache:latest", "ghcr.io/org/lei-cache:latest", ""},
		{"localhost:5000/lei-cache:2026-02-05", "localhost:5000/lei-cache:2026-02-05", ""},
		{"a/b", "a/b", ""}, // no default host
		{"ghcr.io", "ghcr.io/lei-cache", ""},
		{"localhost:5000", "localhost:5000/lei-cache", ""},
		{"h.io/r", "h.io/r", ""},
		// New.
		{"h.io/r@" + sum, "h.io/r@" + sum, ""},
		{"h.io/r:t@" + sum, "h.io/r:t@" + sum, ""},
		{"OCI://h.io/r:t", "h.io/r:t", ""},
		{"  oci://h.io/r:t\n", "h.io/r:t", ""},
		{"GHCR.io/r:T", "ghcr.io/r:T", ""},
		{"[::1]:5000/r:t", "[::1]:5000/r:t", ""},
		{"127.0.0.1/a/b__c/d--e.f:_x", "127.0.0.1/a/b__c/d--e.f:_x", ""},
		{"docker.io/alpine:3", "docker.io/library/alpine:3", ""},
		// Refused.
		{"https://h.io/r:t", "", `the scheme https:// is not supported`},
		{"docker://h.io/r:t", "", `the scheme docker:// is not supported`},
		{"file:///etc/passwd", "", `the scheme file:// is not supported`},
		{"oci://https://h.io/r", "", `the scheme https:// is not supported`},
		{"", "", "the host is empty"},
		{"oci://", "", "the host is empty"},
		{"/a/b", "", "the host is empty"},
		{"ghcr.io/", "", "the repository is empty"},
		{"ghcr.io/:t", "", "the repository is empty"},
		{"ghcr.io/a:", "", "want a tag"},
		{"ghcr.io/a/:t", "", "want a repository"},
		{"ghcr.io//a:t", "", "want a repository"},
		{"h.io/r E:t", "", "want a repository"},
		{"h.io/R:t", "", "upper-case"},
		{"h.io/r:t/../x", "", "want a tag"},
		{"h.io/../x:t", "", "want a repository"},
		{"h.io/r:-t", "", "want a tag"},
		{"h.io/r:" + strings.Repeat("t", 129), "", "want a tag"},
		{"h.io/" + strings.Repeat("r", 256), "", "longer than 255"},
		{"h.io/r@sha256:abc", "", "want 64 hexadecimal digits"},
		{"h.io/r@sha256:" + strings.Repeat("A", 64), "", "lower-case"},
		{"h.io/r@md5:" + strings.Repeat("a", 32), "", "unsupported algorithm"},
		{"h.io/r?x=y", "", "want a repository"},
		{"h.io/r#x", "", "want a repository"},
		{"h.io/r%2e", "", "want a repository"},
		{"h.io:0/r", "", "port"},
		{"h.io:99999/r", "", "port"},
		{"h.io:x/r", "", "port"},
		{"h_o.io/r", "", "want a host name"},
		{"-h.io/r", "", "want a host name"},
		{"h..io/r", "", "want a host name"},
		{"[::1/r", "", "IPv6"},
		{"[h.io]/r", "", "IPv6"},
		{"user:hunter2@h.io/r:t", "", "a user or password does not belong into a reference"},
		{"oci://user:hunter2@h.io/r:t", "", "a user or password does not belong into a reference"},
		{"user:hunter2@h.io", "", "a user or password does not belong into a reference"},
		{"user:hunter2@h.io:5000", "", "a user or password does not belong into a reference"},
		{"user:hun/hunter2@h.io/r", "", "a user or password does not belong into a reference"},
		{"user:hunter2@h.io/r@" + sum, "", "a user or password does not belong into a reference"},
		{"hunter2@h.io/r", "", "a user or password does not belong into a reference"},
		{"h.io/r@hunter2", "", "what follows @ is not a digest"},
		{"h.io/r\x1b[31m:t", "", "want a repository"},
	} {
		got, err := Parse(c.in)
		switch {
		case err == nil && (c.err != "" || got.String() != c.want):
			t.Errorf("%q: want %q %q, found %q", c.in, c.want, c.err, got)
		case err != nil && (c.err == "" || !strings.Contains(err.Error(), c.err)):
			t.Errorf("%q: want %q %q, found the error %v", c.in, c.want, c.err, err)
		case err != nil && (strings.Contains(err.Error(), "hunter2") || strings.Contains(err.Error(), "\x1b")):
			t.Errorf("%q: the error repeats what it must not: %q", c.in, err)
		case err == nil:
			if again, err := Parse(got.String()); err != nil || again != got {
				t.Errorf("%q: what it prints is not what it reads: %v, %v", c.in, again, err)
			}
		}
	}
}

// What may be a user and a password is told from a digest.
func TestUserinfo(t *testing.T) {
	for text, want := range map[string]string{
		"oci://user:hunter2@h.io/r:t": "user:hunter2@",
		"https://hunter2@h.io":        "hunter2@",
		"user:hunter2@h.io:5000":      "user:hunter2@",
		"user:a@b@h.io/r":             "user:a@b@",
		"user:a/b@h.io/r":             "user:a/b@",
		"hunter2@h.io/r:t":            "hunter2@",
		"user:hunter2@h.io/r@" + sum:  "user:hunter2@",
		"h.io/r:t@" + sum:             "",
		"h.io/r@sha256:abc":           "",
		"bundle.tar@" + sum:           "",
		"bundle.tar@latest":           "",
		"h.io/r:t":                    "",
		"oci://h.io:5000/r":           "",
	} {
		if got := Userinfo(text); got != want {
			t.Errorf("%s: want %q, found %q", text, want, got)
		}
	}
}

func TestParseHost(t *testing.T) {
	for _, c := range []struct{ in, host, path string }{
		{"reg:5000", "reg:5000", ""},
		{"oci://reg:5000/", "reg:5000", ""},
		{"reg:5000/mirror/lei", "reg:5000", "mirror/lei"},
		{"reg:5000/mirror:tag", "", ""},
		{"https://reg", "", ""},
	} {
		host, path, err := ParseHost(c.in)
		if host != c.host || path != c.path || (err == nil) != (c.host != "") {
			t.Errorf("%q: want %q %q, found %q %q %v", c.in, c.host, c.path, host, path, err)
		}
	}
}

func FuzzParse(f *testing.F) {
	for _, s := range []string{"oci://h/r:t@" + sum, "h:1/a/b", "[::1]:1/x"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		r, err := Parse(s)
		if err != nil {
			return
		}
		if again, err := Parse(r.String()); err != nil || again != r {
			t.Errorf("%q: %v is read back as %v, %v", s, r, again, err)
		}
	})
}

func TestLoopback(t *testing.T) {
	for host, want := range map[string]bool{
		"localhost": true, "localhost:5000": true, "x.localhost": true, "127.0.0.1:1": true, "127.9.9.9": true, "[::1]:5000": true, "[::ffff:127.0.0.1]": true,
		"localhost.example": false, "10.0.0.1": false, "registry": false, "[fe80::1]:1": false, "127.0.0.1.nip.io": false,
	} {
		if loopback(host) != want {
			t.Errorf("%s: want %v", host, want)
		}
	}
}
