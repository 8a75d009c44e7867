package user

import (
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/watchword-io/watchword/api/v1alpha1"
	"github.com/watchword-io/watchword/internal/identity"
	"github.com/watchword-io/watchword/internal/kube"
)

// computeStatus writes into user.Status what o says, every field each time, and wakes the reconcile when a role begins or ends. It is
// pure but for that.
func computeStatus(user *v1alpha1.User, o *observation) {
	password := o.password
	if o.problem != nil {
		password = kube.Verdict{OK: o.record.Hash != "", Reason: o.problem.Reason, Message: o.problem.Message}
	}
	kube.SetCondition(user, v1alpha1.ReadyCondition, readyVerdict(o), o.now)
	kube.SetCondition(user, v1alpha1.PasswordSetCondition, password, o.now)

	s := &user.Status
	s.Username, s.Subject = identity.Username(user), identity.Subject(user)
	s.Roles = nil
	if o.problem == nil {
		roles, wake := activeRoles(o.rules, o.now)
		s.Roles = roles
		o.wake = kube.Sooner(o.wake, wake)
	}
	// It stays when a password ends: sessions from before its last change have ended by it, and must not come alive again.
	if !o.record.ChangedAt.IsZero() {
		at := metav1.NewTime(o.record.ChangedAt)
		s.PasswordChangedAt = &at
	}
	s.TemporaryPassword = nil
	if o.temporary != nil && o.now.Before(o.record.MustChangeBy) {
		s.TemporaryPassword = &v1alpha1.TemporaryPassword{SecretName: o.temporary.Name, ExpiresAt: metav1.NewTime(o.record.MustChangeBy)}
	}
	if value := user.Annotations[v1alpha1.ResetPasswordAnnotation]; value != "" && value == o.record.Request {
		s.HandledResetPassword = value
	}
	forgive(user, o)
}

// forgive forgets wrong passwords that were tried before the password was changed, or before somebody asked to unlock. Otherwise the token
// service counts them, and what it wrote stays.
func forgive(user *v1alpha1.User, o *observation) {
	s := &user.Status
	if value := user.Annotations[v1alpha1.UnlockAnnotation]; value != "" && value != s.HandledUnlock {
		s.FailedLogins, s.FailedLoginsKnownDevice, s.HandledUnlock = nil, nil, value
	}
	for _, failed := range []**v1alpha1.FailedLogins{&s.FailedLogins, &s.FailedLoginsKnownDevice} {
		if *failed != nil && (*failed).Since.Time.Before(o.record.ChangedAt) {
			*failed = nil
		}
	}
}

// readyVerdict sums up: a User is ready when all that its spec asks for is done, being disabled included.
func readyVerdict(o *observation) kube.Verdict {
	switch {
	case o.problem != nil:
		return kube.Verdict{Reason: o.problem.Reason, Message: o.problem.Message}
	case o.user.Spec.Disabled:
		return kube.Verdict{OK: true, Reason: v1alpha1.ReasonDisabled, Message: "disabled: gets no tokens; set spec.disabled: false to let the person in again"}
	case !o.password.OK:
		return o.password
	}
	return kube.Verdict{OK: true, Reason: v1alpha1.ReasonReady, Message: o.password.Message}
}
