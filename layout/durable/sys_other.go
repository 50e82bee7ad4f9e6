//go:build !linux

package durable

func syncFS(string) (bool, error) { return false, nil }

func exchange(a, b string) error { return swap(a, b) }
