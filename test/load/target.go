// Package load sends one prepared request again and again over a few TLS connections: what the benchmarks and the end-to-end tests load
// the token service with. It speaks just enough HTTP/1.1 to cost less than the server it measures; net/http's client would cost more.
//
// It owns the connections and the clock. Invariant: an answer other than 200, or what Answered names, is an error, never a fast success.
package load

import (
	"bytes"
	"crypto/x509"
	"fmt"
	"net"
	"strconv"
	"strings"
)

// Target is one request, ready to be sent. The zero value is of no use; Get and Post make Targets.
type Target struct {
	address string // to connect to
	host    string // in the request
	roots   *x509.CertPool
	request []byte
	source  net.IP // nil: whatever the system chooses
	answers []int  // nil: 200
}

// Get is a GET of a path at an address, host:port.
func Get(address string, roots *x509.CertPool, path string) Target {
	return Target{address: address, host: address, roots: roots, request: []byte("GET " + path + " HTTP/1.1\r\nHost: " + address + "\r\n\r\n")}
}

// Post is a POST of an encoded form, with further headers ("Name: value").
func Post(address string, roots *x509.CertPool, path, form string, headers ...string) Target {
	head := []string{
		"POST " + path + " HTTP/1.1", "Host: " + address, "Content-Type: application/x-www-form-urlencoded",
		"Content-Length: " + strconv.Itoa(len(form)),
	}
	head = append(head, headers...)
	return Target{address: address, host: address, roots: roots, request: []byte(strings.Join(head, "\r\n") + "\r\n\r\n" + form)}
}

// Via is the same request, sent to another replica: only the connection goes elsewhere.
func (t Target) Via(address string) Target {
	t.address = address
	return t
}

// From is the same request, sent from an address of this machine: any in 127.0.0.0/8 is one.
func (t Target) From(source net.IP) Target {
	t.source = source
	return t
}

// Answered is the same request, and these are the statuses that it may be answered with.
func (t Target) Answered(statuses ...int) Target {
	t.answers = statuses
	return t
}

// To is the same request to another server and path.
func (t Target) To(address string, roots *x509.CertPool, path string) Target {
	line, rest, _ := bytes.Cut(t.request, []byte("\r\n"))
	method, _, _ := bytes.Cut(line, []byte(" "))
	rest = bytes.Replace(rest, []byte("Host: "+t.host), []byte("Host: "+address), 1)
	t.address, t.host, t.roots, t.request = address, address, roots, fmt.Appendf(nil, "%s %s HTTP/1.1\r\n%s", method, path, rest)
	return t
}

// Once sends the request on a connection of its own.
func (t Target) Once() error {
	_, err := t.Fetch()
	return err
}

// Fetch sends the request on a connection of its own and returns the body of the answer.
func (t Target) Fetch() ([]byte, error) {
	c, err := t.dial()
	if err != nil {
		return nil, err
	}
	defer c.conn.Close()
	return c.read()
}
