package authorize

import (
	"encoding/base64"
	"encoding/json"
	"slices"
	"strconv"
	"strings"

	"github.com/watchword-io/watchword/api/v1alpha1"
	"github.com/watchword-io/watchword/internal/directory"
	"github.com/watchword-io/watchword/internal/flow"
	"github.com/watchword-io/watchword/internal/oauth2"
	"github.com/watchword-io/watchword/internal/server/claims"
	"github.com/watchword-io/watchword/internal/token"
)

// Bounds of what travels with a person through the sign-in, in bytes.
const (
	maxState = 2 << 10
	maxNonce = 512
	maxHint  = 256
)

// The words of prompt (OIDC Core section 3.1.2.1).
const (
	promptNone    = "none"
	promptLogin   = "login"
	promptConsent = "consent"
	promptAccount = "select_account"
)

// parse judges an authorization request. Every error is an *oauth2.Error; with it comes where it may be sent, nil if that is nowhere.
func parse(realm *directory.Realm, client *directory.Client, form *oauth2.Form) (*flow.Authorization, error) {
	uri, implied, err := redirection(client, form)
	if err != nil {
		return nil, err
	}
	a := &flow.Authorization{ClientID: client.ID, RedirectURI: uri, Implied: implied, ResponseMode: flow.ModeQuery}
	for _, step := range []func(*flow.Authorization, *directory.Realm, *directory.Client, *oauth2.Form) error{
		envelope, notServed, responseType, mayAsk, proofKey, wanted, interaction, hints,
	} {
		if err := step(a, realm, client, form); err != nil {
			return a, err
		}
	}
	return a, nil
}

// envelope settles how every answer is sent, errors included: so far as it is understood, also when it is refused.
func envelope(a *flow.Authorization, _ *directory.Realm, _ *directory.Client, form *oauth2.Form) error {
	mode, state := form.Get("response_mode"), form.Get("state")
	if mode == flow.ModeFormPost {
		a.ResponseMode = mode
	}
	if len(state) <= maxState {
		a.State = state
	}
	switch {
	case mode != "" && mode != flow.ModeQuery && mode != flow.ModeFormPost:
		return oauth2.BadRequest("response_mode_not_served", "response_mode must be query or form_post")
	case len(state) > maxState:
		return oauth2.BadRequest("state_too_long", "state is longer than 2048 bytes")
	}
	return nil
}

// notServed answers to what would change the meaning of a request and is not understood here (OIDC Core sections 6 and 7.2.1). A request_uri
// is never fetched.
func notServed(_ *flow.Authorization, _ *directory.Realm, _ *directory.Client, form *oauth2.Form) error {
	switch {
	case form.Get("request") != "":
		return &oauth2.Error{Code: oauth2.RequestNotSupported, Description: "request objects are not supported; push the request (RFC 9126)"}
	case form.Get("request_uri") != "":
		return &oauth2.Error{Code: oauth2.RequestURINotSupported, Description: "only a request_uri from the pushed authorization request endpoint is supported"}
	case form.Get("registration") != "":
		return &oauth2.Error{Code: oauth2.RegistrationNotSupported, Description: "registration is not supported"}
	}
	// Claims that are not supported are left out, but what is no claims request at all is a mistake (OIDC Core section 5.5).
	if asked := form.Get("claims"); asked != "" {
		var object map[string]json.RawMessage
		if err := json.Unmarshal([]byte(asked), &object); err != nil || object == nil {
			return oauth2.BadRequest("claims_malformed", "claims is not a JSON object")
		}
	}
	return nil
}

func responseType(_ *flow.Authorization, _ *directory.Realm, _ *directory.Client, form *oauth2.Form) error {
	switch form.Get("response_type") {
	case "code":
		return nil
	case "":
		return oauth2.BadRequest("no_response_type", "response_type is missing")
	}
	return &oauth2.Error{Code: oauth2.UnsupportedResponseType, Description: "response_type must be code"}
}

func mayAsk(_ *flow.Authorization, realm *directory.Realm, client *directory.Client, _ *oauth2.Form) error {
	if !realm.Allows(v1alpha1.GrantAuthorizationCode) || !slices.Contains(client.Grants, v1alpha1.GrantAuthorizationCode) {
		return &oauth2.Error{Code: oauth2.UnauthorizedClient, Description: "the client may not use authorization_code"}
	}
	return nil
}

// proofKey demands PKCE with S256 of every client (RFC 9700 section 2.1.1): the base64url of a SHA-256, which has 43 letters.
func proofKey(a *flow.Authorization, _ *directory.Realm, _ *directory.Client, form *oauth2.Form) error {
	a.Challenge = form.Get("code_challenge")
	sum, err := base64.RawURLEncoding.Strict().DecodeString(a.Challenge)
	switch {
	case a.Challenge == "":
		return oauth2.BadRequest("no_code_challenge", "code_challenge is missing; PKCE is required (RFC 7636)")
	case form.Get("code_challenge_method") != "S256":
		return oauth2.BadRequest("code_challenge_method_not_served", "code_challenge_method must be S256")
	case err != nil, len(sum) != 32, len(a.Challenge) != 43:
		return oauth2.BadRequest("code_challenge_malformed", "code_challenge must be the base64url of a SHA-256, 43 characters without padding")
	}
	return nil
}

// wanted settles scopes and audience.
func wanted(a *flow.Authorization, realm *directory.Realm, client *directory.Client, form *oauth2.Form) (err error) {
	if a.Scopes, err = claims.Scopes(client, form.Get("scope"), claims.OfPerson); err != nil {
		return err
	}
	a.Audience, err = claims.Audience(realm, client, form)
	return err
}

// interaction reads how the person wants to be asked.
func interaction(a *flow.Authorization, _ *directory.Realm, _ *directory.Client, form *oauth2.Form) error {
	for _, word := range strings.Fields(form.Get("prompt")) {
		switch word {
		case promptNone, promptLogin, promptConsent, promptAccount:
		default:
			return oauth2.BadRequest("prompt_not_served", "prompt may be none, login, consent and select_account")
		}
		if !slices.Contains(a.Prompt, word) {
			a.Prompt = append(a.Prompt, word)
		}
	}
	if len(a.Prompt) > 1 && slices.Contains(a.Prompt, promptNone) {
		return oauth2.BadRequest("prompt_contradicts_itself", "prompt=none does not go with another prompt")
	}
	if raw := form.Get("max_age"); raw != "" {
		// Digits only: ParseInt takes a sign.
		seconds, err := strconv.ParseUint(raw, 10, 31)
		if err != nil {
			return oauth2.BadRequest("max_age_malformed", "max_age must be a number of seconds, 0 or more")
		}
		age := int64(seconds)
		a.MaxAge = &age
	}
	if a.Nonce = form.Get("nonce"); len(a.Nonce) > maxNonce {
		return oauth2.BadRequest("nonce_too_long", "nonce is longer than 512 bytes")
	}
	return nil
}

// hints reads whom the client expects. An id_token_hint may have expired, but must be an ID token that this client got from this realm.
func hints(a *flow.Authorization, realm *directory.Realm, client *directory.Client, form *oauth2.Form) error {
	if hint := form.Get("login_hint"); len(hint) <= maxHint {
		a.LoginHint = hint
	}
	hint := form.Get("id_token_hint")
	if hint == "" {
		return nil
	}
	c, err := realm.Verify(hint, token.JWT)
	// An access token of the format JWT has the same typ, but names its client otherwise.
	if err != nil || c.AuthorizedParty != client.ID || c.ClientID != "" {
		return oauth2.BadRequest("id_token_hint_not_ours", "id_token_hint is not an ID token of this client")
	}
	a.HintedSubject = c.Subject
	return nil
}
