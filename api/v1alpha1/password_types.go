package v1alpha1

import metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

// PasswordPolicy is what a password of this realm must satisfy.
type PasswordPolicy struct {
	// minLength is the least number of characters (Unicode code points) of a new password. Existing passwords stay valid. Whatever its
	// length, a password is refused that is little more than the person's or the realm's name, a sequence, a repetition or one of the
	// most common passwords. Between 8 and 128. Default: 12.
	// +optional
	// +default=12
	// +kubebuilder:validation:Minimum=8
	// +kubebuilder:validation:Maximum=128
	MinLength int32 `json:"minLength,omitempty"`

	// temporaryLifetime is how long a one-time temporary password may be used. Between 1m and 720h. Default: 72h.
	// +optional
	// +default="72h"
	// +kubebuilder:validation:Type=string
	// +kubebuilder:validation:MaxLength=32
	// +kubebuilder:validation:XValidation:rule="duration(self) >= duration('1m') && duration(self) <= duration('720h')",message="temporaryLifetime must be between 1m and 720h"
	TemporaryLifetime metav1.Duration `json:"temporaryLifetime,omitzero"`

	// history is how many of a person's last passwords she may not use again when she changes it, beside the present one. Only hashes
	// are kept, in the Secret of the present one. Between 0 and 24. Default: 0.
	// +optional
	// +default=0
	// +kubebuilder:validation:Minimum=0
	// +kubebuilder:validation:Maximum=24
	History int32 `json:"history,omitempty"`

	// maxAge is how long a password may be used until the person must change it when she signs in. Between 1h and 87600h (ten years).
	// Left out, passwords do not age: a good one that nobody knows does not get worse.
	// +optional
	// +kubebuilder:validation:Type=string
	// +kubebuilder:validation:MaxLength=32
	// +kubebuilder:validation:XValidation:rule="duration(self) >= duration('1h') && duration(self) <= duration('87600h')",message="maxAge must be between 1h and 87600h"
	MaxAge *metav1.Duration `json:"maxAge,omitempty"`

	// lockout says what wrong passwords lead to.
	// +optional
	// +default={}
	Lockout PasswordLockout `json:"lockout,omitzero"`
}

// PasswordLockout says what wrong passwords lead to. They are counted in the status of the User, for all replicas, and apart from those that
// come from a browser in which the person has signed in before: what strangers try does not lock her out there.
type PasswordLockout struct {
	// attempts is how many wrong passwords for one user within the window lock sign-in for her. Between 0 and 100; 0 never locks.
	// Default: 5.
	// +optional
	// +default=5
	// +kubebuilder:validation:Minimum=0
	// +kubebuilder:validation:Maximum=100
	Attempts *int32 `json:"attempts,omitempty"`

	// window is how long a wrong password counts. Between 10s and 24h. Default: 15m.
	// +optional
	// +default="15m"
	// +kubebuilder:validation:Type=string
	// +kubebuilder:validation:MaxLength=32
	// +kubebuilder:validation:XValidation:rule="duration(self) >= duration('10s') && duration(self) <= duration('24h')",message="window must be between 10s and 24h"
	Window metav1.Duration `json:"window,omitzero"`

	// duration is how long the lock lasts. A new password and the annotation identity.watchword.io/unlock on the User end it sooner.
	// Between 10s and 24h. Default: 15m.
	// +optional
	// +default="15m"
	// +kubebuilder:validation:Type=string
	// +kubebuilder:validation:MaxLength=32
	// +kubebuilder:validation:XValidation:rule="duration(self) >= duration('10s') && duration(self) <= duration('24h')",message="duration must be between 10s and 24h"
	Duration metav1.Duration `json:"duration,omitzero"`

	// sourceAttempts is how many wrong passwords from one address (IPv6: one /64), for whatever users, pause further ones from there,
	// for a second at first and twice as long each time up to 15m. Each replica counts for itself. Set it to 0, which never pauses,
	// where a load balancer hides the addresses of people. Between 0 and 10000. Default: 50.
	// +optional
	// +default=50
	// +kubebuilder:validation:Minimum=0
	// +kubebuilder:validation:Maximum=10000
	SourceAttempts *int32 `json:"sourceAttempts,omitempty"`
}

// FailedLogins are the wrong passwords for one person since the last right one.
type FailedLogins struct {
	// count is how many there were in the window of the realm's spec.password.lockout that began at since.
	// +required
	// +kubebuilder:validation:Minimum=0
	Count int32 `json:"count,omitempty"`
	// since is when the first of them was tried.
	// +required
	Since metav1.Time `json:"since,omitzero"`
	// lockedUntil is when passwords are looked at again. A time that is over means nothing any more.
	// +optional
	LockedUntil *metav1.Time `json:"lockedUntil,omitempty"`
}
