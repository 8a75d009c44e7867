package browser

import (
	"crypto/subtle"
	"errors"
	"time"

	"github.com/watchword-io/watchword/internal/flow"
	"github.com/watchword-io/watchword/internal/seal"
)

// The reasons why a form is not taken. A form that was open for too long is a seal.ErrExpired.
var (
	// ErrForm: there is no sealed value, it is not ours, or it is for another action.
	ErrForm = errors.New("not a form of this page")
	// ErrOtherBrowser: the form was drawn for another browser, or this one keeps no cookies.
	ErrOtherBrowser = errors.New("form of another browser")
)

// SealForm makes the CSRF value of a form: good in one browser, for one action (a path below the issuer), for flow.LoginLifetime. detail is
// what the form is about; it is sealed, and comes back from CheckForm. A form that acts for who is signed in should name the session in it.
func SealForm(box *seal.Box, browserID []byte, action, detail string, now time.Time) (string, error) {
	return flow.Seal(box, flow.Form{Browser: browserID, Action: action, Detail: detail}, now.Add(flow.LoginLifetime))
}

// CheckForm opens what SealForm made. browserID is that of the request, Existing: nil fits nothing. Errors: ErrForm, ErrOtherBrowser,
// seal.ErrExpired.
func CheckForm(box *seal.Box, sealed string, browserID []byte, action string, now time.Time) (detail string, err error) {
	f, err := flow.Open[flow.Form](box, sealed, now)
	switch {
	case errors.Is(err, seal.ErrExpired):
		return "", seal.ErrExpired
	case err != nil, f.Action != action:
		return "", ErrForm
	}
	if err := SameBrowser(browserID, f.Browser); err != nil {
		return "", err
	}
	return f.Detail, nil
}

// SameBrowser compares the browser of a request with the one that a sealed value is for: ErrOtherBrowser if they differ or either is
// unknown.
func SameBrowser(browserID, sealed []byte) error {
	if len(browserID) == 0 || subtle.ConstantTimeCompare(browserID, sealed) != 1 {
		return ErrOtherBrowser
	}
	return nil
}
