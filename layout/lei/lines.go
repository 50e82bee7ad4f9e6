package lei

import (
	"bytes"
	"fmt"
)

// lines scans JSONL that comes in blocks, line by line.
type lines struct {
	s   *scanner
	rep *Report // the scanner's handler, or nil
	max int64   // bytes in a line

	// each, if not nil, is called for each report when rep has seen it, with its
	// bytes without the line feed if text is set. Then one line is held in memory.
	each func([]byte) error
	text bool
	// skip, if not nil, is told what is wrong with a line, which is dropped;
	// else the first such line ends the scan.
	skip func(error)

	reports    int64
	maxReports int64 // 0: any number
	blanks     int64
	dropping   bool   // the rest of the line
	held       []byte // the start of the line, from earlier blocks
}

// maxBlanks is how many empty lines are passed over: they cost a gzip stream
// next to nothing and a reader as much as a report.
const maxBlanks = 1 << 20

func newLines(rep *Report, max int64) *lines {
	if max <= 0 {
		max = MaxLine
	}
	l := &lines{rep: rep, max: max, s: newScanner(nil)}
	if rep != nil {
		l.s.h = rep
	}
	return l
}

func (l *lines) scan(block []byte) error {
	for len(block) > 0 {
		if l.dropping {
			at := bytes.IndexByte(block, '\n') + 1
			if at == 0 {
				l.s.off += int64(len(block))
				return nil
			}
			l.s.skipLine(l.s.off + int64(at))
			l.dropping = false
			block = block[at:]
			continue
		}
		begin, number := l.s.lineOff, l.s.line
		n, done, blank, err := l.s.next(block)
		if err == nil {
			length := l.s.off - begin
			if done {
				length--
			}
			if length > l.max {
				err = &FormatError{Line: number, Column: l.max + 1, Msg: fmt.Sprintf("want at most %d bytes in a line, found more", l.max)}
			} else {
				err = l.hold(block[:n], number, done, blank)
			}
		}
		if err != nil {
			if err := l.drop(err); err != nil {
				return err
			}
			l.dropping = !done
		}
		block = block[n:]
	}
	return nil
}

// hold gathers the line, where it is wanted, and hands it on when it is whole.
func (l *lines) hold(part []byte, number int64, done, blank bool) error {
	if l.rep != nil && l.rep.sum != nil && !blank {
		l.rep.sum.write(part, done || l.s.state == stEnd)
	}
	if !done {
		if l.text {
			l.held = append(l.held, part...)
		}
		return nil
	}
	if blank {
		l.held = l.held[:0]
		if l.blanks++; l.blanks > maxBlanks {
			return &FormatError{Line: number, Column: 1, Msg: fmt.Sprintf("want at most %d empty lines, found more", maxBlanks)}
		}
		return nil
	}
	return l.report(part[:len(part)-1], number)
}

// report ends a line, the last part of which is given.
func (l *lines) report(part []byte, number int64) error {
	if l.each != nil {
		whole := part
		if len(l.held) > 0 {
			l.held = append(l.held, part...)
			whole = l.held
		}
		err := l.each(whole)
		if cap(l.held) > 4*blockSize {
			l.held = nil // one long line must not keep its memory
		}
		l.held = l.held[:0]
		if e, ok := err.(*FormatError); ok && e.Line == 0 {
			e.Line, e.Column = number, 1
		}
		if err != nil {
			return err
		}
	}
	if l.rep != nil {
		l.rep.secrets.commit()
	}
	if l.reports++; l.reports > l.maxReports && l.maxReports > 0 {
		return &FormatError{Line: number, Column: 1, Msg: fmt.Sprintf("want at most %d reports (the limit, where entry_count announces no more), found more", l.maxReports)}
	}
	return nil
}

// drop is for a line that is not a report.
func (l *lines) drop(err error) error {
	if _, ok := err.(*FormatError); !ok || l.skip == nil {
		return err
	}
	l.skip(err)
	l.held = l.held[:0]
	if l.rep != nil {
		l.rep.reset()
	}
	return nil
}

// finish ends the last line, which may lack its line feed.
func (l *lines) finish() error {
	if l.dropping {
		return nil
	}
	number := l.s.line
	report, err := l.s.finish()
	if err == nil && report {
		err = l.report(nil, number)
	}
	if err != nil {
		return l.drop(err)
	}
	return nil
}
