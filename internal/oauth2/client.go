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
	// AuthPrivateKeyJWT: an assertion that the client signed (RFC 7523 section 2.2, OpenID Connect Core section 9).
	AuthPrivateKeyJWT AuthMethod = "private_key_jwt"
	// AuthFederated: an assertion that somebody else signed, a cluster for a ServiceAccount for example. The registry has no name for it.
	AuthFederated AuthMethod = "federated_identity"
)

// AssertionType is the only client_assertion_type: RFC 7523 section 2.2.
const AssertionType = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"

// Client is what a request says about the client that sends it. Nothing of it is proved.
type Client struct {
	// ID is empty if there is an assertion and no client_id: the assertion tells then.
	ID     string
	Secret string
	// Assertion is a JWT; Method is AuthPrivateKeyJWT then, for only its issuer can tell the two kinds apart.
	Assertion string
	Method    AuthMethod
}

// Authentication reads the client's identity from the Authorization header and the form. authorization is the header's values.
//
// Two methods at once, or two different IDs, are an invalid_request (RFC 6749 section 2.3: "MUST NOT use more than one"). A
// missing ID and a malformed header are an invalid_client, so that a client that does not authenticate at all is told to.
func Authentication(authorization []string, form *Form) (Client, error) {
	id, secret := form.Get("client_id"), form.Get("client_secret")
	assertion, assertionType := form.Get("client_assertion"), form.Get("client_assertion_type")
	asserts := assertion != "" || assertionType != ""
	if len(authorization) > 1 {
		return Client{}, BadRequest("two_methods", "more than one Authorization header")
	}
	if asserts && (secret != "" || len(authorization) == 1) {
		return Client{}, BadRequest("two_methods", "more than one method of client authentication")
	}
	if asserts {
		// RFC 7521 section 4.2: both parameters are required.
		if assertionType != AssertionType || assertion == "" {
			return Client{}, BadClient("assertion_type")
		}
		return Client{ID: id, Assertion: assertion, Method: AuthPrivateKeyJWT}, nil
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
