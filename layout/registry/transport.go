package registry

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync"
	"syscall"
	"time"

	"github.com/ociferry/ferry/layout"
)

// A patience says how long a registry, or a program, is waited for.
type patience struct {
	silent time.Duration // for a byte of a blob that comes
	send   time.Duration // for the connection to take more of a blob
	small  time.Duration // for a whole answer that is no blob; a document of 4 MiB gets four minutes more
	upload time.Duration // for the answer to an upload: the registry may hash all of it first
	list   time.Duration // for a whole list, of tags or of referrers
	helper time.Duration // for a credential helper: it may ask its user something
}

var usual = patience{silent: time.Minute, send: 3 * time.Minute, small: time.Minute, upload: 10 * time.Minute, list: 15 * time.Minute, helper: 2 * time.Minute}

// The least rates, in bytes per second of waiting.
const (
	leastRate      = 1 << 10  // of a blob, over the time that it may be silent
	leastSmallRate = 16 << 10 // of anything else, after its first minute
)

// How much of an answer is read, in bytes. The limit for tokens is below that
// of the library, which takes what it has cut off for the end.
const (
	maxAnswer = 8 << 10 // of an error
	maxToken  = 128<<10 - 1
)

var errStalled = errors.New("too little came over the connection for too long")

// A tooLargeError is an answer, no blob, that is larger than the limit for it.
type tooLargeError struct {
	what  string
	limit int64
}

func (e *tooLargeError) Error() string {
	return fmt.Sprintf("larger than the limit of %d bytes for %s", e.limit, e.what)
}

func isReset(err error) bool {
	return errors.Is(err, syscall.ECONNRESET) || errors.Is(err, syscall.EPIPE) || errors.Is(err, syscall.ECONNABORTED)
}

// A record is what came of the last request that was made under a context.
type record struct {
	mu     sync.Mutex
	method string
	host   string
	status int
	body   []byte
	after  string // Retry-After
	gained bool   // enough of a blob came for the tries to be counted anew
}

type recordKey struct{}

func recordOf(ctx context.Context) *record {
	if r, ok := ctx.Value(recordKey{}).(*record); ok {
		return r
	}
	return &record{}
}

func (r *record) begin(method, host string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.method, r.host, r.status, r.body, r.after = method, host, 0, nil, ""
}

func (r *record) end(resp *http.Response, body []byte) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.status, r.body, r.after = resp.StatusCode, body, resp.Header.Get("Retry-After")
}

func (r *record) last() (method, host string, status int, body []byte) {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.method, r.host, r.status, r.body
}

// A gate is the one way out to the network for a registry, below credentials
// and redirects, so that nothing passes unseen.
type gate struct {
	host     string // of the registry, as requests name it
	plain    bool   // it is spoken to over plain HTTP
	open     bool   // plain HTTP was asked for
	token    string // sent to the registry with every request, or ""
	agent    string
	own      http.RoundTripper // to the registry
	other    http.RoundTripper // elsewhere: without the client's certificate
	patience *patience
	secrets  *secrets
}

func (g *gate) home(req *http.Request) bool {
	return strings.EqualFold(req.URL.Host, g.host) && (req.URL.Scheme == "http") == g.plain
}

func (g *gate) RoundTrip(req *http.Request) (*http.Response, error) {
	rec := recordOf(req.Context())
	rec.begin(req.Method, req.URL.Host)
	home := g.home(req)
	if req.URL.Scheme != "https" && (!g.plain || !home && !g.open && !loopback(req.URL.Host)) {
		if req.Body != nil {
			req.Body.Close()
		}
		return nil, errDowngrade{req.URL.Host}
	}
	ctx, cancel := context.WithCancelCause(req.Context())
	what := g.subject(req)
	req = req.Clone(ctx)
	req.Header.Set("User-Agent", g.agent)
	if home && g.token != "" && req.Header.Get("Authorization") == "" {
		req.Header.Set("Authorization", "Bearer "+g.token)
	}
	g.secrets.authorization(req.Header.Get("Authorization"))
	via := g.own
	if !home {
		via = g.other
		g.secrets.parameters(req.URL.Query())
	}
	w := &watch{patience: *g.patience, cancel: cancel, began: time.Now()}
	w.timer = time.AfterFunc(w.small, func() { cancel(errStalled) })
	sends := req.Body != nil && req.Body != http.NoBody
	if sends && what != token {
		w.timer.Reset(w.upload)
		if what == upload {
			req.Body = &sending{ReadCloser: req.Body, w: w, since: time.Now()}
		}
	}
	resp, err := via.RoundTrip(req)
	if err != nil {
		w.stop()
		return nil, instead(ctx, err)
	}
	body := &receiving{ReadCloser: resp.Body, w: w, ctx: ctx, blob: what == download && resp.StatusCode < 300}
	switch {
	case resp.StatusCode >= 400:
		body.limit = maxAnswer
	case what == token:
		body.limit, body.what = maxToken, "a token"
	case !body.blob:
		body.limit, body.what = layout.MaxDocument, "an answer that is no blob"
	}
	if sends {
		w.began = time.Now()
	}
	if w.extend(0); body.blob {
		w.timer.Stop()
	}
	resp.Body = body
	var head []byte
	if resp.StatusCode >= 400 {
		head, _ = io.ReadAll(io.LimitReader(body, maxAnswer)) // what cannot be read is not shown
		body.Close()
		resp.Body = io.NopCloser(strings.NewReader(string(head)))
	}
	rec.end(resp, head)
	return resp, nil
}

// What a request is about, as far as it says how long it may take.
type subject int

const (
	other    subject = iota
	download         // of a blob
	upload           // of a blob
	token            // from a service that hands out tokens
)

// subject goes back along redirects to the request that was made first, and
// looks at the end of its path ("Endpoints" in the distribution specification):
// what is none of the registry's is a token service.
func (g *gate) subject(req *http.Request) subject {
	first := req
	for first.Response != nil && first.Response.Request != nil {
		first = first.Response.Request
	}
	at := strings.Split(first.URL.Path, "/")
	of, name := at[max(0, len(at)-2)], at[len(at)-1]
	switch {
	case !g.home(first):
		return token
	case of == "manifests", of == "referrers", of == "tags" && name == "list", of == "v2" && name == "":
		return other
	case first.Method == http.MethodPut, first.Method == http.MethodPatch:
		return upload // to an address of the registry's choice
	case of == "blobs" && first.Method == http.MethodGet:
		return download
	case of == "blobs", of == "uploads":
		return other
	}
	return token
}

// instead is the error for a request that a watch has ended, or err.
func instead(ctx context.Context, err error) error {
	if err != nil && err != io.EOF && errors.Is(context.Cause(ctx), errStalled) {
		return errStalled
	}
	return err
}

// A watch ends a request that takes too long.
type watch struct {
	patience
	timer  *time.Timer
	cancel context.CancelCauseFunc
	began  time.Time
}

func (w *watch) stop() {
	w.timer.Stop()
	w.cancel(nil)
}

// extend gives an answer that is no blob the time that n bytes of it need.
func (w *watch) extend(n int64) {
	w.timer.Reset(time.Until(w.began.Add(w.small + time.Duration(n)*time.Second/leastSmallRate)))
}

// A pace is how fast the bytes of a blob go over a connection, measured in
// periods of waiting for it.
type pace struct {
	waited time.Duration
	bytes  int64
}

// slow adds what went while the connection was waited for, and reports whether
// that was too little over a whole period.
func (p *pace) slow(waited time.Duration, n int, period time.Duration) bool {
	p.waited += waited
	p.bytes += int64(n)
	if p.waited < period {
		return false
	}
	slow := p.bytes < int64(leastRate*period.Seconds())
	*p = pace{}
	return slow
}

// sending is the body of an upload under a watch. The connection is waited for
// between two readings.
type sending struct {
	io.ReadCloser
	w     *watch
	pace  pace
	since time.Time
}

func (b *sending) Read(p []byte) (int, error) {
	b.w.timer.Stop()
	if b.pace.slow(time.Since(b.since), 0, b.w.send) {
		b.w.cancel(errStalled)
	}
	n, err := b.ReadCloser.Read(p)
	b.pace.bytes += int64(n)
	b.since = time.Now()
	if err != nil {
		b.w.timer.Reset(b.w.upload)
	} else {
		b.w.timer.Reset(b.w.send)
	}
	return n, err
}

// receiving is the body of an answer under a watch.
type receiving struct {
	io.ReadCloser
	w    *watch
	ctx  context.Context
	blob bool
	pace pace

	what  string // with a limit: what is larger than that
	limit int64
	n     int64
}

func (b *receiving) Read(p []byte) (n int, err error) {
	if b.blob {
		start := time.Now()
		b.w.timer.Reset(b.w.silent)
		n, err = b.ReadCloser.Read(p)
		b.w.timer.Stop()
		if b.pace.slow(time.Since(start), n, b.w.silent) && err == nil {
			b.w.cancel(errStalled)
			err = errStalled
		}
		return n, instead(b.ctx, err)
	}
	n, err = b.ReadCloser.Read(p)
	if b.n += int64(n); b.n > b.limit && b.what != "" {
		return 0, &tooLargeError{b.what, b.limit}
	}
	b.w.extend(b.n)
	return n, instead(b.ctx, err)
}

func (b *receiving) Close() error {
	err := b.ReadCloser.Close()
	b.w.stop()
	return err
}
