// Package fetch gets public documents from addresses that an administrator has registered: key sets, issuers' metadata.
//
// It owns the bounds of outbound HTTP: https only, no redirects, a deadline, a size, no credentials and nothing kept between two fetches.
// What a document means, and how often one may be fetched, its callers know. Its invariant: nothing but the address that was given is
// ever asked, and no more is read of the answer than MaxBytes.
package fetch

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"time"
)

const (
	// MaxBytes is the longest document that is read.
	MaxBytes = 256 << 10
	// Timeout bounds one fetch, from the name lookup to the last byte.
	Timeout = 5 * time.Second
)

// Getter fetches. The zero value is ready, trusts what the caller says and uses the proxy of the environment. Safe for concurrent use.
type Getter struct{}

// Get reads the document at an https address, whose server must have a certificate of roots; nil means the authorities of the system. Any
// status but 200 is an error, a redirect too. Errors name the address and nothing of the answer but its status.
func (Getter) Get(ctx context.Context, address string, roots *x509.CertPool) ([]byte, error) {
	ctx, cancel := context.WithTimeout(ctx, Timeout)
	defer cancel()
	u, err := url.Parse(address)
	if err != nil || u.Scheme != "https" || u.Host == "" || u.User != nil || u.Fragment != "" {
		return nil, errors.New("fetch: the address is no https URL without user name and fragment")
	}
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, address, nil)
	if err != nil {
		return nil, fmt.Errorf("fetch %q: %w", address, err)
	}
	request.Header.Set("Accept", "application/json")
	request.Header.Set("User-Agent", "watchword")
	transport := newTransport(roots)
	defer transport.CloseIdleConnections()
	client := http.Client{Transport: transport, CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	response, err := client.Do(request)
	if err != nil {
		return nil, fmt.Errorf("fetch: %w", err) // url.Error names the address
	}
	defer func() { _ = response.Body.Close() }()
	if response.StatusCode != http.StatusOK {
		return nil, fmt.Errorf("fetch %q: status %d", address, response.StatusCode)
	}
	document, err := io.ReadAll(io.LimitReader(response.Body, MaxBytes+1))
	switch {
	case err != nil:
		return nil, fmt.Errorf("fetch %q: %w", address, err)
	case len(document) > MaxBytes:
		return nil, fmt.Errorf("fetch %q: longer than %d bytes", address, MaxBytes)
	}
	return document, nil
}

// newTransport makes a transport for one fetch: they are minutes apart, and each may trust other authorities.
func newTransport(roots *x509.CertPool) *http.Transport {
	return &http.Transport{
		Proxy:                  http.ProxyFromEnvironment,
		DialContext:            (&net.Dialer{Timeout: Timeout}).DialContext,
		TLSClientConfig:        &tls.Config{RootCAs: roots, MinVersion: tls.VersionTLS12},
		DisableKeepAlives:      true,
		DisableCompression:     true, // a bomb would be unpacked beyond MaxBytes
		MaxResponseHeaderBytes: 16 << 10,
		ForceAttemptHTTP2:      true,
	}
}
