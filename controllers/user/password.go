package user

import (
	"context"
	"errors"
	"fmt"

	corev1 "k8s.io/api/core/v1"

	"github.com/watchword-io/watchword/api/v1alpha1"
	"github.com/watchword-io/watchword/internal/credential"
	"github.com/watchword-io/watchword/internal/identity"
	"github.com/watchword-io/watchword/internal/kube"
	"github.com/watchword-io/watchword/internal/validate"
)

// Reasons of the condition PasswordSet.
const (
	reasonPasswordSet              = "PasswordSet"
	reasonTemporaryPassword        = "TemporaryPassword"
	reasonTemporaryPasswordExpired = "TemporaryPasswordExpired"
	reasonSecretMissing            = "PasswordSecretMissing"
	reasonKeyMissing               = "PasswordKeyMissing"
	reasonPasswordEmpty            = "PasswordEmpty"
)

// ensurePassword brings the credential Secret to what the spec asks for.
func (r *Reconciler) ensurePassword(ctx context.Context, o *observation) error {
	var err error
	switch {
	case o.credentials != nil && !kube.Owned(o.credentials, o.user):
		err = &kube.ForeignError{Kind: "Secret", Name: o.credentials.Name}
	case o.user.Spec.Password != nil:
		err = r.ensureFromSecret(ctx, o)
	default:
		err = r.ensureTemporary(ctx, o)
	}
	if verdict, retry, blocked := kube.Blocked(err, o.now); blocked {
		o.password, o.wake = verdict, kube.Sooner(o.wake, retry)
		return nil
	}
	return err
}

// ensureFromSecret applies the password of spec.password.secretRef when it is new. Whatever is wrong with that Secret, the password
// that was applied before stays.
func (r *Reconciler) ensureFromSecret(ctx context.Context, o *observation) error {
	ref := o.user.Spec.Password.SecretRef
	value, problem := sourceValue(ref, o.source)
	if problem != nil {
		o.password = *problem
		return nil
	}
	version := fmt.Sprintf("%s/%s/%s", o.source.UID, o.source.ResourceVersion, ref.Key)
	next := o.record
	unchanged := next.AppliedVersion == version && next.AppliedHash != ""
	if !unchanged {
		same, err := r.matches(ctx, next.AppliedHash, value)
		if err != nil {
			return err
		}
		next.AppliedVersion, unchanged = version, same // same value in a changed Secret: spare the next comparison
	}
	if !unchanged {
		var refused *validate.PasswordError
		if errors.As(validate.Password(o.realm.Spec.Password, names(o), value), &refused) {
			o.password = kube.Verdict{Reason: validate.ReasonPasswordRefused, Message: fmt.Sprintf(
				"%s; write another one to key %q of Secret %q%s", refused.Message, ref.Key, ref.Name, stillOld(o.record))}
			return nil
		}
		hash, err := r.Passwords.Hash(ctx, value)
		if err != nil {
			return fmt.Errorf("hash the password of user %q: %w", o.user.Name, err)
		}
		next = credential.Record{Hash: hash, AppliedHash: hash, AppliedVersion: version, ChangedAt: o.now, Subject: identity.Subject(o.user)}
		next.Request = o.record.Request
	}
	if err := r.writeRecord(ctx, o, next); err != nil {
		return err
	}
	o.password = kube.Verdict{OK: true, Reason: reasonPasswordSet, Message: fmt.Sprintf("the password of Secret %q was applied", ref.Name)}
	if o.resetAsked() != "" {
		o.password.Message += fmt.Sprintf("; the annotation %s does nothing while spec.password is set", v1alpha1.ResetPasswordAnnotation)
	}
	return r.dropTemporary(ctx, o)
}

// names are what nobody's password should be made of.
func names(o *observation) []string {
	spec, realm := &o.user.Spec, o.realm
	return []string{
		identity.Username(o.user), spec.Email, spec.GivenName, spec.FamilyName, realm.Spec.DisplayName, realm.Name, realm.Namespace,
	}
}

// sourceValue is the password in the Secret that sets it, or what is wrong with that.
func sourceValue(ref v1alpha1.SecretKeyReference, source *corev1.Secret) ([]byte, *kube.Verdict) {
	if source == nil {
		return nil, &kube.Verdict{Reason: reasonSecretMissing, Message: fmt.Sprintf(
			"Secret %q does not exist; create it with the password in key %q, or remove spec.password to get a temporary password", ref.Name, ref.Key)}
	}
	value, ok := source.Data[ref.Key]
	if !ok {
		return nil, &kube.Verdict{Reason: reasonKeyMissing, Message: fmt.Sprintf(
			"Secret %q has no key %q; add it, or name the right one in spec.password.secretRef.key", ref.Name, ref.Key)}
	}
	if len(value) == 0 {
		return nil, &kube.Verdict{Reason: reasonPasswordEmpty, Message: fmt.Sprintf("key %q of Secret %q is empty; write a password to it", ref.Key, ref.Name)}
	}
	return value, nil
}

// stillOld tells the reader of a refusal what goes on working.
func stillOld(record credential.Record) string {
	if record.Hash == "" {
		return ""
	}
	return "; until then the old password stays"
}

// matches reports whether a value is the one that was hashed; no hash, or one that cannot be read, matches nothing.
func (r *Reconciler) matches(ctx context.Context, hash string, value []byte) (bool, error) {
	if hash == "" {
		return false, nil
	}
	same, _, err := r.Passwords.Verify(ctx, hash, value)
	if err != nil && !errors.Is(err, credential.ErrHash) {
		return false, fmt.Errorf("compare the password with the one applied before: %w", err)
	}
	return same, nil
}

// writeRecord brings the credential Secret to a record, if it differs.
func (r *Reconciler) writeRecord(ctx context.Context, o *observation, record credential.Record) error {
	secret, err := r.Keeper.EnsureSecret(ctx, o.user, o.credentials, &corev1.Secret{
		ObjectMeta: kube.Meta(o.user.Namespace, credential.SecretName(o.user.Name), v1alpha1.ComponentCredential),
		Type:       corev1.SecretTypeOpaque,
		Data:       record.Data(),
	})
	if err != nil {
		return err
	}
	o.credentials, o.record = secret, record
	return nil
}
