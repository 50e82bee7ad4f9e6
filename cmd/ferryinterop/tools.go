package main

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
)

// A tool is a neighbour.
type tool struct {
	name    string
	module  string   // of a Go command: PATH@VERSION
	debs    []string // of a Debian one: the packages, the first is the tool's
	command string   // the file's name, if not the tool's
	ask     []string // prints the version
	path    string
	args    []string // put before all arguments
	env     []string
	version string
	why     string // why it cannot run here
}

func allTools() []*tool {
	return []*tool{
		{name: "oras", module: "oras.land/oras/cmd/oras@v1.3.6", ask: []string{"version"}},
		{name: "skopeo", debs: []string{"skopeo"}, ask: []string{"--version"}},
		{name: "crane", module: "github.com/google/go-containerregistry/cmd/crane@v0.22.1"},
		{name: "regctl", module: "github.com/regclient/regclient/cmd/regctl@v0.11.7", ask: []string{"version", "--format", "{{.VCSTag}}"}},
		{name: "umoci", debs: []string{"umoci"}, ask: []string{"--version"}},
		{name: "docker-registry", debs: []string{"docker-registry"}, ask: []string{"--version"}},
		{name: "podman", debs: []string{"podman", "conmon", "runc", "libsubid4", "libyajl2"}, ask: []string{"--version"}},
		{name: "containerd", debs: []string{"containerd"}, command: "ctr", ask: []string{"--version"}},
		{name: "docker", debs: []string{"docker.io", "containerd", "runc"}, ask: []string{"--version"}},
	}
}

func toolNames() (names []string) {
	for _, t := range allTools() {
		names = append(names, t.name)
	}
	return names
}

// findTools finds each tool or gets it.
func (w *world) findTools(bin, cache string) error {
	for _, d := range []string{"home/.docker", "run"} {
		if err := os.MkdirAll(filepath.Join(w.work, d), 0o700); err != nil {
			return err
		}
	}
	// podman wants the file to be there.
	if err := os.WriteFile(filepath.Join(w.work, "home", ".docker", "config.json"), []byte("{}"), 0o600); err != nil {
		return err
	}
	for _, t := range allTools() {
		w.tools[t.name] = t
		if t.command == "" {
			t.command = t.name
		}
		var err error
		if t.module != "" {
			err = t.install(bin, cache)
		} else {
			err = t.debian(cache)
		}
		if err != nil {
			t.why = err.Error()
			continue
		}
		if t.version == "" {
			out, err := w.cmd(t.name, t.ask...)
			if err != nil {
				t.why = err.Error()
				continue
			}
			t.version = regexp.MustCompile(`[0-9]+\.[0-9]+[0-9.]*`).FindString(out)
		}
	}
	return nil
}

// install finds a Go command of exactly the version wanted, in bin, in the
// cache, or by go install into the cache.
func (t *tool) install(bin, cache string) error {
	pkg, version, _ := strings.Cut(t.module, "@")
	t.version = version
	dir := filepath.Join(cache, version)
	for _, d := range []string{bin, dir} {
		if d == "" {
			continue
		}
		t.path = filepath.Join(d, t.command)
		if builtAs(t.path, pkg, version) {
			return nil
		}
	}
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return err
	}
	c := exec.Command("go", "install", t.module)
	c.Env = append(os.Environ(), "GOBIN="+dir, "CGO_ENABLED=0", "GOFLAGS=")
	if out, err := c.CombinedOutput(); err != nil {
		return fmt.Errorf("go install %s: %v: %s", t.module, err, last(string(out)))
	}
	return nil
}

// builtAs reports whether a file is the command of that version, by what the
// Go tool wrote into it.
func builtAs(path, pkg, version string) bool {
	out, err := exec.Command("go", "version", "-m", path).Output()
	if err != nil {
		return false
	}
	var isPkg, isVersion bool
	for line := range strings.Lines(string(out)) {
		f := strings.Fields(line)
		isPkg = isPkg || len(f) == 2 && f[0] == "path" && f[1] == pkg
		isVersion = isVersion || len(f) >= 3 && f[0] == "mod" && f[2] == version
	}
	return isPkg && isVersion
}

// debian finds a command that is installed, or unpacks its package into the
// cache, so that no daemon is set up on the machine.
func (t *tool) debian(cache string) error {
	if t.name != "docker" { // its client may be there without its daemon
		if p, err := exec.LookPath(t.command); err == nil {
			t.path = p
			return nil
		}
	}
	root := filepath.Join(cache, "debian", strings.Join(t.debs, "+"))
	if err := unpackDebs(root, t.debs); err != nil {
		return err
	}
	t.path = filepath.Join(root, "usr", "bin", t.command)
	if _, err := os.Stat(t.path); err != nil {
		return err
	}
	libs, err := filepath.Glob(filepath.Join(root, "usr", "lib", "*-linux-*"))
	if err != nil {
		return err
	}
	t.env = append(t.env, "LD_LIBRARY_PATH="+strings.Join(libs, ":"),
		"PATH="+filepath.Join(root, "usr", "bin")+":"+filepath.Join(root, "usr", "sbin")+":"+os.Getenv("PATH"))
	return nil
}

func unpackDebs(root string, debs []string) error {
	if _, err := os.Stat(root); err == nil {
		return nil
	}
	for _, need := range []string{"apt-get", "dpkg"} {
		if _, err := exec.LookPath(need); err != nil {
			return errors.New("it is not installed, and this is no Debian to get it from")
		}
	}
	tmp := root + ".new"
	if err := os.RemoveAll(tmp); err != nil {
		return err
	}
	if err := os.MkdirAll(tmp, 0o755); err != nil {
		return err
	}
	c := exec.Command("apt-get", append([]string{"download", "-qq"}, debs...)...)
	c.Dir = tmp
	if out, err := c.CombinedOutput(); err != nil {
		return fmt.Errorf("apt-get download %s: %v: %s", strings.Join(debs, " "), err, last(string(out)))
	}
	files, err := filepath.Glob(filepath.Join(tmp, "*.deb"))
	if err != nil {
		return err
	}
	for _, f := range files {
		if out, err := exec.Command("dpkg", "-x", f, tmp).CombinedOutput(); err != nil {
			return fmt.Errorf("dpkg -x: %v: %s", err, last(string(out)))
		}
	}
	return os.Rename(tmp, root)
}
