package ui

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"

	"golang.org/x/term"
)

// An buffered is standard output behind the buffer that commands print to. No
// command asks whether each line got out: the buffer keeps the first error, and
// run ends with it.
type buffered struct {
	w     io.Writer
	begun bool // something has gone out
}

func (o *buffered) Write(p []byte) (int, error) {
	o.begun = true
	n, err := o.w.Write(p)
	var path *fs.PathError
	if errors.As(err, &path) {
		err = path.Err
	}
	if err != nil {
		err = Fail(0, fmt.Errorf("writing the answer to standard output: %w", err), "")
	}
	return n, err
}

// hold puts a buffer before standard output, so that small answers go out in
// one piece.
func (e *Env) hold() {
	e.out = &buffered{w: e.Stdout}
	e.Stdout = bufio.NewWriter(e.out)
}

// Flush sends what is held on its way. It is called before anything goes to
// standard error, so that both come in their order. The error is the first of
// all writing.
func (e *Env) Flush() error {
	if b, ok := e.Stdout.(*bufio.Writer); ok {
		return b.Flush()
	}
	return nil
}

// NoTerminal refuses an archive for standard output, asked for by a flag, that
// would go to a terminal.
func (e *Env) NoTerminal(flag, out string) error {
	if out != "-" || e.out == nil || !IsTerminal(e.out.w) {
		return nil
	}
	return Misuse(fmt.Errorf("%s -: standard output is a terminal, want a file or a pipe: a tar is not for reading", flag), flag+" FILE.tar writes a file; or send it on, for example | ssh HOST ferry unpack - -o DIR")
}

func IsTerminal(w io.Writer) bool {
	f, ok := w.(*os.File)
	return ok && term.IsTerminal(int(f.Fd()))
}

// Input is standard input for content. Where that is a terminal, a person sees
// nothing happen, and is told why.
func (e *Env) Input() io.ReadCloser {
	if e.Typed {
		e.Remark("reading standard input, which is a terminal: pipe a file into it, or name one; Ctrl-C ends it")
	}
	return io.NopCloser(e.Stdin)
}
