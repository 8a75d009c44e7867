package device

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"slices"
	"time"

	"github.com/watchword-io/watchword/api/v1alpha1"
	"github.com/watchword-io/watchword/internal/audit"
	"github.com/watchword-io/watchword/internal/directory"
	"github.com/watchword-io/watchword/internal/flow"
	"github.com/watchword-io/watchword/internal/oauth2"
	"github.com/watchword-io/watchword/internal/server/claims"
	"github.com/watchword-io/watchword/internal/server/httpx"
	"github.com/watchword-io/watchword/internal/store"
)

// authorization is the answer to a device (RFC 8628 section 3.2).
type authorization struct {
	DeviceCode string `json:"device_code"`
	UserCode   string `json:"user_code"`
	URI        string `json:"verification_uri"`
	Complete   string `json:"verification_uri_complete"`
	// ExpiresIn and Interval are seconds.
	ExpiresIn int64 `json:"expires_in"`
	Interval  int64 `json:"interval"`
}

// draws is how many user codes are drawn at most: the chance that the first is taken is one in 25 million.
const draws = 3

// Authorize answers a POST to /device_authorization.
func (e *Endpoint) Authorize(w http.ResponseWriter, r *http.Request, realm *directory.Realm, requestID string) error {
	record := &audit.Record{
		Time: e.Now(), RequestID: requestID, Realm: realm.Namespace, Action: "device.authorize", Source: httpx.Source(r), Result: audit.Success,
	}
	defer e.Audit.Write(record)
	httpx.Identify(w.Header(), requestID)
	answer, err := e.authorize(r, realm, record)
	var body []byte
	if err == nil {
		body, err = json.Marshal(answer)
	}
	if err != nil {
		record.Result, record.Reason = audit.Failure, "internal_error"
		var protocol *oauth2.Error
		if errors.As(err, &protocol) {
			record.Reason = protocol.AuditReason()
		}
		e.Edge.Fail(w, requestID, `Basic realm="`+realm.Issuer+`", charset="UTF-8"`, err)
		return nil
	}
	httpx.Write(w, http.StatusOK, body)
	return nil
}

func (e *Endpoint) authorize(r *http.Request, realm *directory.Realm, record *audit.Record) (*authorization, error) {
	form, err := e.forms.Read(r)
	if err != nil {
		return nil, err
	}
	proved, err := e.Clients.Authenticate(r.Context(), r.Header, form, realm)
	record.Client = proved.ClaimedID
	if err != nil {
		return nil, err
	}
	if !mayUseDevices(realm, proved.Client) {
		return nil, &oauth2.Error{Code: oauth2.UnauthorizedClient, Description: "the client may not use the device authorization grant"}
	}
	scopes, err := claims.Scopes(proved.Client, form.Get("scope"), claims.OfPerson)
	if err != nil {
		return nil, err
	}
	audience, err := claims.Audience(realm, proved.Client, form)
	if err != nil {
		return nil, err
	}
	record.Audience = audience
	if next, ok := e.asked.take(realm.Namespace+" "+sourceKey(record.Source), record.Time); !ok {
		refused := oauth2.Unavailable("too_many_from_source", next.Sub(record.Time))
		refused.Status, refused.Description = http.StatusTooManyRequests, "too many requests from this address, try again later"
		return nil, refused
	}
	return e.create(r, realm, &store.DeviceRequest{
		Realm: realm.Namespace, ClientID: proved.Client.ID, Audience: audience, Scopes: scopes,
		Interval: flow.DeviceInterval, ExpiresAt: record.Time.Add(flow.DeviceLifetime),
	})
}

// create draws the codes and writes the request: the only write in the service that no person or client has to prove herself for.
func (e *Endpoint) create(r *http.Request, realm *directory.Realm, request *store.DeviceRequest) (*authorization, error) {
	box, err := e.Pages.Box(realm)
	if err != nil {
		return nil, err
	}
	ctx, cancel := context.WithTimeout(r.Context(), storeLimit)
	defer cancel()
	for range draws {
		userCode, secret := oauth2.NewUserCode(), store.NewCodeID()
		request.Key, request.GrantID = store.DeviceKey(string(realm.UID), userCode), store.GrantID(secret)
		deviceCode, err := flow.Seal(box, flow.DeviceCode{Key: request.Key, Secret: secret, ClientID: request.ClientID}, request.ExpiresAt)
		if err != nil {
			return nil, err
		}
		switch err := e.Devices.Create(ctx, request); {
		case err == nil:
			shown := oauth2.FormatUserCode(userCode)
			return &authorization{
				DeviceCode: deviceCode, UserCode: shown, URI: realm.Issuer + path, Complete: realm.Issuer + path + "?user_code=" + shown,
				ExpiresIn: int64(flow.DeviceLifetime / time.Second), Interval: int64(flow.DeviceInterval / time.Second),
			}, nil
		case errors.Is(err, store.ErrFull):
			return nil, oauth2.Unavailable("too_many_pending", 30*time.Second)
		case !errors.Is(err, store.ErrExists):
			return nil, oauth2.Unavailable("device_unwritable", 2*time.Second)
		}
	}
	return nil, oauth2.Unavailable("no_free_user_code", time.Second)
}

// mayUseDevices reports whether a client may have tokens by device codes in this realm.
func mayUseDevices(realm *directory.Realm, client *directory.Client) bool {
	return realm.Allows(v1alpha1.GrantDeviceCode) && slices.Contains(client.Grants, v1alpha1.GrantDeviceCode)
}
