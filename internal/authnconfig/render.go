package authnconfig

import (
	"bytes"
	"fmt"
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"
)

// Version is the version of AuthenticationConfiguration in a rendered document.
type Version string

// The versions. They differ in name only.
const (
	// V1 is read by Kubernetes 1.34 and later.
	V1 Version = "v1"
	// V1Beta1 is read by Kubernetes 1.30 and later, and is the only one that 1.30 to 1.33 read.
	V1Beta1 Version = "v1beta1"
)

const (
	group = "apiserver.config.k8s.io/"
	kind  = "AuthenticationConfiguration"
	// maxEntries is kube-apiserver's bound on jwt.
	maxEntries = 64
)

const header = `# Rendered by "kubectl watchword trust render" for kube-apiserver --authentication-config.
# It holds no secret. Whoever can write it decides who is who in the cluster.
`

// Render returns one document that trusts every given realm, ordered by issuer: equal trusts give equal bytes. The error says which
// of them cannot be in one document, or which one is not safe to trust.
func Render(version Version, trusts ...Trust) ([]byte, error) {
	if version != V1 && version != V1Beta1 {
		return nil, fmt.Errorf("render version %q: want %s or %s", version, V1, V1Beta1)
	}
	if len(trusts) == 0 || len(trusts) > maxEntries {
		return nil, fmt.Errorf("render %d realms: want 1 to %d", len(trusts), maxEntries)
	}
	trusts = slices.SortedFunc(slices.Values(trusts), func(a, b Trust) int { return strings.Compare(a.Issuer, b.Issuer) })
	doc := document{APIVersion: group + string(version), Kind: kind}
	for i, t := range trusts {
		for _, other := range trusts[:i] {
			if err := compatible(other, t); err != nil {
				return nil, err
			}
		}
		entry, err := t.entry()
		if err != nil {
			return nil, fmt.Errorf("trust issuer %q: %w", t.Issuer, err)
		}
		doc.JWT = append(doc.JWT, entry)
	}
	return encode(doc)
}

func (t Trust) entry() (authenticator, error) {
	if err := t.check(); err != nil {
		return authenticator{}, err
	}
	bundle, err := normalizeBundle(t.CertificateAuthority)
	if err != nil {
		return authenticator{}, err
	}
	return authenticator{
		Issuer: issuer{
			URL:                  t.Issuer,
			DiscoveryURL:         t.DiscoveryURL,
			Audiences:            []string{t.Audience},
			CertificateAuthority: string(bundle),
		},
		ClaimValidationRules: claimRules(),
		ClaimMappings: mappings{
			Username: claim{Claim: "preferred_username", Prefix: t.UsernamePrefix},
			Groups:   claim{Claim: "groups", Prefix: t.GroupsPrefix},
			UID:      claim{Claim: "sub"},
		},
		UserValidationRules: userRules(),
	}, nil
}

// compatible refuses two trusts that kube-apiserver would refuse together, and two whose names could meet: with prefixes a: and a:b:,
// the first realm's user "b:alice" would be the second one's "alice".
func compatible(a, b Trust) error {
	switch {
	case a.Issuer == b.Issuer:
		return fmt.Errorf("issuer %q is there twice", a.Issuer)
	case a.DiscoveryURL != "" && a.DiscoveryURL == b.DiscoveryURL:
		return fmt.Errorf("discovery URL %q is there twice; kube-apiserver wants one for each issuer", a.DiscoveryURL)
	case overlap(a.UsernamePrefix, b.UsernamePrefix):
		return fmt.Errorf("user name prefixes %q of %s and %q of %s overlap: a user of one could be a user of the other",
			a.UsernamePrefix, a.Issuer, b.UsernamePrefix, b.Issuer)
	case overlap(a.GroupsPrefix, b.GroupsPrefix):
		return fmt.Errorf("groups prefixes %q of %s and %q of %s overlap: a group of one could be a group of the other",
			a.GroupsPrefix, a.Issuer, b.GroupsPrefix, b.Issuer)
	}
	return nil
}

func overlap(a, b string) bool { return strings.HasPrefix(a, b) || strings.HasPrefix(b, a) }

func encode(doc document) ([]byte, error) {
	out := bytes.NewBufferString(header)
	encoder := yaml.NewEncoder(out)
	encoder.SetIndent(2)
	if err := encoder.Encode(doc); err != nil {
		return nil, fmt.Errorf("encode %s: %w", kind, err)
	}
	return out.Bytes(), encoder.Close()
}
