package main

import (
	"bufio"
	"bytes"
	"fmt"
	"io"

	"github.com/ociferry/ferry/cmd/ferry/internal/ui"
	"github.com/ociferry/ferry/layout/compression"
)

// firstBytes is enough to inflate the first header of a tar out of.
const firstBytes = 256 << 10

// reports is the input, unless its first bytes are those of a tar: line by line
// a bundle is nothing but malformed reports.
func (x *exportRun) reports(in io.ReadCloser) (io.ReadCloser, error) {
	b := bufio.NewReaderSize(in, firstBytes)
	first, _ := b.Peek(firstBytes) // an error comes again when the rest is read
	if isTar(first) {
		in.Close()
		return nil, ui.Misuse(fmt.Errorf("%s: want reports in JSONL, found a tar, which a bundle is", x.label), "unpack it first: ferry unpack "+ui.ShellWord(x.in)+" -o DIR; ferry export DIR takes the snapshot that was in it")
	}
	return struct {
		io.Reader
		io.Closer
	}{b, in}, nil
}

// isTar tells a tar, plain or compressed, by its first bytes.
func isTar(first []byte) bool {
	format, err := compression.Detect(first[:min(len(first), compression.MagicLen)])
	if err != nil {
		return false
	}
	r, err := format.NewReader(bytes.NewReader(first))
	if err != nil {
		return false
	}
	defer r.Close()
	header := make([]byte, 512)
	_, err = io.ReadFull(r, header)
	return err == nil && string(header[257:262]) == "ustar" && header[0] != '{'
}
