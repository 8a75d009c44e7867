package load_test

import (
	"crypto/x509"
	"errors"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/watchword-io/watchword/test/load"
)

// server counts what it is sent; it answers /refused with 401.
func server(t *testing.T, served *atomic.Int64) (address string, roots *x509.CertPool) {
	t.Helper()
	s := httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		served.Add(1)
		if r.URL.Path == "/refused" {
			w.WriteHeader(http.StatusUnauthorized)
			return
		}
		body, _ := io.ReadAll(r.Body)
		source, _, _ := net.SplitHostPort(r.RemoteAddr)
		_, _ = io.WriteString(w, r.Method+" "+r.Host+" "+r.Header.Get("X-Test")+" "+string(body)+source)
	}))
	t.Cleanup(s.Close)
	roots = x509.NewCertPool()
	roots.AddCert(s.Certificate())
	return strings.TrimPrefix(s.URL, "https://"), roots
}

func TestTarget(t *testing.T) {
	var served atomic.Int64
	address, roots := server(t, &served)
	post := load.Post("issuer.example.com:8443", roots, "/token", "a=b", "X-Test: yes")
	tests := map[string]struct {
		target load.Target
		want   string
	}{
		"get":               {load.Get(address, roots, "/keys"), "GET " + address + "  127.0.0.1"},
		"post via replica":  {post.Via(address), "POST issuer.example.com:8443 yes a=b127.0.0.1"},
		"post to elsewhere": {post.To(address, roots, "/other"), "POST " + address + " yes a=b127.0.0.1"},
		"from elsewhere":    {load.Get(address, roots, "/keys").From(net.IPv4(127, 0, 7, 9)), "GET " + address + "  127.0.7.9"},
		"refused":           {load.Get(address, roots, "/refused").Answered(http.StatusOK, http.StatusUnauthorized), ""},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			got, err := tc.target.Fetch()
			if err != nil {
				t.Fatal(err)
			}
			if string(got) != tc.want {
				t.Errorf("the server saw %q, want %q", got, tc.want)
			}
		})
	}
}

func TestRunCountsEveryRequest(t *testing.T) {
	var served atomic.Int64
	address, roots := server(t, &served)
	result, err := load.Get(address, roots, "/keys").Run(t.Context(), load.Plan{Connections: 3, Requests: 100})
	if err != nil {
		t.Fatal(err)
	}
	if len(result.Latencies) != 100 || served.Load() != 100 {
		t.Errorf("%d latencies of %d served, want 100 of 100", len(result.Latencies), served.Load())
	}
}

func TestRunKeepsItsRate(t *testing.T) {
	var served atomic.Int64
	address, roots := server(t, &served)
	_, err := load.Get(address, roots, "/keys").Run(t.Context(), load.Plan{Connections: 2, Duration: 200 * time.Millisecond, Rate: 100})
	if err != nil {
		t.Fatal(err)
	}
	if got := served.Load(); got > 24 { // 22 in 220 ms; never more, however fast the machine
		t.Errorf("sent %d requests, want about 22", got)
	}
}

func TestRunEndsWithTheFirstRefusal(t *testing.T) {
	var served atomic.Int64
	address, roots := server(t, &served)
	_, err := load.Get(address, roots, "/refused").Run(t.Context(), load.Plan{Connections: 2, Requests: 100})
	if !errors.Is(err, load.ErrStatus) || !strings.Contains(err.Error(), "401") {
		t.Errorf("got %v, want the refusal with its status", err)
	}
}
