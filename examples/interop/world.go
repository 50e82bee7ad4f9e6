package main

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"time"
)

// A world is where the commands run: a directory, a registry, the daemons.
type world struct {
	work, host string
	daemons    []*exec.Cmd
	scratch    int
}

// fill starts the tools that are daemons, and makes the kinds.
func (w *world) fill(m *matrix, ferry string) error {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	l.Close()
	w.host = l.Addr().String()
	at := func(name string) string { return filepath.Join(w.work, name) }
	for _, dir := range []string{"bin", "run", "home/.docker"} {
		err = errors.Join(err, os.MkdirAll(at(dir), 0o700))
	}
	examples, err3 := filepath.Abs("..")
	ferry, err2 := filepath.Abs(ferry)
	if err = errors.Join(err, err2, err3, os.Symlink(ferry, at("bin/ferry")), os.WriteFile(at("home/.docker/config.json"), []byte("{}"), 0o600)); err != nil {
		return err
	}
	for k, v := range map[string]string{
		"PATH": at("bin") + ":" + os.Getenv("PATH"), "HOME": at("home"), "EXAMPLES": examples, "XDG_RUNTIME_DIR": at("run"), "DOCKER_CONFIG": at("home/.docker"),
		"CONTAINERS_STORAGE_CONF": at("storage.conf"), "CONTAINERS_CONF": at("containers.conf"), "CONTAINERD_ADDRESS": at("containerd.sock"), "DOCKER_HOST": "unix://" + at("docker.sock"),
	} {
		os.Setenv(k, v)
	}
	for _, t := range m.tools {
		if t.why = w.start(t.lines); t.why == nil {
			t.version, t.why = w.sh(t.asks)
		}
		t.version = regexp.MustCompile(`[0-9]+\.[0-9]+[0-9.]*|$`).FindString(t.version)
	}
	for i, k := range m.kinds {
		if err := w.make(k, m.kinds[:i]); err != nil {
			return fmt.Errorf("%s: %w", k.name, err)
		}
	}
	return nil
}

// start runs the lines of a tool: "start" starts a process that stop ends, and
// "answers" waits until a command works.
func (w *world) start(lines []string) error {
	for _, line := range lines {
		line = strings.ReplaceAll(line, " HOST", " "+w.host)
		if daemon, ok := strings.CutPrefix(line, "start "); ok {
			c := exec.Command("sh", "-c", "exec "+daemon)
			c.Dir = w.work
			if err := c.Start(); err != nil {
				return err
			}
			w.daemons = append(w.daemons, c)
			continue
		}
		command, waits := strings.CutPrefix(line, "answers ")
		_, err := w.sh(command)
		for end := time.Now().Add(15 * time.Second); err != nil && waits && time.Now().Before(end); _, err = w.sh(command) {
			time.Sleep(200 * time.Millisecond)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// stop ends the daemons, the last one first, and removes the files.
func (w *world) stop() {
	for i := len(w.daemons) - 1; i >= 0; i-- {
		c := w.daemons[i]
		c.Process.Signal(os.Interrupt)
		late := time.AfterFunc(10*time.Second, func() { c.Process.Kill() })
		c.Wait()
		late.Stop()
	}
	os.RemoveAll(w.work)
}

// sh runs a line and returns what it prints.
func (w *world) sh(line string) (string, error) {
	if f := strings.Fields(line); f[0] == "manifest" {
		return w.manifest(f[1], f[2])
	}
	ctx, cancel := context.WithTimeout(context.Background(), 2*time.Minute)
	defer cancel()
	c := exec.CommandContext(ctx, "sh", "-c", line)
	c.Dir, c.WaitDelay = w.work, time.Second
	var out, errs bytes.Buffer
	c.Stdout, c.Stderr = &out, &errs
	if err := c.Run(); err != nil {
		return "", fmt.Errorf("%s: %w: %s", line, err, strings.Join(strings.Fields(out.String()+" "+errs.String()), " "))
	}
	return out.String(), nil
}

// manifest is the digest and the text of a manifest in the registry, asked for
// with plain HTTP, by no tool that is tested.
func (w *world) manifest(repo, ref string) (string, error) {
	req, err := http.NewRequest("GET", "http://"+strings.Replace(repo, "/", "/v2/", 1)+"/manifests/"+ref, nil)
	if err != nil {
		return "", err
	}
	for _, t := range []string{"oci.image.manifest.v1", "oci.image.index.v1", "docker.distribution.manifest.v2", "docker.distribution.manifest.list.v2"} {
		req.Header.Add("Accept", "application/vnd."+t+"+json")
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return "", err
	}
	defer resp.Body.Close()
	data, err := io.ReadAll(io.LimitReader(resp.Body, 1<<20))
	if err == nil && resp.StatusCode != http.StatusOK {
		err = fmt.Errorf("%s:%s: the registry does not have it: %s", repo, ref, resp.Status)
	}
	return sha(data) + string(data), err
}

func sha(data []byte) string { return fmt.Sprintf("sha256:%x", sha256.Sum256(data)) }

// make makes a kind, asks the registry for its digests, and has ferry write it
// in each of its forms.
func (w *world) make(k *kind, above []*kind) error {
	for _, other := range above {
		if k.holds {
			k.roots = append(k.roots, other.roots...)
		}
	}
	x := &try{world: w, kind: k.name}
	for i, r := range k.roots {
		name := x.put(r.name, r, "")
		k.roots[i].name, k.roots[i].tag = name, name[strings.LastIndex(name, ":")+1:]
	}
	for _, line := range k.lines {
		if _, err := w.sh(x.put(line, k.roots[0], "")); err != nil {
			return err
		}
	}
	for i := range k.roots {
		r := &k.roots[i]
		var d struct {
			Config    struct{ MediaType, Digest string }
			Manifests []struct{ Digest string }
		}
		said, err := w.manifest(x.put("FROM", *r, ""), r.tag)
		if err == nil {
			r.digest = said[:71]
			err = json.Unmarshal([]byte(said[71:]), &d)
		}
		if err != nil {
			return err
		}
		if d.Config.MediaType == "application/vnd.oci.image.config.v1+json" {
			r.config, k.docker = d.Config.Digest, true
		}
		// The tag that lists referrers where a registry has no API for them.
		r.referrers = nil
		if said, err := w.manifest(x.put("FROM", *r, ""), strings.Replace(r.digest, ":", "-", 1)); err == nil {
			if err := json.Unmarshal([]byte(said[71:]), &d); err != nil {
				return err
			}
			for _, about := range d.Manifests {
				r.referrers = append(r.referrers, about.Digest)
			}
		}
	}
	if _, err := w.sh(x.put("for end in '' .tar .tar.gz; do ferry bundle made-"+k.name+" -o DIR$end || exit; done", root{}, "")); err != nil {
		return err
	}
	if _, err := w.sh(x.put("ferry bundle --docker made-"+k.name+" -o DIR-docker.tar", root{}, "")); err != nil == k.docker {
		return fmt.Errorf("ferry bundle --docker: want success %t, found %v", k.docker, err)
	}
	return nil
}

// A try is a row on its way, for some roots of a kind in a form.
type try struct {
	*world
	kind  string
	roots []root
	form  string
}

var errBehind = errors.New("the referrer stayed behind")

// A changedError is content that arrived under another digest.
type changedError struct{ error }

// run runs a row.
func (w *world) run(row *row, form string, k *kind) (outcome, string) {
	parts := [][]root{k.roots}
	if !row.whole {
		parts = slices.Collect(slices.Chunk(k.roots, 1))
	}
	for _, roots := range parts {
		w.scratch++
		x := &try{w, k.name, roots, form}
		for _, line := range row.lines {
			if err := x.line(line); errors.As(err, new(changedError)) {
				return changed, err.Error()
			} else if err != nil {
				return no, err.Error()
			}
		}
	}
	return yes, ""
}

var (
	perRoot = regexp.MustCompile(`\b(NAME|TAG|DIGEST|CONFIG|PACKED|REFERRER)\b($|[^.]|\.[^.])`)
	many    = regexp.MustCompile(`\S*\b(NAME|TAG)\.\.\.`)
	token   = regexp.MustCompile(`\b[A-Z]+\b`)
)

// line runs a line for each root, and each referrer, that it is about.
func (x *try) line(line string) error {
	word, command, isCheck := strings.Cut(line, " < ")
	if !isCheck {
		word, command = "", line
	}
	roots := x.roots
	if !perRoot.MatchString(line) {
		roots = roots[:1]
	}
	for _, r := range roots {
		about := []string{""}
		if strings.Contains(line, "REFERRER") {
			about = r.referrers
		}
		if strings.Contains(line, "CONFIG") && r.config == "" || strings.Contains(line, "PACKED") && r.packed == "" {
			continue
		}
		for _, referrer := range about {
			want, command := x.put(word, r, referrer), x.put(command, r, referrer)
			said, err := x.sh(command)
			switch found := strings.Contains(said, want); {
			case word == "REFERRER" && (err != nil || !found):
				return errBehind
			case err != nil:
				return err
			case word == "DIGEST" && !found:
				return changedError{fmt.Errorf("%s: %s became another", r.tag, r.digest)}
			case !found:
				return fmt.Errorf("%s: want %s, found %s", command, want, said)
			}
		}
	}
	return nil
}

// put puts values in the place of the words in capitals.
func (x *try) put(line string, r root, referrer string) string {
	line = many.ReplaceAllStringFunc(line, func(field string) string {
		var all []string
		for _, r := range x.roots {
			all = append(all, x.put(strings.TrimSuffix(field, "..."), r, ""))
		}
		return strings.Join(all, " ")
	})
	var tags []string
	for _, r := range x.roots {
		tags = append(tags, r.tag)
	}
	name := strings.ToLower(x.kind)
	ours, ns := "ours-"+name, fmt.Sprintf("n%d", x.scratch)
	values := map[string]string{
		"IN":  ours + map[string]string{"tar": ".tar", "targz": ".tar.gz", "docker": "-docker.tar", "images": "-docker.tar"}[x.form],
		"OUT": ns + map[string]string{"wrote-tar": ".tar"}[x.form],
		"DIR": ours, "NS": ns, "HOST": x.host, "FROM": x.host + "/source/" + name, "REPO": x.host + "/target/" + ns,
		"NAME": r.name, "TAG": r.tag, "TAGS": strings.Join(tags, ","), "DIGEST": r.digest, "CONFIG": r.config, "PACKED": r.packed, "REFERRER": referrer,
	}
	if index, err := os.ReadFile(filepath.Join(x.work, ours, "index.json")); err == nil {
		values["IDENTITY"] = sha(index)
	}
	return token.ReplaceAllStringFunc(line, func(word string) string {
		if v, ok := values[word]; ok {
			return v
		}
		return word
	})
}
