//go:build !linux

package operator

import "syscall"

// childAttributes keep a terminal's interrupt from the child: its parent decides when it ends.
func childAttributes() *syscall.SysProcAttr { return &syscall.SysProcAttr{Setpgid: true} }
