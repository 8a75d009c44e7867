package accessrule

import (
	"context"
	"errors"
	"fmt"
	"time"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/watchword-io/watchword/api/v1alpha1"
	"github.com/watchword-io/watchword/internal/identity"
	"github.com/watchword-io/watchword/internal/kube"
	"github.com/watchword-io/watchword/internal/validate"
)

// observation is all that a reconcile knows; the steps add what they made of it.
type observation struct {
	now  time.Time
	rule *v1alpha1.AccessRule
	// realm serves the namespace; nil if there is none.
	realm *v1alpha1.Realm
	// role is the Role that the rule grants; nil if there is none.
	role *v1alpha1.Role
	// subject is who gets it.
	subject subject
	// namespaces are those of the whole cluster: name, labels and whether they are being deleted.
	namespaces []corev1.Namespace
	// bindings are those that exist for the rule, by the cache.
	bindings []binding

	// decision is what the rule asks for now.
	decision decision
	// bound counts the bindings that exist in the end; obstacle is why one could not be made.
	bound    int
	obstacle *validate.Problem
}

// subject is who a rule is about, as bindings name it.
type subject struct {
	// kind is User or Group of rbac.authorization.k8s.io, name the name with the realm's prefix.
	kind, name string
	// problem, if not nil, is why nothing can be granted to it.
	problem *validate.Problem
}

func (r *Reconciler) observe(ctx context.Context, rule *v1alpha1.AccessRule) (*observation, error) {
	o := &observation{now: r.Now(), rule: rule}
	var err error
	if o.realm, err = kube.ServingRealm(ctx, r.Client, rule.Namespace); err != nil {
		return nil, err
	}
	if o.realm != nil {
		if o.subject, err = r.observeSubject(ctx, o.realm, rule); err != nil {
			return nil, err
		}
	}
	role := &v1alpha1.Role{}
	switch err := r.Client.Get(ctx, client.ObjectKey{Namespace: rule.Namespace, Name: rule.Spec.Role}, role); {
	case err == nil:
		o.role = role
	case !apierrors.IsNotFound(err):
		return nil, fmt.Errorf("get Role %q: %w", rule.Spec.Role, err)
	}
	if !rule.Spec.Scope.Cluster {
		if o.namespaces, err = r.observeNamespaces(ctx); err != nil {
			return nil, err
		}
	}
	key := types.NamespacedName{Namespace: rule.Namespace, Name: rule.Name}.String()
	o.bindings, err = listBindings(ctx, r.Client, client.MatchingFields{ruleIndex: key})
	return o, err
}

// observeSubject finds out under which name a subject is known in clusters. A User or ClientApplication must exist, and the name must
// be its own: a younger namesake would otherwise get rights for the older one.
func (r *Reconciler) observeSubject(ctx context.Context, realm *v1alpha1.Realm, rule *v1alpha1.AccessRule) (subject, error) {
	key := client.ObjectKey{Namespace: rule.Namespace, Name: rule.Spec.Subject.Name}
	switch rule.Spec.Subject.Kind {
	case v1alpha1.SubjectUser:
		user := &v1alpha1.User{}
		if err := r.Live.Get(ctx, key, user); err != nil {
			return missing(rule, err)
		}
		return userSubject(realm, user, r.Roster.Elder(user)), nil
	case v1alpha1.SubjectClientApplication:
		app := &v1alpha1.ClientApplication{}
		if err := r.Client.Get(ctx, key, app); err != nil {
			return missing(rule, err)
		}
		elder, err := kube.ElderApplication(ctx, r.Client, app)
		if err != nil {
			return subject{}, err
		}
		return applicationSubject(realm, app, elder), nil
	}
	return checked(subject{kind: "Group", name: identity.GroupsPrefix(realm) + rule.Spec.Subject.Name}), nil
}

// missing says that a subject does not exist yet, or returns the error that is something else.
func missing(rule *v1alpha1.AccessRule, err error) (subject, error) {
	s := rule.Spec.Subject
	if !apierrors.IsNotFound(err) {
		return subject{}, fmt.Errorf("get %s %q: %w", s.Kind, s.Name, err)
	}
	return subject{problem: &validate.Problem{Reason: v1alpha1.ReasonPending, Message: fmt.Sprintf(
		"%s %q does not exist yet; the rule waits for it to be created", s.Kind, s.Name)}}, nil
}

func userSubject(realm *v1alpha1.Realm, user *v1alpha1.User, elder *kube.Person) subject {
	s := subject{kind: "User", name: identity.UsernamePrefix(realm) + identity.Username(user)}
	var problem *validate.Problem
	switch {
	case errors.As(validate.User(user), &problem):
		s.problem = &validate.Problem{Reason: v1alpha1.ReasonPending, Message: fmt.Sprintf("User %q cannot be served: %s", user.Name, problem.Message)}
	case elder != nil:
		s.problem = &validate.Problem{Reason: v1alpha1.ReasonPending, Message: fmt.Sprintf(
			"the names of User %q belong to the older User %q; solve that conflict first", user.Name, elder.Name)}
	case user.Spec.Disabled:
		s.problem = disabled("User", user.Name)
	}
	return checked(s)
}

func applicationSubject(realm *v1alpha1.Realm, app, elder *v1alpha1.ClientApplication) subject {
	s := subject{kind: "User", name: identity.UsernamePrefix(realm) + identity.ClientUsername(identity.ClientID(app))}
	var problem *validate.Problem
	switch {
	case errors.As(validate.ClientApplication(app), &problem):
		s.problem = &validate.Problem{Reason: v1alpha1.ReasonPending, Message: fmt.Sprintf("ClientApplication %q cannot be served: %s", app.Name, problem.Message)}
	case elder != nil:
		s.problem = &validate.Problem{Reason: v1alpha1.ReasonPending, Message: fmt.Sprintf(
			"the client ID of ClientApplication %q belongs to the older %q; solve that conflict first", app.Name, elder.Name)}
	case app.Spec.Disabled:
		s.problem = disabled("ClientApplication", app.Name)
	}
	return checked(s)
}

func disabled(kind, name string) *validate.Problem {
	return &validate.Problem{Reason: v1alpha1.ReasonDisabled, Message: fmt.Sprintf(
		"%s %q is disabled, so the rule grants nothing; set spec.disabled: false there, or delete the rule", kind, name)}
}

// checked refuses a subject whose name, prefix included, is reserved: whatever came before it, this is the last look at the name.
func checked(s subject) subject {
	if identity.Reserved(s.name) {
		s.problem = &validate.Problem{Reason: v1alpha1.ReasonInvalid, Message: fmt.Sprintf(
			"the name %q is reserved for Kubernetes; set other prefixes in a new Realm", s.name)}
	}
	return s
}

func (r *Reconciler) observeNamespaces(ctx context.Context) ([]corev1.Namespace, error) {
	list := &metav1.PartialObjectMetadataList{}
	list.SetGroupVersionKind(corev1.SchemeGroupVersion.WithKind("NamespaceList"))
	if err := r.Client.List(ctx, list, client.UnsafeDisableDeepCopy); err != nil {
		return nil, fmt.Errorf("list Namespaces: %w", err)
	}
	namespaces := make([]corev1.Namespace, 0, len(list.Items))
	for i := range list.Items {
		namespaces = append(namespaces, corev1.Namespace{ObjectMeta: list.Items[i].ObjectMeta})
	}
	return namespaces, nil
}
