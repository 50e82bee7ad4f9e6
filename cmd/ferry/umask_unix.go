//go:build unix

package main

import "syscall"

// fixUmask makes the modes of what is written the same on every host, 0644 and
// 0755, whatever umask the host has: what root unpacks shall be readable by
// those for whom it was carried over.
func fixUmask() { syscall.Umask(0o022) }
