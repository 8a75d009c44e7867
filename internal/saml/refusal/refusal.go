// Package refusal names every reason for which a SAML message, or a document about SAML, is not accepted.
//
// It owns the catalogue: the words that stand in the audit log, in metrics and in the status of a SAMLProvider. It leaves deciding
// to the packages that parse and judge. Its invariant: a refusal carries exactly one reason, in snake_case, and the person at the
// browser is never told which; only operators are.
package refusal

import (
	"errors"
	"fmt"
)

// Reason is why something was refused. It is a stable word: dashboards and tests compare it.
type Reason string

// Error is a refusal. Reason is for machines; Detail is for the operator, may quote the message that was refused and must be
// escaped wherever it is shown.
type Error struct {
	Reason Reason
	Detail string
}

// Error returns the reason, and after a colon the detail if there is one.
func (e *Error) Error() string {
	if e.Detail == "" {
		return string(e.Reason)
	}
	return string(e.Reason) + ": " + e.Detail
}

// maxDetail bounds what a stranger can write into the audit log, in bytes.
const maxDetail = 300

// New refuses for a reason, with a formatted detail of at most 300 bytes.
func New(reason Reason, format string, args ...any) *Error {
	detail := fmt.Sprintf(format, args...)
	if len(detail) > maxDetail {
		detail = detail[:maxDetail]
	}
	return &Error{Reason: reason, Detail: detail}
}

// Of returns the reason of err, or Internal if err is no refusal. It returns nothing for nil.
func Of(err error) Reason {
	if err == nil {
		return ""
	}
	var refused *Error
	if errors.As(err, &refused) {
		return refused.Reason
	}
	return Internal
}
