package v1alpha1

import metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

// UserSpec describes a person. It never holds a password or a hash.
//
// +kubebuilder:validation:XValidation:rule="has(self.subject) == has(oldSelf.subject)",message="subject can be set only when the User is created: it is in tokens already"
// +kubebuilder:validation:XValidation:rule="has(self.username) || self.email.matches('^[\\\\p{L}\\\\p{N}][\\\\p{L}\\\\p{N}\\\\p{M}._@+-]*$')",message="username is needed, because email has characters that a user name cannot have"
type UserSpec struct {
	// email is the person's address, lower-case. It is unique in the realm: of two Users with the same address or name the older serves.
	// +required
	// +kubebuilder:validation:MinLength=3
	// +kubebuilder:validation:MaxLength=254
	// +kubebuilder:validation:Pattern=`^[^@\s"(),:;<>\[\\\]\x00-\x1f\x7f]+@[^@\s"(),:;<>\[\\\]\x00-\x1f\x7f]+$`
	// +kubebuilder:validation:XValidation:rule="self == self.lowerAscii()",message="email must be lower-case"
	Email string `json:"email,omitempty"`

	// username is the name the person signs in with and, behind the realm's prefix, her name in clusters. Lower-case letters, digits
	// and . _ @ + - only: without a colon it can be no reserved name (system:…, application:…). Default: email.
	// +optional
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=253
	// +kubebuilder:validation:Pattern=`^[\p{L}\p{N}][\p{L}\p{N}\p{M}._@+-]*$`
	// +kubebuilder:validation:XValidation:rule="self == self.lowerAscii()",message="username must be lower-case"
	Username string `json:"username,omitempty"`

	// givenName is the claim given_name.
	// +optional
	// +kubebuilder:validation:MaxLength=128
	// +kubebuilder:validation:Pattern=`^[^\x00-\x1f\x7f]*$`
	GivenName string `json:"givenName,omitempty"`

	// familyName is the claim family_name.
	// +optional
	// +kubebuilder:validation:MaxLength=128
	// +kubebuilder:validation:Pattern=`^[^\x00-\x1f\x7f]*$`
	FamilyName string `json:"familyName,omitempty"`

	// disabled stops every new token for this person, on every replica within a second; tokens already issued end with their lifetime.
	// +optional
	// +default=false
	Disabled bool `json:"disabled,omitempty"`

	// groups the person belongs to: the groups claim, and the subjects of access rules of kind Group. Putting somebody into a group needs
	// the verb assign on groups.identity.watchword.io with that name. Names beginning with system: (in any case) are refused.
	// +optional
	// +listType=set
	// +kubebuilder:validation:MaxItems=256
	// +kubebuilder:validation:items:MinLength=1
	// +kubebuilder:validation:items:MaxLength=128
	// +kubebuilder:validation:items:Pattern=`^[^\x00-\x1f\x7f]+$`
	// +kubebuilder:validation:XValidation:rule="self.all(g, !g.lowerAscii().startsWith('system:'))",message="groups beginning with system: are reserved for Kubernetes"
	Groups []string `json:"groups,omitempty"`

	// posix are the numbers of the person's account on file systems and compute nodes: the claims uid, gid and supplementary_groups, for
	// clients that ask for the scope posix.
	// +optional
	POSIX *POSIXAccount `json:"posix,omitempty"`

	// password says where a local user's password comes from. Left out, the operator makes a one-time temporary password and writes it to
	// the Secret named in status; it ends at first sign-in or when it expires.
	// +optional
	Password *UserPassword `json:"password,omitempty"`

	// subject becomes the claim sub. Default: the object's UID, which is never used again. Set it to carry a person over from another
	// issuer, or through a restore from backup. Immutable; at most 255 ASCII characters without spaces (OIDC Core section 2).
	// +optional
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=255
	// +kubebuilder:validation:Pattern=`^[A-Za-z0-9][A-Za-z0-9._@|+=/-]*$`
	// +kubebuilder:validation:XValidation:rule="self == oldSelf",message="subject is immutable"
	Subject string `json:"subject,omitempty"`
}

// POSIXAccount are user and group numbers. Numbers below 1000 belong to the system and are refused.
type POSIXAccount struct {
	// uid is the user number, 1000 to 4294967293.
	// +required
	// +kubebuilder:validation:Minimum=1000
	// +kubebuilder:validation:Maximum=4294967293
	UID int64 `json:"uid,omitempty"`
	// gid is the number of the primary group, 1000 to 4294967293.
	// +required
	// +kubebuilder:validation:Minimum=1000
	// +kubebuilder:validation:Maximum=4294967293
	GID int64 `json:"gid,omitempty"`
	// supplementaryGroups are the numbers of further groups, each 1000 to 4294967293.
	// +optional
	// +listType=set
	// +kubebuilder:validation:MaxItems=64
	// +kubebuilder:validation:items:Minimum=1000
	// +kubebuilder:validation:items:Maximum=4294967293
	SupplementaryGroups []int64 `json:"supplementaryGroups,omitempty"`
}

// UserPassword is where a password comes from.
type UserPassword struct {
	// secretRef names the key of a Secret that sets the password. The value is applied when it is first seen and whenever it changes;
	// an unchanged Secret is never applied again, so a password that the person chose herself stays.
	// +required
	SecretRef SecretKeyReference `json:"secretRef,omitzero"`
}

// UserStatus is what Watchword knows of a person.
type UserStatus struct {
	// conditions are Ready and PasswordSet.
	// +optional
	// +listType=map
	// +listMapKey=type
	Conditions []metav1.Condition `json:"conditions,omitempty"`

	// username in force, defaults filled in.
	// +optional
	Username string `json:"username,omitempty"`

	// subject in force: the claim sub.
	// +optional
	Subject string `json:"subject,omitempty"`

	// roles are the names of the Roles that access rules give this person now, directly or through groups. At most 64 are listed.
	// +optional
	// +listType=set
	// +kubebuilder:validation:MaxItems=64
	Roles []string `json:"roles,omitempty"`

	// passwordChangedAt is when the password last changed.
	// +optional
	PasswordChangedAt *metav1.Time `json:"passwordChangedAt,omitempty"`

	// temporaryPassword tells where to find a one-time password that has not been used yet.
	// +optional
	TemporaryPassword *TemporaryPassword `json:"temporaryPassword,omitempty"`

	// handledResetPassword is the last value of the annotation identity.watchword.io/reset-password that was acted on.
	// +optional
	HandledResetPassword string `json:"handledResetPassword,omitempty"`

	// failedLogins are the wrong passwords from browsers in which the person has not signed in before, and from programs. The token
	// service counts them; where they reach the realm's spec.password.lockout, no password from there is looked at until lockedUntil.
	// +optional
	FailedLogins *FailedLogins `json:"failedLogins,omitempty"`

	// failedLoginsKnownDevice are those from browsers in which the person has signed in before.
	// +optional
	FailedLoginsKnownDevice *FailedLogins `json:"failedLoginsKnownDevice,omitempty"`

	// handledUnlock is the last value of the annotation identity.watchword.io/unlock that was acted on.
	// +optional
	HandledUnlock string `json:"handledUnlock,omitempty"`
}

// TemporaryPassword is a one-time password on its way to a person.
type TemporaryPassword struct {
	// secretName is the Secret with the keys username and password.
	// +required
	SecretName string `json:"secretName,omitempty"`
	// expiresAt is when the password ends and the Secret is deleted.
	// +required
	ExpiresAt metav1.Time `json:"expiresAt,omitzero"`
}

// User is a person of the realm. kubectl's short name for it is idu.
//
// +kubebuilder:object:root=true
// +kubebuilder:subresource:status
// +kubebuilder:resource:shortName=idu,categories=watchword
// +kubebuilder:printcolumn:name="Username",type=string,JSONPath=`.status.username`
// +kubebuilder:printcolumn:name="Ready",type=string,JSONPath=`.status.conditions[?(@.type=="Ready")].status`
// +kubebuilder:printcolumn:name="Reason",type=string,JSONPath=`.status.conditions[?(@.type=="Ready")].reason`
// +kubebuilder:printcolumn:name="Roles",type=string,JSONPath=`.status.roles`
// +kubebuilder:printcolumn:name="Locked Until",type=string,JSONPath=`.status.failedLogins.lockedUntil`
// +kubebuilder:printcolumn:name="Groups",type=string,JSONPath=`.spec.groups`,priority=1
// +kubebuilder:printcolumn:name="Message",type=string,JSONPath=`.status.conditions[?(@.type=="Ready")].message`,priority=1
// +kubebuilder:printcolumn:name="Age",type=date,JSONPath=`.metadata.creationTimestamp`
type User struct {
	metav1.TypeMeta `json:",inline"`
	// metadata is the standard metadata of an object.
	// +optional
	metav1.ObjectMeta `json:"metadata,omitzero"`

	// spec describes the person.
	// +required
	Spec UserSpec `json:"spec,omitzero"`
	// status is what Watchword knows of the person.
	// +optional
	Status UserStatus `json:"status,omitzero"`
}

// UserList is a list of Users.
//
// +kubebuilder:object:root=true
type UserList struct {
	metav1.TypeMeta `json:",inline"`
	metav1.ListMeta `json:"metadata,omitzero"`
	Items           []User `json:"items"`
}
