package accessrule

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"slices"
	"time"

	rbacv1 "k8s.io/api/rbac/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/types"
	rbacv1ac "k8s.io/client-go/applyconfigurations/rbac/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/watchword-io/watchword/api/v1alpha1"
	"github.com/watchword-io/watchword/internal/kube"
	"github.com/watchword-io/watchword/internal/validate"
)

// ruleAnnotation on a binding is the namespace and name of its rule: for people, and to find the rule when the binding changes.
const ruleAnnotation = v1alpha1.GroupName + "/access-rule"

// ruleIndex is the field index of cached bindings by ruleAnnotation.
const ruleIndex = "accessRule"

// retryRefused is how soon a write that the API server refused is tried again.
const retryRefused = time.Minute

// binding is a RoleBinding or a ClusterRoleBinding.
type binding struct {
	object   client.Object
	subjects []rbacv1.Subject
	roleRef  rbacv1.RoleRef
}

// bindingName is the same for the same rule, ClusterRole and namespace, and begins with the rule's name for people. It holds a hash of
// the rule's UID, so that a rule that is deleted and made again never meets the bindings of its predecessor.
func bindingName(rule *v1alpha1.AccessRule, p place) string {
	sum := sha256.Sum256([]byte(string(rule.UID) + "\x00" + p.clusterRole + "\x00" + p.namespace))
	return fmt.Sprintf("watchword:%s:%s:%s", rule.Namespace, rule.Name[:min(len(rule.Name), 160)], hex.EncodeToString(sum[:6]))
}

// build is the binding that should stand at a place.
func build(o *observation, p place) binding {
	meta := kube.Meta(p.namespace, bindingName(o.rule, p), v1alpha1.ComponentBinding)
	meta.Labels[v1alpha1.AccessRuleUIDLabel] = string(o.rule.UID)
	meta.Annotations = map[string]string{ruleAnnotation: types.NamespacedName{Namespace: o.rule.Namespace, Name: o.rule.Name}.String()}
	subjects := []rbacv1.Subject{{APIGroup: rbacv1.GroupName, Kind: o.subject.kind, Name: o.subject.name}}
	ref := rbacv1.RoleRef{APIGroup: rbacv1.GroupName, Kind: "ClusterRole", Name: p.clusterRole}
	if p.namespace == "" {
		return wrap(&rbacv1.ClusterRoleBinding{ObjectMeta: meta, Subjects: subjects, RoleRef: ref})
	}
	return wrap(&rbacv1.RoleBinding{ObjectMeta: meta, Subjects: subjects, RoleRef: ref})
}

func wrap(object client.Object) binding {
	switch b := object.(type) {
	case *rbacv1.RoleBinding:
		return binding{b, b.Subjects, b.RoleRef}
	case *rbacv1.ClusterRoleBinding:
		return binding{b, b.Subjects, b.RoleRef}
	}
	return binding{object: object}
}

// key tells bindings apart within one list of both kinds.
func (b binding) key() string { return b.object.GetNamespace() + "/" + b.object.GetName() }

// ours reports whether a binding was made for the rule: it carries the rule's UID or, if somebody edited its labels, its name.
func (b binding) ours(want binding) bool {
	return b.object.GetLabels()[v1alpha1.AccessRuleUIDLabel] == want.object.GetLabels()[v1alpha1.AccessRuleUIDLabel] ||
		b.object.GetAnnotations()[ruleAnnotation] == want.object.GetAnnotations()[ruleAnnotation]
}

// intact reports whether a binding is as it should be.
func (b binding) intact(want binding) bool {
	return b.roleRef == want.roleRef && slices.Equal(b.subjects, want.subjects) &&
		contains(b.object.GetLabels(), want.object.GetLabels()) && contains(b.object.GetAnnotations(), want.object.GetAnnotations())
}

func contains(have, want map[string]string) bool {
	for key, value := range want {
		if have[key] != value {
			return false
		}
	}
	return true
}

// listBindings lists RoleBindings and ClusterRoleBindings.
func listBindings(ctx context.Context, reader client.Reader, opts ...client.ListOption) ([]binding, error) {
	var namespaced rbacv1.RoleBindingList
	if err := reader.List(ctx, &namespaced, opts...); err != nil {
		return nil, fmt.Errorf("list RoleBindings: %w", err)
	}
	var cluster rbacv1.ClusterRoleBindingList
	if err := reader.List(ctx, &cluster, opts...); err != nil {
		return nil, fmt.Errorf("list ClusterRoleBindings: %w", err)
	}
	bindings := make([]binding, 0, len(namespaced.Items)+len(cluster.Items))
	for i := range namespaced.Items {
		bindings = append(bindings, wrap(&namespaced.Items[i]))
	}
	for i := range cluster.Items {
		bindings = append(bindings, wrap(&cluster.Items[i]))
	}
	return bindings, nil
}

// prune removes the bindings of the rule that it does not ask for now.
func (r *Reconciler) prune(ctx context.Context, o *observation) error {
	wanted := map[string]bool{}
	for _, p := range o.decision.want {
		wanted[p.namespace+"/"+bindingName(o.rule, p)] = true
	}
	for _, b := range o.bindings {
		if wanted[b.key()] {
			continue
		}
		if err := r.remove(ctx, b); apierrors.IsForbidden(err) {
			o.refuse(b.roleRef.Name, err)
		} else if err != nil {
			return err
		}
	}
	return nil
}

// refuse notes that the API server refused a write, and when to try again: what it decides by cannot be watched.
func (o *observation) refuse(clusterRole string, err error) {
	o.obstacle = &validate.Problem{Reason: reasonForbidden, Message: fmt.Sprintf(
		"the API server refuses what Watchword does about a binding to ClusterRole %q: %v", clusterRole, err)}
	o.decision.wake = kube.Sooner(o.decision.wake, o.now.Add(retryRefused))
}

// ensureBindings makes the bindings that the rule asks for, and repairs those that somebody changed.
func (r *Reconciler) ensureBindings(ctx context.Context, o *observation) error {
	existing := map[string]binding{}
	for _, b := range o.bindings {
		existing[b.key()] = b
	}
	for _, p := range o.decision.want {
		want := build(o, p)
		have, ok := existing[want.key()]
		switch {
		case ok && have.intact(want):
			o.bound++
			continue
		case o.decision.frozen:
			continue
		}
		err := r.ensure(ctx, have, ok, want)
		switch {
		case apierrors.IsForbidden(err):
			o.refuse(p.clusterRole, err)
		case isForeign(err):
			o.obstacle = &validate.Problem{Reason: reasonConflict, Message: err.Error()}
		case err != nil:
			return err
		default:
			o.bound++
		}
	}
	return nil
}

// ensure makes one binding what it should be. A role reference cannot be changed, so a binding with another one is made again.
func (r *Reconciler) ensure(ctx context.Context, have binding, exists bool, want binding) error {
	if exists && have.roleRef != want.roleRef {
		if err := r.remove(ctx, have); err != nil {
			return err
		}
		exists = false
	}
	if !exists {
		// Created, not applied: applying would take over a stranger's binding of that name.
		err := r.Client.Create(ctx, want.object.DeepCopyObject().(client.Object), kube.FieldOwner)
		if !apierrors.IsAlreadyExists(err) {
			return wrapError("create", want, err)
		}
		found := want.object.DeepCopyObject().(client.Object)
		if err := r.Live.Get(ctx, client.ObjectKeyFromObject(want.object), found); err != nil {
			return wrapError("get", want, err)
		}
		if have = wrap(found); !have.ours(want) {
			return &kube.ForeignError{Kind: want.kind(), Name: want.object.GetName()}
		}
		if have.intact(want) {
			return nil // the cache had not seen it yet
		}
		if have.roleRef != want.roleRef {
			return r.ensure(ctx, have, true, want)
		}
	}
	return wrapError("apply", want, r.apply(ctx, have, want))
}

// apply repairs a binding by server-side apply, and fails with a conflict if it is not the one that was read any more.
func (r *Reconciler) apply(ctx context.Context, have, want binding) error {
	uid, version := have.object.GetUID(), have.object.GetResourceVersion()
	labels, annotations := want.object.GetLabels(), want.object.GetAnnotations()
	s := want.subjects[0]
	subject := rbacv1ac.Subject().WithAPIGroup(s.APIGroup).WithKind(s.Kind).WithName(s.Name)
	ref := rbacv1ac.RoleRef().WithAPIGroup(want.roleRef.APIGroup).WithKind(want.roleRef.Kind).WithName(want.roleRef.Name)
	var configuration runtime.ApplyConfiguration
	if namespace := want.object.GetNamespace(); namespace != "" {
		configuration = rbacv1ac.RoleBinding(want.object.GetName(), namespace).WithUID(uid).WithResourceVersion(version).
			WithLabels(labels).WithAnnotations(annotations).WithSubjects(subject).WithRoleRef(ref)
	} else {
		configuration = rbacv1ac.ClusterRoleBinding(want.object.GetName()).WithUID(uid).WithResourceVersion(version).
			WithLabels(labels).WithAnnotations(annotations).WithSubjects(subject).WithRoleRef(ref)
	}
	return r.Client.Apply(ctx, configuration, kube.FieldOwner, client.ForceOwnership)
}

func (r *Reconciler) remove(ctx context.Context, b binding) error {
	uid := b.object.GetUID()
	err := r.Client.Delete(ctx, b.object, client.Preconditions{UID: &uid})
	if apierrors.IsNotFound(err) || apierrors.IsConflict(err) {
		return nil // gone, or another object by now
	}
	return wrapError("delete", b, err)
}

func (b binding) kind() string {
	if b.object.GetNamespace() == "" {
		return "ClusterRoleBinding"
	}
	return "RoleBinding"
}

func wrapError(verb string, b binding, err error) error {
	if err == nil {
		return nil
	}
	return fmt.Errorf("%s %s %q: %w", verb, b.kind(), b.key(), err)
}

func isForeign(err error) bool {
	var foreign *kube.ForeignError
	return errors.As(err, &foreign)
}
