package fakerealm

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/go-jose/go-jose/v4"
)

const deviceGrant = "urn:ietf:params:oauth:grant-type:device_code"

// What the realm knows.
const (
	Username     = "alice"
	Password     = "correct horse battery staple"
	Subject      = "9d1f0c5e"
	ClientID     = "ci-pipeline"
	ClientSecret = "wLr1-planted-client-secret-Zk3"
)

func (r *Realm) authorize(w http.ResponseWriter, q *http.Request) {
	r.count("authorize")
	form := q.URL.Query()
	redirect, err := url.Parse(form.Get("redirect_uri"))
	switch {
	case err != nil || redirect.Scheme != "http" || redirect.Hostname() != "127.0.0.1" || redirect.Path != "/callback":
		http.Error(w, "redirect_uri", http.StatusBadRequest)
		return
	case form.Get("response_type") != "code", form.Get("code_challenge_method") != "S256", len(form.Get("code_challenge")) != 43,
		form.Get("nonce") == "", form.Get("state") == "", !strings.Contains(form.Get("scope"), "openid"):
		http.Error(w, "request", http.StatusBadRequest)
		return
	}
	code := rand.Text()
	r.mu.Lock()
	r.codes[code] = request{form.Get("client_id"), form.Get("redirect_uri"), form.Get("code_challenge"), form.Get("nonce")}
	r.mu.Unlock()
	response := url.Values{"code": {code}, "state": {form.Get("state")}, "iss": {r.Issuer()}}
	if change := r.now().Response; change != nil {
		change(response)
	}
	redirect.RawQuery = response.Encode()
	http.Redirect(w, q, redirect.String(), http.StatusSeeOther)
}

func (r *Realm) token(w http.ResponseWriter, q *http.Request) {
	_ = q.ParseForm()
	form, now := q.PostForm, r.now()
	r.mu.Lock()
	r.last = form
	r.counts[form.Get("grant_type")]++
	r.mu.Unlock()
	switch {
	case now.Broken:
		http.Error(w, `{"secret":"body that must not be shown"}`, http.StatusBadGateway)
	case now.TokenError != "":
		refuse(w, now.TokenError, "as the test wants\x1b[2J")
	default:
		r.grant(w, q, form, now)
	}
}

func (r *Realm) grant(w http.ResponseWriter, q *http.Request, form url.Values, now Behaviour) {
	switch form.Get("grant_type") {
	case "authorization_code":
		r.mu.Lock()
		asked, ok := r.codes[form.Get("code")]
		delete(r.codes, form.Get("code"))
		r.mu.Unlock()
		sum := sha256.Sum256([]byte(form.Get("code_verifier")))
		if !ok || asked.clientID != form.Get("client_id") || asked.redirectURI != form.Get("redirect_uri") ||
			asked.challenge != base64.RawURLEncoding.EncodeToString(sum[:]) {
			refuse(w, "invalid_grant", "code")
			return
		}
		r.issue(w, now, form.Get("client_id"), asked.nonce, rand.Text())
	case "refresh_token":
		r.refresh(w, form, now)
	case "password":
		if form.Get("username") != Username || form.Get("password") != Password {
			refuse(w, "invalid_grant", "user name or password is wrong")
			return
		}
		r.issue(w, now, form.Get("client_id"), "", rand.Text())
	case deviceGrant:
		r.redeemDevice(w, form, now)
	case "client_credentials":
		r.clientCredentials(w, q, form)
	default:
		refuse(w, "unsupported_grant_type", "")
	}
}

func (r *Realm) refresh(w http.ResponseWriter, form url.Values, now Behaviour) {
	name, _, _ := strings.Cut(form.Get("refresh_token"), ".")
	r.mu.Lock()
	f := r.families[name]
	good := f != nil && !f.revoked && f.current == form.Get("refresh_token")
	if f != nil && !good {
		f.revoked = true
	}
	r.mu.Unlock()
	if !good {
		refuse(w, "invalid_grant", "refresh token")
		return
	}
	r.issue(w, now, form.Get("client_id"), "", name)
}

func (r *Realm) issue(w http.ResponseWriter, now Behaviour, clientID, nonce, name string) {
	access := rand.Text()
	sum := sha256.Sum256([]byte(access))
	issued := time.Now().Add(-now.Age)
	lifetime := now.Lifetime
	if lifetime == 0 {
		lifetime = 15 * time.Minute
	}
	claims := map[string]any{
		"iss": r.Issuer(), "sub": Subject, "aud": clientID, "azp": clientID, "iat": issued.Unix(), "exp": issued.Add(lifetime).Unix(),
		"at_hash": base64.RawURLEncoding.EncodeToString(sum[:16]), "preferred_username": Username, "email": "alice@example.com",
		"groups": []string{"research", "gpu"},
	}
	if nonce != "" {
		claims["nonce"] = nonce
	}
	if now.Claims != nil {
		now.Claims(claims)
	}
	document := map[string]any{
		"access_token": access, "token_type": "Bearer", "expires_in": int(lifetime.Seconds()), "id_token": r.sign(claims, now),
	}
	if !now.NoRefresh {
		r.mu.Lock()
		r.serial++
		refresh := fmt.Sprintf("%s.%d", name, r.serial)
		r.families[name] = &family{current: refresh}
		r.mu.Unlock()
		document["refresh_token"] = refresh
	}
	if now.Answer != nil {
		now.Answer(document)
	}
	if r.lose() {
		panic(http.ErrAbortHandler)
	}
	answer(w, http.StatusOK, document)
}

// lose tells whether this answer gets lost.
func (r *Realm) lose() bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.behaviour.LoseAnswer == 0 {
		return false
	}
	r.behaviour.LoseAnswer--
	// The next try must find its token good, as the grace of a realm makes it.
	for name, f := range r.families {
		if f.current == r.last.Get("refresh_token") || strings.HasPrefix(r.last.Get("refresh_token"), name+".") {
			f.current = r.last.Get("refresh_token")
		}
	}
	return true
}

func (r *Realm) clientCredentials(w http.ResponseWriter, q *http.Request, form url.Values) {
	id, secret, basic := q.BasicAuth()
	switch {
	case basic && id == ClientID && secret == ClientSecret && form.Get("client_assertion") == "":
	case !basic && form.Get("client_id") == ClientID && strings.HasSuffix(form.Get("client_assertion_type"), "jwt-bearer") &&
		strings.Count(form.Get("client_assertion"), ".") == 2:
	default:
		answer(w, http.StatusUnauthorized, map[string]any{"error": "invalid_client", "error_description": "client"})
		return
	}
	answer(w, http.StatusOK, map[string]any{
		"access_token": "planted-access-token", "token_type": "Bearer", "expires_in": 900, "scope": form.Get("scope"),
	})
}

func (r *Realm) sign(claims map[string]any, now Behaviour) string {
	payload, err := json.Marshal(claims)
	if err != nil {
		panic(err)
	}
	encode := base64.RawURLEncoding.EncodeToString
	if now.Algorithm == "none" {
		return encode([]byte(`{"alg":"none"}`)) + "." + encode(payload) + "."
	}
	key := jose.SigningKey{Algorithm: jose.ES256, Key: jose.JSONWebKey{Key: r.key, KeyID: "1"}}
	if now.Algorithm == "HS256" {
		// The public key as a shared secret: the oldest trick.
		public, _ := r.key.PublicKey.Bytes()
		key = jose.SigningKey{Algorithm: jose.HS256, Key: jose.JSONWebKey{Key: public, KeyID: "1"}}
	}
	if now.ForeignKey {
		foreign, _ := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
		key.Key = jose.JSONWebKey{Key: foreign, KeyID: "1"}
	}
	signer, err := jose.NewSigner(key, nil)
	if err != nil {
		panic(err)
	}
	signed, err := signer.Sign(payload)
	if err != nil {
		panic(err)
	}
	compact, err := signed.CompactSerialize()
	if err != nil {
		panic(err)
	}
	return compact
}

func (r *Realm) keySet(w http.ResponseWriter, _ *http.Request) {
	r.count("keys")
	answer(w, http.StatusOK, jose.JSONWebKeySet{Keys: []jose.JSONWebKey{
		{Key: &r.key.PublicKey, KeyID: "1", Algorithm: "ES256", Use: "sig"},
	}})
}

func (r *Realm) userinfo(w http.ResponseWriter, q *http.Request) {
	r.count("userinfo")
	if !strings.HasPrefix(q.Header.Get("Authorization"), "Bearer ") {
		http.Error(w, "no token", http.StatusUnauthorized)
		return
	}
	claims := map[string]any{"sub": Subject, "preferred_username": Username, "groups": []string{"research"}, "email": "alice@example.com"}
	now := r.now()
	if now.Userinfo != nil {
		claims = maps.Clone(claims)
		now.Userinfo(claims)
	}
	answer(w, http.StatusOK, claims)
}
