package main

import (
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/ociferry/ferry/cmd/ferry/internal/ui"
)

// noSockets in the environment makes the command under test a process that is
// killed when it opens a socket. All scripts are run so, but those about
// registries.
const noSockets = "FERRY_TEST_NO_SOCKETS"

// online are the commands that may open connections.
var online = regexp.MustCompile(`^(pull|push)(\b|_)`)

// Every command that must work without a network is run in a script, and by
// that where sockets are forbidden.
func TestOfflineCommandsAreRun(t *testing.T) {
	scripts, err := filepath.Glob(filepath.Join("testdata", "script", "*.txtar"))
	if err != nil {
		t.Fatal(err)
	}
	var all strings.Builder
	for _, name := range scripts {
		if !online.MatchString(filepath.Base(name)) {
			data, err := os.ReadFile(name)
			if err != nil {
				t.Fatal(err)
			}
			all.Write(data)
		}
	}
	for _, c := range commands(&ui.Env{}) {
		if !online.MatchString(c.Name) && !regexp.MustCompile(`(?m)^(exec|exits [0-9]+|! exec) ferry `+c.Name+`\b`).MatchString(all.String()) {
			t.Errorf("no script runs ferry %s without a network", c.Name)
		}
	}
}

// Nothing but layout/registry is built on the network: the other packages do
// not even hold the code.
func TestNetworkIsInOnePlace(t *testing.T) {
	list := func(format string, args ...string) string {
		cmd := exec.Command("go", append([]string{"list", "-f", format}, args...)...)
		cmd.Dir = repository(t)
		out, err := cmd.Output()
		if err != nil {
			t.Fatal(err)
		}
		return string(out)
	}
	deps := list(`{{.ImportPath}} {{join .Deps " "}}`, "./...")
	seen := 0
	for line := range strings.Lines(deps) {
		fields := strings.Fields(line)
		name := strings.TrimPrefix(fields[0], module)
		if strings.HasPrefix(name, "layout/registry") || strings.HasPrefix(name, "cmd/") {
			continue
		}
		seen++
		for _, d := range fields[1:] {
			if d == "net/http" || d == "crypto/tls" { // "net" itself comes with crypto/x509
				t.Errorf("%s depends on %s", name, d)
			}
		}
	}
	if seen < 5 {
		t.Errorf("only %d packages were looked at", seen)
	}
	// In the command, the files of its verbs know of registries.
	files, err := filepath.Glob("*.go")
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range files {
		data, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		imports := regexp.MustCompile(`"(net|net/http|github.com/ociferry/ferry/layout/registry|github.com/ociferry/ferry/cmd/ferry/internal/remote)"`).Match(data)
		switch {
		case strings.HasSuffix(name, "_test.go"), online.MatchString(name), name == "ls.go", name == "inspect.go": // of a reference into a registry
		case imports:
			t.Errorf("%s imports the network", name)
		}
	}
}
