//go:build unix

package tokencache

import (
	"io/fs"
	"os"
	"syscall"
)

// noFollow makes opening a symbolic link fail.
const noFollow = syscall.O_NOFOLLOW

// private refuses what is not this user's alone.
func private(path string, info fs.FileInfo) error {
	if stat, ok := info.Sys().(*syscall.Stat_t); ok && int(stat.Uid) != os.Geteuid() {
		return &Unsafe{Path: path, Why: "belongs to another user"}
	}
	if info.Mode().Perm()&0o077 != 0 {
		return &Unsafe{Path: path, Why: "is open to others (mode " + info.Mode().Perm().String() + ")"}
	}
	return nil
}
