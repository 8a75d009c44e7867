package server

import (
	"crypto/tls"
	"errors"
	"log"
	"strings"

	"github.com/go-logr/logr"

	"github.com/watchword-io/watchword/internal/directory"
)

// errNoCertificate ends a handshake while no realm has a certificate.
var errNoCertificate = errors.New("no realm has a serving certificate yet")

// certificate picks the certificate of the realm that a connection is for; it is asked for each handshake, so a renewed
// certificate serves at once. Without a server name (clients send none for IP addresses) the local address tells; a name that no
// realm has gets the oldest realm's certificate, so that the client sees a mismatch, and 421 if it does not care.
func (s *Server) certificate(hello *tls.ClientHelloInfo) (*tls.Certificate, error) {
	name := strings.ToLower(hello.ServerName)
	if name == "" && hello.Conn != nil {
		name = hostname(hello.Conn.LocalAddr().String())
	}
	realms := s.Directory.Snapshot().Realms
	for _, named := range []func(*directory.Realm) bool{
		func(r *directory.Realm) bool { return r.Hostname == name },
		func(r *directory.Realm) bool { return hasName(r.Spec.Serving.AdditionalNames, name) },
		func(*directory.Realm) bool { return true },
	} {
		for _, r := range realms {
			if r.Certificate != nil && named(r) && hello.SupportsCertificate(r.Certificate) == nil {
				return r.Certificate, nil
			}
		}
		for _, r := range realms {
			if r.Certificate != nil && named(r) {
				return r.Certificate, nil
			}
		}
	}
	return nil, errNoCertificate
}

func hasName(names []string, name string) bool {
	for _, n := range names {
		if hostname(n) == name {
			return true
		}
	}
	return false
}

// connectionLog receives net/http's complaints about connections: broken handshakes and the like, which anybody can cause. They are
// shown only at debug level.
func connectionLog(l logr.Logger) *log.Logger {
	return log.New(writerFunc(func(line []byte) (int, error) {
		l.V(1).Info("connection trouble", "detail", strings.TrimSpace(string(line)))
		return len(line), nil
	}), "", 0)
}

type writerFunc func([]byte) (int, error)

// Write implements io.Writer.
func (f writerFunc) Write(p []byte) (int, error) { return f(p) }
