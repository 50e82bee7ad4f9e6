package compression

import (
	"bytes"
	"io"
	"runtime"
	"sync"
	"time"

	"github.com/klauspost/compress/gzip"
	"github.com/klauspost/pgzip"
)

// memberHeader begins every gzip member that a MemberWriter makes: no flags,
// no time, level unsaid, system unknown. A MemberReader looks for it.
var memberHeader = []byte{0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 255}

// memberLevel is as small as gzip -6 of zlib and twice as slow as our level 6;
// members can be made on all cores.
const memberLevel = 8

// A MemberWriter writes one gzip stream of several members, each of which can
// be inflated, compared and replaced by itself. Members are compressed on all
// cores and written in their order; the bytes do not depend on their number.
// It holds a few members in memory.
type MemberWriter struct {
	w    io.Writer
	size int
	cur  []byte

	order  chan *memberJob
	work   chan *memberJob
	free   chan []byte
	done   chan struct{} // the goroutine that writes has ended
	wg     sync.WaitGroup
	closed bool

	mu  sync.Mutex
	err error
}

type memberJob struct {
	raw  []byte
	out  bytes.Buffer
	done chan error
}

// NewMemberWriter makes members of at most size uncompressed bytes. The caller
// closes the writer, which does not close w.
func NewMemberWriter(w io.Writer, size int) *MemberWriter {
	workers := max(1, runtime.GOMAXPROCS(0))
	m := &MemberWriter{
		w: w, size: size,
		order: make(chan *memberJob, workers),
		work:  make(chan *memberJob, workers),
		free:  make(chan []byte, 2*workers+2),
		done:  make(chan struct{}),
	}
	for range workers {
		m.wg.Go(m.compress)
	}
	go m.write()
	return m
}

// NewSingleMemberWriter makes one gzip member at the level of a MemberWriter,
// on all cores. The caller closes it; closing does not close w.
func NewSingleMemberWriter(w io.Writer) (io.WriteCloser, error) {
	z, err := pgzip.NewWriterLevel(w, memberLevel)
	if err != nil {
		return nil, err
	}
	z.ModTime = time.Unix(0, 0)
	if err := z.SetConcurrency(blockSize, runtime.GOMAXPROCS(0)+1); err != nil {
		return nil, err
	}
	return z, nil
}

// Write adds p to the present member, and begins another when that is full.
func (m *MemberWriter) Write(p []byte) (int, error) {
	n := 0
	for len(p) > 0 {
		if m.cur == nil {
			select {
			case m.cur = <-m.free:
			default:
				m.cur = make([]byte, 0, min(m.size, blockSize))
			}
		}
		k := min(len(p), m.size-len(m.cur))
		m.cur = append(m.cur, p[:k]...)
		p, n = p[k:], n+k
		if len(m.cur) == m.size {
			if err := m.Cut(); err != nil {
				return n, err
			}
		}
	}
	return n, nil
}

// Len is the number of bytes in the present member.
func (m *MemberWriter) Len() int { return len(m.cur) }

// Cut ends the present member, if there is anything in it.
func (m *MemberWriter) Cut() error {
	if len(m.cur) == 0 {
		return m.failed()
	}
	j := &memberJob{raw: m.cur, done: make(chan error, 1)}
	m.cur = nil
	m.order <- j
	m.work <- j
	return m.failed()
}

// Close ends the last member. Closing twice is harmless.
func (m *MemberWriter) Close() error {
	if m.closed {
		return m.failed()
	}
	m.closed = true
	m.Cut()
	close(m.work)
	close(m.order)
	m.wg.Wait()
	<-m.done
	return m.failed()
}

func (m *MemberWriter) failed() error {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.err
}

func (m *MemberWriter) compress() {
	z, err := gzip.NewWriterLevel(nil, memberLevel)
	for j := range m.work {
		if err == nil {
			j.out.Grow(len(j.raw)/6 + 64)
			z.Reset(&j.out)
			z.ModTime = time.Unix(0, 0) // the zero time would be written as some other
			if _, err = z.Write(j.raw); err == nil {
				err = z.Close()
			}
		}
		select {
		case m.free <- j.raw[:0]:
		default:
		}
		j.done <- err
	}
}

func (m *MemberWriter) write() {
	defer close(m.done)
	for j := range m.order {
		err := <-j.done
		if m.failed() != nil {
			continue
		}
		if err == nil {
			_, err = m.w.Write(j.out.Bytes())
		}
		if err != nil {
			m.mu.Lock()
			m.err = err
			m.mu.Unlock()
		}
	}
}
