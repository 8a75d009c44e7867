package user

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	corev1 "k8s.io/api/core/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/watchword-io/watchword/api/v1alpha1"
	"github.com/watchword-io/watchword/internal/credential"
	"github.com/watchword-io/watchword/internal/identity"
	"github.com/watchword-io/watchword/internal/kube"
	"github.com/watchword-io/watchword/internal/validate"
)

// maxRoles is how many roles the status lists.
const maxRoles = 64

// observation is all that a reconcile knows; the steps add what they made of it.
type observation struct {
	now  time.Time
	user *v1alpha1.User
	// realm serves the namespace; nil if there is none.
	realm *v1alpha1.Realm
	// rules are the access rules about this person or a group she is in.
	rules []v1alpha1.AccessRule
	// credentials is the Secret with the hash, temporary the one with a one-time password, source the one that sets the password. Nil
	// if there is none.
	credentials, temporary, source *corev1.Secret
	// record is what credentials holds.
	record credential.Record

	// problem, if not nil, is why the User is not served: nothing is made for it then.
	problem *validate.Problem
	// password is what became of the password.
	password kube.Verdict
	// wake is when something changes by itself.
	wake time.Time
}

func (r *Reconciler) observe(ctx context.Context, user *v1alpha1.User) (*observation, error) {
	o := &observation{now: r.Now().Truncate(time.Second), user: user}
	var err error
	if o.realm, err = kube.ServingRealm(ctx, r.Client, user.Namespace); err != nil {
		return nil, err
	}
	if err := r.observeRules(ctx, o); err != nil {
		return nil, err
	}
	o.problem = r.judge(o)
	if o.credentials, err = r.Keeper.Secret(ctx, user.Namespace, credential.SecretName(user.Name)); err != nil {
		return nil, err
	}
	if o.credentials != nil && kube.Owned(o.credentials, user) {
		// A damaged record is like none: the person gets a new password, by the ways below.
		if record, err := credential.RecordFrom(o.credentials); err == nil && record.Subject == identity.Subject(user) {
			o.record = record
		}
	}
	if ref := user.Spec.Password; ref != nil {
		if o.source, err = r.Keeper.Secret(ctx, user.Namespace, ref.SecretRef.Name); err != nil {
			return nil, err
		}
	}
	// The temporary Secret is read only where there may be one: most of 100,000 Users have none.
	if !o.record.MustChangeBy.IsZero() || o.record.Hash == "" || o.resetAsked() != "" || user.Status.TemporaryPassword != nil {
		if o.temporary, err = r.Keeper.Secret(ctx, user.Namespace, credential.TemporarySecretName(user.Name)); err != nil {
			return nil, err
		}
	}
	return o, nil
}

// observeRules reads the access rules that name the person or one of her groups.
func (r *Reconciler) observeRules(ctx context.Context, o *observation) error {
	var rules v1alpha1.AccessRuleList
	if err := r.Client.List(ctx, &rules, client.InNamespace(o.user.Namespace), client.UnsafeDisableDeepCopy); err != nil {
		return fmt.Errorf("list AccessRules: %w", err)
	}
	for i := range rules.Items {
		subject := rules.Items[i].Spec.Subject
		if subject.Kind == v1alpha1.SubjectUser && subject.Name == o.user.Name ||
			subject.Kind == v1alpha1.SubjectGroup && slices.Contains(o.user.Spec.Groups, subject.Name) {
			o.rules = append(o.rules, rules.Items[i])
		}
	}
	return nil
}

// judge says why a User is not served, nil if it is.
func (r *Reconciler) judge(o *observation) *validate.Problem {
	var problem *validate.Problem
	if errors.As(validate.User(o.user), &problem) {
		return problem
	}
	if o.realm == nil {
		return kube.RealmMissing(o.user.Namespace)
	}
	if elder := r.Roster.Elder(o.user); elder != nil {
		return &validate.Problem{Reason: v1alpha1.ReasonConflict, Message: fmt.Sprintf(
			"User %q is older and has the same user name or email; change spec.username and spec.email here, or delete one of the two", elder.Name)}
	}
	return nil
}

// firstProblem is what somebody must solve, nil if nothing.
func (o *observation) firstProblem() error {
	switch {
	case o.problem != nil:
		return o.problem
	case !o.password.OK:
		return &validate.Problem{Reason: o.password.Reason, Message: o.password.Message}
	}
	return nil
}

// resetAsked is the value of the reset-password annotation that has not been acted on, or empty.
func (o *observation) resetAsked() string {
	value := o.user.Annotations[v1alpha1.ResetPasswordAnnotation]
	if value == o.user.Status.HandledResetPassword || value == o.record.Request {
		return ""
	}
	return value
}

// activeRoles are the names of the roles that the rules give now, sorted, and when that will change by itself.
func activeRoles(rules []v1alpha1.AccessRule, now time.Time) ([]string, time.Time) {
	var roles []string
	var wake time.Time
	for i := range rules {
		state, change := validate.ActiveAt(&rules[i], now)
		wake = kube.Sooner(wake, change)
		if state == validate.Active && validate.AccessRule(&rules[i]) == nil {
			roles = append(roles, rules[i].Spec.Role)
		}
	}
	slices.Sort(roles)
	roles = slices.Compact(roles)
	return roles[:min(len(roles), maxRoles)], wake
}
