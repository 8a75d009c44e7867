package controlplane

import "syscall"

// childAttributes put a child into its own process group, out of reach of the terminal's interrupt, and have the
// kernel kill it if the thread that started it ends: not even a killed test leaves a control plane behind.
func childAttributes() *syscall.SysProcAttr {
	return &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGKILL}
}
