package clientapplication

import (
	"context"
	"fmt"
	"time"

	corev1 "k8s.io/api/core/v1"

	"github.com/watchword-io/watchword/api/v1alpha1"
	"github.com/watchword-io/watchword/internal/credential"
	"github.com/watchword-io/watchword/internal/identity"
	"github.com/watchword-io/watchword/internal/kube"
)

// Reasons of the condition SecretReady.
const (
	reasonSecretConflict = "SecretConflict"
	reasonNoSecretNeeded = "NoSecretNeeded"
)

// ensureSecret makes, rotates, moves or removes the client Secret.
func (r *Reconciler) ensureSecret(ctx context.Context, o *observation) error {
	if !identity.HasSecret(o.app) {
		o.verdict = kube.Verdict{OK: true, Reason: reasonNoSecretNeeded, Message: "a Public client has no secret"}
		if o.app.Spec.Authentication != nil {
			o.verdict.Message = "proves who it is by spec.authentication; set spec.secret: {} for a secret beside it"
		}
		return r.removeAll(ctx, o)
	}
	if o.secret != nil && !kube.Owned(o.secret, o.app) {
		foreign := &kube.ForeignError{Kind: "Secret", Name: o.secret.Name}
		o.verdict = kube.Verdict{Reason: reasonSecretConflict, Message: foreign.Error() + ", or set another spec.secret.name"}
		return nil
	}
	var wake time.Time
	o.secrets, wake = rotate(current(o), o.app, o.now)
	o.wake = kube.Sooner(o.wake, wake)
	secret, err := r.Keeper.EnsureSecret(ctx, o.app, o.secret, &corev1.Secret{
		ObjectMeta: kube.Meta(o.app.Namespace, identity.ClientSecretName(o.app), v1alpha1.ComponentClientSecret),
		Type:       corev1.SecretTypeOpaque,
		Data:       o.secrets.Data(),
	})
	if verdict, retry, blocked := kube.Blocked(err, o.now); blocked {
		o.verdict, o.wake = verdict, kube.Sooner(o.wake, retry)
		return nil
	}
	if err != nil {
		return err
	}
	o.secret = secret
	if o.former != nil { // only now that its content stands in the new one
		if err := r.Keeper.Remove(ctx, o.app, o.former); err != nil {
			return err
		}
	}
	o.verdict = kube.Verdict{OK: true, Reason: v1alpha1.ReasonReady, Message: fmt.Sprintf("the client secret is in Secret %q", secret.Name)}
	if !o.secrets.PreviousExpiresAt.IsZero() {
		o.verdict.Message += ", and the one before is valid until " + o.secrets.PreviousExpiresAt.UTC().Format(time.RFC3339)
	}
	return nil
}

// current is what the application's secret is now: in the Secret of the right name or, after a change of that name, in the former one.
// It is zero if neither can be read, and a new secret has to be made.
func current(o *observation) credential.ClientSecrets {
	for _, secret := range []*corev1.Secret{o.secret, o.former} {
		if secret == nil {
			continue
		}
		if found, err := credential.ClientSecretsFrom(secret); err == nil {
			return found
		}
	}
	return credential.ClientSecrets{}
}

// rotate says what the secrets should be now, and when that will change by itself. It makes a first secret, a new one when asked or
// due, and drops the previous one when its overlap is over.
func rotate(now credential.ClientSecrets, app *v1alpha1.ClientApplication, at time.Time) (credential.ClientSecrets, time.Time) {
	next := now
	next.ClientID = identity.ClientID(app)
	request := app.Annotations[v1alpha1.RotateSecretAnnotation]
	asked := request != "" && request != now.Request && request != app.Status.HandledRotateSecret
	due := dueAt(now, app)
	switch {
	case now.Current == "":
		next.Current, next.RotatedAt, next.Request = credential.NewClientSecret(), at, request
		next.Previous, next.PreviousExpiresAt = "", time.Time{}
	case asked, !due.IsZero() && !at.Before(due):
		next.Previous, next.PreviousExpiresAt = now.Current, at.Add(overlap(app))
		next.Current, next.RotatedAt = credential.NewClientSecret(), at
		if asked {
			next.Request = request
		}
	}
	if next.Previous != "" && !at.Before(next.PreviousExpiresAt) {
		next.Previous, next.PreviousExpiresAt = "", time.Time{}
	}
	return next, kube.Sooner(dueAt(next, app), next.PreviousExpiresAt)
}

// dueAt is when the secret is to be rotated by its period; zero without one.
func dueAt(secrets credential.ClientSecrets, app *v1alpha1.ClientApplication) time.Time {
	if app.Spec.Secret == nil || app.Spec.Secret.RotationPeriod == nil || secrets.RotatedAt.IsZero() {
		return time.Time{}
	}
	return secrets.RotatedAt.Add(app.Spec.Secret.RotationPeriod.Duration)
}

// overlap is how long an old secret lives on: a day unless the spec says otherwise.
func overlap(app *v1alpha1.ClientApplication) time.Duration {
	if app.Spec.Secret == nil || app.Spec.Secret.Overlap == nil {
		return 24 * time.Hour
	}
	return app.Spec.Secret.Overlap.Duration
}

// removeAll deletes what secrets a client had before.
func (r *Reconciler) removeAll(ctx context.Context, o *observation) error {
	for _, secret := range []*corev1.Secret{o.secret, o.former} {
		if secret != nil {
			if err := r.Keeper.Remove(ctx, o.app, secret); err != nil {
				return err
			}
		}
	}
	return nil
}
