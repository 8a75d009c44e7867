// Package v1alpha1 is the API of Watchword: realms, users, roles, access rules, client applications and sessions.
//
// It owns the shape of the objects and the rules that their schemas can carry (bounds, enums, immutability, CEL). What a
// schema cannot say is left to internal/validate, which server and controllers share. A namespace is a realm, so no
// reference in this package ever names another namespace.
//
// +kubebuilder:object:generate=true
// +groupName=identity.watchword.io
package v1alpha1

import (
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
)

// GroupName is the API group of every kind in this package.
const GroupName = "identity.watchword.io"

// GroupVersion is the group and version of every kind in this package.
var GroupVersion = schema.GroupVersion{Group: GroupName, Version: "v1alpha1"}

// AddToScheme registers the kinds of this package with a scheme.
func AddToScheme(scheme *runtime.Scheme) error {
	scheme.AddKnownTypes(GroupVersion,
		&Realm{}, &RealmList{},
		&User{}, &UserList{},
		&Role{}, &RoleList{},
		&AccessRule{}, &AccessRuleList{},
		&ClientApplication{}, &ClientApplicationList{},
		&Session{}, &SessionList{},
	)
	metav1.AddToGroupVersion(scheme, GroupVersion)
	return nil
}
