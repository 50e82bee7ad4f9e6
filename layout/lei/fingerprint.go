package lei

import (
	"bufio"
	"bytes"
	"cmp"
	"container/heap"
	"crypto/sha256"
	"encoding/binary"
	"fmt"
	"hash"
	"io"
	"os"
	"slices"
	"sort"
	"sync"

	v1 "github.com/opencontainers/image-spec/specs-go/v1"
)

// Fingerprints tell the reports of all payloads of a bundle apart, within a few
// MiB of memory whatever their number: each is known by 16 bytes of the SHA-256
// of its repository and 16 of that of its text, the white space around it left
// out. Those beyond the first hundred thousand wait in a temporary file, sorted,
// 36 bytes each. There are at most ten million.
//
// Fingerprints may be used by several goroutines while they are gathered.
type Fingerprints struct {
	dir string

	mu     sync.Mutex
	held   []fingerprint // not yet in the file
	sorted bool          // held is
	runs   []run
	file   *os.File
	n      int64
	last   uint32 // the number of the payload that came last
	all    map[*Payload]uint32
	err    error // of the file
}

// A fingerprint is the number of a payload, a repository and a text, in the
// order in which they are compared.
type fingerprint [4 + 2*sumLen]byte

const sumLen = 16

const (
	maxCompared = 10_000_000
	maxRun      = 1 << 17
)

func (f *fingerprint) payload() []byte { return f[:4] }
func (f *fingerprint) repo() []byte    { return f[4 : 4+sumLen] }
func (f *fingerprint) text() []byte    { return f[4+sumLen:] }

func compareFingerprints(f, g fingerprint) int { return bytes.Compare(f[:], g[:]) }

// A run is a part of the file that is sorted.
type run struct {
	off         int64
	n           int
	first, last fingerprint
}

// NewFingerprints gathers fingerprints; what does not stay in memory waits in
// dir, or in the system's directory for temporary files if dir is empty. The
// caller closes them.
func NewFingerprints(dir string) *Fingerprints {
	return &Fingerprints{dir: dir, all: map[*Payload]uint32{}}
}

// Watch is a Hook that gathers the fingerprints of a payload.
func (f *Fingerprints) Watch(v1.Descriptor) Watch {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.last++
	number := f.last
	return Watch{
		sum:    true,
		Report: func(r *Report) error { return f.add(number, r) },
		End: func(p *Payload) {
			f.mu.Lock()
			defer f.mu.Unlock()
			f.all[p] = number
		},
	}
}

func (f *Fingerprints) add(number uint32, r *Report) error {
	var p fingerprint
	binary.BigEndian.PutUint32(p.payload(), number)
	repo := sum16(r.Repo())
	copy(p.repo(), repo[:])
	r.sum.read(p.text())
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.n++; f.n > maxCompared {
		return &FormatError{File: cacheName, Msg: fmt.Sprintf("want at most %d reports to compare, found more", maxCompared)}
	}
	if f.err != nil { // no fault of the payload's; Compare tells it
		return nil
	}
	f.sorted = false
	if f.held = append(f.held, p); len(f.held) == maxRun {
		f.err = f.spill()
	}
	return nil
}

func (f *Fingerprints) sort() {
	if !f.sorted {
		slices.SortFunc(f.held, compareFingerprints)
	}
	f.sorted = true
}

// spill writes the fingerprints in memory as a run.
func (f *Fingerprints) spill() error {
	if f.file == nil {
		var err error
		if f.file, err = os.CreateTemp(f.dir, "ferry-fingerprints-"); err != nil {
			return err
		}
	}
	f.sort()
	w := bufio.NewWriterSize(f.file, 64<<10)
	for i := range f.held {
		w.Write(f.held[i][:])
	}
	if err := w.Flush(); err != nil {
		return err
	}
	n := len(f.held)
	f.runs = append(f.runs, run{int64(len(f.runs)) * maxRun * int64(len(fingerprint{})), n, f.held[0], f.held[n-1]})
	f.held = f.held[:0]
	return nil
}

// Close removes the temporary file.
func (f *Fingerprints) Close() error {
	if f.file == nil {
		return nil
	}
	return cmp.Or(f.file.Close(), os.Remove(f.file.Name()))
}

func sum16(p []byte) [sumLen]byte {
	sum := sha256.Sum256(p)
	return [sumLen]byte(sum[:sumLen])
}

// A textSum hashes a report that comes in parts, without the white space around
// it.
type textSum struct {
	h            hash.Hash
	begun, ended bool
	buf          [sha256.Size]byte
}

const whiteSpace = " \t\r\n"

// write takes the next part; ended says that the object does not go on behind it.
func (s *textSum) write(part []byte, ended bool) {
	if s.ended {
		return
	}
	if !s.begun {
		part = bytes.TrimLeft(part, whiteSpace)
		if s.begun = len(part) > 0; !s.begun {
			return
		}
	}
	if s.ended = ended; ended {
		part = bytes.TrimRight(part, whiteSpace)
	}
	s.h.Write(part)
}

// read gives the sum, and is ready for the next report.
func (s *textSum) read(to []byte) {
	copy(to, s.h.Sum(s.buf[:0]))
	s.reset()
}

func (s *textSum) reset() {
	s.h.Reset()
	s.begun, s.ended = false, false
}

// A cursor gives the fingerprints of one payload in their order.
type cursor struct {
	sources sourceHeap
	prefix  []byte
	at      *fingerprint // the present one; nil at the end
	err     error
}

// A source is the part of a run, or of what is in memory, that is still to come.
type source struct {
	next func() (fingerprint, error) // io.EOF at the end
	at   fingerprint
}

type sourceHeap []*source

func (h sourceHeap) Len() int           { return len(h) }
func (h sourceHeap) Less(i, j int) bool { return compareFingerprints(h[i].at, h[j].at) < 0 }
func (h sourceHeap) Swap(i, j int)      { h[i], h[j] = h[j], h[i] }
func (h *sourceHeap) Push(x any)        { *h = append(*h, x.(*source)) }
func (h *sourceHeap) Pop() any {
	last := len(*h) - 1
	s := (*h)[last]
	*h = (*h)[:last]
	return s
}

// cursor begins with the first fingerprint of a payload.
func (f *Fingerprints) cursor(p *Payload) *cursor {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.err != nil {
		return &cursor{err: f.err}
	}
	number, ok := f.all[p]
	if !ok {
		return &cursor{err: fmt.Errorf("%s: its reports were not gathered", cacheName)}
	}
	var low fingerprint
	binary.BigEndian.PutUint32(low.payload(), number)
	c := &cursor{prefix: slices.Clone(low.payload())}
	f.sort()
	at, _ := slices.BinarySearchFunc(f.held, low, compareFingerprints)
	rest := f.held[at:]
	c.open(func() (p fingerprint, err error) {
		if len(rest) == 0 {
			return p, io.EOF
		}
		p, rest = rest[0], rest[1:]
		return p, nil
	})
	for _, r := range f.runs {
		if bytes.Compare(r.last.payload(), c.prefix) < 0 || bytes.Compare(r.first.payload(), c.prefix) > 0 {
			continue
		}
		const size = int64(len(low))
		part := io.NewSectionReader(f.file, r.off, int64(r.n)*size)
		at := sort.Search(r.n, func(i int) bool {
			var p fingerprint
			if _, err := part.ReadAt(p[:], int64(i)*size); err != nil {
				c.err = err
			}
			return compareFingerprints(p, low) >= 0
		})
		in := bufio.NewReaderSize(io.NewSectionReader(part, int64(at)*size, int64(r.n-at)*size), 16<<10)
		c.open(func() (p fingerprint, err error) {
			_, err = io.ReadFull(in, p[:])
			return p, err
		})
	}
	heap.Init(&c.sources)
	c.look()
	return c
}

// open adds a source that has anything of the payload.
func (c *cursor) open(next func() (fingerprint, error)) {
	if s := (&source{next: next}); c.step(s) {
		c.sources = append(c.sources, s)
	}
}

// step goes to the next fingerprint of a source, if that is of the payload.
func (c *cursor) step(s *source) bool {
	var err error
	if s.at, err = s.next(); err != nil && err != io.EOF {
		c.err = err
	}
	return err == nil && bytes.Equal(s.at.payload(), c.prefix)
}

func (c *cursor) look() {
	c.at = nil
	if len(c.sources) > 0 && c.err == nil {
		c.at = &c.sources[0].at
	}
}

// next goes on by one.
func (c *cursor) next() {
	if c.step(c.sources[0]) {
		heap.Fix(&c.sources, 0)
	} else {
		heap.Pop(&c.sources)
	}
	c.look()
}
