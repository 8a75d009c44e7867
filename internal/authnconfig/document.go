package authnconfig

// The types below are AuthenticationConfiguration (apiserver.config.k8s.io, the same in v1 and v1beta1) as far as it is rendered, in
// the order in which a person reads it. Kubernetes' own types would bring telemetry libraries along and sort fields by name; that
// these agree with them is what package validation is asked in every test.
type document struct {
	APIVersion string          `yaml:"apiVersion"`
	Kind       string          `yaml:"kind"`
	JWT        []authenticator `yaml:"jwt"`
}

type authenticator struct {
	Issuer               issuer       `yaml:"issuer"`
	ClaimValidationRules []expression `yaml:"claimValidationRules"`
	ClaimMappings        mappings     `yaml:"claimMappings"`
	UserValidationRules  []expression `yaml:"userValidationRules"`
}

type issuer struct {
	URL                  string   `yaml:"url"`
	DiscoveryURL         string   `yaml:"discoveryURL,omitempty"`
	Audiences            []string `yaml:"audiences"`
	CertificateAuthority string   `yaml:"certificateAuthority,omitempty"`
}

type mappings struct {
	Username claim `yaml:"username"`
	Groups   claim `yaml:"groups"`
	UID      claim `yaml:"uid"`
}

type claim struct {
	Claim  string `yaml:"claim"`
	Prefix string `yaml:"prefix,omitempty"`
}

type expression struct {
	Expression string `yaml:"expression"`
	Message    string `yaml:"message"`
}

// claimRules judge the token before prefixes hide what it says: kube-apiserver itself accepts an empty sub, an empty user name and
// system:masters. CEL knows no Unicode folding; names that only look reserved have no power in RBAC, and package identity keeps
// them out of tokens.
func claimRules() []expression {
	return []expression{
		{`claims.sub != ""`, "sub must not be empty"},
		{`claims.preferred_username != ""`, "preferred_username must not be empty"},
		{`!claims.preferred_username.lowerAscii().startsWith("system:")`, "user names beginning with system: belong to Kubernetes"},
		{`!has(claims.groups) || dyn(claims.groups).all(g, !g.lowerAscii().startsWith("system:"))`,
			"groups beginning with system: belong to Kubernetes"},
	}
}

// userRules judge the user that comes out, prefixes included, so that an edited prefix cannot undo the rules above.
func userRules() []expression {
	return []expression{
		{`!user.username.lowerAscii().startsWith("system:")`, "user names beginning with system: belong to Kubernetes"},
		{`user.groups.all(g, !g.lowerAscii().startsWith("system:"))`, "groups beginning with system: belong to Kubernetes"},
	}
}
