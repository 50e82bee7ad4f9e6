package sniff

import (
	"bufio"
	"bytes"
	"context"
	"io"
	"sync/atomic"
)

// A Budget is what looking at all content of a bundle may cost, however many
// goroutines look at it.
//
//   - Memory: at most three contents that hold more are walked at a time, each
//     within 16 MiB, and one of them may take the 32 MiB that a zstd frame may
//     ask for; who comes later waits. A frame that asks for more is unseen.
//   - Work: all contents together inflate to 4 GiB, and twenty times their size
//     beyond that. What is more is unseen.
//
// When its context ends, so does all looking.
type Budget struct {
	ctx     context.Context
	limits  Limits
	slots   chan *scratch // taken by those that walk
	large   chan *scratch // taken by one that needs more memory
	offered atomic.Int64  // bytes of content
	spent   atomic.Int64
}

const (
	maxWalks   = 3
	walkMemory = 10 << 20 // for the windows of zstd frames within one another
	forkMemory = 4 << 20
	freeBytes  = 4 << 30
	ratio      = 20
)

// NewBudget is a Budget with these limits for each content.
func NewBudget(ctx context.Context, o Limits) *Budget {
	b := &Budget{ctx: ctx, limits: o, slots: make(chan *scratch, maxWalks), large: make(chan *scratch, 1)}
	for range maxWalks {
		b.slots <- &scratch{}
	}
	b.large <- &scratch{}
	return b
}

// A scratch is what a walk needs and the next can use again.
type scratch struct{ levels []*bufio.Reader }

func (b *Budget) spend(n int64) bool {
	return b.spent.Add(n) <= freeBytes+ratio*b.offered.Load()
}

// A Sniffer looks at content as it is written to it. Writing never fails: when
// it has seen enough, the rest passes. It is for one goroutine.
type Sniffer struct {
	budget *Budget
	l      *looker
	c      content
	size   int64
	head   []byte
	v      verdict
	scan   *scan          // of content that is not walked
	pw     *io.PipeWriter // of content that is
	done   chan struct{}
	end    bool
}

// New is a Sniffer for content of this name, "" if it has none, and size in
// bytes.
func (b *Budget) New(name string, size int64) *Sniffer {
	return &Sniffer{budget: b, c: content{name: name, bare: true}, size: size, l: b.looker(size)}
}

func (b *Budget) looker(size int64) *looker {
	b.offered.Add(size)
	o := b.limits
	if o.Levels == 0 {
		o.Levels = 4
	}
	if o.Entries == 0 {
		o.Entries = 1_000_000
	}
	if o.Bytes == 0 {
		o.Bytes = 64<<20 + 200*min(max(size, 0), 1<<50)
	}
	return &looker{ctx: b.ctx, budget: b, f: &Findings{Type: empty}, o: o, memory: walkMemory}
}

// Aside adds to f what r holds, of so many bytes, which what carries beside
// its content, such as a comment: what is short and of no form is passed over.
func (b *Budget) Aside(f *Findings, what string, size int64, r io.Reader) {
	l := b.looker(size)
	if l.scratch = b.take(b.slots); l.scratch != nil {
		l.aside(r, size, &content{level: -1}, what)
		f.merge(l.f)
		b.slots <- l.scratch
	}
}

// Write takes the next bytes of the content.
func (s *Sniffer) Write(p []byte) (int, error) {
	switch {
	case s.end:
	case s.pw != nil:
		s.pw.Write(p) // fails when the reader has seen enough
	case s.scan != nil:
		s.scan.Write(p)
	default:
		if s.head == nil {
			s.head = make([]byte, 0, min(max(s.size, int64(len(p))), headLen))
		}
		n := min(len(p), headLen-len(s.head))
		s.head = append(s.head, p[:n]...)
		if len(s.head) == headLen {
			s.start(p[n:])
		}
	}
	return len(p), nil
}

// start looks at the head, and reads on.
func (s *Sniffer) start(rest []byte) {
	s.v = judge(s.head)
	if len(s.v.forms) == 0 {
		s.scan = newScan()
		s.l.head(&s.c, s.scan, s.v, s.head)
		s.scan.Write(s.head)
		s.scan.Write(rest)
		s.head = nil
		return
	}
	if !s.enter() {
		return
	}
	pr, pw := io.Pipe()
	s.pw, s.done = pw, make(chan struct{})
	head := s.head
	s.head = nil
	go func() {
		defer close(s.done)
		s.l.look(io.MultiReader(bytes.NewReader(head), pr), &s.c)
		pr.Close()
	}()
	s.pw.Write(rest)
}

// enter waits for a place among those that walk.
func (s *Sniffer) enter() bool {
	s.l.scratch = s.budget.take(s.budget.slots)
	s.end = s.l.scratch == nil
	return !s.end
}

// leave lets the next walk.
func (s *Sniffer) leave() {
	s.budget.slots <- s.l.scratch
	s.l = &looker{f: s.l.f}
}

// take waits for one of the places; nil is for a context that ended before.
func (b *Budget) take(places chan *scratch) *scratch {
	select {
	case p := <-places:
		return p
	case <-b.ctx.Done():
		return nil
	}
}

// Close ends the content. Closing again does nothing.
func (s *Sniffer) Close() error {
	switch {
	case s.end:
	case s.pw != nil:
		s.pw.Close()
		<-s.done
		s.leave()
	case s.scan != nil:
		s.l.tail(&s.c, s.scan, s.v)
		scans.Put(s.scan)
	case s.enter():
		s.l.look(bytes.NewReader(s.head), &s.c)
		s.leave()
	}
	s.end, s.head, s.scan = true, nil, nil
	return nil
}

// Findings are good when Close has returned.
func (s *Sniffer) Findings() *Findings { return s.l.f }
