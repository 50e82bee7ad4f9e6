package registry

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"net/http"
	"strconv"
	"time"
)

// How long is waited before another try: from firstWait, doubling, to maxWait;
// or as Retry-After asks, to maxAfter.
const (
	firstWait = 250 * time.Millisecond
	maxWait   = 30 * time.Second
	maxAfter  = 5 * time.Minute
)

// goodProgress is how far a blob must have come beyond where it ever was for the
// tries to be counted anew, in bytes: a large blob over a poor line is cut many
// times.
const goodProgress = 1 << 20

// try makes a request, and makes it again while there is hope. The error is an
// *Error, a *ContentError or the cause of the context.
func (c *Client) try(ctx context.Context, ref, doing string, request func(context.Context) error) error {
	for n := 0; ; n++ {
		rec := &record{}
		err := request(context.WithValue(ctx, recordKey{}, rec))
		if err == nil {
			return nil
		}
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
		if rec.gained {
			n = 0
		}
		wait, why := c.again(rec, err, n)
		if why == "" {
			return c.explain(ref, doing, rec, err)
		}
		if c.o.Log != nil {
			c.o.Log(fmt.Sprintf("%s: %s; trying again in %s", ref, why, wait.Round(100*time.Millisecond)))
		}
		t := time.NewTimer(wait)
		select {
		case <-ctx.Done():
			t.Stop()
			return context.Cause(ctx)
		case <-t.C:
		}
	}
}

// again says how long to wait before the next try and why there is one; no
// reason means that there is none.
func (c *Client) again(rec *record, err error, n int) (wait time.Duration, why string) {
	var content *ContentError
	var odd oddStatus
	if n >= c.o.Retry || errors.As(err, &content) {
		return 0, ""
	}
	wait = min(firstWait<<min(n, 10), maxWait)
	wait = wait*9/10 + rand.N(wait/5)
	rec.mu.Lock()
	defer rec.mu.Unlock()
	switch {
	case rec.status == http.StatusTooManyRequests, rec.status == http.StatusRequestTimeout, rec.status >= 500 && rec.status != http.StatusNotImplemented:
		why = fmt.Sprintf("registry returned %d", rec.status)
	case rec.status < 400 && errors.Is(err, errStalled):
		return wait, errStalled.Error()
	case rec.status < 400 && cut(err):
		return wait, "the connection was cut"
	case errors.As(err, &odd):
		return wait, odd.Error()
	default:
		return 0, ""
	}
	if after, ok := retryAfter(rec.after); ok {
		if after > maxAfter {
			return 0, ""
		}
		wait = max(after, wait)
	}
	return wait, why
}

// retryAfter reads the header (RFC 9110, section 10.2.3): seconds or a date.
func retryAfter(s string) (time.Duration, bool) {
	if n, err := strconv.ParseUint(s, 10, 32); err == nil {
		return time.Duration(n) * time.Second, true
	}
	if t, err := http.ParseTime(s); err == nil {
		return max(time.Until(t), 0), true
	}
	return 0, false
}
