package device

import (
	"context"
	"errors"
	"net/http"
	"strings"
	"time"

	"github.com/watchword-io/watchword/internal/directory"
	"github.com/watchword-io/watchword/internal/flow"
	"github.com/watchword-io/watchword/internal/oauth2"
	"github.com/watchword-io/watchword/internal/server/browser"
	"github.com/watchword-io/watchword/internal/server/pages"
	"github.com/watchword-io/watchword/internal/server/signin"
	"github.com/watchword-io/watchword/internal/store"
)

// ask shows who wants to be let in, to somebody who is signed in; whoever is not signs in first.
func (e *Endpoint) ask(v *visit, typed string) error {
	code, ok := oauth2.ParseUserCode(typed)
	if !ok {
		return e.again(v, http.StatusBadRequest, "", pages.CodeUnknown, "user_code_malformed")
	}
	person, err := e.person(v, code)
	if person == nil || err != nil {
		return err
	}
	v.record.Action = "device.ask"
	ctx, cancel := context.WithTimeout(v.r.Context(), storeLimit)
	defer cancel()
	request, client, err := e.find(ctx, v, person, code)
	if err != nil {
		return e.unfit(v, code, err)
	}
	if request.State(v.now) != store.DevicePending {
		return e.again(v, http.StatusBadRequest, code, pages.CodeUnknown, "user_code_decided")
	}
	form, err := e.form(v, confirmation, detail(code, person, request))
	if err != nil {
		return err
	}
	e.Pages.Show(v.w, http.StatusOK, pages.DeviceConfirm{
		Frame: browser.Frame(v.realm, v.requestID), Form: form,
		Client: client.DisplayName, Login: person.User.Username(), UserCode: oauth2.FormatUserCode(code),
	}, v.requestID)
	return nil
}

// person is who is signed in. Nobody: she is asked to sign in for the code, and nil is returned.
func (e *Endpoint) person(v *visit, code string) (*signin.Person, error) {
	person, err := e.SignIn.Current(v.r, v.realm)
	if err != nil {
		return nil, err
	}
	if person == nil {
		return nil, e.SignIn.Begin(v.w, v.r, v.realm, v.requestID, flow.Next{UserCode: code}, signin.How{})
	}
	return person, nil
}

// detail ties the form with the buttons to what was asked: of whom, about which request.
func detail(code string, person *signin.Person, request *store.DeviceRequest) string {
	return strings.Join([]string{code, person.Session.UID, request.UID}, " ")
}

// unknown is a code that lets nobody in; its text is the reason for the audit log.
type unknown string

func (u unknown) Error() string { return string(u) }

// tired is somebody who has tried too many codes.
type tired struct{ until time.Time }

func (t *tired) Error() string { return "too many wrong codes" }

// find returns the request of a code and the client that made it, decided requests included. Errors: unknown, *tired, or what the
// page for errors shows.
func (e *Endpoint) find(
	ctx context.Context, v *visit, person *signin.Person, code string,
) (*store.DeviceRequest, *directory.Client, error) {
	// The turn is taken before the code is looked at, or many at once would all be looked at.
	who := v.realm.Namespace + " " + person.User.Subject()
	if next, ok := e.guesses.take(who, v.now); !ok {
		return nil, nil, &tired{next}
	}
	request, err := e.Devices.Get(ctx, v.realm.Namespace, store.DeviceKey(string(v.realm.UID), code))
	switch {
	case errors.Is(err, store.ErrNotFound):
		return nil, nil, unknown("user_code_unknown")
	case err != nil:
		e.guesses.giveBack(who)
		return nil, nil, e.Pages.Trouble(v.requestID, "device_unreadable", err)
	case request.State(v.now) == store.DeviceExpired:
		return nil, nil, unknown("user_code_expired")
	}
	e.guesses.giveBack(who)
	v.record.Client, v.record.Audience = request.ClientID, request.Audience
	client, _, known := v.realm.Client(request.ClientID)
	if !known || client.Disabled || !mayUseDevices(v.realm, client) {
		return nil, nil, unknown("client_gone")
	}
	return request, client, nil
}

// unfit answers what find has refused. To the person, a code is either good or not.
func (e *Endpoint) unfit(v *visit, code string, err error) error {
	var (
		why  unknown
		rest *tired
	)
	switch {
	case errors.As(err, &why):
		return e.again(v, http.StatusBadRequest, code, pages.CodeUnknown, string(why))
	case errors.As(err, &rest):
		v.refuse("too_many_user_codes")
		e.Pages.Show(v.w, http.StatusTooManyRequests, pages.TooManyAttempts{
			Frame: browser.Frame(v.realm, v.requestID), Now: v.now, Until: rest.until, Next: v.realm.Path + path,
		}, v.requestID)
		return nil
	}
	return err
}
