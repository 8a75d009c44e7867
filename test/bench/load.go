package main

import (
	"bufio"
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"
	"sync"
	"time"
)

// target is one request, ready to be sent again and again.
type target struct {
	address string
	roots   *x509.CertPool
	request []byte
}

// get and post make targets. The bytes are those of HTTP/1.1 with keep-alive: what most service clients speak, and the cheapest load.
func get(address string, roots *x509.CertPool, path string) target {
	return target{address, roots, []byte("GET " + path + " HTTP/1.1\r\nHost: " + address + "\r\n\r\n")}
}

func post(address string, roots *x509.CertPool, path, form string, headers ...string) target {
	head := []string{
		"POST " + path + " HTTP/1.1", "Host: " + address, "Content-Type: application/x-www-form-urlencoded",
		"Content-Length: " + strconv.Itoa(len(form)),
	}
	head = append(head, headers...)
	return target{address, roots, []byte(strings.Join(head, "\r\n") + "\r\n\r\n" + form)}
}

// to is the same request to another server and path.
func (t target) to(address string, roots *x509.CertPool, path string) target {
	line, rest, _ := bytes.Cut(t.request, []byte("\r\n"))
	method, _, _ := bytes.Cut(line, []byte(" "))
	rest = bytes.Replace(rest, []byte("Host: "+t.address), []byte("Host: "+address), 1)
	return target{address, roots, fmt.Appendf(nil, "%s %s HTTP/1.1\r\n%s", method, path, rest)}
}

// errStatus is an answer other than 200.
var errStatus = errors.New("answer is not 200")

// connection sends a target's request over one TLS connection. net/http's client would cost more than the server it measures.
type connection struct {
	conn    *tls.Conn
	reader  *bufio.Reader
	request []byte
}

func (t target) dial() (*connection, error) {
	conn, err := tls.Dial("tcp", t.address, &tls.Config{RootCAs: t.roots})
	if err != nil {
		return nil, err
	}
	return &connection{conn: conn, reader: bufio.NewReaderSize(conn, 16<<10), request: t.request}, nil
}

// do sends the request and reads the answer to its end.
func (c *connection) do() error {
	length, err := c.exchange()
	if err != nil {
		return err
	}
	_, err = c.reader.Discard(length)
	return err
}

// read sends the request and returns the body of the answer.
func (c *connection) read() ([]byte, error) {
	length, err := c.exchange()
	if err != nil {
		return nil, err
	}
	body := make([]byte, length)
	_, err = io.ReadFull(c.reader, body)
	return body, err
}

// exchange sends the request, reads the head of the answer and returns the length of the body. An answer other than 200 is an error.
func (c *connection) exchange() (int, error) {
	if _, err := c.conn.Write(c.request); err != nil {
		return 0, err
	}
	status, err := c.reader.ReadSlice('\n')
	if err != nil {
		return 0, err
	}
	if !bytes.HasPrefix(status, []byte("HTTP/1.1 200 ")) {
		return 0, fmt.Errorf("%w: %s", errStatus, bytes.TrimSpace(status))
	}
	length := -1
	for {
		line, err := c.reader.ReadSlice('\n')
		if err != nil {
			return 0, err
		}
		if len(line) <= 2 {
			break
		}
		if value, found := bytes.CutPrefix(line, []byte("Content-Length: ")); found {
			if length, err = strconv.Atoi(string(bytes.TrimSpace(value))); err != nil {
				return 0, err
			}
		}
	}
	if length < 0 {
		return 0, errors.New("answer has no Content-Length")
	}
	return length, nil
}

// result is what a load saw.
type result struct {
	latencies []time.Duration
	elapsed   time.Duration
}

func (r result) perSecond() float64 { return float64(len(r.latencies)) / r.elapsed.Seconds() }

// run sends the target's request over n connections for d, after a tenth of d that does not count. With a rate above zero, the
// connections together send that many requests a second; otherwise each sends the next when it has the last answer. Latency is
// from the first byte written to the last one read. The first error ends the load.
func (t target) run(ctx context.Context, n int, d time.Duration, rate float64) (result, error) {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	all := make([][]time.Duration, n)
	warm := d / 10
	start := time.Now()
	var workers sync.WaitGroup
	for i := range n {
		workers.Go(func() {
			c, err := t.dial()
			if err != nil {
				cancel(err)
				return
			}
			defer c.conn.Close()
			var pause time.Duration
			if rate > 0 {
				pause = time.Duration(float64(n) / rate * float64(time.Second))
			}
			next := start.Add(pause * time.Duration(i) / time.Duration(n))
			for {
				if pause > 0 {
					time.Sleep(time.Until(next))
					next = next.Add(pause)
				}
				sent := time.Now()
				if sent.Sub(start) > warm+d || ctx.Err() != nil {
					return
				}
				if err := c.do(); err != nil {
					cancel(err)
					return
				}
				if sent.Sub(start) > warm {
					all[i] = append(all[i], time.Since(sent))
				}
			}
		})
	}
	workers.Wait()
	if err := context.Cause(ctx); err != nil {
		return result{}, err
	}
	r := result{elapsed: time.Since(start) - warm}
	for _, latencies := range all {
		r.latencies = append(r.latencies, latencies...)
	}
	return r, nil
}
