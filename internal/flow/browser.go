package flow

import (
	"github.com/watchword-io/watchword/internal/seal"
	"github.com/watchword-io/watchword/internal/store"
)

// Cookie is the browser's end of a Session. It says which one, and grants nothing by itself: the Session is read at each use.
type Cookie struct {
	Session store.Ref `json:"session"`
}

func (Cookie) purpose() seal.Purpose { return seal.Session }

// KnownDevice is the cookie of a browser in which a person has signed in before.
type KnownDevice struct {
	Subject string `json:"subject"`
}

func (KnownDevice) purpose() seal.Purpose { return seal.KnownDevice }

// Next is what a sign-in is for. Exactly one field is set; the zero value is a sign-in for its own sake.
type Next struct {
	// Authorization goes back to a client with a code.
	Authorization *Authorization `json:"authorization,omitempty"`
	// UserCode goes on to the confirmation of a device (RFC 8628 section 3.3); it is in its normal form.
	UserCode string `json:"user_code,omitempty"`
	// ChangePassword goes on to the person's own password.
	ChangePassword bool `json:"change_password,omitempty"`
}

// Login is the state of a login form.
type Login struct {
	// Browser is the SHA-256 of the browser's own cookie: a form or link that is opened in another browser signs nobody in.
	Browser []byte `json:"browser"`
	Next    Next   `json:"next"`
	// Again: the person is signed in already and has to prove it once more.
	Again bool `json:"again,omitempty"`
	// User is the name of the User object whose password was right and must be changed first; ChangedAt of that password makes the
	// state good for one change. Empty while nobody has given a password.
	User      string `json:"user,omitempty"`
	UserUID   string `json:"user_uid,omitempty"`
	ChangedAt int64  `json:"changed_at,omitempty"`
}

func (Login) purpose() seal.Purpose { return seal.Login }

// Form is what a form of a signed-in person carries against cross-site requests: it is good in this browser, for one purpose.
type Form struct {
	Browser []byte `json:"browser"`
	// Action is the path below the issuer that the form is for, Detail what it is about (a user code, a client).
	Action string `json:"action"`
	Detail string `json:"detail,omitempty"`
}

func (Form) purpose() seal.Purpose { return seal.CSRF }
