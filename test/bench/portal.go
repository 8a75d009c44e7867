package main

import (
	"context"
	"crypto/rand"
	"crypto/tls"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"time"

	"golang.org/x/oauth2"
	"golang.org/x/sync/errgroup"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/watchword-io/watchword/api/v1alpha1"
	"github.com/watchword-io/watchword/test/textbrowser"
)

const (
	portalClient   = "portal"
	portalCallback = "https://portal.example.com/callback"
)

// portal is a web application that people sign in to. Its connections are kept, so that handshakes do not count.
type portal struct {
	stage     *stage
	secret    string
	transport *http.Transport
}

// credentials are what it gets for a person.
type credentials struct {
	Access  string `json:"access_token"`
	Refresh string `json:"refresh_token"`
}

// openPortal creates the application and the people who sign in to it, and returns when they can.
func (s *stage) openPortal(ctx context.Context) (*portal, error) {
	application := &v1alpha1.ClientApplication{
		ObjectMeta: metav1.ObjectMeta{Namespace: namespace, Name: portalClient},
		Spec: v1alpha1.ClientApplicationSpec{
			Type: v1alpha1.ClientConfidential, RedirectURIs: []string{portalCallback},
			GrantTypes: []v1alpha1.GrantType{v1alpha1.GrantAuthorizationCode, v1alpha1.GrantRefreshToken, v1alpha1.GrantClientCredentials},
		},
	}
	if err := s.env.Client.Create(ctx, application); err != nil {
		return nil, err
	}
	p := &portal{stage: s, transport: &http.Transport{TLSClientConfig: &tls.Config{RootCAs: s.roots}, MaxIdleConnsPerHost: signers}}
	err := s.await(ctx, "the portal to be ready", func(ctx context.Context) (err error) {
		if p.secret, err = s.secret(ctx, portalClient); err != nil {
			return err
		}
		_, err = p.token(ctx, url.Values{"grant_type": {"client_credentials"}})
		return err
	})
	if err != nil {
		return nil, err
	}
	var people errgroup.Group
	for i := range signers {
		people.Go(func() error { return s.firstSignIn(ctx, person(signer(i)), nil) })
	}
	return p, people.Wait()
}

func (p *portal) browser() *textbrowser.Browser {
	return textbrowser.New(p.transport).StopAt(portalCallback)
}

// signIn is the whole code flow. A browser that is signed in already needs no username.
func (p *portal) signIn(ctx context.Context, b *textbrowser.Browser, username string) (credentials, error) {
	verifier, state := oauth2.GenerateVerifier(), rand.Text()
	request := url.Values{
		"client_id": {portalClient}, "response_type": {"code"}, "redirect_uri": {portalCallback}, "scope": {"openid profile email groups"},
		"state": {state}, "code_challenge": {oauth2.S256ChallengeFromVerifier(verifier)}, "code_challenge_method": {"S256"},
	}
	page, err := b.Open(ctx, p.stage.issuer()+"/authorize?"+request.Encode())
	if err == nil && username != "" {
		page, err = page.SignIn(ctx, textbrowser.Someone{Username: username, Password: password})
	}
	if err != nil {
		return credentials{}, err
	}
	answer := page.URL.Query()
	if page.Status != 0 || answer.Get("state") != state || answer.Get("code") == "" {
		return credentials{}, fmt.Errorf("the browser ended at %s with status %d: %s", page.URL.Path, page.Status, page.Text)
	}
	return p.token(ctx, url.Values{
		"grant_type": {"authorization_code"}, "code": {answer.Get("code")}, "code_verifier": {verifier}, "redirect_uri": {portalCallback},
	})
}

func (p *portal) refresh(ctx context.Context, refreshToken string) (credentials, error) {
	got, err := p.token(ctx, url.Values{"grant_type": {"refresh_token"}, "refresh_token": {refreshToken}})
	if err == nil && got.Refresh == "" {
		err = errors.New("the answer has no refresh token")
	}
	return got, err
}

func (p *portal) token(ctx context.Context, form url.Values) (got credentials, err error) {
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, p.stage.issuer()+"/token", strings.NewReader(form.Encode()))
	if err != nil {
		return got, err
	}
	request.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	request.SetBasicAuth(portalClient, url.QueryEscape(p.secret))
	response, err := (&http.Client{Transport: p.transport, Timeout: 30 * time.Second}).Do(request)
	if err != nil {
		return got, err
	}
	defer response.Body.Close()
	body, err := io.ReadAll(response.Body)
	if err == nil && response.StatusCode != http.StatusOK {
		err = fmt.Errorf("token endpoint answers %s: %s", response.Status, body)
	}
	if err == nil {
		err = json.Unmarshal(body, &got)
	}
	return got, err
}
