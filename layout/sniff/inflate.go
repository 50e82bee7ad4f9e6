package sniff

import (
	"bufio"
	"bytes"
	"compress/bzip2"
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"io"
	"strings"

	"github.com/ociferry/ferry/layout/compression"
)

func (l *looker) gzip(b *bufio.Reader, c *content) { l.stream(compression.Gzip, b, c) }

func (l *looker) zstd(b *bufio.Reader, c *content) { l.stream(compression.Zstd, b, c) }

func (l *looker) bzip2(b *bufio.Reader, c *content) {
	l.inflated(bzip2.NewReader(b), c)
}

func (l *looker) stream(f *compression.Format, b *bufio.Reader, c *content) {
	w := window{l: l}
	defer w.free()
	z, err := f.NewWatchedReader(b, compression.Watch{
		Aside: func(what string, size int64, r io.Reader) error {
			if what == "gzip name" { // what gzip -N calls it
				raw, err := io.ReadAll(r)
				if w := ByName(string(raw)); w != "" {
					l.f.Executable.add(join(c.path, string(raw)), w)
				}
				r = bytes.NewReader(raw)
				if err != nil {
					return err
				}
			}
			l.aside(r, size, c, what)
			if l.full {
				return errEnough
			}
			return nil
		},
		Window: func(n int64) error {
			if !w.grow(n + 256<<10) {
				l.f.Unseen.add(c.path, fmt.Sprintf("asks for %d bytes of memory to be inflated, more than is set aside for it", n))
				return errEnough
			}
			return nil
		},
	})
	if err != nil {
		l.damaged(c.path, err)
		return
	}
	defer z.Close()
	l.inflated(z, c)
}

// A window is memory that a decompressor sets aside.
type window struct {
	l     *looker
	held  int64
	large *scratch // the place of the one that takes more
}

// grow makes it n bytes at least, and says whether that may be. Who needs more
// than a walk has waits for the one place for that: its holder waits for none.
func (w *window) grow(n int64) bool {
	switch {
	case n <= w.held:
	case n-w.held <= w.l.memory:
		w.l.memory -= n - w.held
		w.held = n
	case n > compression.MaxWindow+256<<10:
		return false
	case w.large == nil && (w.l.forked || w.l.large):
		return false
	case w.large == nil:
		w.large = w.l.budget.take(w.l.budget.large)
		w.l.large = w.large != nil
		return w.l.large
	}
	return true
}

func (w *window) free() {
	w.l.memory += w.held
	if w.large != nil {
		w.l.large = false
		w.l.budget.large <- w.large
	}
}

// inflated looks at what comes out of a compression.
func (l *looker) inflated(r io.Reader, c *content) {
	name := c.name
	for _, suffix := range []string{".gz", ".zst", ".bz2"} {
		name = strings.TrimSuffix(name, suffix)
	}
	in := content{path: c.path, name: name, level: c.level + 1, bare: c.bare, aside: c.aside}
	l.look(&inflated{l: l, r: r, path: c.path}, &in)
}

// inflated counts what comes out of a compression and ends at the limit.
type inflated struct {
	l    *looker
	r    io.Reader
	path string
	n    int64
	err  error
}

func (i *inflated) Read(p []byte) (int, error) {
	p = p[:min(len(p), 64<<10)]
	n, err := i.r.Read(p)
	i.n += int64(n)
	i.l.f.Inflated += int64(n)
	if err != nil && err != io.EOF {
		i.err = err
	}
	if !i.l.spend(i.path, int64(n)) {
		return 0, errEnough
	}
	return n, err
}

// base64Head reports whether text is nothing but base64 or hexadecimal digits
// in lines, and what they stand for has a form that is known.
func base64Head(head []byte) bool {
	if len(head) < 24 {
		return false
	}
	line, _, _ := bytes.Cut(head, []byte("\n"))
	if len(bytes.TrimSpace(line)) < 16 && len(bytes.TrimSpace(line)) != len(bytes.TrimSpace(head)) {
		return false
	}
	decoded := make([]byte, headLen)
	n, _ := io.ReadFull(newDecoder(bytes.NewReader(head), head), decoded)
	if n < 12 {
		return false
	}
	v := judge(decoded[:n])
	if v.mediaType == typeGzip && decoded[2] != 8 {
		return false
	}
	return !v.text && !v.weak && (v.class != leaf || len(v.forms) > 0)
}

// base64 looks at what text of one of the two alphabets stands for.
func (l *looker) base64(b *bufio.Reader, c *content) {
	head, _ := b.Peek(headLen)
	in := content{path: c.path, name: strings.TrimSuffix(c.name, ".b64"), level: c.level + 1, aside: c.aside}
	l.look(&inflated{l: l, r: newDecoder(b, head), path: c.path}, &in)
}

// newDecoder decodes hexadecimal digits where head holds no other, else base64.
func newDecoder(r io.Reader, head []byte) io.Reader {
	if len(bytes.Trim(head, "0123456789abcdefABCDEF \t\r\n")) == 0 && onlyIn(head, "0123456789abcdefABCDEF \t\r\n") {
		return hex.NewDecoder(&without{r})
	}
	if bytes.ContainsAny(head, "-_") {
		return base64.NewDecoder(base64.RawURLEncoding, &without{r})
	}
	return base64.NewDecoder(base64.RawStdEncoding, &without{r})
}

func onlyIn(head []byte, set string) bool {
	return bytes.IndexFunc(head, func(r rune) bool { return !strings.ContainsRune(set, r) }) < 0
}

// without leaves out white space and padding.
type without struct{ r io.Reader }

func (w *without) Read(p []byte) (int, error) {
	n, err := w.r.Read(p)
	k := 0
	for _, c := range p[:n] {
		if c != ' ' && c != '\t' && c != '\r' && c != '\n' && c != '=' {
			p[k] = c
			k++
		}
	}
	return k, err
}
