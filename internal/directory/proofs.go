package directory

import (
	"strings"

	"github.com/go-jose/go-jose/v4"

	"github.com/watchword-io/watchword/api/v1alpha1"
	"github.com/watchword-io/watchword/internal/validate"
)

// Proofs are what an application's assertions are judged by, immutable.
type Proofs struct {
	// Keys are its own public keys where they are written in the object, KeySet where they are fetched from. Both are empty if it signs nothing
	// itself.
	Keys   []jose.JSONWebKey
	KeySet Remote
	// Identities are the workloads that are the application.
	Identities []Identity
}

// Remote is an https address and the authorities to trust there, comparable. Zero is none.
type Remote struct {
	URL string
	// CABundle is PEM; empty means the authorities of the system.
	CABundle string
}

// Identity is one workload, by iss, sub and aud of its tokens.
type Identity struct {
	// Issuer is empty where this cluster's own is meant.
	Issuer Remote
	// Cluster: the keys come from this cluster's API server.
	Cluster bool
	Subject string
	// Audience is empty where the realm's issuer is meant.
	Audience string
	// Review asks the API server whether what the token is bound to is still there.
	Review bool
}

func newProofs(a *v1alpha1.ClientAuthentication) *Proofs {
	p := &Proofs{Identities: make([]Identity, 0, len(a.FederatedIdentities))}
	if own := a.PrivateKeyJWT; own != nil {
		p.KeySet = Remote{URL: own.JWKSURI, CABundle: own.CABundle}
		if own.JWKS != "" {
			p.Keys, _ = validate.ClientKeys(own.JWKS) // an application whose keys cannot be read is refused
		}
	}
	for _, f := range a.FederatedIdentities {
		p.Identities = append(p.Identities, Identity{
			Issuer: Remote{URL: f.Issuer, CABundle: f.CABundle}, Cluster: ownCluster(f.Issuer) && f.CABundle == "",
			Subject: f.Subject, Audience: f.Audience, Review: f.TokenReview,
		})
	}
	return p
}

// ownCluster reports whether an issuer is this cluster's: none is named, or the name that leads every Pod to its own API server.
func ownCluster(issuer string) bool {
	host := validate.Hostname(issuer)
	return issuer == "" || host == "kubernetes.default.svc" || strings.HasPrefix(host, "kubernetes.default.svc.")
}
