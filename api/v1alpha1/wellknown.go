package v1alpha1

// Labels that Watchword puts on what it makes. They select; ownership is proved by owner references.
const (
	// ComponentLabel says what an object made by Watchword is for; its values are the Component constants.
	ComponentLabel = GroupName + "/component"
	// AccessRuleUIDLabel is on every RoleBinding and ClusterRoleBinding and holds the UID of the AccessRule it serves.
	AccessRuleUIDLabel = GroupName + "/access-rule-uid"
	// ManagedByLabel is the label that Kubernetes recommends for the tool that manages an object.
	ManagedByLabel = "app.kubernetes.io/managed-by"
	// ManagedBy is the value of ManagedByLabel, and the field owner of server-side apply.
	ManagedBy = "watchword"
)

// Values of ComponentLabel.
const (
	// ComponentSigningKey marks a Secret with one private signing key (and a sealing key with ComponentSealingKey).
	ComponentSigningKey = "signing-key"
	// ComponentSealingKey marks a Secret with one symmetric key that seals states and codes.
	ComponentSealingKey = "sealing-key"
	// ComponentServingCertificate marks a Secret of type kubernetes.io/tls that serves the issuer's host.
	ComponentServingCertificate = "serving-certificate"
	// ComponentCertificateAuthority marks the Secret and the ConfigMap of a realm's own certificate authority.
	ComponentCertificateAuthority = "certificate-authority"
	// ComponentClientSecret marks a Secret with the live secrets of a ClientApplication.
	ComponentClientSecret = "client-secret"
	// ComponentCredential marks a Secret with a User's password hash.
	ComponentCredential = "credential"
	// ComponentTemporaryPassword marks a Secret with a one-time password for a User.
	ComponentTemporaryPassword = "temporary-password"
	// ComponentBinding marks RoleBindings and ClusterRoleBindings made for an AccessRule.
	ComponentBinding = "access-rule-binding"
	// ComponentOneTime marks a Lease that says that something which may be used once was used.
	ComponentOneTime = "one-time"
	// ComponentDeviceAuthorization marks a ConfigMap with a device authorization request (RFC 8628).
	ComponentDeviceAuthorization = "device-authorization"
	// ComponentSession marks Sessions.
	ComponentSession = "session"
)

// ExpiresAtAnnotation is on what Watchword makes for a time: when it may be deleted (RFC 3339).
const ExpiresAtAnnotation = GroupName + "/expires-at"

// Annotations that people write to ask for something once. The value is free; a new value asks again.
const (
	// RotateKeysAnnotation on a Realm publishes the next signing keys now; they sign after publishBefore, as in any rotation.
	RotateKeysAnnotation = GroupName + "/rotate-keys"
	// RevokeKeysAnnotation on a Realm is the emergency: new keys sign at once, and every older key is deleted. Tokens that the
	// older keys signed stop verifying wherever the key set is fetched again.
	RevokeKeysAnnotation = GroupName + "/revoke-keys"
	// RotateSecretAnnotation on a ClientApplication makes a new secret now; the old one lives on for spec.secret.overlap.
	RotateSecretAnnotation = GroupName + "/rotate-secret"
	// ResetPasswordAnnotation on a User without spec.password.secretRef makes a new temporary password now; the old password ends.
	ResetPasswordAnnotation = GroupName + "/reset-password"
	// UnlockAnnotation on a User forgets wrong passwords, and so ends a lock.
	UnlockAnnotation = GroupName + "/unlock"
)

// AccessRuleFinalizer keeps an AccessRule until its bindings in other namespaces are gone.
const AccessRuleFinalizer = GroupName + "/bindings"
