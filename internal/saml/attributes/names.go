package attributes

import (
	"strings"

	"golang.org/x/text/unicode/norm"

	"github.com/watchword-io/watchword/internal/identity"
	"github.com/watchword-io/watchword/internal/saml/refusal"
)

// emailFormat is the format of a NameID that is an e-mail address (Core section 8.3.2).
const emailFormat = "urn:oasis:names:tc:SAML:1.1:nameid-format:emailAddress"

// Bounds of the User kind, in bytes and characters.
const (
	maxEmail    = 254
	maxUsername = 253
	maxName     = 128
)

// canonical is the one spelling of a name, as validate.User wants it: NFKC, lower-case.
func canonical(name string) string { return norm.NFKC.String(strings.ToLower(norm.NFKC.String(name))) }

// disguised reports whether a name has compatibility forms, such as full-width letters: canonical would make somebody else's of it, and
// directories keep the two apart.
func disguised(name string) bool { return !norm.NFKC.IsNormalString(name) }

// email reads the address: one, of an allowed domain.
func (r *reading) email() (string, error) {
	name := r.names.Email
	values, there := r.find(name)
	if !there && r.from.NameID.Format == emailFormat {
		values, there = []string{r.from.NameID.Value}, true
	}
	switch {
	case !there || len(values) == 0 || values[0] == "":
		return "", refusal.New(refusal.EmailMissing, "the assertion has no attribute %q; have the provider send it, or map another", name)
	case len(values) > 1:
		return "", refusal.New(refusal.EmailSeveral, "attribute %q has %d values; which one is the person's is not for us to guess", name, len(values))
	}
	email := canonical(values[0])
	local, domain, _ := strings.Cut(email, "@")
	if len(email) > maxEmail || local == "" || domain == "" || strings.ContainsAny(email, " \t\"(),:;<>[\\]") || strings.Contains(domain, "@") ||
		strings.IndexFunc(email, hidden) >= 0 || disguised(values[0]) {
		return "", refusal.New(refusal.EmailMalformed, "attribute %q is %q", name, values[0])
	}
	if len(r.domains) > 0 && !r.domains[domain] {
		return "", refusal.New(refusal.EmailDomain, "%q; the provider's allowedEmailDomains do not have %q", email, domain)
	}
	return email, nil
}

// usernamePattern is that of the User kind: without a colon a name can be no reserved one and no application's.
const usernamePattern = `^[\p{L}\p{N}][\p{L}\p{N}\p{M}._@+-]*$`

// username reads the user name. It may be missing if the address can be one.
func (r *reading) username(email string) (string, error) {
	name := r.names.Username
	values, _ := r.find(name)
	switch {
	case len(values) > 1:
		return "", refusal.New(refusal.UsernameSeveral, "attribute %q has %d values", name, len(values))
	case len(values) == 0 || values[0] == "":
		if !r.usernames.MatchString(email) || identity.Reserved(email) {
			return "", refusal.New(refusal.UsernameInvalid, "%q cannot be a user name; have the provider send an attribute %q", email, name)
		}
		return "", nil
	}
	username := canonical(values[0])
	if len(username) > maxUsername || !r.usernames.MatchString(username) || identity.Reserved(username) || disguised(values[0]) {
		return "", refusal.New(refusal.UsernameInvalid, "attribute %q is %q; a user name has letters, digits and . _ @ + - only", name, values[0])
	}
	return username, nil
}

// name reads a given or family name, which is only for show.
func (r *reading) name(attribute string) string {
	values, _ := r.find(attribute)
	if len(values) == 0 {
		return ""
	}
	name := norm.NFC.String(values[0])
	if len([]rune(name)) > maxName || strings.IndexFunc(name, hidden) >= 0 {
		r.problem(refusal.NameInvalid, attribute, "%s %q is longer than %d characters or has some that do not show; it is left out", attribute, name, maxName)
		return ""
	}
	return name
}
