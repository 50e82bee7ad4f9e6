package compression

import (
	"encoding/binary"
	"hash/crc32"
	"io"

	"github.com/klauspost/pgzip"
)

// more reads until there are n bytes of input, n being small, and says how
// many there are.
func (f *inflater) more(n int) int {
	if len(f.in)-f.ip < n && !f.eof {
		keep := min(f.ip, 8) // what is in bits may be given back
		f.in = f.inputBuffer[:copy(f.inputBuffer[:], f.in[f.ip-keep:])]
		f.ip = keep
		for len(f.in)-keep < n && !f.eof {
			k, err := f.src.Read(f.inputBuffer[len(f.in):])
			f.in = f.inputBuffer[:len(f.in)+k]
			if err != nil {
				f.eof = true
				if err != io.EOF {
					f.err = err
				}
			}
		}
	}
	return len(f.in) - f.ip
}

// short is the error for input that ends too early.
func (f *inflater) short() error {
	if f.err != nil {
		return f.err
	}
	return io.ErrUnexpectedEOF
}

// need makes n bits of input ready, n at most 32.
func (f *inflater) need(n uint) error {
	for f.n < n {
		if f.more(1) < 1 {
			return f.short()
		}
		f.bits |= uint64(f.in[f.ip]) << f.n
		f.ip++
		f.n += 8
	}
	return nil
}

func (f *inflater) take(n uint) uint32 {
	v := uint32(f.bits & (1<<n - 1))
	f.bits >>= n
	f.n -= n
	return v
}

// aligned drops the bits up to the next byte, and gives whole bytes back.
func (f *inflater) aligned() {
	f.take(f.n & 7)
	f.ip -= int(f.n / 8)
	f.bits, f.n = 0, 0
}

// header reads a member's header, section 2.3 of RFC 1952.
func (f *inflater) header() error {
	var head [10]byte
	crc := uint32(0)
	take := func(p []byte) error {
		for i := range p {
			if f.more(1) < 1 {
				return f.short()
			}
			p[i] = f.in[f.ip]
			f.ip++
		}
		crc = crc32.Update(crc, crc32.IEEETable, p)
		return nil
	}
	for i, want := range []byte{0x1f, 0x8b, 8} {
		if err := take(head[i : i+1]); err != nil {
			return err
		}
		if head[i] != want {
			return pgzip.ErrHeader
		}
	}
	if err := take(head[3:]); err != nil {
		return err
	}
	flags := head[3]
	if flags&0xe0 != 0 {
		return pgzip.ErrHeader
	}
	if flags&4 != 0 { // extra
		if err := take(head[:2]); err != nil {
			return err
		}
		for n := binary.LittleEndian.Uint16(head[:2]); n > 0; n-- {
			if err := take(head[2:3]); err != nil {
				return err
			}
		}
	}
	for _, flag := range []byte{8, 16} { // name, comment
		if flags&flag == 0 {
			continue
		}
		for n, c := 0, head[2:3]; ; n++ {
			if err := take(c); err != nil {
				return err
			}
			if c[0] == 0 {
				break
			}
			if n == 64<<10 {
				return pgzip.ErrHeader
			}
		}
	}
	if flags&2 != 0 { // checksum of the header
		want := uint16(crc)
		if err := take(head[:2]); err != nil {
			return err
		}
		if binary.LittleEndian.Uint16(head[:2]) != want {
			return pgzip.ErrHeader
		}
	}
	return nil
}

func (f *inflater) trailer() error {
	f.count()
	f.aligned()
	if f.more(8) < 8 {
		return f.short()
	}
	tail := f.in[f.ip : f.ip+8]
	f.ip += 8
	if binary.LittleEndian.Uint32(tail) != f.crc || binary.LittleEndian.Uint32(tail[4:]) != f.size {
		return pgzip.ErrChecksum
	}
	return nil
}
