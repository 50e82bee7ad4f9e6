package compression

import (
	"encoding/binary"
	"errors"
	"hash/crc32"
	"io"
)

// An inflater inflates gzip, RFC 1952 and 1951, into whole blocks that it
// hands on. It is there because checking a payload is bound by inflating: on
// JSONL it is about twice as fast as the libraries, which copy each byte out
// of a window and ask for their input byte by byte.
//
// Its way is that of zlib and libdeflate: 64 bits of input are looked at
// together, a table tells most symbols in one step, and a match is copied
// eight bytes at a time. Every access to a slice is checked by the language;
// what is checked here is what RFC 1951 demands of the data.
type inflater struct {
	src  io.Reader
	in   []byte // read and not used: in[ip:]
	ip   int
	eof  bool // src is at its end
	err  error
	bits uint64 // the next bits of input, the first lowest
	n    uint   // how many

	out   []byte // history, then what this block has so far
	op    int    // where the next byte goes
	low   int    // how far back a match may reach: the begin of the member
	from  int    // what was handed on or counted ends here
	crc   uint32
	size  uint32
	block *Block
	fresh func() *Block      // asks for an empty block
	emit  func(*Block) error // hands a block on

	lit         [litSize]uint32
	dist        [distSize]uint32
	lens        [maxLit + maxDist]uint8
	inputBuffer [64 << 10]byte
}

const (
	window   = 32 << 10 // how far back a match may reach
	maxMatch = 258
	// margin is the space that a step of the fast loop may need: literals, a
	// match, and seven bytes of its copying too much.
	margin = maxMatch + 16
	// ahead is the input that a step of the fast loop may look at.
	ahead = 16
)

var errFlate = errors.New("invalid deflate data")

// run inflates all of src: one member or several, and nothing behind them. It
// returns nil at the end, and the error of emit as it is.
func (f *inflater) run(src io.Reader) error {
	f.src, f.in, f.ip, f.eof, f.err, f.bits, f.n = src, f.inputBuffer[:0], 0, false, nil, 0, 0
	f.begin(f.fresh())
	for {
		if err := f.header(); err != nil {
			return err
		}
		f.low, f.from, f.crc, f.size = f.op, f.op, 0, 0
		for last := false; !last; {
			var err error
			if last, err = f.deflate(); err != nil {
				return err
			}
		}
		if err := f.trailer(); err != nil {
			return err
		}
		if f.more(1) < 1 {
			if f.err != nil {
				return f.err
			}
			return f.flush()
		}
	}
}

// begin makes b the block that is filled.
func (f *inflater) begin(b *Block) { f.block, f.out, f.op = b, b.buf[:], window }

// flush hands the block on and begins another, with the history in front.
func (f *inflater) flush() error {
	f.count()
	if f.op == window {
		return nil
	}
	old, end := f.block, f.op
	next := f.fresh()
	copy(next.buf[:window], old.buf[end-window:end])
	shift := end - window
	f.low = max(0, f.low-shift)
	f.begin(next)
	f.from = f.op
	old.n = end - window
	return f.emit(old)
}

// count takes what was added into the checksum and size of the member.
func (f *inflater) count() {
	f.crc = crc32.Update(f.crc, crc32.IEEETable, f.out[f.from:f.op])
	f.size += uint32(f.op - f.from)
	f.from = f.op
}

// deflate inflates one block of RFC 1951 and says whether it is the last.
func (f *inflater) deflate() (last bool, err error) {
	if err := f.need(3); err != nil {
		return false, err
	}
	last = f.take(1) == 1
	switch f.take(2) {
	case 0:
		return last, f.stored()
	case 1:
		return last, f.symbols(&fixedLit, &fixedDist)
	case 2:
		if err := f.codes(); err != nil {
			return false, err
		}
		return last, f.symbols(&f.lit, &f.dist)
	}
	return false, errFlate
}

func (f *inflater) stored() error {
	f.aligned()
	if f.more(4) < 4 {
		return f.short()
	}
	n := int(binary.LittleEndian.Uint16(f.in[f.ip:]))
	if n != int(^binary.LittleEndian.Uint16(f.in[f.ip+2:])) {
		return errFlate
	}
	f.ip += 4
	for n > 0 {
		if f.op == len(f.out) {
			if err := f.flush(); err != nil {
				return err
			}
		}
		if f.more(1) < 1 {
			return f.short()
		}
		k := copy(f.out[f.op:], f.in[f.ip:min(len(f.in), f.ip+n)])
		f.op += k
		f.ip += k
		n -= k
	}
	return nil
}

// symbols inflates literals and matches up to the end of the block.
func (f *inflater) symbols(lit *[litSize]uint32, dist *[distSize]uint32) error {
	for {
		if len(f.out)-f.op < margin {
			if err := f.flush(); err != nil {
				return err
			}
		}
		var end bool
		var err error
		if f.more(ahead) >= ahead {
			end, err = f.fast(lit, dist)
		} else {
			end, err = f.slow(lit[:], dist[:])
		}
		if end || err != nil {
			return err
		}
	}
}

// fast inflates while there are input and space for whole steps.
func (f *inflater) fast(lit *[litSize]uint32, dist *[distSize]uint32) (end bool, err error) {
	in, out := f.in, f.out
	ip, op, low := f.ip, f.op, f.low
	b, n := f.bits, f.n
loop:
	for len(in)-ip >= ahead && len(out)-op >= margin {
		b |= binary.LittleEndian.Uint64(in[ip:]) << (n & 63)
		ip += int(63-n) >> 3
		n |= 56
		e := lit[b&(1<<litBits-1)]
		if e&isLiteral != 0 {
			b >>= e & 63
			n -= uint(e & 63)
			out[op] = byte(e >> 16)
			op++
			if e = lit[b&(1<<litBits-1)]; e&isLiteral != 0 {
				b >>= e & 63
				n -= uint(e & 63)
				out[op] = byte(e >> 16)
				op++
				if e = lit[b&(1<<litBits-1)]; e&isLiteral != 0 {
					b >>= e & 63
					n -= uint(e & 63)
					out[op] = byte(e >> 16)
					op++
					continue
				}
			}
		}
		if e&(isSub|isEnd|isBad) != 0 {
			if e&isSub != 0 {
				e = lit[e>>16+uint32(b>>litBits)&(1<<(15-litBits)-1)]
			}
			switch {
			case e&isLiteral != 0:
				b >>= e & 63
				n -= uint(e & 63)
				out[op] = byte(e >> 16)
				op++
				continue
			case e&isEnd != 0:
				b >>= e & 63
				n -= uint(e & 63)
				end = true
				break loop
			case e&isBad != 0:
				err = errFlate
				break loop
			}
		}
		length := int(e>>16) + int(b&(1<<(e&63)-1)>>(e>>8&15))
		b >>= e & 63
		n -= uint(e & 63)

		b |= binary.LittleEndian.Uint64(in[ip:]) << (n & 63)
		ip += int(63-n) >> 3
		n |= 56
		e = dist[b&(1<<distBits-1)]
		if e&isSub != 0 {
			e = dist[e>>16+uint32(b>>distBits)&(1<<(15-distBits)-1)]
		}
		back := int(e>>16) + int(b&(1<<(e&63)-1)>>(e>>8&15))
		b >>= e & 63
		n -= uint(e & 63)
		if e&isBad != 0 || back > op-low {
			err = errFlate
			break loop
		}
		from, to := op-back, op
		op += length
		switch {
		case back < 8:
			match(out[from:op], back)
		case length > 64 && back >= length:
			copy(out[to:op], out[from:])
		default:
			// Sixteen bytes are enough for most, and need no loop.
			p, q := out[to:to+16:len(out)], out[from:from+16]
			binary.LittleEndian.PutUint64(p, binary.LittleEndian.Uint64(q))
			binary.LittleEndian.PutUint64(p[8:], binary.LittleEndian.Uint64(q[8:]))
			for to, from = to+16, from+16; to < op; to, from = to+8, from+8 {
				binary.LittleEndian.PutUint64(out[to:], binary.LittleEndian.Uint64(out[from:]))
			}
		}
	}
	f.ip, f.op, f.bits, f.n = ip, op, b&(1<<(n&63)-1), n
	return end, err
}

// match fills p, whose first n bytes are there, with their repetition.
func match(p []byte, n int) {
	for n < len(p) {
		n += copy(p[n:], p[:n])
	}
}

// slow inflates one symbol, at the end of the input.
func (f *inflater) slow(lit, dist table) (end bool, err error) {
	e, extra, err := f.symbol(lit, litBits)
	switch {
	case err != nil:
		return false, err
	case e&isLiteral != 0:
		f.out[f.op] = byte(e >> 16)
		f.op++
		return false, nil
	case e&isEnd != 0:
		return true, nil
	}
	length := int(e>>16) + extra
	if e, extra, err = f.symbol(dist, distBits); err != nil {
		return false, err
	}
	back := int(e>>16) + extra
	if back > f.op-f.low {
		return false, errFlate
	}
	match(f.out[f.op-back:f.op+length], back)
	f.op += length
	return false, nil
}

// symbol reads one symbol and its extra bits.
func (f *inflater) symbol(t table, primary uint) (e uint32, extra int, err error) {
	for f.n <= 48 && f.more(1) > 0 {
		f.bits |= uint64(f.in[f.ip]) << f.n
		f.ip++
		f.n += 8
	}
	e = t[f.bits&(1<<primary-1)]
	if e&isSub != 0 {
		e = t[e>>16+uint32(f.bits>>primary)&(1<<(15-primary)-1)]
	}
	total := uint(e & 63)
	switch {
	case e&isBad != 0 && f.n >= 15:
		return 0, 0, errFlate
	case e&isBad != 0 || total > f.n:
		return 0, 0, f.short()
	}
	extra = int(f.bits & (1<<total - 1) >> (e >> 8 & 15))
	f.take(total)
	return e, extra, nil
}
