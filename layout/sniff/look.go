package sniff

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
)

// A form is a way to read content as something that holds more.
type form struct {
	name, mediaType string
	walk            func(l *looker, b *bufio.Reader, c *content)
}

// formsOf are the forms that the first bytes are right for.
func formsOf(head []byte, v verdict) (forms []form) {
	if h, err := parseTarHeader(head); err == nil && !h.end {
		forms = append(forms, form{"tar", typeTar, (*looker).tar})
	}
	has := func(magic string) bool { return bytes.HasPrefix(head, []byte(magic)) }
	switch {
	case has("\x1f\x8b"):
		forms = append(forms, form{"gzip", typeGzip, (*looker).gzip})
	case has("\x28\xb5\x2f\xfd"), len(head) >= 4 && head[0]&0xf0 == 0x50 && string(head[1:4]) == "\x2a\x4d\x18":
		forms = append(forms, form{"zstd", typeZstd, (*looker).zstd})
	case has("BZh") && v.mediaType == typeBzip2:
		forms = append(forms, form{"bzip2", typeBzip2, (*looker).bzip2})
	case has("PK\x03\x04"), has("PK\x05\x06"), has("PK00PK\x03\x04"), has("PK\x07\x08PK\x03\x04"):
		forms = append(forms, form{"zip", typeZip, (*looker).zip})
	}
	if len(forms) == 0 && v.text && base64Head(head) {
		forms = append(forms, form{"base64", "", (*looker).base64})
	}
	return forms
}

// content is one thing that is looked at.
type content struct {
	path  string // leads to it
	name  string // its own
	level int
	bare  bool // nothing but compressions lies around it
	aside bool // it is no entry, and no part of the nesting

	zipEnd int64 // where the directory of a zip file ends, once it was walked
}

// A looker is the state of one look at one content and all that lies in it.
type looker struct {
	ctx    context.Context
	budget *Budget
	f      *Findings
	o      Limits
	chain  []string
	spent  int64  // of o.Bytes
	memory int64  // bytes that decompressors may still set aside
	large  bool   // the one that may set aside more
	full   bool   // a limit was met, and said
	forked bool   // content was read in two ways already
	said   string // the damage that was said last
	saidAt string
	zipEnd [zipEndLen]byte // that of the zip file that was walked last
	depth  int             // looks under way
	*scratch
}

var errEnough = errors.New("more than is looked at")

// look tells what r is, and looks into it. It reads r to its end, unless that
// fails.
func (l *looker) look(r io.Reader, c *content) {
	if l.depth == len(l.levels) {
		l.levels = append(l.levels, bufio.NewReaderSize(nil, headLen))
	}
	b := l.levels[l.depth]
	l.depth++
	defer func() { l.depth-- }()
	s := newScan()
	defer scans.Put(s)
	b.Reset(io.TeeReader(r, s))
	head, err := b.Peek(headLen)
	if err != nil && err != io.EOF && len(head) == 0 {
		l.damaged(c.path, err)
		return
	}
	v := judge(head)
	l.head(c, s, v, head)
	if !c.aside {
		l.chain = append(l.chain, v.mediaType)
		defer func() { l.chain = l.chain[:len(l.chain)-1] }()
		if len(l.chain) > max(len(l.f.Nesting), 1) {
			l.f.Nesting = append([]string(nil), l.chain...)
		}
	}
	switch {
	case len(v.forms) == 0:
	case c.level >= l.o.Levels:
		l.f.Unseen.add(c.path, fmt.Sprintf("%s, nested deeper than %d levels", v.mediaType, max(l.o.Levels, 0)))
	case len(v.forms) == 1:
		v.forms[0].walk(l, b, c)
	default:
		l.both(b, c, v.forms)
	}
	if _, err := io.Copy(io.Discard, b); err != nil {
		l.damaged(c.path, err)
	}
	l.tail(c, s, v)
}

// both reads content as what it may be, the one beside the other.
func (l *looker) both(b *bufio.Reader, c *content, forms []form) {
	if l.forked {
		for _, f := range forms[1:] {
			l.f.Unseen.add(c.path, "can be read as "+f.name+" as well, which is not done here")
		}
		forms[0].walk(l, b, c)
		return
	}
	l.forked = true
	pr, pw := io.Pipe()
	other := &looker{ctx: l.ctx, budget: l.budget, f: &Findings{Nesting: l.f.Nesting}, o: l.o, chain: append([]string(nil), l.chain...), memory: forkMemory, forked: true, scratch: &scratch{}}
	done := make(chan struct{})
	at := *c
	go func() {
		defer close(done)
		forms[1].walk(other, bufio.NewReaderSize(pr, headLen), &at)
		io.Copy(io.Discard, pr)
	}()
	first := bufio.NewReaderSize(io.TeeReader(b, pw), headLen)
	forms[0].walk(l, first, c)
	io.Copy(io.Discard, first)
	pw.Close()
	<-done
	c.zipEnd = max(c.zipEnd, at.zipEnd)
	l.merge(other)
}

func (l *looker) merge(other *looker) {
	l.f.merge(other.f)
	l.full = l.full || other.full
	if other.zipEnd != [zipEndLen]byte{} {
		l.zipEnd = other.zipEnd
	}
}

// head says what the first bytes of a content are.
func (l *looker) head(c *content, s *scan, v verdict, head []byte) {
	if c.level == 0 && !c.aside {
		l.f.Type = v.mediaType
	}
	s.text, s.office = v.text, v.mediaType == typePDF || bytes.HasPrefix(head, []byte("\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1")) ||
		bytes.Contains(head[:min(len(head), 1024)], []byte("%PDF-"))
	switch w := scriptWord(head); {
	case v.class == executable:
		l.f.Executable.add(c.path, v.word)
	case w != "":
		l.f.Executable.add(c.path, w)
	default:
		if w := ByName(c.name); w != "" {
			l.f.Executable.add(c.path, w)
		}
	}
	switch {
	case v.class == encrypted:
		l.f.Encrypted.add(c.path, v.word)
	case v.class == closed:
		l.f.Unseen.add(c.path, v.word+" is not read here")
	case installed(v.mediaType):
		l.f.Unseen.add(c.path, v.word+" is not read here")
	case v.mediaType == unknown && len(v.forms) == 0 && !s.office && !certificate(head):
		word := "binary content of no known form"
		if random(head) {
			word = "looks random and is of no known form: encrypted or compressed, perhaps"
		}
		l.f.Unseen.add(c.path, word)
	}
}

// tail says what the rest of it has shown.
func (l *looker) tail(c *content, s *scan, v verdict) {
	s.finish()
	for _, f := range s.found {
		to := &l.f.Unseen
		word := f.word
		switch {
		case f.class == v.class && f.word == v.word: // said already
			continue
		case f.class == executable:
			to = &l.f.Executable
		case f.class == encrypted:
			to = &l.f.Encrypted
		default:
			word += " is not read here"
		}
		to.add(c.path, word)
	}
	// The end of a zip file that lies stored in this is the end of this as well.
	seen := s.end.at == c.zipEnd || c.zipEnd == 0 && s.end.record == l.zipEnd
	if s.end.at > 0 && !seen && s.size()-s.end.at <= zipEndLen+0xffff {
		l.f.Unseen.add(c.path, "ends as a zip file that is not looked into")
	}
}

// damaged says that reading failed, unless that was said.
func (l *looker) damaged(path string, err error) {
	word := "damaged: " + err.Error()
	if l.ctx.Err() == nil && !errors.Is(err, errEnough) && !(word == l.said && strings.HasPrefix(l.saidAt, path)) {
		l.said, l.saidAt = word, path
		l.f.Unseen.add(path, word)
	}
}

// Each entry of an archive costs as much as inflating these bytes.
const entryCost = 4 << 10

// spend takes n bytes of the limit and says whether they were there.
func (l *looker) spend(path string, n int64) bool {
	switch {
	case l.ctx.Err() != nil:
		l.full = true
	case l.full:
	case l.spent+n > l.o.Bytes:
		l.limit(path, fmt.Sprintf("inflates to more than %d bytes, the limit", l.o.Bytes))
	case !l.budget.spend(n):
		l.limit(path, "all that is carried inflates to more than the limit for it")
	default:
		l.spent += n
		return true
	}
	return false
}

// limit says once that a limit was met; everything after it is unseen.
func (l *looker) limit(path, what string) {
	if !l.full {
		l.full = true
		l.f.Unseen.add(path, what)
	}
}

func (l *looker) entry(path string) bool {
	if l.f.Entries >= l.o.Entries {
		l.limit(path, fmt.Sprintf("holds more than %d entries, the limit", l.o.Entries))
		return false
	}
	l.f.Entries++
	return l.spend(path, entryCost)
}

// inside looks at what lies in c.
func (l *looker) inside(r io.Reader, c *content, name string) {
	l.look(r, &content{path: join(c.path, name), name: name, level: c.level + 1})
}

// aside looks at what c carries beside its content, such as a comment. What is
// short and has no form is passed over.
func (l *looker) aside(r io.Reader, size int64, c *content, what string) {
	const short = 64
	if size <= short {
		var head [short]byte
		n, _ := io.ReadFull(r, head[:size])
		if v := judge(head[:n]); v.class == leaf && len(v.forms) == 0 {
			return
		}
		r = bytes.NewReader(head[:n])
	}
	if l.spend(c.path, entryCost) {
		l.look(r, &content{path: join(c.path, what), level: c.level + 1, aside: true})
	}
}

func join(path, name string) string {
	if len(name) > maxPath {
		name = name[:maxPath/2] + "..." + name[len(name)-maxPath/2:]
	}
	if path == "" {
		return name
	}
	if len(path) > 2*maxPath {
		path = path[:maxPath] + "..."
	}
	return path + " > " + name
}
