//go:build !linux

package durable_test

import (
	"os"
	"runtime"
	"testing"
)

func asAnybody(t *testing.T) {
	t.Helper()
	if os.Getuid() == 0 || runtime.GOOS == "windows" {
		t.Skip("the superuser may remove and read everything, and Windows knows no such modes: run it as another user, on Linux or macOS")
	}
}
