//go:build unix

package artifact

import (
	"io/fs"
	"syscall"
)

// owner is that of want, and whether it differs from that of have.
func owner(have, want fs.FileInfo) (uid, gid int, differs bool) {
	h, ok := have.Sys().(*syscall.Stat_t)
	w, ok2 := want.Sys().(*syscall.Stat_t)
	if !ok || !ok2 {
		return 0, 0, false
	}
	return int(w.Uid), int(w.Gid), h.Uid != w.Uid || h.Gid != w.Gid
}
