package lei

import (
	"strings"
	"testing"
)

func TestIsSecret(t *testing.T) {
	for _, key := range strings.Fields(`secret jwt_secret Secrets token TOKENS acp_bearer_token password passwd db_passwd pass db_pass dbPass
		passes pwd PWD pw passphrase authorization Authorization cookie erlang_cookie cookies salt signing_salt dsn sentryDsn key
		apiKey api-keys stripe_secret_key session_secret_key_base credential creds connection_string jwt sas otp ssl_pem`) {
		if !isSecret([]byte(key), false) {
			t.Errorf("%s names no secret", key)
		}
	}
	for _, key := range strings.Fields(`base_temp_dir lei_base_url compass bypass passed high_currency_level saltwater pinned pattern
		opinion spin desalted dsnx critical_agentic_level stripe_pro_price_id sbom_risk_level author passenger`) {
		if isSecret([]byte(key), false) {
			t.Errorf("%s names a secret", key)
		}
	}
}

func TestHasShape(t *testing.T) {
	x := func(n int) string { return strings.Repeat("aB3", n)[:n] }
	for _, text := range []string{
		"AKIA" + strings.Repeat("Q2", 8), "arn, AKIA" + strings.Repeat("7", 16), "ghp_" + x(36), "github_pat_" + x(40), "glpat-" + x(20),
		"xoxb-" + x(24), "https://hooks.slack.com/services/" + x(30), "AIza" + x(35), "sk_live_" + x(24), "npm_" + x(36), "dckr_pat_" + x(27),
		"hvs." + x(24), "SG." + x(22) + "." + x(43), "sk-" + x(48), "DefaultEndpointsProtocol=https;AccountKey=" + x(40) + "==",
		"-----BEGIN RSA PRIVATE KEY-----\n", "-----BEGIN OPENSSH PRIVATE KEY-----", "AGE-SECRET-KEY-1" + strings.Repeat("Q2", 29),
		"eyJ" + x(20) + ".eyJ" + x(30) + "." + x(20), "Bearer " + x(20), "Basic " + x(12) + "==",
		"ecto://lei:hunter2@db/lei", "see redis://:hunter2@cache:6379/0 for it", "https://x:y@example.com", `{"url":"amqp://a:b@c"}`,
	} {
		if !looksSecret([]byte(text)) {
			t.Errorf("%q has the shape of no secret", text)
		}
	}
	for _, text := range []string{
		"", "medium", "/tmp", "http://localhost:4000", "https://user@example.com/a", "https://example.com:8080/x@y", "AKIA", "task-list", "risk-averse",
		"ask-me-anything-about-this-repository", "eyJ", "eyJhbGciOiJub25lIn0", "bearer of bad news", "basic", "Basic settings of the thing", "12:30",
		"sk-learn-based-classification-of-repositories", "monkey-patching-is-what-this-repository-is-all-about", "sha256:" + strings.Repeat("a", 64), "2026-02-05T00:00:00Z",
	} {
		if looksSecret([]byte(text)) {
			t.Errorf("%q has the shape of a secret", text)
		}
	}
}

// A secret is found by its shape under a key that says nothing, and so is a
// configuration that is a string.
func TestSecretsByShape(t *testing.T) {
	for _, tt := range []struct{ config, at string }{
		{`{"database_url":"ecto://lei:hunter2@db/lei"}`, "data.config.database_url"},
		{`{"repo":{"urls":["https://a:b@c.example/x"]}}`, "data.config.repo.urls[]"},
		{`"a string"`, "data.config"},
		{`["a string",{"port":"4000"}]`, "data.config[]"},
		{`{"x":"https://c.example/x","n":5,"b":true}`, ""},
	} {
		t.Run(tt.config, func(t *testing.T) {
			_, err := export(t, []byte(`{"header":{"repo":"a"},"data":{"repo":"a","config":`+tt.config+`}}`+"\n"), exportOptions)
			if tt.at == "" && err != nil || tt.at != "" && (err == nil || !strings.Contains(err.Error(), tt.at+" (1 time)")) {
				t.Errorf("%v, want %q in it", err, tt.at)
			}
		})
	}
}
