package operator

import (
	"fmt"
	"math/rand/v2"
	"net"
	"strconv"
)

// FreePorts returns n different addresses on 127.0.0.1 that nobody listened on a moment ago. They lie below the range from which clients
// are given their own ends of connections.
func FreePorts(n int) ([]string, error) {
	const first, last, attempts = 20000, 32000, 200
	var (
		addresses []string
		listeners []net.Listener
	)
	defer func() { // all at the end, so that no port is chosen twice
		for _, listener := range listeners {
			_ = listener.Close()
		}
	}()
	for range attempts {
		if len(addresses) == n {
			break
		}
		address := net.JoinHostPort("127.0.0.1", strconv.Itoa(first+rand.IntN(last-first)))
		listener, err := net.Listen("tcp", address)
		if err != nil {
			continue
		}
		listeners = append(listeners, listener)
		addresses = append(addresses, address)
	}
	if len(addresses) < n {
		return nil, fmt.Errorf("find %d free loopback ports: found %d", n, len(addresses))
	}
	return addresses, nil
}
