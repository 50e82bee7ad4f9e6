package sniff

import (
	"archive/tar"
	"bufio"
	"bytes"
	"compress/bzip2"
	"compress/gzip"
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/ociferry/ferry/layout/compression"
)

// A Sniffer looks at content as it is written to it. Writing never fails: when
// it has seen enough, the rest passes. It is for one goroutine.
type Sniffer struct {
	name string
	o    Limits
	f    Findings
	head []byte
	pw   *io.PipeWriter // set while somebody reads
	done chan struct{}
	end  bool
}

// New is a Sniffer for content of this name, "" if it has none, and size in
// bytes.
func New(name string, size int64, o Limits) *Sniffer {
	if o.Levels == 0 {
		o.Levels = 4
	}
	if o.Entries == 0 {
		o.Entries = 1_000_000
	}
	if o.Bytes == 0 {
		o.Bytes = 64<<20 + 200*min(size, 1<<50)
	}
	return &Sniffer{name: name, o: o}
}

// Write takes the next bytes of the content.
func (s *Sniffer) Write(p []byte) (int, error) {
	switch {
	case s.end:
	case s.pw != nil:
		s.pw.Write(p) // fails when the reader has seen enough
	default:
		n := min(len(p), HeadLen-len(s.head))
		s.head = append(s.head, p[:n]...)
		if len(s.head) == HeadLen {
			s.start(p[n:])
		}
	}
	return len(p), nil
}

// start looks at the head, and reads on where there is more to see.
func (s *Sniffer) start(rest []byte) {
	if !opens(Type(s.head)) || s.o.Levels < 0 {
		s.look(bytes.NewReader(s.head))
		s.end = true
		return
	}
	pr, pw := io.Pipe()
	s.pw, s.done = pw, make(chan struct{})
	head := s.head
	go func() {
		defer close(s.done)
		s.look(io.MultiReader(bytes.NewReader(head), pr))
		pr.Close()
	}()
	s.pw.Write(rest)
}

func (s *Sniffer) look(r io.Reader) {
	l := &looker{f: &s.f, o: s.o}
	s.f.Type = l.look(r, "", s.name, 0)
}

// Close ends the content. Closing again does nothing.
func (s *Sniffer) Close() error {
	switch {
	case s.end:
	case s.pw != nil:
		s.pw.Close()
		<-s.done
	default:
		s.look(bytes.NewReader(s.head))
	}
	s.end = true
	return nil
}

// Findings are good when Close has returned.
func (s *Sniffer) Findings() *Findings { return &s.f }

// Sniff reads r to its end and says what it holds; see New. The error is that
// of r.
func Sniff(r io.Reader, name string, size int64, o Limits) (*Findings, error) {
	s := New(name, size, o)
	_, err := io.Copy(struct{ io.Writer }{s}, r)
	s.Close()
	return s.Findings(), err
}

// opens says whether there is more to see of a type than its head.
func opens(mediaType string) bool {
	switch mediaType {
	case typeGzip, typeZstd, typeBzip2, typeTar, typePDF:
		return true
	}
	return isZip(mediaType) || isOLE(mediaType)
}

// isZip knows the types that are zip files inside.
func isZip(t string) bool {
	return t == typeZip || t == "application/java-archive" || t == "application/vnd.android.package-archive" || t == "application/epub+zip" ||
		strings.HasPrefix(t, "application/vnd.openxmlformats-") || strings.HasPrefix(t, "application/vnd.oasis.opendocument.") ||
		t == "application/vnd.google-earth.kmz" || t == "application/vnd.sun.xml.calc" || t == "application/vnd.ms-visio.drawing.main+xml"
}

func isOLE(t string) bool {
	switch t {
	case typeOLE, "application/msword", "application/vnd.ms-excel", "application/vnd.ms-powerpoint", "application/vnd.ms-outlook",
		"application/vnd.ms-publisher", "application/x-ms-installer":
		return true
	}
	return false
}

// looker is the state of one look at one content.
type looker struct {
	f     *Findings
	o     Limits
	chain []string
	full  bool            // a limit was met, and said
	heads []*bufio.Reader // one a level, used again and again
}

var errEnough = errors.New("more than is looked at")

// look tells what r is, and looks into it. path leads to it, name is its own.
func (l *looker) look(r io.Reader, path, name string, level int) string {
	if level == len(l.heads) {
		l.heads = append(l.heads, bufio.NewReaderSize(nil, HeadLen))
	}
	b := l.heads[level]
	b.Reset(r)
	head, err := b.Peek(HeadLen)
	if err != nil && err != io.EOF && len(head) == 0 {
		if err != errEnough { // said already
			l.f.Unseen.add(path, "damaged: "+err.Error())
		}
		return Unknown
	}
	t := Type(head)
	l.chain = append(l.chain, t)
	defer func() { l.chain = l.chain[:len(l.chain)-1] }()
	if len(l.chain) > len(l.f.Nesting) {
		l.f.Nesting = append([]string(nil), l.chain...)
	}
	if w := executableWord(t, head, name); w != "" {
		l.f.Executable.add(path, w)
	}
	if w := encryptedWord(head); w != "" {
		l.f.Encrypted.add(path, w)
	} else if w := closed[t]; w != "" {
		l.f.Unseen.add(path, w+" is not read here")
	} else if t == Unknown && random(head) {
		l.f.Unseen.add(path, "looks random and is of no known form: encrypted or compressed, perhaps")
	}
	if !opens(t) {
		return t
	}
	if level >= l.o.Levels {
		l.f.Unseen.add(path, fmt.Sprintf("%s, nested deeper than %d levels", t, max(l.o.Levels, 0)))
		return t
	}
	switch {
	case t == typePDF:
		if search(b, []byte("/Encrypt")) {
			l.f.Encrypted.add(path, "PDF")
		}
	case isOLE(t):
		if search(b, utf16("EncryptedPackage")) {
			l.f.Encrypted.add(path, "Office file")
		}
	case t == typeTar:
		l.tar(b, path, level)
	case isZip(t):
		l.zip(b, path, level)
	default:
		l.inflate(b, t, path, name, level)
	}
	return t
}

func (l *looker) inflate(b *bufio.Reader, t, path, name string, level int) {
	var r io.Reader
	switch {
	case t == typeBzip2:
		r = bzip2.NewReader(b)
	case t == typeGzip && level > 0: // small, perhaps, and many
		z, err := gzip.NewReader(b)
		if err != nil {
			l.f.Unseen.add(path, "damaged: "+err.Error())
			return
		}
		r = z
	default:
		format := compression.Gzip
		if t == typeZstd {
			format = compression.Zstd
		}
		z, err := format.NewReader(b)
		if err != nil {
			l.f.Unseen.add(path, "damaged: "+err.Error())
			return
		}
		defer z.Close()
		r = z
	}
	for _, suffix := range []string{".gz", ".zst", ".bz2"} {
		name = strings.TrimSuffix(name, suffix)
	}
	l.look(&inflated{l, r, path}, path, name, level+1)
}

// inflated counts what comes out of a compression and ends at the limit.
type inflated struct {
	l    *looker
	r    io.Reader
	path string
}

func (i *inflated) Read(p []byte) (int, error) {
	left := i.l.o.Bytes - i.l.f.Inflated
	if left <= 0 {
		i.l.limit(i.path, fmt.Sprintf("inflates to more than %d bytes, the limit", i.l.o.Bytes))
		return 0, errEnough
	}
	n, err := i.r.Read(p[:min(int64(len(p)), left)])
	i.l.f.Inflated += int64(n)
	return n, err
}

// limit says once that a limit was met; everything behind it is unseen.
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
	return true
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

func (l *looker) tar(r io.Reader, path string, level int) {
	t := tar.NewReader(r)
	for {
		h, err := t.Next()
		if err == io.EOF {
			return
		}
		if err != nil {
			if !errors.Is(err, errEnough) {
				l.f.Unseen.add(path, "damaged: "+strings.TrimPrefix(err.Error(), "archive/tar: "))
			}
			return
		}
		if h.Typeflag != tar.TypeReg && h.Typeflag != tar.TypeGNUSparse {
			continue
		}
		if !l.entry(path) {
			return
		}
		var body io.Reader = t
		if h.Typeflag == tar.TypeGNUSparse || h.PAXRecords["GNU.sparse.major"] != "" || h.PAXRecords["GNU.sparse.size"] != "" {
			body = &inflated{l, t, path} // holes are as long as the header likes
		}
		if l.look(body, join(path, h.Name), h.Name, level+1); l.full {
			return
		}
	}
}

// search reads to the end and says whether what is in it.
func search(r io.Reader, what []byte) bool {
	buf := make([]byte, 32<<10)
	kept := 0
	for {
		n, err := r.Read(buf[kept:])
		if bytes.Contains(buf[:kept+n], what) {
			return true
		}
		all := kept + n
		keep := min(all, len(what)-1)
		copy(buf, buf[all-keep:all])
		kept = keep
		if err != nil {
			return false
		}
	}
}

func utf16(s string) []byte {
	var b []byte
	for _, c := range []byte(s) {
		b = append(b, c, 0)
	}
	return b
}
