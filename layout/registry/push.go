package registry

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"slices"
	"sync"

	"github.com/opencontainers/go-digest"
	v1 "github.com/opencontainers/image-spec/specs-go/v1"
	"oras.land/oras-go/v2/errdef"
	"oras.land/oras-go/v2/registry/remote"
	"oras.land/oras-go/v2/registry/remote/auth"

	"github.com/ociferry/ferry/layout"
)

// A Pushed says what a push did.
type Pushed struct {
	Digest  digest.Digest // of the artifact
	Tags    []string      // set
	Sent    int           // blobs that were sent
	Mounted int           // blobs that the registry took from another of its repositories
	Present int           // blobs that were there
	Bytes   int64         // that were sent
	Moved   []Moved       // of the tags that were set, those that had stood for something else
}

// A Moved is a tag that stands for something else now.
type Moved struct {
	Tag    string
	Before digest.Digest
}

// Push sends one artifact, the descriptor d, to the repository of to, and sets
// tags. Contents must hold all that d reaches; what else they hold stays where
// it is. Repositories of the same registry that may have the same blobs are in
// from.
//
// The artifact is whole under its digest before the first tag is set. The error
// is a *TagError when a tag could not be set; else an *Error, or one of the
// contents.
func (c *Client) Push(ctx context.Context, contents *layout.Contents, d v1.Descriptor, to Reference, tags, from []string) (*Pushed, error) {
	if !isDocument(d) {
		return nil, fmt.Errorf("%s is no artifact but a single blob of type %s", d.Digest, layout.Printable(d.MediaType))
	}
	only, err := contents.Only(string(d.Digest))
	if err != nil {
		return nil, err
	}
	p := &push{c: c, to: to, from: from, out: Pushed{Digest: d.Digest}}
	var leaves []layout.Blob
	docs := map[digest.Digest]layout.Blob{}
	for _, b := range only.Blobs {
		if isDocument(b.Descriptor) {
			docs[b.Digest] = b
			continue
		}
		leaves = append(leaves, b)
		c.total.Add(b.Size)
	}
	err = c.each(ctx, len(leaves), func(ctx context.Context, i int) error {
		return p.blob(ctx, leaves[i])
	})
	if err != nil {
		return nil, err
	}
	// Each document goes under its digest, after those that it names: a registry
	// may refuse an index whose manifests it lacks.
	var root []byte
	err = only.Walk(ctx, layout.WalkOptions{Roots: []v1.Descriptor{d}, ChildrenFirst: true}, func(n *layout.Node) error {
		b, ok := docs[n.Digest]
		if !ok {
			return nil
		}
		if root, err = b.Bytes(ctx); err != nil { // the last one is d
			return err
		}
		return p.manifest(ctx, b.Descriptor, root, string(n.Digest))
	})
	if err != nil {
		return nil, err
	}
	for i, tag := range tags {
		before := p.stands(ctx, tag)
		if err := p.manifest(ctx, d, root, tag); err != nil {
			return &p.out, &TagError{Set: p.out.Tags, Tag: tag, Rest: tags[i+1:], Err: err}
		}
		p.out.Tags = append(p.out.Tags, tag)
		if before != "" && before != d.Digest {
			p.out.Moved = append(p.out.Moved, Moved{tag, before})
		}
	}
	return &p.out, nil
}

// stands is what a tag stands for, or "" where it stands for nothing or the
// registry does not say so at once: nothing depends on it.
func (p *push) stands(ctx context.Context, tag string) digest.Digest {
	ctx = context.WithValue(ctx, recordKey{}, &record{})
	repo, err := p.c.repository(ctx, p.to)
	if err != nil {
		return ""
	}
	ctx = auth.AppendRepositoryScope(ctx, repo.Reference, auth.ActionPull, auth.ActionPush)
	d, err := repo.Resolve(ctx, tag)
	if err != nil {
		return ""
	}
	return d.Digest
}

// A push is one artifact on its way.
type push struct {
	c    *Client
	to   Reference
	from []string
	mu   sync.Mutex
	out  Pushed
}

func (p *push) count(n *int, size int64) {
	p.mu.Lock()
	defer p.mu.Unlock()
	*n++
	if n == &p.out.Sent {
		p.out.Bytes += size // counted while it went
	} else {
		p.c.carried(size)
	}
}

// blob sends a blob if the registry does not have it.
func (p *push) blob(ctx context.Context, b layout.Blob) error {
	at := p.to.Name() + "@" + string(b.Digest)
	there, err := p.has(ctx, at, "/blobs/"+string(b.Digest), b.Descriptor)
	if err != nil {
		return err
	}
	if there {
		p.c.remember(p.to, b.Digest)
		p.count(&p.out.Present, b.Size)
		return nil
	}
	mounted := false
	err = p.c.try(ctx, at, doingStart, func(ctx context.Context) error {
		repo, err := p.c.repository(ctx, p.to)
		if err != nil {
			return err
		}
		mounted, err = p.send(ctx, repo, b)
		return err
	})
	if err != nil {
		return err
	}
	p.c.remember(p.to, b.Digest)
	if mounted {
		p.count(&p.out.Mounted, b.Size)
	} else {
		p.count(&p.out.Sent, b.Size)
	}
	return nil
}

// has reports whether the registry has something, whole: a HEAD request tells
// its size too, and one that tells another, or none, is no reason to leave it.
func (p *push) has(ctx context.Context, at, path string, d v1.Descriptor) (there bool, err error) {
	err = p.c.try(ctx, at, "looking for the blob", func(ctx context.Context) error {
		// The rights to push are asked for at once, so that one token does.
		resp, err := p.c.request(ctx, http.MethodHead, p.to, path, nil, auth.ActionPull, auth.ActionPush)
		if err != nil {
			return err
		}
		resp.Body.Close()
		says := resp.Header.Get("Docker-Content-Digest")
		switch resp.StatusCode {
		case http.StatusOK:
			there = resp.ContentLength == d.Size && (says == "" || says == string(d.Digest))
		case http.StatusNotFound:
		default:
			return wrongStatus(resp)
		}
		return nil
	})
	return there, err
}

// send has the registry take a blob from another of its repositories, or
// uploads it.
func (p *push) send(ctx context.Context, repo *remote.Repository, b layout.Blob) (mounted bool, err error) {
	sources := slices.DeleteFunc(append(p.c.remembered(p.to, b.Digest), p.from...), func(r string) bool { return r == p.to.Repository })
	if len(sources) > 0 {
		var upload *outgoing
		err := repo.Mount(ctx, b.Descriptor, sources[0], func() (_ io.ReadCloser, err error) {
			upload, err = p.open(b)
			return upload, err
		})
		if err == nil {
			return upload == nil, nil
		}
		_, _, status, _ := recordOf(ctx).last()
		refused := status == http.StatusUnauthorized || status == http.StatusForbidden || status == http.StatusNotFound ||
			status == http.StatusBadRequest || status == http.StatusMethodNotAllowed
		if upload != nil {
			upload.takeBack()
		}
		if upload != nil || ctx.Err() != nil || !refused {
			return false, err
		}
		// Not allowed, or not supported.
	}
	r, err := p.open(b)
	if err != nil {
		return false, err
	}
	defer r.Close()
	if err := repo.Blobs().Push(ctx, b.Descriptor, r); err != nil {
		r.takeBack()
		return false, err
	}
	return false, nil
}

// open opens a blob for sending; an error of it is none of the registry.
func (p *push) open(b layout.Blob) (*outgoing, error) {
	r, err := b.Verified()
	if err != nil {
		return nil, &diskError{err}
	}
	return &outgoing{ReadCloser: r, count: p.c.carried}, nil
}

// outgoing counts what is sent, and marks errors of reading it. A request that
// has failed may be read on for a while.
type outgoing struct {
	io.ReadCloser
	count func(int64)

	mu     sync.Mutex
	n      int64
	failed bool
}

// takeBack counts nothing of it any more.
func (o *outgoing) takeBack() {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.failed = true
	o.count(-o.n)
}

func (o *outgoing) Read(p []byte) (int, error) {
	n, err := o.ReadCloser.Read(p)
	o.mu.Lock()
	if !o.failed {
		o.n += int64(n)
		o.count(int64(n))
	}
	o.mu.Unlock()
	if err != nil && err != io.EOF {
		err = &diskError{err}
	}
	return n, err
}

// manifest puts a document under its digest or a tag.
func (p *push) manifest(ctx context.Context, d v1.Descriptor, data []byte, reference string) error {
	at, doing := p.to.Name()+":"+reference, doingTag+"tag "+reference
	if reference == string(d.Digest) {
		at, doing = p.to.Name()+"@"+reference, doingTag+"its digest"
	}
	return p.c.try(ctx, at, doing, func(ctx context.Context) error {
		repo, err := p.c.repository(ctx, p.to)
		if err != nil {
			return err
		}
		err = repo.PushReference(ctx, v1.Descriptor{MediaType: d.MediaType, Digest: d.Digest, Size: d.Size}, bytes.NewReader(data), reference)
		if errors.Is(err, errdef.ErrUnsupported) {
			err = nil // nothing to be indexed
		}
		return err
	})
}

// remember notes that a repository has a blob.
func (c *Client) remember(to Reference, d digest.Digest) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.known == nil {
		c.known = map[string][]string{}
	}
	k := to.Host + " " + string(d)
	if len(c.known[k]) < 2 && !slices.Contains(c.known[k], to.Repository) {
		c.known[k] = append(c.known[k], to.Repository)
	}
}

func (c *Client) remembered(to Reference, d digest.Digest) []string {
	c.mu.Lock()
	defer c.mu.Unlock()
	return slices.Clone(c.known[to.Host+" "+string(d)])
}
