package openid_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/watchword-io/watchword/internal/kubelogin/openid"
	"github.com/watchword-io/watchword/test/fakerealm"
)

const redirectURI = "http://127.0.0.1:41234/callback"

func start(t *testing.T, behave func(*fakerealm.Behaviour)) *fakerealm.Realm {
	t.Helper()
	realm := fakerealm.New()
	t.Cleanup(realm.Close)
	if behave != nil {
		realm.Behave(behave)
	}
	return realm
}

func discover(realm *fakerealm.Realm) (*openid.Provider, error) {
	client, err := openid.NewHTTPClient(realm.CA())
	if err != nil {
		return nil, err
	}
	return openid.Discover(context.Background(), openid.Options{
		Issuer: realm.Issuer(), ClientID: "kubernetes", Scopes: []string{"email"}, HTTP: client, Now: time.Now,
	})
}

// codeFlow signs in as the browser and the command would, without a port.
func codeFlow(t *testing.T, realm *fakerealm.Realm) (*openid.Tokens, error) {
	t.Helper()
	p, err := discover(realm)
	if err != nil {
		return nil, err
	}
	a := p.Authorize(redirectURI, openid.NewState(), "alice", false)
	response := visit(t, realm, a.URL)
	return p.Redeem(t.Context(), a, response)
}

// visit returns the parameters that the realm sends to the redirect URI.
func visit(t *testing.T, realm *fakerealm.Realm, address string) url.Values {
	t.Helper()
	client := *realm.Browser()
	client.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	answer, err := client.Get(address)
	if err != nil {
		t.Fatal(err)
	}
	defer answer.Body.Close()
	target, err := answer.Location()
	if err != nil {
		t.Fatalf("the authorization endpoint answered %s without redirect", answer.Status)
	}
	return target.Query()
}

func TestCodeFlow(t *testing.T) {
	realm := start(t, nil)
	tokens, err := codeFlow(t, realm)
	if err != nil {
		t.Fatal(err)
	}
	if tokens.Subject != fakerealm.Subject || tokens.RefreshToken == "" || tokens.Nonce == "" || !tokens.Usable(time.Now()) {
		t.Errorf("tokens lack something: subject %q, usable until %s", tokens.Subject, tokens.UsableUntil())
	}
	if form := realm.Last(); form.Get("code_verifier") == "" || form.Get("client_id") != "kubernetes" || form.Get("client_secret") != "" {
		t.Error("the code was not redeemed with a verifier as a public client")
	}
}

func TestAuthorize(t *testing.T) {
	p, err := discover(start(t, nil))
	if err != nil {
		t.Fatal(err)
	}
	query := func(hint string, again bool) url.Values {
		u, err := url.Parse(p.Authorize(redirectURI, "STATE", hint, again).URL)
		if err != nil {
			t.Fatal(err)
		}
		return u.Query()
	}
	plain := query("", false)
	for name, want := range map[string]string{
		"state": "STATE", "redirect_uri": redirectURI, "client_id": "kubernetes", "scope": "openid email", "response_type": "code",
		"code_challenge_method": "S256", "prompt": "", "login_hint": "",
	} {
		if got := plain.Get(name); got != want {
			t.Errorf("%s is %q, want %q", name, got, want)
		}
	}
	other := query("alice", true)
	if other.Get("prompt") != "login" || other.Get("login_hint") != "alice" {
		t.Errorf("prompt is %q and login_hint %q", other.Get("prompt"), other.Get("login_hint"))
	}
	for _, name := range []string{"nonce", "code_challenge"} {
		if plain.Get(name) == "" || plain.Get(name) == other.Get(name) {
			t.Errorf("%s is not new in each sign-in", name)
		}
	}
}

// TestHostile shows that nothing of an answer is believed that a good realm would not give.
func TestHostile(t *testing.T) {
	claim := func(name string, value any) func(*fakerealm.Behaviour) {
		return func(b *fakerealm.Behaviour) { b.Claims = func(c map[string]any) { c[name] = value } }
	}
	response := func(change func(url.Values)) func(*fakerealm.Behaviour) {
		return func(b *fakerealm.Behaviour) { b.Response = change }
	}
	metadata := func(name string, value any) func(*fakerealm.Behaviour) {
		return func(b *fakerealm.Behaviour) { b.Metadata = func(m map[string]any) { m[name] = value } }
	}
	type b = fakerealm.Behaviour
	tests := map[string]struct {
		behave func(*b)
		want   string
	}{
		"wrong state":           {response(func(v url.Values) { v.Set("state", "x") }), "its state is not the one"},
		"no state":              {response(func(v url.Values) { v.Del("state") }), "its state is not the one"},
		"no iss":                {response(func(v url.Values) { v.Del("iss") }), "does not say which issuer"},
		"another iss":           {response(func(v url.Values) { v.Set("iss", "https://evil.example") }), "from another issuer"},
		"iss with slash":        {response(func(v url.Values) { v.Set("iss", v.Get("iss")+"/") }), "from another issuer"},
		"code twice":            {response(func(v url.Values) { v.Add("code", "x") }), "a parameter twice"},
		"no code":               {response(func(v url.Values) { v.Del("code") }), "neither code nor error"},
		"foreign code":          {response(func(v url.Values) { v.Set("code", "x") }), "refused: invalid_grant"},
		"error without iss":     {response(func(v url.Values) { v.Set("error", "access_denied"); v.Del("iss") }), "does not say which issuer"},
		"denied":                {response(func(v url.Values) { v.Set("error", "access_denied") }), "refused: access_denied"},
		"unavailable":           {response(func(v url.Values) { v.Set("error", "temporarily_unavailable") }), "does not answer"},
		"escape in the error":   {response(func(v url.Values) { v.Set("error", "a\x1b[2Jb") }), "refused: a[2Jb"},
		"alg none":              {func(b *b) { b.Algorithm = "none" }, "ID token cannot be trusted"},
		"alg HS256":             {func(b *b) { b.Algorithm = "HS256" }, "ID token cannot be trusted"},
		"foreign key":           {func(b *b) { b.ForeignKey = true }, "no key of the realm made it"},
		"expired":               {func(b *b) { b.Age = time.Hour }, "it ended at"},
		"wrong nonce":           {claim("nonce", "x"), "its nonce is not the one"},
		"no nonce":              {func(b *b) { b.Claims = func(c map[string]any) { delete(c, "nonce") } }, "its nonce is not the one"},
		"wrong issuer":          {claim("iss", "https://evil.example"), "issued by a different provider"},
		"wrong audience":        {claim("aud", "grafana"), "expected audience"},
		"two audiences, no azp": {claim("azp", ""), ""},
		"wrong azp":             {claim("azp", "grafana"), "made for another client"},
		"wrong at_hash":         {claim("at_hash", "x"), "at_hash is of another access token"},
		"no subject":            {claim("sub", ""), "it has no subject"},
		"not yet valid":         {claim("nbf", time.Now().Add(time.Hour).Unix()), "before the nbf"},
		"no ID token":           {func(b *b) { b.Answer = func(a map[string]any) { delete(a, "id_token") } }, "it has no ID token"},
		"ID token is junk":      {func(b *b) { b.Answer = func(a map[string]any) { a["id_token"] = "junk" } }, "ID token cannot be trusted"},
		"no access token":       {func(b *b) { b.Answer = func(a map[string]any) { delete(a, "access_token") } }, "missing access_token"},
		"token type MAC":        {func(b *b) { b.Answer = func(a map[string]any) { a["token_type"] = "mac" } }, "not Bearer"},
		"token endpoint fails":  {func(b *b) { b.Broken = true }, "does not answer"},
		"realm is down":         {func(b *b) { b.Down = true }, "does not answer"},
		"client unknown":        {func(b *b) { b.TokenError = "invalid_client" }, "refused: invalid_client: as the test wants"},
		"metadata of another":   {metadata("issuer", "https://evil.example"), "it says it is issuer"},
		"issuer with slash":     {metadata("issuer", "/"), "it says it is issuer"},
		"plain http endpoint":   {metadata("token_endpoint", "http://127.0.0.1/token"), "no https address"},
		"no token endpoint":     {metadata("token_endpoint", ""), "lacks token_endpoint"},
		"key set cannot be had": {metadata("jwks_uri", "https://127.0.0.1:1/keys"), "does not answer"},
		"key set is no key set": {func(b *b) {
			b.Metadata = func(m map[string]any) { m["jwks_uri"] = fmt.Sprint(m["issuer"]) + "/nothing" }
		}, "its key set cannot be read"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			realm := start(t, test.behave)
			if name == "two audiences, no azp" {
				realm.Behave(func(b *b) {
					b.Claims = func(c map[string]any) { c["aud"] = []string{"kubernetes", "x"}; delete(c, "azp") }
				})
				test.want = "made for another client"
			}
			tokens, err := codeFlow(t, realm)
			if err == nil {
				t.Fatalf("the answer was believed: %v", tokens)
			}
			if !strings.Contains(err.Error(), test.want) {
				t.Errorf("got error %q, want it to say %q", err, test.want)
			}
			if strings.ContainsRune(err.Error(), '\x1b') || strings.Contains(err.Error(), "must not be shown") {
				t.Errorf("error %q holds what a stranger wrote", err)
			}
		})
	}
}

func TestUnknownAuthority(t *testing.T) {
	realm := start(t, nil)
	client, err := openid.NewHTTPClient(nil)
	if err != nil {
		t.Fatal(err)
	}
	_, err = openid.Discover(t.Context(), openid.Options{Issuer: realm.Issuer(), HTTP: client, Now: time.Now})
	if !errors.As(err, new(*openid.Unreachable)) || !strings.Contains(err.Error(), "unknown authority") {
		t.Errorf("got %v, want an unknown authority", err)
	}
}

func TestIssuerMustBeHTTPS(t *testing.T) {
	for _, issuer := range []string{"", "http://id.example.com", "https://", "https://u@id.example.com", "https://id.example.com?x", "id.example.com"} {
		if _, err := openid.Discover(t.Context(), openid.Options{Issuer: issuer}); !errors.As(err, new(*openid.Untrusted)) {
			t.Errorf("issuer %q: got %v, want it refused", issuer, err)
		}
	}
}

func TestRefresh(t *testing.T) {
	type b = fakerealm.Behaviour
	tests := map[string]struct {
		behave func(*b)
		want   string
	}{
		"good":              {nil, ""},
		"answer lost":       {func(b *b) { b.LoseAnswer = 1 }, ""},
		"answers lost":      {func(b *b) { b.LoseAnswer = 2 }, "does not answer"},
		"somebody else":     {func(b *b) { b.Claims = func(c map[string]any) { c["sub"] = "mallory" } }, "about somebody else"},
		"another nonce":     {func(b *b) { b.Claims = func(c map[string]any) { c["nonce"] = "x" } }, "nonce is not the one"},
		"unavailable":       {func(b *b) { b.TokenError = "temporarily_unavailable" }, "does not answer"},
		"expired ID token":  {func(b *b) { b.Age = time.Hour }, "it ended at"},
		"unauthorized":      {func(b *b) { b.TokenError = "unauthorized_client" }, "unauthorized_client"},
		"no new one":        {func(b *b) { b.NoRefresh = true }, ""},
		"unknown algorithm": {func(b *b) { b.Algorithm = "none" }, "cannot be trusted"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			realm := start(t, nil)
			old, err := codeFlow(t, realm)
			if err != nil {
				t.Fatal(err)
			}
			if test.behave != nil {
				realm.Behave(test.behave)
			}
			p, err := discover(realm)
			if err != nil {
				t.Fatal(err)
			}
			renewed, err := p.Refresh(t.Context(), old)
			switch {
			case test.want == "" && err != nil:
				t.Fatal(err)
			case test.want != "" && (err == nil || !strings.Contains(err.Error(), test.want)):
				t.Fatalf("got error %v, want it to say %q", err, test.want)
			case err == nil && (renewed.RefreshToken == "" || renewed.Nonce != old.Nonce || !renewed.SignedInAt.Equal(old.SignedInAt)):
				t.Error("the refreshed tokens are not of the same sign-in")
			}
		})
	}
}

func TestRefreshTokenUsedTwice(t *testing.T) {
	realm := start(t, nil)
	old, err := codeFlow(t, realm)
	if err != nil {
		t.Fatal(err)
	}
	p, err := discover(realm)
	if err != nil {
		t.Fatal(err)
	}
	renewed, err := p.Refresh(t.Context(), old)
	if err != nil {
		t.Fatal(err)
	}
	for i, tokens := range []*openid.Tokens{old, renewed} {
		var refusal *openid.Refusal
		if _, err := p.Refresh(t.Context(), tokens); !errors.As(err, &refusal) || refusal.Code != openid.InvalidGrant {
			t.Errorf("generation %d after a reuse: got %v, want invalid_grant", i, err)
		}
	}
}

func TestDevice(t *testing.T) {
	type b = fakerealm.Behaviour
	tests := map[string]struct {
		behave func(*b)
		want   string
	}{
		"confirmed":       {nil, ""},
		"confirmed later": {func(b *b) { b.DevicePending = 1 }, ""},
		"denied":          {func(b *b) { b.DeviceError = "access_denied" }, "access_denied"},
		"expired":         {func(b *b) { b.DeviceError = "expired_token" }, "expired_token"},
		"nobody comes":    {func(b *b) { b.DevicePending, b.DeviceExpires = 100, 2*time.Second }, "expired_token: nobody confirmed"},
		"hostile token":   {func(b *b) { b.Algorithm = "none" }, "cannot be trusted"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			realm := start(t, test.behave)
			p, err := discover(realm)
			if err != nil {
				t.Fatal(err)
			}
			device, err := p.BeginDevice(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			if device.UserCode != "BCDF-GHJK" || device.VerificationURI != realm.Issuer()+"/device" {
				t.Errorf("got code %q at %q", device.UserCode, device.VerificationURI)
			}
			tokens, err := p.AwaitDevice(t.Context(), device)
			switch {
			case test.want == "" && (err != nil || tokens.Subject != fakerealm.Subject):
				t.Errorf("got error %v, want tokens", err)
			case test.want != "" && (err == nil || !strings.Contains(err.Error(), test.want)):
				t.Errorf("got error %v, want it to say %q", err, test.want)
			}
		})
	}
}

func TestDeviceWaitsForAReplica(t *testing.T) {
	realm := start(t, func(b *fakerealm.Behaviour) { b.Broken = true })
	p, err := discover(realm)
	if err != nil {
		t.Fatal(err)
	}
	device, err := p.BeginDevice(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	done := make(chan error, 1)
	go func() {
		_, err := p.AwaitDevice(t.Context(), device)
		done <- err
	}()
	for realm.Count("urn:ietf:params:oauth:grant-type:device_code") == 0 {
		select {
		case err := <-done:
			t.Fatalf("the wait ended before the realm was asked: %v", err)
		case <-time.After(10 * time.Millisecond):
		}
	}
	realm.Behave(func(b *fakerealm.Behaviour) { b.Broken = false })
	if err := <-done; err != nil {
		t.Errorf("a 502 ended the wait: %v", err)
	}
}

func TestRevokeAndUserinfo(t *testing.T) {
	realm := start(t, nil)
	tokens, err := codeFlow(t, realm)
	if err != nil {
		t.Fatal(err)
	}
	p, err := discover(realm)
	if err != nil {
		t.Fatal(err)
	}
	claims, err := p.Userinfo(t.Context(), tokens)
	if diff := cmp.Diff("alice@example.com", claims["email"]); err != nil || diff != "" {
		t.Errorf("userinfo: %v %s", err, diff)
	}
	realm.Behave(func(b *fakerealm.Behaviour) { b.Userinfo = func(c map[string]any) { c["sub"] = "mallory" } })
	if _, err := p.Userinfo(t.Context(), tokens); !errors.As(err, new(*openid.Untrusted)) {
		t.Errorf("userinfo about somebody else: got %v, want it refused", err)
	}
	realm.Behave(func(b *fakerealm.Behaviour) { b.RevokeFails = true })
	if err := p.Revoke(t.Context(), tokens.RefreshToken); !errors.As(err, new(*openid.Unreachable)) {
		t.Errorf("a revocation that failed: got %v", err)
	}
	realm.Behave(func(b *fakerealm.Behaviour) { b.RevokeFails = false })
	if err := p.Revoke(t.Context(), tokens.RefreshToken); err != nil {
		t.Fatal(err)
	}
	if _, err := p.Refresh(t.Context(), tokens); err == nil {
		t.Error("a revoked token was refreshed")
	}
}

// TestTokensDoNotPrint guards against a careless %v.
func TestTokensDoNotPrint(t *testing.T) {
	secret := "planted-secret"
	tokens := &openid.Tokens{IDToken: secret, AccessToken: secret, RefreshToken: secret}
	access := &openid.AccessToken{Value: secret}
	for _, format := range []string{"%v", "%+v", "%#v", "%s"} {
		if text := fmt.Sprintf(format+format+format+format, tokens, *tokens, access, *access); strings.Contains(text, secret) {
			t.Errorf("%s prints a token: %s", format, text)
		}
	}
}
