package user

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

// Annotations of the Secret with a temporary password, from which a restarted operator goes on.
const (
	// expiresAnnotation is when the password ends: RFC 3339.
	expiresAnnotation = v1alpha1.GroupName + "/expires-at"
	// requestAnnotation is the value of the reset-password annotation that asked for the password.
	requestAnnotation = v1alpha1.GroupName + "/request"
)

// Keys of a temporary password Secret's data.
const (
	dataUsername = "username"
	dataPassword = "password"
)

// ensureTemporary gives a person without a password, or one whose password is to be reset, a temporary one. The Secret that people read
// is written first and the hash second: killed in between, the operator finds the Secret and hashes what it holds, so the password that
// somebody may have read already is the one that works.
func (r *Reconciler) ensureTemporary(ctx context.Context, o *observation) error {
	if o.temporary != nil && !kube.Owned(o.temporary, o.user) {
		return &kube.ForeignError{Kind: "Secret", Name: o.temporary.Name}
	}
	request := o.resetAsked()
	virgin := o.record.Hash == "" && o.record.MustChangeBy.IsZero()
	if o.user.Spec.Disabled && (virgin || request != "") {
		o.password = kube.Verdict{Reason: v1alpha1.ReasonDisabled, Message: "no temporary password is made while spec.disabled is true"}
		return nil
	}
	if request != "" && o.temporary != nil && o.temporary.Annotations[requestAnnotation] != request {
		if err := r.dropTemporary(ctx, o); err != nil {
			return err
		}
	}
	if virgin || request != "" {
		if err := r.offerTemporary(ctx, o, request); err != nil {
			return err
		}
	}
	return r.settleTemporary(ctx, o)
}

// offerTemporary writes the Secret with a new temporary password, unless it is there, and then its hash.
func (r *Reconciler) offerTemporary(ctx context.Context, o *observation, request string) error {
	if request == "" {
		request = o.user.Annotations[v1alpha1.ResetPasswordAnnotation] // a first password fulfils a request made with the User
	}
	if o.temporary == nil {
		immutable := true
		want := &corev1.Secret{
			ObjectMeta: kube.Meta(o.user.Namespace, credential.TemporarySecretName(o.user.Name), v1alpha1.ComponentTemporaryPassword),
			Type:       corev1.SecretTypeOpaque,
			Immutable:  &immutable,
			Data: map[string][]byte{
				dataUsername: []byte(identity.Username(o.user)), dataPassword: []byte(credential.NewPassword()),
			},
		}
		lifetime := o.realm.Spec.Password.TemporaryLifetime.Duration
		want.Annotations = map[string]string{expiresAnnotation: stamp(o.now.Add(lifetime)), requestAnnotation: request}
		var err error
		if o.temporary, err = r.Keeper.EnsureSecret(ctx, o.user, nil, want); err != nil {
			return err
		}
	}
	expires, err := time.Parse(time.RFC3339, o.temporary.Annotations[expiresAnnotation])
	if err != nil || len(o.temporary.Data[dataPassword]) == 0 {
		return r.dropTemporary(ctx, o) // damaged by hand: its deletion brings the User back here
	}
	hash, err := r.Passwords.Hash(ctx, o.temporary.Data[dataPassword])
	if err != nil {
		return fmt.Errorf("hash the temporary password of user %q: %w", o.user.Name, err)
	}
	record := credential.Record{
		Hash: hash, ChangedAt: o.now, MustChangeBy: expires,
		Subject: identity.Subject(o.user), Request: request,
	}
	return r.writeRecord(ctx, o, record)
}

// settleTemporary ends a temporary password whose time is over, removes its Secret once it is of no more use, and says how things stand.
func (r *Reconciler) settleTemporary(ctx context.Context, o *observation) error {
	expires := o.record.MustChangeBy
	switch {
	case expires.IsZero() && o.record.Hash == "":
		o.password = kube.Verdict{Reason: v1alpha1.ReasonPending, Message: "a temporary password is being made"}
		return nil
	case expires.IsZero():
		o.password = kube.Verdict{OK: true, Reason: reasonPasswordSet, Message: "the person has a password of her own"}
		return r.dropTemporary(ctx, o)
	case !o.now.Before(expires):
		if err := r.dropTemporary(ctx, o); err != nil {
			return err
		}
		ended := o.record
		ended.Hash = ""
		o.password = kube.Verdict{Reason: reasonTemporaryPasswordExpired, Message: fmt.Sprintf(
			"the temporary password expired at %s; make another with: kubectl -n %s annotate users.%s %s --overwrite %s=%q",
			stamp(expires), o.user.Namespace, v1alpha1.GroupName, o.user.Name, v1alpha1.ResetPasswordAnnotation, stamp(expires))}
		return r.writeRecord(ctx, o, ended)
	}
	o.wake = kube.Sooner(o.wake, expires)
	o.password = kube.Verdict{OK: true, Reason: reasonTemporaryPassword, Message: fmt.Sprintf(
		"a temporary password works until %s and must be changed at the first sign-in", stamp(expires))}
	if o.temporary != nil {
		o.password.Message += fmt.Sprintf("; hand over Secret %q", o.temporary.Name)
	}
	return nil
}

// dropTemporary deletes the Secret with a temporary password, if it is there and ours.
func (r *Reconciler) dropTemporary(ctx context.Context, o *observation) error {
	if o.temporary == nil || !kube.Owned(o.temporary, o.user) {
		return nil
	}
	if err := r.Keeper.RemoveAny(ctx, o.temporary); err != nil {
		return err
	}
	o.temporary = nil
	return nil
}

func stamp(t time.Time) string { return t.UTC().Format(time.RFC3339) }
