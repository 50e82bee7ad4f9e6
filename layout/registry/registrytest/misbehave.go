package registrytest

import (
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"time"
)

// The handlers of this file are ways in which registries, and what stands
// before them, go wrong. A Registry's Hook chooses when.

// Raw answers with these bytes, whatever they are, and breaks the connection.
func Raw(text string) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		conn, _, err := http.NewResponseController(w).Hijack()
		if err != nil {
			panic(http.ErrAbortHandler) // over HTTP/2 the stream is reset
		}
		fmt.Fprint(conn, text)
		conn.Close()
	}
}

// Drip sends a status and headers at once, and then a byte of the body after
// each pause, as long as anybody waits for it.
func Drip(pause time.Duration, status int, body []byte, header ...string) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		set(w, header)
		w.Header().Set("Content-Length", strconv.Itoa(len(body)))
		w.WriteHeader(status)
		for i := range body {
			http.NewResponseController(w).Flush()
			select {
			case <-r.Context().Done():
				return
			case <-time.After(pause):
			}
			w.Write(body[i : i+1])
		}
	}
}

// Answer sends a whole answer.
func Answer(status int, body string, header ...string) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		set(w, header)
		w.WriteHeader(status)
		if r.Method != http.MethodHead {
			fmt.Fprint(w, body)
		}
	}
}

// Echo answers with a status and, after some words, with all that the request
// said: its headers, its query and its body.
func Echo(status int, words string, header ...string) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		r.ParseForm()
		var b strings.Builder
		b.WriteString(words)
		for _, name := range []string{"Authorization", "Proxy-Authorization"} {
			if v := r.Header.Get(name); v != "" {
				fmt.Fprintf(&b, " %s: %s", name, v)
			}
		}
		fmt.Fprintf(&b, " %s %s", r.Form.Encode(), r.Form)
		Answer(status, b.String(), header...)(w, r)
	}
}

// CutAt sends the first n bytes that are asked for of a blob, and breaks the
// connection.
func CutAt(data []byte, n int) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		from := first(r)
		if from > 0 {
			w.Header().Set("Content-Range", fmt.Sprintf("bytes %d-%d/%d", from, len(data)-1, len(data)))
		}
		w.Header().Set("Content-Length", strconv.Itoa(len(data)-from))
		if from > 0 {
			w.WriteHeader(http.StatusPartialContent)
		}
		w.Write(data[from : from+n])
		http.NewResponseController(w).Flush()
		panic(http.ErrAbortHandler)
	}
}

// first is the first byte that a request for a range asks for.
func first(r *http.Request) (n int) {
	fmt.Sscanf(r.Header.Get("Range"), "bytes=%d-", &n)
	return n
}

func set(w http.ResponseWriter, header []string) {
	for i := 0; i+1 < len(header); i += 2 {
		w.Header().Set(header[i], header[i+1])
	}
}
