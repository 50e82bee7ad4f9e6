package registry_test

import (
	"context"
	"encoding/base64"
	"errors"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/ociferry/ferry/layout/registry"
	"github.com/ociferry/ferry/layout/registry/registrytest"
)

// loginPull pulls from a registry that wants ada's password, with a login file.
func loginPull(t *testing.T, file string, change ...func(*world, *registry.Client)) (*world, error) {
	t.Helper()
	w := newWorld(t, 10)
	w.hook(guard(basic("ada", password), `Basic realm="x"`))
	name := filepath.Join(w.dir, "config.json")
	if err := os.WriteFile(name, []byte(strings.ReplaceAll(file, "HOST", w.host)), 0o600); err != nil {
		t.Fatal(err)
	}
	c := w.client(func(o *registry.Options) { o.ConfigFile = name })
	for _, f := range change {
		f(w, c)
	}
	_, _, err := w.pull(c, registry.PullOptions{})
	return w, err
}

// A login file is read as docker and podman read it, and no error repeats what
// is in it.
func TestLoginFile(t *testing.T) {
	code := func(s string) string { return base64.StdEncoding.EncodeToString([]byte(s)) }
	good := code("ada:" + password)
	for name, c := range map[string]struct{ file, err string }{
		"by host":                {`{"auths":{"HOST":{"auth":"` + good + `"}}}`, ""},
		"by address":             {`{"auths":{"http://HOST/v1/":{"auth":"` + good + `"}}}`, ""},
		"in two fields":          {`{"auths":{"HOST":{"username":"ada","password":"` + password + `"}}}`, ""},
		"beside one that is not": {`{"auths":{"other":7,"HOST":{"auth":"` + good + `"}}}`, ""},
		"with a zero at its end": {`{"auths":{"HOST":{"auth":"` + code("ada:"+password+"\x00\x00") + `"}}}`, ""},
		"empty":                  {"", "registry returned 401"},
		"a bare token":           {`{"auths":{"HOST":{"auth":"` + code("glpat-"+password) + `"}}}`, "not the base64 of USER:PASSWORD"},
		"no base64":              {`{"auths":{"HOST":{"auth":"` + password + `:"}}}`, "not the base64 of USER:PASSWORD"},
		"a number":               {`{"auths":{"HOST":{"username":"ada","password":20231105}}}`, "want a string, found a number"},
		"no object":              {`{"auths":{"HOST":"` + password + `"}}`, "want a struct, found a string"},
		"a path for a helper":    {`{"credsStore":"../../tmp/evil"}`, "not the name of a credential helper"},
		"a helper by a path":     {`{"credHelpers":{"HOST":"x/../../` + password + `x"}}`, "not the name of a credential helper"},
		"a helper not installed": {`{"credsStore":"ferry-is-not-there"}`, "docker-credential-ferry-is-not-there: "},
	} {
		t.Run(name, func(t *testing.T) {
			if strings.Contains(name, "by a path") {
				c.file = strings.ReplaceAll(c.file, password, "")
			}
			_, err := loginPull(t, c.file)
			if (err == nil) != (c.err == "") || err != nil && !strings.Contains(err.Error(), c.err) {
				t.Fatalf("want %q, found %v", c.err, err)
			}
			for _, secret := range []string{password, good, "20231105"} {
				if err != nil && strings.Contains(err.Error(), secret) {
					t.Errorf("%q is in %v", secret, err)
				}
			}
		})
	}
}

// What is no login file at all is found before anything is asked.
func TestNoLoginFile(t *testing.T) {
	for _, text := range []string{`{"auths":{"h.io":{"password":"` + password + `"`, `["` + password + `"]`, `{"auths":"` + password + `"}`, password} {
		name := filepath.Join(t.TempDir(), "config.json")
		if err := os.WriteFile(name, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		_, err := registry.New(registry.Options{ConfigFile: name})
		if err == nil || !strings.Contains(err.Error(), "not a docker configuration") || strings.Contains(err.Error(), password) {
			t.Errorf("%s: found %v", text, err)
		}
	}
}

// A credential helper is a program of somebody else's: it may say too much, say
// nothing, or leave others behind that have its output open.
func TestHelpers(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("the helpers of the test are shell scripts")
	}
	const answer = `printf '{"ServerURL":"x","Username":"ada","Secret":"` + password + `"}'`
	for name, c := range map[string]struct{ script, err string }{
		"that answers":                 {answer, ""},
		"whose child has its output":   {"sleep 20 & " + answer, ""},
		"that never ends":              {"exec sleep 20", "it did not answer within"},
		"that never ends, nor a child": {"trap '' TERM; sleep 20", "it did not answer within"},
		"that prints too much":         {"yes", "it printed more than the limit of 65536 bytes"},
		"that complains without end":   {"(yes | head -c 3000000) >&2; exit 1", "exit status 1"},
		"that fails":                   {"echo no key >&2; exit 2", `exit status 2; it says "no key"`},
		"that fails after answering":   {answer + "; exit 2", "exit status 2"},
		"that repeats the secret":      {answer + "; echo got " + password + " >&2; exit 2", "exit status 2"},
		"that answers in part":         {`printf '{"Username":"ada","Secret":"` + password + `'`, "its answer: not JSON"},
		"that answers in another way":  {`printf '{"Username":"ada","Secret":["` + password + `"]}'`, "its answer: JSON"},
		"that has nothing":             {"echo credentials not found in native keychain; exit 1", "registry returned 401"},
		"that colours what it says":    {`printf '\033[31mno\n' >&2; exit 1`, `it says`},
	} {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			if err := os.WriteFile(filepath.Join(dir, "docker-credential-ferrytest"), []byte("#!/bin/sh\n"+c.script+"\n"), 0o755); err != nil {
				t.Fatal(err)
			}
			t.Setenv("PATH", dir+string(os.PathListSeparator)+os.Getenv("PATH"))
			start := time.Now()
			_, err := loginPull(t, `{"credHelpers":{"HOST":"ferrytest"}}`, func(_ *world, c *registry.Client) { c.Hurry(2 * time.Second) })
			if (err == nil) != (c.err == "") || err != nil && !strings.Contains(err.Error(), c.err) {
				t.Fatalf("want %q, found %v", c.err, err)
			}
			if err != nil && (strings.Contains(err.Error(), password) || len(err.Error()) > 1000 || strings.Contains(err.Error(), "\x1b")) {
				t.Errorf("the error repeats what it must not: %q", err)
			}
			if d := time.Since(start); d > 15*time.Second {
				t.Errorf("it took %v", d)
			}
		})
	}
	// The end of the run is not kept waiting.
	dir := t.TempDir()
	asked := filepath.Join(dir, "asked")
	if err := os.WriteFile(filepath.Join(dir, "docker-credential-ferrytest"), []byte("#!/bin/sh\ntouch "+asked+"\nsleep 20\n"), 0o755); err != nil {
		t.Fatal(err)
	}
	t.Setenv("PATH", dir+string(os.PathListSeparator)+os.Getenv("PATH"))
	w := newWorld(t, 10)
	w.reg.Hook = guard("Basic x", `Basic realm="x"`)
	config := filepath.Join(dir, "config.json")
	if err := os.WriteFile(config, []byte(`{"credsStore":"ferrytest"}`), 0o600); err != nil {
		t.Fatal(err)
	}
	cause := errors.New("enough")
	ctx, cancel := context.WithCancelCause(context.Background())
	ended := make(chan time.Time, 1)
	go func() {
		for ctx.Err() == nil {
			time.Sleep(10 * time.Millisecond)
			if _, err := os.Stat(asked); err == nil {
				ended <- time.Now()
				cancel(cause)
			}
		}
	}()
	c := w.client(func(o *registry.Options) { o.ConfigFile = config })
	_, err := c.Pull(ctx, w.ref, w.stage(), registry.PullOptions{})
	if d := time.Since(<-ended); !errors.Is(err, cause) || d > 5*time.Second {
		t.Errorf("found %v after %v", err, d)
	}
}

// A helper is asked once for a host, however many tokens are wanted.
func TestHelperIsAskedOnce(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("the helper of the test is a shell script")
	}
	dir := t.TempDir()
	script := "#!/bin/sh\necho asked >> " + dir + "/log\n" + `printf '{"Username":"ada","Secret":"` + password + `"}'` + "\n"
	if err := os.WriteFile(filepath.Join(dir, "docker-credential-ferrytest"), []byte(script), 0o755); err != nil {
		t.Fatal(err)
	}
	t.Setenv("PATH", dir+string(os.PathListSeparator)+os.Getenv("PATH"))
	_, err := loginPull(t, `{"credsStore":"ferrytest"}`, func(w *world, c *registry.Client) {
		if _, err := c.Tags(context.Background(), w.ref); err != nil {
			t.Error(err)
		}
		if _, err := c.Tags(context.Background(), registry.Reference{Host: w.host, Repository: "other"}); !registry.NotFound(err) {
			t.Error(err)
		}
	})
	log, _ := os.ReadFile(filepath.Join(dir, "log"))
	if err != nil || string(log) != "asked\n" {
		t.Errorf("found %q, %v", log, err)
	}
}

// A variable that names no proxy is an error: net/http would go past it.
func TestProxyVariable(t *testing.T) {
	for _, c := range []struct {
		value string
		good  bool
	}{
		{"http://proxy.example:3128", true}, {"proxy.example:3128", true}, {"proxy_1", true}, {"socks5://127.0.0.1:1080", true},
		{"http://ada:" + password + "@proxy.example", true},
		{"http://", false}, {"htp://proxy.example", false}, {"http://proxy.example:port", false}, {"://x", false}, {"http://[::1", false},
		{"http://pro xy", false}, {"http://ada:" + password + "@", false}, {":3128", false}, {"http://%zz@" + password + "/", false},
	} {
		for _, name := range []string{"HTTPS_PROXY", "https_proxy", "HTTP_PROXY", "http_proxy"} {
			t.Run(name, func(t *testing.T) {
				t.Setenv(name, c.value)
				_, err := registry.New(registry.Options{})
				var bad *registry.ProxyError
				if errors.As(err, &bad) == c.good {
					t.Errorf("%q: found %v", c.value, err)
				}
				if err != nil && (strings.Contains(err.Error(), password) || bad.Variable != name) {
					t.Errorf("found %v", err)
				}
			})
		}
	}
}

// A proxy's password is repeated no more than a registry's.
func TestProxyEchoes(t *testing.T) {
	w := newWorld(t, 10)
	// net/http reads the variables once in a process; the password alone is
	// looked at here.
	t.Setenv("HTTP_PROXY", "http://ada:"+password+"@proxy.example")
	w.hook(once(9, manifestPath, registrytest.Answer(502, "Proxy-Authorization: "+basic("ada", password)+" and "+password)))
	_, _, err := w.pull(w.client(), registry.PullOptions{})
	if err == nil || strings.Contains(err.Error(), password) || strings.Contains(err.Error(), basic("ada", password)[6:]) {
		t.Errorf("found %v", err)
	}
}
