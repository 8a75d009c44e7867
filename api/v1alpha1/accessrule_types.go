package v1alpha1

import metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

// SubjectKind is what kind of subject an access rule is about.
//
// +kubebuilder:validation:Enum=User;Group;ClientApplication
type SubjectKind string

// The kinds of subject.
const (
	SubjectUser              SubjectKind = "User"
	SubjectGroup             SubjectKind = "Group"
	SubjectClientApplication SubjectKind = "ClientApplication"
)

// AccessRuleSpec says: this subject is this role in this scope, from then to then.
//
// +kubebuilder:validation:XValidation:rule="!has(self.notBefore) || !has(self.expiresAt) || timestamp(self.notBefore) < timestamp(self.expiresAt)",message="expiresAt must be later than notBefore"
type AccessRuleSpec struct {
	// subject is who gets the role.
	// +required
	Subject AccessRuleSubject `json:"subject,omitzero"`

	// role is the name of a Role in this namespace. Whoever writes it here needs the verb bind on that roles.identity.watchword.io.
	// +required
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=253
	// +kubebuilder:validation:Pattern=`^[a-z0-9]([a-z0-9.-]*[a-z0-9])?$`
	Role string `json:"role,omitempty"`

	// scope is where the role holds.
	// +required
	Scope AccessRuleScope `json:"scope,omitzero"`

	// notBefore is when the rule begins, to the second. Default: at once.
	// +optional
	NotBefore *metav1.Time `json:"notBefore,omitempty"`

	// expiresAt is when the rule ends, to the second: bindings are removed and the role leaves new tokens. Default: never.
	// +optional
	ExpiresAt *metav1.Time `json:"expiresAt,omitempty"`
}

// AccessRuleSubject names who gets a role.
//
// +kubebuilder:validation:XValidation:rule="self.kind == 'Group' || self.name.matches('^[a-z0-9]([a-z0-9.-]*[a-z0-9])?$')",message="name must be the name of an object of that kind in this namespace"
// +kubebuilder:validation:XValidation:rule="!self.name.lowerAscii().startsWith('system:')",message="names beginning with system: are reserved for Kubernetes"
type AccessRuleSubject struct {
	// kind is User, Group or ClientApplication.
	// +required
	Kind SubjectKind `json:"kind,omitempty"`

	// name of the User or ClientApplication object in this namespace, or the name of a group as it stands in the groups of Users. The subject
	// need not exist yet: the rule waits for it.
	// +required
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=253
	// +kubebuilder:validation:Pattern=`^[^\x00-\x1f\x7f]+$`
	Name string `json:"name,omitempty"`
}

// AccessRuleScope is exactly one of: the whole cluster, named namespaces, or the namespaces a selector finds.
//
// +kubebuilder:validation:XValidation:rule="[has(self.cluster) && self.cluster, has(self.namespaces) && size(self.namespaces) > 0, has(self.namespaceSelector)].filter(x, x).size() == 1",message="set exactly one of cluster: true, namespaces and namespaceSelector"
type AccessRuleScope struct {
	// cluster grants the role in the whole cluster, by ClusterRoleBindings. The Realm must allow it.
	// +optional
	Cluster bool `json:"cluster,omitempty"`

	// namespaces grants the role in these namespaces. One that does not exist yet is granted when it appears.
	// +optional
	// +listType=set
	// +kubebuilder:validation:MaxItems=128
	// +kubebuilder:validation:items:MinLength=1
	// +kubebuilder:validation:items:MaxLength=63
	// +kubebuilder:validation:items:Pattern=`^[a-z0-9]([a-z0-9-]*[a-z0-9])?$`
	Namespaces []string `json:"namespaces,omitempty"`

	// namespaceSelector grants the role in every namespace whose labels match, as they come and go. An empty selector matches all
	// namespaces that the Realm allows.
	// +optional
	NamespaceSelector *metav1.LabelSelector `json:"namespaceSelector,omitempty"`
}

// AccessRuleStatus is what Watchword made of a rule.
type AccessRuleStatus struct {
	// conditions are Ready, Active and Bound.
	// +optional
	// +listType=map
	// +listMapKey=type
	Conditions []metav1.Condition `json:"conditions,omitempty"`

	// subject is the name that bindings carry, prefix included.
	// +optional
	Subject string `json:"subject,omitempty"`

	// scope is the scope in words, for the table.
	// +optional
	Scope string `json:"scope,omitempty"`

	// bindings is the number of RoleBindings and ClusterRoleBindings that exist for this rule.
	// +optional
	Bindings int32 `json:"bindings,omitempty"`
}

// AccessRule grants a Role to a subject in a scope, optionally for a time.
//
// +kubebuilder:object:root=true
// +kubebuilder:subresource:status
// +kubebuilder:resource:shortName=ar,categories=watchword
// +kubebuilder:printcolumn:name="Kind",type=string,JSONPath=`.spec.subject.kind`
// +kubebuilder:printcolumn:name="Subject",type=string,JSONPath=`.spec.subject.name`
// +kubebuilder:printcolumn:name="Role",type=string,JSONPath=`.spec.role`
// +kubebuilder:printcolumn:name="Scope",type=string,JSONPath=`.status.scope`
// +kubebuilder:printcolumn:name="Ready",type=string,JSONPath=`.status.conditions[?(@.type=="Ready")].status`
// +kubebuilder:printcolumn:name="Expires",type=string,JSONPath=`.spec.expiresAt`
// +kubebuilder:printcolumn:name="Message",type=string,JSONPath=`.status.conditions[?(@.type=="Ready")].message`,priority=1
// +kubebuilder:printcolumn:name="Age",type=date,JSONPath=`.metadata.creationTimestamp`
type AccessRule struct {
	metav1.TypeMeta `json:",inline"`
	// metadata is the standard metadata of an object.
	// +optional
	metav1.ObjectMeta `json:"metadata,omitzero"`

	// spec is the rule.
	// +required
	Spec AccessRuleSpec `json:"spec,omitzero"`
	// status is what Watchword made of it.
	// +optional
	Status AccessRuleStatus `json:"status,omitzero"`
}

// AccessRuleList is a list of AccessRules.
//
// +kubebuilder:object:root=true
type AccessRuleList struct {
	metav1.TypeMeta `json:",inline"`
	metav1.ListMeta `json:"metadata,omitzero"`
	Items           []AccessRule `json:"items"`
}
