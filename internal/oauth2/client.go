package oauth2

import (
	"encoding/base64"
	"strings"
)

// AuthMethod is how a client authenticates at the token endpoint, by its name in the IANA registry.
type AuthMethod string

// The methods that are served.
const (
	// AuthNone: a public client says who it is and proves nothing.
	AuthNone AuthMethod = "none"
	// AuthBasic: HTTP Basic (RFC 6749 section 2.3.1).
	AuthBasic AuthMethod = "client_secret_basic"
	// AuthPost: client_id and client_secret in the body.
	AuthPost AuthMethod = "client_secret_post"
)

// Client is what a request says about the client that sends it. Nothing of it is proved.
type Client struct {
	ID     string
	Secret string
	Method AuthMethod
}

// Authentication reads the client's identity from the Authorization header and the form. authorization is the header's values.
//
// Two methods at once, or two different IDs, are an invalid_request (RFC 6749 section 2.3: "MUST NOT use more than one"). A
// missing ID and a malformed header are an invalid_client, so that a client that does not authenticate at all is told to.
func Authentication(authorization []string, form *Form) (Client, error) {
	id, secret := form.Get("client_id"), form.Get("client_secret")
	assertion := form.Get("client_assertion") != "" || form.Get("client_assertion_type") != ""
	if len(authorization) > 1 {
		return Client{}, BadRequest("two_methods", "more than one Authorization header")
	}
	if assertion && (secret != "" || len(authorization) == 1) {
		return Client{}, BadRequest("two_methods", "more than one method of client authentication")
	}
	if assertion {
		return Client{}, BadClient("method_not_served")
	}
	if len(authorization) == 0 {
		switch {
		case id == "":
			return Client{}, BadClient("no_client")
		case secret == "":
			return Client{ID: id, Method: AuthNone}, nil
		default:
			return Client{ID: id, Secret: secret, Method: AuthPost}, nil
		}
	}
	basicID, basicSecret, err := ParseBasic(authorization[0])
	if err != nil {
		return Client{}, err
	}
	if secret != "" {
		return Client{}, BadRequest("two_methods", "more than one method of client authentication")
	}
	if id != "" && id != basicID {
		return Client{}, BadRequest("two_clients", "client_id differs from the Authorization header")
	}
	return Client{ID: basicID, Secret: basicSecret, Method: AuthBasic}, nil
}

// ParseBasic reads an Authorization header of scheme Basic, in which both parts are form-encoded before they are joined (RFC 6749
// section 2.3.1). Anything else, an empty ID or secret included, is an invalid_client.
func ParseBasic(header string) (id, secret string, err error) {
	scheme, encoded, _ := strings.Cut(header, " ")
	if !strings.EqualFold(scheme, "Basic") {
		return "", "", BadClient("authorization_scheme")
	}
	// Strict: a second spelling of one credential is of no use to honest clients.
	raw, err := base64.StdEncoding.Strict().DecodeString(strings.TrimLeft(encoded, " "))
	if err != nil || strings.ContainsAny(encoded, "\r\n") {
		return "", "", BadClient("basic_malformed")
	}
	id, secret, found := strings.Cut(string(raw), ":")
	if !found {
		return "", "", BadClient("basic_malformed")
	}
	id, idOK := unescape(id)
	secret, secretOK := unescape(secret)
	if !idOK || !secretOK || !printable(id, false) || !printable(secret, false) {
		return "", "", BadClient("basic_malformed")
	}
	if id == "" || secret == "" {
		return "", "", BadClient("basic_incomplete")
	}
	return id, secret, nil
}
