package source

import (
	"os"
	"strconv"
	"strings"

	"github.com/ociferry/ferry/layout/compression"
	"github.com/ociferry/ferry/layout/registry"
)

// LooksRemote reports whether an argument is meant for a registry. A path that
// is there never is.
func LooksRemote(arg string) bool {
	if scheme, _, ok := strings.Cut(arg, "://"); ok && !strings.ContainsAny(scheme, "/.") {
		return true
	}
	if _, err := os.Lstat(arg); err == nil || compression.ByName(arg) != nil {
		return false
	}
	host, _, ok := strings.Cut(arg, "/")
	if !ok { // a host alone, as pull takes it; with a port, for a file's name may look like one
		name, port, _ := strings.Cut(arg, ":")
		_, err := strconv.ParseUint(port, 10, 16)
		_, there := os.Lstat(name)
		ok = err == nil && there != nil && compression.ByName(name) == nil && (name == "localhost" || strings.Contains(name, "."))
	}
	if !ok || host == "." || host == ".." || host == "~" || host == "" {
		return false
	}
	if _, err := os.Lstat(host); err == nil {
		return false // a directory: a name in it was mistyped
	}
	if !strings.ContainsAny(host, ".:") && host != "localhost" {
		return false
	}
	_, err := registry.Parse(arg)
	return err == nil
}
