package lei

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"runtime"
	"slices"
	"strings"
	"testing"
	"testing/iotest"
)

var exportOptions = ExportOptions{Date: "2026-02-05", Created: "2026-11-23T22:24:47.236216Z"}

type exported struct {
	*Snapshot
	report          *ExportReport
	manifest, cache []byte
}

func export(t testing.TB, in []byte, o ExportOptions) (exported, error) {
	t.Helper()
	var manifest, cache bytes.Buffer
	s, r, err := Export(t.Context(), bytes.NewReader(in), &manifest, &cache, o)
	return exported{s, r, manifest.Bytes(), cache.Bytes()}, err
}

// verify is what the far side does with a snapshot.
func (e exported) verify(t testing.TB) (repos []string) {
	t.Helper()
	s, err := ReadSnapshot(bytes.NewReader(e.manifest), func(name string) error {
		repos = append(repos, name)
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if *s != *e.Snapshot {
		t.Fatalf("read %+v, written %+v", s, e.Snapshot)
	}
	p, err := ScanPayload(t.Context(), bytes.NewReader(e.cache), ScanOptions{MaxRaw: s.RawSize})
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Check(p); err != nil {
		t.Fatal(err)
	}
	return repos
}

func TestExport(t *testing.T) {
	for _, n := range []int{1, 12, 1000} {
		raw := reports(uint64(n), n)
		for _, in := range [][]byte{raw, gzipped(raw), raw[:len(raw)-1]} {
			for _, single := range []bool{false, true} {
				o := exportOptions
				o.SingleMember = single
				e, err := export(t, in, o)
				if err != nil {
					t.Fatal(err)
				}
				if repos := e.verify(t); len(repos) != n || e.EntryCount != int64(n) {
					t.Fatalf("got %d repositories and %d entries, want %d", len(repos), e.EntryCount, n)
				}
				if !bytes.Equal(gunzip(t, e.cache), raw) || e.ContentHash != hashOf(raw) {
					t.Fatal("the lines changed")
				}
			}
		}
	}
}

// The bytes of manifest.json are those that the original writes for the same
// values.
func TestExportManifest(t *testing.T) {
	in := `{"data":{"repo":"https://github.com/a/<b>&\"c\"/\u0041\u0001"}}` + "\n" + `{"header":{"repo":"x"}}` + "\n"
	e, err := export(t, []byte(in), exportOptions)
	if err != nil {
		t.Fatal(err)
	}
	want := fmt.Sprintf(`{
  "repos": [
    "https://github.com/a/<b>&\"c\"/A\u0001",
    "x"
  ],
  "raw_size": %d,
  "lei_version": "0.9.1",
  "format_version": "1.0",
  "entry_count": 2,
  "date": "2026-02-05",
  "created": "2026-11-23T22:24:47.236216Z",
  "content_hash": "%s",
  "compressed_size": %d
}`, len(in), hashOf([]byte(in)), len(e.cache))
	if string(e.manifest) != want {
		t.Errorf("got %s, want %s", e.manifest, want)
	}
}

func TestExportRepos(t *testing.T) {
	for _, tt := range []struct {
		name, in string
		want     string // of %q
		err      string
	}{
		{"data", `{"data":{"repo":"a"},"header":{"repo":"b"}}`, `["a"]`, ""},
		{"header", `{"data":{},"header":{"repo":"b"}}`, `["b"]`, ""},
		{"null falls through", `{"data":{"repo":null},"header":{"repo":"b"}}`, `["b"]`, ""},
		{"both null", `{"data":{"repo":null},"header":{"repo":null}}`, `["unknown"]`, ""},
		{"none", `{}`, `["unknown"]`, ""},
		{"data is no object", `{"data":[{"repo":"a"}],"header":"x"}`, `["unknown"]`, ""},
		{"empty", `{"data":{"repo":""}}`, `[""]`, ""},
		{"the first of two", `{"data":{"repo":"a","repo":"b"}}`, `["a"]`, ""},
		{"further down", `{"data":{"git":{"repo":"a"}},"repo":"b"}`, `["unknown"]`, ""},
		{"once, first seen first", `{"data":{"repo":"b"}}` + "\n" + `{"data":{"repo":"a"}}` + "\n" + `{"data":{"repo":"b"}}`, `["b" "a"]`, ""},
		{"escapes are the same name", `{"data":{"repo":"\u0061"}}` + "\n" + `{"data":{"repo":"a"}}`, `["a"]`, ""},
		{"number", `{}` + "\n" + `{"data":{"repo":7}}`, "", "line 2, column 1: data.repo: want a string or null, found another value"},
		{"false", `{"data":{"repo":false}}`, "", "data.repo: want a string or null"},
		{"object", `{"data":{"repo":{"a":1}}}`, "", "data.repo: want a string or null"},
		{"number in the header", `{"header":{"repo":7}}`, "", "header.repo: want a string or null"},
		{"number in the header, not used", `{"data":{"repo":"a"},"header":{"repo":7}}`, `["a"]`, ""},
		{"long", `{"data":{"repo":"` + strings.Repeat("x", 70000) + `"}}`, "", "data.repo: want at most 65536 bytes, found 70000"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			e, err := export(t, []byte(tt.in), exportOptions)
			if tt.err != "" {
				if !strings.Contains(errText(err), tt.err) {
					t.Fatalf("got %v, want %s", err, tt.err)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			if got := fmt.Sprintf("%q", e.verify(t)); got != tt.want {
				t.Errorf("got %s, want %s", got, tt.want)
			}
		})
	}
}

func TestExportVerbatim(t *testing.T) {
	lines := "{ \"a\" : 123456789012345678901234567890 , \"b\":1.50,\"a\":\"\\u00e9\\/\" } \r\n{\"x\":\"\xff\"}\n"
	e, err := export(t, []byte("\n\n"+lines+"\r\n{}"), exportOptions)
	if err != nil {
		t.Fatal(err)
	}
	if got := gunzip(t, e.cache); string(got) != lines+"{}\n" {
		t.Errorf("got %q", got)
	}
	if e.verify(t); e.EntryCount != 3 || e.report.InvalidUTF8 != 1 {
		t.Errorf("got %d entries, %d of invalid UTF-8", e.EntryCount, e.report.InvalidUTF8)
	}
}

func TestExportEmpty(t *testing.T) {
	for _, in := range []string{"", "\n", "\n\r\n\n"} {
		if _, err := export(t, []byte(in), exportOptions); !errors.Is(err, ErrEmpty) {
			t.Errorf("%q: got %v, want ErrEmpty", in, err)
		}
		o := exportOptions
		o.AllowEmpty = true
		e, err := export(t, []byte(in), o)
		if err != nil {
			t.Fatal(err)
		}
		if repos := e.verify(t); len(repos) != 0 || e.RawSize != 1 || e.EntryCount != 0 || e.ContentHash != sha(nil) {
			t.Errorf("%q: got %+v", in, e.Snapshot)
		}
		if got := gunzip(t, e.cache); string(got) != "\n" {
			t.Errorf("%q: got %q", in, got)
		}
		if !bytes.Contains(e.manifest, []byte(`"repos": [],`)) {
			t.Errorf("%q: got %s", in, e.manifest)
		}
	}
}

func TestExportMalformed(t *testing.T) {
	good := []string{`{"data":{"repo":"a"}}`, `{"data":{"repo":"b"}}`, `{"data":{"repo":"c"}}`}
	bad := []string{"", "null", `{"a":"` + strings.Repeat("x", 5000) + `"}`, "  ", `{"data":{"repo":7}}`, `{"data":{"config":{"a_token":"v"}}} x`, "\"\ufeff", `{"data":`}
	in := good[0] + "\n" + strings.Join(bad, "\n") + "\n" + good[1] + "\r\n" + `{"a":"` + "\n" + good[2] + "\n" + `{"end`
	o := exportOptions
	o.MaxLine = 1000

	_, err := export(t, []byte(in), o)
	if got := errText(err); got != "line 3, column 1: want a JSON object, found 'n'" {
		t.Errorf("got %s", got)
	}
	o.SkipMalformed = true
	for _, r := range []func(io.Reader) io.Reader{func(r io.Reader) io.Reader { return r }, iotest.OneByteReader, iotest.HalfReader} {
		var manifest, cache bytes.Buffer
		s, report, err := Export(t.Context(), r(strings.NewReader(in)), &manifest, &cache, o)
		if err != nil {
			t.Fatal(err)
		}
		e := exported{s, report, manifest.Bytes(), cache.Bytes()}
		if got := fmt.Sprintf("%q", e.verify(t)); got != `["a" "b" "c"]` {
			t.Errorf("got %s", got)
		}
		if got, want := string(gunzip(t, e.cache)), good[0]+"\n"+good[1]+"\r\n"+good[2]+"\n"; got != want {
			t.Errorf("got %q, want %q", got, want)
		}
		if e.report.Skipped != 9 || len(e.report.FirstSkipped) != maxFirstSkipped {
			t.Errorf("got %d skipped: %v", e.report.Skipped, e.report.FirstSkipped)
		}
		for i, want := range []string{"line 3, column 1: ", "line 4, column 1001: want at most 1000 bytes", "line 5, column 3: ", "line 6, column 1: data.repo: ", "line 7, column 37: "} {
			if got := e.report.FirstSkipped[i].Error(); !strings.HasPrefix(got, want) {
				t.Errorf("got %s, want %s", got, want)
			}
		}
		if len(e.report.Secrets.Found) != 0 {
			t.Errorf("secrets of a line that was dropped: %v", e.report.Secrets.Found)
		}
	}
}

func TestExportErrors(t *testing.T) {
	boom := errors.New("boom")
	raw := reports(5, 30)
	for _, tt := range []struct {
		name string
		o    ExportOptions
		in   io.Reader
		err  string
	}{
		{"date", ExportOptions{Date: "../x", Created: exportOptions.Created}, bytes.NewReader(raw), `date: want a date as YYYY-MM-DD, found "../x"`},
		{"no created", ExportOptions{Date: "2026-02-05"}, bytes.NewReader(raw), `created: want a time in RFC 3339, found ""`},
		{"read error", exportOptions, io.MultiReader(bytes.NewReader(raw), iotest.ErrReader(boom)), "boom"},
		{"read error in gzip", exportOptions, io.MultiReader(bytes.NewReader(gzipped(raw)[:500]), iotest.ErrReader(boom)), "boom"},
		{"damaged gzip", exportOptions, bytes.NewReader(gzipped(raw)[:500]), "gzip stream is truncated (unexpected EOF)"},
		{"xz", exportOptions, strings.NewReader("\xfd7zXZ\x00"), "found another compression"},
		{"too large", ExportOptions{Date: "2026-02-05", Created: exportOptions.Created, MaxRaw: 100}, bytes.NewReader(raw), "want at most 100 bytes of JSONL, found more"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			_, _, err := Export(t.Context(), tt.in, io.Discard, io.Discard, tt.o)
			if errText(err) == "" || !strings.HasPrefix(errText(err), tt.err) && !strings.HasSuffix(errText(err), tt.err) {
				t.Errorf("got %v, want %s", err, tt.err)
			}
		})
	}
	for _, failing := range []int{0, 1} {
		w := []io.Writer{io.Discard, io.Discard}
		w[failing] = failWriter{boom}
		if _, _, err := Export(t.Context(), bytes.NewReader(reports(6, 3000)), w[0], w[1], exportOptions); !errors.Is(err, boom) {
			t.Errorf("writer %d: got %v, want boom", failing, err)
		}
	}
}

type failWriter struct{ err error }

func (w failWriter) Write([]byte) (int, error) { return 0, w.err }

func TestExportSecrets(t *testing.T) {
	clean := string(reports(7, 3))
	in := clean + `{"data":{"config":{"jwt_secret":"hunter2","a":{"b_token":[1, "x"]},"session_secret_key_base":"lei_dev_session_secret"},"repo":"r"}} ` + "\n" + clean
	e, err := export(t, []byte(in), exportOptions)
	var se *SecretsError
	if !errors.As(err, &se) || strings.Contains(err.Error(), "hunter2") || !strings.Contains(err.Error(), "data.config.a.b_token[] (2 times), data.config.jwt_secret (1 time)") {
		t.Fatalf("got %v", err)
	}
	if e.report.Secrets.Notice() != "the published development defaults of LowEndInsight, which are no secret, stand at data.config.session_secret_key_base (1 time)" {
		t.Errorf("got notice %q", e.report.Secrets.Notice())
	}

	o := exportOptions
	o.AllowSecrets = true
	if e, err = export(t, []byte(in), o); err != nil {
		t.Fatal(err)
	}
	if string(gunzip(t, e.cache)) != in || len(e.report.Secrets.Found) != 2 {
		t.Error("allowed secrets changed")
	}

	o = exportOptions
	o.Redact = true
	if e, err = export(t, []byte(in), o); err != nil {
		t.Fatal(err)
	}
	want := clean + `{"data":{"config":{"jwt_secret":null,"a":{"b_token":[null, null]},"session_secret_key_base":null},"repo":"r"}} ` + "\n" + clean
	if got := string(gunzip(t, e.cache)); got != want {
		t.Errorf("got %q, want %q", got, want)
	}
	e.verify(t)
	if e.report.RedactedSecrets != 4 || !bytes.Contains(e.manifest, []byte("\"redacted\": {\n    \"secrets\": 4,\n    \"emails\": 0\n  },\n")) {
		t.Errorf("got %d, %s", e.report.RedactedSecrets, e.manifest)
	}
	// And nothing is found any more.
	if _, err := export(t, gunzip(t, e.cache), exportOptions); err != nil {
		t.Error(err)
	}
}

func TestRedactEmails(t *testing.T) {
	hidden := func(address string) string { return "e-" + sha([]byte(address))[:16] + "@redacted.invalid" }
	a := hidden("ada@example.com")
	for _, tt := range []struct {
		name, in, want string
		count          int64
	}{
		{"field", `{"email":"ada@example.com"}`, `{"email":"` + a + `"}`, 1},
		{"same address in another case", `{"email":"Ada@Example.COM"}`, `{"email":"` + a + `"}`, 1},
		{"field without an @", `{"email":"ada","x":"ada"}`, `{"email":"` + hidden("ada") + `","x":"ada"}`, 1},
		{"empty and null", `{"email":"","email":null}`, `{"email":"","email":null}`, 0},
		{"other fields for addresses", `{"commit_email":"a@b","Email":"c","emails":["d","e"],"x":"f"}`,
			`{"commit_email":"` + hidden("a@b") + `","Email":"` + hidden("c") + `","emails":["` + hidden("d") + `","` + hidden("e") + `"],"x":"f"}`, 4},
		{"name and address", `{"n":["Ada Lovelace <ada@example.com>","root <root@localhost>"]}`, `{"n":["Ada Lovelace <` + a + `>","root <` + hidden("root@localhost") + `>"]}`, 2},
		{"address as a name", `{"name":"ada@example.com"}`, `{"name":"` + a + `"}`, 1},
		{"several in a text", `{"n":"see ada@example.com, or <ada@example.com>."}`, `{"n":"see ` + a + `, or <` + a + `>."}`, 2},
		{"in a key", `{"ada@example.com":1}`, `{"` + a + `":1}`, 1},
		{"escaped", `{"email":"ada\u0040example.com","n":"\u003cada\u0040example.com\u003e\n"}`, `{"email":"` + a + `","n":"<` + a + `>\n"}`, 2},
		{"not ASCII", `{"n":"mül@bücher.example"}`, `{"n":"` + hidden("mül@bücher.example") + `"}`, 1},
		{"repositories stay", `{"repo":"git@github.com:a/b.git","x":"git@github.com:a/b","repo":"ada@example.com"}`, `{"repo":"git@github.com:a/b.git","x":"git@github.com:a/b","repo":"ada@example.com"}`, 0},
		{"the user of a URL", `{"x":"https://ada@example.com/a","y":"ssh://git@example.com/a"}`, `{"x":"https://` + a + `/a","y":"ssh://git@example.com/a"}`, 1},
		{"arrays below a field", `{"emails":[["d"],[],"ada@example.com"],"x":["f"]}`, `{"emails":[["` + hidden("d") + `"],[],"` + a + `"],"x":["f"]}`, 2},
		{"objects below a field", `{"email":{"value":"root@localhost","type":"work","all":["x@y"]},"x":"root@localhost"}`, `{"email":{"value":"` + hidden("root@localhost") + `","type":"work","all":["` + hidden("x@y") + `"]},"x":"root@localhost"}`, 2},
		{"a quoted local part", `{"x":"\"j. doe\"@example.com"}`, `{"x":"` + hidden(`"j. doe"@example.com`) + `"}`, 1},
		{"an address literal", `{"x":["at ada@[192.0.2.1].","ada@[IPv6:2001:db8::1]"]}`, `{"x":["at ` + hidden("ada@[192.0.2.1]") + `.","` + hidden("ada@[ipv6:2001:db8::1]") + `"]}`, 2},
		{"paths and versions stay", `{"x":"https://example.com/user@example.com/a","y":"pkg/foo@1.2.3","z":"@types/node","v":"foo@1.2.3","w":"a@b","q":"@"}`, `{"x":"https://example.com/user@example.com/a","y":"pkg/foo@1.2.3","z":"@types/node","v":"foo@1.2.3","w":"a@b","q":"@"}`, 0},
		{"user and password of a URL", `{"x":"smtp://Ada:pw@example.com:25/"}`, `{"x":"smtp://` + hidden("ada:pw@example.com") + `:25/"}`, 1},
		{"user of a URL that is an address", `{"x":"ftp://ada%40example.com@127.0.0.1/"}`, `{"x":"ftp://` + a + `@127.0.0.1/"}`, 1},
		{"in a query", `{"x":"https://example.com/?q=ada%40example.com&x"}`, `{"x":"https://example.com/?q=` + a + `&x"}`, 1},
		{"quoted local part", `{"x":"see \"Ada L\"@example.com","y":"\"a\\\"b\"@example.com"}`,
			`{"x":"see ` + hidden(`"ada l"@example.com`) + `","y":"` + hidden(`"a\"b"@example.com`) + `"}`, 2},
		{"a quote that does not open", `{"x":"ada\"@example.com"}`, `{"x":"ada\"@example.com"}`, 0},
		{"address literals", `{"x":"ada@[192.0.2.1], bo@[IPv6:2001:db8::1]","y":"a@[x y]","z":"a@["}`,
			`{"x":"` + hidden("ada@[192.0.2.1]") + `, ` + hidden("bo@[ipv6:2001:db8::1]") + `","y":"a@[x y]","z":"a@["}`, 2},
		{"domains in other letters", `{"x":"ada@example.xn--p1ai ada@bücher_x.example"}`, `{"x":"` + hidden("ada@example.xn--p1ai") + ` ` + hidden("ada@bücher_x.example") + `"}`, 2},
		{"keys below a field", `{"emails":[{"a":"y","n":1,"ada@b":["g@h"]},"z"],"x":"f","y":["f"]}`, `{"emails":[{"a":"y","n":1,"` + hidden("ada@b") + `":["` + hidden("g@h") + `"]},"` + hidden("z") + `"],"x":"f","y":["f"]}`, 3},
		{"other words for addresses", `{"E-Mail":"x","authorEmail":"x","mail":"x","email_addresses":["x"],"gmail_user":"x","email_count":"x"}`,
			`{"E-Mail":"` + hidden("x") + `","authorEmail":"` + hidden("x") + `","mail":"` + hidden("x") + `","email_addresses":["` + hidden("x") + `"],"gmail_user":"x","email_count":"x"}`, 4},
		{"hidden already", `{"email":"` + a + `","n":"Ada <` + a + `> ` + a + `"}`, `{"email":"` + a + `","n":"Ada <` + a + `> ` + a + `"}`, 0},
		{"rest byte for byte", "{ \"a\" : \"\\u0041\\/\\\"\" , \"email\" : \"ada@example.com\" , \"n\":1e2 } \r", "{ \"a\" : \"\\u0041\\/\\\"\" , \"email\" : \"" + a + "\" , \"n\":1e2 } \r", 1},
		{"many @", `{"n":"` + strings.Repeat("@", 100_000) + `"}`, `{"n":"` + strings.Repeat("@", 100_000) + `"}`, 0},
	} {
		t.Run(tt.name, func(t *testing.T) {
			got, n := redactEmails(nil, []byte(tt.in))
			if string(got) != tt.want || n != tt.count {
				t.Errorf("got %s (%d), want %s (%d)", got, n, tt.want, tt.count)
			}
			if again, n := redactEmails(nil, got); !bytes.Equal(again, got) || n != 0 {
				t.Errorf("hidden again: %s (%d)", again, n)
			}
		})
	}
	raw := reports(8, 50)
	o := exportOptions
	o.RedactEmails = true
	e, err := export(t, raw, o)
	if err != nil {
		t.Fatal(err)
	}
	e.verify(t)
	out := gunzip(t, e.cache)
	if bytes.Contains(out, []byte("@example")) || bytes.Contains(out, []byte("@corp")) || e.report.RedactedEmails < 50 {
		t.Errorf("addresses are left, %d hidden", e.report.RedactedEmails)
	}
}

// split cuts a stream of our members.
func split(t testing.TB, data []byte) [][]byte {
	t.Helper()
	header := []byte{0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 255}
	var parts [][]byte
	for len(data) > 0 {
		if !bytes.HasPrefix(data, header) {
			t.Fatalf("a member begins with %x", data[:10])
		}
		end := bytes.Index(data[1:], header) + 1
		if end == 0 {
			end = len(data)
		}
		parts = append(parts, data[:end])
		data = data[end:]
	}
	return parts
}

// Members end with the line that reaches 4 MiB, are inflated by anyone, and cost
// less than half a per cent.
func TestExportMembers(t *testing.T) {
	raw := reports(9, 3000)
	long := []byte(`{"a":"` + strings.Repeat("x y ", 2*minMember/4) + `"}` + "\n")
	e, err := export(t, slices.Concat(raw, long, raw), exportOptions)
	if err != nil {
		t.Fatal(err)
	}
	e.verify(t)
	parts := split(t, e.cache)
	var all []byte
	for i, m := range parts {
		raw := gunzip(t, m)
		all = append(all, raw...)
		before := bytes.LastIndexByte(raw[:len(raw)-1], '\n') + 1
		if raw[len(raw)-1] != '\n' || before >= minMember || len(raw) < minMember && i < len(parts)-1 {
			t.Errorf("member %d of %d has %d bytes, %d of them in front of its last line", i, len(parts), len(raw), before)
		}
	}
	if !bytes.Equal(all, slices.Concat(raw, long, raw)) {
		t.Error("the lines changed")
	}
	o := exportOptions
	o.SingleMember = true
	single, err := export(t, slices.Concat(raw, long, raw), o)
	if err != nil {
		t.Fatal(err)
	}
	if n := len(split(t, single.cache)); n != 1 || len(parts) < 4 {
		t.Errorf("%d and %d members", n, len(parts))
	}
	if more := len(e.cache) - len(single.cache); more > len(single.cache)/200 {
		t.Errorf("%d members cost %d bytes of %d", len(parts), more, len(single.cache))
	}
}

func TestExportDeterministic(t *testing.T) {
	raw := reports(10, 1000)
	one, err := export(t, raw, exportOptions)
	if err != nil {
		t.Fatal(err)
	}
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(1))
	two, err := export(t, gzipped(raw), exportOptions)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(one.cache, two.cache) || !bytes.Equal(one.manifest, two.manifest) {
		t.Error("other bytes on one core")
	}
}

// What export accepts, summary reads back line for line.
func FuzzExportSummary(f *testing.F) {
	f.Add([]byte("{}\n\n{\"data\":{\"repo\":\"a\",\"config\":{\"jwt_secret\":\"v\"}}}\r\n"), false, false, false)
	f.Add([]byte("{\"email\":\"a@b.example\",\"data\":{\"config\":{\"a_token\":[{}, {\"x\":1}]}}} \nnull\n"), true, true, true)
	f.Add(reports(13, 3), true, false, true)
	f.Add(gzipped(reports(14, 2)), false, true, false)
	f.Fuzz(func(t *testing.T, in []byte, skip, redact, emails bool) {
		o := exportOptions
		o.SkipMalformed, o.Redact, o.RedactEmails, o.AllowEmpty, o.AllowSecrets, o.MaxRaw = skip, redact, emails, true, true, 1<<20
		e, err := export(t, in, o)
		if err != nil {
			if strings.Contains(err.Error(), "\n") {
				t.Fatalf("more than one line: %q", err)
			}
			return
		}
		repos := e.verify(t)
		var names []string
		lines := map[string][]string{}
		for _, repo := range repos {
			s, err := Summarize(t.Context(), bytes.NewReader(e.cache), ScanOptions{MaxRaw: e.RawSize, Secrets: true}, SummaryOptions{
				Repo:      func(name string) error { names = append(names, name); return nil },
				QueryRepo: repo,
				Query: func(line []byte) error {
					lines[repo] = append(lines[repo], string(line))
					if !json.Valid(bytes.ToValidUTF8(line, []byte("?"))) {
						t.Fatalf("not JSON: %q", line)
					}
					return nil
				},
			})
			if err != nil {
				t.Fatal(err)
			}
			if err := e.Check(s.Payload); err != nil {
				t.Fatal(err)
			}
			if redact && s.Payload.Secrets.Err() != nil {
				t.Fatalf("redacted, and still there: %v", s.Payload.Secrets.Err())
			}
			if !skip && bytes.HasPrefix(in, []byte("{")) && !redact && !emails {
				for _, line := range lines[repo] {
					if !bytes.Contains(append(bytes.Clone(in), '\n'), []byte(line+"\n")) {
						t.Fatalf("a line that was not given: %q", line)
					}
				}
			}
			if len(repos) > 8 {
				break
			}
		}
		total := 0
		for _, list := range lines {
			total += len(list)
		}
		valid := !bytes.ContainsRune(e.manifest, '\uFFFD')
		if len(repos) <= 8 && valid && int64(total) != e.EntryCount {
			t.Fatalf("%d lines come back of %d", total, e.EntryCount)
		}
		if len(repos) > 0 && valid && !slices.Equal(names[:len(repos)], repos) {
			t.Fatalf("repositories: got %q, want %q", names[:len(repos)], repos)
		}
	})
}

func BenchmarkExport(b *testing.B) {
	raw := reports(1, 20_000)
	for _, single := range []bool{false, true} {
		b.Run(fmt.Sprintf("single=%v", single), func(b *testing.B) {
			o := exportOptions
			o.SingleMember = single
			b.SetBytes(int64(len(raw)))
			for b.Loop() {
				if _, _, err := Export(b.Context(), bytes.NewReader(raw), io.Discard, io.Discard, o); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
