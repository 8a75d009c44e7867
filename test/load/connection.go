package load

import (
	"bufio"
	"bytes"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"slices"
	"strconv"
)

// ErrStatus is an answer that was not expected; the error that wraps it has the status line.
var ErrStatus = errors.New("answer has an unexpected status")

// connection sends a target's request over one TLS connection.
type connection struct {
	conn    *tls.Conn
	reader  *bufio.Reader
	request []byte
	answers [][]byte // beginnings of status lines
}

func (t Target) dial() (*connection, error) {
	dialer := &net.Dialer{}
	if t.source != nil {
		dialer.LocalAddr = &net.TCPAddr{IP: t.source}
	}
	conn, err := tls.DialWithDialer(dialer, "tcp", t.address, &tls.Config{RootCAs: t.roots})
	if err != nil {
		return nil, err
	}
	c := &connection{conn: conn, reader: bufio.NewReaderSize(conn, 16<<10), request: t.request}
	for _, status := range t.answers {
		c.answers = append(c.answers, fmt.Appendf(nil, "HTTP/1.1 %d ", status))
	}
	if t.answers == nil {
		c.answers = [][]byte{[]byte("HTTP/1.1 200 ")}
	}
	return c, nil
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

// exchange sends the request, reads the head of the answer and returns the length of the body.
func (c *connection) exchange() (int, error) {
	if _, err := c.conn.Write(c.request); err != nil {
		return 0, err
	}
	line, err := c.reader.ReadSlice('\n')
	if err != nil {
		return 0, err
	}
	if !slices.ContainsFunc(c.answers, func(beginning []byte) bool { return bytes.HasPrefix(line, beginning) }) {
		return 0, fmt.Errorf("%w: %s", ErrStatus, bytes.TrimSpace(line))
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
