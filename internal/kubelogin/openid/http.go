package openid

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"time"
)

const (
	// maxAnswer bounds what is read of one answer.
	maxAnswer = 1 << 20
	// requestTimeout bounds one request, reading the answer included.
	requestTimeout = 30 * time.Second
)

// NewHTTPClient returns a client that trusts the authorities of a PEM bundle, or of the system if it is empty. It follows no
// redirects: no endpoint has a reason to send a code, a password or a token elsewhere.
func NewHTTPClient(ca []byte) (*http.Client, error) {
	config := &tls.Config{MinVersion: tls.VersionTLS12}
	if len(ca) > 0 {
		config.RootCAs = x509.NewCertPool()
		if !config.RootCAs.AppendCertsFromPEM(ca) {
			return nil, errors.New("certificate authority: holds no PEM certificate")
		}
	}
	transport := &http.Transport{
		Proxy: http.ProxyFromEnvironment, TLSClientConfig: config, ForceAttemptHTTP2: true,
		TLSHandshakeTimeout: 10 * time.Second, MaxResponseHeaderBytes: 64 << 10,
	}
	return &http.Client{
		Transport:     bounded{transport},
		Timeout:       requestTimeout,
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}, nil
}

// bounded cuts bodies off, so that no answer fills the memory.
type bounded struct{ next http.RoundTripper }

// RoundTrip implements http.RoundTripper.
func (b bounded) RoundTrip(r *http.Request) (*http.Response, error) {
	answer, err := b.next.RoundTrip(r)
	if err != nil {
		return nil, err
	}
	answer.Body = struct {
		io.Reader
		io.Closer
	}{io.LimitReader(answer.Body, maxAnswer), answer.Body}
	return answer, nil
}

// getJSON reads an answer into v, with a bearer token if there is one.
func (p *Provider) getJSON(ctx context.Context, url, bearer string, v any) error {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, url, http.NoBody)
	if err != nil {
		return err
	}
	request.Header.Set("Accept", "application/json")
	if bearer != "" {
		request.Header.Set("Authorization", "Bearer "+bearer)
	}
	answer, err := p.options.HTTP.Do(request)
	if err != nil {
		return classify(err)
	}
	defer answer.Body.Close()
	if answer.StatusCode != http.StatusOK {
		return byStatus(answer, "", "")
	}
	if err := json.NewDecoder(answer.Body).Decode(v); err != nil {
		return &Untrusted{What: "answer", Why: fmt.Sprintf("%s is not the JSON that was expected", url)}
	}
	return nil
}
