//go:build unix && !linux

package controlplane

import "syscall"

// childAttributes put a child into its own process group. Other systems than Linux cannot tie a child's life to its
// parent's: there, a test that is killed leaves its control plane running.
func childAttributes() *syscall.SysProcAttr {
	return &syscall.SysProcAttr{Setpgid: true}
}
