package v1alpha1

import metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

// ClientType is whether a client can keep a secret (RFC 6749 section 2.1).
//
// +kubebuilder:validation:Enum=Confidential;Public
type ClientType string

// The client types.
const (
	// ClientConfidential can keep a secret: a pipeline, a server.
	ClientConfidential ClientType = "Confidential"
	// ClientPublic cannot: a command line, a single-page application.
	ClientPublic ClientType = "Public"
)

// AccessTokenFormat is the kind of JWT an access token is.
//
// +kubebuilder:validation:Enum=RFC9068;JWT
type AccessTokenFormat string

// The access token formats.
const (
	// AccessTokenRFC9068 has the header typ at+jwt (RFC 9068).
	AccessTokenRFC9068 AccessTokenFormat = "RFC9068"
	// AccessTokenJWT has the header typ JWT, for resource servers that know no other.
	AccessTokenJWT AccessTokenFormat = "JWT"
)

// ClientApplicationSpec is an OAuth 2.0 client.
//
// +kubebuilder:validation:XValidation:rule="has(self.clientID) == has(oldSelf.clientID)",message="clientID can be set only when the ClientApplication is created"
// +kubebuilder:validation:XValidation:rule="self.type != 'Public' || !('client_credentials' in self.grantTypes)",message="a Public client has no secret and cannot use client_credentials; set type: Confidential"
// +kubebuilder:validation:XValidation:rule="self.type != 'Public' || !has(self.secret)",message="a Public client has no secret; remove secret or set type: Confidential"
// +kubebuilder:validation:XValidation:rule="self.type != 'Public' || !has(self.authentication)",message="a Public client proves nothing; remove authentication or set type: Confidential"
// +kubebuilder:validation:XValidation:rule="!('authorization_code' in self.grantTypes) || (has(self.redirectURIs) && size(self.redirectURIs) > 0)",message="authorization_code needs at least one of redirectURIs"
type ClientApplicationSpec struct {
	// displayName is the application's name for people. Default: the name of the object.
	// +optional
	// +kubebuilder:validation:MaxLength=128
	// +kubebuilder:validation:Pattern=`^[^\x00-\x1f\x7f]*$`
	DisplayName string `json:"displayName,omitempty"`

	// clientID is the client_id. It is unique in the realm: of two with the same one the older serves. Immutable. Default: the name of the
	// object.
	// +optional
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=128
	// +kubebuilder:validation:Pattern=`^[A-Za-z0-9][A-Za-z0-9._-]*$`
	// +kubebuilder:validation:XValidation:rule="self == oldSelf",message="clientID is immutable"
	ClientID string `json:"clientID,omitempty"`

	// type is Confidential (keeps a secret: pipelines, servers) or Public (cannot: command lines, single-page applications). Immutable.
	// +required
	// +kubebuilder:validation:XValidation:rule="self == oldSelf",message="type is immutable"
	Type ClientType `json:"type,omitempty"`

	// disabled stops every new token for this application, on every replica within a second.
	// +optional
	// +default=false
	Disabled bool `json:"disabled,omitempty"`

	// grantTypes are the grants the application may use, as far as its Realm allows them too.
	// +required
	// +listType=set
	// +kubebuilder:validation:MinItems=1
	// +kubebuilder:validation:MaxItems=8
	GrantTypes []GrantType `json:"grantTypes,omitempty"`

	// redirectURIs are the addresses a sign-in may return to, compared byte by byte; for http on 127.0.0.1 and [::1] any port fits
	// (RFC 8252 section 7.3). No fragment, no wildcard, no code, state or iss in the query.
	// +optional
	// +listType=set
	// +kubebuilder:validation:MaxItems=32
	// +kubebuilder:validation:items:MinLength=1
	// +kubebuilder:validation:items:MaxLength=512
	// +kubebuilder:validation:items:Pattern=`^(https://[A-Za-z0-9._~:\[\]-]+|http://(127\.0\.0\.1|\[::1\])(:[0-9]{1,5})?)(/[A-Za-z0-9._~!$&'()+,=:@/-]*)?(\?[A-Za-z0-9._~!$&'()+,=:@/-]*)?$`
	// +kubebuilder:validation:XValidation:rule="self.all(u, !u.matches('/\\\\.{1,2}(/|\\\\?|$)') && !u.matches('[?&](code|state|iss)='))",message="redirectURIs must not contain . or .. as a path segment, nor code, state or iss in the query"
	RedirectURIs []string `json:"redirectURIs,omitempty"`

	// postLogoutRedirectURIs are the addresses a sign-out may return to, compared byte by byte.
	// +optional
	// +listType=set
	// +kubebuilder:validation:MaxItems=32
	// +kubebuilder:validation:items:MinLength=1
	// +kubebuilder:validation:items:MaxLength=512
	// +kubebuilder:validation:items:Pattern=`^(https://[A-Za-z0-9._~:\[\]-]+|http://(127\.0\.0\.1|\[::1\])(:[0-9]{1,5})?)(/[A-Za-z0-9._~!$&'()+,=:@/-]*)?(\?[A-Za-z0-9._~!$&'()+,=:@/-]*)?$`
	PostLogoutRedirectURIs []string `json:"postLogoutRedirectURIs,omitempty"`

	// scopes the application may ask for. Watchword gives meaning to openid, profile, email, groups, roles and posix; others are passed
	// through to resource servers. A request without scope gets all of them that fit the grant. Default: openid, profile, email, groups, roles.
	// +optional
	// +default=["openid","profile","email","groups","roles"]
	// +listType=set
	// +kubebuilder:validation:MaxItems=64
	// +kubebuilder:validation:items:MinLength=1
	// +kubebuilder:validation:items:MaxLength=128
	// +kubebuilder:validation:items:Pattern=`^[A-Za-z0-9][A-Za-z0-9._:/*-]*$`
	Scopes []string `json:"scopes,omitempty"`

	// audiences the application may ask for with the parameter resource (RFC 8707) or audience; the first is the default. Add the Realm's
	// kubernetes.audience for tokens that clusters accept. Left out, access tokens are for the realm itself (aud is the issuer).
	// +optional
	// +listType=set
	// +kubebuilder:validation:MaxItems=32
	// +kubebuilder:validation:items:MinLength=1
	// +kubebuilder:validation:items:MaxLength=256
	// +kubebuilder:validation:items:Pattern=`^[A-Za-z0-9][A-Za-z0-9._~/:?=&%-]*$`
	Audiences []string `json:"audiences,omitempty"`

	// secret says where the secret of a Confidential client is written and how it rotates. With authentication there is a secret only if this
	// is given, {} at least.
	// +optional
	Secret *ClientSecret `json:"secret,omitempty"`

	// authentication is how a Confidential client proves who it is without a secret. Default: by its secret.
	// +optional
	Authentication *ClientAuthentication `json:"authentication,omitempty"`

	// tokens overrides the Realm's lifetimes for this application.
	// +optional
	Tokens *ClientTokenLifetimes `json:"tokens,omitempty"`

	// signingAlgorithm for this application's tokens, where it cannot verify the Realm's. The Realm then keeps a key of that kind too.
	// +optional
	SigningAlgorithm SigningAlgorithm `json:"signingAlgorithm,omitempty"`

	// accessTokenFormat is RFC9068 (header typ at+jwt) or JWT, for resource servers that know no other typ. Default: RFC9068.
	// +optional
	// +default="RFC9068"
	AccessTokenFormat AccessTokenFormat `json:"accessTokenFormat,omitempty"`
}

// ClientSecret says where a generated secret is written and how it rotates.
type ClientSecret struct {
	// name of the Secret that Watchword writes, with the keys client_id and client_secret and, during a rotation, previous_client_secret.
	// A Secret of that name that Watchword did not make is never touched. Default: the name of the object and "-client-secret".
	// +optional
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=253
	// +kubebuilder:validation:Pattern=`^[a-z0-9]([a-z0-9.-]*[a-z0-9])?$`
	Name string `json:"name,omitempty"`

	// rotationPeriod makes a new secret at this interval. Left out, only when asked by the annotation
	// identity.watchword.io/rotate-secret. Between 1m and 8760h.
	// +optional
	// +kubebuilder:validation:Type=string
	// +kubebuilder:validation:MaxLength=32
	// +kubebuilder:validation:XValidation:rule="duration(self) >= duration('1m') && duration(self) <= duration('8760h')",message="rotationPeriod must be between 1m and 8760h"
	RotationPeriod *metav1.Duration `json:"rotationPeriod,omitempty"`

	// overlap is how long the old secret stays valid beside the new one. Between 0s and 720h. Default: 24h.
	// +optional
	// +default="24h"
	// +kubebuilder:validation:Type=string
	// +kubebuilder:validation:MaxLength=32
	// +kubebuilder:validation:XValidation:rule="duration(self) >= duration('0s') && duration(self) <= duration('720h')",message="overlap must be between 0s and 720h"
	Overlap *metav1.Duration `json:"overlap,omitempty"`
}

// ClientTokenLifetimes overrides lifetimes for one application.
type ClientTokenLifetimes struct {
	// access is the lifetime of its access tokens. Between 10s and 24h. Default: the Realm's.
	// +optional
	// +kubebuilder:validation:Type=string
	// +kubebuilder:validation:MaxLength=32
	// +kubebuilder:validation:XValidation:rule="duration(self) >= duration('10s') && duration(self) <= duration('24h')",message="access must be between 10s and 24h"
	Access *metav1.Duration `json:"access,omitempty"`

	// id is the lifetime of its ID tokens. Between 10s and 24h. Default: the Realm's.
	// +optional
	// +kubebuilder:validation:Type=string
	// +kubebuilder:validation:MaxLength=32
	// +kubebuilder:validation:XValidation:rule="duration(self) >= duration('10s') && duration(self) <= duration('24h')",message="id must be between 10s and 24h"
	ID *metav1.Duration `json:"id,omitempty"`
}

// ClientApplicationStatus is what Watchword knows of an application.
type ClientApplicationStatus struct {
	// conditions are Ready and SecretReady.
	// +optional
	// +listType=map
	// +listMapKey=type
	Conditions []metav1.Condition `json:"conditions,omitempty"`

	// clientID in force, default filled in.
	// +optional
	ClientID string `json:"clientID,omitempty"`

	// secretName is the Secret with the client secret.
	// +optional
	SecretName string `json:"secretName,omitempty"`

	// secretRotatedAt is when the current secret was made.
	// +optional
	SecretRotatedAt *metav1.Time `json:"secretRotatedAt,omitempty"`

	// previousSecretExpiresAt is when the previous secret ends; unset when there is none.
	// +optional
	PreviousSecretExpiresAt *metav1.Time `json:"previousSecretExpiresAt,omitempty"`

	// handledRotateSecret is the last value of the annotation identity.watchword.io/rotate-secret that was acted on.
	// +optional
	HandledRotateSecret string `json:"handledRotateSecret,omitempty"`
}

// ClientApplication is an OAuth 2.0 client of the realm: a pipeline, a server, a command line.
//
// +kubebuilder:object:root=true
// +kubebuilder:subresource:status
// +kubebuilder:resource:shortName=cap,categories=watchword
// +kubebuilder:printcolumn:name="Client ID",type=string,JSONPath=`.status.clientID`
// +kubebuilder:printcolumn:name="Type",type=string,JSONPath=`.spec.type`
// +kubebuilder:printcolumn:name="Ready",type=string,JSONPath=`.status.conditions[?(@.type=="Ready")].status`
// +kubebuilder:printcolumn:name="Secret",type=string,JSONPath=`.status.secretName`
// +kubebuilder:printcolumn:name="Grants",type=string,JSONPath=`.spec.grantTypes`,priority=1
// +kubebuilder:printcolumn:name="Message",type=string,JSONPath=`.status.conditions[?(@.type=="Ready")].message`,priority=1
// +kubebuilder:printcolumn:name="Age",type=date,JSONPath=`.metadata.creationTimestamp`
type ClientApplication struct {
	metav1.TypeMeta `json:",inline"`
	// metadata is the standard metadata of an object.
	// +optional
	metav1.ObjectMeta `json:"metadata,omitzero"`

	// spec is the client.
	// +required
	Spec ClientApplicationSpec `json:"spec,omitzero"`
	// status is what Watchword knows of it.
	// +optional
	Status ClientApplicationStatus `json:"status,omitzero"`
}

// ClientApplicationList is a list of ClientApplications.
//
// +kubebuilder:object:root=true
type ClientApplicationList struct {
	metav1.TypeMeta `json:",inline"`
	metav1.ListMeta `json:"metadata,omitzero"`
	Items           []ClientApplication `json:"items"`
}
