package v1alpha1

import metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

// SessionMethod is how a person proved who she is.
//
// +kubebuilder:validation:Enum=Password;SAML
type SessionMethod string

// The session methods.
const (
	SessionPassword SessionMethod = "Password"
	SessionSAML     SessionMethod = "SAML"
)

// SessionSpec is one person signed in on one device. Watchword writes it; people read and delete it.
//
// +kubebuilder:validation:XValidation:rule="self.user == oldSelf.user && self.subject == oldSelf.subject && self.authenticatedAt == oldSelf.authenticatedAt && self.method == oldSelf.method",message="who signed in, how and when is immutable"
type SessionSpec struct {
	// user is the name of the User object.
	// +required
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=253
	User string `json:"user,omitempty"`

	// subject is the person's sub; a User deleted and made again does not inherit the session.
	// +required
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=255
	Subject string `json:"subject,omitempty"`

	// method is how the person signed in: Password or SAML.
	// +required
	Method SessionMethod `json:"method,omitempty"`

	// device is a hint for people, from the browser or the command line; never used to decide anything.
	// +optional
	// +kubebuilder:validation:MaxLength=128
	// +kubebuilder:validation:Pattern=`^[^\x00-\x1f\x7f]*$`
	Device string `json:"device,omitempty"`

	// authenticatedAt is when the person last proved who she is: the claim auth_time.
	// +required
	AuthenticatedAt metav1.Time `json:"authenticatedAt,omitzero"`

	// lastUsedAt is when a token was last issued from the session.
	// +optional
	LastUsedAt *metav1.Time `json:"lastUsedAt,omitempty"`

	// idleTimeout ends the session when it rests that long. Empty: only expiresAt ends it.
	// +optional
	// +kubebuilder:validation:Type=string
	// +kubebuilder:validation:MaxLength=32
	IdleTimeout *metav1.Duration `json:"idleTimeout,omitempty"`

	// expiresAt is when the session ends however busy it is.
	// +required
	ExpiresAt metav1.Time `json:"expiresAt,omitzero"`

	// grants are the refresh-token families of the clients used from this session.
	// +optional
	// +listType=atomic
	// +kubebuilder:validation:MaxItems=64
	Grants []SessionGrant `json:"grants,omitempty"`
}

// SessionGrant is one refresh-token family.
type SessionGrant struct {
	// id of the family: random, or the hash of the code it was redeemed from.
	// +required
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=64
	ID string `json:"id,omitempty"`

	// clientID that holds the refresh token.
	// +required
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=128
	ClientID string `json:"clientID,omitempty"`

	// audience of the tokens, where the client asked for one of several (RFC 8707). Empty: the client's own.
	// +optional
	// +kubebuilder:validation:MaxLength=256
	Audience string `json:"audience,omitempty"`

	// scopes that were granted.
	// +optional
	// +listType=set
	// +kubebuilder:validation:MaxItems=64
	// +kubebuilder:validation:items:MaxLength=128
	Scopes []string `json:"scopes,omitempty"`

	// generation of the one refresh token that is valid now; a token of another generation revokes the family. Left out: approved on
	// another device, and not collected yet.
	// +optional
	// +kubebuilder:validation:Minimum=0
	Generation int64 `json:"generation,omitempty"`

	// lastUsedAt is when the family was redeemed or rotated. For 10 seconds after it the token of the generation before is still
	// answered, for clients that refresh twice in parallel.
	// +optional
	LastUsedAt *metav1.Time `json:"lastUsedAt,omitempty"`

	// revoked ends the family.
	// +optional
	Revoked bool `json:"revoked,omitempty"`
}

// Session is one person signed in on one device. Deleting it signs that device out. It has no status: one that can issue no more tokens
// is deleted, and a status would be written again at every use.
//
// +kubebuilder:object:root=true
// +kubebuilder:resource:categories=watchword
// +kubebuilder:printcolumn:name="User",type=string,JSONPath=`.spec.user`
// +kubebuilder:printcolumn:name="Method",type=string,JSONPath=`.spec.method`
// +kubebuilder:printcolumn:name="Device",type=string,JSONPath=`.spec.device`
// +kubebuilder:printcolumn:name="Last used",type=date,JSONPath=`.spec.lastUsedAt`
// +kubebuilder:printcolumn:name="Expires",type=string,JSONPath=`.spec.expiresAt`
// +kubebuilder:printcolumn:name="Age",type=date,JSONPath=`.metadata.creationTimestamp`
type Session struct {
	metav1.TypeMeta `json:",inline"`
	// metadata is the standard metadata of an object.
	// +optional
	metav1.ObjectMeta `json:"metadata,omitzero"`

	// spec is the session.
	// +required
	Spec SessionSpec `json:"spec,omitzero"`
}

// SessionList is a list of Sessions.
//
// +kubebuilder:object:root=true
type SessionList struct {
	metav1.TypeMeta `json:",inline"`
	metav1.ListMeta `json:"metadata,omitzero"`
	Items           []Session `json:"items"`
}
