package lei

import (
	"bytes"
	"slices"
	"strings"
)

// What names a secret, and what looks like one. The words are those of the
// keyword detector of Yelp's detect-secrets, of what Phoenix, Rails and Sentry
// filter by default, of libpq's connection strings and of Erlang's settings; the
// shapes are the prefixes that the vendors document, as GitHub's secret scanning
// and gitleaks list them. A new one is a line here.

// secretWords name a secret wherever they stand in a key, in any case and
// whatever stands between their letters; by their first bytes.
var secretWords = byFirst([]string{"secret", "token", "passw", "passphrase", "passcode", "pswd", "psswd", "credential", "authorization", "cookie",
	"bearer", "connectionstring", "mnemonic", "seedphrase", "kennwort", "contrasena", "contraseña", "motdepasse", "пароль", "密码"}, func(w string) byte { return w[0] })

// secretParts name a secret when they are a word of a key, in the singular or
// plural, or with a number: db_pass, dbPwds, SALT2. secretEnds do when they are
// the last word: basic_auth, and not auth_url.
var (
	secretParts = set("pass", "pwd", "pw", "salt", "dsn", "cred", "jwt", "otp", "totp", "psk", "sas", "sig", "pat", "pin", "pem", "hmac", "csrf", "xsrf", "senha")
	secretEnds  = set("auth", "oauth")
)

// maxPart is the length of the longest of these.
const maxPart = 5

// secretTails name a secret as the end of a word too, as in mysqlpwd; notTails
// are words that end so and name none.
var (
	secretTails = []string{"pass", "pwd", "salt", "key"}
	notTails    = set("bypass", "compass", "basalt", "monkey", "turkey", "hotkey")
)

func set(words ...string) map[string]bool {
	m := map[string]bool{}
	for _, w := range words {
		m[w] = true
	}
	return m
}

func byFirst[T any](all []T, first func(T) byte) (table [256][]T) {
	for _, x := range all {
		table[first(x)] = append(table[first(x)], x)
	}
	return table
}

// splitKey appends the letters and digits of a key in small letters to all, and
// to ends where in them its words end: at what is neither letter nor digit, and
// at the humps of camelCase and of HTTPServer.
func splitKey(all []byte, ends []int, key []byte) ([]byte, []int) {
	within := false
	for i, c := range key {
		if c < 0x80 && !isAlnum(c) {
			if within {
				ends = append(ends, len(all))
			}
			within = false
			continue
		}
		if isUpper(c) {
			if within && (!isUpper(key[i-1]) || i+1 < len(key) && key[i+1] >= 'a' && key[i+1] <= 'z') {
				ends = append(ends, len(all))
			}
			c |= 0x20
		}
		all, within = append(all, c), true
	}
	if within {
		ends = append(ends, len(all))
	}
	return all, ends
}

func isUpper(c byte) bool { return c >= 'A' && c <= 'Z' }

func isAlnum(c byte) bool { return c >= '0' && c <= '9' || c|0x20 >= 'a' && c|0x20 <= 'z' }

// isSecret says whether a key names a secret. "key" itself does anywhere in a
// key of data.config, and in a text only at the end of a word: a key space is no
// secret.
func isSecret(key []byte, text bool) bool {
	var room [maxName]byte
	var marks [16]int
	all, ends := splitKey(room[:0], marks[:0], key)
	if !text && bytes.Contains(all, []byte("key")) {
		return true
	}
	for i, c := range all {
		for _, w := range secretWords[c] {
			if len(all)-i >= len(w) && string(all[i:i+len(w)]) == w {
				return true
			}
		}
	}
	begin := 0
	for i, end := range ends {
		word := bytes.TrimRight(all[begin:end], "0123456789")
		begin = end
		one := bytes.TrimSuffix(word, []byte("s"))
		switch n := len(word); {
		case bytes.HasSuffix(word, []byte("sses")):
			one = word[:n-2]
		case bytes.HasSuffix(word, []byte("ss")):
			one = word
		}
		if len(one) <= maxPart && (secretParts[string(one)] || secretParts[string(word)] || i == len(ends)-1 && secretEnds[string(one)]) {
			return true
		}
		for _, tail := range secretTails {
			if len(one) >= len(tail) && string(one[len(one)-len(tail):]) == tail && !notTails[string(one)] {
				return true
			}
		}
	}
	return false
}

// A shape is how tokens of one kind begin, and how many bytes of an alphabet
// follow at least.
type shape struct {
	prefix string
	n      int
	of     alphabet
}

type alphabet func(byte) bool

func isHex(c byte) bool { return c >= '0' && c <= '9' || c|0x20 >= 'a' && c|0x20 <= 'f' }

func isCaps(c byte) bool { return c >= '0' && c <= '9' || isUpper(c) }

func isTokenByte(c byte) bool { return isAlnum(c) || bytes.IndexByte([]byte("_-.+/=~"), c) >= 0 }

// shapes by their first bytes.
var shapes = byFirst([]shape{
	{"AKIA", 16, isCaps}, {"ASIA", 16, isCaps}, {"ABIA", 16, isCaps}, {"ACCA", 16, isCaps}, // AWS
	{"LTAI", 12, isAlnum}, {"AKID", 32, isAlnum}, // Alibaba, Tencent
	{"AIza", 35, isTokenByte}, {"ya29.", 20, isTokenByte}, {"GOCSPX-", 20, isTokenByte}, // Google
	{"ghp_", 30, isAlnum}, {"gho_", 30, isAlnum}, {"ghu_", 30, isAlnum}, {"ghs_", 30, isAlnum}, {"ghr_", 30, isAlnum}, {"github_pat_", 22, isTokenByte},
	{"glpat-", 20, isTokenByte}, {"gldt-", 20, isTokenByte}, {"glrt-", 20, isTokenByte}, {"glptt-", 20, isTokenByte}, {"glcbt-", 20, isTokenByte},
	{"glft-", 20, isTokenByte}, {"glimt-", 20, isTokenByte}, {"glagent-", 20, isTokenByte}, {"gloas-", 20, isTokenByte}, {"glsoat-", 20, isTokenByte},
	{"xoxb-", 10, isTokenByte}, {"xoxp-", 10, isTokenByte}, {"xoxa-", 10, isTokenByte}, {"xoxe-", 10, isTokenByte}, {"xoxe.", 10, isTokenByte},
	{"xoxr-", 10, isTokenByte}, {"xoxs-", 10, isTokenByte}, {"xoxo-", 10, isTokenByte}, {"xapp-", 10, isTokenByte}, {"xwfp-", 10, isTokenByte}, // Slack
	{"hooks.slack.com/services/", 8, isTokenByte}, {"discord.com/api/webhooks/", 8, isTokenByte}, {"discordapp.com/api/webhooks/", 8, isTokenByte},
	{"sk_live_", 10, isAlnum}, {"sk_test_", 10, isAlnum}, {"rk_live_", 10, isAlnum}, {"rk_test_", 10, isAlnum}, {"whsec_", 16, isTokenByte}, // Stripe
	{"npm_", 36, isAlnum}, {"pypi-", 50, isTokenByte}, {"rubygems_", 40, isHex}, {"dckr_pat_", 20, isTokenByte}, {"dckr_oat_", 20, isTokenByte},
	{"dop_v1_", 40, isHex}, {"doo_v1_", 40, isHex}, {"dor_v1_", 40, isHex}, // DigitalOcean
	{"sk-ant-", 20, isTokenByte}, {"sk-proj-", 20, isTokenByte}, {"sk-", 32, isAlnum}, {"hf_", 30, isAlnum}, // Anthropic, OpenAI, Hugging Face
	{"SG.", 40, isTokenByte}, {"key-", 32, isHex}, {"SK", 32, isHex}, // SendGrid, Mailgun, Twilio
	{"shpat_", 32, isHex}, {"shpca_", 32, isHex}, {"shppa_", 32, isHex}, {"shpss_", 32, isHex}, {"sq0atp-", 20, isTokenByte}, {"sq0csp-", 20, isTokenByte},
	{"hvs.", 20, isTokenByte}, {"hvb.", 20, isTokenByte}, {"hvr.", 20, isTokenByte}, // Vault
	{"ATATT3", 20, isTokenByte}, {"ATCTT3", 20, isTokenByte}, {"dapi", 32, isHex}, {"glsa_", 20, isTokenByte}, {"glc_", 20, isTokenByte},
	{"lin_api_", 20, isAlnum}, {"ntn_", 30, isAlnum}, {"PMAK-", 24, isTokenByte}, {"pul-", 40, isHex}, {"dp.pt.", 20, isAlnum}, {"sbp_", 40, isHex},
	{"pscale_tkn_", 20, isTokenByte}, {"NRAK-", 20, isAlnum}, {"dt0c01.", 20, isTokenByte}, {"sntrys_", 20, isTokenByte}, {"sntryu_", 20, isTokenByte},
	{"AKCp", 60, isAlnum}, {"cmVmd", 50, isAlnum}, {"ops_eyJ", 20, isTokenByte}, {"fm2_", 20, isTokenByte},
	{"AGE-SECRET-KEY-1", 20, isCaps}, {"PuTTY-User-Key-File-", 1, isTokenByte},
	{"eyJ", 30, isTokenByte}, // JSON in base64, as in a JWT
}, func(s shape) byte { return s.prefix[0] })

// maxName is how much of a text before "=" or ":" may be a name.
const maxName = 64

// looksSecret says whether a text holds what has the form of a secret: a token
// of a known kind, a private key, a URL with a password, the value of an
// Authorization header, or a pair of a name that isSecret and a value, as in
// "host=db password=x", an environment or JSON.
func looksSecret(text []byte) bool {
	for i, c := range text {
		switch {
		case c == '=' || c == ':':
			if isPair(text, i) || isUserURL(text, i) {
				return true
			}
			continue
		case c == '-' && bytes.HasPrefix(text[i:], []byte("-----BEGIN ")):
			if bytes.Contains(text[i:min(len(text), i+64)], []byte("PRIVATE KEY")) {
				return true
			}
		}
		if len(shapes[c]) == 0 || i > 0 && isAlnum(text[i-1]) {
			continue
		}
		for _, s := range shapes[c] {
			rest, ok := bytes.CutPrefix(text[i:], []byte(s.prefix))
			if !ok || len(rest) < s.n {
				continue
			}
			if !slices.ContainsFunc(rest[:s.n], func(c byte) bool { return !s.of(c) }) {
				return true
			}
		}
	}
	return isAuthorization(text)
}

// isPair says whether the "=" or ":" at a place stands between the name of a
// secret and a value; a host and its port are no pair.
func isPair(text []byte, at int) bool {
	value := bytes.TrimLeft(text[at+1:min(len(text), at+16)], " \t=>\\\"'`")
	if len(value) == 0 || bytes.IndexByte([]byte(",;&)]}\r\n"), value[0]) >= 0 || bytes.HasPrefix(text[at:], []byte("://")) {
		return false
	}
	name := bytes.TrimRight(text[max(0, at-maxName):at], " \t\\\"'`")
	begin := len(name)
	for begin > 0 && (isAlnum(name[begin-1]) || name[begin-1] >= 0x80 || name[begin-1] == '_' || name[begin-1] == '-' || name[begin-1] == '.') {
		begin--
	}
	host := begin > 0 && name[begin-1] == '/' || bytes.IndexByte(name[begin:], '.') >= 0
	if name = name[begin:]; len(name) < 2 || host && text[at] == ':' && value[0] >= '0' && value[0] <= '9' {
		return false
	}
	return isSecret(name, true)
}

// isUserURL says whether the ":" at a place is that of a URL with a password
// (RFC 3986, section 3.2.1), or with a user that looks like a token.
func isUserURL(text []byte, at int) bool {
	rest, ok := bytes.CutPrefix(text[at:], []byte("://"))
	if !ok {
		return false
	}
	rest = rest[:min(len(rest), 4096)]
	if end := bytes.IndexAny(rest, "/?# \t\r\n\"'<>\\"); end >= 0 {
		rest = rest[:end]
	}
	end := bytes.LastIndexByte(rest, '@')
	if end <= 0 {
		return false
	}
	user, password, has := bytes.Cut(rest[:end], []byte(":"))
	if has {
		return len(password) > 0
	}
	return len(user) >= 16 && bytes.ContainsAny(user, "0123456789")
}

// isAuthorization says whether a text is the value of an Authorization header
// (RFC 9110, section 11.4): a scheme, and what proves who asks.
func isAuthorization(text []byte) bool {
	scheme, value, _ := bytes.Cut(text[:min(len(text), 1<<16)], []byte(" "))
	return len(value) > 7 && schemes[strings.ToLower(string(scheme[:min(len(scheme), 8)]))] && !slices.ContainsFunc(value, func(c byte) bool { return !isTokenByte(c) })
}

var schemes = set("bearer", "basic", "token", "apikey")
