package compression

import (
	"bytes"
	"encoding/binary"
	"hash/crc32"
	"io"
	"runtime"
	"sync"

	"github.com/klauspost/compress/flate"
)

// memberHeader begins every gzip member that a MemberWriter makes: no flags,
// no time, level unsaid, system unknown. A MemberReader looks for it.
var memberHeader = []byte{0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 255}

// memberLevel is as small as gzip -6 of zlib and twice as slow as our level 6;
// it is made up for by all cores.
const memberLevel = 8

// window is how far back deflate looks.
const window = 32 << 10

// A MemberWriter writes one gzip stream of one member or several, which end
// where the caller says, so that they can be inflated side by side. Members are
// compressed in chunks on all cores; the bytes do not depend on their number.
// It holds a few chunks in memory.
type MemberWriter struct {
	w      io.Writer
	cur    *chunk
	n      int64 // bytes in the present member
	any    bool  // a member has ended
	chunks int   // that were made
	closed bool

	order chan *chunk
	work  chan *chunk
	free  chan *chunk
	wg    sync.WaitGroup

	mu  sync.Mutex
	err error
}

// A chunk is a part of a member, compressed with what stands before it in the
// same member as its dictionary.
type chunk struct {
	raw, dict []byte
	last      bool // of the member
	out       bytes.Buffer
	done      chan error
}

// NewMemberWriter writes to w. The caller closes the writer, which does not
// close w.
func NewMemberWriter(w io.Writer) *MemberWriter {
	workers := runtime.GOMAXPROCS(0)
	chunks := workers + 2 // one that is filled, one that is written
	m := &MemberWriter{w: w, order: make(chan *chunk, chunks), work: make(chan *chunk, chunks), free: make(chan *chunk, chunks)}
	m.cur = m.take()
	for range workers {
		m.wg.Go(m.compress)
	}
	m.wg.Go(m.write)
	return m
}

// take is an empty chunk; there is a fixed number of them.
func (m *MemberWriter) take() *chunk {
	if m.chunks < cap(m.free) {
		m.chunks++
		return &chunk{raw: make([]byte, 0, blockSize), dict: make([]byte, 0, window), done: make(chan error, 1)}
	}
	return <-m.free
}

// Write adds p to the present member.
func (m *MemberWriter) Write(p []byte) (int, error) {
	n := 0
	for len(p) > 0 {
		if len(m.cur.raw) == blockSize {
			m.send(false)
			if err := m.failed(); err != nil {
				return n, err
			}
		}
		k := min(len(p), blockSize-len(m.cur.raw))
		m.cur.raw = append(m.cur.raw, p[:k]...)
		p, n, m.n = p[k:], n+k, m.n+int64(k)
	}
	return n, nil
}

// send hands the present chunk on and begins another.
func (m *MemberWriter) send(last bool) {
	c := m.cur
	c.last = last
	m.cur = m.take()
	m.cur.raw, m.cur.dict = m.cur.raw[:0], m.cur.dict[:0]
	if !last {
		m.cur.dict = append(m.cur.dict, c.raw[max(0, len(c.raw)-window):]...)
	}
	m.order <- c
	m.work <- c
}

// Len is the number of bytes in the present member.
func (m *MemberWriter) Len() int64 { return m.n }

// Cut ends the present member, if there is anything in it.
func (m *MemberWriter) Cut() error {
	if m.n > 0 {
		m.send(true)
		m.n, m.any = 0, true
	}
	return m.failed()
}

// Close ends the last member. The member of nothing is an empty one. Closing
// twice is harmless.
func (m *MemberWriter) Close() error {
	if m.closed {
		return m.failed()
	}
	m.closed = true
	if m.n > 0 || !m.any {
		m.send(true)
	}
	close(m.work)
	close(m.order)
	m.wg.Wait()
	return m.failed()
}

func (m *MemberWriter) failed() error {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.err
}

func (m *MemberWriter) compress() {
	z, err := flate.NewWriter(nil, memberLevel)
	for c := range m.work {
		c.out.Reset()
		if err == nil {
			z.ResetDict(&c.out, c.dict)
			_, err = z.Write(c.raw)
		}
		switch {
		case err != nil:
		case c.last:
			err = z.Close()
		default:
			err = z.Flush()
		}
		c.done <- err
	}
}

// write writes the chunks in their order, in the frames of their members
// (RFC 1952).
func (m *MemberWriter) write() {
	first := true
	var sum uint32
	var size uint32
	for c := range m.order {
		err := <-c.done
		if m.failed() == nil {
			if first && err == nil {
				_, err = m.w.Write(memberHeader)
			}
			sum, size = crc32.Update(sum, crc32.IEEETable, c.raw), size+uint32(len(c.raw))
			if first = c.last; first {
				c.out.Write(binary.LittleEndian.AppendUint32(binary.LittleEndian.AppendUint32(nil, sum), size))
				sum, size = 0, 0
			}
			if err == nil {
				_, err = m.w.Write(c.out.Bytes())
			}
			if err != nil {
				m.mu.Lock()
				m.err = err
				m.mu.Unlock()
			}
		}
		m.free <- c
	}
}
