package authorize

import (
	"net/url"
	"slices"
	"strings"
	"testing"

	"github.com/watchword-io/watchword/internal/directory"
	"github.com/watchword-io/watchword/internal/server/pages"
)

var client = &directory.Client{RedirectURIs: []string{
	"https://web.example.com/callback", "https://web.example.com/cb?a=b", "http://127.0.0.1/callback", "http://[::1]:8000/cb?from=app",
}}

// FuzzRegistered checks the one thing that matters: whatever is sent to, a browser goes to a registered host and path. Seeds are what
// made other servers redirect elsewhere.
func FuzzRegistered(f *testing.F) {
	for _, seed := range []string{
		"https://web.example.com/callback", "http://127.0.0.1:65535/callback", "http://[::1]/cb?from=app", "https://web.example.com@evil.example/callback",
		`https://web.example.com\@evil.example/callback`, "http://127.0.0.1:80@evil.example/callback", "http://127.0.0.1:80\\@evil.example/callback",
		"http://127.0.0.1:0x50/callback", "http://127.0.0.1:１/callback", "//web.example.com/callback", "https:web.example.com/callback",
		"http://127.0.0.1:1/callback#", "http://127.0.0.1:1/callback?code=x", "HTTP://127.0.0.1:1/callback", "http://127.0.0.1\t:1/callback",
	} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, uri string) {
		if !registered(client, uri) || slices.Contains(client.RedirectURIs, uri) {
			return
		}
		u, err := url.Parse(uri)
		if err != nil || u.Scheme != "http" || u.User != nil || u.Fragment != "" || strings.ContainsAny(uri, "\\ \t\r\n#") {
			t.Fatalf("%q is taken for registered", uri)
		}
		switch u.Hostname() + u.RequestURI() {
		case "127.0.0.1/callback", "::1/cb?from=app":
		default:
			t.Fatalf("%q is taken for registered, and leads to %q", uri, u.Hostname()+u.RequestURI())
		}
	})
}

func TestWithQuery(t *testing.T) {
	parameters := []pages.Parameter{{Name: "code", Value: "a b&c"}, {Name: "iss", Value: "https://id.example.com"}}
	const encoded = "code=a+b%26c&iss=https%3A%2F%2Fid.example.com"
	for address, want := range map[string]string{
		"https://web.example.com/cb":     "https://web.example.com/cb?" + encoded,
		"https://web.example.com/cb?":    "https://web.example.com/cb?" + encoded,
		"https://web.example.com/cb?a=b": "https://web.example.com/cb?a=b&" + encoded,
		"http://127.0.0.1:80":            "http://127.0.0.1:80?" + encoded,
	} {
		if got := withQuery(address, parameters); got != want {
			t.Errorf("withQuery(%s) = %s, want %s", address, got, want)
		}
	}
}
