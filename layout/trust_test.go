package layout_test

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"strings"
	"testing"

	"github.com/opencontainers/go-digest"
	v1 "github.com/opencontainers/image-spec/specs-go/v1"

	"github.com/ociferry/ferry/layout"
)

// A small sealed layout, in memory.
type trusted struct {
	files map[string]string
	blob  string // the path of its layer
	doc   string // and of its manifest
}

func newTrusted() *trusted {
	t := &trusted{files: map[string]string{v1.ImageLayoutFile: `{"imageLayoutVersion":"1.0.0"}`}}
	put := func(s string) (string, digest.Digest) {
		d := digest.FromString(s)
		t.files[layout.BlobPath(d)] = s
		return layout.BlobPath(d), d
	}
	var layer, manifest digest.Digest
	t.blob, layer = put("content")
	t.doc, manifest = put(fmt.Sprintf(`{"schemaVersion":2,"mediaType":%q,"config":{"mediaType":"a/b","digest":%q,"size":7},"layers":[]}`,
		v1.MediaTypeImageManifest, layer))
	t.files[v1.ImageIndexFile] = fmt.Sprintf(`{"schemaVersion":2,"manifests":[{"mediaType":%q,"digest":%q,"size":%d}]}`,
		v1.MediaTypeImageManifest, manifest, len(t.files[t.doc]))
	t.seal()
	t.files[layout.SignatureName] = "good"
	return t
}

func (t *trusted) seal() {
	var s layout.Seal
	delete(t.files, layout.SealName)
	for name, data := range t.files {
		if !layout.IsSignature(name) {
			s.Add(name, sha256.Sum256([]byte(data)))
		}
	}
	t.files[layout.SealName] = string(s.Bytes())
}

// watching notes what an audit lets anybody look at.
type watching struct{ saw []string }

func (w *watching) Blob(d v1.Descriptor) io.WriteCloser {
	w.saw = append(w.saw, layout.BlobPath(d.Digest))
	return nil
}

func (w *watching) Manifest(d v1.Descriptor, _ *v1.Manifest) error {
	w.saw = append(w.saw, "manifest")
	return nil
}

var errRefused = errors.New("refused")

// Nothing is parsed, looked into or kept before the signature holds; after
// that everything is compared with the seal.
func TestTrust(t *testing.T) {
	ours := func(x *trusted) []string {
		return []string{v1.ImageLayoutFile, v1.ImageIndexFile, layout.SealName, layout.SignatureName, x.doc, x.blob}
	}
	for _, c := range []struct {
		name   string
		change func(*trusted)
		order  func(*trusted) []string
		want   error  // ends the audit, or is in its report
		text   string // in the report
		saw    int    // things that were looked at
	}{
		{name: "ours", order: ours, saw: 3},
		{name: "index last", order: func(x *trusted) []string {
			return []string{layout.SignatureName, layout.SealName, x.blob, x.doc, v1.ImageIndexFile, v1.ImageLayoutFile}
		}, saw: 3},
		{name: "refused", change: func(x *trusted) { x.files[layout.SignatureName] = "bad" }, order: ours, want: errRefused},
		{name: "refused, with an index that is not JSON", change: func(x *trusted) {
			x.files[layout.SignatureName], x.files[v1.ImageIndexFile] = "bad", "{"
		}, order: ours, want: errRefused},
		{name: "without a signature", change: func(x *trusted) { delete(x.files, layout.SignatureName) }, order: ours, want: errRefused},
		{name: "without a seal", change: func(x *trusted) { delete(x.files, layout.SealName) }, order: ours, want: layout.ErrEarly},
		{name: "a blob first", order: func(x *trusted) []string {
			return []string{v1.ImageLayoutFile, v1.ImageIndexFile, x.doc, layout.SealName, layout.SignatureName, x.blob}
		}, want: layout.ErrEarly},
		{name: "the signature behind a blob", order: func(x *trusted) []string {
			return []string{v1.ImageLayoutFile, v1.ImageIndexFile, layout.SealName, x.doc, layout.SignatureName, x.blob}
		}, want: errRefused},
		{name: "another file first", change: func(x *trusted) { x.files["README"] = "" }, order: func(x *trusted) []string {
			return append([]string{"README"}, ours(x)...)
		}, want: layout.ErrEarly},
		{name: "only the root", order: func(x *trusted) []string { return ours(x)[:4] }, text: "missing"},
		{name: "nothing but a seal", order: func(x *trusted) []string { return []string{layout.SealName, layout.SignatureName} }, text: "not an OCI image layout (and 4 more)"},
		{name: "nothing", order: func(x *trusted) []string { return nil }, want: layout.ErrUnsealed},
		{name: "another index", change: func(x *trusted) { x.files[v1.ImageIndexFile] += " " }, order: ours, text: "index.json: SHA256SUMS lists", saw: 2},
		{name: "an index that is not JSON", change: func(x *trusted) { x.files[v1.ImageIndexFile] = "{" }, order: ours, text: "index.json: SHA256SUMS lists", saw: 2},
		{name: "an index that is not JSON, and sealed", change: func(x *trusted) { x.files[v1.ImageIndexFile] = "{"; x.seal() }, order: ours, text: "JSON", saw: 2},
		{name: "another oci-layout", change: func(x *trusted) { x.files[v1.ImageLayoutFile] += " " }, order: ours, text: "oci-layout: SHA256SUMS lists", saw: 2},
		{name: "a seal that is none", change: func(x *trusted) { x.files[layout.SealName] = "x\n" }, order: ours, want: errNotASeal},
		{name: "an unlisted blob is not looked at", change: func(x *trusted) { x.files[layout.BlobPath(digest.FromString("y"))] = "y" }, order: func(x *trusted) []string {
			return append(ours(x), layout.BlobPath(digest.FromString("y")))
		}, text: "does not list it", saw: 2},
		{name: "damage", change: func(x *trusted) { x.files[x.blob] = "CONTENT" }, order: ours, text: "digest mismatch", saw: 2},
	} {
		x := newTrusted()
		if c.change != nil {
			c.change(x)
		}
		for _, early := range []bool{false, true} { // with the seal judged before
			w := &watching{}
			o := layout.AuditOptions{Inspectors: []layout.Inspector{w}, Strict: true}
			if early {
				if c.want != nil {
					continue
				}
				o.Seal = []byte(x.files[layout.SealName])
			} else {
				o.Trust = func(seal []byte, list []layout.Signature) error {
					if len(w.saw) > 0 || string(seal) != x.files[layout.SealName] || len(list) != 1 || string(list[0].Data) != "good" {
						return errRefused
					}
					return nil
				}
			}
			err := feed(layout.NewAudit(o), x, c.order(x))
			switch {
			case c.want == errNotASeal:
				var f *layout.FormatError
				if !errors.As(err, &f) || f.Name != layout.SealName {
					t.Errorf("%s: %v, want a fault of the seal", c.name, err)
				}
			case c.want != nil && !errors.Is(err, c.want):
				t.Errorf("%s: %v, want %v", c.name, err, c.want)
			case c.want == nil && c.text == "" && err != nil, c.text != "" && (err == nil || !strings.Contains(err.Error(), c.text)):
				t.Errorf("%s (judged before: %v): %v, want %q", c.name, early, err, c.text)
			}
			if len(w.saw) != c.saw {
				t.Errorf("%s (judged before: %v): looked at %q, want %d things", c.name, early, w.saw, c.saw)
			}
		}
	}
}

var errNotASeal = errors.New("no seal")

func feed(a *layout.Audit, x *trusted, order []string) error {
	for _, name := range order {
		data, ok := x.files[name]
		if !ok {
			continue
		}
		if err := a.Add(context.Background(), name, int64(len(data)), strings.NewReader(data)); err != nil {
			return err
		}
	}
	return a.Finish().Err()
}

// A seal that was judged must be the one that comes.
func TestTrustOtherSeal(t *testing.T) {
	x := newTrusted()
	o := layout.AuditOptions{Seal: []byte(x.files[layout.SealName])}
	x.files["README"] = "y"
	x.seal()
	order := []string{v1.ImageLayoutFile, v1.ImageIndexFile, layout.SealName, x.doc, x.blob}
	if err := feed(layout.NewAudit(o), x, order); err == nil || !strings.Contains(err.Error(), "not the one whose signature was checked") {
		t.Error(err)
	}
	delete(x.files, layout.SealName)
	if err := feed(layout.NewAudit(o), x, order); err == nil || !strings.Contains(err.Error(), "not there any more") {
		t.Error(err)
	}
}

func TestSignatureNames(t *testing.T) {
	for name, want := range map[string]bool{
		"SHA256SUMS.sigstore.json": true, "SHA256SUMS.2.sigstore.json": true, "SHA256SUMS.16.sigstore.json": true,
		"SHA256SUMS.1.sigstore.json": false, "SHA256SUMS.17.sigstore.json": false, "SHA256SUMS.02.sigstore.json": false,
		"SHA256SUMS.0.sigstore.json": false, "SHA256SUMS": false, "sha256sums.sigstore.json": false, "x/SHA256SUMS.sigstore.json": false,
	} {
		if layout.IsSignature(name) != want {
			t.Errorf("%s: %v", name, !want)
		}
	}
	// More than a signature can be is refused, also where nobody checks it.
	a := layout.NewAudit(layout.AuditOptions{})
	big := strings.Repeat(" ", layout.MaxSignatureSize+1)
	if err := a.Add(context.Background(), layout.SignatureName, int64(len(big)), strings.NewReader(big)); err == nil || !strings.Contains(err.Error(), "too large") {
		t.Error(err)
	}
}
