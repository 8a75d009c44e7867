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

// authorize checks that the client may use the grant.
func authorize(r *request) error {
	if !slices.Contains(r.client.Grants, r.grant) ||
		r.client.Type == v1alpha1.ClientPublic && r.grant == v1alpha1.GrantClientCredentials {
		return &oauth2.Error{Code: oauth2.UnauthorizedClient, Description: "the client may not use this grant_type"}
	}
	return nil
}
