package flow

import "github.com/watchword-io/watchword/internal/seal"

// Authorization is an authorization request that was found good (RFC 6749 section 4.1.1): what its client may ask for, spelled out.
// Client and redirect URI are looked up again before anything is issued, because both may be gone by then.
type Authorization struct {
	ClientID    string `json:"client_id"`
	RedirectURI string `json:"redirect_uri"`
	// Implied: the request left redirect_uri out, which a client with a single one may do. Then the code's is empty too.
	Implied bool `json:"implied,omitempty"`
	// ResponseMode is ModeQuery or ModeFormPost.
	ResponseMode string `json:"response_mode,omitempty"`
	State        string `json:"state,omitempty"`
	Nonce        string `json:"nonce,omitempty"`
	// Challenge is the code_challenge; the method is S256 always (RFC 7636).
	Challenge string `json:"challenge"`
	// Scopes and Audience are granted, not asked for.
	Scopes   []string `json:"scopes,omitempty"`
	Audience string   `json:"audience"`
	// Prompt, MaxAge (seconds; nil: none), LoginHint and HintedSubject (the sub of an id_token_hint) are OIDC Core section 3.1.2.1.
	Prompt        []string `json:"prompt,omitempty"`
	MaxAge        *int64   `json:"max_age,omitempty"`
	LoginHint     string   `json:"login_hint,omitempty"`
	HintedSubject string   `json:"hinted_subject,omitempty"`
	// Pushed is the ID of the pushed request that it came by (RFC 9126), to be marked as used when a code is issued. Empty: none.
	Pushed string `json:"pushed,omitempty"`
}

// The response modes that are served (OAuth 2.0 Multiple Response Types section 2.1, Form Post Response Mode).
const (
	ModeQuery    = "query"
	ModeFormPost = "form_post"
)

// Pushed is an authorization request that its client has pushed (RFC 9126 section 2).
type Pushed struct {
	// ID makes two equal requests two; in hexadecimal it is store.OncePAR's value.
	ID      []byte        `json:"id"`
	Request Authorization `json:"request"`
}

func (Pushed) purpose() seal.Purpose { return seal.PAR }
