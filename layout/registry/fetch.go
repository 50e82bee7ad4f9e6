package registry

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"mime"
	"net/http"
	"strconv"
	"strings"

	"github.com/opencontainers/go-digest"
	v1 "github.com/opencontainers/image-spec/specs-go/v1"
	"oras.land/oras-go/v2/registry/remote/auth"

	"github.com/ociferry/ferry/layout"
)

// accepted are the documents that can be carried.
var accepted = []string{
	v1.MediaTypeImageIndex, v1.MediaTypeImageManifest,
	"application/vnd.docker.distribution.manifest.list.v2+json",
	"application/vnd.docker.distribution.manifest.v2+json",
}

// NotFound reports whether err says that a registry answered, and does not have
// what was asked for.
func NotFound(err error) bool {
	var e *Error
	return errors.As(err, &e) && e.Status == http.StatusNotFound
}

// get makes a GET request below the repository's path.
func (c *Client) get(ctx context.Context, ref Reference, path string, header map[string]string) (*http.Response, error) {
	return c.request(ctx, http.MethodGet, ref, path, header, auth.ActionPull)
}

// request makes a request without a body below the repository's path, with a
// token for these actions where the registry wants one.
func (c *Client) request(ctx context.Context, method string, ref Reference, path string, header map[string]string, actions ...string) (*http.Response, error) {
	repo, err := c.repository(ctx, ref)
	if err != nil {
		return nil, err
	}
	scheme := "https"
	if repo.PlainHTTP {
		scheme = "http"
	}
	ctx = auth.AppendRepositoryScope(ctx, repo.Reference, actions...)
	req, err := http.NewRequestWithContext(ctx, method, scheme+"://"+repo.Reference.Host()+"/v2/"+ref.Repository+path, nil)
	if err != nil {
		return nil, err
	}
	for k, v := range header {
		req.Header.Set(k, v)
	}
	return repo.Client.Do(req)
}

// A document is an index or a manifest as it came, whole.
type document struct {
	v1.Descriptor
	data     []byte
	index    *v1.Index    // parsed, or nil
	manifest *v1.Manifest // parsed, or nil
}

// document fetches what ref asks for. want, which may be nil, is the descriptor
// that leads to it. A digest in ref beside a tag is compared.
func (c *Client) document(ctx context.Context, ref Reference, want *v1.Descriptor) (doc document, err error) {
	what := "manifest " + ref.asked()
	at := ref.Name() + ":" + ref.asked()
	if ref.Tag == "" && ref.Digest != "" {
		at = ref.Name() + "@" + string(ref.Digest)
	}
	if want != nil && want.Size > layout.MaxDocument {
		return doc, &ContentError{at, "manifest", tooLarge(want.Size)}
	}
	accept := strings.Join(accepted, ", ")
	if want != nil {
		accept = want.MediaType
	}
	err = c.try(ctx, at, "fetching the manifest", func(ctx context.Context) error {
		resp, err := c.get(ctx, ref, "/manifests/"+ref.asked(), map[string]string{"Accept": accept})
		if err != nil {
			return err
		}
		defer resp.Body.Close()
		if resp.StatusCode != http.StatusOK {
			return wrongStatus(resp)
		}
		doc, err = readDocument(ctx, resp, want)
		var bad *badContent
		if errors.As(err, &bad) {
			return &ContentError{at, "manifest", bad.error}
		}
		return err
	})
	if err != nil {
		return doc, err
	}
	if ref.Digest != "" && doc.Digest != ref.Digest && ref.Digest.Algorithm().FromBytes(doc.data) != ref.Digest {
		if ref.Tag != "" {
			return doc, &PinError{Reference: ref, Got: doc.Digest}
		}
		return doc, &ContentError{at, what, fmt.Errorf("want %s, found %s", ref.Digest, doc.Digest)}
	}
	if ref.Digest != "" {
		doc.Digest = ref.Digest // under the algorithm that was asked for
	}
	return doc, nil
}

// A PinError is a tag that does not stand for the digest that is given beside
// it.
type PinError struct {
	Reference Reference
	Got       digest.Digest
}

func (e *PinError) Error() string {
	return fmt.Sprintf("%s:%s: want %s, found %s: the tag stands for something else", e.Reference.Name(), e.Reference.Tag, e.Reference.Digest, e.Got)
}

// badContent marks what must not be tried again.
type badContent struct{ error }

func bad(format string, args ...any) error { return &badContent{fmt.Errorf(format, args...)} }

func tooLarge(n int64) error {
	return fmt.Errorf("%d bytes is too large for a manifest, the limit is %d", n, layout.MaxDocument)
}

// A statusError is an answer with the status of an error; explain says more of
// it.
type statusError int

func (e statusError) Error() string { return fmt.Sprintf("status %d", int(e)) }

// An oddStatus is an answer that is neither an error nor what was asked for:
// nothing is known about the content. It may pass.
type oddStatus int

func (e oddStatus) Error() string {
	return fmt.Sprintf("want an answer with status 200, found %d", int(e))
}

// wrongStatus is the error for an answer that is not the one wanted.
func wrongStatus(resp *http.Response) error {
	if resp.StatusCode < 400 {
		return oddStatus(resp.StatusCode)
	}
	return statusError(resp.StatusCode)
}

// readDocument reads a manifest out of an answer and checks it by all that is
// known of it.
func readDocument(ctx context.Context, resp *http.Response, want *v1.Descriptor) (doc document, err error) {
	if resp.ContentLength > layout.MaxDocument {
		return doc, &badContent{tooLarge(resp.ContentLength)}
	}
	var b bytes.Buffer
	n, err := io.Copy(&b, resp.Body) // bounded by the gate
	if err != nil {
		return doc, err
	}
	doc.data, doc.Size, doc.Digest = b.Bytes(), n, digest.FromBytes(b.Bytes())
	if doc.MediaType, err = mediaType(resp.Header.Get("Content-Type"), doc.data); err != nil {
		return doc, err
	}
	if want != nil {
		switch {
		case n != want.Size:
			return doc, bad("want %d bytes, found %d", want.Size, n)
		case want.Digest.Algorithm().FromBytes(doc.data) != want.Digest:
			return doc, bad("want %s, found %s", want.Digest, doc.Digest)
		case doc.MediaType != want.MediaType:
			return doc, bad("want the media type %s, found %s", layout.Printable(want.MediaType), layout.Printable(doc.MediaType))
		}
		doc.Digest = want.Digest
	}
	if says := resp.Header.Get("Docker-Content-Digest"); says != "" {
		d, err := layout.ParseDigest(says)
		if err != nil {
			return doc, bad("Docker-Content-Digest: %v", err)
		}
		if got := d.Algorithm().FromBytes(doc.data); got != d {
			return doc, bad("the registry announces %s, and sends %s", d, got)
		}
	}
	if layout.IsIndex(doc.MediaType) {
		doc.index, err = layout.ParseIndex(doc.data, doc.MediaType)
	} else {
		doc.manifest, err = layout.ParseManifest(doc.data, doc.MediaType)
	}
	if err != nil {
		return doc, &badContent{err}
	}
	return doc, nil
}

// mediaType is the type that an answer gives a manifest. Where the server knows
// no better than "JSON", the document's own word counts.
func mediaType(header string, data []byte) (string, error) {
	t, _, err := mime.ParseMediaType(header)
	if header != "" && err != nil {
		return "", bad("Content-Type %s: %v", layout.Printable(header), err)
	}
	if layout.IsIndex(t) || layout.IsManifest(t) {
		return t, nil
	}
	switch t {
	case "", "application/json", "application/octet-stream", "text/plain":
		for _, m := range accepted {
			if bytes.Contains(data, []byte(`"`+m+`"`)) {
				parse := func() error { _, err := layout.ParseManifest(data, m); return err }
				if layout.IsIndex(m) {
					parse = func() error { _, err := layout.ParseIndex(data, m); return err }
				}
				if parse() == nil {
					return m, nil
				}
			}
		}
	}
	head := strings.Join(strings.Fields(string(data[:min(len(data), 60)])), " ")
	return "", bad("want an OCI or Docker manifest, found Content-Type %s; it begins with %q", layout.Printable(t), head)
}

// blob fetches a blob into the stage. What is there of it already is not
// fetched again.
func (c *Client) blob(ctx context.Context, ref Reference, d v1.Descriptor, s *Stage) error {
	at := ref.Name() + "@" + string(d.Digest)
	p, err := s.partial(d)
	if err != nil {
		return err
	}
	defer p.close()
	p.count = c.carried
	p.count(p.n)
	furthest := p.n
	err = c.try(ctx, at, "fetching the blob", func(ctx context.Context) error {
		err := c.blobOnce(ctx, ref, d, p)
		var bad *badContent
		if errors.As(err, &bad) && p.pieced {
			// What was there before, or the answer to a range, may be what is wrong.
			if err := p.reset(); err != nil {
				return err
			}
			err = c.blobOnce(ctx, ref, d, p)
		}
		if p.n >= furthest+goodProgress {
			furthest = p.n
			recordOf(ctx).gained = true
		}
		if errors.As(err, &bad) {
			p.discard()
			return &ContentError{at, "blob", bad.error}
		}
		return err
	})
	if err != nil {
		return err
	}
	return p.accept()
}

// blobOnce goes on with a blob where it stands. It returns nil when all of it
// is there and is what d describes, and *badContent when it cannot be, or when
// the registry does not give the rest alone.
func (c *Client) blobOnce(ctx context.Context, ref Reference, d v1.Descriptor, p *partial) error {
	if p.n < d.Size || d.Size == 0 {
		header := map[string]string{}
		if p.pieced = p.n > 0; p.pieced {
			header["Range"] = fmt.Sprintf("bytes=%d-%d", p.n, d.Size-1)
		}
		resp, err := c.get(ctx, ref, "/blobs/"+string(d.Digest), header)
		if err != nil {
			return err
		}
		defer resp.Body.Close()
		switch resp.StatusCode {
		case http.StatusOK:
			if err := p.reset(); err != nil {
				return err
			}
		case http.StatusPartialContent:
			if p.n == 0 {
				return bad("want all of it, found a part: Content-Range %q", resp.Header.Get("Content-Range"))
			}
			if err := checkRange(resp.Header.Get("Content-Range"), p.n, d.Size); err != nil {
				return err
			}
		case http.StatusRequestedRangeNotSatisfiable:
			return bad("want %d bytes, but the registry has no more than %d (%q)", d.Size, p.n, resp.Header.Get("Content-Range"))
		default:
			return wrongStatus(resp)
		}
		if n := resp.ContentLength; n >= 0 && n != d.Size-p.n {
			return bad("want %d bytes, the registry announces %d", d.Size-p.n, n)
		}
		if err := p.read(ctx, resp.Body); err != nil {
			return err
		}
	}
	if got := p.digest(); got != d.Digest {
		return bad("want %s, found %s (%d bytes)", d.Digest, got, p.n)
	}
	return nil
}

// checkRange compares Content-Range with what was asked for: "bytes A-B/SIZE".
func checkRange(s string, from, size int64) error {
	wrong := bad("asked for the bytes from %d of %d, found Content-Range %q", from, size, s)
	s, ok := strings.CutPrefix(s, "bytes ")
	span, all, ok2 := strings.Cut(s, "/")
	first, last, ok3 := strings.Cut(span, "-")
	if !ok || !ok2 || !ok3 {
		return wrong
	}
	a, err := strconv.ParseInt(first, 10, 64)
	b, err2 := strconv.ParseInt(last, 10, 64)
	n, err3 := strconv.ParseInt(all, 10, 64)
	if err != nil || err2 != nil || a != from || b != size-1 || all != "*" && (err3 != nil || n != size) {
		return wrong
	}
	return nil
}
