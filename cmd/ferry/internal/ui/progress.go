package ui

import (
	"fmt"
	"io"
	"io/fs"
	"sync"
	"sync/atomic"
	"time"

	"github.com/vbauerster/mpb/v8"
	"github.com/vbauerster/mpb/v8/decor"
)

// A Progress shows how far a long step has come: on a terminal one line with a
// bar, bytes, rate and time left; elsewhere a line every five seconds; nothing
// when the run is quiet. It goes to standard error and has no colours. A nil
// progress shows nothing.
type Progress struct {
	stage string
	total int64 // bytes; 0 when not known
	Done  atomic.Int64
	began time.Time
	stop  func()
}

// logEvery is how often a line is written where there is no terminal.
const logEvery = 5 * time.Second

// logFrom is the size, in bytes, below which a log gets no such lines: what is
// smaller and takes long all the same is on its way to a refusal, which says
// what it has to say in two lines.
const logFrom = 256 << 20

// Progress begins to show a stage, named by a word such as "packing". The
// caller ends it.
func (e *Env) Progress(stage string, total int64) *Progress {
	if e.Quiet || e.NoProgress {
		return nil
	}
	p := &Progress{stage: stage, total: total, began: e.Now()}
	switch {
	case IsTerminal(e.Stderr):
		p.bar(e.Stderr)
	case total > 0 && total < logFrom:
		return nil
	default:
		p.lines(e)
	}
	return p
}

// End takes the bar away. It is harmless to call twice.
func (p *Progress) End() {
	if p != nil && p.stop != nil {
		p.stop()
		p.stop = nil
	}
}

// bar draws on a terminal, five times a second, from a count that the copying
// only adds to.
func (p *Progress) bar(w io.Writer) {
	c := mpb.New(mpb.WithOutput(w), mpb.WithWidth(30), mpb.WithRefreshRate(200*time.Millisecond))
	figures := decor.Any(func(s decor.Statistics) string { return p.figures(time.Now(), s.AvailableWidth < roomy) })
	before := decor.Name(p.stage + " ")
	var b *mpb.Bar
	if p.total > 0 {
		b = c.New(p.total, mpb.BarStyle().Lbound("[").Filler("=").Tip(">").Padding(" ").Rbound("]"),
			mpb.BarRemoveOnComplete(), mpb.PrependDecorators(before), mpb.AppendDecorators(figures))
	} else {
		b = c.New(0, mpb.SpinnerStyle("-", `\`, "|", "/"), mpb.BarRemoveOnComplete(), mpb.PrependDecorators(before), mpb.AppendDecorators(figures))
	}
	quit := make(chan struct{})
	var wg sync.WaitGroup
	wg.Go(func() {
		tick := time.NewTicker(200 * time.Millisecond)
		defer tick.Stop()
		for {
			select {
			case <-tick.C:
				if n := p.Done.Load(); p.total == 0 || n < p.total {
					b.SetCurrent(n) // reaching the total would take the bar away
				}
			case <-quit:
				return
			}
		}
	})
	p.stop = func() {
		close(quit)
		wg.Wait()
		b.Abort(true)
		c.Wait()
	}
}

// lines writes a line now and then, for a log.
func (p *Progress) lines(e *Env) {
	quit := make(chan struct{})
	var wg sync.WaitGroup
	wg.Go(func() {
		tick := time.NewTicker(logEvery)
		defer tick.Stop()
		for {
			select {
			case <-tick.C:
				fmt.Fprintf(e.Stderr, "%s: %s\n", p.stage, p.figures(e.Now(), false))
			case <-quit:
				return
			}
		}
	})
	p.stop = func() { close(quit); wg.Wait() }
}

// roomy is how many columns all figures take.
const roomy = 45

// figures are "30% of 4.0 GiB, 600.0 MiB/s, 5s left", as far as they are known;
// the size is left out where there is no room for all.
func (p *Progress) figures(now time.Time, short bool) string {
	n := p.Done.Load()
	s := Size(n)
	if p.total > 0 {
		s = fmt.Sprintf("%d%%", min(100, n*100/p.total))
		if !short {
			s += " of " + Size(p.total)
		}
	}
	elapsed := now.Sub(p.began)
	if elapsed < time.Second || n == 0 {
		return s
	}
	rate := float64(n) / elapsed.Seconds()
	s += ", " + Size(int64(rate)) + "/s"
	if left := p.total - n; left > 0 {
		s += ", " + time.Duration(float64(left)/rate*float64(time.Second)).Round(time.Second).String() + " left"
	}
	return s
}

// Add counts bytes that were read.
func (p *Progress) Add(n int) { p.Done.Add(int64(n)) }

// Reader counts what is read through it.
func (p *Progress) Reader(r io.Reader) io.Reader {
	if p == nil {
		return r
	}
	return &countedReader{r, p}
}

type countedReader struct {
	io.Reader
	p *Progress
}

func (c *countedReader) Read(b []byte) (int, error) {
	n, err := c.Reader.Read(b)
	c.p.Done.Add(int64(n))
	return n, err
}

// ReaderAt counts what is read through it.
func (p *Progress) ReaderAt(r io.ReaderAt) io.ReaderAt {
	if p == nil {
		return r
	}
	return countedReaderAt{r, p}
}

type countedReaderAt struct {
	r io.ReaderAt
	p *Progress
}

func (c countedReaderAt) ReadAt(b []byte, at int64) (int, error) {
	n, err := c.r.ReadAt(b, at)
	c.p.Done.Add(int64(n))
	return n, err
}

// Fs counts what is read of the files in it.
func (p *Progress) Fs(fsys fs.FS) fs.FS {
	if p == nil {
		return fsys
	}
	return countedFS{fsys, p}
}

type countedFS struct {
	fs.FS
	p *Progress
}

func (c countedFS) Open(name string) (fs.File, error) {
	f, err := c.FS.Open(name)
	if err != nil {
		return nil, err
	}
	if d, ok := f.(fs.ReadDirFile); ok {
		return countedFile{d, c.p}, nil
	}
	return f, nil
}

func (c countedFS) Lstat(name string) (fs.FileInfo, error) { return fs.Lstat(c.FS, name) }

func (c countedFS) ReadLink(name string) (string, error) { return fs.ReadLink(c.FS, name) }

type countedFile struct {
	fs.ReadDirFile
	p *Progress
}

func (c countedFile) Read(b []byte) (int, error) {
	n, err := c.ReadDirFile.Read(b)
	c.p.Done.Add(int64(n))
	return n, err
}

// FilesSize is the size of the files below a directory, in bytes.
func FilesSize(fsys fs.FS) (total int64) {
	// What goes wrong here is reported by those who read.
	fs.WalkDir(fsys, ".", func(_ string, e fs.DirEntry, err error) error {
		if err == nil && e.Type().IsRegular() {
			if info, err := e.Info(); err == nil {
				total += info.Size()
			}
		}
		return nil
	})
	return total
}
