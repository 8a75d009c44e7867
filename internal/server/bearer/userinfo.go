package bearer

import (
	"encoding/json"
	"errors"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"github.com/watchword-io/watchword/internal/audit"
	"github.com/watchword-io/watchword/internal/directory"
	"github.com/watchword-io/watchword/internal/oauth2"
	"github.com/watchword-io/watchword/internal/server/httpx"
	"github.com/watchword-io/watchword/internal/token"
)

// profile is what is said about a person: the claims that scopes open (OIDC Core section 5.4), in the order of ID tokens.
type profile struct {
	Subject       string   `json:"sub"`
	Username      string   `json:"preferred_username,omitempty"`
	Email         string   `json:"email,omitempty"`
	EmailVerified *bool    `json:"email_verified,omitempty"`
	GivenName     string   `json:"given_name,omitempty"`
	FamilyName    string   `json:"family_name,omitempty"`
	Groups        []string `json:"groups,omitempty"`
	Roles         []string `json:"roles,omitempty"`
	UID           int64    `json:"uid,omitempty"`
	GID           int64    `json:"gid,omitempty"`
	Supplementary []int64  `json:"supplementary_groups,omitempty"`
}

func profileOf(c token.Claims) profile {
	return profile{
		Subject: c.Subject, Username: c.Username, Email: c.Email, EmailVerified: c.EmailVerified, GivenName: c.GivenName,
		FamilyName: c.FamilyName, Groups: c.Groups, Roles: c.Roles, UID: c.UID, GID: c.GID, Supplementary: c.Supplementary,
	}
}

// UserInfo answers a GET or POST with a bearer token in the Authorization header. The other two places of RFC 6750 are not served:
// an address ends up in logs (section 2.3), and a form gains nothing.
func (e *Endpoint) UserInfo(w http.ResponseWriter, r *http.Request, realm *directory.Realm, requestID string) error {
	record := e.record(r, realm, requestID, "userinfo.read")
	defer e.Audit.Write(record)
	httpx.Identify(w.Header(), requestID)
	compact, err := presented(r)
	if err == nil && compact == "" {
		record.Result, record.Reason = audit.Failure, "no_token"
		// RFC 6750 section 3.1: who did not know that a token is needed is told no error.
		w.Header().Set("WWW-Authenticate", "Bearer")
		w.Header().Del("Content-Type")
		httpx.Write(w, http.StatusUnauthorized, nil)
		return nil
	}
	var body []byte
	if err == nil {
		body, err = e.userInfo(r, realm, compact, record)
	}
	if err != nil {
		failed(record, err)
		challenge(w.Header(), err)
		e.Edge.Fail(w, requestID, "", err)
		return nil
	}
	httpx.Write(w, http.StatusOK, body)
	return nil
}

func (e *Endpoint) userInfo(r *http.Request, realm *directory.Realm, compact string, record *audit.Record) ([]byte, error) {
	now := record.Time
	c := accessToken(realm, compact)
	if c == nil {
		return nil, invalidToken("not_an_access_token")
	}
	record.Client, record.TokenID, record.Audience, record.Session = c.ClientID, c.ID, c.Audience, c.SessionID
	h, err := e.access(r.Context(), realm, c, now)
	var why spent
	switch {
	case errors.As(err, &why):
		return nil, invalidToken(string(why))
	case err != nil:
		return nil, err
	}
	record.Actor = h.name()
	if h.user == nil || !slices.Contains(h.scopes, "openid") {
		return nil, &oauth2.Error{
			Code: oauth2.InsufficientScope, Status: http.StatusForbidden, Description: "the token needs the scope openid, and a person",
		}
	}
	return json.Marshal(profileOf(h.describe(realm, now)))
}

// presented is the token that a request brings in its Authorization header, empty for none: another scheme is none (RFC 6750
// section 3.1). More than one header and a token in the query are an invalid_request (section 2).
func presented(r *http.Request) (string, error) {
	headers := r.Header["Authorization"]
	query, err := url.ParseQuery(r.URL.RawQuery)
	switch {
	case query.Has("access_token"):
		return "", oauth2.BadRequest("query_parameter", "the token must be sent in the Authorization header, not in the query")
	case err != nil && strings.Contains(r.URL.RawQuery, "access_token"):
		return "", oauth2.BadRequest("query_malformed", "the query is not valid application/x-www-form-urlencoded")
	case len(headers) > 1:
		return "", oauth2.BadRequest("two_methods", "more than one Authorization header")
	case len(headers) == 0:
		return "", nil
	}
	scheme, compact, _ := strings.Cut(headers[0], " ")
	if !strings.EqualFold(scheme, "Bearer") {
		return "", nil
	}
	return strings.Trim(compact, " "), nil
}

// invalidToken is one answer to everything that is wrong with a token (RFC 6750 section 3.1).
func invalidToken(reason string) *oauth2.Error {
	return &oauth2.Error{
		Code: oauth2.InvalidToken, Status: http.StatusUnauthorized, Description: "the access token is not valid, or not any more", Reason: reason,
	}
}

// challenge sets WWW-Authenticate (RFC 6750 section 3). Its texts are our own and have no quotes.
func challenge(h http.Header, err error) {
	var protocol *oauth2.Error
	if !errors.As(err, &protocol) {
		return
	}
	switch protocol.Code {
	case oauth2.InvalidRequest, oauth2.InvalidToken:
		h.Set("WWW-Authenticate", `Bearer error="`+protocol.Code+`", error_description="`+protocol.Description+`"`)
	case oauth2.InsufficientScope:
		h.Set("WWW-Authenticate", `Bearer error="`+protocol.Code+`", error_description="`+protocol.Description+`", scope="openid"`)
	}
}
