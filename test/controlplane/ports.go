package controlplane

import (
	"fmt"
	"math/rand/v2"
	"net"
)

// Ports are taken from below the ephemeral range of every common system: inside it, a client that retries while
// kube-apiserver is stopped could be given that very port for its own end of a connection, and even connect to itself.
const (
	firstPort = 20000
	lastPort  = 32000
)

// freePort returns a loopback port that nobody listened on a moment ago. The caller must be ready to try again.
func freePort() (int, error) {
	const attempts = 200
	for range attempts {
		port := firstPort + rand.IntN(lastPort-firstPort)
		listener, err := net.Listen("tcp", fmt.Sprintf("127.0.0.1:%d", port))
		if err != nil {
			continue
		}
		return port, listener.Close()
	}
	return 0, fmt.Errorf("find a free loopback port: none of %d tried between %d and %d", attempts, firstPort, lastPort)
}
