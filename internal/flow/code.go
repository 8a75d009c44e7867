package flow

import (
	"time"

	"github.com/watchword-io/watchword/internal/seal"
	"github.com/watchword-io/watchword/internal/store"
)

// Code is an authorization code (RFC 6749 section 4.1.2). It lives for store.CodeLifetime.
type Code struct {
	// ID is store.NewCodeID; store.GrantID of it names the grant that the code becomes.
	ID       []byte `json:"id"`
	ClientID string `json:"client_id"`
	// RedirectURI is the parameter of the authorization request, empty if it was left out: the token request must have the same.
	RedirectURI string    `json:"redirect_uri,omitempty"`
	Challenge   string    `json:"challenge"`
	Nonce       string    `json:"nonce,omitempty"`
	Scopes      []string  `json:"scopes,omitempty"`
	Audience    string    `json:"audience"`
	Session     store.Ref `json:"session"`
}

func (Code) purpose() seal.Purpose { return seal.Code }

// Refresh is a refresh token (RFC 6749 section 1.5). It lives as long as its session may.
type Refresh struct {
	Session store.Ref `json:"session"`
	// Grant is the ID of the grant in the session, Generation which of its tokens this is.
	Grant      string `json:"grant"`
	Generation int64  `json:"generation"`
	ClientID   string `json:"client_id"`
}

func (Refresh) purpose() seal.Purpose { return seal.Refresh }

// DeviceCode is a device_code (RFC 8628 section 3.2). It lives for DeviceLifetime.
type DeviceCode struct {
	// Key is store.DeviceKey of the user code, under which the request is kept.
	Key string `json:"key"`
	// Secret is store.NewCodeID; store.GrantID of it names the grant, and proves that code and stored request belong together.
	Secret   []byte `json:"secret"`
	ClientID string `json:"client_id"`
}

func (DeviceCode) purpose() seal.Purpose { return seal.Device }

// Life spans.
const (
	// DeviceLifetime is how long a device authorization may be confirmed and collected.
	DeviceLifetime = 10 * time.Minute
	// DeviceInterval is the least time between two polls of a device (RFC 8628 section 3.5).
	DeviceInterval = 5 * time.Second
	// PushedLifetime is how long a request_uri may be used (RFC 9126 section 2.2 recommends 5 to 600 seconds).
	PushedLifetime = 90 * time.Second
	// LoginLifetime is how long a person may take to sign in.
	LoginLifetime = 15 * time.Minute
)
