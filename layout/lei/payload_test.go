package lei

import (
	"bytes"
	"compress/gzip"
	"context"
	"errors"
	"fmt"
	"io"
	"runtime"
	"strings"
	"testing"
	"testing/iotest"
	"time"
)

func members(parts ...[]byte) []byte {
	var all []byte
	for _, p := range parts {
		all = append(all, gzipped(p)...)
	}
	return all
}

func TestScanPayload(t *testing.T) {
	raw := reports(1, 40)
	whole := gzipped(raw)
	flip := func(at int) []byte {
		b := bytes.Clone(whole)
		b[at] ^= 1
		return b
	}
	utf8 := []byte("{\"a\":\"\xff\"}\n{\"a\":\"\xc3\xa9\"}\n{\"a\":\"\xc3\"}\n{\"a\":\"\xff\xfe\"}")
	for _, tt := range []struct {
		name string
		in   []byte
		o    ScanOptions
		want Payload
		err  string
	}{
		{name: "one member", in: whole, o: ScanOptions{MaxRaw: int64(len(raw))},
			want: Payload{Entries: 40, RawSize: int64(len(raw)), ContentHash: hashOf(raw)}},
		{name: "size not known", in: whole, o: ScanOptions{MaxRaw: -1},
			want: Payload{Entries: 40, RawSize: int64(len(raw)), ContentHash: hashOf(raw)}},
		{name: "members that cut lines", in: members(raw[:1], raw[1:5000], nil, raw[5000:]), o: ScanOptions{MaxRaw: -1},
			want: Payload{Entries: 40, RawSize: int64(len(raw)), ContentHash: hashOf(raw)}},
		{name: "the original's empty snapshot", in: gzipped([]byte("\n")), o: ScanOptions{MaxRaw: 1},
			want: Payload{RawSize: 1, ContentHash: sha(nil)}},
		{name: "nothing at all", in: gzipped(nil),
			want: Payload{ContentHash: sha(nil)}},
		{name: "carriage returns are hashed", in: gzipped([]byte("{}\r\n{}")), o: ScanOptions{MaxRaw: 6},
			want: Payload{Entries: 2, RawSize: 6, ContentHash: sha([]byte("{}\r{}"))}},
		{name: "invalid UTF-8", in: gzipped(utf8), o: ScanOptions{MaxRaw: -1},
			want: Payload{Entries: 4, RawSize: int64(len(utf8)), ContentHash: hashOf(utf8), InvalidUTF8: 3}},

		{name: "larger than raw_size", in: whole, o: ScanOptions{MaxRaw: int64(len(raw)) - 1}, err: "cache.jsonl.gz: want "},
		{name: "bomb", in: gzipped(bytes.Repeat([]byte("\n"), 8<<20)), o: ScanOptions{MaxRaw: 100}, err: "want 100 bytes of JSONL (raw_size), found a larger number"},
		{name: "bomb in one line", in: gzipped(bytes.Repeat([]byte(" "), 8<<20)), o: ScanOptions{MaxRaw: -1, MaxLine: 1 << 20}, err: "line 1, column 1048577: want at most 1048576 bytes in a line, found more"},
		{name: "malformed", in: gzipped([]byte("{}\n{}\n{\"a\"}\n")), o: ScanOptions{MaxRaw: -1}, err: `cache.jsonl.gz: line 3, column 5: want ":", found '}'`},
		{name: "empty file", in: nil, err: "cache.jsonl.gz: want gzip data, found an empty file"},
		{name: "plain JSONL", in: raw, err: "cache.jsonl.gz: want gzip data, found something else"},
		{name: "zstd", in: []byte("\x28\xb5\x2f\xfd\x00\x00"), err: "want gzip data, found zstd data"},
		{name: "xz", in: []byte("\xfd7zXZ\x00\x00"), err: "want gzip data, found another compression"},
		{name: "cut", in: whole[:len(whole)-20], o: ScanOptions{MaxRaw: -1}, err: "cache.jsonl.gz: gzip stream is truncated"},
		{name: "trailer cut", in: whole[:len(whole)-1], o: ScanOptions{MaxRaw: -1}, err: "truncated"},
		{name: "wrong CRC", in: flip(len(whole) - 6), o: ScanOptions{MaxRaw: -1}, err: "cache.jsonl.gz: gzip stream is damaged: invalid checksum"},
		{name: "wrong size", in: flip(len(whole) - 2), o: ScanOptions{MaxRaw: -1}, err: "checksum"},
		{name: "trailing garbage", in: append(bytes.Clone(whole), "trailing garbage"...), o: ScanOptions{MaxRaw: -1}, err: "trailing garbage follows"},
		{name: "trailing zeros", in: append(bytes.Clone(whole), make([]byte, 512)...), o: ScanOptions{MaxRaw: -1}, err: "trailing garbage follows"},
		{name: "second member cut", in: append(bytes.Clone(whole), whole[:100]...), o: ScanOptions{MaxRaw: -1}, err: "truncated"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			tt.want.CompressedSize = int64(len(tt.in))
			for _, r := range []io.Reader{bytes.NewReader(tt.in), iotest.HalfReader(bytes.NewReader(tt.in)), iotest.DataErrReader(bytes.NewReader(tt.in))} {
				p, err := ScanPayload(t.Context(), r, tt.o)
				if tt.err != "" {
					var e *FormatError
					if !errors.As(err, &e) || e.File != "cache.jsonl.gz" || !strings.Contains(err.Error(), tt.err) || p != nil {
						t.Fatalf("got %v, want %s", err, tt.err)
					}
					continue
				}
				if err != nil {
					t.Fatal(err)
				}
				if *p != tt.want {
					t.Fatalf("got %+v, want %+v", *p, tt.want)
				}
			}
		})
	}
}

// A malformed line is named although the stream is damaged further on.
func TestScanPayloadFirstError(t *testing.T) {
	raw := append(reports(2, 300), "5\n"...)
	raw = append(raw, reports(3, 3000)...)
	in := gzipped(raw)
	for range 5 {
		_, err := ScanPayload(t.Context(), bytes.NewReader(in[:len(in)-1]), ScanOptions{MaxRaw: -1})
		if got := errText(err); got != "cache.jsonl.gz: line 301, column 1: want a JSON object, found '5'" {
			t.Fatalf("got %s", got)
		}
	}
}

func TestScanPayloadReadError(t *testing.T) {
	boom := errors.New("boom")
	in := gzipped(reports(4, 100))
	for _, n := range []int{0, 3, 200, len(in)} {
		_, err := ScanPayload(t.Context(), io.MultiReader(bytes.NewReader(in[:n]), iotest.ErrReader(boom)), ScanOptions{MaxRaw: -1})
		var e *FormatError
		if !errors.Is(err, boom) || errors.As(err, &e) {
			t.Errorf("after %d bytes: got %v, want boom and no *FormatError", n, err)
		}
	}
}

func TestScanPayloadCancel(t *testing.T) {
	before := runtime.NumGoroutine()
	ctx, cancel := context.WithCancel(t.Context())
	pr, pw := io.Pipe()
	go func() {
		z := gzip.NewWriter(pw)
		for {
			if _, err := z.Write([]byte("{}\n")); err != nil {
				return
			}
		}
	}()
	time.AfterFunc(20*time.Millisecond, func() { cancel(); pr.Close() })
	_, err := ScanPayload(ctx, pr, ScanOptions{MaxRaw: -1})
	if err == nil {
		t.Error("want an error")
	}
	for range 1000 {
		if runtime.NumGoroutine() <= before {
			return
		}
		time.Sleep(10 * time.Millisecond)
	}
	t.Errorf("%d goroutines, %d before", runtime.NumGoroutine(), before)
}

// One line of 60 MB is scanned and not held.
func TestScanPayloadMemory(t *testing.T) {
	pr, pw := io.Pipe()
	go func() {
		z, _ := gzip.NewWriterLevel(pw, gzip.BestSpeed)
		io.WriteString(z, `{"data":{"config":{"x":"`)
		part := bytes.Repeat([]byte("x y z, "), 10_000)
		for range 850 {
			z.Write(part)
		}
		io.WriteString(z, `"}}}`)
		z.Close()
		pw.Close()
	}()
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	p, err := ScanPayload(t.Context(), pr, ScanOptions{MaxRaw: -1})
	runtime.ReadMemStats(&after)
	if err != nil || p.Entries != 1 || p.RawSize < 59e6 {
		t.Fatalf("got %+v, %v", p, err)
	}
	if got := after.TotalAlloc - before.TotalAlloc; got > 32<<20 {
		t.Errorf("%d bytes were allocated", got)
	}
}

func TestCheck(t *testing.T) {
	s := Snapshot{EntryCount: 2, RawSize: 10, CompressedSize: 5, ContentHash: sha(nil)}
	p := Payload{Entries: 2, RawSize: 10, CompressedSize: 5, ContentHash: sha(nil)}
	if err := s.Check(&p); err != nil {
		t.Error(err)
	}
	err := s.Check(&Payload{Entries: 3, RawSize: 11, CompressedSize: 6, ContentHash: sha([]byte("x"))})
	want := "cache.jsonl.gz is not what manifest.json says: entry_count: want 2, found 3; raw_size: want 10, found 11; compressed_size: want 5, found 6; content_hash: want " + sha(nil) + ", found " + sha([]byte("x"))
	if errText(err) != want {
		t.Errorf("got %v, want %s", err, want)
	}
	s.Repos = 3
	if err := s.Check(&p); errText(err) != "cache.jsonl.gz is not what manifest.json says: repos: want 3, found at most 2, one a report" {
		t.Errorf("got %v", err)
	}
	var m *MismatchError
	if !errors.As(err, &m) || len(m.Fields) != 4 || m.Fields[0] != (Mismatch{"entry_count", "2", "3"}) {
		t.Errorf("got %+v", m)
	}
}

func TestSecrets(t *testing.T) {
	for _, tt := range []struct {
		name, config string
		found        string // path count, ...
		defaults     string
	}{
		{"unset", `{"jwt_secret":null,"stripe_secret_key":null,"acp_bearer_token":"","port":4000}`, "", ""},
		{"no such key", `{"base_temp_dir":"/tmp","lei_base_url":"http://localhost:4000","sbom_risk_level":"medium"}`, "", ""},
		{"key anywhere", `{"apiKey":"v","key":"v","api.key":"v","keys":{"a":"v"},"accessKey":"v","KEY":"v","keyfile":"v","keychain":"v"}`,
			`data.config."api.key" 1, data.config.KEY 1, data.config.accessKey 1, data.config.apiKey 1, data.config.key 1, data.config.keychain 1, data.config.keyfile 1, data.config.keys.a 1`, ""},
		{"each word", `{"a_secret":"v","MyToken":"v","PASSWORD":"v","aws_credentials":"v","api_key_id":"v","api-key":"v"}`,
			"data.config.MyToken 1, data.config.PASSWORD 1, data.config.a_secret 1, data.config.api-key 1, data.config.api_key_id 1, data.config.aws_credentials 1", ""},
		{"other types", `{"token_a":5,"token_b":true,"token_c":{},"token_d":[]}`, "data.config.token_a 1, data.config.token_b 1", ""},
		{"words in other forms", `{"passwd":"v","db_pass":"v","PGPWD":"v","dbPwds":"v","passPhrase":"v","proxy-authorization":"v","signing_salt":"v","salt2":"v","erlang_cookie":"v","SENTRY_DSN":"v","smtp":{"auth":"v"},"mysqlpwd":"v","aws_creds":"v","jwt":"v"}`,
			"data.config.PGPWD 1, data.config.SENTRY_DSN 1, data.config.aws_creds 1, data.config.dbPwds 1, data.config.db_pass 1, data.config.erlang_cookie 1, data.config.jwt 1, data.config.mysqlpwd 1, data.config.passPhrase 1, data.config.passwd 1, data.config.proxy-authorization 1, data.config.salt2 1, data.config.signing_salt 1, data.config.smtp.auth 1", ""},
		{"words that are none", `{"bypass":true,"compass":"n","passenger":"v","author":"v","auth_url":"http://localhost:4000","password":"","basalt":1,"saltiness":1,"asset":"v","pinned":1,"authority":"v","pass_rate":null}`, "", ""},
		{"no object", `"v"`, "data.config 1", ""},
		{"an array", `["v",["w"],{"port":4000},null]`, "data.config[] 1, data.config[][] 1", ""},
		{"URLs", `{"a":"ecto://lei:v@db/lei","b":"redis://:v@db","c":["x","https://0123456789abcdef@sentry.io/1"],"d":"see amqp://u:p@h/ there","e":"http://localhost:4000/a@b","f":"ssh://git@github.com/a","g":"https://git@github.com/a","h":"git+ssh://me@host/a","i":"https://u:@host/"}`,
			"data.config.a 1, data.config.b 1, data.config.c[] 1, data.config.d 1", ""},
		{"pairs", `{"a":"host=db password=v","b":"Server=db;User Id=u;Pwd=v;","c":"DB_PASS=v","d":"{\"token\": \"v\"}","e":"%{api_key: \"v\"}","f":"https://host/?sig=v","g":"AccountName=a;AccountKey=v==","h":"'secret' => 'v'","i":"keyspace=lei keyboard: us","j":"https://keycloak.example.com:8443/auth","k":"password=","l":"password=; x=1","m":"token.example.com:443","n":"a=b:c"}`,
			"data.config.a 1, data.config.b 1, data.config.c 1, data.config.d 1, data.config.e 1, data.config.f 1, data.config.g 1, data.config.h 1", ""},
		{"tokens", `{"a":"ghp_` + letters(36) + `","b":"x AKIA` + strings.Repeat("Q", 16) + `.","c":"-----BEGIN RSA PRIVATE KEY-----\nv","d":"eyJ` + letters(20) + `.eyJ` + letters(20) + `.x","e":"glpat-` + letters(20) + `","f":"Bearer 12345678","g":"Basic dTpwYXNzd29yZA==","h":"https://hooks.slack.com/services/T00000000/B0/x","i":"ghp_short","j":"task-` + letters(32) + `","k":"basic","l":"-----BEGIN CERTIFICATE-----","m":"sk-learn-is-a-library-for-machine-learning","n":"Bearer of news"}`,
			"data.config.a 1, data.config.b 1, data.config.c 1, data.config.d 1, data.config.e 1, data.config.f 1, data.config.g 1, data.config.h 1", ""},
		{"what a plain LEI sets", `{"sbom_risk_level":"medium","base_temp_dir":"/tmp","lei_base_url":"http://localhost:4000","critical_large_commit_level":0.3,"jobs_per_core_max":1,"airgapped":false}`, "", ""},
		{"escaped key", `{"\u006awt_secr\u0065t":"v"}`, "data.config.jwt_secret 1", ""},
		{"nested", `{"mail":{"smtp":[{"x":1,"password":"v"}]}}`, "data.config.mail.smtp[].password 1", ""},
		{"below a secret key", `{"tokens":{"a":"v","b":["v",null,"v"]}}`, "data.config.tokens.a 1, data.config.tokens.b[] 2", ""},
		{"defaults", `{"jwt_secret":"lei_dev_secret","session_secret_key_base":"lei_dev_session_secret_that_is_long"}`,
			"", "data.config.jwt_secret 1, data.config.session_secret_key_base 1"},
		{"defaults elsewhere", `{"other_secret":"lei_dev_secret","a":{"jwt_secret":"lei_dev_secret"}}`, "data.config.a.jwt_secret 1, data.config.other_secret 1", ""},
		{"default changed", `{"jwt_secret":"lei_dev_secret2"}`, "data.config.jwt_secret 1", ""},
		{"odd key", `{"a secret\u001b[2J":"v"}`, `data.config."a secret\x1b[2J" 1`, ""},
		{"key twice", `{"jwt_secret":null,"jwt_secret":"v"}`, "data.config.jwt_secret 1", ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			raw := `{"jwt_secret":"elsewhere","data":{"token":"elsewhere","config":` + tt.config + `,"results":{"token":"elsewhere"}}}` + "\n"
			p, err := ScanPayload(t.Context(), bytes.NewReader(gzipped([]byte(raw))), ScanOptions{MaxRaw: -1, Secrets: true})
			if err != nil {
				t.Fatal(err)
			}
			list := func(paths []SecretPath) string {
				var s []string
				for _, p := range paths {
					s = append(s, p.Path+" "+string('0'+rune(p.Count)))
				}
				return strings.Join(s, ", ")
			}
			if got := list(p.Secrets.Found); got != tt.found {
				t.Errorf("found: got %s, want %s", got, tt.found)
			}
			if got := list(p.Secrets.Defaults); got != tt.defaults {
				t.Errorf("defaults: got %s, want %s", got, tt.defaults)
			}
			if got := p.Secrets.Err() != nil; got != (tt.found != "") {
				t.Errorf("Err: got %v", p.Secrets.Err())
			}
			if got := p.Secrets.Notice() != ""; got != (tt.defaults != "") {
				t.Errorf("Notice: got %q", p.Secrets.Notice())
			}
		})
	}
}

// letters are n letters and digits.
func letters(n int) string { return strings.Repeat("aB3dE", n/5+1)[:n] }

// Each shape is found where it is as long as it must be, and not where it is
// shorter.
func TestShapes(t *testing.T) {
	n := 0
	for c := range shapes {
		for _, s := range shapes[c] {
			n++
			fill := "7"
			if text := "x " + s.prefix + strings.Repeat(fill, s.n); !looksSecret([]byte(text)) {
				t.Errorf("%s is not found", text)
			}
			if text := s.prefix + strings.Repeat(fill, s.n-1); looksSecret([]byte(text)) {
				t.Errorf("%s is found", text)
			}
		}
	}
	if n < 70 {
		t.Errorf("%d shapes", n)
	}
}

// More text than can be looked into in good time is taken for secrets.
func TestSecretsTooMuch(t *testing.T) {
	var raw bytes.Buffer
	text := strings.Repeat("x", 1<<20-100)
	for i := range maxLooked>>20 + 3 {
		fmt.Fprintf(&raw, `{"data":{"config":{"a":"%d%s"}}}`+"\n", i, text)
	}
	p, err := ScanPayload(t.Context(), bytes.NewReader(gzipped(raw.Bytes())), ScanOptions{MaxRaw: -1, Secrets: true})
	if err != nil {
		t.Fatal(err)
	}
	if len(p.Secrets.Found) != 0 || p.Secrets.More < 2 || !strings.HasSuffix(errText(p.Secrets.Err()), fmt.Sprintf("found values at %d keys, in too much text to look into", p.Secrets.More)) {
		t.Errorf("got %+v, %v", p.Secrets, p.Secrets.Err())
	}
}

func TestSecretsMessage(t *testing.T) {
	raw := strings.Repeat(`{"data":{"config":{"jwt_secret":"hunter2","b_token":"hunter3"}}}`+"\n", 3)
	p, err := ScanPayload(t.Context(), bytes.NewReader(gzipped([]byte(raw))), ScanOptions{MaxRaw: -1, Secrets: true})
	if err != nil {
		t.Fatal(err)
	}
	want := "cache.jsonl.gz: want no secrets in the reports' data.config, found values at data.config.b_token (3 times), data.config.jwt_secret (3 times)"
	if got := errText(p.Secrets.Err()); got != want {
		t.Errorf("got %s, want %s", got, want)
	}
}

// A hostile config cannot fill the memory or the screen.
func TestSecretsBounded(t *testing.T) {
	var b strings.Builder
	b.WriteString(`{"data":{"config":{`)
	for i := range 50_000 {
		if i > 0 {
			b.WriteByte(',')
		}
		b.WriteString(`"` + strings.Repeat("k", i%200) + `_key` + strings.Repeat("x", i/200) + `":1`)
	}
	b.WriteString("}}}\n")
	p, err := ScanPayload(t.Context(), bytes.NewReader(gzipped([]byte(b.String()))), ScanOptions{MaxRaw: -1, Secrets: true})
	if err != nil {
		t.Fatal(err)
	}
	total := p.Secrets.More
	for _, f := range p.Secrets.Found {
		total += f.Count
	}
	if len(p.Secrets.Found) != maxPaths || total != 50_000 {
		t.Errorf("got %d paths and %d values", len(p.Secrets.Found), total)
	}
	if n := len(p.Secrets.Err().Error()); n > 2000 {
		t.Errorf("a message of %d bytes", n)
	}
}

func BenchmarkScanPayload(b *testing.B) {
	raw := reports(1, 20_000)
	var ours, manifest bytes.Buffer
	if _, _, err := Export(b.Context(), bytes.NewReader(raw), &manifest, &ours, ExportOptions{Date: "2026-02-05", Created: "2026-02-05T00:00:00Z"}); err != nil {
		b.Fatal(err)
	}
	for _, in := range []struct {
		name string
		data []byte
	}{{"members", ours.Bytes()}, {"single", gzipped(raw)}} {
		b.Run(in.name, func(b *testing.B) {
			b.SetBytes(int64(len(raw)))
			for b.Loop() {
				if _, err := ScanPayload(b.Context(), bytes.NewReader(in.data), ScanOptions{MaxRaw: -1, Secrets: true}); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
