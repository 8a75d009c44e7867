// Package directory is the read model of the token service: who exists in which realm, held in memory and looked up in O(1).
//
// It follows the API server with reflectors of its own, turns each object into a compact record the moment it arrives, and keeps
// nothing else, so 100,000 users fit into 100 MB. It leaves judging requests to internal/server. Its invariant: only what
// internal/validate accepts and what is the oldest of its name is ever found, and a change takes effect with its watch event.
// When the API server is away it goes on answering from memory.
package directory
