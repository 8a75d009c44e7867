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

// KnownDevice is the cookie of a browser in which a person has signed in before. It is none any more when she has changed her password since:
// it may be that of whom she changed it for.
type KnownDevice struct {
	Subject string `json:"subject"`
	// Since is when she signed in, in Unix seconds.
	Since int64 `json:"since,omitempty"`
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
	// Session is the name of the session that the person was asked to go on with (prompt=select_account); empty for a form that asks for
	// a password.
	Session string `json:"session,omitempty"`
	// Change is set once a password was right that must be changed first.
	Change *Change `json:"change,omitempty"`
}

func (Login) purpose() seal.Purpose { return seal.Login }

// Change is whose password has to be changed before a sign-in goes on.
type Change struct {
	// User and UserUID are those of the User object.
	User    string `json:"user"`
	UserUID string `json:"user_uid"`
	// Reason is passwords.Temporary or passwords.Expired.
	Reason string `json:"reason"`
	// ChangedAt is since when the password was in force, in Unix seconds: the state is good for one change of it.
	ChangedAt int64 `json:"changed_at"`
}

// Form is what a form of a signed-in person carries against cross-site requests: it is good in this browser, for one purpose.
type Form struct {
	Browser []byte `json:"browser"`
	// Action is the path below the issuer that the form is for, Detail what it is about (a user code, a client).
	Action string `json:"action"`
	Detail string `json:"detail,omitempty"`
}

func (Form) purpose() seal.Purpose { return seal.CSRF }
