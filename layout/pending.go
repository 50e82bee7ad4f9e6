package layout

import (
	"bytes"
	"context"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"hash/maphash"
	"io"
	"runtime"
	"slices"
	"strings"
	"sync"
	"sync/atomic"

	"github.com/opencontainers/go-digest"

	"github.com/ociferry/ferry/layout/stream"
)

// A blob that has not been hashed yet has a pending digest: a stand-in that is as
// long as a SHA-256 and that no content has. Documents name the blob by it, so
// that everything in a layout has its length before anything of it is read. When
// digests become known, Settle puts them in the place of their stand-ins.

// pendingPrefix begins all stand-ins of a process. It is random: no annotation
// that somebody else writes holds it.
var pendingPrefix = sync.OnceValue(func() string {
	var b [20]byte
	rand.Read(b[:]) // never fails
	return "sha256:" + hex.EncodeToString(b[:])
})

var pendingCount atomic.Uint64

// NewPending is a digest to stand for one that is not known yet.
func NewPending() digest.Digest {
	return digest.Digest(fmt.Sprintf("%s%024x", pendingPrefix(), pendingCount.Add(1)))
}

const digestLen = len("sha256:") + 64

// Pending reports whether the blob's digest is not known yet.
func (b *Blob) Pending() bool { return pending(b.Digest) }

func pending(d digest.Digest) bool {
	return len(d) == digestLen && strings.HasPrefix(string(d), pendingPrefix())
}

// ErrChanged is wrapped by the error for content that was changed while it was
// read.
var ErrChanged = errors.New("the content was changed while it was read")

// Settle enters digests that have become known, by what stood for them:
// documents are rewritten in their place, and get digests of their own once they
// name no pending one. The same content then counts once. When the last pending
// digest has become known, c.Check is asked; its error is the one of Settle.
func (c *Contents) Settle(known map[digest.Digest]digest.Digest) error {
	if c.settled == nil {
		c.settled = make(map[digest.Digest]digest.Digest, len(known))
	}
	for stand, d := range known {
		c.settled[stand] = d
	}
	waiting := false
	for i := len(c.Blobs) - 1; i >= 0; i-- { // children before parents
		b := &c.Blobs[i]
		if !b.Pending() {
			continue
		}
		if b.held != nil && c.settle(b.held) {
			c.settled[b.Digest] = digest.FromBytes(b.held)
		}
		d, ok := c.settled[b.Digest]
		if waiting = waiting || !ok; ok {
			b.Digest, b.Watch = d, nil // it has been seen
		}
	}
	c.settle(c.RawIndex)
	for i := range c.Index.Manifests {
		if d, ok := c.settled[c.Index.Manifests[i].Digest]; ok {
			c.Index.Manifests[i].Digest = d
		}
	}
	c.Blobs = once(c.Blobs)
	if check := c.Check; check != nil && !waiting {
		c.Check = nil
		return check(func(d digest.Digest) digest.Digest { return c.settled[d] })
	}
	return nil
}

// settle puts digests in the place of what stands for them in a document, and
// reports whether it is final.
func (c *Contents) settle(document []byte) (final bool) {
	prefix := []byte(pendingPrefix())
	final = true
	for at := 0; ; at += digestLen {
		i := bytes.Index(document[at:], prefix)
		if i < 0 {
			return final
		}
		at += i
		d, ok := c.settled[digest.Digest(document[at:min(at+digestLen, len(document))])]
		if final = final && ok; ok {
			copy(document[at:], d)
		}
	}
}

// once keeps the first blob of each digest.
func once(blobs []Blob) []Blob {
	seen := make(map[digest.Digest]bool, len(blobs))
	return slices.DeleteFunc(blobs, func(b Blob) bool {
		again := seen[b.Digest]
		seen[b.Digest] = true
		return again
	})
}

// Pending reports whether a digest in the contents is not known yet.
func (c *Contents) Pending() bool {
	return slices.ContainsFunc(c.Blobs, func(b Blob) bool { return b.Pending() })
}

// Hash reads every blob whose digest is pending and settles it, for outputs that
// are written from front to back. The blobs will be read a second time.
func (c *Contents) Hash(ctx context.Context) error {
	return c.hash(ctx, func(b *Blob) bool { return true })
}

// HashTwins hashes the blobs that may turn out to be the same, since they begin
// alike and are of one size. The others are different: their number is known
// from then on.
func (c *Contents) HashTwins(ctx context.Context) error {
	heads, err := c.heads(ctx)
	if err != nil {
		return err
	}
	alike := map[head]int{}
	for _, h := range heads {
		alike[h]++
	}
	i := -1
	return c.hash(ctx, func(*Blob) bool { i++; return alike[heads[i]] > 1 })
}

// hash settles those of the pending blobs that choose chooses; it is asked about
// each blob, in their order.
func (c *Contents) hash(ctx context.Context, choose func(b *Blob) bool) error {
	var blobs []Blob
	for i := range c.Blobs {
		if b := &c.Blobs[i]; choose(b) && b.Pending() && b.held == nil {
			blobs = append(blobs, *b)
		}
	}
	known := make(map[digest.Digest]digest.Digest, len(blobs))
	err := ReadAhead(ctx, blobs, func(i int, d digest.Digest, data []byte) (err error) {
		if data == nil {
			d, err = blobs[i].CopyTo(ctx)
		}
		known[blobs[i].Digest] = d
		return err
	})
	if err != nil {
		return err
	}
	return c.Settle(known)
}

// A head is what can be told of a blob without hashing it. The same content has
// the same head.
type head struct {
	size  int64
	begin uint64 // a hash of the first bytes, where another blob has the size
}

// heads looks at the blobs, on all cores.
func (c *Contents) heads(ctx context.Context) ([]head, error) {
	heads := make([]head, len(c.Blobs))
	sizes := map[int64]int{}
	for i, b := range c.Blobs {
		heads[i].size = b.Size
		sizes[b.Size]++
	}
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	var wg sync.WaitGroup
	var next atomic.Int64
	seed := maphash.MakeSeed()
	for range runtime.GOMAXPROCS(0) {
		wg.Go(func() {
			var p [4 << 10]byte
			for ctx.Err() == nil {
				i := int(next.Add(1)) - 1
				if i >= len(heads) {
					return
				}
				if sizes[heads[i].size] == 1 {
					continue
				}
				n, err := c.Blobs[i].begin(p[:])
				if err != nil {
					cancel(err)
				}
				heads[i].begin = maphash.Bytes(seed, p[:n])
			}
		})
	}
	wg.Wait()
	return heads, context.Cause(ctx)
}

// begin reads the first bytes.
func (b *Blob) begin(p []byte) (int, error) {
	r, err := b.Open()
	if err != nil {
		return 0, err
	}
	defer r.Close()
	n, err := stream.Fill(r, p)
	if err == io.EOF {
		err = nil
	}
	return n, err
}
