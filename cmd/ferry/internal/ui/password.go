package ui

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"

	"github.com/urfave/cli/v2"
	"golang.org/x/term"
)

const PasswordHint = "set COSIGN_PASSWORD, hand it over with --password-stdin, or run it on a terminal, which asks for it; it is never an argument, which other users could see"

func PasswordFlag() cli.Flag {
	return &cli.BoolFlag{Name: "password-stdin", Usage: "read the private key's password from standard input"}
}

// Password is that of a private key: from standard input, the environment, or
// a terminal. A new one is asked for twice.
func (e *Env) Password(ctx context.Context, fromStdin, fresh bool) ([]byte, error) {
	if fromStdin {
		data, err := readLimited(e.Stdin, 1<<10)
		if err != nil {
			return nil, fmt.Errorf("--password-stdin: %w", err)
		}
		data = bytes.TrimSuffix(data, []byte("\n"))
		return bytes.TrimSuffix(data, []byte("\r")), nil
	}
	if p, ok := e.Lookup("COSIGN_PASSWORD"); ok {
		return []byte(p), nil
	}
	if e.Ask == nil {
		return nil, Misuse(errors.New("the private key wants a password, and there is no terminal to ask for it"), PasswordHint)
	}
	p, err := e.Ask(ctx, "password of the private key: ")
	if err != nil || !fresh {
		return p, err
	}
	again, err := e.Ask(ctx, "the same again: ")
	if err == nil && !bytes.Equal(p, again) {
		err = Misuse(errors.New("the two passwords differ"), "run it again")
	}
	return p, err
}

var errNoTerminal = Misuse(errors.New("the private key wants a password, and there is no terminal to ask for it"), PasswordHint)

// AskTerminal asks on the terminal without showing what is typed, also where
// standard input is something else.
func AskTerminal(ctx context.Context, prompt string) ([]byte, error) {
	in, out := os.Stdin, os.Stderr
	if tty, err := os.OpenFile("/dev/tty", os.O_RDWR, 0); err == nil {
		defer tty.Close()
		in, out = tty, tty
	}
	fd := int(in.Fd())
	before, err := term.GetState(fd)
	if err != nil {
		return nil, errNoTerminal
	}
	type answer struct {
		p   []byte
		err error
	}
	c := make(chan answer, 1)
	fmt.Fprint(out, prompt)
	go func() {
		p, err := term.ReadPassword(fd)
		c <- answer{p, err}
	}()
	select {
	case a := <-c:
		fmt.Fprintln(out)
		return a.p, a.err
	case <-ctx.Done(): // the terminal shows again what is typed
		term.Restore(fd, before)
		fmt.Fprintln(out)
		return nil, context.Cause(ctx)
	}
}

// readLimited reads all of a small file. More than limit bytes is an error.
func readLimited(r io.Reader, limit int64) ([]byte, error) {
	data, err := io.ReadAll(io.LimitReader(r, limit+1))
	if err == nil && int64(len(data)) > limit {
		err = fmt.Errorf("too large, the limit is %d bytes", limit)
	}
	return data, err
}

// Secret reads the one line of standard input that is a secret.
func (e *Env) Secret(flag string) (string, error) {
	const limit = 64 << 10
	line, err := bufio.NewReader(io.LimitReader(e.Stdin, limit+1)).ReadString('\n')
	if err != nil && err != io.EOF {
		return "", err
	}
	line = strings.TrimRight(line, "\r\n")
	switch {
	case len(line) >= limit:
		return "", Misuse(fmt.Errorf("%s: want a line of less than %d bytes, found more", flag, limit), "")
	case line == "" && flag == "--password-stdin":
		return "", Misuse(errors.New("--password-stdin: standard input is empty"), "pipe the password in, for example from a file")
	}
	return line, nil
}
