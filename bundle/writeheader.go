package bundle

import (
	"archive/tar"
	"bytes"
	"fmt"
	"sync"
	"time"
)

const blockSize = 512

// header is the tar header of a regular file: mode 0644, owner 0, time 0, in
// USTAR, and in PAX where USTAR cannot hold the name or the size.
func header(name string, size int64) ([]byte, error) { return appendHeader(nil, name, size) }

func appendHeader(h []byte, name string, size int64) ([]byte, error) {
	if len(name) <= 100 && size < 1<<33 {
		return appendPlainHeader(h, name, size), nil
	}
	full, err := fullHeader(name, size)
	return append(h, full...), err
}

func fullHeader(name string, size int64) ([]byte, error) {
	var b bytes.Buffer
	w := tar.NewWriter(&b)
	err := w.WriteHeader(&tar.Header{Typeflag: tar.TypeReg, Name: name, Size: size, Mode: 0o644, ModTime: time.Unix(0, 0)})
	return b.Bytes(), err
}

var emptyHeader = sync.OnceValue(func() []byte {
	h, err := fullHeader("-", 0)
	if err != nil {
		panic(err) // not on any input: both are constants
	}
	return h
})

// appendPlainHeader appends what fullHeader makes for what USTAR holds, without
// its cost, which ten thousand small blobs would notice.
func appendPlainHeader(out []byte, name string, size int64) []byte {
	out = append(out, emptyHeader()...)
	h := out[len(out)-blockSize:]
	copy(h, name)
	copy(h[124:], fmt.Sprintf("%011o", size))
	copy(h[148:], "        ")
	sum := 0
	for _, c := range h {
		sum += int(c)
	}
	copy(h[148:], fmt.Sprintf("%06o\x00 ", sum))
	return out
}

// padding fills the last block.
func padding(size int64) []byte { return zeroBlock[:(blockSize-size%blockSize)%blockSize] }

var zeroBlock [blockSize]byte
