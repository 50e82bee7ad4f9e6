//go:build unix

package layout

import (
	"io/fs"
	"syscall"
)

// holes reports whether a file is nearly all holes: large, and with next to
// nothing of it on the disk. No content that is worth its name is, and reading
// it would take hours for nothing.
func holes(info fs.FileInfo) bool {
	st, ok := info.Sys().(*syscall.Stat_t)
	return ok && info.Size() > 1<<30 && int64(st.Blocks) < info.Size()/512/100
}
