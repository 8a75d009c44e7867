package httpx_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/go-logr/logr"

	"github.com/watchword-io/watchword/internal/oauth2"
	"github.com/watchword-io/watchword/internal/server/httpx"
)

func edge() (*httpx.Edge, *bytes.Buffer) {
	var log bytes.Buffer
	return httpx.NewEdge(logr.FromSlogHandler(slog.NewJSONHandler(&log, nil))), &log
}

func TestFail(t *testing.T) {
	for name, tc := range map[string]struct {
		err       error
		challenge string
		status    int
		code      string
		header    map[string]string
		logged    bool
	}{
		"protocol error":        {err: oauth2.BadRequest("r", "d"), status: 400, code: "invalid_request"},
		"wrapped":               {err: fmt.Errorf("x: %w", oauth2.BadRequest("r", "d")), status: 400, code: "invalid_request"},
		"401 with challenge":    {err: oauth2.BadClient("r"), challenge: "Basic", status: 401, code: "invalid_client", header: map[string]string{"WWW-Authenticate": "Basic"}},
		"400 without challenge": {err: oauth2.BadRequest("r", "d"), challenge: "Basic", status: 400, code: "invalid_request", header: map[string]string{"WWW-Authenticate": ""}},
		"come again":            {err: oauth2.Unavailable("r", 3*time.Second), status: 503, code: "temporarily_unavailable", header: map[string]string{"Retry-After": "3"}},
		"come again at once":    {err: oauth2.Unavailable("r", time.Millisecond), status: 503, code: "temporarily_unavailable", header: map[string]string{"Retry-After": "1"}},
		"not found":             {err: httpx.NotFound(), status: 404, code: "not_found"},
		"misdirected":           {err: httpx.Misdirected(), status: 421, code: "misdirected_request"},
		"method":                {err: httpx.MethodNotAllowed("POST"), status: 405, code: "method_not_allowed", header: map[string]string{"Allow": "POST"}},
		"anything else":         {err: errors.New("secret detail"), status: 500, code: "server_error", logged: true},
	} {
		t.Run(name, func(t *testing.T) {
			e, log := edge()
			w := httptest.NewRecorder()
			e.Fail(w, "request-1", tc.challenge, tc.err)
			var body map[string]string
			if err := json.Unmarshal(w.Body.Bytes(), &body); err != nil {
				t.Fatal(err)
			}
			if w.Code != tc.status || body["error"] != tc.code || body["error_description"] == "" || w.Header().Get("X-Request-Id") != "request-1" {
				t.Errorf("%d %v %v; want %d %s with a description and the request ID", w.Code, body, w.Header(), tc.status, tc.code)
			}
			for k, want := range tc.header {
				if got := w.Header().Get(k); got != want {
					t.Errorf("%s = %q; want %q", k, got, want)
				}
			}
			if logged := strings.Contains(log.String(), "request-1"); logged != tc.logged {
				t.Errorf("logged: %v; want %v: %s", logged, tc.logged, log)
			}
			if strings.Contains(w.Body.String(), "secret detail") {
				t.Error("an internal error is told to the client")
			}
		})
	}
}

func TestRecover(t *testing.T) {
	e, log := edge()
	serve := func(cause any) (w *httptest.ResponseRecorder) {
		w = httptest.NewRecorder()
		defer e.Recover(w, "request-1")
		panic(cause)
	}
	if w := serve("boom"); w.Code != http.StatusInternalServerError || strings.Contains(w.Body.String(), "boom") {
		t.Errorf("after a panic: %d %s; want 500 with fixed text", w.Code, w.Body)
	}
	if !strings.Contains(log.String(), "boom") || !strings.Contains(log.String(), "httpx_test.go") {
		t.Errorf("log %s; want the cause and the stack", log)
	}
	defer func() {
		if recover() != http.ErrAbortHandler { //nolint:errorlint // net/http compares it so
			t.Error("http.ErrAbortHandler does not reach net/http")
		}
	}()
	serve(http.ErrAbortHandler)
}

func TestRequestIDs(t *testing.T) {
	a, _ := edge()
	b, _ := edge()
	seen := map[string]bool{}
	for range 100 {
		for _, id := range []string{a.RequestID(), b.RequestID()} {
			if seen[id] {
				t.Fatalf("request ID %s twice", id)
			}
			seen[id] = true
		}
	}
}

func TestSource(t *testing.T) {
	for remote, want := range map[string]string{"192.0.2.1:1234": "192.0.2.1", "[2001:db8::1]:1": "2001:db8::1", "@": "@"} {
		r := httptest.NewRequest(http.MethodGet, "/", nil)
		r.RemoteAddr = remote
		r.Header.Set("X-Forwarded-For", "203.0.113.9")
		if got := httpx.Source(r); got != want {
			t.Errorf("Source(%s) = %s; want %s", remote, got, want)
		}
	}
}
