package main

import (
	"archive/tar"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"regexp"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/ociferry/ferry/layout/layouttest"
)

// maxResident is how much memory may be in use at any time, in bytes.
const maxResident = 128 << 20

// What holds of the command as it is shipped.
func TestShipped(t *testing.T) {
	ferry := shipped(t)
	t.Run("memory", func(t *testing.T) { testMemory(t, ferry) })
	t.Run("signals", func(t *testing.T) { testSignals(t, ferry) })
}

// No input makes the command use more memory than that.
func testMemory(t *testing.T, ferry string) {
	s := newSandbox(t)
	large := regexp.MustCompile(`(MiB|1 GiB|00,00.|500 deep|more paths)`)
	cases := append(layouttest.Refused(), layouttest.Accepted()...)
	cases = append(cases, layouttest.Case{Name: "128 MiB of noise", Tar: func() []byte {
		l := layouttest.Layout{"oci-layout": []byte(`{"imageLayoutVersion":"1.0.0"}`)}
		noise := make([]byte, 128<<20)
		x := uint64(1)
		for i := range noise {
			x = x*6364136223846793005 + 1442695040888963407
			noise[i] = byte(x >> 56)
		}
		m := layouttest.Manifest(l.Put(layouttest.EmptyType, []byte("{}")), l.Put("application/octet-stream", noise).With("annotations", `{"org.opencontainers.image.title":"noise"}`)).With("artifactType", `"a/b"`)
		l["index.json"] = []byte(layouttest.Index(l.Put(layouttest.ManifestType, []byte(m.String()))).String())
		return l.Tar()
	}})
	for _, c := range cases {
		if !large.MatchString(c.Name) || c.Dir != nil {
			continue
		}
		t.Run(c.Name, func(t *testing.T) {
			inputs := s.put(t, c)
			// What unpack does is what verify does, and more.
			used := resident(t, s, []string{ferry, "unpack", "--no-sync", inputs[0], "-o", s.path("out", "x")})
			if used > maxResident || used < 1<<20 {
				t.Errorf("unpack used %d MiB", used>>20)
			}
			if err := os.RemoveAll(s.path("out", "x")); err != nil {
				t.Fatal(err)
			}
		})
	}
}

// measured holds the command line that TestMeasure runs.
const measured = "FERRY_TEST_MEASURE"

// resident runs a command and returns its peak of memory. The kernel counts
// what the parent had for the child's as well, so that a small process stands
// between the two.
func resident(t *testing.T, s *sandbox, args []string) int64 {
	t.Helper()
	line, err := json.Marshal(args)
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(os.Args[0], "-test.run=^TestMeasure$")
	cmd.Env = []string{measured + "=" + string(line), "HOME=" + s.path("home"), "TMPDIR=" + s.path("tmp")}
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	var kib int64
	if _, err := fmt.Sscan(string(out), &kib); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	return kib << 10
}

// TestMeasure is the small process of resident, and else does nothing.
func TestMeasure(t *testing.T) {
	var args []string
	if os.Getenv(measured) == "" {
		return
	}
	if err := json.Unmarshal([]byte(os.Getenv(measured)), &args); err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(args[0], args[1:]...)
	if err := cmd.Run(); err != nil && !errors.As(err, new(*exec.ExitError)) {
		t.Fatal(err)
	}
	fmt.Println(cmd.ProcessState.SysUsage().(*syscall.Rusage).Maxrss)
}

// A signal ends a run within a second; what it was writing is gone.
func testSignals(t *testing.T, ferry string) {
	s := newSandbox(t)
	if err := os.Mkdir(s.path("in", "files"), 0o755); err != nil {
		t.Fatal(err)
	}
	big := s.path("in", "files", "big")
	if err := os.WriteFile(big, nil, 0o644); err != nil {
		t.Fatal(err)
	}
	if err := os.Truncate(big, 16<<30); err != nil { // holes: long to hash, and no disk
		t.Fatal(err)
	}
	// The begin of an archive, more than a pipe holds.
	var archive bytes.Buffer
	h := &tar.Header{Typeflag: tar.TypeReg, Name: "blobs/sha256/" + strings.Repeat("0", 64), Size: 1 << 30, Mode: 0o644}
	if err := tar.NewWriter(&archive).WriteHeader(h); err != nil {
		t.Fatal(err)
	}
	begun := append(archive.Bytes(), make([]byte, 64<<10)...)
	for _, c := range []struct {
		name string
		args []string
		sig  syscall.Signal
		code int
	}{
		{"pack to an archive", []string{"pack", s.path("in", "files"), "-o", s.path("out", "x.tar.gz")}, syscall.SIGTERM, 143},
		{"pack to a directory", []string{"pack", s.path("in", "files"), "-o", s.path("out", "x")}, syscall.SIGINT, 130},
		{"verify a pipe", []string{"verify", "-"}, syscall.SIGINT, 130},
		{"unpack a pipe", []string{"unpack", "-", "-o", s.path("out", "x")}, syscall.SIGTERM, 143},
		{"bundle a pipe", []string{"bundle", "-", "-o", s.path("out", "x.tar")}, syscall.SIGHUP, 129},
	} {
		t.Run(c.name, func(t *testing.T) {
			before := s.state(t)
			cmd := exec.Command(ferry, c.args...)
			cmd.Env = []string{"HOME=" + s.path("home"), "TMPDIR=" + s.path("tmp")}
			var stderr bytes.Buffer
			cmd.Stderr = &stderr
			r, w, err := os.Pipe()
			if err != nil {
				t.Fatal(err)
			}
			defer r.Close()
			defer w.Close()
			cmd.Stdin = r
			if err := cmd.Start(); err != nil {
				t.Fatal(err)
			}
			if strings.HasPrefix(c.name, "pack") {
				underWay(t, s.path("out"))
			} else if _, err := w.Write(begun); err != nil { // returns when some of it has been read; no more comes
				t.Fatal(err)
			}
			time.Sleep(100 * time.Millisecond)
			if err := cmd.Process.Signal(c.sig); err != nil {
				t.Fatal(err)
			}
			began := time.Now()
			done := make(chan error, 1)
			go func() { done <- cmd.Wait() }()
			select {
			case <-done:
			case <-time.After(10 * time.Second):
				cmd.Process.Kill()
				t.Fatal("it goes on")
			}
			if d := time.Since(began); d > time.Second {
				t.Errorf("it took %v", d)
			}
			if code := cmd.ProcessState.ExitCode(); code != c.code {
				t.Errorf("exit code %d, want %d: %s", code, c.code, stderr.String())
			}
			if strings.Count(stderr.String(), "\n") != 1 {
				t.Errorf("want one line, found %q", stderr.String())
			}
			if after := s.state(t); after != before {
				t.Errorf("left behind:\n%s\nwas\n%s", after, before)
			}
		})
	}
}

// underWay waits until something is being written in a directory.
func underWay(t *testing.T, dir string) {
	t.Helper()
	for range 1000 {
		if entries, err := os.ReadDir(dir); err != nil || len(entries) > 0 {
			return
		}
		time.Sleep(10 * time.Millisecond)
	}
	t.Fatal("nothing is being written")
}
