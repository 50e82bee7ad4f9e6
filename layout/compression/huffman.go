package compression

import "math/bits"

// A table decodes the symbols of a Huffman code, RFC 1951, section 3.2. The
// first 1<<litBits or 1<<distBits entries are found by as many bits of input;
// where a code is longer, the entry leads to a second table, found by the bits
// that follow. An entry is
//
//	bits 0-7    how many bits it takes, extra bits included
//	bits 8-11   how many of them are the code
//	bits 12-15  what it is
//	bits 16-31  the literal, the base of a length or distance, or the place of
//	            the second table
type table []uint32

const (
	litBits, distBits = 11, 9
	maxLit, maxDist   = 288, 32

	isBad     = 1 << 12 // no code begins so
	isSub     = 1 << 13
	isEnd     = 1 << 14
	isLiteral = 1 << 15

	// Every second table has two codes at least and room for the longest.
	litSize  = 1<<litBits + maxLit/2<<(15-litBits)
	distSize = 1<<distBits + maxDist/2<<(15-distBits)
)

// What symbols stand for.
var litSymbols, distSymbols = func() (lit [maxLit]uint32, dist [maxDist]uint32) {
	for i := range 256 {
		lit[i] = uint32(i)<<16 | isLiteral
	}
	lit[256] = isEnd
	base := uint32(3)
	for i := 257; i < 285; i++ {
		extra := uint32(0)
		if i >= 265 {
			extra = uint32(i-261) / 4
		}
		lit[i] = base<<16 | extra
		base += 1 << extra
	}
	lit[285] = maxMatch << 16
	lit[286], lit[287] = isBad, isBad
	base = 1
	for i := range 30 {
		extra := uint32(0)
		if i >= 4 {
			extra = uint32(i-2) / 2
		}
		dist[i] = base<<16 | extra
		base += 1 << extra
	}
	dist[30], dist[31] = isBad, isBad
	return lit, dist
}()

var fixedLit, fixedDist = func() (lit [litSize]uint32, dist [distSize]uint32) {
	var lens [maxLit]uint8
	for i := range lens {
		switch {
		case i < 144, i >= 280:
			lens[i] = 8
		case i < 256:
			lens[i] = 9
		default:
			lens[i] = 7
		}
	}
	table(lit[:]).build(lens[:], litSymbols[:], litBits)
	for i := range maxDist {
		lens[i] = 5
	}
	table(dist[:]).build(lens[:maxDist], distSymbols[:], distBits)
	return lit, dist
}()

// build fills the table for a code that is given by the lengths of its codes,
// 0 to 15, and says whether there is such a code. One with room left is none,
// but for a single code of one bit; a code without symbols is one, and every
// use of it is bad.
func (t table) build(lens []uint8, symbols []uint32, primary uint) bool {
	var count [16]int
	for _, n := range lens {
		count[n]++
	}
	longest := 15
	for longest > 0 && count[longest] == 0 {
		longest--
	}
	for i := range t[:1<<primary] {
		t[i] = isBad
	}
	if longest == 0 {
		return true
	}
	var next [16]int // the next code of each length
	code := 0
	count[0] = 0
	for n := 1; n <= longest; n++ {
		code = (code + count[n-1]) << 1
		next[n] = code
	}
	if full := next[longest] + count[longest]; full != 1<<longest && !(full == 1 && longest == 1) {
		return false
	}
	free := 1 << primary // where the next second table goes
	for s, n8 := range lens {
		n := uint(n8)
		if n == 0 {
			continue
		}
		reversed := uint(bits.Reverse16(uint16(next[n]))) >> (16 - n)
		next[n]++
		e := symbols[s]&^0xff | uint32(n)<<8 | uint32(n) + symbols[s]&0xff
		if n <= primary {
			for i := reversed; i < 1<<primary; i += 1 << n {
				t[i] = e
			}
			continue
		}
		first := &t[reversed&(1<<primary-1)]
		if *first&isSub == 0 {
			*first = uint32(free)<<16 | isSub
			for i := range t[free : free+1<<(15-primary)] {
				t[free+i] = isBad
			}
			free += 1 << (15 - primary)
		}
		second := t[*first>>16:][:1<<(15-primary)]
		for i := reversed >> primary; i < 1<<(15-primary); i += 1 << (n - primary) {
			second[i] = e
		}
	}
	return true
}

// codeOrder is the order in which the lengths of the code for code lengths
// stand.
var codeOrder = [19]uint8{16, 17, 18, 0, 8, 7, 9, 6, 10, 5, 11, 4, 12, 3, 13, 2, 14, 1, 15}

// codes reads the two codes of a dynamic block, section 3.2.7.
func (f *inflater) codes() error {
	if err := f.need(14); err != nil {
		return err
	}
	nlit, ndist, nlen := int(f.take(5))+257, int(f.take(5))+1, int(f.take(4))+4
	if nlit > 286 || ndist > 30 {
		return errFlate
	}
	var lens [19]uint8
	for _, i := range codeOrder[:nlen] {
		if err := f.need(3); err != nil {
			return err
		}
		lens[i] = uint8(f.take(3))
	}
	var symbols [19]uint32
	for i := range symbols {
		symbols[i] = uint32(i)<<16 | isLiteral
	}
	var t [1 << 7]uint32
	if !table(t[:]).build(lens[:], symbols[:], 7) {
		return errFlate
	}
	all := f.lens[:nlit+ndist]
	for i := 0; i < len(all); {
		e, _, err := f.symbol(t[:], 7)
		if err != nil {
			return err
		}
		n := e >> 16
		if n < 16 {
			all[i] = uint8(n)
			i++
			continue
		}
		extra, repeat, what := uint(7), 11, uint8(0)
		switch n {
		case 16:
			if i == 0 {
				return errFlate
			}
			extra, repeat, what = 2, 3, all[i-1]
		case 17:
			extra, repeat = 3, 3
		}
		if err := f.need(extra); err != nil {
			return err
		}
		repeat += int(f.take(extra))
		if repeat > len(all)-i {
			return errFlate
		}
		for range repeat {
			all[i] = what
			i++
		}
	}
	if !table(f.lit[:]).build(all[:nlit], litSymbols[:], litBits) || !table(f.dist[:]).build(all[nlit:], distSymbols[:], distBits) {
		return errFlate
	}
	return nil
}
