package main

import (
	"bytes"
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/ociferry/ferry/cmd/ferry/internal/ui"
)

// Every error that a person is likely to meet, with its text and its next
// step.
func TestErrors(t *testing.T) {
	snapshot := filepath.Join(repository(t), "examples", "lei-cache", "snapshot")
	t.Chdir(t.TempDir())
	write := func(name, data string) {
		t.Helper()
		if err := os.MkdirAll(filepath.Dir(name), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(name, []byte(data), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	write("files/a.txt", "a\n")
	write("different/b.txt", "b\n")
	write("empty.tar", "")
	write("short.pub", "-----BEGIN PUBLIC KEY-----\n")
	write("kind.yaml", "version: 1\nkind: [lei]\n")
	write("text.tar", strings.Repeat("this is no tar\n", 100))
	write("archive.zip", "PK\x03\x04 and so on")
	write("colon/12:30.txt", "")
	write("linked/a.txt", "a\n")
	if err := errors.Join(os.Mkdir("none", 0o755), os.Symlink("a.txt", "linked/b.txt")); err != nil {
		t.Fatal(err)
	}
	if err := os.MkdirAll("taken/manifest.json", 0o755); err != nil {
		t.Fatal(err)
	}
	write("home/a.txt", "a\n")
	for _, name := range []string{"link", "home/link"} {
		if err := os.Symlink("taken", name); err != nil {
			t.Fatal(err)
		}
	}
	write("broken/manifest.json", "{}")
	write("broken/cache.jsonl.gz", "")
	write("folded/A", "")
	write("folded/a", "")
	write("bad.json", "{bad")
	write("none.pem", "no certificate\n")
	if err := os.Symlink("files.tar", "link.tar"); err != nil {
		t.Fatal(err)
	}
	for _, args := range [][]string{
		{"pack", snapshot, "-o", "lei.tar"}, {"pack", "files", "-o", "files.tar"}, {"bundle", "lei.tar", "files.tar", "-o", "both.tar"},
		{"pack", "files", "-o", "layout"}, {"pack", "files", "-o", "junk.tar.gz"},
		{"pack", "different", "-o", "other.tar", "-t", "ferry.internal/files/files:latest"},
	} {
		if code, _, stderr := ferry(args...); code != 0 {
			t.Fatalf("ferry %q: %s", args, stderr)
		}
	}
	data, err := os.ReadFile("lei.tar")
	if err != nil {
		t.Fatal(err)
	}
	zipped, err := os.ReadFile("junk.tar.gz")
	if err != nil {
		t.Fatal(err)
	}
	write("junk.tar.gz", string(zipped)+"junk!")
	write("cut.tar", string(data[:5000]))
	write("flipped.tar", strings.Replace(string(data), `"lei_version"`, `"lei-version"`, 1))

	for _, c := range []struct {
		args string
		code int
		err  string
		hint string
	}{
		{"frobnicate", 2, `there is no command "frobnicate"`, "ferry help lists the commands"},
		{"verfy lei.tar", 2, `there is no command "verfy"`, `did you mean ferry verify? ferry help lists the commands`},
		{"help verfy", 2, `there is no command "verfy"`, `did you mean ferry verify? ferry help lists the commands`},
		{"verify lei.tar --exspect x", 2, "there is no flag --exspect", `did you mean --expect? see ferry help verify`},
		{"verify lei.tar --expect", 2, "verify: the flag --expect wants a value", "see ferry help verify"},
		{"verify lei.tar --expect=", 2, "--expect: want a value, found an empty one", "leave the flag out, or fill the variable that the value comes from"},
		{"pack files -o x.tar --tag=", 2, "--tag: want a value, found an empty one", "leave the flag out, or fill the variable that the value comes from"},
		{"verify", 2, "verify: missing the bundle or layout to verify", "see ferry help verify"},
		{"verify --format yaml lei.tar", 2, `--format "yaml": want text or json`, "see ferry help verify"},
		{"summary lei.tar --list --query x", 2, "--list and --query: want one of the two", "see ferry help summary"},
		{"keygen --type rsa", 2, `--type "rsa": want p256 or ed25519`, "see ferry help keygen"},
		{"verify files/a.txt/b.tar", 1, "stat files/a.txt/b.tar: not a directory", "a part of this name is a file, where a directory is wanted: check the name"},
		{"verify --require x lei.tar", 2, `--require "x": want a number`, "see ferry help verify"},
		{"pull x --concurrency 99999999999999999999 -o y", 2, `--concurrency "99999999999999999999": want a number`, "see ferry help pull"},
		{"verify --quiet=x lei.tar", 2, `--quiet="x": want no value, the flag alone says it`, "leave out the value, or the flag; see ferry help verify"},
		{"verify a.tar b.tar", 2, `verify: want one bundle or layout to verify, found 2 arguments: "a.tar", "b.tar"`, "see ferry help verify"},
		{"diff", 2, "diff: want two bundles or layouts, found 0 arguments", "see ferry help diff"},
		{"verify --pol x lei.tar", 2, "there is no flag --pol", "did you mean --policy? see ferry help verify"},
		{"pack files -o x.tar --pack a", 2, "there is no flag --pack", "did you mean --packing-list or --packed-by or --packed-at? see ferry help pack"},
		{"unpack lei.tar -overwite -o x", 2, "there is no flag -overwite", "did you mean --overwrite? see ferry help unpack"},
		{"verify -qz lei.tar", 2, "there is no flag -qz", "see ferry help verify"},
		{"-k key.pub verify lei.tar", 2, "there is no flag -k", "flags of a command stand behind it; ferry help lists the commands"},
		{"list lei.tar", 2, `there is no command "list"`, "did you mean ferry ls? ferry help lists the commands"},
		{"copy lei.tar", 2, `there is no command "copy"`, "did you mean ferry bundle or ferry pull or ferry push? ferry help lists the commands"},
		{"verify -zz x", 2, "there is no flag -zz", "see ferry help verify"},
		{"--versoin", 2, "there is no flag --versoin", "ferry help lists the commands"},
		{"version x", 2, `version: want no arguments, found 1 argument: "x"`, "see ferry help version"},
		{"push lei.tar", 2, `push: want SRC and REF, found 1 argument: "lei.tar"`, "see ferry help push"},
		{"summary files.tar", 1, "files.tar: holds no LEI cache", "ferry inspect shows what it holds; ferry pack makes an LEI cache of a snapshot"},
		{"pack none -o x.tar", 1, "none: the directory holds no files", "name the directory whose files are to be packed"},
		{"pack colon -o x.tar", 1, `colon: "12:30.txt": unsafe character ':' in a file name`, "rename it; or put a tar of the directory into another one, and pack that"},
		{"pack folded -o x.tar", 1, `folded: layers[1]: "a": a title that is a duplicate of "A" where no case is told from another`, "rename it; or put a tar of the directory into another one, and pack that"},
		{"pack files -o link.tar --overwrite", 1, "link.tar: not a regular file; it is not overwritten", "if it is a symbolic link, name what it points to; else choose another name"},
		{"ls 127.0.0.1:1/a:1 --registry-config bad.json", 1, "bad.json: not a docker configuration: *", "check the files behind --registry-config (docker's config.json), --ca-file and --cert-file (certificates in PEM) and --key-file (a key in PEM)"},
		{"ls 127.0.0.1:1/a:1 --ca-file none.pem", 1, "none.pem: want certificates in PEM, found none", "check the files behind --registry-config (docker's config.json), --ca-file and --cert-file (certificates in PEM) and --key-file (a key in PEM)"},
		{"packing-list lei.tar -o -", 2, "--output -: want a name that ends in .txt, .json or .html", "leave it out: the text, or with --format json the JSON, goes to standard output by itself"},
		{"packing-list lei.tar -o page", 2, "--output page: want a name that ends in .txt, .json or .html", "for example --output page.html"},
		{"unpack lei.tar -o x --receipt -", 2, "--receipt -: want a name that ends in .txt, .json or .html", "for example --receipt receipt.txt, to be read with cat; standard output has the command's own answer"},
		{"pack linked -o x.tar", 1, `linked: "b.txt": want a regular file, found a symbolic link`, "replace it by what it stands for, or remove it; or put a tar of the directory into another one, and pack that"},
		{"verify nothing.tar", 1, "stat nothing.tar: no such file or directory", "check the name and the directory it is in"},
		{"verify empty.tar", 3, "empty.tar: empty file: 0 bytes, want a tar archive", "the file is cut short: copy it again from the medium and compare its size"},
		{"verify text.tar", 3, "text.tar: not a tar archive: the first header is invalid", "give a layout directory or a tar of one; ferry pack makes it"},
		{"verify archive.zip", 3, "archive.zip: not a tar archive: unsupported compression: this is zip data; want a tar, plain or compressed with gzip or zstd", "unpack it with its own tool first; ferry reads .tar, .tar.gz and .tar.zst"},
		{"verify files", 3, "files: oci-layout: missing: this is not an OCI image layout", "give a layout directory, with oci-layout and index.json in it, or a tar of one; ferry pack makes one of any directory"},
		{"verify cut.tar", 3, "cut.tar: entry blobs/sha256/*: the archive is truncated here (unexpected EOF)", "the file is cut short: copy it again from the medium and compare its size"},
		{"verify flipped.tar", 3, "flipped.tar: blobs/sha256/*: digest mismatch: want sha256:*, found sha256:* (105 bytes)", "do not use it: copy it again from the medium, or have it packed again, and verify that"},
		{"verify lei.tar:2030-01-01", 2, "lei.tar: no artifact is named 2030-01-01; there are: lei.internal/lei/cache:2026-02-01", "ferry ls shows what is there"},
		{"verify lei.tar --expect sha256:12", 2, `--expect: digest "sha256:12": want 64 hexadecimal digits, found 2 characters`, "ferry pack prints the identity"},
		{"unpack lei.tar", 2, "unpack: missing -o, the name of the output", "see ferry help unpack"},
		{"unpack both.tar -o x", 2, "both.tar: there are several artifacts: lei.internal/lei/cache:2026-02-01, ferry.internal/files/files:latest", "choose one with -t, for example -t lei.internal/lei/cache:2026-02-01"},
		{"unpack lei.tar -o files", 1, "create files: file already exists", "choose a new directory, or replace the files of the same names with --overwrite"},
		{"unpack lei.tar -o no/where", 1, "create no/where: no such file or directory", "make the directory it goes into first, or check its name"},
		{"pack nowhere -o x.tar", 1, "stat nowhere: no such file or directory", "check the name and the directory it is in"},
		{"pack files -o x.zip", 2, "-o x.zip: no form that ferry writes", "want .tar, .tar.gz, .tgz or .tar.zst for an archive, or a name without such a suffix for a directory"},
		{"pack files --kind lei -o x.tar", 1, "files: not an LEI snapshot: want a file manifest.json in it, found none", "ferry export makes a snapshot of reports; --kind files packs any directory as files"},
		{"pack files --kind image -o x.tar", 2, `--kind "image": there is no such kind`, "the kinds are: lei, files"},
		{"pack broken -o x.tar", 3, `broken: manifest.json: format_version: want a format version "1.0" or another "1.x", found no such field`, "export the snapshot again; --no-check packs it as it is, and the far side refuses it"},
		{"pack files -o files.tar", 1, "create files.tar: file already exists", "choose another name, or replace it with --overwrite"},
		{"pack files -o layout", 1, "create layout: file already exists", "choose another name, replace it with --overwrite, or add to a layout directory with --append"},
		{"pack files -o files --overwrite", 1, "files is a directory that is no layout; it is not replaced", "choose another name"},
		{"bundle lei.tar -o files --overwrite", 1, "files is a directory that is no layout; it is not replaced", "choose another name"},
		{"bundle lei.tar files.tar -o files", 1, "files is a directory that is no layout; it is not replaced", "choose another name"},
		{"unpack lei.tar -o link --overwrite", 1, "link is a symbolic link; it is not replaced", "name what it points to"},
		{"unpack lei.tar -o text.tar --overwrite", 1, "text.tar is a file, where a directory is wanted; it is not replaced", "choose another name"},
		{"unpack lei.tar -o taken --overwrite", 1, "lei.tar: taken/manifest.json: a directory stands in the place of this file", "move it away, or unpack into another directory"},
		{"pack files -o files --append", 3, "files: oci-layout: missing: this is not an OCI image layout", "give a layout directory, with oci-layout and index.json in it, or a tar of one; ferry pack makes one of any directory"},
		{"bundle files.tar flipped.tar -o x.tar", 3, "flipped.tar: blobs/sha256/*: digest mismatch: want sha256:*, found sha256:* (105 bytes)", "do not use it: copy it again from the medium, or have it packed again, and verify that"},
		{"bundle files.tar other.tar -o x.tar", 1, "files.tar and other.tar: the name ferry.internal/files/files:latest stands for sha256:* already, and would stand for sha256:* as well", "give one of them another name, or put them into separate bundles"},
		{"pack files -o x.tar -t a/b", 2, "-t a/b: want HOST/REPOSITORY:TAG, found no tag", "for example -t ferry.internal/files/files:1.0"},
		{"pack files -o x.tar --artifact-type nonsense", 2, "--artifact-type: want a media type, found nonsense", "for example application/vnd.example.handbook.v1"},
		{"pack files -o x.tar a.txt:b/", 2, "a.txt:b/: want a media type, found b/", "for example application/vnd.example.handbook.v1"},
		{"pack files/a.txt -o x.tar", 2, "files/a.txt: want a directory, found a file", "ferry bundle converts a bundle; ferry export makes a snapshot of reports"},
		{"seal layout:latest", 2, "layout:latest: a layout is sealed as a whole", "ferry seal layout"},
		{"unpack lei.tar -o x --seal", 2, "--seal is for --layout", "files have no seal; leave it out"},
		{"pack files -o x.tar --lei-tags", 2, "--lei-tags is for an LEI snapshot, and this is none", "give names with -t"},
		{"pack files -o x.tar --packing-list no/where.txt", 1, "create no/where.txt: no such file or directory", "make the directory it goes into first, or check its name"},
		{"unpack lei.tar -o x --receipt no/where.txt", 1, "create no/where.txt: no such file or directory", "make the directory it goes into first, or check its name"},
		{"verify localhost:1/team/app:1", 1, "stat localhost:1/team/app:1: no such file or directory", "check the name; what is in a registry is fetched first: ferry pull localhost:1/team/app:1 -o OUT"},
		{"ls localhost:1", 1, "localhost:1: *", "nothing listens there: check host and port, and whether the registry runs"},
		{"verify home", 3, "home: oci-layout: missing: this is not an OCI image layout (and 1 more)", "give a layout directory, with oci-layout and index.json in it, or a tar of one; ferry pack makes one of any directory"},
		{"verify short.pub", 3, "short.pub: not a tar archive: truncated within the first header (unexpected EOF)", "this is shorter than any bundle: check the name, or copy it again from the medium if it was longer there"},
		{"verify junk.tar.gz", 3, "junk.tar.gz: gzip stream is truncated (unexpected EOF)", "the file is cut short, or there are bytes behind its end: copy it again from the medium and compare its size"},
		{"zarf --check lei.tar", 1, "lei.tar: yaml: control characters are not allowed", "give the definition of the package, zarf.yaml; it names the bundle"},
		{"verify lei.tar --policy kind.yaml", 2, "kind.yaml: line 2: field kind not found", "did you mean kinds? beside version: 1 a policy may hold signatures (require, keys), kinds, *"},
		{"verify lei.tar --max-age 1d", 5, "lei.tar: refused: --max-age: *", "get a newer one, or have the rule changed by who answers for it"},
		{"verify files.tar --max-age 1d", 5, "files.tar: refused: date: *", "many artifacts carry no date, container images among them: a rule on dates cannot be used for these"},
		{"seal lei.tar", 2, "lei.tar: want a layout directory, found a file", "ferry bundle seals every archive that it writes"},
	} {
		t.Run(c.args, func(t *testing.T) {
			code, _, stderr := ferry(strings.Fields(c.args)...)
			want := "ferry: error: " + c.err + "\nferry: hint: " + c.hint + "\n"
			if code != c.code || !like(stderr, want) {
				t.Errorf("exit code %d, want %d; got\n%swant\n%s", code, c.code, stderr, want)
			}
			for _, name := range []string{"x", "x.tar", "x.zip", ".x.ferry-partial", ".x.tar.ferry-partial"} {
				if _, err := os.Lstat(name); err == nil {
					t.Errorf("%s was left behind", name)
				}
			}
		})
	}
}

// An empty argument comes from a variable that is not set.
func TestEmptyArguments(t *testing.T) {
	t.Chdir(t.TempDir())
	for _, args := range [][]string{{"bundle", "", "-o", "x.tar"}, {"pack", "", "-o", "x.tar"}, {"verify", ""}, {"diff", "", ""}} {
		if code, _, stderr := ferry(args...); code != ui.CodeMisuse || !strings.Contains(stderr, "look at the variable") {
			t.Errorf("ferry %q: exit code %d, %s", args, code, stderr)
		}
	}
}

// A misuse without a next step of its own sends people to the help of its
// command.
func TestMisuse(t *testing.T) {
	if code, _, stderr := ferry("verify", "x.tar", "--format", "xml"); code != ui.CodeMisuse || !strings.Contains(stderr, "hint: see ferry help verify\n") {
		t.Errorf("exit code %d, %s", code, stderr)
	}
}

// like compares a text with a pattern in which each * stands for anything.
func like(text, pattern string) bool {
	parts := strings.Split(pattern, "*")
	if !strings.HasPrefix(text, parts[0]) {
		return false
	}
	text = text[len(parts[0]):]
	for _, p := range parts[1:] {
		i := strings.Index(text, p)
		if i < 0 {
			return false
		}
		text = text[i+len(p):]
	}
	return text == "" || strings.HasSuffix(pattern, "*")
}

// ferry runs the command in this process.
func ferry(args ...string) (code int, stdout, stderr string) {
	var out, errs bytes.Buffer
	e := &ui.Env{
		Stdin: strings.NewReader(""), Stdout: &out, Stderr: &errs, Getenv: func(string) string { return "" },
		Now: func() time.Time { return time.Date(2026, 2, 5, 12, 0, 0, 0, time.UTC) },
	}
	code = run(context.Background(), e, append([]string{"ferry"}, args...))
	return code, out.String(), errs.String()
}

// What has no name is said to have none, and that is no name.
func TestNoName(t *testing.T) {
	for want, n := range map[string]node{"(no name)\n": {}, "\"(no name)\"\n": {References: []string{"(no name)"}}, "ü\n": {References: []string{"ü"}}} {
		var b strings.Builder
		if n.print(&b, ""); !strings.HasPrefix(b.String(), want) {
			t.Errorf("want %q, got %q", want, b.String())
		}
	}
}
