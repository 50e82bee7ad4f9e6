package layout

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"hash/maphash"
	"io"
	"runtime"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"

	"github.com/opencontainers/go-digest"
	v1 "github.com/opencontainers/image-spec/specs-go/v1"
)

// A Draft is a layout whose blobs have not been read, so that their digests,
// and with them its manifests and its index, are not known yet. All lengths
// are: a digest has a fixed width.
type Draft struct {
	// Blobs are the content, with its sizes. A digest may be empty.
	Blobs []Blob
	// Watch, when set, is called before blob i is hashed for the first time and
	// returns who wants to see it pass, or nil. The watcher is closed after it.
	Watch func(i int) io.WriteCloser
	// Finish makes the layout out of the digests of Blobs, in their order. It
	// is called with made-up digests as well, and may not count on its last
	// call being the last. For digests of which the same are equal it must
	// return blobs of the same number, order and sizes. What it returned before
	// it may write over.
	Finish func(digests []digest.Digest) (*Contents, error)
}

// Contents hashes every blob and is the layout, for outputs that are written
// from front to back. The blobs will be read a second time.
func (d *Draft) Contents(ctx context.Context) (*Contents, error) {
	digests := make([]digest.Digest, len(d.Blobs))
	all := make([]int, len(d.Blobs))
	for i := range all {
		all[i] = i
	}
	if err := d.hash(ctx, all, digests); err != nil {
		return nil, err
	}
	return d.Finish(digests)
}

// CopyTo writes the draft into a layout that is being written, with its index
// left to the caller.
func (d *Draft) CopyTo(ctx context.Context, w *Writer) (*Contents, error) {
	digests := make([]digest.Digest, len(d.Blobs))
	err := ReadAhead(ctx, d.Blobs, d.Watcher, func(i int, got digest.Digest, data []byte) (err error) {
		b := &d.Blobs[i]
		if data != nil {
			err = w.put(ctx, v1.Descriptor{Digest: got, Size: b.Size}, data)
		} else {
			got, err = w.pass(ctx, b, d.Watcher(i))
		}
		digests[i] = got
		return err
	})
	if err != nil {
		return nil, err
	}
	c, err := d.Finish(digests)
	if err != nil {
		return nil, err
	}
	return c, c.CopyTo(ctx, w)
}

// hash reads some of the blobs and enters their digests.
func (d *Draft) hash(ctx context.Context, which []int, digests []digest.Digest) error {
	blobs := make([]Blob, len(which))
	for i, x := range which {
		blobs[i] = d.Blobs[x]
	}
	watch := func(i int) io.WriteCloser { return d.Watcher(which[i]) }
	return ReadAhead(ctx, blobs, watch, func(i int, got digest.Digest, data []byte) (err error) {
		if data == nil {
			got, err = blobs[i].CopyTo(ctx, watch(i))
		}
		digests[which[i]] = got
		return err
	})
}

// Watcher is who wants to see blob i pass, or nil.
func (d *Draft) Watcher(i int) io.WriteCloser {
	if d.Watch == nil {
		return nil
	}
	return d.Watch(i)
}

// A Shape is a draft's layout with everything in it but some digests.
type Shape struct {
	*Contents
	// Digests are those of the draft's blobs, so far as they are known, and
	// else made up.
	Digests []digest.Digest
}

// madeUp is the digest of blob i while it is not known.
func madeUp(i int) digest.Digest {
	b := append(make([]byte, 0, 71), "sha256:0000000000000000000000000000000000000000000000000000000000000000"...)
	n := strconv.AppendInt(nil, int64(i), 10)
	copy(b[len(b)-len(n):], n)
	return digest.Digest(b)
}

// Late tells which blob of the draft a made-up digest stands for.
func (s *Shape) Late(d digest.Digest) (blob int, ok bool) {
	digits := strings.TrimLeft(d.Encoded(), "0")
	i, err := strconv.Atoi("0" + digits)
	return i, err == nil && i < len(s.Digests) && d == madeUp(i)
}

// Shape hashes the blobs that may turn out to be the same, since they begin
// alike and are of one size, and makes up the digests of the others. The same
// content is in a layout once: without this the number of its blobs were not
// known.
func (d *Draft) Shape(ctx context.Context) (*Shape, error) {
	s := &Shape{Digests: make([]digest.Digest, len(d.Blobs))}
	faces, err := d.faces(ctx)
	if err != nil {
		return nil, err
	}
	alike := map[face]int{}
	for _, f := range faces {
		alike[f]++
	}
	var twins []int
	for i, b := range d.Blobs {
		s.Digests[i] = b.Digest
		switch {
		case b.Digest != "":
		case alike[faces[i]] > 1:
			twins = append(twins, i)
		default:
			s.Digests[i] = madeUp(i)
		}
	}
	if err := d.hash(ctx, twins, s.Digests); err != nil {
		return nil, err
	}
	s.Contents, err = d.Finish(s.Digests)
	return s, err
}

// A face is what can be told of a blob without hashing it. The same content has
// the same face.
type face struct {
	size int64
	head uint64 // a hash of the first bytes, where another blob has the size
}

// faces looks at the blobs, on all cores.
func (d *Draft) faces(ctx context.Context) ([]face, error) {
	faces := make([]face, len(d.Blobs))
	sizes := map[int64]int{}
	for i, b := range d.Blobs {
		faces[i].size = b.Size
		sizes[b.Size]++
	}
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	var wg sync.WaitGroup
	var next atomic.Int64
	seed := maphash.MakeSeed()
	for range runtime.GOMAXPROCS(0) {
		wg.Go(func() {
			var head [4 << 10]byte
			for ctx.Err() == nil {
				i := int(next.Add(1)) - 1
				if i >= len(faces) {
					return
				}
				if sizes[faces[i].size] == 1 {
					continue
				}
				n, err := d.Blobs[i].begin(head[:])
				if err != nil {
					cancel(err)
				}
				faces[i].head = maphash.Bytes(seed, head[:n])
			}
		})
	}
	wg.Wait()
	return faces, context.Cause(ctx)
}

// begin reads the first bytes.
func (b *Blob) begin(p []byte) (int, error) {
	r, err := b.Open()
	if err != nil {
		return 0, err
	}
	defer r.Close()
	n, err := fill(r, p)
	if err == io.EOF {
		err = nil
	}
	return n, err
}

// ReadAhead reads blobs and calls use for each, in their order. Blobs that fit
// one buffer are read and hashed ahead, on all cores, and data is their
// content, good until use returns. For the others data is nil: use reads them
// itself (see CopyTo). Digests that are known are compared; watch is as in Draft,
// and is left to use where data is nil. The error is the first, of a blob or of
// use.
func ReadAhead(ctx context.Context, blobs []Blob, watch func(i int) io.WriteCloser, use func(i int, d digest.Digest, data []byte) error) error {
	ctx, cancel := context.WithCancel(ctx)
	var wg sync.WaitGroup
	defer wg.Wait()
	defer cancel()
	order := make(chan *batch, ringSize)
	work := make(chan *batch)
	wg.Go(func() {
		defer close(order)
		defer close(work)
		for i := 0; i < len(blobs); {
			b := nextBatch(blobs, i)
			i = b.to
			select {
			case order <- b:
			case <-ctx.Done():
				return
			}
			if b.done == nil {
				continue
			}
			select {
			case work <- b:
			case <-ctx.Done():
				b.err = context.Cause(ctx)
				close(b.done)
				return
			}
		}
	})
	for range runtime.GOMAXPROCS(0) {
		wg.Go(func() {
			for b := range work {
				b.read(ctx, blobs, watch)
				close(b.done)
			}
		})
	}
	for b := range order {
		if b.done == nil {
			if err := use(b.from, "", nil); err != nil {
				return err
			}
			continue
		}
		<-b.done
		at := 0
		for i, d := range b.digests {
			n := at + int(blobs[b.from+i].Size)
			if err := use(b.from+i, d, b.buf.mem[at:n:n]); err != nil {
				return err
			}
			at = n
		}
		if b.err != nil {
			return b.err
		}
		buffers.Put(b.buf)
	}
	return context.Cause(ctx)
}

// A batch is as many small blobs as fit a buffer, or one large blob.
type batch struct {
	from, to int
	buf      *buffer
	digests  []digest.Digest // of those that were read
	err      error           // of the next
	done     chan struct{}   // nil for a large blob
}

func nextBatch(blobs []Blob, from int) *batch {
	b := &batch{from: from, to: from}
	for n := int64(0); b.to < len(blobs); b.to++ {
		if n += blobs[b.to].Size; n > bufferSize || blobs[b.to].Size > bufferSize {
			break
		}
	}
	if b.to == from {
		b.to++
		return b
	}
	b.done = make(chan struct{})
	return b
}

func (b *batch) read(ctx context.Context, blobs []Blob, watch func(i int) io.WriteCloser) {
	b.buf = buffers.Get().(*buffer)
	at := int64(0)
	for i := b.from; i < b.to && b.err == nil; i++ {
		var w io.WriteCloser
		if watch != nil {
			w = watch(i)
		}
		var d digest.Digest
		if d, b.err = blobs[i].load(b.buf.mem[at:at+blobs[i].Size], w); b.err == nil {
			b.digests = append(b.digests, d)
			at += blobs[i].Size
			b.err = context.Cause(ctx)
		}
	}
}

// load reads a blob that fits p, and is as long, into it.
func (b *Blob) load(p []byte, watch io.WriteCloser) (digest.Digest, error) {
	if watch != nil {
		defer watch.Close()
	}
	r, err := b.Open()
	if err != nil {
		return "", err
	}
	defer r.Close()
	n, err := fill(r, p)
	if err == nil {
		var more [1]byte // a reader may know only at the end that all was well
		var k int
		k, err = fill(r, more[:])
		n += k
	}
	switch {
	case err != nil && err != io.EOF:
		return "", err
	case n != len(p):
		return "", b.resized(int64(n))
	}
	if watch != nil {
		if _, err := watch.Write(p); err != nil {
			return "", err
		}
	}
	if b.algorithm() == digest.SHA256 {
		sum := sha256.Sum256(p)
		return b.compare(digest.Digest("sha256:" + hex.EncodeToString(sum[:])))
	}
	return b.compare(b.algorithm().FromBytes(p))
}

// CopyTo reads a blob to its end and writes it to every sink, in goroutines of
// their own, and to watch, which may be nil and is closed. The error is a
// *CorruptError when the blob has not the size, or the digest, that it should.
func (b *Blob) CopyTo(ctx context.Context, watch io.WriteCloser, sinks ...io.Writer) (digest.Digest, error) {
	if watch != nil {
		defer watch.Close()
		sinks = append(sinks, watch)
	}
	r, err := b.Open()
	if err != nil {
		return "", err
	}
	defer r.Close()
	h := b.algorithm().Hash()
	n, err := Tee(ctx, io.LimitReader(r, b.Size+1), append([]io.Writer{h}, sinks...)...)
	switch {
	case err != nil:
		return "", err
	case n != b.Size:
		return "", b.resized(n)
	}
	return b.compare(digest.NewDigest(b.algorithm(), h))
}

func (b *Blob) algorithm() digest.Algorithm {
	if b.Digest == "" {
		return digest.SHA256
	}
	return b.Digest.Algorithm()
}

func (b *Blob) compare(got digest.Digest) (digest.Digest, error) {
	if b.Digest != "" && got != b.Digest {
		return "", &CorruptError{Name: BlobPath(b.Digest), Want: b.Digest, WantSize: b.Size, Got: got, GotSize: b.Size}
	}
	return got, nil
}

func (b *Blob) resized(n int64) error {
	e := &CorruptError{Name: "a file", Want: b.Digest, WantSize: b.Size, GotSize: n}
	if b.Digest != "" {
		e.Name = BlobPath(b.Digest)
	}
	return e
}
