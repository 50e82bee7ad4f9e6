package compression

import (
	"bufio"
	"bytes"
	"errors"
	"io"
	"runtime"
	"slices"
	"sync"
)

// A segment, the compressed bytes that one worker gets at a time, is as long
// as it must be to end where a member ends, within these bounds.
const (
	minSegment = 32 << 10
	maxSegment = 2 << 20
)

// maxInflaters bounds the workers, and with them the memory: nobody takes in
// more than they inflate. Each may be maxAhead blocks, which is a member of
// 4 MiB, ahead of the reader.
const (
	maxInflaters = 4
	maxAhead     = 16
)

// A Block is inflated data, of a quarter of a MiB at most.
type Block struct {
	n   int
	buf [blockSize]byte
}

// Bytes is the data, good until the block is recycled.
func (b *Block) Bytes() []byte { return b.buf[:b.n] }

// A MemberReader inflates a gzip stream. Where the stream consists of members
// as a MemberWriter makes them, it inflates several at a time; any other gzip
// stream it inflates as it comes. It reads ahead, and holds a few MiB.
//
// Members are told by the ten bytes of their header. Compressed data that
// happens to hold those ten bytes costs time and nothing else: a segment is
// taken for a whole number of members only when it inflated as that.
type MemberReader struct {
	r     *bufio.Reader
	order chan *segment
	stop  chan struct{}
	wg    sync.WaitGroup
	free  chan *Block
	spare chan []byte // of segments that are done

	cur  *segment
	skip int64 // bytes of cur that were returned before
	seen int64 // bytes of cur returned
	err  error
	blk  *Block // of Read
	buf  []byte // what is left of it

	tail    []byte // read from r and in no segment, valid when split has returned
	tailErr error  // of reading r
}

// A segment is a part of the stream that should be a whole number of members.
type segment struct {
	data []byte
	last bool        // the stream ends here
	rest bool        // no boundary was found; the stream goes on behind data
	out  chan *Block // inflated, closed at the end
	err  error       // good when out is closed
}

// errSplit says that a segment ended within a member: what looked like the
// header of a member was compressed data.
var errSplit = errors.New("segment ends within a gzip member")

var errClosed = errors.New("reader is closed")

// NewMemberReader reads gzip from r with the given number of workers, or for 0
// one per core, up to four. Reading to io.EOF means what it means for Format.NewReader.
// The caller closes the reader; closing does not close r, but no read of r is
// under way when it has returned.
func NewMemberReader(r io.Reader, workers int) *MemberReader {
	if workers <= 0 {
		workers = min(runtime.GOMAXPROCS(0), maxInflaters)
	}
	m := &MemberReader{
		r:     bufio.NewReaderSize(r, 64<<10),
		order: make(chan *segment, workers-1),
		stop:  make(chan struct{}),
		spare: make(chan []byte, workers+2),
		free:  make(chan *Block, maxAhead*(workers+1)), // all that are under way at a time
	}
	work := make(chan *segment)
	m.wg.Go(func() { m.split(work) })
	for range workers {
		m.wg.Go(func() { m.inflate(work) })
	}
	return m
}

// split cuts the stream at what looks like headers of members.
func (m *MemberReader) split(work chan<- *segment) {
	defer close(work)
	defer close(m.order)
	for {
		s := &segment{data: m.tail, out: make(chan *Block, maxAhead)}
		m.tail = nil
		m.fill(s)
		select {
		case m.order <- s:
		case <-m.stop:
			m.tail = append(s.data, m.tail...)
			return
		}
		if s.rest {
			close(s.out)
			return
		}
		select {
		case work <- s:
		case <-m.stop:
			return
		}
		if s.last {
			return
		}
	}
}

// fill reads s up to the next boundary, and what was read beyond into tail.
func (m *MemberReader) fill(s *segment) {
	from := minSegment
	for {
		if from < len(s.data) {
			if at := bytes.Index(s.data[from:], memberHeader); at >= 0 {
				at += from
				m.tail = append(m.buffer(), s.data[at:]...)
				s.data = s.data[:at]
				return
			}
			from = max(from, len(s.data)-len(memberHeader)+1)
		}
		switch {
		case m.tailErr == io.EOF:
			s.last = true
			return
		case m.tailErr != nil || len(s.data) >= maxSegment:
			s.rest = true
			return
		}
		n := len(s.data)
		s.data = slices.Grow(s.data, minSegment)[:n+minSegment]
		k, err := io.ReadFull(m.r, s.data[n:])
		s.data = s.data[:n+k]
		if err == io.ErrUnexpectedEOF {
			err = io.EOF
		}
		m.tailErr = err
	}
}

// buffer is room for a segment.
func (m *MemberReader) buffer() []byte {
	select {
	case b := <-m.spare:
		return b[:0]
	default:
		return make([]byte, 0, 2*minSegment)
	}
}

func (m *MemberReader) inflate(work <-chan *segment) {
	f := m.inflater()
	var in bytes.Reader
	for s := range work {
		in.Reset(s.data)
		f.emit = m.emit(s.out, m.stop)
		s.err = f.run(&in)
		if s.err == io.ErrUnexpectedEOF && !s.last {
			s.err = errSplit
		}
		close(s.out)
	}
}

// An inflater turns whole members into blocks.
type inflater struct {
	z     gunzip
	fresh func() *Block
	emit  func(*Block) error
}

func (m *MemberReader) inflater() *inflater {
	return &inflater{fresh: func() *Block {
		select {
		case b := <-m.free:
			return b
		default:
			return new(Block)
		}
	}}
}

// run inflates r to its end.
func (f *inflater) run(in byteScanner) error {
	err := f.z.reset(in)
	for err == nil {
		b := f.fresh()
		b.n = 0
		for b.n < len(b.buf) && err == nil {
			var n int
			n, err = f.z.Read(b.buf[b.n:])
			b.n += n
		}
		if b.n > 0 {
			if e := f.emit(b); e != nil {
				return e
			}
		}
	}
	if err == io.EOF {
		return nil
	}
	return err
}

func (m *MemberReader) emit(out chan<- *Block, stop <-chan struct{}) func(*Block) error {
	return func(b *Block) error {
		select {
		case out <- b:
			return nil
		case <-stop:
			return errClosed
		}
	}
}

// Next is the next block of inflated data, never an empty one. At the end of a
// stream that is whole the error is io.EOF. The caller may recycle the block
// when it is done with it.
func (m *MemberReader) Next() (*Block, error) {
	for m.err == nil {
		if m.cur == nil {
			s, ok := <-m.order
			if !ok {
				m.err = io.EOF
				break
			}
			m.cur, m.seen = s, 0
		}
		if b, ok := <-m.cur.out; ok {
			if k := min(m.skip, int64(b.n)); k > 0 {
				m.skip -= k
				copy(b.buf[:], b.buf[k:b.n])
				if b.n -= int(k); b.n == 0 {
					m.Recycle(b)
					continue
				}
			}
			m.seen += int64(b.n)
			return b, nil
		}
		switch s := m.cur; {
		case s.rest || s.err == errSplit:
			m.sequential()
		case s.err != nil:
			m.err = streamError("gzip", s.err)
		default:
			select {
			case m.spare <- s.data:
			default:
			}
			m.cur = nil
		}
	}
	return nil, m.err
}

// Recycle gives a block back, to be filled again.
func (m *MemberReader) Recycle(b *Block) {
	select {
	case m.free <- b:
	default:
	}
}

// Read is Next for those who want their bytes in a place of their own.
func (m *MemberReader) Read(p []byte) (int, error) {
	if len(m.buf) == 0 && len(p) > 0 {
		b, err := m.Next()
		if err != nil {
			return 0, err
		}
		m.blk, m.buf = b, b.Bytes()
	}
	n := copy(p, m.buf)
	if m.buf = m.buf[n:]; len(m.buf) == 0 && m.blk != nil {
		m.Recycle(m.blk)
		m.blk = nil
	}
	return n, nil
}

// sequential goes back to the begin of the present segment and makes one
// segment of all that follows, to be inflated as it comes.
func (m *MemberReader) sequential() {
	m.halt()
	sources := []io.Reader{bytes.NewReader(m.cur.data)}
	for s := range m.order {
		sources = append(sources, bytes.NewReader(s.data))
	}
	sources = append(sources, bytes.NewReader(m.tail))
	switch m.tailErr {
	case nil:
		sources = append(sources, m.r)
	case io.EOF:
	default:
		sources = append(sources, errorReader{m.tailErr})
	}
	m.tail = nil
	m.skip = m.seen
	m.stop = make(chan struct{})
	m.cur = &segment{last: true, out: make(chan *Block, 4)}
	f := m.inflater()
	f.emit = m.emit(m.cur.out, m.stop)
	s := m.cur
	m.wg.Go(func() {
		s.err = f.run(bufio.NewReaderSize(io.MultiReader(sources...), 64<<10))
		close(s.out)
	})
}

// halt ends the goroutines.
func (m *MemberReader) halt() {
	select {
	case <-m.stop:
	default:
		close(m.stop)
	}
	m.wg.Wait()
}

// Close ends the reading ahead. Closing twice is harmless.
func (m *MemberReader) Close() error {
	m.halt()
	if m.err == nil {
		m.err = errClosed
	}
	m.buf, m.cur = nil, nil
	return nil
}

type errorReader struct{ err error }

func (r errorReader) Read([]byte) (int, error) { return 0, r.err }
