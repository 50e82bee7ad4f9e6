package registry

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net/http"
	"strings"
	"sync"
	"syscall"
	"time"
)

// How long a connection may be silent. An upload's answer takes longer: the
// registry may hash all of it first.
const (
	stallRead  = 60 * time.Second
	stallWrite = 10 * time.Minute
)

// maxAnswer is how much of an error's body is looked at.
const maxAnswer = 2 << 10

var errStalled = errors.New("the connection fell silent")

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
	gained int64  // bytes of a blob that came and were kept
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
	host  string // of the registry, as requests name it
	plain bool   // it is spoken to over plain HTTP
	open  bool   // plain HTTP was asked for
	token string // sent to the registry with every request, or ""
	agent string
	own   http.RoundTripper // to the registry
	other http.RoundTripper // elsewhere: without the client's certificate
}

func (g *gate) RoundTrip(req *http.Request) (*http.Response, error) {
	rec := recordOf(req.Context())
	rec.begin(req.Method, req.URL.Host)
	home := strings.EqualFold(req.URL.Host, g.host) && (req.URL.Scheme == "http") == g.plain
	if req.URL.Scheme != "https" && (!g.plain || !home && !g.open && !loopback(req.URL.Host)) {
		if req.Body != nil {
			req.Body.Close()
		}
		return nil, errDowngrade{req.URL.Host}
	}
	ctx, cancel := context.WithCancelCause(req.Context())
	req = req.Clone(ctx)
	req.Header.Set("User-Agent", g.agent)
	if home && g.token != "" && req.Header.Get("Authorization") == "" {
		req.Header.Set("Authorization", "Bearer "+g.token)
	}
	limit := stallRead
	if req.Body != nil && req.Body != http.NoBody {
		limit = stallWrite
	}
	w := &watch{limit: limit, cancel: cancel}
	w.timer = time.AfterFunc(limit, func() { cancel(errStalled) })
	if req.Body != nil && req.Body != http.NoBody {
		req.Body = &watched{ReadCloser: req.Body, w: w}
	}
	via := g.other
	if home {
		via = g.own
	}
	resp, err := via.RoundTrip(req)
	if err != nil {
		w.stop()
		if errors.Is(context.Cause(ctx), errStalled) {
			err = errStalled
		}
		return nil, err
	}
	resp.Body = &watched{ReadCloser: resp.Body, w: w, ctx: ctx, last: true}
	var head []byte
	if resp.StatusCode >= 400 {
		var b bytes.Buffer
		io.Copy(&b, io.LimitReader(resp.Body, maxAnswer)) // what cannot be read is not shown
		head = b.Bytes()
		resp.Body = struct {
			io.Reader
			io.Closer
		}{io.MultiReader(bytes.NewReader(head), resp.Body), resp.Body}
	}
	rec.end(resp, head)
	return resp, nil
}

// A watch ends a request whose connection falls silent.
type watch struct {
	limit  time.Duration
	timer  *time.Timer
	cancel context.CancelCauseFunc
}

func (w *watch) stop() {
	w.timer.Stop()
	w.cancel(nil)
}

// watched is a body under a watch.
type watched struct {
	io.ReadCloser
	w    *watch
	ctx  context.Context
	last bool // the answer, with which the request ends
}

func (b *watched) Read(p []byte) (int, error) {
	n, err := b.ReadCloser.Read(p)
	if n > 0 {
		b.w.timer.Reset(b.w.limit)
	}
	if err != nil && err != io.EOF && b.ctx != nil && errors.Is(context.Cause(b.ctx), errStalled) {
		err = errStalled
	}
	return n, err
}

func (b *watched) Close() error {
	err := b.ReadCloser.Close()
	if b.last {
		b.w.stop()
	}
	return err
}
