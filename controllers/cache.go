package controllers

import (
	authorizationv1 "k8s.io/api/authorization/v1"
	corev1 "k8s.io/api/core/v1"
	rbacv1 "k8s.io/api/rbac/v1"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/selection"
	"sigs.k8s.io/controller-runtime/pkg/cache"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/watchword-io/watchword/api/v1alpha1"
)

// CacheOptions limit a manager's cache to the realm namespaces, and what is cached of an object to what is looked at.
func CacheOptions(namespaces []string) cache.Options {
	realms := map[string]cache.Config{}
	for _, namespace := range namespaces {
		realms[namespace] = cache.Config{}
	}
	ours := labels.NewSelector()
	if exists, err := labels.NewRequirement(v1alpha1.AccessRuleUIDLabel, selection.Exists, nil); err == nil {
		ours = ours.Add(*exists)
	}
	everywhere := map[string]cache.Config{cache.AllNamespaces: {LabelSelector: ours}}
	return cache.Options{
		DefaultNamespaces: realms,
		DefaultTransform:  slim,
		ByObject: map[client.Object]cache.ByObject{
			&corev1.ConfigMap{}: {Label: labels.SelectorFromSet(labels.Set{
				v1alpha1.ComponentLabel: v1alpha1.ComponentCertificateAuthority,
			})},
			&corev1.Namespace{}:          {Transform: slimNamespace},
			&rbacv1.ClusterRole{}:        {Transform: slimClusterRole},
			&rbacv1.RoleBinding{}:        {Namespaces: everywhere},
			&rbacv1.ClusterRoleBinding{}: {Label: ours},
		},
	}
}

// ClientOptions make the manager's client read live what is never cached: Secrets, because they are secret, and Users, because they
// are many.
func ClientOptions() client.Options {
	return client.Options{Cache: &client.CacheOptions{DisableFor: []client.Object{&corev1.Secret{}, &v1alpha1.User{}}}}
}

// slim takes from an object what no reconciler looks at: managed fields, and the copy of itself that kubectl apply leaves.
func slim(in any) (any, error) {
	if obj, err := meta.Accessor(in); err == nil {
		obj.SetManagedFields(nil)
		if annotations := obj.GetAnnotations(); annotations[corev1.LastAppliedConfigAnnotation] != "" {
			delete(annotations, corev1.LastAppliedConfigAnnotation)
			obj.SetAnnotations(annotations)
		}
	}
	return in, nil
}

// slimNamespace keeps labels, which selectors look at.
func slimNamespace(in any) (any, error) {
	if obj, ok := in.(*metav1.PartialObjectMetadata); ok {
		obj.ManagedFields, obj.Annotations, obj.OwnerReferences, obj.Finalizers = nil, nil, nil, nil
	}
	return in, nil
}

// slimClusterRole keeps the name: only whether it exists is looked at.
func slimClusterRole(in any) (any, error) {
	if obj, ok := in.(*metav1.PartialObjectMetadata); ok {
		obj.ManagedFields, obj.Annotations, obj.OwnerReferences, obj.Finalizers, obj.Labels = nil, nil, nil, nil, nil
	}
	return in, nil
}

func addToScheme(scheme *runtime.Scheme) error {
	for _, add := range []func(*runtime.Scheme) error{corev1.AddToScheme, authorizationv1.AddToScheme, rbacv1.AddToScheme, v1alpha1.AddToScheme} {
		if err := add(scheme); err != nil {
			return err
		}
	}
	return nil
}
