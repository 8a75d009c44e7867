package v1alpha1

import metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

// RealmStatus is what Watchword knows of a realm.
type RealmStatus struct {
	// conditions are Ready, KeysReady and CertificateReady.
	// +optional
	// +listType=map
	// +listMapKey=type
	Conditions []metav1.Condition `json:"conditions,omitempty"`

	// endpoints are the URLs that clients need.
	// +optional
	Endpoints RealmEndpoints `json:"endpoints,omitzero"`

	// keys are the signing keys that are published now, oldest first, with the dates of their lives.
	// +optional
	// +listType=map
	// +listMapKey=kid
	Keys []KeyStatus `json:"keys,omitempty"`

	// kubernetes is the naming in clusters that is in force, defaults filled in.
	// +optional
	Kubernetes KubernetesStatus `json:"kubernetes,omitzero"`

	// serving tells about the certificate in use.
	// +optional
	Serving ServingStatus `json:"serving,omitzero"`

	// users is the number of User objects in the realm, refreshed about once a minute.
	// +optional
	Users int32 `json:"users,omitempty"`

	// clientApplications is the number of ClientApplication objects in the realm, refreshed about once a minute.
	// +optional
	ClientApplications int32 `json:"clientApplications,omitempty"`

	// handledRotateKeys is the last value of the annotation identity.watchword.io/rotate-keys that was acted on.
	// +optional
	HandledRotateKeys string `json:"handledRotateKeys,omitempty"`

	// handledRevokeKeys is the last value of the annotation identity.watchword.io/revoke-keys that was acted on.
	// +optional
	HandledRevokeKeys string `json:"handledRevokeKeys,omitempty"`
}

// RealmEndpoints are URLs below the issuer.
type RealmEndpoints struct {
	// discovery is the OpenID Connect discovery document.
	// +optional
	Discovery string `json:"discovery,omitempty"`
	// keys is the JSON Web Key Set.
	// +optional
	Keys string `json:"keys,omitempty"`
	// token is the OAuth 2.0 token endpoint.
	// +optional
	Token string `json:"token,omitempty"`
}

// KeyPhase is where a signing key is in its life.
//
// +kubebuilder:validation:Enum=Next;Active;Previous
type KeyPhase string

// The phases of a key.
const (
	// KeyNext: published, does not sign yet.
	KeyNext KeyPhase = "Next"
	// KeyActive: signs.
	KeyActive KeyPhase = "Active"
	// KeyPrevious: signs no more, published until the last token it signed has expired everywhere.
	KeyPrevious KeyPhase = "Previous"
)

// KeyStatus is one published signing key.
type KeyStatus struct {
	// kid is the key ID in token headers: the RFC 7638 thumbprint of the public key.
	// +required
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=64
	KID string `json:"kid,omitempty"`
	// algorithm the key signs with.
	// +required
	Algorithm SigningAlgorithm `json:"algorithm,omitempty"`
	// phase of the key's life: Next, Active or Previous.
	// +required
	Phase KeyPhase `json:"phase,omitempty"`
	// secretName is the Secret with the private key.
	// +optional
	SecretName string `json:"secretName,omitempty"`
	// publishedAt is when the key was first published.
	// +optional
	PublishedAt metav1.Time `json:"publishedAt,omitzero"`
	// signsFrom is when the key began or will begin to sign.
	// +optional
	SignsFrom metav1.Time `json:"signsFrom,omitzero"`
	// retiresAt is when the key will be deleted; unset until a successor exists.
	// +optional
	RetiresAt *metav1.Time `json:"retiresAt,omitempty"`
}

// KubernetesStatus is the naming in force.
type KubernetesStatus struct {
	// usernamePrefix in force.
	// +optional
	UsernamePrefix string `json:"usernamePrefix,omitempty"`
	// groupsPrefix in force.
	// +optional
	GroupsPrefix string `json:"groupsPrefix,omitempty"`
}

// ServingStatus is the certificate in use.
type ServingStatus struct {
	// secretName is the Secret with the certificate.
	// +optional
	SecretName string `json:"secretName,omitempty"`
	// caConfigMapName is the ConfigMap whose ca.crt verifies a self-made certificate; empty when the certificate is given.
	// +optional
	CAConfigMapName string `json:"caConfigMapName,omitempty"`
	// notAfter is when the certificate expires.
	// +optional
	NotAfter *metav1.Time `json:"notAfter,omitempty"`
}
