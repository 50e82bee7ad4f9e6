package main

import "syscall"

// anonymous is fresh memory, in huge pages where there are any: in small ones
// it takes longer to touch than what is measured with it.
func anonymous(n int64) []byte {
	m, err := syscall.Mmap(-1, 0, int(n), syscall.PROT_READ|syscall.PROT_WRITE, syscall.MAP_ANON|syscall.MAP_PRIVATE)
	if err != nil {
		return make([]byte, n)
	}
	_ = syscall.Madvise(m, syscall.MADV_HUGEPAGE) // a wish
	return m
}
