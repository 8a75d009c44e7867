//go:build integration

package browser_test

import (
	"io"
	"log"
	"net"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"github.com/watchword-io/watchword/test/browser"
	"github.com/watchword-io/watchword/test/browser/gallery"
)

type lookInput struct {
	Base        string   `json:"base"`
	Screenshots string   `json:"screenshots"`
	Pages       []string `json:"pages"`
}

type lookResult struct {
	Looked   int `json:"looked"`
	Findings []struct{ Page, Variant, Problem string }
}

// TestIntegrationPages looks at every page, light, dark, narrow, in high contrast and without JavaScript. axe-core finds nothing, every
// control is reached by keyboard and large enough to touch, nothing scrolls sideways, and the browser has nothing to complain of: the
// policy allows what the page needs. The pictures are kept under bin/screenshots.
func TestIntegrationPages(t *testing.T) {
	server := serve(t, gallery.Handler())
	folder, err := browser.Screenshots()
	if err != nil {
		t.Fatal(err)
	}
	input := lookInput{Base: server.URL, Screenshots: folder}
	for _, sample := range gallery.Samples() {
		input.Pages = append(input.Pages, sample.Name)
	}
	var result lookResult
	if err := browser.Run(t.Context(), "pages.mjs", input, &result); err != nil {
		t.Fatal(err)
	}
	const variants = 5
	if want := variants * len(input.Pages); result.Looked != want {
		t.Errorf("looked at %d pages, want %d", result.Looked, want)
	}
	for _, f := range result.Findings {
		t.Errorf("%s (%s): %s", f.Page, f.Variant, f.Problem)
	}
}

// serve starts a server over TLS that lasts as long as the test. The browser tries a certificate that it does not know twice; nobody
// needs to read of the first time.
func serve(t *testing.T, handler http.Handler) *httptest.Server {
	t.Helper()
	listener, err := (&net.ListenConfig{}).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	return serveAt(t, listener, handler)
}

// serveAt is serve where a listener is.
func serveAt(t *testing.T, listener net.Listener, handler http.Handler) *httptest.Server {
	t.Helper()
	server := &httptest.Server{Listener: listener, Config: &http.Server{
		Handler: handler, ErrorLog: log.New(io.Discard, "", 0), ReadHeaderTimeout: time.Minute,
	}}
	server.StartTLS()
	t.Cleanup(server.Close)
	return server
}
