package main

import (
	"fmt"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"time"
)

// startRegistry starts docker-registry on a free port of loopback.
func (w *world) startRegistry() error {
	t := w.tools["docker-registry"]
	if t.why != "" {
		return fmt.Errorf("docker-registry: %s", t.why)
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	w.registry = l.Addr().String()
	l.Close()
	config := fmt.Sprintf("version: 0.1\nlog: {level: error}\nstorage: {filesystem: {rootdirectory: %q}}\nhttp: {addr: %q}\n", filepath.Join(w.work, "registry"), w.registry)
	name := filepath.Join(w.work, "registry.yml")
	if err := os.WriteFile(name, []byte(config), 0o644); err != nil {
		return err
	}
	if err := w.daemon("registry", nil, t.path, "serve", name); err != nil {
		return err
	}
	return wait(func() error {
		resp, err := http.Get("http://" + w.registry + "/v2/")
		if err == nil {
			resp.Body.Close()
		}
		return err
	})
}

// startDaemons starts those that run a daemon of their own, where they may.
func (w *world) startDaemons() {
	podman := w.tools["podman"]
	podman.args = []string{"--root", filepath.Join(w.work, "podman"), "--runroot", filepath.Join(w.work, "podman-run"), "--storage-driver", "vfs", "--cgroup-manager", "cgroupfs"}
	policy := filepath.Join(w.work, "home", ".config", "containers", "policy.json")
	if err := os.MkdirAll(filepath.Dir(policy), 0o755); err == nil {
		err = os.WriteFile(policy, []byte(`{"default":[{"type":"insecureAcceptAnything"}]}`), 0o644)
		if err != nil {
			podman.why = err.Error()
		}
	}
	w.probe("podman", "images")

	ctr := w.tools["containerd"]
	socket := filepath.Join(w.work, "containerd.sock")
	if ctr.why == "" {
		config := filepath.Join(w.work, "containerd.toml")
		text := fmt.Sprintf("version = 2\nroot = %q\nstate = %q\ndisabled_plugins = [\"io.containerd.grpc.v1.cri\"]\n[grpc]\naddress = %q\n",
			filepath.Join(w.work, "containerd"), filepath.Join(w.work, "containerd-run"), socket)
		err := os.WriteFile(config, []byte(text), 0o644)
		if err == nil {
			err = w.daemon("containerd", ctr.env, sibling(ctr.path, "bin", "containerd"), "-c", config)
		}
		if err != nil {
			ctr.why = err.Error()
		}
		ctr.args = []string{"-a", socket}
		w.probe("containerd", "images", "ls")
	}
	docker := w.tools["docker"]
	if docker.why == "" {
		if ctr.why != "" {
			docker.why = "it needs containerd"
			return
		}
		sock := "unix://" + filepath.Join(w.work, "docker.sock")
		if err := w.daemon("dockerd", docker.env, sibling(docker.path, "sbin", "dockerd"), "--data-root", filepath.Join(w.work, "docker"),
			"--exec-root", filepath.Join(w.work, "docker-run"), "--pidfile", filepath.Join(w.work, "docker.pid"), "-H", sock,
			"--bridge=none", "--iptables=false", "--ip6tables=false", "--storage-driver=vfs", "--containerd", socket); err != nil {
			docker.why = err.Error()
		}
		docker.args = []string{"-H", sock}
		w.probe("docker", "images")
	}
}

func sibling(path, dir, name string) string {
	p := filepath.Join(filepath.Dir(filepath.Dir(path)), dir, name)
	if _, err := os.Stat(p); err == nil {
		return p
	}
	return name
}

// probe waits until a tool answers, and notes why it does not.
func (w *world) probe(name string, args ...string) {
	t := w.tools[name]
	if t.why != "" {
		return
	}
	quiet := w.verbose
	w.verbose = false
	defer func() { w.verbose = quiet }()
	if err := wait(func() error { _, err := w.cmd(name, args...); return err }); err != nil {
		t.why = err.Error()
	}
}

func wait(try func() error) (err error) {
	for end := time.Now().Add(15 * time.Second); ; time.Sleep(200 * time.Millisecond) {
		if err = try(); err == nil || time.Now().After(end) {
			return err
		}
	}
}

// daemon starts a process that stop ends.
func (w *world) daemon(name string, env []string, path string, args ...string) error {
	log, err := os.Create(filepath.Join(w.work, name+".log"))
	if err != nil {
		return err
	}
	defer log.Close()
	c := exec.Command(path, args...)
	c.Dir, c.Stdout, c.Stderr = w.work, log, log
	c.Env = append(os.Environ(), env...)
	if err := c.Start(); err != nil {
		return err
	}
	w.stops = append(w.stops, func() {
		c.Process.Signal(os.Interrupt)
		done := make(chan struct{})
		go func() { c.Wait(); close(done) }()
		select {
		case <-done:
		case <-time.After(10 * time.Second):
			c.Process.Kill()
			<-done
		}
	})
	return nil
}
