//go:build !linux

package hasher

// lowerPriority does nothing where threads have no priority of their own.
func lowerPriority() {}
