package browser

import (
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"net/url"
	"strings"
	"testing"
)

const state = "STATE"

func listen(t *testing.T) *Receiver {
	t.Helper()
	r, err := Listen(t.Context(), state)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(r.Close)
	return r
}

type reply struct {
	status int
	body   string
	header http.Header
}

func get(t *testing.T, method, address, host string) reply {
	t.Helper()
	request, err := http.NewRequestWithContext(t.Context(), method, address, http.NoBody)
	if err != nil {
		t.Fatal(err)
	}
	request.Host = host
	answer, err := http.DefaultTransport.RoundTrip(request)
	if err != nil {
		t.Fatal(err)
	}
	defer answer.Body.Close()
	body, err := io.ReadAll(answer.Body)
	if err != nil {
		t.Fatal(err)
	}
	return reply{answer.StatusCode, string(body), answer.Header}
}

// TestReceive shows that strangers change nothing, and that the first good answer is the only one.
func TestReceive(t *testing.T) {
	r := listen(t)
	good := r.RedirectURI() + "?code=CODE&state=" + state
	strangers := map[string]struct {
		method, address, host string
		status                int
	}{
		"another path":      {http.MethodGet, strings.Replace(good, "/callback", "/", 1), "", http.StatusNotFound},
		"a longer path":     {http.MethodGet, strings.Replace(good, "/callback", "/callback/", 1), "", http.StatusNotFound},
		"another method":    {http.MethodPost, good, "", http.StatusMethodNotAllowed},
		"another host name": {http.MethodGet, good, "evil.example", http.StatusMisdirectedRequest},
		"localhost":         {http.MethodGet, good, "localhost", http.StatusMisdirectedRequest},
		"no state":          {http.MethodGet, r.RedirectURI() + "?code=CODE", "", http.StatusBadRequest},
		"wrong state":       {http.MethodGet, r.RedirectURI() + "?code=EVIL&state=STATF", "", http.StatusBadRequest},
		"state twice":       {http.MethodGet, good + "&state=" + state, "", http.StatusBadRequest},
		"junk":              {http.MethodGet, r.RedirectURI() + "?%zz", "", http.StatusBadRequest},
		"semicolons":        {http.MethodGet, r.RedirectURI() + "?a;state=" + state, "", http.StatusBadRequest},
	}
	for name, s := range strangers {
		t.Run(name, func(t *testing.T) {
			if got := get(t, s.method, s.address, s.host); got.status != s.status || strings.Contains(got.body, "EVIL") {
				t.Errorf("got %d, want %d; body %s", got.status, s.status, got.body)
			}
		})
	}
	page := make(chan reply, 1)
	go func() { page <- get(t, http.MethodGet, good, "") }()
	response, err := r.Wait(t.Context())
	if err != nil || response.Get("code") != "CODE" {
		t.Fatalf("got %v, %v", response, err)
	}
	if again := get(t, http.MethodGet, good, ""); again.status != http.StatusGone {
		t.Errorf("a second answer got %d, want 410", again.status)
	}
	r.Finish(nil)
	got := <-page
	if got.status != http.StatusOK || !strings.Contains(got.body, "You are signed in") || strings.Contains(got.body, "CODE") {
		t.Errorf("the browser shows %d: %s", got.status, got.body)
	}
	for header, want := range map[string]string{
		"Cache-Control": "no-store", "Referrer-Policy": "no-referrer", "X-Content-Type-Options": "nosniff",
		"Content-Security-Policy": policy(),
	} {
		if got.header.Get(header) != want {
			t.Errorf("%s is %q, want %q", header, got.header.Get(header), want)
		}
	}
	if strings.Contains(policy(), "unsafe") {
		t.Errorf("the policy is %q", policy())
	}
}

func TestTheBrowserIsToldOfFailure(t *testing.T) {
	r := listen(t)
	page := make(chan reply, 1)
	go func() { page <- get(t, http.MethodGet, r.RedirectURI()+"?error=access_denied&state="+state, "") }()
	if _, err := r.Wait(t.Context()); err != nil {
		t.Fatal(err)
	}
	r.Finish(errors.New("planted-secret"))
	if got := <-page; got.status != http.StatusBadRequest || !strings.Contains(got.body, "You are not signed in") ||
		strings.Contains(got.body, "planted-secret") {
		t.Errorf("the browser shows %d: %s", got.status, got.body)
	}
}

func TestListen(t *testing.T) {
	r := listen(t)
	address, err := url.Parse(r.RedirectURI())
	if err != nil || address.Hostname() != "127.0.0.1" || address.Port() == "0" || address.Path != "/callback" {
		t.Errorf("the redirect URI is %s, %v", r.RedirectURI(), err)
	}
	if _, err := Listen(t.Context(), ""); err == nil {
		t.Error("an empty state was accepted: every answer would fit")
	}
	canceled, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := r.Wait(canceled); !errors.Is(err, context.Canceled) {
		t.Errorf("waiting in an ended context: %v", err)
	}
	r.Close()
	if connection, err := new(net.Dialer).DialContext(t.Context(), "tcp", address.Host); err == nil {
		connection.Close()
		t.Error("the port is open after Close")
	}
}

func TestPresent(t *testing.T) {
	tests := map[string]struct {
		system string
		env    map[string]string
		want   bool
	}{
		"mac":                {"darwin", nil, true},
		"mac over SSH":       {"darwin", map[string]string{"SSH_CONNECTION": "a"}, false},
		"windows":            {"windows", nil, true},
		"linux console":      {"linux", nil, false},
		"linux X11":          {"linux", map[string]string{"DISPLAY": ":0"}, true},
		"linux Wayland":      {"linux", map[string]string{"WAYLAND_DISPLAY": "wayland-0"}, true},
		"X11 forwarded":      {"linux", map[string]string{"DISPLAY": "localhost:10", "SSH_TTY": "/dev/pts/1"}, false},
		"linux in Windows":   {"linux", map[string]string{"WSL_DISTRO_NAME": "Debian"}, true},
		"another Unix":       {"freebsd", nil, false},
		"SSH with no others": {"linux", map[string]string{"SSH_CLIENT": "a"}, false},
	}
	for name, test := range tests {
		if got := present(func(name string) string { return test.env[name] }, test.system); got != test.want {
			t.Errorf("%s: a browser appears before the person: %v, want %v", name, got, test.want)
		}
	}
}
