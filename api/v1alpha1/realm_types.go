package v1alpha1

import metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

// SigningAlgorithm is a JWS algorithm (RFC 7518 section 3.1) that both Watchword and kube-apiserver support. EdDSA is left out
// because kube-apiserver refuses it.
//
// +kubebuilder:validation:Enum=ES256;ES384;RS256;PS256
type SigningAlgorithm string

// The signing algorithms.
const (
	ES256 SigningAlgorithm = "ES256"
	ES384 SigningAlgorithm = "ES384"
	RS256 SigningAlgorithm = "RS256"
	PS256 SigningAlgorithm = "PS256"
)

// GrantType is an OAuth 2.0 grant (RFC 6749, RFC 8628), by the value of the grant_type parameter.
//
// +kubebuilder:validation:Enum=client_credentials;password;authorization_code;refresh_token;urn:ietf:params:oauth:grant-type:device_code
type GrantType string

// The grant types.
const (
	GrantClientCredentials GrantType = "client_credentials"
	GrantPassword          GrantType = "password"
	GrantAuthorizationCode GrantType = "authorization_code"
	GrantRefreshToken      GrantType = "refresh_token"
	GrantDeviceCode        GrantType = "urn:ietf:params:oauth:grant-type:device_code"
)

// RealmSpec says how a realm issues tokens.
//
// +kubebuilder:validation:XValidation:rule="self.issuer == oldSelf.issuer",message="issuer is immutable: every token and every trusting cluster names it; make a new Realm in a new namespace instead"
// +kubebuilder:validation:XValidation:rule="has(self.kubernetes) && has(self.kubernetes.usernamePrefix) == (has(oldSelf.kubernetes) && has(oldSelf.kubernetes.usernamePrefix)) && has(self.kubernetes.groupsPrefix) == (has(oldSelf.kubernetes) && has(oldSelf.kubernetes.groupsPrefix))",message="kubernetes.usernamePrefix and kubernetes.groupsPrefix cannot be added or removed later: bindings in clusters carry them"
type RealmSpec struct {
	// issuer is the https URL that becomes the iss claim of every token and under which all endpoints live, for example
	// https://id.example.com/realms/acme. No query, fragment, user name or trailing slash; lower-case host. Immutable.
	// +required
	// +kubebuilder:validation:MinLength=12
	// +kubebuilder:validation:MaxLength=256
	// +kubebuilder:validation:Pattern=`^https://([a-z0-9]([a-z0-9-]*[a-z0-9])?(\.[a-z0-9]([a-z0-9-]*[a-z0-9])?)*|\[[0-9a-f:]+\])(:[1-9][0-9]{0,4})?(/[A-Za-z0-9._~-]+)*$`
	// +kubebuilder:validation:XValidation:rule="!self.matches('/\\\\.{1,2}(/|$)')",message="issuer must not contain . or .. as a path segment"
	Issuer string `json:"issuer,omitempty"`

	// displayName is the realm's name for people, on pages and in messages. Default: the name of the object.
	// +optional
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=128
	DisplayName string `json:"displayName,omitempty"`

	// branding is how the realm's pages look.
	// +optional
	Branding RealmBranding `json:"branding,omitzero"`

	// signing says with what algorithm tokens are signed and how its keys rotate.
	// +optional
	// +default={}
	Signing SigningSpec `json:"signing,omitzero"`

	// tokens sets the lifetimes of tokens; a ClientApplication may override them for itself.
	// +optional
	// +default={}
	Tokens TokenLifetimes `json:"tokens,omitzero"`

	// password is the policy for the passwords of local users.
	// +optional
	// +default={}
	Password PasswordPolicy `json:"password,omitzero"`

	// kubernetes says how this realm's subjects are named in clusters and how far access rules may reach.
	// +optional
	// +default={}
	Kubernetes KubernetesSpec `json:"kubernetes,omitzero"`

	// serving says with which certificate the issuer's host is served.
	// +optional
	// +default={}
	Serving ServingSpec `json:"serving,omitzero"`

	// grants lists the grant types this realm allows; a ClientApplication may use those that it lists too. The password grant
	// is not in the default: it hands passwords to programs (RFC 9700 section 2.4) and belongs only where nothing else works.
	// +optional
	// +default=["client_credentials","authorization_code","refresh_token","urn:ietf:params:oauth:grant-type:device_code"]
	// +listType=set
	// +kubebuilder:validation:MaxItems=8
	Grants []GrantType `json:"grants,omitempty"`
}

// SigningSpec is the life of signing keys: published, then signing, then kept until the last token they signed has expired.
//
// +kubebuilder:validation:XValidation:rule="!has(self.publishBefore) || !has(self.keysMaxAge) || duration(self.publishBefore) >= duration(self.keysMaxAge) + duration(self.keysMaxAge)",message="publishBefore must be at least twice keysMaxAge, or relying parties meet a key before they can fetch it"
// +kubebuilder:validation:XValidation:rule="!has(self.rotationPeriod) || !has(self.publishBefore) || duration(self.rotationPeriod) > duration(self.publishBefore)",message="rotationPeriod must be longer than publishBefore"
type SigningSpec struct {
	// algorithm signs the tokens of every ClientApplication that does not ask for another. Default: ES256.
	// +optional
	// +default="ES256"
	Algorithm SigningAlgorithm `json:"algorithm,omitempty"`

	// rotationPeriod is how long a key signs before the next one takes over. Between 5s and 8760h (a year). Default: 720h.
	// +optional
	// +default="720h"
	// +kubebuilder:validation:Type=string
	// +kubebuilder:validation:MaxLength=32
	// +kubebuilder:validation:XValidation:rule="duration(self) >= duration('5s') && duration(self) <= duration('8760h')",message="rotationPeriod must be between 5s and 8760h"
	RotationPeriod metav1.Duration `json:"rotationPeriod,omitzero"`

	// publishBefore is how long a new key is published before it signs, at least twice keysMaxAge. Between 2s and 720h. Default: 1h.
	// +optional
	// +default="1h"
	// +kubebuilder:validation:Type=string
	// +kubebuilder:validation:MaxLength=32
	// +kubebuilder:validation:XValidation:rule="duration(self) >= duration('2s') && duration(self) <= duration('720h')",message="publishBefore must be between 2s and 720h"
	PublishBefore metav1.Duration `json:"publishBefore,omitzero"`

	// keysMaxAge is the Cache-Control max-age of the key set. Below 60s kube-apiserver fetches the key set again for every forged
	// token, so shorter values are for tests. Between 1s and 1h. Default: 5m.
	// +optional
	// +default="5m"
	// +kubebuilder:validation:Type=string
	// +kubebuilder:validation:MaxLength=32
	// +kubebuilder:validation:XValidation:rule="duration(self) >= duration('1s') && duration(self) <= duration('1h')",message="keysMaxAge must be between 1s and 1h"
	KeysMaxAge metav1.Duration `json:"keysMaxAge,omitzero"`
}

// TokenLifetimes are how long tokens live. kube-apiserver allows no leeway on expiry: give clusters 5 minutes or more.
//
// +kubebuilder:validation:XValidation:rule="!has(self.refreshAbsolute) || !has(self.refreshIdle) || duration(self.refreshAbsolute) >= duration(self.refreshIdle)",message="refreshAbsolute must not be shorter than refreshIdle"
type TokenLifetimes struct {
	// access is the lifetime of access tokens, and so the time after which a disabled user or application has no access left
	// anywhere. Between 10s and 24h. Default: 15m.
	// +optional
	// +default="15m"
	// +kubebuilder:validation:Type=string
	// +kubebuilder:validation:MaxLength=32
	// +kubebuilder:validation:XValidation:rule="duration(self) >= duration('10s') && duration(self) <= duration('24h')",message="access must be between 10s and 24h"
	Access metav1.Duration `json:"access,omitzero"`

	// id is the lifetime of ID tokens, which kubectl presents to kube-apiserver. Between 10s and 24h. Default: 15m.
	// +optional
	// +default="15m"
	// +kubebuilder:validation:Type=string
	// +kubebuilder:validation:MaxLength=32
	// +kubebuilder:validation:XValidation:rule="duration(self) >= duration('10s') && duration(self) <= duration('24h')",message="id must be between 10s and 24h"
	ID metav1.Duration `json:"id,omitzero"`

	// refreshIdle is how long a session may rest before its refresh token ends. Between 1m and 2160h. Default: 24h.
	// +optional
	// +default="24h"
	// +kubebuilder:validation:Type=string
	// +kubebuilder:validation:MaxLength=32
	// +kubebuilder:validation:XValidation:rule="duration(self) >= duration('1m') && duration(self) <= duration('2160h')",message="refreshIdle must be between 1m and 2160h"
	RefreshIdle metav1.Duration `json:"refreshIdle,omitzero"`

	// refreshAbsolute is how long a session may live however busy it is. Between 1m and 8760h. Default: 168h.
	// +optional
	// +default="168h"
	// +kubebuilder:validation:Type=string
	// +kubebuilder:validation:MaxLength=32
	// +kubebuilder:validation:XValidation:rule="duration(self) >= duration('1m') && duration(self) <= duration('8760h')",message="refreshAbsolute must be between 1m and 8760h"
	RefreshAbsolute metav1.Duration `json:"refreshAbsolute,omitzero"`
}

// KubernetesSpec is the realm as clusters see it.
type KubernetesSpec struct {
	// usernamePrefix stands before every user name in clusters, so that realms and built-in users never mix. It must not begin with
	// system: nor be the beginning of another realm's prefix. Default: the namespace and a colon, for example "acme:". Immutable once set,
	// because bindings carry it.
	// +optional
	// +kubebuilder:validation:MinLength=2
	// +kubebuilder:validation:MaxLength=64
	// +kubebuilder:validation:Pattern=`^[a-z0-9]([a-z0-9._:-]*[a-z0-9])?:$`
	// +kubebuilder:validation:XValidation:rule="!self.startsWith('system:')",message="prefixes beginning with system: are reserved for Kubernetes"
	// +kubebuilder:validation:XValidation:rule="self == oldSelf",message="usernamePrefix is immutable"
	UsernamePrefix string `json:"usernamePrefix,omitempty"`

	// groupsPrefix stands before every group name in clusters. The same rules and the same default as for usernamePrefix.
	// +optional
	// +kubebuilder:validation:MinLength=2
	// +kubebuilder:validation:MaxLength=64
	// +kubebuilder:validation:Pattern=`^[a-z0-9]([a-z0-9._:-]*[a-z0-9])?:$`
	// +kubebuilder:validation:XValidation:rule="!self.startsWith('system:')",message="prefixes beginning with system: are reserved for Kubernetes"
	// +kubebuilder:validation:XValidation:rule="self == oldSelf",message="groupsPrefix is immutable"
	GroupsPrefix string `json:"groupsPrefix,omitempty"`

	// audience is the aud that clusters trusting this realm ask for, and the client ID of the public ClientApplication that kubectl
	// uses. Tokens for it carry the user name and all groups whatever scope was asked. Default: kubernetes.
	// +optional
	// +default="kubernetes"
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=128
	// +kubebuilder:validation:Pattern=`^[A-Za-z0-9][A-Za-z0-9._/:-]*$`
	Audience string `json:"audience,omitempty"`

	// allowedScopes limits where access rules of this realm may grant anything.
	// +optional
	// +default={}
	AllowedScopes AllowedScopes `json:"allowedScopes,omitzero"`
}

// AllowedScopes bounds the reach of access rules, whatever their authors may bind.
type AllowedScopes struct {
	// cluster allows rules for the whole cluster (ClusterRoleBindings). Default: false.
	// +optional
	// +default=false
	Cluster bool `json:"cluster,omitempty"`

	// namespaces selects by label the namespaces in which rules may grant anything. Empty means every namespace; left out means every
	// namespace but kube-system, kube-public and kube-node-lease.
	// +optional
	Namespaces *metav1.LabelSelector `json:"namespaces,omitempty"`
}

// ServingSpec says with which certificate the issuer's host is served.
type ServingSpec struct {
	// certificateSecretRef names a Secret of type kubernetes.io/tls (from cert-manager, for example) whose certificate covers the issuer's
	// host. Changes are picked up within seconds. Left out, Watchword keeps a certificate authority of its own for the realm and publishes
	// its certificate in the ConfigMap named in status.
	// +optional
	CertificateSecretRef *LocalObjectReference `json:"certificateSecretRef,omitempty"`

	// additionalNames are DNS names and IP addresses that a self-made certificate covers beside the issuer's host, for example the
	// Service's cluster IP.
	// +optional
	// +listType=set
	// +kubebuilder:validation:MaxItems=16
	// +kubebuilder:validation:items:MinLength=1
	// +kubebuilder:validation:items:MaxLength=253
	// +kubebuilder:validation:items:Pattern=`^[a-z0-9.:-]+$`
	AdditionalNames []string `json:"additionalNames,omitempty"`
}

// Realm is an issuer of tokens: one namespace, one URL, its signing keys and its users. Of two Realms in a namespace the older serves.
//
// +kubebuilder:object:root=true
// +kubebuilder:subresource:status
// +kubebuilder:resource:categories=watchword
// +kubebuilder:printcolumn:name="Ready",type=string,JSONPath=`.status.conditions[?(@.type=="Ready")].status`
// +kubebuilder:printcolumn:name="Issuer",type=string,JSONPath=`.spec.issuer`
// +kubebuilder:printcolumn:name="Users",type=integer,JSONPath=`.status.users`
// +kubebuilder:printcolumn:name="Applications",type=integer,JSONPath=`.status.clientApplications`
// +kubebuilder:printcolumn:name="Message",type=string,JSONPath=`.status.conditions[?(@.type=="Ready")].message`,priority=1
// +kubebuilder:printcolumn:name="Age",type=date,JSONPath=`.metadata.creationTimestamp`
type Realm struct {
	metav1.TypeMeta `json:",inline"`
	// metadata is the standard metadata of an object.
	// +optional
	metav1.ObjectMeta `json:"metadata,omitzero"`

	// spec says how the realm issues tokens.
	// +required
	Spec RealmSpec `json:"spec,omitzero"`
	// status is what Watchword knows of the realm.
	// +optional
	Status RealmStatus `json:"status,omitzero"`
}

// RealmList is a list of Realms.
//
// +kubebuilder:object:root=true
type RealmList struct {
	metav1.TypeMeta `json:",inline"`
	metav1.ListMeta `json:"metadata,omitzero"`
	Items           []Realm `json:"items"`
}
