package grants

import (
	"net/http"
	"slices"

	"github.com/watchword-io/watchword/api/v1alpha1"
	"github.com/watchword-io/watchword/internal/oauth2"
	"github.com/watchword-io/watchword/internal/server/claims"
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
	var err error
	if r.scopes, err = claims.Scopes(r.client, r.form.Get("scope"), h.offered); err != nil {
		return err
	}
	r.target, err = claims.Audience(r.realm, r.client, r.form)
	return err
}
