package durable_test

import (
	"os"
	"runtime"
	"syscall"
	"testing"
)

// asAnybody takes from a test that the superuser runs his power over files, so
// that it meets what everybody meets. It holds for the test's own goroutine.
func asAnybody(t *testing.T) {
	t.Helper()
	if os.Getuid() != 0 {
		return
	}
	runtime.LockOSThread() // and the thread ends with the test
	syscall.RawSyscall(syscall.SYS_SETFSUID, 65534, 0, 0)
	if now, _, _ := syscall.RawSyscall(syscall.SYS_SETFSUID, 65534, 0, 0); now != 65534 {
		t.Fatal("the user for files stays the superuser")
	}
}
