package ui

import (
	"cmp"
	"context"
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"syscall"

	"github.com/ociferry/ferry/bundle"
	"github.com/ociferry/ferry/layout"
	"github.com/ociferry/ferry/layout/artifact"
	"github.com/ociferry/ferry/layout/compression"
	"github.com/ociferry/ferry/layout/durable"
)

// classify gives the errors of the libraries their exit code and next step.
func classify(err error) (code int, hint string) {
	var (
		reference *layout.ReferenceError
		corrupt   *layout.CorruptError
		missing   *layout.MissingError
		seal      *layout.SealError
		name      *layout.NameError
		format    *layout.FormatError
		docker    *layout.DockerError
		entry     *bundle.EntryError
		ratio     *bundle.RatioError
		stream    *compression.Error
		content   artifact.ContentError
		refused   *Refusal
		file      *artifact.FileError
		lost      *durable.ParkedError
	)
	var p *fs.PathError
	output := errors.As(err, &p) && p.Op == "create"
	switch {
	case errors.As(err, &refused):
		return CodeRefused, refused.hint()
	case errors.Is(err, layout.ErrUnsealed):
		return CodeRefused, "have it sealed and signed: ferry bundle SRC -o NEW.tar --sign KEY, or ferry sign for a layout directory"
	case errors.Is(err, layout.ErrEarly):
		return CodeRefused, "save it to a file and verify that: a file can be read twice, a stream cannot"
	case errors.As(err, &reference) && reference.Several:
		return CodeMisuse, "choose one with -t, for example -t " + layout.Printable(cmp.Or(reference.Choose, reference.Have[0]))
	case errors.As(err, &reference):
		return CodeMisuse, "ferry ls shows what is there"
	case errors.As(err, &content) && content.Refused():
		return CodeRefused, content.Remedy()
	case errors.As(err, &name):
		return CodeFailed, "give one of them another name, or put them into separate bundles"
	case layout.Incomplete(err) && errors.As(err, &missing):
		return CodeIncomplete, "copy the bundle again from where it was whole; what is there is sound, but not all of it is there"
	case errors.Is(err, layout.ErrNotLayout):
		return CodeBad, "give a layout directory, with oci-layout and index.json in it, or a tar of one; ferry pack makes one of any directory"
	case errors.As(err, &corrupt):
		return CodeBad, "do not use it: copy it again from the medium, or have it packed again, and verify that"
	case errors.As(err, &seal):
		return CodeBad, "if the change is wanted and trusted, ferry seal DIR seals a layout directory again; else get the bundle anew"
	case errors.Is(err, compression.ErrUnsupported):
		return CodeBad, "unpack it with its own tool first; ferry reads .tar, .tar.gz and .tar.zst"
	case errors.Is(err, io.ErrUnexpectedEOF) && errors.Is(err, bundle.ErrNotTar):
		return CodeBad, "this is shorter than any bundle: check the name, or copy it again from the medium if it was longer there"
	case errors.Is(err, io.ErrUnexpectedEOF) && errors.As(err, &stream):
		return CodeBad, "the file is cut short, or there are bytes behind its end: copy it again from the medium and compare its size"
	case errors.Is(err, io.ErrUnexpectedEOF) && errors.As(err, &entry):
		return CodeBad, "the file is cut short: copy it again from the medium and compare its size"
	case errors.Is(err, bundle.ErrNotTar):
		return CodeBad, "give a layout directory or a tar of one; ferry pack makes it"
	case errors.As(err, &ratio), errors.As(err, &entry):
		return CodeBad, "do not unpack it with another tool: this is not a bundle as ferry, oras or skopeo writes it, or it was damaged on the way"
	case errors.As(err, &stream):
		return CodeBad, "the file is damaged: copy it again from the medium and compare its size and checksum"
	case errors.As(err, &content):
		return CodeBad, "do not use it: " + content.Remedy()
	case errors.As(err, &docker):
		return CodeBad, "ferry bundle docker-archive:FILE -o OUT.tar carries what docker's manifest.json names, and the rest of the layout with it"
	case errors.Is(err, layout.ErrEmpty):
		return CodeBad, "give a layout that has something in it; ferry bundle SRC -o DIR --append fills an empty layout directory"
	case errors.As(err, &format):
		return CodeBad, "do not use it: it is not an OCI image layout as the specification has it; have it packed again"
	case errors.Is(err, artifact.ErrEmpty):
		return CodeFailed, "name the directory whose files are to be packed"
	case errors.As(err, &file) && file.Type != 0:
		return CodeFailed, "replace it by what it stands for, or remove it; or put a tar of the directory into another one, and pack that"
	case errors.As(err, &file):
		return CodeFailed, "rename it; or put a tar of the directory into another one, and pack that"
	case errors.Is(err, artifact.ErrTooMany):
		return CodeFailed, "put the files into a tar first, or pack several directories"
	case errors.Is(err, durable.ErrNotOurs):
		return CodeFailed, "look who made it, and remove it; or write into a directory where only you can write"
	case errors.Is(err, durable.ErrBusy):
		return CodeFailed, "wait until it has ended, or choose another output"
	case errors.Is(err, durable.ErrNotRegular):
		return CodeFailed, "if it is a symbolic link, name what it points to; else choose another name"
	case errors.Is(err, fs.ErrExist):
		return CodeFailed, "choose another name, or replace it with --overwrite"
	case errors.Is(err, syscall.ENOSPC), errors.Is(err, syscall.EDQUOT):
		return CodeFailed, "the disk is full, in bytes or in the number of files (df, df -i): free some there, or write to another one"
	case errors.As(err, &lost):
		return CodeFailed, "run the same command again, which puts it back first; or rename it yourself: mv " + ShellWord(lost.At) + " " + ShellWord(lost.Name)
	case errors.Is(err, syscall.EXDEV):
		return CodeFailed, "the file system does not rename this directory (it belongs to a lower layer of a container, or is a mount of its own): remove it first, or choose another name"
	case errors.Is(err, syscall.ENOMEM):
		return CodeFailed, "the system has no memory left for this: end other programs, or raise the limit (ulimit -v)"
	case errors.Is(err, syscall.EFBIG):
		return CodeFailed, "the file system or a limit does not allow a file of this size; write to another one"
	case errors.Is(err, syscall.ENOTDIR):
		return CodeFailed, "a part of this name is a file, where a directory is wanted: check the name"
	case errors.Is(err, syscall.EISDIR):
		return CodeFailed, "this is a directory, where a file is wanted: check the name"
	case errors.Is(err, syscall.ENAMETOOLONG):
		return CodeFailed, "the file system does not take a name of this length: choose a shorter one"
	case errors.Is(err, syscall.ELOOP):
		return CodeFailed, "a symbolic link stands here, and is not followed: name what it points to"
	case errors.Is(err, syscall.EMFILE), errors.Is(err, syscall.ENFILE):
		return CodeFailed, "the system allows no more open files: end other programs, or raise the limit (ulimit -n)"
	case errors.Is(err, syscall.EPIPE):
		return CodeFailed, "who reads the output has ended: look at the program behind the pipe"
	case errors.Is(err, syscall.EROFS):
		return CodeFailed, "the file system is read-only; write to another one"
	case errors.Is(err, fs.ErrNotExist) && output:
		return CodeFailed, "make the directory it goes into first, or check its name"
	case errors.Is(err, fs.ErrPermission) && output:
		return CodeFailed, "choose an output in a directory where you may write"
	case errors.Is(err, fs.ErrPermission):
		return CodeFailed, "check who owns it and its mode"
	case errors.Is(err, fs.ErrNotExist):
		return CodeFailed, "check the name and the directory it is in"
	case errors.Is(err, syscall.EIO):
		return CodeFailed, "the medium or disk could not be read or written: this is not a verdict on the content; try another drive or copy"
	case errors.Is(err, context.Canceled):
		return CodeFailed, ""
	}
	return CodeFailed, ""
}

// NoRoom says, where what waits in a directory for temporary files has filled
// it, how to take another one; "" is the system's.
func NoRoom(dir string, err error) error {
	if !errors.Is(err, syscall.ENOSPC) && !errors.Is(err, syscall.EDQUOT) {
		return err
	}
	more := ""
	if dir == "" || filepath.Clean(dir) == filepath.Clean(os.TempDir()) {
		dir, more = os.TempDir(), ", and so does the variable TMPDIR"
	}
	return Hinted(err, "there is no room in "+layout.Printable(dir)+" for what has to wait there: --tmpdir DIR chooses another directory"+more)
}
