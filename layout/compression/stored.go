package compression

import (
	"encoding/binary"
	"fmt"
	"hash"
	"hash/crc32"
	"io"
)

// A storedForm wraps bytes without compressing them: a gzip member of stored
// blocks (RFC 1952; RFC 1951, section 3.2.4), a zstd frame of raw blocks
// (RFC 8878, section 3.1.1). Its length depends on nothing but the number of
// bytes, so that a place can be kept for what is not known yet; and it is what
// data deserves that is compressed already.
type storedForm struct {
	head  []byte
	block int64 // the most bytes in one block
	frame int64 // bytes before each block
	tail  int64 // bytes behind the last block
	begin func(b []byte, n int, last bool) []byte
}

var gzipStored = &storedForm{
	head: memberHeader, block: 65535, frame: 5, tail: 8,
	begin: func(b []byte, n int, last bool) []byte {
		b = append(b, 0)
		if last {
			b[0] = 1
		}
		b = binary.LittleEndian.AppendUint16(b, uint16(n))
		return binary.LittleEndian.AppendUint16(b, ^uint16(n))
	},
}

// The zstd frame has a window of 128 KiB, the size of its blocks, and no
// checksum of its own: those who want to know look at the SHA-256.
var zstdStored = &storedForm{
	head: []byte{0x28, 0xb5, 0x2f, 0xfd, 0, 7 << 3}, block: 128 << 10, frame: 3,
	begin: func(b []byte, n int, last bool) []byte {
		v := uint32(n) << 3
		if last {
			v |= 1
		}
		return append(b, byte(v), byte(v>>8), byte(v>>16))
	},
}

// StoredLen is the number of bytes that n bytes take when they are stored.
func (f *Format) StoredLen(n int64) int64 {
	s := f.stored
	if s == nil {
		return n
	}
	blocks := max(1, (n+s.block-1)/s.block)
	return int64(len(s.head)) + blocks*s.frame + n + s.tail
}

// newStored writes n bytes to w as a gzip member or zstd frame of their own, or
// as they are for None, StoredLen(n) bytes in all. Close says whether n bytes
// were written; it does not close w.
func (f *Format) newStored(w io.Writer, n int64) io.WriteCloser {
	s := &storedWriter{w: w, form: f.stored, left: n, size: n}
	if s.form != nil && s.form.tail > 0 {
		s.crc = crc32.NewIEEE()
	}
	return s
}

type storedWriter struct {
	w          io.Writer
	form       *storedForm
	crc        hash.Hash32
	size, left int64 // bytes in all, and to come
	room       int64 // bytes that the present block still takes
	begun      bool
}

// next begins a block.
func (s *storedWriter) next() error {
	if s.form == nil {
		s.room = s.left
		return nil
	}
	var b []byte
	if !s.begun {
		b = append(b, s.form.head...)
	}
	s.begun = true
	s.room = min(s.form.block, s.left)
	_, err := s.w.Write(append(b, s.form.begin(nil, int(s.room), s.room == s.left)...))
	return err
}

func (s *storedWriter) Write(p []byte) (n int, err error) {
	if int64(len(p)) > s.left {
		return 0, fmt.Errorf("stored data is longer than the %d bytes announced", s.size)
	}
	if s.crc != nil {
		s.crc.Write(p)
	}
	for len(p) > 0 {
		if s.room == 0 {
			if err := s.next(); err != nil {
				return n, err
			}
		}
		k, err := s.w.Write(p[:min(int64(len(p)), s.room)])
		n, p = n+k, p[k:]
		s.room -= int64(k)
		s.left -= int64(k)
		if err != nil {
			return n, err
		}
	}
	return n, nil
}

func (s *storedWriter) Close() error {
	if s.left > 0 {
		return fmt.Errorf("stored data is %d bytes shorter than the %d announced", s.left, s.size)
	}
	if s.form == nil {
		return nil
	}
	if !s.begun {
		if err := s.next(); err != nil {
			return err
		}
	}
	if s.crc == nil {
		return nil
	}
	b := binary.LittleEndian.AppendUint32(nil, s.crc.Sum32())
	_, err := s.w.Write(binary.LittleEndian.AppendUint32(b, uint32(s.size)))
	return err
}

// A Writer compresses a stream and buffers it. The stream may be made of parts:
// readers of gzip and of zstd take members and frames that follow each other
// for one stream.
type Writer struct {
	format *Format
	w      *blocks
	z      io.WriteCloser // the part that is being compressed, or nil
	begun  bool
	err    error
}

// Write compresses p.
func (w *Writer) Write(p []byte) (n int, err error) {
	if w.err != nil {
		return 0, w.err
	}
	if w.z == nil {
		if w.z, w.err = w.format.create(w.w); w.err != nil {
			return 0, w.err
		}
		w.begun = true
	}
	n, w.err = w.z.Write(p)
	return n, w.err
}

// Cut ends the part that is being compressed. Everything written by then is
// behind the buffer, and what is written next begins a part.
func (w *Writer) Cut() error {
	if z := w.z; z != nil {
		w.z = nil
		if err := z.Close(); w.err == nil {
			w.err = err
		}
	}
	if w.err == nil {
		w.err = w.w.Flush()
	}
	return w.err
}

// Stored begins a part of n bytes that are not compressed. It is closed before
// anything else is written.
func (w *Writer) Stored(n int64) (io.WriteCloser, error) {
	if err := w.Cut(); err != nil {
		return nil, err
	}
	w.begun = true
	return w.format.newStored(w.w, n), nil
}

// Close ends the stream. Closing twice is harmless.
func (w *Writer) Close() error {
	if !w.begun { // nothing compresses to something
		w.Write(nil)
	}
	return w.Cut()
}

// blockLen is what is written at a time, from one multiple of it to the next:
// for a write that is larger, or lies across one, some systems look longer for
// memory, by a fifth of the whole.
const blockLen = 32 << 10

// blocks writes blocks, and buffers what does not fill one.
type blocks struct {
	w   io.Writer
	at  int64 // bytes written
	buf []byte
	err error // of the first write that failed
}

func (b *blocks) Write(p []byte) (n int, err error) {
	for len(p) > 0 && b.err == nil {
		k := min(len(p), blockLen-int((b.at+int64(len(b.buf)))%blockLen))
		full := (b.at+int64(len(b.buf)+k))%blockLen == 0
		if full && len(b.buf) == 0 {
			b.write(p[:k])
		} else {
			b.buf = append(b.buf, p[:k]...)
			if full {
				b.Flush()
			}
		}
		n, p = n+k, p[k:]
	}
	return n, b.err
}

func (b *blocks) write(p []byte) {
	n, err := b.w.Write(p)
	if err == nil && n < len(p) {
		err = io.ErrShortWrite
	}
	b.at, b.err = b.at+int64(n), err
}

// Flush writes what is buffered.
func (b *blocks) Flush() error {
	if len(b.buf) > 0 && b.err == nil {
		b.write(b.buf)
		b.buf = b.buf[:0]
	}
	return b.err
}

// dense are the foreign formats whose content does not compress.
var dense = map[string]bool{"xz": true, "bzip2": true, "zip": true, "7-Zip": true, "lz4": true, "lzip": true, "RAR": true}

// Compressed reports whether data that begins with head, its first MagicLen
// bytes, is compressed already, so that compressing it again is of no use.
func Compressed(head []byte) bool {
	f, err := Detect(head)
	return err == nil && f != None || dense[foreignName(head)]
}
