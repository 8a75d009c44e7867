package validate

import (
	"unicode"
	"unicode/utf8"

	"github.com/watchword-io/watchword/api/v1alpha1"
)

// MaxPasswordBytes is the longest password that is ever hashed: longer input only costs the server time.
const MaxPasswordBytes = 1024

// ReasonPasswordRefused is the Problem of a password that the realm's policy refuses.
const ReasonPasswordRefused = "PasswordRefused"

// PasswordError says which rule a new password breaks. It never quotes the password.
type PasswordError struct {
	// Kind is one of the constants below.
	Kind PasswordKind
	// Message is for whoever wrote the password to a Secret.
	Message string
}

// Error implements error.
func (e *PasswordError) Error() string { return e.Message }

// PasswordKind is a rule for passwords, by what is wrong with a password that breaks it.
type PasswordKind string

// What may be wrong with a new password.
const (
	PasswordShort      PasswordKind = "short"
	PasswordLong       PasswordKind = "long"
	PasswordUnreadable PasswordKind = "unreadable"
	PasswordGuessable  PasswordKind = "guessable"
)

// Password checks a new password against the realm's policy. names are what the person and the realm are called: a password is
// refused that is little more than that. The error is a *PasswordError or nil.
func Password(policy v1alpha1.PasswordPolicy, names []string, password []byte) error {
	switch {
	case len(password) > MaxPasswordBytes:
		return &PasswordError{PasswordLong, "the password is longer than 1024 bytes"}
	case !utf8.Valid(password):
		return &PasswordError{PasswordUnreadable, "the password is not valid UTF-8"}
	}
	var characters, spaces int32
	for _, r := range string(password) {
		characters++
		switch {
		case unicode.IsControl(r):
			return &PasswordError{PasswordUnreadable, "the password has a control character (a line break at its end, perhaps: use printf instead of echo)"}
		case unicode.IsSpace(r):
			spaces++
		}
	}
	switch {
	case characters < max(policy.MinLength, 1):
		return &PasswordError{PasswordShort, "the password is shorter than the realm's spec.password.minLength"}
	case characters == spaces:
		return &PasswordError{PasswordUnreadable, "the password is blank"}
	case guessable(string(password), names):
		return &PasswordError{PasswordGuessable,
			"the password is easy to guess: without names, sequences, repetitions and very common passwords too little of it is left"}
	}
	return nil
}
