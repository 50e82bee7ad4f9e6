//go:build unix

package main

import (
	"os"
	"runtime"
	"syscall"
)

// residentPeak is the largest resident memory of a process that has ended, or
// of one that it started, in bytes.
func residentPeak(p *os.ProcessState) int64 {
	u, ok := p.SysUsage().(*syscall.Rusage)
	if !ok {
		return 0
	}
	if runtime.GOOS == "darwin" || runtime.GOOS == "ios" {
		return int64(u.Maxrss)
	}
	return int64(u.Maxrss) << 10
}
