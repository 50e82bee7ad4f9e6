package compression

import (
	"bufio"
	"bytes"
	"errors"
	"io"
	"runtime"
	"sync"

	"github.com/klauspost/compress/gzip"
	"github.com/klauspost/pgzip"
)

// A segment, the compressed bytes that one worker gets at a time, is as long
// as it must be to end where a member ends, within these bounds.
const (
	minSegment = 32 << 10
	maxSegment = 1 << 20
)

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
	free  chan []byte

	cur  *segment
	buf  []byte // what is left of a block of cur
	blk  []byte // that block
	seen int64  // bytes of cur returned

	tail    []byte // read from r and in no segment, valid when split has returned
	tailErr error  // of reading r
	seq     *gzip.Reader
	err     error
}

// A segment is a part of the stream that should be a whole number of members.
type segment struct {
	data []byte
	last bool        // the stream ends here
	rest bool        // no boundary was found; the stream goes on behind data
	out  chan []byte // inflated blocks, closed at the end
	err  error       // good when out is closed
}

// errSplit says that a segment ended within a member: what looked like the
// header of a member was compressed data.
var errSplit = errors.New("segment ends within a gzip member")

var errClosed = errors.New("reader is closed")

// NewMemberReader reads gzip from r with the given number of workers, or one
// per core for 0. Reading to io.EOF means what it means for Format.NewReader.
// The caller closes the reader; closing does not close r, but no read of r is
// under way when it has returned.
func NewMemberReader(r io.Reader, workers int) *MemberReader {
	if workers <= 0 {
		workers = runtime.GOMAXPROCS(0)
	}
	m := &MemberReader{
		r:     bufio.NewReaderSize(r, 64<<10),
		order: make(chan *segment, workers),
		stop:  make(chan struct{}),
		free:  make(chan []byte, 4*workers),
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
		s := &segment{data: m.tail, out: make(chan []byte, 4)}
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
				m.tail = append(make([]byte, 0, 2*minSegment), s.data[at:]...)
				s.data = s.data[:at:at]
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
		s.data = append(s.data, make([]byte, minSegment)...)
		k, err := io.ReadFull(m.r, s.data[n:])
		s.data = s.data[:n+k]
		if err == io.ErrUnexpectedEOF {
			err = io.EOF
		}
		m.tailErr = err
	}
}

func (m *MemberReader) inflate(work <-chan *segment) {
	var z gzip.Reader
	var in bytes.Reader
	for s := range work {
		in.Reset(s.data)
		err := z.Reset(&in)
		for err == nil {
			var block []byte
			select {
			case block = <-m.free:
			default:
				block = make([]byte, blockSize)
			}
			var n int
			if n, err = readBlock(&z, block); n == 0 {
				continue
			}
			select {
			case s.out <- block[:n]:
			case <-m.stop:
				s.err = errClosed
				close(s.out)
				return
			}
		}
		if err == io.ErrUnexpectedEOF && !s.last {
			err = errSplit
		}
		s.err = err
		close(s.out)
	}
}

// readBlock is io.ReadFull without its translation of errors.
func readBlock(r io.Reader, block []byte) (n int, err error) {
	for n < len(block) && err == nil {
		var k int
		k, err = r.Read(block[n:])
		n += k
	}
	return n, err
}

// Read inflates. At the end of a stream that is whole it returns io.EOF.
func (m *MemberReader) Read(p []byte) (int, error) {
	for {
		if len(m.buf) > 0 {
			n := copy(p, m.buf)
			m.buf = m.buf[n:]
			m.seen += int64(n)
			if len(m.buf) == 0 {
				m.recycle()
			}
			return n, nil
		}
		if m.err != nil || len(p) == 0 {
			return 0, m.err
		}
		if m.seq != nil {
			n, err := m.seq.Read(p)
			if err != nil && err != io.EOF {
				err = gzipError(err)
			}
			m.err = err
			return n, err
		}
		m.err = m.next()
	}
}

// next makes the next block of the stream ready in buf, or goes over to seq.
func (m *MemberReader) next() error {
	if m.cur == nil {
		s, ok := <-m.order
		if !ok {
			return io.EOF
		}
		m.cur, m.seen = s, 0
	}
	s := m.cur
	if block, ok := <-s.out; ok {
		m.blk, m.buf = block, block
		return nil
	}
	switch {
	case s.rest || s.err == errSplit:
		return m.sequential()
	case s.err == io.EOF && s.last && len(s.data) == 0:
		return gzipError(io.ErrUnexpectedEOF)
	case s.err != io.EOF:
		return gzipError(s.err)
	case s.last:
		return io.EOF
	}
	m.cur = nil
	return nil
}

func (m *MemberReader) recycle() {
	select {
	case m.free <- m.blk[:blockSize]:
	default:
	}
	m.blk = nil
}

// sequential inflates from the begin of the present segment, what has been
// returned of it being skipped, to the end of the stream.
func (m *MemberReader) sequential() error {
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
	z, err := gzip.NewReader(bufio.NewReaderSize(io.MultiReader(sources...), 64<<10))
	if err != nil {
		return gzipError(err)
	}
	m.seq = z
	if _, err := io.CopyN(io.Discard, z, m.seen); err != nil {
		return gzipError(err)
	}
	return nil
}

// gzipError is streamError for the errors of compress/gzip.
func gzipError(err error) error {
	if err == gzip.ErrHeader {
		err = pgzip.ErrHeader
	}
	return streamError("gzip", err)
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
