package v1alpha1

// ClientAuthentication is how an application proves who it is by a signed assertion (RFC 7523) in place of a secret.
//
// +kubebuilder:validation:XValidation:rule="has(self.privateKeyJWT) || has(self.federatedIdentities)",message="authentication needs privateKeyJWT, federatedIdentities or both"
type ClientAuthentication struct {
	// privateKeyJWT lets the application sign assertions with a private key that never leaves it (private_key_jwt). Each is good once, for at
	// most five minutes, and for this realm alone: its aud is the issuer.
	// +optional
	PrivateKeyJWT *PrivateKeyJWT `json:"privateKeyJWT,omitempty"`

	// federatedIdentities are workloads whose own tokens are taken as assertions: a ServiceAccount of this cluster or of another, a CI job, a
	// virtual machine. Any one of them is the application.
	// +optional
	// +listType=atomic
	// +kubebuilder:validation:MinItems=1
	// +kubebuilder:validation:MaxItems=16
	FederatedIdentities []FederatedIdentity `json:"federatedIdentities,omitempty"`
}

// PrivateKeyJWT says where the public keys of an application are: written here, or at an address.
//
// +kubebuilder:validation:XValidation:rule="has(self.jwks) != has(self.jwksURI)",message="privateKeyJWT needs either jwks or jwksURI"
// +kubebuilder:validation:XValidation:rule="!has(self.caBundle) || has(self.jwksURI)",message="caBundle is for jwksURI only"
type PrivateKeyJWT struct {
	// jwks is a JSON Web Key Set (RFC 7517) of at most 16 public keys: RSA of 2048 to 4096 bits, EC P-256, P-384 and P-521, Ed25519. To replace a
	// key, add the next one, let the application sign with it, and remove the old one.
	// +optional
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=32768
	// +kubebuilder:validation:XValidation:rule="!self.matches('\"(d|p|q|dp|dq|qi|oth|k)\"[ \\\\t\\\\r\\\\n]*:')",message="jwks holds a private or symmetric key; make a new key, keep the private half where the application runs, and write only the public half here"
	JWKS string `json:"jwks,omitempty"`

	// jwksURI is the https address of such a set, without redirects, at most 256 KiB. It is read again after five minutes and for a kid that
	// is not known; while it cannot be read, the keys of the last hour still count.
	// +optional
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=512
	// +kubebuilder:validation:Pattern=`^https://[A-Za-z0-9._~:\[\]-]+(/[A-Za-z0-9._~!$&'()+,;=:@%/-]*)?(\?[A-Za-z0-9._~!$&'()+,;=:@%/-]*)?$`
	JWKSURI string `json:"jwksURI,omitempty"`

	// caBundle are the certificate authorities of jwksURI, PEM. Default: those of the system.
	// +optional
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=32768
	CABundle string `json:"caBundle,omitempty"`
}

// FederatedIdentity is one workload, by the iss, sub and aud of its tokens.
//
// +kubebuilder:validation:XValidation:rule="has(self.issuer) || self.subject.matches('^system:serviceaccount:[a-z0-9-]{1,63}:[a-z0-9.-]{1,253}$')",message="without issuer, subject is a ServiceAccount of this cluster: system:serviceaccount:<namespace>:<name>"
// +kubebuilder:validation:XValidation:rule="!has(self.caBundle) || has(self.issuer)",message="caBundle is for an issuer that is given"
// +kubebuilder:validation:XValidation:rule="!has(self.tokenReview) || !self.tokenReview || !has(self.issuer)",message="tokenReview asks this cluster's API server about its own tokens; remove issuer"
type FederatedIdentity struct {
	// issuer is the iss of the tokens, an https URL whose keys are found by OpenID Connect Discovery. Default: this cluster's own issuer of
	// ServiceAccount tokens, whose keys come from the API server.
	// +optional
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=512
	// +kubebuilder:validation:Pattern=`^https://[A-Za-z0-9._~:\[\]-]+(/[A-Za-z0-9._~!$&'()+,;=:@%/-]*)?$`
	Issuer string `json:"issuer,omitempty"`

	// subject is the sub of the tokens, exactly. Of a ServiceAccount: system:serviceaccount:<namespace>:<name>.
	// +required
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=512
	// +kubebuilder:validation:Pattern=`^[^\x00-\x1f\x7f]+$`
	Subject string `json:"subject,omitempty"`

	// audience is the only aud of the tokens: a token that somebody else takes too could be used here by them. Default: the Realm's issuer.
	// +optional
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=512
	// +kubebuilder:validation:Pattern=`^[A-Za-z0-9][A-Za-z0-9._~/:?=&%-]*$`
	Audience string `json:"audience,omitempty"`

	// caBundle are the certificate authorities of the issuer, PEM. Default: those of the system.
	// +optional
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=32768
	CABundle string `json:"caBundle,omitempty"`

	// tokenReview asks the API server about each token, so that one whose Pod, ServiceAccount or Node is gone is refused within ten seconds,
	// and not only when it expires. It costs a request to the API server each time. Only without issuer. Default: false.
	// +optional
	// +default=false
	TokenReview bool `json:"tokenReview,omitempty"`
}
