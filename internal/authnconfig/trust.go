// Package authnconfig renders the AuthenticationConfiguration by which kube-apiserver accepts the tokens of realms.
//
// It owns the mapping from claims to Kubernetes users and the rules that keep reserved names out; delivering the file is left
// to others, and kube-apiserver's own judgement of it to the package validation below this one, which is heavy to link. Its one
// invariant: whatever it renders puts a prefix, never empty and never beginning with system:, before every user and group of a
// realm, and no two realms of one document can name the same user or group.
package authnconfig

import (
	"fmt"
	"net/url"
	"strings"

	"github.com/watchword-io/watchword/api/v1alpha1"
	"github.com/watchword-io/watchword/internal/identity"
)

// defaultAudience is the schema's default of Realm.spec.kubernetes.audience, for objects that never met an API server.
const defaultAudience = "kubernetes"

// Trust is what a kube-apiserver must know of one realm to accept its tokens.
type Trust struct {
	// Issuer is the https URL in the tokens' iss, byte for byte.
	Issuer string
	// DiscoveryURL is where the discovery document is fetched instead of below Issuer, for an API server that cannot resolve or
	// reach the issuer's host. Empty: below Issuer.
	DiscoveryURL string
	// Audience is the aud that tokens must carry.
	Audience string
	// CertificateAuthority is a PEM bundle that the issuer's certificate chains to. Empty: the roots of the API server's host.
	CertificateAuthority []byte
	// UsernamePrefix and GroupsPrefix stand before every user and group of the realm in the cluster.
	UsernamePrefix, GroupsPrefix string
}

// ForRealm returns the trust in a realm with the names that are in force for it. A Realm read from a file needs its namespace,
// from which the default prefixes come. The error says what is wrong with the realm, the bundle or the URL.
func ForRealm(realm *v1alpha1.Realm, certificateAuthority []byte, discoveryURL string) (Trust, error) {
	trust := Trust{
		Issuer:               realm.Spec.Issuer,
		DiscoveryURL:         discoveryURL,
		Audience:             realm.Spec.Kubernetes.Audience,
		CertificateAuthority: certificateAuthority,
		UsernamePrefix:       identity.UsernamePrefix(realm),
		GroupsPrefix:         identity.GroupsPrefix(realm),
	}
	if trust.Audience == "" {
		trust.Audience = defaultAudience
	}
	if err := trust.check(); err != nil {
		return Trust{}, fmt.Errorf("trust realm %q: %w", realm.Name, err)
	}
	return trust, nil
}

// check repeats the rules that the schema and admission hold for realms: the file decides who is who in a cluster, and the object
// may be older than the rules or come from a file.
func (t Trust) check() error {
	if err := checkURL("issuer", t.Issuer); err != nil {
		return err
	}
	if t.DiscoveryURL != "" {
		if err := checkURL("discovery URL", t.DiscoveryURL); err != nil {
			return err
		}
		if strings.TrimRight(t.DiscoveryURL, "/") == t.Issuer {
			return fmt.Errorf("discovery URL %q is the issuer itself; leave it out, or name the document's own URL", t.DiscoveryURL)
		}
	}
	if t.Audience == "" {
		return fmt.Errorf("audience must not be empty")
	}
	if err := checkPrefix("user name", t.UsernamePrefix); err != nil {
		return err
	}
	if err := checkPrefix("groups", t.GroupsPrefix); err != nil {
		return err
	}
	_, err := normalizeBundle(t.CertificateAuthority)
	return err
}

// checkURL holds what kube-apiserver asks of both URLs, and that nothing has to be trimmed: iss is compared byte by byte.
func checkURL(what, raw string) error {
	u, err := url.Parse(raw)
	switch {
	case err != nil:
		return fmt.Errorf("%s %q is not a URL", what, raw)
	case u.Scheme != "https" || u.Host == "":
		return fmt.Errorf("%s %q must be an https URL", what, raw)
	case u.User != nil || u.RawQuery != "" || u.ForceQuery || strings.Contains(raw, "#"):
		return fmt.Errorf("%s %q must not have user name, query or fragment", what, raw)
	case strings.HasSuffix(raw, "/"):
		return fmt.Errorf("%s %q must not end in a slash", what, raw)
	}
	return nil
}

// checkPrefix refuses the prefixes under which a token could name built-in users: without one, groups ["system:masters"] in a
// token reads every Secret of the cluster.
func checkPrefix(what, prefix string) error {
	switch {
	case prefix == "" || prefix == ":":
		return fmt.Errorf("%s prefix %q names nothing; set one in the realm, or give the realm a namespace", what, prefix)
	case identity.Reserved(prefix):
		return fmt.Errorf("%s prefix %q begins with system:, which belongs to Kubernetes", what, prefix)
	case !strings.HasSuffix(prefix, ":"):
		return fmt.Errorf("%s prefix %q must end in a colon, or one prefix can run into the next name", what, prefix)
	}
	return nil
}
