package bundle_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/opencontainers/go-digest"

	"github.com/ociferry/ferry/bundle"
	"github.com/ociferry/ferry/layout"
	"github.com/ociferry/ferry/layout/artifact"
	"github.com/ociferry/ferry/layout/layouttest"
	"github.com/ociferry/ferry/layout/lei"
)

// options are those of ferry verify.
func options() layout.AuditOptions {
	return layout.AuditOptions{Inspectors: []layout.Inspector{lei.NewChecker(artifact.IgnoreSecrets, nil), artifact.Titles{}}}
}

func verify(archive []byte) (*layout.Report, error) {
	report, err := bundle.Verify(context.Background(), bytes.NewReader(archive), options())
	if err != nil {
		return nil, err
	}
	return report, report.Err()
}

// unpack is what ferry unpack --layout does with an archive.
func unpack(archive []byte, out string) error {
	ctx := context.Background()
	w, err := layout.Create(out, layout.WriterOptions{NoSync: true})
	if err != nil {
		return err
	}
	defer w.Close()
	if _, err := bundle.Unpack(ctx, bytes.NewReader(archive), w, options()); err != nil {
		return err
	}
	_, err = w.Commit(ctx, layout.CommitOptions{})
	return err
}

// outOfOrder reads a plain tar by its headers. ok is false for any other.
func outOfOrder(archive []byte) (err error, ok bool) {
	r, err := bundle.OpenArchive(bytes.NewReader(archive), int64(len(archive)))
	if errors.Is(err, bundle.ErrCompressed) {
		return nil, false
	}
	if err != nil {
		return err, true
	}
	return judged(r), true
}

// judged is what ferry bundle does: it reads the blobs in its own order, and then
// asks for the verdict.
func judged(r *layout.Reader) error {
	ctx := context.Background()
	c, err := r.Judged(ctx, options())
	if err == nil {
		err = c.Read(ctx)
	}
	if err != nil {
		return err
	}
	report, err := c.Finish(ctx)
	if err == nil {
		err = report.Err()
	}
	return err
}

// archiveOf is the tar of a case, or nil.
func archiveOf(c layouttest.Case) []byte {
	switch {
	case c.Dir != nil:
		return nil
	case c.Tar != nil:
		return c.Tar()
	}
	return c.Artifact.Layout().Tar()
}

func checkRefusal(t *testing.T, how string, err error, c layouttest.Case) {
	t.Helper()
	if err == nil {
		t.Fatalf("%s: accepted", how)
	}
	text := err.Error()
	if !regexp.MustCompile("(?i)" + c.Words).MatchString(text) {
		t.Errorf("%s: the refusal does not say %q: %s", how, c.Words, text)
	}
	if i := strings.IndexFunc(text, func(r rune) bool { return r < ' ' || r == 0x7f || r == 0xfffd || r == 0x202e }); i >= 0 {
		t.Errorf("%s: the refusal is not one line of plain text: %q", how, text)
	}
	if len(text) > 2000 {
		t.Errorf("%s: the refusal has %d bytes: %.200s...", how, len(text), text)
	}
}

func TestHostileArchives(t *testing.T) {
	parent := t.TempDir()
	for _, c := range layouttest.Refused() {
		t.Run(c.Name, func(t *testing.T) {
			archive := archiveOf(c)
			if archive == nil && c.Tar == nil {
				return
			}
			_, err := verify(archive)
			checkRefusal(t, "verify", err, c)
			checkRefusal(t, "unpack", unpack(archive, filepath.Join(parent, "out")), c)
			if left, _ := os.ReadDir(parent); len(left) > 0 {
				t.Errorf("left behind: %v", left)
			}
			if err, ok := outOfOrder(archive); ok {
				// Damage within contents shows where it is read, in another order.
				checkRefusal(t, "out of order", err, layouttest.Case{})
			}
		})
	}
}

// What verify accepts, unpack writes byte for byte: in whatever order the files
// come, plain or compressed.
func TestUnusualArchives(t *testing.T) {
	for _, c := range layouttest.Accepted() {
		t.Run(c.Name, func(t *testing.T) {
			archives := map[string][]byte{"as it is": archiveOf(c)}
			if c.Tar == nil {
				l := c.Artifact.Layout()
				for seed := range uint64(3) {
					entries := l.Entries()
					rand.New(rand.NewPCG(seed, 0)).Shuffle(len(entries), func(i, j int) { entries[i], entries[j] = entries[j], entries[i] })
					archives[fmt.Sprint("shuffled ", seed)] = layouttest.Tar(entries...)
				}
				archives["compressed"] = layouttest.Gzip(l.Tar())
			}
			for how, archive := range archives {
				report, err := verify(archive)
				if err != nil {
					t.Fatalf("%s: %v", how, err)
				}
				if err, ok := outOfOrder(archive); ok && err != nil {
					t.Errorf("%s, out of order: %v", how, err)
				}
				out := filepath.Join(t.TempDir(), "out")
				if err := unpack(archive, out); err != nil {
					t.Fatalf("%s: %v", how, err)
				}
				checkCopy(t, how, out, report)
				checkTar(t, archive, report)
			}
		})
	}
}

// checkCopy holds a layout directory against the report of what it came from.
func checkCopy(t *testing.T, how, dir string, want *layout.Report) {
	t.Helper()
	index, err := os.ReadFile(filepath.Join(dir, "index.json"))
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(index, want.RawIndex) {
		t.Errorf("%s: index.json is %q, want %q", how, index, want.RawIndex)
	}
	r, err := layout.OpenDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	got, err := r.Audit(context.Background(), options())
	if err == nil {
		err = got.Err()
	}
	if err != nil {
		t.Fatalf("%s: the copy: %v", how, err)
	}
	if got.Digest != want.Digest || got.Manifests != want.Manifests || len(got.Extra) > 0 {
		t.Errorf("%s: the copy is %s with %d manifests and %q, want %s with %d and nothing", how, got.Digest, got.Manifests, got.Extra, want.Digest, want.Manifests)
	}
}

// sealed is a bundle as Write writes it.
func sealed(t testing.TB) []byte {
	t.Helper()
	r := layout.Open(os.DirFS(layouttest.Artifact{Reports: 2}.Layout().Dir(t)))
	c, err := r.Contents(context.Background())
	if err != nil {
		t.Fatal(err)
	}
	var b bytes.Buffer
	if err := bundle.Write(context.Background(), &b, nil, c); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// Any changed byte of content is refused, and the file is named. A changed byte
// between contents, of which every third is tried, is refused or changes
// nothing.
func TestEveryByte(t *testing.T) {
	archive := sealed(t)
	whole, err := verify(archive)
	if err != nil {
		t.Fatal(err)
	}
	files := map[string][2]int{} // where the contents stand
	for _, name := range []string{"oci-layout", "index.json", "SHA256SUMS"} {
		files[name] = content(t, archive, name)
	}
	for _, line := range strings.Split(strings.TrimSpace(string(archive[files["SHA256SUMS"][0]:files["SHA256SUMS"][1]])), "\n") {
		name := line[66:]
		files[name] = content(t, archive, name)
	}
	at := make([]string, len(archive))
	for name, f := range files {
		for i := f[0]; i < f[1]; i++ {
			at[i] = name
		}
	}
	damaged := bytes.Clone(archive)
	for i := range archive {
		if at[i] == "" && i%3 != 0 {
			continue
		}
		damaged[i] ^= 1 << (i % 8)
		report, err := verify(damaged)
		switch {
		case at[i] == "" && err == nil:
			if report.Digest != whole.Digest || report.Blobs != whole.Blobs {
				t.Errorf("byte %d: another layout is accepted", i)
			}
		case err == nil:
			t.Errorf("byte %d, in %s: accepted", i, at[i])
		case at[i] != "" && !strings.Contains(err.Error(), at[i]) && at[i] != "SHA256SUMS":
			t.Errorf("byte %d: %s is not named: %v", i, at[i], err)
		}
		damaged[i] = archive[i]
	}
}

// content is where the content of an entry stands in an archive.
func content(t *testing.T, archive []byte, name string) [2]int {
	t.Helper()
	for at := 0; at+512 <= len(archive); {
		var size int
		header := archive[at : at+512]
		if header[0] == 0 {
			break
		}
		if _, err := fmt.Sscanf(string(header[124:135]), "%o", &size); err != nil {
			t.Fatal(err)
		}
		if strings.TrimRight(string(header[:100]), "\x00") == name {
			return [2]int{at + 512, at + 512 + size}
		}
		at += 512 + (size+511)/512*512
	}
	t.Fatalf("no entry %s", name)
	return [2]int{}
}

// A bundle that is cut anywhere within its contents is refused, and so is a
// compressed one that is cut at all.
func TestEveryCut(t *testing.T) {
	archive := sealed(t)
	zipped := layouttest.Gzip(archive)
	end := len(bytes.TrimRight(archive, "\x00")) // behind it a cut may take zeros only
	for i := 0; i < end; i += 7 {
		if _, err := verify(archive[:i]); err == nil {
			t.Errorf("cut at %d of %d: accepted", i, len(archive))
		}
	}
	for i := range zipped {
		if _, err := verify(zipped[:i]); err == nil {
			t.Errorf("compressed and cut at %d of %d: accepted", i, len(zipped))
		}
	}
}

// A reader that fails is not damage of the archive.
func TestReaderFails(t *testing.T) {
	archive := sealed(t)
	broken := errors.New("the medium is broken")
	for _, n := range []int{0, 100, 512, 700, 3000} {
		_, err := bundle.Verify(context.Background(), io.MultiReader(bytes.NewReader(archive[:n]), errReader{broken}), options())
		if !errors.Is(err, broken) {
			t.Errorf("after %d bytes: %v", n, err)
		}
	}
	ctx, cancel := context.WithCancelCause(context.Background())
	cancel(broken)
	if _, err := bundle.Verify(ctx, bytes.NewReader(archive), options()); !errors.Is(err, broken) && !errors.Is(err, context.Canceled) {
		t.Errorf("cancelled: %v", err)
	}
}

type errReader struct{ err error }

func (r errReader) Read([]byte) (int, error) { return 0, r.err }

// Documents tells what is in an archive in the first part of ours, and in all
// of any other.
func TestDocuments(t *testing.T) {
	archive := append(sealed(t), make([]byte, 256<<10)...) // padding, so that there is something to leave
	r := &countingReader{r: bytes.NewReader(archive)}
	report, err := bundle.Documents(context.Background(), r)
	if err != nil {
		t.Fatal(err)
	}
	d, err := layout.Resolve(report.Index, "2026-02-05")
	if err != nil {
		t.Fatal(err)
	}
	if _, m := report.Document(d.Digest); m == nil || len(m.Layers) != 2 {
		t.Errorf("the manifest is %v", m)
	}
	if r.n >= len(archive)/2 {
		t.Errorf("read %d of %d bytes for the documents alone", r.n, len(archive))
	}
	entries := layouttest.Artifact{}.Layout().Entries()
	for i, j := 0, len(entries)-1; i < j; i, j = i+1, j-1 {
		entries[i], entries[j] = entries[j], entries[i]
	}
	report, err = bundle.Documents(context.Background(), bytes.NewReader(layouttest.Tar(entries...)))
	if err != nil {
		t.Fatalf("backwards: %v", err)
	}
	if _, m := report.Document(report.Index.Manifests[0].Digest); m == nil {
		t.Error("backwards: the manifest is not there")
	}
}

type countingReader struct {
	r io.Reader
	n int
}

func (c *countingReader) Read(p []byte) (int, error) {
	n, err := c.r.Read(p)
	c.n += n
	return n, err
}

// The same contents give the same bytes, in the order that one pass wants.
func TestWriteIsTheSame(t *testing.T) {
	a, b := sealed(t), sealed(t)
	if !bytes.Equal(a, b) {
		t.Error("two bundles of the same contents differ")
	}
	report, err := verify(a)
	if err != nil {
		t.Fatal(err)
	}
	if !report.Sealed || report.Digest != digest.FromBytes(report.RawIndex) || len(report.Extra) != 0 {
		t.Errorf("the report says %+v", report)
	}
}

// A sum of offsets must not go beyond 63 bits.
func TestOpenArchiveTruncated(t *testing.T) {
	whole := layouttest.Artifact{}.Layout().Tar()
	for _, size := range []int64{1<<63 - 1, 1<<63 - 2000, 1 << 62, 1 << 20} {
		last := layouttest.Tar(layouttest.Entry{Name: "blobs/sha256/" + strings.Repeat("c", 64), Type: '0', Lies: true, Size: size})
		archive := append(bytes.Clone(whole[:len(whole)-1024]), last[:512]...)
		_, err := bundle.OpenArchive(bytes.NewReader(archive), int64(len(archive)))
		if !errors.Is(err, io.ErrUnexpectedEOF) {
			t.Errorf("a last entry of %d bytes: %v", size, err)
		}
	}
}
