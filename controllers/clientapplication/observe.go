package clientapplication

import (
	"context"
	"errors"
	"fmt"
	"time"

	corev1 "k8s.io/api/core/v1"

	"github.com/watchword-io/watchword/api/v1alpha1"
	"github.com/watchword-io/watchword/internal/credential"
	"github.com/watchword-io/watchword/internal/identity"
	"github.com/watchword-io/watchword/internal/kube"
	"github.com/watchword-io/watchword/internal/validate"
)

// observation is all that a reconcile knows; the steps add what they made of it.
type observation struct {
	now time.Time
	app *v1alpha1.ClientApplication
	// realm serves the namespace; nil if there is none.
	realm *v1alpha1.Realm
	// secret has the name that the spec asks for; former is the one that status still names after that name was changed. Nil if there
	// is none.
	secret, former *corev1.Secret

	// problem, if not nil, is why the application is not served: nothing is made for it then.
	problem *validate.Problem
	// verdict is what became of the Secret, and secrets what it holds.
	verdict kube.Verdict
	secrets credential.ClientSecrets
	// wake is when something changes by itself.
	wake time.Time
}

func (r *Reconciler) observe(ctx context.Context, app *v1alpha1.ClientApplication) (*observation, error) {
	o := &observation{now: r.Now().Truncate(time.Second), app: app}
	var err error
	if o.realm, err = kube.ServingRealm(ctx, r.Client, app.Namespace); err != nil {
		return nil, err
	}
	elder, err := kube.ElderApplication(ctx, r.Client, app)
	if err != nil {
		return nil, err
	}
	o.problem = judge(app, o.realm, elder)
	name := identity.ClientSecretName(app)
	if o.secret, err = r.Keeper.Secret(ctx, app.Namespace, name); err != nil {
		return nil, err
	}
	if old := app.Status.SecretName; old != "" && old != name {
		if o.former, err = r.Keeper.Secret(ctx, app.Namespace, old); err != nil {
			return nil, err
		}
		if o.former != nil && !kube.Owned(o.former, app) {
			o.former = nil
		}
	}
	return o, nil
}

// judge says why an application is not served, nil if it is. The elder is one that has its client ID, if any.
func judge(app *v1alpha1.ClientApplication, realm *v1alpha1.Realm, elder *v1alpha1.ClientApplication) *validate.Problem {
	var problem *validate.Problem
	switch {
	case errors.As(validate.ClientApplication(app), &problem):
		return problem
	case realm == nil:
		return kube.RealmMissing(app.Namespace)
	case elder != nil:
		return &validate.Problem{Reason: v1alpha1.ReasonConflict, Message: fmt.Sprintf(
			"ClientApplication %q is older and has the client ID %q; delete one of the two, or make this one again with another spec.clientID",
			elder.Name, identity.ClientID(app))}
	}
	return nil
}

// firstProblem is what the application's author must solve, nil if nothing.
func (o *observation) firstProblem() error {
	switch {
	case o.problem != nil:
		return o.problem
	case !o.verdict.OK:
		return &validate.Problem{Reason: o.verdict.Reason, Message: o.verdict.Message}
	}
	return nil
}
