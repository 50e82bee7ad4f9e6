package lei

import (
	"bytes"
	"strings"
)

// The tables of what names a secret and of what looks like one. The words are
// those of the filters that Phoenix, Rails (ActiveSupport's parameter filter)
// and Sentry have by default, and of libpq's connection strings; the shapes are
// published by the services that hand the tokens out, and listed by GitHub's
// secret scanning and by gitleaks.

// secretWords name a secret wherever they stand in a key, in any case.
var secretWords = [][]byte{
	[]byte("secret"), []byte("token"), []byte("password"), []byte("passwd"), []byte("passphrase"), []byte("passcode"),
	[]byte("credential"), []byte("key"), []byte("authorization"), []byte("cookie"), []byte("bearer"), []byte("connection_string"), []byte("connectionstring"),
}

// secretParts name a secret where they are a whole part of a key, with or
// without an s: db_pass and dbPass, but not compass.
var secretParts = map[string]bool{
	"pass": true, "pwd": true, "pw": true, "dsn": true, "salt": true, "cred": true, "jwt": true, "sas": true, "pat": true,
	"otp": true, "totp": true, "hmac": true, "pin": true, "pem": true,
}

// isSecret says whether a key of data.config names a secret.
func isSecret(name []byte) bool {
	var small [64]byte
	lower := small[:0]
	for _, c := range name {
		if c >= 'A' && c <= 'Z' {
			c |= 0x20
		}
		lower = append(lower, c)
	}
	for _, w := range secretWords {
		if bytes.Contains(lower, w) {
			return true
		}
	}
	// The parts of snake_case, kebab-case and camelCase.
	for from, i := 0, 0; i <= len(name); i++ {
		end := i == len(name) || !isAlnum(name[i])
		hump := !end && i > from && isUpper(name[i]) && !isUpper(name[i-1])
		if !end && !hump {
			continue
		}
		part := string(lower[from:i])
		if secretParts[part] || secretParts[strings.TrimSuffix(part, "s")] || secretParts[strings.TrimSuffix(part, "es")] {
			return true
		}
		if from = i; end {
			from++
		}
	}
	return false
}

func isUpper(c byte) bool { return c >= 'A' && c <= 'Z' }

func isAlnum(c byte) bool {
	return c >= '0' && c <= '9' || c|0x20 >= 'a' && c|0x20 <= 'z'
}

// A shape is how the tokens of a service begin, and how many characters, of
// those that a token has, follow at the least.
type shape struct {
	prefix string
	least  int
}

var shapes = []shape{
	{"AKIA", 16}, {"ASIA", 16}, {"ABIA", 16}, {"ACCA", 16}, // AWS
	{"ghp_", 30}, {"gho_", 30}, {"ghu_", 30}, {"ghs_", 30}, {"ghr_", 30}, {"github_pat_", 22}, // GitHub
	{"glpat-", 20}, {"gldt-", 20}, {"glrt-", 20}, {"glptt-", 20}, {"glcbt-", 20}, {"glft-", 20}, {"glagent-", 20}, // GitLab
	{"xoxa-", 10}, {"xoxb-", 10}, {"xoxe-", 10}, {"xoxe.", 10}, {"xoxp-", 10}, {"xoxr-", 10}, {"xoxs-", 10}, {"xapp-", 10}, {"hooks.slack.com/services/", 20}, // Slack
	{"AIza", 35}, {"ya29.", 20}, {"GOCSPX-", 20}, // Google
	{"sk_live_", 16}, {"sk_test_", 16}, {"rk_live_", 16}, {"rk_test_", 16}, {"whsec_", 16}, // Stripe
	{"npm_", 36}, {"pypi-", 50}, {"rubygems_", 40}, {"dckr_pat_", 20}, {"hf_", 30}, // registries
	{"hvs.", 20}, {"hvb.", 20}, {"dop_v1_", 40}, {"doo_v1_", 40}, {"dor_v1_", 40}, // HashiCorp, DigitalOcean
	{"SG.", 40}, {"key-", 32}, {"sk-", 20}, {"AGE-SECRET-KEY-1", 50}, {"shpat_", 32}, {"shpss_", 32}, {"lin_api_", 30}, {"ATATT3", 50},
	{"AccountKey=", 20}, {"SharedAccessKey=", 20}, {"sig=", 40}, // Azure
}

// hasShape reports whether a string looks like a secret, or holds one.
func hasShape(text []byte) bool {
	for _, s := range shapes {
		for rest := text; ; {
			i := bytes.Index(rest, []byte(s.prefix))
			if i < 0 {
				break
			}
			whole := i == 0 || !isAlnum(rest[i-1]) || len(s.prefix) > 6
			rest = rest[i+len(s.prefix):]
			// Words with hyphens are no tokens: those have digits.
			if n := tokenLen(rest); whole && n >= s.least && bytes.ContainsAny(rest[:n], "0123456789") {
				return true
			}
		}
	}
	return bytes.Contains(text, []byte("PRIVATE KEY-----")) || isJWT(text) || hasScheme(text) || hasPassword(text)
}

func tokenLen(text []byte) int {
	n := 0
	for n < len(text) && (isAlnum(text[n]) || bytes.IndexByte([]byte("_-./+=%"), text[n]) >= 0) {
		n++
	}
	return n
}

// isJWT reports whether a JSON Web Token (RFC 7519) is in text: a header and
// claims in base64, both JSON objects.
func isJWT(text []byte) bool {
	i := bytes.Index(text, []byte("eyJ"))
	if i < 0 {
		return false
	}
	head, rest, ok := bytes.Cut(text[i:], []byte("."))
	return ok && tokenLen(head) == len(head) && bytes.HasPrefix(rest, []byte("eyJ"))
}

// hasScheme reports whether text is the value of an Authorization header (RFC
// 9110, 11.4): a scheme, and what proves who asks.
func hasScheme(text []byte) bool {
	for _, scheme := range []string{"bearer ", "basic ", "token ", "apikey "} {
		if len(text) > len(scheme)+7 && bytes.EqualFold(text[:len(scheme)], []byte(scheme)) && tokenLen(text[len(scheme):]) == len(text)-len(scheme) {
			return true
		}
	}
	return false
}

// hasPassword reports whether a URL with a password is in text (RFC 3986,
// 3.2.1): scheme://user:password@host, or without the user.
func hasPassword(text []byte) bool {
	for rest := text; ; {
		i := bytes.Index(rest, []byte("://"))
		if i < 0 {
			return false
		}
		rest = rest[i+3:]
		end := bytes.IndexAny(rest, "/?# \t\"'")
		if end < 0 {
			end = len(rest)
		}
		at := bytes.LastIndexByte(rest[:end], '@')
		if colon := bytes.IndexByte(rest[:end], ':'); colon >= 0 && colon < at-1 {
			return true
		}
	}
}
