package packinglist

import (
	"bytes"
	"encoding/json"
	"fmt"
	"html"
	"reflect"
	"regexp"
	"strings"
	"testing"
)

const (
	identity = "sha256:0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"
	other    = "sha256:fedcba9876543210fedcba9876543210fedcba9876543210fedcba9876543210"
)

// snapshot is a list as most are.
func snapshot() *List {
	return &List{
		Bundle: Bundle{Name: "lei-cache.tar", Form: "OCI layout, tar", Size: 12345678, SHA256: strings.TrimPrefix(other, "sha256:"), Identity: identity, Sealed: true, Blobs: 4},
		Given:  Given{PackedBy: "A. Packer", PackedAt: "2026-02-05T10:00:00Z", Origin: "build farm 3"},
		Artifacts: []Artifact{{
			References: []string{"ferry.internal/lei/cache:2026-02-05", "ferry.internal/lei/cache:latest"}, Kind: "lei",
			MediaType: "application/vnd.oci.image.manifest.v1+json", Digest: other, Files: 2, Size: 12340000,
			LEI: &LEI{Date: "2026-02-05", Version: "0.9.1", Reports: 1204, Repositories: 1100, RawSize: 987654321,
				Oldest: "2026-01-01T00:00:00Z", Newest: "2026-02-05T00:00:00Z",
				Risk:    []Count{{"critical", 17}, {"high", 120}, {"medium", 402}, {"low", 651}, {"undetermined", 14}, {"other", 0}},
				Secrets: Secrets{Defaults: []Count{{"data.config.jwt_secret", 1204}}}},
		}},
		Files: []File{
			{Artifact: 0, Role: "manifest", Claimed: "application/vnd.oci.image.manifest.v1+json", Type: "application/json", Size: 800, Digest: other},
			{Artifact: 0, Role: "config", Claimed: "application/vnd.lei.cache.config.v1+json", Type: "application/json", Size: 120, Digest: identity},
			{Artifact: 0, Role: "file", Name: "manifest.json", Claimed: "application/vnd.lei.cache.manifest.v1+json", Type: "application/json", Size: 40000, Digest: other},
			{Artifact: 0, Role: "file", Name: "cache.jsonl.gz", Claimed: "application/vnd.lei.cache.jsonl.v1+gzip", Type: "application/gzip", Nesting: []string{"application/gzip", "application/x-ndjson"}, Size: 12300000, Digest: identity},
		},
	}
}

func received() *List {
	l := snapshot()
	l.Receipt = &Receipt{ReceivedAt: "2026-02-06T08:00:00Z", ReceivedBy: "O. Operator", Output: "lei-cache", Files: 2, Checks: []Check{
		{"Integrity", true, "4 blobs, 12345678 bytes, each hashed and compared with its name"},
		{"Identity", true, "the same as the one given with --expect"},
		{"Signature", false, "not signed"},
	}}
	return l
}

const evil = `<script>alert(1)</script><img src=x onerror=alert(1)>"'--><!--]]></title></style></svg>` + "\u202egnp.exe\u202c\u2066\x00\x1b[31m\n\xff"

// hostile is a list of 2,000 files whose every word is against the reader.
func hostile() *List {
	l := received()
	l.Receipt = nil
	l.Bundle.Name = "b " + evil + ".tar"
	l.Given = Given{evil, evil, evil}
	l.Notices = []string{evil}
	l.Artifacts = append(l.Artifacts, Artifact{References: []string{evil, strings.Repeat("x", 9000)}, Kind: evil, MediaType: evil, Type: evil, Digest: other, Platform: evil, Within: identity, Source: "javascript:alert(1)" + evil, Created: evil, Files: 2000, Size: 1 << 40})
	l.Artifacts[0].LEI.Secrets.Found = []Count{{evil, 3}}
	l.Artifacts[0].LEI.Date = evil
	for i := range 2000 {
		f := File{Artifact: 1, Role: "file", Name: fmt.Sprintf("dir/%d/%s", i, evil), Claimed: evil, Type: "text/plain", Size: int64(i) * 1000, Digest: fmt.Sprintf("sha256:%064x", i)}
		switch i % 9 {
		case 1:
			f.Name, f.Encrypted, f.Executable, f.Unseen, f.Again = strings.Repeat("long/", 2000)+"name", true, true, true, true
		case 2:
			f.Name, f.Type = "שלום-עולם-מסמך.txt", fmt.Sprintf("application/x-%d", i)
		case 3:
			f.Name, f.Nesting = strings.Repeat("W", 300), []string{"application/gzip", "application/x-tar", "application/zip"}
		case 4:
			f.Name = "Z̸̡̢̛̺̈́͊̓a̵͎͎̽͋l̴̰̈́g̶͖͒o" + strings.Repeat("\u0336\u0489", 40)
		case 5:
			f.Name, f.Role, f.Artifact = "", "unreferenced", -1
		}
		l.Files = append(l.Files, f)
	}
	for range 30 {
		f := Finding{File: evil, Path: "a > " + evil, What: evil}
		l.Encrypted.List = append(l.Encrypted.List, f)
		l.Executable.List = append(l.Executable.List, f)
		l.Unseen.List = append(l.Unseen.List, f)
	}
	l.Unseen.More = 12345
	return l
}

func written(t testing.TB, l *List, f Form) string {
	t.Helper()
	var b bytes.Buffer
	if err := l.Write(&b, f); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

func TestText(t *testing.T) {
	got := written(t, snapshot(), Text)
	for _, want := range []string{
		"PACKING LIST\n============\n\nAn LEI cache of 2026-02-05 with 1,204 reports.\n",
		"identity            " + identity + "\n                    0123 4567 89ab cdef 0123 4567 89ab cdef\n",
		"archive SHA-256     fedcba98", "size                11.8 MiB (12,345,678 bytes)\n",
		"packed by           A. Packer\n", "encrypted content   none found\n", "secrets in reports  published defaults only\n",
		"reports       1,204 about 1,100 repositories\n", "risk          critical 17, high 120, medium 402, low 651, undetermined 14, other 0\n",
		"   4. cache.jsonl.gz\n      gzip › JSON lines, 11.7 MiB (12,300,000 bytes)\n      said to be application/vnd.lei.cache.jsonl.v1+gzip\n",
		"$ ferry verify lei-cache.tar --expect " + identity, "$ sha256sum -c SHA256SUMS", "Approved by  name      ____",
		"ferry packing list 1\n",
	} {
		if !strings.Contains(got, want) {
			t.Errorf("want %q in:\n%s", want, got)
		}
	}
	for line := range strings.Lines(got) {
		if n := len([]rune(line)) - 1; n > 88 && !strings.Contains(line, "sha256:") && !strings.Contains(line, "SHA-256") {
			t.Errorf("%d columns: %s", n, line)
		}
	}
	got = written(t, received(), Text)
	for _, want := range []string{"RECEIPT\n=======\n", "[x] Identity\n    the same as", "[ ] Signature\n    not signed", "received by         O. Operator", "ferry receipt 1\n"} {
		if !strings.Contains(got, want) {
			t.Errorf("want %q in:\n%s", want, got)
		}
	}
}

// The JSON form is the list itself, and comes back as it was.
func TestJSON(t *testing.T) {
	for _, l := range []*List{snapshot(), received()} {
		var back List
		if err := json.Unmarshal([]byte(written(t, l, JSON)), &back); err != nil {
			t.Fatal(err)
		}
		if !strings.HasPrefix(back.Form, "ferry ") {
			t.Errorf("form %q", back.Form)
		}
		back.Form = ""
		if !reflect.DeepEqual(&back, l) {
			t.Errorf("got %+v\nwant %+v", back, *l)
		}
	}
}

// The same list gives the same bytes, and writing does not change it.
func TestSame(t *testing.T) {
	for _, f := range []Form{Text, JSON, HTML} {
		l := hostile()
		a := written(t, l, f)
		if written(t, l, f) != a || written(t, hostile(), f) != a {
			t.Errorf("%s differs from one writing to the next", f)
		}
	}
	if err := snapshot().Write(&bytes.Buffer{}, "pdf"); err == nil {
		t.Error("a form that is not there was written")
	}
}

// Nothing foreign acts: in the text it cannot move the cursor or turn the
// line, in the page it stays text.
func TestHostile(t *testing.T) {
	text := written(t, hostile(), Text)
	for _, r := range text {
		if r < ' ' && r != '\n' || r == 0x7f || r >= 0x202a && r <= 0x202e || r >= 0x2066 && r <= 0x2069 || r == 0x200f {
			t.Fatalf("%U in the text", r)
		}
	}
	page := written(t, hostile(), HTML)
	for _, bad := range []string{"<script>alert", "<img", "onerror=alert(1)>", "\u202e", "\u2066", "\x1b", "\x00", "ZgotmplZ", "<!--]]>", "href", "src=x onerror=alert(1)>\""} {
		if strings.Contains(page, bad) {
			t.Errorf("%q in the page", bad)
		}
	}
	if !strings.Contains(page, html.EscapeString(`<script>alert(1)</script>`)) || !strings.Contains(page, `\u202egnp.exe`) {
		t.Error("the hostile name is not shown")
	}
	if strings.Count(page, "<script") != 1 || strings.Count(page, "<style") != 1 {
		t.Error("more than one script or style")
	}
	if m := regexp.MustCompile(`(?i)(https?:|//[a-z]|url\(|@import|<link|<iframe|<base|<object| style=| on[a-z]+=")`).FindString(page); m != "" {
		t.Errorf("%q in the page", m)
	}
	if n := len(page); n > 8<<20 {
		t.Errorf("the page is %d bytes long", n)
	}
	if w := visible(strings.Repeat("é", 5000)); !strings.HasSuffix(w, "… (5000 characters)") || len([]rune(w)) > MaxShown+30 {
		t.Errorf("cut to %q", w)
	}
}

func TestFormOf(t *testing.T) {
	for name, want := range map[string]Form{"a.txt": Text, "A.TXT": Text, "a.json": JSON, "a.html": HTML, "a.htm": HTML, "a.pdf": "", "html": "", "a.tar": ""} {
		if got, ok := FormOf(name); got != want || ok != (want != "") {
			t.Errorf("%s: %q", name, got)
		}
	}
}

func TestVerdicts(t *testing.T) {
	for _, c := range []struct {
		what string
		edit func(*List)
		want string
	}{
		{"clean", func(*List) {}, "Encrypted content: none found; Executable content: none found; Not looked into: nothing; Secrets in reports: published defaults only; "},
		{"secrets", func(l *List) {
			l.Artifacts[0].LEI.Secrets.Found = []Count{{"a", 2}}
			l.Artifacts[0].LEI.Secrets.More = 1
		}, "Encrypted content: none found; Executable content: none found; Not looked into: nothing; Secrets in reports: 3 values; "},
		{"no LEI", func(l *List) { l.Artifacts = nil; l.Encrypted.More = 2; l.Executable.More = 1 }, "Encrypted content: 2 places; Executable content: 1 place; Not looked into: nothing; "},
	} {
		l := snapshot()
		c.edit(l)
		got := ""
		for _, v := range l.verdicts() {
			got += v.Name + ": " + v.Answer + "; "
		}
		if got != c.want {
			t.Errorf("%s: got %q, want %q", c.what, got, c.want)
		}
	}
}
