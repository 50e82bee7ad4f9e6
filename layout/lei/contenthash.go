package lei

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"hash"
)

// contentSum computes the content_hash of JSONL that comes in blocks: the
// SHA-256 of every byte that is not a line feed, as the original has it of the
// encoded reports, joined. On the way it counts the lines that are not UTF-8.
type contentSum struct {
	h       hash.Hash
	invalid int64

	u   utf8Check
	bad bool // the line at hand is not UTF-8
}

func newContentSum() *contentSum { return &contentSum{h: sha256.New()} }

func (c *contentSum) write(p []byte) {
	for len(p) > 0 {
		part := p
		at := bytes.IndexByte(p, '\n')
		if at >= 0 {
			part, p = p[:at], p[at+1:]
		} else {
			p = nil
		}
		c.h.Write(part)
		if !c.bad && c.u.next(part) >= 0 {
			c.bad = true
		}
		if at >= 0 {
			c.endLine()
		}
	}
}

func (c *contentSum) endLine() {
	if !c.u.end() || c.bad {
		c.invalid++
	}
	c.bad = false
}

func (c *contentSum) hex() string { return hex.EncodeToString(c.h.Sum(nil)) }
