package hasher

import "golang.org/x/sys/unix"

// lowerPriority gives the calling thread the lowest priority. On Linux the process is the thread for setpriority(2), and lowering is
// always allowed; were it not, logins would only be less polite.
func lowerPriority() { _ = unix.Setpriority(unix.PRIO_PROCESS, 0, 19) }
