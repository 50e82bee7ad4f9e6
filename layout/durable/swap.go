package durable

import "os"

// swap exchanges two directories in three steps, where the system has no
// single one. A run killed between them leaves b's content at b + ".old".
func swap(a, b string) error {
	old := b + ".old"
	if err := os.Rename(b, old); err != nil {
		return err
	}
	if err := os.Rename(a, b); err != nil {
		os.Rename(old, b)
		return err
	}
	return os.Rename(old, a)
}
