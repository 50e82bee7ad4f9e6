package main

import (
	"archive/tar"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/ociferry/ferry/layout/layouttest"
)

// maxResident is how much memory may be in use at any time, in bytes.
const maxResident = 128 << 20

// A limitRow is an input that asks for much, and what is done with it by the
// command as it is shipped. Each verb takes no more memory than the limit, also
// where Go sees many cores, and ends within a second of a signal, with nothing
// left behind. A new input, or a new verb, is a row.
type limitRow struct {
	name  string
	input func(t *testing.T, s *sandbox) // written into the directory in
	verbs []string                       // as typed in the directory in; OUT is a name in an empty directory
	limit int64                          // bytes; 0 is maxResident
	procs []string                       // GOMAXPROCS; nil is 8 and 16
	// check holds what a run that ends by itself has said; nil wants exit code 0.
	check func(t *testing.T, verb string, code int, stdout, stderr string)

	// A verb that lasts does not end by itself; it is told to as soon as it has
	// written to OUT, or has taken from standard input what is there of it.
	lasts  bool
	stdin  []byte
	signal syscall.Signal // 0 is SIGTERM
}

func limitRows() []limitRow {
	rows := []limitRow{
		{name: "128 MiB of noise", input: noise(128 << 20), verbs: []string{"unpack --no-sync bundle -o OUT", "verify bundle"}},
		{name: "a file without an end", lasts: true, input: holes(16 << 30), verbs: []string{"pack files -o OUT", "pack files -o OUT.tar"}},
		{name: "a file without an end, interrupted", lasts: true, signal: syscall.SIGINT, input: holes(16 << 30), verbs: []string{"pack files -o OUT.tar.gz"}, procs: []string{"8"}},
		{name: "half of an archive", lasts: true, input: nothing, stdin: half(), verbs: []string{"unpack - -o OUT"}},
		{name: "half of an archive, interrupted", lasts: true, signal: syscall.SIGINT, input: nothing, stdin: half(), verbs: []string{"verify -"}, procs: []string{"8"}},
		{name: "half of an archive, hung up", lasts: true, signal: syscall.SIGHUP, input: nothing, stdin: half(), verbs: []string{"bundle - -o OUT.tar"}, procs: []string{"16"}},
	}
	// The large cases are tried here only, as an archive and as a directory.
	for i, c := range layouttest.Large() {
		verbs := []string{"unpack --no-sync bundle -o OUT"}
		if c.Tar == nil {
			verbs = append(verbs, "verify layout")
		}
		rows = append(rows, limitRow{name: c.Name, verbs: verbs, procs: []string{"8", "16"}[i%2 : i%2+1],
			input: func(t *testing.T, s *sandbox) { s.put(t, c) },
			check: func(t *testing.T, verb string, code int, stdout, stderr string) {
				checkRefusal(t, verb, c, code, stdout, stderr)
			}})
	}
	for _, c := range layouttest.Accepted() {
		if regexp.MustCompile(`500 deep|more paths`).MatchString(c.Name) {
			rows = append(rows, limitRow{name: c.Name, verbs: []string{"unpack --no-sync --layout bundle -o OUT"}, procs: []string{"16"}, input: func(t *testing.T, s *sandbox) { s.put(t, c) }})
		}
	}
	return rows
}

// What holds of the command as it is shipped.
func TestShipped(t *testing.T) {
	if testing.Short() {
		t.Skip("for the race detector: the command that is run is built without it")
	}
	ferry := shipped(t)
	for _, r := range limitRows() {
		if r.procs == nil {
			r.procs = []string{"8", "16"}
		}
		if r.limit == 0 {
			r.limit = maxResident
		}
		t.Run(r.name, func(t *testing.T) {
			t.Parallel()
			s := makeSandbox(t)
			r.input(t, s)
			before := s.state(t)
			for _, verb := range r.verbs {
				for _, procs := range r.procs {
					r.run(t, s, ferry, verb, procs)
				}
			}
			if after := s.state(t); after != before {
				t.Errorf("something was left or changed:\n%s\nwas\n%s", after, before)
			}
		})
	}
}

// run runs a verb to its end, if it has one, and again until it is told to end.
func (r limitRow) run(t *testing.T, s *sandbox, ferry, verb, procs string) {
	args := append([]string{ferry}, strings.Fields(strings.ReplaceAll(verb, "OUT", s.path("out", "x")))...)
	what := verb + " with GOMAXPROCS=" + procs
	wait := 100 * time.Millisecond
	if !r.lasts {
		m := s.measure(t, args, procs)
		if m.Resident > r.limit || m.Resident < 1<<20 {
			t.Errorf("%s: %d MiB of memory, the limit is %d MiB", what, m.Resident>>20, r.limit>>20)
		}
		if r.check != nil {
			r.check(t, what, m.Code, m.Stdout, m.Stderr)
		} else if m.Code != 0 {
			t.Errorf("%s: exit code %d: %s", what, m.Code, m.Stderr)
		}
		if err := os.RemoveAll(s.path("out", "x")); err != nil {
			t.Fatal(err)
		}
		if wait = m.Wall / 2; wait < 200*time.Millisecond {
			return // it ends within a second by itself
		}
	}
	// What does not hear the signal is slow each time; a busy machine is not.
	slow := ""
	for try := 0; try == 0 || try < 3 && slow != ""; try++ {
		slow = r.interrupt(t, s, args, procs, what, wait)
		if err := os.RemoveAll(s.path("out", "x")); err != nil { // it was done before the signal came
			t.Fatal(err)
		}
	}
	if slow != "" {
		t.Error(slow)
	}
}

// interrupt starts a verb and tells it to end. It returns what to say if that
// took too long.
func (r limitRow) interrupt(t *testing.T, s *sandbox, args []string, procs, what string, wait time.Duration) (slow string) {
	cmd, stdin := s.command(t, args, procs)
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	defer stdin.Close()
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	switch {
	case r.stdin != nil:
		if _, err := stdin.Write(r.stdin); err != nil { // returns when some of it has been read; no more comes
			t.Fatal(err)
		}
	case r.lasts:
		underWay(t, s.path("out"))
	}
	time.Sleep(wait)
	used, worked := usage(cmd.Process.Pid)
	if used > r.limit {
		t.Errorf("%s: %d MiB of memory, the limit is %d MiB", what, used>>20, r.limit>>20)
	}
	if r.signal == 0 {
		r.signal = syscall.SIGTERM
	}
	if err := cmd.Process.Signal(r.signal); err != nil && r.lasts {
		t.Fatal(err)
	}
	began := time.Now()
	late := time.AfterFunc(10*time.Second, func() { cmd.Process.Kill() })
	_ = cmd.Wait() // the exit code says it
	late.Stop()
	// On a machine that does much else it may take longer, but not work longer: what
	// works for a second at most ends within one on a machine that is free.
	d, work := time.Since(began), cmd.ProcessState.UserTime()+cmd.ProcessState.SystemTime()-worked
	if d > 5*time.Second || d > time.Second && work > time.Second {
		slow = fmt.Sprintf("%s: it took %v to end, and %v of processor time: exit code %d", what, d, work, cmd.ProcessState.ExitCode())
	}
	code := cmd.ProcessState.ExitCode()
	if want := 128 + int(r.signal); code != want && r.lasts {
		t.Errorf("%s: exit code %d, want %d: %s", what, code, want, stderr.String())
	} else if code == want && strings.Count(stderr.String(), "\n") != 1 {
		t.Errorf("%s: want one line, found %q", what, stderr.String())
	}
	return slow
}

func nothing(*testing.T, *sandbox) {}

// holes is a file that takes long to hash, and no room.
func holes(size int64) func(*testing.T, *sandbox) {
	return func(t *testing.T, s *sandbox) {
		big := s.path("in", "files", "big")
		if err := errors.Join(os.Mkdir(filepath.Dir(big), 0o755), os.WriteFile(big, nil, 0o644), os.Truncate(big, size)); err != nil {
			t.Fatal(err)
		}
	}
}

// noise is an artifact with one layer that does not compress.
func noise(size int) func(*testing.T, *sandbox) {
	return func(t *testing.T, s *sandbox) {
		s.put(t, layouttest.Case{Tar: func() []byte {
			l := layouttest.Layout{"oci-layout": []byte(`{"imageLayoutVersion":"1.0.0"}`)}
			noise := make([]byte, size)
			x := uint64(1)
			for i := range noise {
				x = x*6364136223846793005 + 1442695040888963407
				noise[i] = byte(x >> 56)
			}
			m := layouttest.Manifest(l.Put(layouttest.EmptyType, []byte("{}")), l.Put("application/octet-stream", noise).With("annotations", `{"org.opencontainers.image.title":"noise"}`)).With("artifactType", `"a/b"`)
			l["index.json"] = []byte(layouttest.Index(l.Put(layouttest.ManifestType, []byte(m.String()))).String())
			return l.Tar()
		}})
	}
}

// half is how an archive begins, more of it than a pipe holds.
func half() []byte {
	var archive bytes.Buffer
	h := &tar.Header{Typeflag: tar.TypeReg, Name: "blobs/sha256/" + strings.Repeat("0", 64), Size: 1 << 30, Mode: 0o644}
	if err := tar.NewWriter(&archive).WriteHeader(h); err != nil {
		panic(err)
	}
	return append(archive.Bytes(), make([]byte, 64<<10)...)
}

// command is a run in the directory of the input. Its standard input is open
// until the caller closes it.
func (s *sandbox) command(t *testing.T, args []string, procs string, env ...string) (*exec.Cmd, *os.File) {
	t.Helper()
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { r.Close() })
	cmd := exec.Command(args[0], args[1:]...)
	cmd.Dir, cmd.Stdin = s.path("in"), r
	cmd.Env = append(env, "HOME="+s.path("home"), "TMPDIR="+s.path("tmp"), "GOMAXPROCS="+procs)
	return cmd, w
}

// A measurement is a run that has ended.
type measurement struct {
	Resident       int64 // bytes
	Wall           time.Duration
	Code           int
	Stdout, Stderr string
}

// measured holds the command line that TestMeasure runs.
const measured = "FERRY_TEST_MEASURE"

// measure runs a command to its end. The kernel counts what the parent had for
// the child's memory as well, so that a small process stands between the two.
func (s *sandbox) measure(t *testing.T, args []string, procs string) (m measurement) {
	t.Helper()
	line, err := json.Marshal(args)
	if err != nil {
		t.Fatal(err)
	}
	cmd, stdin := s.command(t, []string{os.Args[0], "-test.run=^TestMeasure$"}, procs, measured+"="+string(line))
	stdin.Close()
	out, err := cmd.Output()
	if err == nil {
		err = json.NewDecoder(bytes.NewReader(out)).Decode(&m)
	}
	if err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	return m
}

// TestMeasure is the small process of measure, and else does nothing.
func TestMeasure(t *testing.T) {
	if os.Getenv(measured) == "" {
		return
	}
	var args []string
	if err := json.Unmarshal([]byte(os.Getenv(measured)), &args); err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(args[0], args[1:]...)
	cmd.Env = slices.DeleteFunc(os.Environ(), func(v string) bool { return strings.HasPrefix(v, measured) })
	var stdout, stderr bytes.Buffer
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	began := time.Now()
	if err := cmd.Run(); err != nil && !errors.As(err, new(*exec.ExitError)) {
		t.Fatal(err)
	}
	m := measurement{cmd.ProcessState.SysUsage().(*syscall.Rusage).Maxrss << 10, time.Since(began), cmd.ProcessState.ExitCode(), stdout.String(), stderr.String()}
	if err := json.NewEncoder(os.Stdout).Encode(m); err != nil {
		t.Fatal(err)
	}
}

// usage is the most memory that a process has had, in bytes, and its processor
// time; nothing if it has ended.
func usage(pid int) (peak int64, worked time.Duration) {
	status, _ := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	_, rest, _ := strings.Cut(string(status), "VmHWM:")
	if f := strings.Fields(rest); len(f) > 0 {
		peak, _ = strconv.ParseInt(f[0], 10, 64)
	}
	stat, _ := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	_, rest, _ = strings.Cut(string(stat), ") ")
	if f := strings.Fields(rest); len(f) > 12 { // proc_pid_stat(5): utime and stime, in hundredths
		user, _ := strconv.ParseInt(f[11], 10, 64)
		system, _ := strconv.ParseInt(f[12], 10, 64)
		worked = time.Duration(user+system) * 10 * time.Millisecond
	}
	return peak << 10, worked
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
