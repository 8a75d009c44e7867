package grants

import (
	"context"
	"errors"

	"github.com/watchword-io/watchword/internal/flow"
	"github.com/watchword-io/watchword/internal/oauth2"
	"github.com/watchword-io/watchword/internal/seal"
	"github.com/watchword-io/watchword/internal/server/claims"
	"github.com/watchword-io/watchword/internal/store"
)

// deviceCode is the grant of RFC 8628 section 3.4: a device asks again and again until a person has decided elsewhere.
type deviceCode struct {
	*signedIn

	devices store.Devices
	polls   *polls
}

func (g deviceCode) answer(ctx context.Context, r *request) ([]byte, error) {
	sealed := r.form.Get("device_code")
	if sealed == "" {
		return nil, oauth2.BadRequest("no_device_code", "device_code is missing")
	}
	box, err := boxOf(r)
	if err != nil {
		return nil, err
	}
	code, err := flow.Open[flow.DeviceCode](box, sealed, r.now)
	switch {
	case errors.Is(err, seal.ErrExpired):
		return nil, expired()
	case err != nil:
		return nil, invalid("unknown_device_code")
	case code.ClientID != r.client.ID:
		return nil, invalid("device_code_of_another_client")
	}
	grant := store.GrantID(code.Secret)
	// Before the store is asked: a client that does not wait must not become the API server's trouble.
	if !g.polls.allow(r.realm.Namespace+"/"+grant, r.now) {
		return nil, &oauth2.Error{Code: oauth2.SlowDown, Description: "the device asks too often; it has to wait five seconds longer than before"}
	}
	session, err := g.decision(ctx, r, code.Key, grant)
	if err != nil {
		return nil, err
	}
	return g.redeem(ctx, r, presented{
		box: box, session: session, grant: grant,
		rule: func(s *store.Session) (bool, error) { return s.Collect(grant, code.ClientID, r.now) },
		// What the person has confirmed is what the device gets: scope is no parameter of this request (section 3.4).
		scopes: func(granted []string) ([]string, error) { return claims.Still(r.client, granted), nil },
	})
}

// decision returns the session in which a person has approved the device.
func (g deviceCode) decision(ctx context.Context, r *request, key, grant string) (store.Ref, error) {
	ctx, cancel := limit(ctx)
	defer cancel()
	asked, err := g.devices.Get(ctx, r.realm.Namespace, key)
	switch {
	case errors.Is(err, store.ErrNotFound):
		return store.Ref{}, invalid("device_request_gone")
	case err != nil:
		return store.Ref{}, unavailable(g.log, r, err)
	case asked.GrantID != grant || asked.ClientID != r.client.ID:
		// The user code is another device's by now.
		return store.Ref{}, invalid("device_request_gone")
	}
	switch asked.State(r.now) {
	case store.DevicePending:
		return store.Ref{}, &oauth2.Error{Code: oauth2.AuthorizationPending, Description: "nobody has confirmed the device yet"}
	case store.DeviceDenied:
		return store.Ref{}, &oauth2.Error{Code: oauth2.AccessDenied, Reason: "device_denied", Description: "the person has refused the device"}
	case store.DeviceExpired:
		return store.Ref{}, expired()
	}
	return asked.Session, nil
}

// expired is the answer to a code whose time is over (RFC 8628 section 3.5).
func expired() *oauth2.Error {
	return &oauth2.Error{Code: oauth2.ExpiredToken, Reason: "device_code_expired", Description: "the device code has expired; the device has to begin again"}
}
