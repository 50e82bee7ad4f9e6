package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"strings"
	"syscall"
	"unicode"

	"github.com/ociferry/ferry/bundle"
	"github.com/ociferry/ferry/layout"
	"github.com/ociferry/ferry/layout/artifact"
	"github.com/ociferry/ferry/layout/compression"
	"github.com/ociferry/ferry/layout/durable"
	"github.com/ociferry/ferry/layout/lei"
)

// The exit codes.
const (
	codeGood       = 0
	codeFailed     = 1 // could not be done: no such file, no space, no permission
	codeMisuse     = 2 // the command line does not say what to do
	codeBad        = 3 // the content is not what it should be
	codeIncomplete = 4 // something is missing, and what is there is sound
	codeRefused    = 5 // refused by a rule, not by damage
)

// A failure is an error with the exit code and the next step that its place in
// the command gives it.
type failure struct {
	code int // 0: by the error
	err  error
	hint string // "": by the error
}

func (f *failure) Error() string { return f.err.Error() }
func (f *failure) Unwrap() error { return f.err }

func misuse(err error, hint string) error { return &failure{codeMisuse, err, hint} }

func hinted(err error, hint string) error {
	if err == nil {
		return nil
	}
	return &failure{0, err, hint}
}

// in names the file that an error is about.
func in(name string, err error) error {
	if err == nil {
		return nil
	}
	var p *fs.PathError
	if errors.As(err, &p) && p.Path == name {
		return err
	}
	return fmt.Errorf("%s: %w", layout.Printable(name), err)
}

// report prints an error, if there is one, in two lines, and says the exit
// code.
func (e *env) report(err error) int {
	if err == nil {
		return codeGood
	}
	e.flush()
	if code := signalCode(err); code != 0 {
		var kept *keptError
		left := "nothing unfinished was left behind"
		switch {
		case errors.As(err, &kept):
			left = kept.left
		case e.out != nil && e.out.begun:
			left = "what went to standard output is not whole"
		}
		fmt.Fprintf(e.stderr, "ferry: error: %s; %s\n", printableLine(err.Error()), printableLine(left))
		return code
	}
	code, hint := outcome(err)
	var refused *refusal
	if errors.As(err, &refused) && len(refused.violations) > 1 {
		for _, v := range refused.violations {
			fmt.Fprintf(e.stderr, "ferry: refused: %s\n", printableLine(v.String()))
		}
	}
	fmt.Fprintf(e.stderr, "ferry: error: %s\n", printableLine(err.Error()))
	if hint != "" {
		fmt.Fprintf(e.stderr, "ferry: hint: %s\n", printableLine(hint))
	}
	return code
}

// outcome is the exit code of an error and the next step.
func outcome(err error) (code int, hint string) {
	if code, hint = classifyRegistry(err); code == codeGood {
		code, hint = classify(err)
	}
	var f *failure
	for outer := err; errors.As(outer, &f); outer = f.err {
		if f.code != 0 {
			code = f.code
		}
		if f.hint != "" {
			hint = f.hint
		}
	}
	var kept *keptError
	if hint != "" && errors.As(err, &kept) {
		hint += "; " + kept.left
	}
	return code, hint
}

// classify gives the errors of the libraries their exit code and next step.
func classify(err error) (code int, hint string) {
	var (
		reference *layout.ReferenceError
		corrupt   *layout.CorruptError
		missing   *layout.MissingError
		seal      *layout.SealError
		name      *layout.NameError
		format    *layout.FormatError
		entry     *bundle.EntryError
		ratio     *bundle.RatioError
		stream    *compression.Error
		secrets   *lei.SecretsError
		snapshot  *lei.FormatError
		mismatch  *lei.MismatchError
		refused   *refusal
		file      *artifact.FileError
	)
	var p *fs.PathError
	output := errors.As(err, &p) && p.Op == "create"
	switch {
	case errors.As(err, &refused):
		return codeRefused, refused.hint()
	case errors.Is(err, layout.ErrUnsealed):
		return codeRefused, "have it sealed and signed: ferry bundle SRC -o NEW.tar --sign KEY, or ferry sign for a layout directory"
	case errors.Is(err, layout.ErrEarly):
		return codeRefused, "save it to a file and verify that: a file can be read twice, a stream cannot"
	case errors.As(err, &reference) && reference.Several:
		return codeMisuse, "choose one with -t, for example -t " + reference.Have[0]
	case errors.As(err, &reference):
		return codeMisuse, "ferry ls shows what is there"
	case errors.As(err, &secrets):
		return codeRefused, "ferry export --redact removes the values; --allow-secrets packs them as they are"
	case errors.As(err, &name):
		return codeFailed, "give one of them another name, or put them into separate bundles"
	case layout.Incomplete(err) && errors.As(err, &missing):
		return codeIncomplete, "copy the bundle again from where it was whole; what is there is sound, but not all of it is there"
	case errors.Is(err, layout.ErrNotLayout):
		return codeBad, "give a layout directory, with oci-layout and index.json in it, or a tar of one; ferry pack makes one of any directory"
	case errors.As(err, &corrupt):
		return codeBad, "do not use it: copy it again from the medium, or have it packed again, and verify that"
	case errors.As(err, &seal):
		return codeBad, "if the change is wanted and trusted, ferry seal DIR seals a layout directory again; else get the bundle anew"
	case errors.Is(err, compression.ErrUnsupported):
		return codeBad, "unpack it with its own tool first; ferry reads .tar, .tar.gz and .tar.zst"
	case errors.Is(err, io.ErrUnexpectedEOF) && errors.Is(err, bundle.ErrNotTar):
		return codeBad, "this is shorter than any bundle: check the name, or copy it again from the medium if it was longer there"
	case errors.Is(err, io.ErrUnexpectedEOF) && errors.As(err, &stream):
		return codeBad, "the file is cut short, or there are bytes behind its end: copy it again from the medium and compare its size"
	case errors.Is(err, io.ErrUnexpectedEOF) && errors.As(err, &entry):
		return codeBad, "the file is cut short: copy it again from the medium and compare its size"
	case errors.Is(err, bundle.ErrNotTar):
		return codeBad, "give a layout directory or a tar of one; ferry pack makes it"
	case errors.As(err, &ratio), errors.As(err, &entry):
		return codeBad, "do not unpack it with another tool: this is not a bundle as ferry, oras or skopeo writes it, or it was damaged on the way"
	case errors.As(err, &stream):
		return codeBad, "the file is damaged: copy it again from the medium and compare its size and checksum"
	case errors.As(err, &snapshot), errors.As(err, &mismatch):
		return codeBad, "do not use it: have the snapshot exported and packed again"
	case errors.As(err, &format):
		return codeBad, "do not use it: it is not an OCI image layout as the specification has it; have it packed again"
	case errors.Is(err, artifact.ErrEmpty):
		return codeFailed, "name the directory whose files are to be packed"
	case errors.As(err, &file) && file.Type != 0:
		return codeFailed, "replace it by what it stands for, or remove it; or put a tar of the directory into another one, and pack that"
	case errors.As(err, &file):
		return codeFailed, "rename it; or put a tar of the directory into another one, and pack that"
	case errors.Is(err, artifact.ErrTooMany):
		return codeFailed, "put the files into a tar first, or pack several directories"
	case errors.Is(err, durable.ErrBusy):
		return codeFailed, "wait until it has ended, or choose another output"
	case errors.Is(err, durable.ErrNotRegular):
		return codeFailed, "if it is a symbolic link, name what it points to; else choose another name"
	case errors.Is(err, fs.ErrExist):
		return codeFailed, "choose another name, or replace it with --overwrite"
	case errors.Is(err, syscall.ENOSPC), errors.Is(err, syscall.EDQUOT):
		return codeFailed, "the disk is full: free space there, or write to another one"
	case errors.Is(err, syscall.EFBIG):
		return codeFailed, "the file system or a limit does not allow a file of this size; write to another one"
	case errors.Is(err, syscall.ENOTDIR):
		return codeFailed, "a part of this name is a file, where a directory is wanted: check the name"
	case errors.Is(err, syscall.EISDIR):
		return codeFailed, "this is a directory, where a file is wanted: check the name"
	case errors.Is(err, syscall.ENAMETOOLONG):
		return codeFailed, "the file system does not take a name of this length: choose a shorter one"
	case errors.Is(err, syscall.ELOOP):
		return codeFailed, "a symbolic link stands here, and is not followed: name what it points to"
	case errors.Is(err, syscall.EMFILE), errors.Is(err, syscall.ENFILE):
		return codeFailed, "the system allows no more open files: end other programs, or raise the limit (ulimit -n)"
	case errors.Is(err, syscall.EPIPE):
		return codeFailed, "who reads the output has ended: look at the program behind the pipe"
	case errors.Is(err, syscall.EROFS):
		return codeFailed, "the file system is read-only; write to another one"
	case errors.Is(err, fs.ErrNotExist) && output:
		return codeFailed, "make the directory it goes into first, or check its name"
	case errors.Is(err, fs.ErrPermission) && output:
		return codeFailed, "choose an output in a directory where you may write"
	case errors.Is(err, fs.ErrPermission):
		return codeFailed, "check who owns it and its mode"
	case errors.Is(err, fs.ErrNotExist):
		return codeFailed, "check the name and the directory it is in"
	case errors.Is(err, syscall.EIO):
		return codeFailed, "the medium or disk could not be read or written: this is not a verdict on the content; try another drive or copy"
	case errors.Is(err, context.Canceled):
		return codeFailed, ""
	}
	return codeFailed, ""
}

// printableLine is the last wall before a terminal or a log: one line, and no
// control character whatever the text is made of.
func printableLine(s string) string {
	var b strings.Builder
	for _, r := range s {
		switch {
		case r == '\n' || r == '\t':
			b.WriteByte(' ')
		case !unicode.IsPrint(r):
			fmt.Fprintf(&b, "\\u%04x", r)
		default:
			b.WriteRune(r)
		}
	}
	return b.String()
}
