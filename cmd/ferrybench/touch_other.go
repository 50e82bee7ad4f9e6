//go:build !linux

package main

func anonymous(n int64) []byte { return make([]byte, n) }
