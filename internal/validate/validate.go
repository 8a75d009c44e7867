// Package validate holds the rules that server and controllers share: what a schema cannot say, or what an object older than the
// schema may break.
//
// It judges one object, or one object against its realm, and knows nothing of clusters or time sources. Its invariant: an object that
// a function here refuses is refused everywhere, by the controllers with a condition and by the server by not serving it.
package validate

import (
	"fmt"
	"net"
	"net/url"
	"strings"

	"golang.org/x/text/unicode/norm"

	"github.com/watchword-io/watchword/api/v1alpha1"
	"github.com/watchword-io/watchword/internal/identity"
)

// Problem is the only error of this package: a rule that the author of an object broke.
type Problem struct {
	// Reason is a condition reason, in CamelCase.
	Reason string
	// Message names the rule and the next action. It quotes no secret.
	Message string
}

// Error implements error.
func (p *Problem) Error() string { return p.Message }

func invalid(format string, args ...any) error {
	return &Problem{Reason: v1alpha1.ReasonInvalid, Message: fmt.Sprintf(format, args...)}
}

// Realm checks that a realm can issue tokens: an https issuer without query, fragment or user name (OIDC Discovery section 3),
// prefixes that are not reserved, and rotation times that relying parties can follow.
func Realm(r *v1alpha1.Realm) error {
	if err := issuer(r.Spec.Issuer); err != nil {
		return err
	}
	for field, prefix := range map[string]string{
		"usernamePrefix": identity.UsernamePrefix(r), "groupsPrefix": identity.GroupsPrefix(r),
	} {
		if !strings.HasSuffix(prefix, ":") || len(prefix) < 2 {
			return invalid("spec.kubernetes.%s %q must end with a colon and name the realm, for example %q", field, prefix, "acme:")
		}
		if identity.Reserved(prefix) {
			return invalid("spec.kubernetes.%s would be %q, which is reserved for Kubernetes; set another", field, prefix)
		}
	}
	s := r.Spec.Signing
	if s.PublishBefore.Duration < 2*s.KeysMaxAge.Duration {
		return invalid("spec.signing.publishBefore (%s) must be at least twice keysMaxAge (%s)", s.PublishBefore.Duration, s.KeysMaxAge.Duration)
	}
	if s.RotationPeriod.Duration <= s.PublishBefore.Duration {
		return invalid("spec.signing.rotationPeriod (%s) must be longer than publishBefore (%s)", s.RotationPeriod.Duration, s.PublishBefore.Duration)
	}
	return nil
}

func issuer(raw string) error {
	u, err := url.Parse(raw)
	if err != nil || u.Host == "" {
		return invalid("spec.issuer %q is not a URL; write https://host/path", raw)
	}
	switch {
	case u.Scheme != "https":
		return invalid("spec.issuer %q must be an https URL: kube-apiserver and every OpenID client refuse others", raw)
	case u.RawQuery != "" || u.ForceQuery || u.Fragment != "" || strings.HasSuffix(raw, "#"):
		return invalid("spec.issuer %q must have no query and no fragment", raw)
	case u.User != nil:
		return invalid("spec.issuer must have no user name in it")
	case strings.HasSuffix(raw, "/"):
		return invalid("spec.issuer %q must not end with a slash", raw)
	case u.Host != strings.ToLower(u.Host):
		return invalid("spec.issuer %q must have a lower-case host", raw)
	case u.EscapedPath() != u.Path || strings.Contains(u.Path, "//"):
		return invalid("spec.issuer %q must have a plain path, without escapes or empty segments", raw)
	}
	for segment := range strings.SplitSeq(u.Path, "/") {
		if segment == "." || segment == ".." {
			return invalid("spec.issuer %q must have no . or .. in its path", raw)
		}
	}
	if port := u.Port(); port == "443" || port == "0" || strings.HasSuffix(u.Host, ":") {
		return invalid("spec.issuer %q must leave the port out or name one other than 443", raw)
	}
	return nil
}

// PrefixesOverlap reports whether two realms could name the same user or group in a cluster that trusts both: whether a prefix of one
// begins a prefix of the other of the same kind.
func PrefixesOverlap(a, b *v1alpha1.Realm) bool {
	overlap := func(x, y string) bool { return strings.HasPrefix(x, y) || strings.HasPrefix(y, x) }
	return overlap(identity.UsernamePrefix(a), identity.UsernamePrefix(b)) ||
		overlap(identity.GroupsPrefix(a), identity.GroupsPrefix(b))
}

// User checks that a person's names are canonical and not reserved, so that two spellings can never be two people.
func User(u *v1alpha1.User) error {
	name := identity.Username(u)
	switch {
	case name == "":
		return invalid("spec.username and spec.email are both empty; set spec.email")
	case identity.Reserved(name):
		return invalid("user name %q begins with system:, which is reserved for Kubernetes; choose another spec.username", name)
	case strings.ContainsRune(norm.NFKC.String(name), ':'):
		return invalid("user name %q has a colon, which only prefixes may have; choose another spec.username", name)
	case name != canonical(name):
		return invalid("user name %q is not in canonical form; write it as %q", name, canonical(name))
	case u.Spec.Email != canonical(u.Spec.Email):
		return invalid("spec.email %q is not in canonical form; write it as %q", u.Spec.Email, canonical(u.Spec.Email))
	case identity.Reserved(u.Spec.Subject):
		return invalid("spec.subject %q begins with system:, which is reserved for Kubernetes", u.Spec.Subject)
	case strings.HasPrefix(u.Spec.Subject, identity.ApplicationPrefix):
		return invalid("spec.subject %q begins with %s, which is kept for applications", u.Spec.Subject, identity.ApplicationPrefix)
	}
	for _, g := range u.Spec.Groups {
		if g == "" || identity.Reserved(g) {
			return invalid("group %q in spec.groups is empty or begins with system:, which is reserved for Kubernetes; remove it", g)
		}
	}
	return nil
}

// canonical is the one spelling of a name: NFKC, lower-case.
func canonical(name string) string { return norm.NFKC.String(strings.ToLower(norm.NFKC.String(name))) }

// Role checks the names of a role's ClusterRoles.
func Role(r *v1alpha1.Role) error {
	for _, name := range r.Spec.ClusterRoles {
		if name == "" || identity.Reserved(name) {
			return invalid("ClusterRole %q belongs to Kubernetes itself and cannot be granted; make one of your own with the rules you need", name)
		}
	}
	return nil
}

// ClientApplication checks that a client can be told from people and that its type, grants and secret fit together.
func ClientApplication(a *v1alpha1.ClientApplication) error {
	id := identity.ClientID(a)
	switch {
	case id == "" || strings.ContainsAny(id, ": \t\r\n"):
		return invalid("client ID %q must be a name without colons and spaces; set spec.clientID", id)
	case a.Spec.Type != v1alpha1.ClientConfidential && a.Spec.Type != v1alpha1.ClientPublic:
		return invalid("spec.type %q is not known; use Confidential or Public", a.Spec.Type)
	}
	for _, g := range a.Spec.GrantTypes {
		if g == v1alpha1.GrantClientCredentials && a.Spec.Type == v1alpha1.ClientPublic {
			return invalid("a Public client has no secret and cannot use client_credentials; set spec.type: Confidential in a new object")
		}
	}
	if a.Spec.Authentication == nil {
		return nil
	}
	if a.Spec.Type == v1alpha1.ClientPublic {
		return invalid("a Public client proves nothing; remove spec.authentication or set spec.type: Confidential in a new object")
	}
	return clientAuthentication(a.Spec.Authentication)
}

// Hostname is the host of an issuer without port and brackets, as it must stand in a certificate. It is empty if the issuer is no URL.
func Hostname(issuer string) string {
	u, err := url.Parse(issuer)
	if err != nil {
		return ""
	}
	if ip := net.ParseIP(u.Hostname()); ip != nil {
		return ip.String()
	}
	return u.Hostname()
}
