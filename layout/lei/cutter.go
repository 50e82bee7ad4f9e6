package lei

import (
	"hash/crc32"
	"io"

	"github.com/ociferry/ferry/layout/compression"
)

// The sizes of gzip members in bytes of JSONL. On reports as the original
// writes them the mean is about 260 KiB; smaller members would compress worse
// (deflate looks back 32 KiB), larger ones would change more often.
const (
	minMember = 96 << 10
	maxMember = 1 << 20
	runMember = 160 << 10 // the mean beyond the minimum
)

// cutter writes JSONL as gzip members that end where lines end, by the content
// of the lines alone:
//
//   - a member ends behind a line when it has at least minMember bytes and the
//     line's CRC-32 is below its length times 2^32/runMember;
//   - it ends before a line that would make it longer than maxMember;
//   - a line longer than that is cut every maxMember bytes.
//
// So the members behind a change are the old ones again from the first cut
// that both have.
type cutter struct {
	w   *compression.MemberWriter
	end []byte
}

func newCutter(w io.Writer) *cutter {
	return &cutter{compression.NewMemberWriter(w, maxMember), []byte{'\n'}}
}

func (c *cutter) writeLine(line []byte) error {
	n := len(line) + 1
	if c.w.Len()+n > maxMember {
		if err := c.w.Cut(); err != nil {
			return err
		}
	}
	if _, err := c.w.Write(line); err != nil {
		return err
	}
	if _, err := c.w.Write(c.end); err != nil {
		return err
	}
	if c.w.Len() >= minMember && uint64(crc32.ChecksumIEEE(line)) < uint64(n)<<32/runMember {
		return c.w.Cut()
	}
	return nil
}

func (c *cutter) Close() error { return c.w.Close() }

// singleWriter writes one gzip member.
type singleWriter struct{ io.WriteCloser }

func (w singleWriter) writeLine(line []byte) error {
	if _, err := w.Write(line); err != nil {
		return err
	}
	_, err := w.Write([]byte{'\n'})
	return err
}
