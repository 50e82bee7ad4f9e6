package main

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"

	"golang.org/x/term"
)

// An outlet is standard output behind the buffer that commands print to. No
// command asks whether each line got out: the buffer keeps the first error, and
// run ends with it.
type outlet struct {
	w     io.Writer
	begun bool // something has gone out
}

func (o *outlet) Write(p []byte) (int, error) {
	o.begun = true
	n, err := o.w.Write(p)
	var path *fs.PathError
	if errors.As(err, &path) {
		err = path.Err
	}
	if err != nil {
		err = &failure{0, fmt.Errorf("writing the answer to standard output: %w", err), ""}
	}
	return n, err
}

// hold puts a buffer before standard output, so that small answers go out in
// one piece.
func (e *env) hold() {
	e.out = &outlet{w: e.stdout}
	e.stdout = bufio.NewWriter(e.out)
}

// flush sends what is held on its way. It is called before anything goes to
// standard error, so that both come in their order. The error is the first of
// all writing.
func (e *env) flush() error {
	if b, ok := e.stdout.(*bufio.Writer); ok {
		return b.Flush()
	}
	return nil
}

// noTerminal refuses an archive for standard output, asked for by a flag, that
// would go to a terminal.
func (e *env) noTerminal(flag, out string) error {
	if out != "-" || e.out == nil || !isTerminal(e.out.w) {
		return nil
	}
	return misuse(fmt.Errorf("%s -: standard output is a terminal, want a file or a pipe: a tar is not for reading", flag), flag+" FILE.tar writes a file; or send it on, for example | ssh HOST ferry unpack - -o DIR")
}

func isTerminal(w io.Writer) bool {
	f, ok := w.(*os.File)
	return ok && term.IsTerminal(int(f.Fd()))
}

// input is standard input for content. Where that is a terminal, a person sees
// nothing happen, and is told why.
func (e *env) input() io.ReadCloser {
	if e.typed {
		e.remark("reading standard input, which is a terminal: pipe a file into it, or name one; Ctrl-C ends it")
	}
	return io.NopCloser(e.stdin)
}
