package ui

import (
	"fmt"
	"os"

	"github.com/ociferry/ferry/layout"
)

// ReadSmall reads a small file by its name.
func ReadSmall(name string, limit int64) ([]byte, error) {
	info, err := os.Stat(name)
	if err != nil {
		return nil, err
	}
	if !info.Mode().IsRegular() {
		return nil, Misuse(fmt.Errorf("%s: want a file", layout.Printable(name)), "")
	}
	f, err := os.Open(name)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	data, err := readLimited(f, limit)
	return data, Wrap(name, err)
}
