package grants

import (
	"net/http"
	"slices"

	"github.com/watchword-io/watchword/api/v1alpha1"
	"github.com/watchword-io/watchword/internal/oauth2"
)

// authenticate proves the client.
func (e *Endpoint) authenticate(hr *http.Request, r *request) error {
	proved, err := e.Clients.Authenticate(hr.Context(), hr.Header, r.form, r.realm)
	r.record.Client = proved.ClaimedID
	r.client = proved.Client
	return err
}

// authorize checks that the client may use the grant, and settles scope and audience.
func authorize(r *request, h handler) error {
	if !slices.Contains(r.client.Grants, r.grant) ||
		r.client.Type == v1alpha1.ClientPublic && r.grant == v1alpha1.GrantClientCredentials {
		return &oauth2.Error{Code: oauth2.UnauthorizedClient, Description: "the client may not use this grant_type"}
	}
	asked, err := oauth2.ParseScope(r.form.Get("scope"))
	if err != nil {
		return err
	}
	if len(asked) == 0 {
		asked = r.client.Scopes // RFC 6749 section 3.3: a default, which the API documents
	}
	r.scopes = make([]string, 0, len(asked))
	for _, scope := range asked {
		if !slices.Contains(r.client.Scopes, scope) {
			return oauth2.BadScope("scope_not_allowed", "the client may not ask for that scope")
		}
		// A scope that means nothing for the grant is left out, and the answer says what was granted (section 5.1).
		if h.offered(scope) {
			r.scopes = append(r.scopes, scope)
		}
	}
	r.target, err = target(r)
	return err
}

// target is the aud of the access token (RFC 8707 section 2): what was asked for if the client lists it, else the first that it
// lists, else the realm itself. A token has one audience, so that no resource server can use it at another.
func target(r *request) (string, error) {
	asked := r.form.Get("audience")
	for _, resource := range r.form.Resources() {
		if asked != "" && asked != resource {
			return "", invalidTarget("several_targets", "a token is for one audience; ask for one at a time")
		}
		asked = resource
	}
	switch {
	case asked == "" && len(r.client.Audiences) > 0:
		return r.client.Audiences[0], nil
	case asked == "":
		return r.realm.Issuer, nil
	case slices.Contains(r.client.Audiences, asked), asked == r.realm.Issuer && len(r.client.Audiences) == 0:
		return asked, nil
	}
	return "", invalidTarget("target_not_allowed", "the client may not ask for that resource or audience")
}

func invalidTarget(reason, description string) *oauth2.Error {
	return &oauth2.Error{Code: oauth2.InvalidTarget, Description: description, Reason: reason}
}
