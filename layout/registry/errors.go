package registry

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"strings"

	"oras.land/oras-go/v2/errdef"
	"oras.land/oras-go/v2/registry/remote/auth"
	"oras.land/oras-go/v2/registry/remote/errcode"

	"github.com/ociferry/ferry/layout"
)

// An Error is a request that a registry did not serve: it answered with an
// error, or it could not be reached, or the connection broke and went on
// breaking. What was asked for may be there all the same.
type Error struct {
	Reference string // HOST/REPOSITORY, with the tag or digest it was about
	Doing     string // what was under way, for people
	Status    int    // HTTP status of an error; 0 when there was no such answer
	Body      string // the answer, shortened; foreign
	By        string // who gave the answer, if not the registry itself: a token service or storage
	Err       error  // what went wrong otherwise
}

func (e *Error) Error() string {
	if e.Status < 400 {
		return fmt.Sprintf("%s: HTTP error %s: %v", e.Reference, e.Doing, e.Err)
	}
	answer := http.StatusText(e.Status)
	if e.Body != "" {
		answer = fmt.Sprintf("%q", e.Body)
	}
	if e.By != "" {
		answer += " (answered by " + layout.Printable(e.By) + ")"
	}
	switch e.Doing {
	case doingStart:
		return fmt.Sprintf("%s: upload initiation failed (%d): %s", e.Reference, e.Status, answer)
	case doingUpload:
		return fmt.Sprintf("%s: upload completion failed (%d): %s", e.Reference, e.Status, answer)
	}
	if tag, ok := strings.CutPrefix(e.Doing, doingTag); ok {
		return fmt.Sprintf("%s: manifest push failed for %s (%d): %s", e.Reference, tag, e.Status, answer)
	}
	return fmt.Sprintf("%s: registry returned %d %s: %s", e.Reference, e.Status, e.Doing, answer)
}

func (e *Error) Unwrap() error { return e.Err }

// A ContentError is content from a registry that is not what was asked for, or
// not what the registry itself says of it. Nothing of it is kept.
type ContentError struct {
	Reference string // HOST/REPOSITORY, with the tag or digest
	What      string // "manifest", "blob" or the like
	Err       error
}

func (e *ContentError) Error() string {
	return fmt.Sprintf("%s: the registry sent a wrong %s: %v", e.Reference, e.What, e.Err)
}

func (e *ContentError) Unwrap() error { return e.Err }

// A TagError says that an artifact was pushed, whole, but not all of its tags
// were set.
type TagError struct {
	Set  []string // tags that were set
	Tag  string   // the one that failed
	Rest []string // those that were not tried
	Err  error    // an *Error, or the cause of the context
}

func (e *TagError) Error() string {
	list := func(tags []string) string {
		if len(tags) == 0 {
			return "none"
		}
		return strings.Join(tags, ", ")
	}
	return fmt.Sprintf("%v; the artifact itself is there by its digest; tags set: %s; failed: %s; not tried: %s", e.Err, list(e.Set), e.Tag, list(e.Rest))
}

func (e *TagError) Unwrap() error { return e.Err }

// What is under way, as far as the texts of errors tell it apart.
const (
	doingStart  = "initiating upload"
	doingUpload = "completing upload"
	doingTag    = "pushing manifest "
)

// errDowngrade is a redirect or token service that plain HTTP would carry.
type errDowngrade struct{ host string }

func (e errDowngrade) Error() string {
	return fmt.Sprintf("refused to go on to %q over plain HTTP", e.host)
}

// explain makes an *Error of what a request came to, or leaves a *ContentError
// or an error of the disk as it is. Its text is fit to be shown.
func (c *Client) explain(ref, doing string, rec *record, err error) error {
	var content *ContentError
	var done *Error
	var disk *diskError
	var large *tooLargeError
	switch {
	case errors.As(err, &large) && large.limit != maxToken:
		return &ContentError{ref, "answer", large}
	case errors.As(err, &content) || errors.As(err, &done):
		return c.secrets.clean(err)
	case errors.As(err, &disk):
		return disk.error
	}
	e := &Error{Reference: ref, Doing: doing, Err: err}
	method, host, status, body := rec.last()
	if doing == doingStart && method == http.MethodPut {
		e.Doing = doingUpload
	}
	if status >= 400 && isAnswer(err) {
		e.Status, e.Body, e.Err = status, answer(body), err
		if name, _, _ := strings.Cut(ref, "/"); host != name && host != "registry-1."+name {
			e.By = host
		}
		if errors.Is(err, auth.ErrBasicCredentialNotFound) {
			e.Err = errNoCredential
		}
	} else if login := (*LoginError)(nil); errors.As(err, &login) {
		e.Err = login
	} else {
		e.Err = plainError(err, host)
	}
	return c.secrets.clean(e)
}

// isAnswer reports whether an error is the registry's answer itself, and not
// what went wrong after it: a credential helper that fails, or a challenge that
// cannot be met.
func isAnswer(err error) bool {
	var response *errcode.ErrorResponse
	var status statusError
	return errors.As(err, &response) || errors.As(err, &status) || errors.Is(err, errdef.ErrNotFound) || errors.Is(err, auth.ErrBasicCredentialNotFound)
}

var errNoCredential = errors.New("there is no credential for it")

// plainError takes the URL out of an error: it is long, and may hold a
// signature of somebody's storage.
func plainError(err error, host string) error {
	var u *url.Error
	if errors.As(err, &u) {
		if at, e := url.Parse(u.URL); e == nil && at.Host != "" {
			host = at.Host
		}
		return fmt.Errorf("%s: %w", layout.Printable(host), u.Err)
	}
	return err
}

// answer is what the body of an error says: the codes and messages of the
// specification where it has them ("Error codes").
func answer(body []byte) string {
	var doc struct {
		Errors []struct {
			Code    string `json:"code"`
			Message string `json:"message"`
		} `json:"errors"`
	}
	if json.Unmarshal(body, &doc) != nil || len(doc.Errors) == 0 {
		return string(body)
	}
	var all []string
	for _, e := range doc.Errors {
		all = append(all, strings.TrimSuffix(e.Code+": "+e.Message, ": "))
	}
	return strings.Join(all, "; ")
}

// cutTexts are in errors of net/http that have no type: of connections that
// broke, over HTTP/1.1 in the middle of a line too, and of streams over HTTP/2.
var cutTexts = []string{
	"server closed idle connection", "GOAWAY", "stream error: ", "connection error: ", "http2: client conn",
	"malformed HTTP", "malformed MIME header", "tls: bad record MAC",
}

// cut reports whether an error is that of a connection that broke or fell
// silent, so that another may do better.
func cut(err error) bool {
	var large *tooLargeError
	if errors.As(err, &large) {
		return false
	}
	text := err.Error()
	for _, t := range cutTexts {
		if strings.Contains(text, t) {
			return !strings.Contains(text, tlsAlert)
		}
	}
	var timeout interface{ Timeout() bool }
	return errors.Is(err, io.ErrUnexpectedEOF) || errors.Is(err, io.EOF) || errors.Is(err, errStalled) || errors.Is(err, net.ErrClosed) ||
		isReset(err) || errors.As(err, &timeout) && timeout.Timeout() && !errors.Is(err, context.Canceled)
}

// tlsAlert is how a server that speaks TLS answers to plain HTTP, as net/http
// quotes it.
const tlsAlert = `"\x15\x03`
