package fetch_test

import (
	"compress/gzip"
	"context"
	"crypto/x509"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/watchword-io/watchword/internal/fetch"
)

// start serves over TLS and returns the authority to trust.
func start(t *testing.T, handler http.HandlerFunc) (address string, roots *x509.CertPool) {
	t.Helper()
	s := httptest.NewTLSServer(handler)
	t.Cleanup(s.Close)
	roots = x509.NewCertPool()
	roots.AddCert(s.Certificate())
	return s.URL, roots
}

func TestGet(t *testing.T) {
	address, roots := start(t, func(w http.ResponseWriter, r *http.Request) {
		if r.Method != http.MethodGet || r.URL.RequestURI() != "/keys?v=1" || r.Header.Get("Authorization") != "" || r.Header.Get("Cookie") != "" {
			t.Errorf("asked %s %s with %v", r.Method, r.URL.RequestURI(), r.Header)
		}
		http.SetCookie(w, &http.Cookie{Name: "track", Value: "1"})
		_, _ = w.Write([]byte(`{"keys":[]}`))
	})
	for range 2 {
		document, err := fetch.Getter{}.Get(t.Context(), address+"/keys?v=1", roots)
		if err != nil || string(document) != `{"keys":[]}` {
			t.Errorf("got %q, %v", document, err)
		}
	}
}

// What a server may do to us is bounded, and what it says goes no further.
func TestGetRefuses(t *testing.T) {
	const secret = "what-the-server-says"
	var redirected atomic.Bool
	for name, handler := range map[string]http.HandlerFunc{
		"a redirect": func(w http.ResponseWriter, r *http.Request) {
			if r.URL.Path == "/elsewhere" {
				redirected.Store(true)
			}
			http.Redirect(w, r, "/elsewhere", http.StatusFound)
		},
		"an error":        func(w http.ResponseWriter, _ *http.Request) { http.Error(w, secret, http.StatusInternalServerError) },
		"nothing":         func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusNoContent) },
		"a long document": func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write(make([]byte, fetch.MaxBytes+1)) },
		"a long header":   func(w http.ResponseWriter, _ *http.Request) { w.Header().Set("X", strings.Repeat("x", 64<<10)) },
		"half a document": func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Length", "10")
			_, _ = w.Write([]byte(secret[:5]))
		},
		"a broken channel": func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) },
	} {
		t.Run(name, func(t *testing.T) {
			address, roots := start(t, handler)
			document, err := fetch.Getter{}.Get(t.Context(), address, roots)
			if err == nil || document != nil || strings.Contains(err.Error(), secret) {
				t.Errorf("got %d bytes and error %v; want only an error that says nothing of the answer", len(document), err)
			}
		})
	}
	if redirected.Load() {
		t.Error("a redirect was followed")
	}
}

// A compressed answer is read as it came: it may be a bomb.
func TestGetUnpacksNothing(t *testing.T) {
	address, roots := start(t, func(w http.ResponseWriter, r *http.Request) {
		if r.Header.Get("Accept-Encoding") != "" {
			t.Errorf("asked for Accept-Encoding %q", r.Header.Get("Accept-Encoding"))
		}
		w.Header().Set("Content-Encoding", "gzip")
		packed := gzip.NewWriter(w)
		_, _ = packed.Write(make([]byte, 64<<20))
		_ = packed.Close()
	})
	if document, err := (fetch.Getter{}).Get(t.Context(), address, roots); err == nil && len(document) > fetch.MaxBytes {
		t.Errorf("%d bytes were unpacked", len(document))
	}
}

func TestGetTrustsOnlyTheGivenAuthorities(t *testing.T) {
	asked := func(http.ResponseWriter, *http.Request) {
		t.Error("the request was sent to a server that nobody vouches for")
	}
	address, _ := start(t, asked)
	for name, roots := range map[string]*x509.CertPool{"the system's": nil, "none": x509.NewCertPool()} {
		if _, err := (fetch.Getter{}).Get(t.Context(), address, roots); err == nil {
			t.Errorf("%s: no error", name)
		}
	}
}

func TestGetAddresses(t *testing.T) {
	address, roots := start(t, func(http.ResponseWriter, *http.Request) { t.Error("asked") })
	for _, wrong := range []string{
		"", "/keys", "keys.example.com", strings.Replace(address, "https", "http", 1), "file:///etc/passwd", "https://", "https:opaque",
		strings.Replace(address, "https://", "https://user:password@", 1), address + "#fragment", "https://[::1", "gopher://x",
	} {
		if _, err := (fetch.Getter{}).Get(t.Context(), wrong, roots); err == nil {
			t.Errorf("%q was fetched", wrong)
		}
	}
}

// A server that answers nothing holds us no longer than the caller wants.
func TestGetEndsWithItsContext(t *testing.T) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer listener.Close()
	accepted := make(chan struct{})
	ctx, cancel := context.WithCancel(t.Context())
	go func() {
		connection, err := listener.Accept()
		if err == nil {
			defer connection.Close()
		}
		cancel()
		<-accepted
	}()
	_, err = fetch.Getter{}.Get(ctx, "https://"+listener.Addr().String(), nil)
	close(accepted)
	if err == nil {
		t.Error("no error")
	}
}
