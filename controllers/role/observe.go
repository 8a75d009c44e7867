package role

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	authorizationv1 "k8s.io/api/authorization/v1"
	rbacv1 "k8s.io/api/rbac/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/watchword-io/watchword/api/v1alpha1"
	"github.com/watchword-io/watchword/internal/validate"
)

const (
	// reviewLife is how long an answer of the API server about the operator's rights is believed.
	reviewLife = 10 * time.Second
	// recheckRefused and recheckAllowed are how soon the operator's rights are asked for again.
	recheckRefused = 15 * time.Second
	recheckAllowed = 10 * time.Minute
)

// observation is all that a reconcile knows.
type observation struct {
	now time.Time
	// problem, if not nil, is a rule that the Role itself breaks.
	problem *validate.Problem
	// missing and refused are the ClusterRoles that do not exist, and those that exist and may not be bound.
	missing, refused []string
	// rules is the number of access rules that grant the Role.
	rules int
	// wake is when to ask again.
	wake time.Time
}

func (r *Reconciler) observe(ctx context.Context, role *v1alpha1.Role) (*observation, error) {
	o := &observation{now: r.Now()}
	var rules v1alpha1.AccessRuleList
	if err := r.Client.List(ctx, &rules, client.InNamespace(role.Namespace), client.UnsafeDisableDeepCopy); err != nil {
		return nil, fmt.Errorf("list AccessRules: %w", err)
	}
	for i := range rules.Items {
		if rules.Items[i].Spec.Role == role.Name {
			o.rules++
		}
	}
	if errors.As(validate.Role(role), &o.problem) {
		return o, nil
	}
	for _, name := range role.Spec.ClusterRoles {
		switch exists, err := r.exists(ctx, name); {
		case err != nil:
			return nil, err
		case !exists:
			o.missing = append(o.missing, name)
			continue
		}
		switch allowed, err := r.mayBind(ctx, name, o.now); {
		case err != nil:
			return nil, err
		case !allowed:
			o.refused = append(o.refused, name)
		}
	}
	if len(o.refused) > 0 {
		o.wake = o.now.Add(recheckRefused)
	} else if len(role.Spec.ClusterRoles) > 0 {
		o.wake = o.now.Add(recheckAllowed)
	}
	return o, nil
}

// exists looks a ClusterRole up in the cache of their metadata.
func (r *Reconciler) exists(ctx context.Context, name string) (bool, error) {
	found := &metav1.PartialObjectMetadata{}
	found.SetGroupVersionKind(rbacv1.SchemeGroupVersion.WithKind("ClusterRole"))
	err := r.Client.Get(ctx, client.ObjectKey{Name: name}, found)
	if err != nil && !apierrors.IsNotFound(err) {
		return false, fmt.Errorf("get ClusterRole %q: %w", name, err)
	}
	return err == nil, nil
}

// reviews remembers for a short time what the API server said about binding a ClusterRole: many Roles name the same few.
type reviews struct {
	mu      sync.Mutex
	answers map[string]review
}

type review struct {
	allowed bool
	until   time.Time
}

// mayBind asks the API server whether the operator may bind a ClusterRole anywhere.
func (r *Reconciler) mayBind(ctx context.Context, name string, now time.Time) (bool, error) {
	r.reviews.mu.Lock()
	defer r.reviews.mu.Unlock()
	if answer, ok := r.reviews.answers[name]; ok && now.Before(answer.until) {
		return answer.allowed, nil
	}
	ask := &authorizationv1.SelfSubjectAccessReview{Spec: authorizationv1.SelfSubjectAccessReviewSpec{
		ResourceAttributes: &authorizationv1.ResourceAttributes{Group: rbacv1.GroupName, Resource: "clusterroles", Verb: "bind", Name: name},
	}}
	if err := r.Client.Create(ctx, ask); err != nil {
		return false, fmt.Errorf("review right to bind %q: %w", name, err)
	}
	if r.reviews.answers == nil {
		r.reviews.answers = map[string]review{}
	}
	for old, answer := range r.reviews.answers {
		if !now.Before(answer.until) {
			delete(r.reviews.answers, old)
		}
	}
	r.reviews.answers[name] = review{allowed: ask.Status.Allowed, until: now.Add(reviewLife)}
	return ask.Status.Allowed, nil
}
