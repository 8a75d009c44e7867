// Package textbrowser is a browser without a window: it opens addresses, keeps cookies, follows redirects and refreshes, and fills in
// forms, as a person with an old text browser would. The demo, the benchmarks and the end-to-end tests sign people in with it.
//
// It owns what a browser does by itself; what a person does on Watchword's pages is in person.go. It runs no scripts and loads no
// images: pages that need those do not work in it, on purpose. Invariant: a form is sent as it was drawn, and filling in a field that
// it does not have is an error.
package textbrowser

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"strings"
	"time"
)

const (
	// maxSteps is how many redirects and refreshes are followed, maxPage how much of a page is read.
	maxSteps, maxPage = 10, 1 << 20
	timeout           = 30 * time.Second
)

// Browser keeps cookies. It is safe for concurrent use; copies share their cookies.
type Browser struct {
	// Stop says where to stop: a page at such an address is returned without being fetched, with Status 0. Nil: nowhere.
	Stop func(*url.URL) bool
	// Visited is told of every page and redirect on the way. Nil: nobody is.
	Visited func(method string, page *Page)

	client *http.Client
}

// New makes a browser without cookies that connects over transport.
func New(transport http.RoundTripper) *Browser {
	jar, err := cookiejar.New(nil)
	if err != nil {
		panic(err) // never, by its contract
	}
	return &Browser{client: &http.Client{
		Transport: transport, Jar: jar, Timeout: timeout,
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}}
}

// Over is the same browser, cookies included, on another connection: to another replica, say.
func (b *Browser) Over(transport http.RoundTripper) *Browser {
	other, client := *b, *b.client
	client.Transport = transport
	other.client = &client
	return &other
}

// Cookies are those that the browser would send to an address.
func (b *Browser) Cookies(address string) []*http.Cookie {
	u, err := url.Parse(address)
	if err != nil {
		return nil
	}
	return b.client.Jar.Cookies(u)
}

// StopAt makes the browser stop at addresses that begin so: a client's redirect URI that nobody serves.
func (b *Browser) StopAt(prefix string) *Browser {
	b.Stop = func(u *url.URL) bool { return strings.HasPrefix(u.String(), prefix) }
	return b
}

// Open opens an address and goes on to where it leads.
func (b *Browser) Open(ctx context.Context, address string) (*Page, error) {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, address, nil)
	if err != nil {
		return nil, err
	}
	request.Header.Set("Sec-Fetch-Site", "none")
	return b.load(request)
}

// load sends a request and follows what it leads to, by GET always (RFC 9110 section 15.4.4).
func (b *Browser) load(request *http.Request) (*Page, error) {
	for range maxSteps {
		if b.Stop != nil && b.Stop(request.URL) {
			return &Page{URL: request.URL, browser: b}, nil
		}
		page, err := b.fetch(request)
		if err != nil {
			return nil, err
		}
		if b.Visited != nil {
			b.Visited(request.Method, page)
		}
		next, err := page.onward()
		if err != nil || next == nil {
			return page, err
		}
		if request, err = http.NewRequestWithContext(request.Context(), http.MethodGet, next.String(), nil); err != nil {
			return nil, err
		}
	}
	return nil, fmt.Errorf("open %s: still not there after %d redirects", request.URL.Redacted(), maxSteps)
}

func (b *Browser) fetch(request *http.Request) (*Page, error) {
	request.Header.Set("User-Agent", "textbrowser")
	request.Header.Set("Accept", "text/html")
	response, err := b.client.Do(request)
	if err != nil {
		return nil, err
	}
	defer response.Body.Close()
	body, err := io.ReadAll(io.LimitReader(response.Body, maxPage))
	if err != nil {
		return nil, err
	}
	page := &Page{URL: request.URL, Status: response.StatusCode, Header: response.Header, Body: string(body), browser: b}
	if err := page.read(); err != nil {
		return nil, err
	}
	return page, nil
}

// errNoForm is a page without a form where one is needed.
var errNoForm = errors.New("the page has no form")
