package v1alpha1

import metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

// ReadyCondition is on every kind but Session: true when the object does all that its spec asks for. Its message names the next action when not.
const ReadyCondition = "Ready"

// Further conditions, each on the one kind named.
const (
	// KeysReadyCondition (Realm): a signing key is active and the next rotation is on schedule.
	KeysReadyCondition = "KeysReady"
	// CertificateReadyCondition (Realm): the issuer's host can be served over TLS.
	CertificateReadyCondition = "CertificateReady"
	// PasswordSetCondition (User): the user has a password that can be used or changed.
	PasswordSetCondition = "PasswordSet"
	// BindableCondition (Role): every ClusterRole exists and the operator may bind it.
	BindableCondition = "Bindable"
	// ActiveCondition (AccessRule): now lies between notBefore and expiresAt.
	ActiveCondition = "Active"
	// BoundCondition (AccessRule): every binding that the rule asks for now exists.
	BoundCondition = "Bound"
	// SecretReadyCondition (ClientApplication): the Secret with the client secret exists and is ours.
	SecretReadyCondition = "SecretReady"
)

// Reasons that more than one kind uses.
const (
	// ReasonReady: nothing is left to do.
	ReasonReady = "Ready"
	// ReasonConflict: an older object claims the same name; that one serves.
	ReasonConflict = "Conflict"
	// ReasonInvalid: the spec breaks a rule; the message says which.
	ReasonInvalid = "Invalid"
	// ReasonRealmMissing: the namespace has no Realm, or it is not the one that serves.
	ReasonRealmMissing = "RealmMissing"
	// ReasonPending: waiting for something that may still come: an object, or a time.
	ReasonPending = "Pending"
	// ReasonDisabled: switched off by its author.
	ReasonDisabled = "Disabled"
)

// LocalObjectReference names an object in the same namespace.
type LocalObjectReference struct {
	// name of the object, in the namespace of the referring object.
	// +required
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=253
	Name string `json:"name,omitempty"`
}

// SecretKeyReference names one key of a Secret in the same namespace.
type SecretKeyReference struct {
	// name of the Secret, in the namespace of the referring object.
	// +required
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=253
	Name string `json:"name,omitempty"`

	// key in the Secret's data. Default: password.
	// +optional
	// +default="password"
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=253
	// +kubebuilder:validation:Pattern=`^[-._a-zA-Z0-9]+$`
	Key string `json:"key,omitempty"`
}

// ConditionedObject is any kind of this package that carries conditions.
//
// +kubebuilder:object:generate=false
type ConditionedObject interface {
	metav1.Object
	// GetConditions returns the conditions for reading and in-place editing; never nil.
	GetConditions() *[]metav1.Condition
}

// GetConditions implements ConditionedObject.
func (o *Realm) GetConditions() *[]metav1.Condition { return &o.Status.Conditions }

// GetConditions implements ConditionedObject.
func (o *User) GetConditions() *[]metav1.Condition { return &o.Status.Conditions }

// GetConditions implements ConditionedObject.
func (o *Role) GetConditions() *[]metav1.Condition { return &o.Status.Conditions }

// GetConditions implements ConditionedObject.
func (o *AccessRule) GetConditions() *[]metav1.Condition { return &o.Status.Conditions }

// GetConditions implements ConditionedObject.
func (o *ClientApplication) GetConditions() *[]metav1.Condition { return &o.Status.Conditions }
