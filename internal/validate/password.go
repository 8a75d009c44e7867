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

// Password checks a new password against the realm's policy. The error says which rule it breaks and never quotes the password.
func Password(policy v1alpha1.PasswordPolicy, password []byte) error {
	refused := func(message string) error { return &Problem{Reason: ReasonPasswordRefused, Message: message} }
	switch {
	case len(password) > MaxPasswordBytes:
		return refused("the password is longer than 1024 bytes")
	case !utf8.Valid(password):
		return refused("the password is not valid UTF-8")
	}
	var characters, spaces int32
	for _, r := range string(password) {
		characters++
		switch {
		case unicode.IsControl(r):
			return refused("the password has a control character (a line break at its end, perhaps: use printf instead of echo)")
		case unicode.IsSpace(r):
			spaces++
		}
	}
	switch {
	case characters < policy.MinLength:
		return refused("the password is shorter than the realm's spec.password.minLength")
	case characters == spaces:
		return refused("the password is blank")
	}
	return nil
}
