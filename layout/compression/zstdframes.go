package compression

import (
	"bufio"
	"encoding/binary"
	"io"
)

// zstdFrames passes a zstd stream on, frame by frame (RFC 8878, section 3.1),
// and leaves out the skippable ones. What is not as it should be is passed on
// for the library to judge.
type zstdFrames struct {
	r    *bufio.Reader
	w    *Watch
	left int64 // bytes to pass on before something is to be looked at
	last bool  // no block follows these
	sums int64 // bytes of checksum at the end of the frame
	in   bool  // a frame, and not between two
	raw  bool  // what comes is not understood
	err  error
}

func (z *zstdFrames) Read(p []byte) (int, error) {
	for z.left == 0 && z.err == nil && !z.raw {
		z.next()
	}
	switch {
	case z.err != nil:
		return 0, z.err
	case !z.raw:
		p = p[:min(int64(len(p)), z.left)]
	}
	n, err := z.r.Read(p)
	if !z.raw {
		z.left -= int64(n)
	}
	return n, err
}

// next looks at what comes: a frame's header or a block's.
func (z *zstdFrames) next() {
	if z.in && z.last {
		z.in, z.left = false, z.sums
		return
	}
	if z.in {
		h, err := z.r.Peek(3)
		if err != nil {
			z.raw = true // cut off
			return
		}
		block := int64(h[0]) | int64(h[1])<<8 | int64(h[2])<<16
		z.last = block&1 != 0
		z.left = 3 + block>>3
		if block>>1&3 == 1 { // one byte, again and again
			z.left = 4
		}
		return
	}
	h, err := z.r.Peek(18) // the longest header of a frame
	if len(h) == 0 {
		z.err = err
		return
	}
	if len(h) >= 8 && h[0]&0xf0 == 0x50 && string(h[1:4]) == "\x2a\x4d\x18" {
		z.skippable(int64(binary.LittleEndian.Uint32(h[4:])))
		return
	}
	n, window := frameHeader(h)
	if n == 0 {
		z.raw = true
		return
	}
	z.in, z.last, z.left = true, false, n
	z.sums = int64(h[4]) & 4 // a flag of the value 4 for four bytes
	if z.w.Window != nil {
		if err := z.w.Window(window); err != nil {
			z.err = &watchError{err}
		}
	}
}

func (z *zstdFrames) skippable(size int64) {
	z.r.Discard(8)
	content := &io.LimitedReader{R: z.r, N: size}
	if z.w.Aside != nil {
		if err := z.w.Aside("skippable zstd frame", size, content); err != nil {
			z.err = &watchError{err}
			return
		}
	}
	if _, err := io.Copy(io.Discard, content); err != nil {
		z.err = err
	} else if content.N > 0 {
		z.err = io.ErrUnexpectedEOF
	}
}

// frameHeader is the length of a frame's header and the size of its window in
// bytes; the length is 0 when it is none.
func frameHeader(h []byte) (n, window int64) {
	if len(h) < 6 || string(h[:4]) != string(Zstd.magic) {
		return 0, 0
	}
	flags := h[4]
	single := flags&0x20 != 0
	n = 5
	if !single {
		base := int64(1) << (10 + h[5]>>3)
		window = base + base/8*int64(h[5]&7)
		n++
	}
	n += []int64{0, 1, 2, 4}[flags&3]
	sizeLen := []int64{0, 2, 4, 8}[flags>>6]
	if sizeLen == 0 && single {
		sizeLen = 1
	}
	if n+sizeLen > int64(len(h)) {
		return 0, 0
	}
	if single {
		var b [8]byte
		copy(b[:], h[n:n+sizeLen])
		window = int64(binary.LittleEndian.Uint64(b[:]) & (1<<62 - 1))
		if sizeLen == 2 {
			window += 256
		}
	}
	return n + sizeLen, window
}
