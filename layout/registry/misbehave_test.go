package registry_test

import (
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"log"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	v1 "github.com/opencontainers/image-spec/specs-go/v1"

	"github.com/ociferry/ferry/layout/registry"
	"github.com/ociferry/ferry/layout/registry/registrytest"
)

const (
	manifestPath = "GET /v2/team/app/manifests/v1"
	tokenPath    = "GET /token"
)

// challenge has a registry ask for a token from its own /token, which answers.
func challenge(w *world, answer http.HandlerFunc) hook {
	return func(rw http.ResponseWriter, r *http.Request) bool {
		switch {
		case r.URL.Path == "/token":
			answer(rw, r)
		case r.URL.Path == "/v2/" || r.Header.Get("Authorization") != "":
			return false
		default:
			registrytest.Answer(401, "", "WWW-Authenticate", fmt.Sprintf(`Bearer realm="%s/token",service="test"`, w.srv.URL))(rw, r)
		}
		return true
	}
}

// pulling is a pull of all that refers to the artifact too.
var pulling = registry.PullOptions{Referrers: true}

// A registry that sends a byte now and then holds nobody for long, whatever it
// is that it sends so.
func TestDrip(t *testing.T) {
	const limit = 300 * time.Millisecond
	slowly := func(status int, body []byte, header ...string) http.HandlerFunc {
		return registrytest.Drip(20*time.Millisecond, status, body, header...)
	}
	list := []byte(`{"tags":[` + strings.Repeat(" ", 5000) + `]}`)
	for name, hook := range map[string]func(*world) hook{
		"a manifest": func(w *world) hook {
			return once(99, manifestPath, slowly(200, w.doc, "Content-Type", v1.MediaTypeImageManifest))
		},
		"the body of an error": func(w *world) hook { return once(99, manifestPath, slowly(404, make([]byte, 5000))) },
		"a token":              func(w *world) hook { return challenge(w, slowly(200, make([]byte, 5000))) },
		"a blob":               func(w *world) hook { return once(99, "/blobs/"+registrytest.Digest(w.layer), slowly(200, w.layer)) },
		"a page of referrers": func(w *world) hook {
			return once(99, "/referrers/", slowly(200, list, "Content-Type", v1.MediaTypeImageIndex))
		},
		"a page of tags": func(w *world) hook { return once(99, "/tags/list", slowly(200, list)) },
		"tags without end": func(w *world) hook {
			return once(1<<20, "/tags/list", func(rw http.ResponseWriter, r *http.Request) {
				time.Sleep(limit / 5)
				registrytest.Answer(200, `{"tags":["a"]}`, "Link", `</v2/team/app/tags/list?last=a>; rel="next"`)(rw, r)
			})
		},
		"headers": func(w *world) hook {
			return once(99, manifestPath, func(rw http.ResponseWriter, r *http.Request) {
				conn, _, err := http.NewResponseController(rw).Hijack()
				for ; err == nil; time.Sleep(20 * time.Millisecond) {
					_, err = conn.Write([]byte("H"))
				}
			})
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t, 5000)
			w.hook(hook(w))
			c := w.client()
			c.Hurry(limit)
			start := time.Now()
			var err error
			if strings.Contains(name, "tags") {
				_, err = c.Tags(context.Background(), w.ref)
			} else {
				_, _, err = w.pull(c, pulling)
			}
			var failed *registry.Error
			if !errors.As(err, &failed) || time.Since(start) > 20*limit {
				t.Errorf("want an Error soon, found %v after %v", err, time.Since(start))
			}
		})
	}
}

// A line that is slow, but not too slow, is waited for.
func TestSlowLine(t *testing.T) {
	w := newWorld(t, 3000)
	w.hook(once(9, "/blobs/"+registrytest.Digest(w.layer), func(rw http.ResponseWriter, r *http.Request) {
		for i := 0; i < len(w.layer); i += 300 { // 2400 bytes a second, where 1024 are the least
			rw.Write(w.layer[i : i+300])
			http.NewResponseController(rw).Flush()
			time.Sleep(125 * time.Millisecond)
		}
	}))
	c := w.client()
	c.Hurry(400 * time.Millisecond)
	if _, _, err := w.pull(c, registry.PullOptions{}); err != nil {
		t.Error(err)
	}
}

// A registry that takes no more of an upload is left in the end.
func TestUploadStalls(t *testing.T) {
	w := newWorld(t, 10)
	done := make(chan struct{})
	t.Cleanup(func() { close(done) }) // a server that does not read does not see its client go
	w.hook(once(9, "PUT ", func(http.ResponseWriter, *http.Request) { <-done }))
	c, d := contents(t, w.t.TempDir(), noise(32<<20))
	client := w.client()
	client.Hurry(300 * time.Millisecond)
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	_, err := client.Push(ctx, c, d, registry.Reference{Host: w.host, Repository: "x"}, nil, nil)
	var failed *registry.Error
	if !errors.As(err, &failed) || !strings.Contains(err.Error(), "too little came") {
		t.Errorf("want an Error about the time, found %v", err)
	}
}

// A connection that breaks is a cut wherever it breaks, and is tried again.
func TestCutsAreTriedAgain(t *testing.T) {
	head := "HTTP/1.1 200 OK\r\nContent-Type: " + v1.MediaTypeImageManifest + "\r\n"
	for name, text := range map[string]string{
		"before the answer":     "",
		"in the protocol":       "HT",
		"in the status":         "HTTP/1.1 2",
		"after the status":      "HTTP/1.1 200 OK\r\n",
		"in a header's name":    head + "Content-Le",
		"in a header's value":   head + "Content-Length: 1",
		"before the body":       head + "Content-Length: 100\r\n\r\n",
		"in the body":           head + "Content-Length: 100\r\n\r\n{",
		"in a chunk's length":   head + "Transfer-Encoding: chunked\r\n\r\n5",
		"between two chunks":    head + "Transfer-Encoding: chunked\r\n\r\n1\r\n{\r\n",
		"in an error's headers": "HTTP/1.1 404 Not Found\r\nContent-",
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t, 10)
			w.hook(once(2, manifestPath, registrytest.Raw(text)))
			if _, _, err := w.pull(w.client(retry(2)), registry.PullOptions{}); err != nil {
				t.Error(err)
			}
		})
	}
	t.Run("a stream of HTTP/2", func(t *testing.T) {
		w := newWorld(t, 300_000)
		srv := httptest.NewUnstartedServer(w.reg)
		srv.EnableHTTP2 = true
		srv.Config.ErrorLog = log.New(io.Discard, "", 0)
		srv.StartTLS()
		defer srv.Close()
		w.ref.Host = strings.TrimPrefix(srv.URL, "https://")
		var two atomic.Bool
		cut := once(2, "/blobs/"+registrytest.Digest(w.layer), registrytest.CutAt(w.layer, 100_000))
		w.hook(func(rw http.ResponseWriter, r *http.Request) bool {
			two.Store(r.ProtoMajor == 2)
			return cut(rw, r)
		})
		insecure := func(o *registry.Options) { o.Insecure = true }
		if _, _, err := w.pull(w.client(retry(2), insecure), registry.PullOptions{}); err != nil || !two.Load() {
			t.Errorf("over HTTP/2 %v: %v", two.Load(), err)
		}
	})
	// What speaks another protocol is no cut.
	w := newWorld(t, 10)
	w.hook(once(9, manifestPath, registrytest.Raw("\x15\x03\x01\x00\x02\x02\x46")))
	_, _, err := w.pull(w.client(retry(3)), registry.PullOptions{})
	if n := len(w.reg.Requests(manifestPath)); err == nil || n != 1 {
		t.Errorf("TLS in answer to HTTP: %d requests, %v", n, err)
	}
}

// Tries are counted anew only when a blob is further than it ever was.
func TestTriesAreCounted(t *testing.T) {
	for name, noRange := range map[string]bool{"each cut further on": false, "each from the beginning": true} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t, 6<<20)
			at := "/blobs/" + registrytest.Digest(w.layer)
			w.hook(once(4, at, func(rw http.ResponseWriter, r *http.Request) {
				if noRange {
					r.Header.Del("Range")
				}
				registrytest.CutAt(w.layer, 5<<18)(rw, r)
			}))
			_, _, err := w.pull(w.client(retry(2)), registry.PullOptions{})
			if (err != nil) != noRange {
				t.Errorf("found %v", err)
			}
			if n := len(w.reg.Requests("GET .*" + at)); noRange && n > 4 {
				t.Errorf("%d requests", n)
			}
		})
	}
}

// Where the rest of a blob is not to be had alone, all of it is fetched.
func TestRangeFallsBack(t *testing.T) {
	const size, have = 300_000, 100_000
	part := func(contentRange string, from, to int, header ...string) func(*world) http.HandlerFunc {
		return func(w *world) http.HandlerFunc {
			return registrytest.Answer(206, string(w.layer[from:to]), append(header, "Content-Range", contentRange)...)
		}
	}
	for name, answer := range map[string]func(*world) http.HandlerFunc{
		"a shorter part":    part("bytes 100000-199999/300000", have, 200_000),
		"another part":      part("bytes 0-199999/300000", 0, 200_000),
		"another size":      part("bytes 100000-299999/300001", have, size),
		"a part and no end": part("bytes 100000-", have, size),
		"another's bytes":   part("bytes 100000-299999/300000", 0, 200_000),
		"too many bytes":    part("bytes 100000-299999/300000", 50_000, size, "X-Any", "1"),
		"not satisfiable": func(w *world) http.HandlerFunc {
			return registrytest.Answer(416, "", "Content-Range", "bytes */300000")
		},
		"several parts": func(w *world) http.HandlerFunc {
			head := "--x\r\nContent-Type: application/octet-stream\r\nContent-Range: bytes 100000-299999/300000\r\n\r\n"
			return registrytest.Answer(206, head+string(w.layer[have:])+"\r\n--x--\r\n", "Content-Type", "multipart/byteranges; boundary=x")
		},
		"all of it": func(w *world) http.HandlerFunc { return registrytest.Answer(200, string(w.layer)) },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t, size)
			at := "/blobs/" + registrytest.Digest(w.layer)
			cut, odd := once(1, at, registrytest.CutAt(w.layer, have)), answer(w)
			w.hook(func(rw http.ResponseWriter, r *http.Request) bool {
				if strings.Contains(r.URL.Path, at) && r.Header.Get("Range") != "" {
					odd(rw, r)
					return true
				}
				return cut(rw, r)
			})
			if _, _, err := w.pull(w.client(retry(1)), registry.PullOptions{}); err != nil {
				t.Error(err)
			}
		})
	}
}

// An answer that is larger than the limit is called so, and asked for once.
func TestTooLarge(t *testing.T) {
	page := `{"schemaVersion":2,"manifests":[` + strings.Repeat(" ", 5<<20) + `],"tags":[]}`
	for name, c := range map[string]struct {
		at   string
		hook func(*world) hook
		want string
	}{
		"token": {tokenPath, func(w *world) hook {
			return challenge(w, registrytest.Answer(200, `{"token":"`+strings.Repeat("a", 200_000)+`"}`))
		}, "larger than the limit of 131071 bytes for a token"},
		"page of referrers": {"GET .*/referrers/", func(*world) hook {
			return once(99, "/referrers/", registrytest.Answer(200, page, "Content-Type", v1.MediaTypeImageIndex))
		}, "larger than the limit of 4194304 bytes"},
		"page of tags": {"GET .*/tags/list", func(*world) hook {
			return once(99, "/tags/list", registrytest.Answer(200, page))
		}, "larger than the limit of 4194304 bytes"},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t, 10)
			w.hook(c.hook(w))
			_, _, err := w.pull(w.client(retry(2)), pulling)
			if name == "page of tags" {
				_, err = w.client(retry(2)).Tags(context.Background(), w.ref)
			}
			if n := len(w.reg.Requests(c.at)); err == nil || !strings.Contains(err.Error(), c.want) || n != 1 {
				t.Errorf("want %q after one request, found %v after %d", c.want, err, n)
			}
		})
	}
}

// What a registry says in an error is bounded wherever it says it.
func TestErrorsAreBounded(t *testing.T) {
	long := strings.Repeat(`\"`, 100_000)
	index := `{"schemaVersion":2,"mediaType":"` + v1.MediaTypeImageIndex + `","manifests":[`
	for i := range 3000 {
		index += fmt.Sprintf(`{"mediaType":%q,"size":1,"digest":"sha256:%064x","platform":{"os":"linux\u001b","architecture":"a%d"}},`, v1.MediaTypeImageManifest, i, i)
	}
	for name, answer := range map[string]http.HandlerFunc{
		"a realm":         registrytest.Answer(401, "", "WWW-Authenticate", `Bearer realm="`+long+`"`),
		"a body":          registrytest.Answer(403, long),
		"a message":       registrytest.Answer(403, `{"errors":[{"code":"X","message":"`+long+`"}]}`),
		"a content type":  registrytest.Answer(200, "{}", "Content-Type", long),
		"a digest":        registrytest.Answer(200, "{}", "Content-Type", v1.MediaTypeImageManifest, "Docker-Content-Digest", long),
		"a redirect":      registrytest.Answer(307, "", "Location", "http://"+strings.Repeat("a.", 50_000)+"x/"),
		"platforms":       registrytest.Answer(200, index[:len(index)-1]+"]}", "Content-Type", v1.MediaTypeImageIndex),
		"a status line":   registrytest.Raw("HTTP/1.1 " + long[:60_000] + "\r\n\r\n"),
		"control letters": registrytest.Answer(403, "\x1b[2J\u202e"),
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t, 10)
			w.hook(once(99, manifestPath, answer))
			_, _, err := w.pull(w.client(), registry.PullOptions{Platform: &v1.Platform{OS: "windows", Architecture: "amd64"}})
			if err == nil || len(err.Error()) > 1000 || strings.ContainsAny(err.Error(), "\x1b\u202e") {
				t.Errorf("found %d bytes: %.300v", len(fmt.Sprint(err)), err)
			}
		})
	}
}

// What was sent as a secret is in no error, though the other side repeats it.
func TestSecretsAreNotRepeated(t *testing.T) {
	const secret = "hunter2-S3cret/word"
	user := func(o *registry.Options) { o.Username, o.Password = "ada", secret }
	bearer := func(o *registry.Options) { o.Token = secret }
	basicAuth := registrytest.Answer(401, "", "WWW-Authenticate", `Basic realm="x"`)
	asked := func(answer http.HandlerFunc) func(*world) hook {
		return func(*world) hook {
			return func(rw http.ResponseWriter, r *http.Request) bool {
				switch {
				case r.URL.Path == "/v2/":
					return false
				case r.Header.Get("Authorization") == "":
					basicAuth(rw, r)
				default:
					answer(rw, r)
				}
				return true
			}
		}
	}
	for name, c := range map[string]struct {
		option func(*registry.Options)
		hook   func(*world) hook
	}{
		"by the registry":      {user, asked(registrytest.Echo(403, "refused"))},
		"as an error of JSON":  {user, asked(registrytest.Answer(403, `{"errors":[{"code":"DENIED","message":"`+secret+` is wrong"}]}`))},
		"in part":              {user, asked(registrytest.Answer(403, "you said "+secret[:12]))},
		"in capitals":          {user, asked(registrytest.Answer(403, "YOU SAID "+strings.ToUpper(secret)))},
		"where it is cut off":  {user, asked(registrytest.Answer(403, strings.Repeat(" ", 8<<10-12)+secret))},
		"as a manifest":        {user, asked(registrytest.Echo(200, "<html>", "Content-Type", "text/html"))},
		"as a type":            {user, asked(registrytest.Answer(200, "{}", "Content-Type", secret))},
		"as a digest":          {user, asked(registrytest.Answer(200, "{}", "Content-Type", v1.MediaTypeImageManifest, "Docker-Content-Digest", secret))},
		"a token":              {bearer, asked(registrytest.Echo(403, "refused"))},
		"a token at a 500":     {bearer, asked(registrytest.Echo(500, "refused"))},
		"by the token service": {user, func(w *world) hook { return challenge(w, registrytest.Echo(400, "bad request:")) }},
		"an exchanged token": {user, func(w *world) hook {
			exchange := challenge(w, registrytest.Answer(200, `{"token":"`+secret+`"}`))
			return func(rw http.ResponseWriter, r *http.Request) bool {
				if r.Header.Get("Authorization") == "Bearer "+secret {
					registrytest.Echo(403, "refused")(rw, r)
					return true
				}
				return exchange(rw, r)
			}
		}},
		"of nobody known": {func(*registry.Options) {}, func(*world) hook {
			return once(9, manifestPath, registrytest.Answer(403, "Authorization: Basic "+basic("eve", secret)[6:]))
		}},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t, 10)
			w.hook(c.hook(w))
			var logged strings.Builder
			_, _, err := w.pull(w.client(c.option, retry(1), func(o *registry.Options) {
				o.Log = func(line string) { logged.WriteString(line) }
			}), registry.PullOptions{})
			if err == nil {
				t.Fatal("want an error")
			}
			said := strings.ToLower(err.Error() + logged.String())
			for _, form := range []string{secret, secret[:8], basic("ada", secret)[6:], basic("eve", secret)[6:], base64.StdEncoding.EncodeToString([]byte(secret))} {
				if strings.Contains(said, strings.ToLower(form)) {
					t.Errorf("%q is in %v", form, err)
				}
			}
		})
	}
}

// A status that is neither an error nor what was asked for may pass. It says
// nothing of the content, and what has come is kept.
func TestOddStatus(t *testing.T) {
	for _, status := range []int{202, 204, 304, 307} {
		for _, match := range []string{"/manifests/", "/blobs/"} {
			w := newWorld(t, 10)
			at := match + "v1"
			if match == "/blobs/" {
				at = match + registrytest.Digest(w.layer)
			}
			answer := registrytest.Answer(status, "")
			w.hook(once(1, at, answer))
			if _, _, err := w.pull(w.client(retry(1)), registry.PullOptions{}); err != nil {
				t.Errorf("%d once for %s: %v", status, match, err)
			}
			w.hook(once(9, at, answer))
			_, _, err := w.pull(w.client(), registry.PullOptions{})
			var failed *registry.Error
			if !errors.As(err, &failed) || !strings.Contains(err.Error(), "found "+strconv.Itoa(status)) {
				t.Errorf("%d for %s: want an Error, found %v", status, match, err)
			}
			if match == "/blobs/" && len(w.staged()) < 2 {
				t.Errorf("%d: the stage holds %q alone", status, w.staged())
			}
		}
	}
}

// The documents of a pull, or of a listing, are counted while they come.
func TestDocumentsTogether(t *testing.T) {
	w := newWorld(t, 10)
	var sent atomic.Int64
	doc := func(i int) []byte {
		return fmt.Appendf(nil, `{"schemaVersion":2,"mediaType":%q,"config":{"mediaType":%q,"digest":%q,"size":2},"layers":[],"annotations":{"n":"%d","x":%q}}`,
			v1.MediaTypeImageManifest, v1.MediaTypeEmptyJSON, registrytest.Digest([]byte("{}")), i, strings.Repeat("x", 3<<20))
	}
	index := v1.Index{MediaType: v1.MediaTypeImageIndex}
	index.SchemaVersion = 2
	var refs []registry.Reference
	for i := range 30 {
		data := doc(i)
		tag := "t" + strconv.Itoa(i)
		w.reg.Put(repository, tag, v1.MediaTypeImageManifest, data)
		index.Manifests = append(index.Manifests, blob(v1.MediaTypeImageManifest, data))
		refs = append(refs, registry.Reference{Host: w.host, Repository: repository, Tag: tag})
	}
	w.reg.Put(repository, "v1", v1.MediaTypeImageIndex, w.json(index))
	w.hook(func(_ http.ResponseWriter, r *http.Request) bool {
		if strings.Contains(r.URL.Path, "/manifests/") {
			sent.Add(3 << 20)
		}
		return false
	})
	_, _, err := w.pull(w.client(), registry.PullOptions{})
	_, err2 := w.client().Documents(context.Background(), refs)
	for _, err := range []error{err, err2} {
		if err == nil || !strings.Contains(err.Error(), "larger than the limit of 33554432 bytes for all of them") {
			t.Errorf("found %v", err)
		}
	}
	if n := sent.Load(); n > 2*40<<20 {
		t.Errorf("%d MiB were fetched", n>>20)
	}
}

// A blob that the registry has in another size is not there.
func TestHeadSize(t *testing.T) {
	for name, answer := range map[string]http.HandlerFunc{
		"another size": registrytest.Answer(200, "", "Content-Length", "1"),
		"no size": func(rw http.ResponseWriter, r *http.Request) {
			http.NewResponseController(rw).Flush()
		},
		"another digest": registrytest.Answer(200, "", "Content-Length", "3000", "Docker-Content-Digest", registrytest.Digest(nil)),
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t, 10)
			layer := noise(3000)
			w.hook(once(9, "HEAD /v2/x/blobs/"+registrytest.Digest(layer), answer))
			c, d := contents(t, t.TempDir(), layer)
			got, err := w.client().Push(context.Background(), c, d, registry.Reference{Host: w.host, Repository: "x"}, nil, nil)
			if err != nil || got.Present != 0 || w.reg.Blob("x", registrytest.Digest(layer)) == nil {
				t.Errorf("found %+v, %v", got, err)
			}
		})
	}
}
