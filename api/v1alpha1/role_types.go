package v1alpha1

import metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

// RoleSpec names the permissions a role stands for. It carries none of its own: they stay in ClusterRoles, which teams review already.
type RoleSpec struct {
	// displayName is the role's name for people. Default: the name of the object.
	// +optional
	// +kubebuilder:validation:MaxLength=128
	DisplayName string `json:"displayName,omitempty"`

	// description says in a sentence what the role is for.
	// +optional
	// +kubebuilder:validation:MaxLength=1024
	Description string `json:"description,omitempty"`

	// clusterRoles are the names of existing ClusterRoles. Whoever writes them here needs the verb bind on each, and so does the operator.
	// A role without ClusterRoles grants nothing in clusters and is still in the roles claim.
	// +optional
	// +listType=set
	// +kubebuilder:validation:MaxItems=16
	// +kubebuilder:validation:items:MinLength=1
	// +kubebuilder:validation:items:MaxLength=253
	// +kubebuilder:validation:items:Pattern=`^[^/%\x00-\x1f\x7f]+$`
	// +kubebuilder:validation:XValidation:rule="self.all(r, !r.lowerAscii().startsWith('system:'))",message="ClusterRoles beginning with system: belong to Kubernetes itself; make one of your own"
	ClusterRoles []string `json:"clusterRoles,omitempty"`
}

// RoleStatus is what Watchword knows of a role.
type RoleStatus struct {
	// conditions are Ready and Bindable.
	// +optional
	// +listType=map
	// +listMapKey=type
	Conditions []metav1.Condition `json:"conditions,omitempty"`

	// accessRules is the number of access rules that grant this role.
	// +optional
	AccessRules int32 `json:"accessRules,omitempty"`
}

// Role is a named set of permissions that access rules grant. kubectl's short name for it is idr, because Kubernetes has roles of its own.
//
// +kubebuilder:object:root=true
// +kubebuilder:subresource:status
// +kubebuilder:resource:shortName=idr,categories=watchword
// +kubebuilder:printcolumn:name="Ready",type=string,JSONPath=`.status.conditions[?(@.type=="Ready")].status`
// +kubebuilder:printcolumn:name="ClusterRoles",type=string,JSONPath=`.spec.clusterRoles`
// +kubebuilder:printcolumn:name="Rules",type=integer,JSONPath=`.status.accessRules`
// +kubebuilder:printcolumn:name="Message",type=string,JSONPath=`.status.conditions[?(@.type=="Ready")].message`,priority=1
// +kubebuilder:printcolumn:name="Age",type=date,JSONPath=`.metadata.creationTimestamp`
type Role struct {
	metav1.TypeMeta `json:",inline"`
	// metadata is the standard metadata of an object.
	// +optional
	metav1.ObjectMeta `json:"metadata,omitzero"`

	// spec names the permissions.
	// +required
	Spec RoleSpec `json:"spec,omitzero"`
	// status is what Watchword knows of the role.
	// +optional
	Status RoleStatus `json:"status,omitzero"`
}

// RoleList is a list of Roles.
//
// +kubebuilder:object:root=true
type RoleList struct {
	metav1.TypeMeta `json:",inline"`
	metav1.ListMeta `json:"metadata,omitzero"`
	Items           []Role `json:"items"`
}
