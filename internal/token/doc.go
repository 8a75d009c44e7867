// Package token makes the JWTs that Watchword issues and the key set that verifies them.
//
// It owns the claims and their order, the header, and the last guard before a signature: no token ever names a subject, user or
// group that Kubernetes reserves, is without a subject, or is longer than MaxLength. It leaves deciding what a client may have to
// internal/server/grants and the life of keys to internal/keyring. Its invariant: whatever Sign returns, kube-apiserver may see.
package token
