package clientapplication

import (
	"fmt"
	"slices"
	"strings"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/watchword-io/watchword/api/v1alpha1"
	"github.com/watchword-io/watchword/internal/identity"
	"github.com/watchword-io/watchword/internal/kube"
)

// reasonNoUsableGrant is why an application is not ready that can get no token by any of its grants.
const reasonNoUsableGrant = "NoUsableGrant"

// computeStatus writes into app.Status what o says, every field each time. It is pure.
func computeStatus(app *v1alpha1.ClientApplication, o *observation) {
	secret := o.verdict
	if o.problem != nil {
		secret = kube.Verdict{Reason: o.problem.Reason, Message: o.problem.Message}
	}
	kube.SetCondition(app, v1alpha1.ReadyCondition, readyVerdict(o), o.now)
	kube.SetCondition(app, v1alpha1.SecretReadyCondition, secret, o.now)

	s := &app.Status
	s.ClientID = identity.ClientID(app)
	s.SecretRotatedAt, s.PreviousSecretExpiresAt = nil, nil
	if o.problem != nil {
		return // what was made before is still there
	}
	s.SecretName = ""
	if o.verdict.OK && identity.HasSecret(app) {
		s.SecretName = identity.ClientSecretName(app)
	}
	s.SecretRotatedAt = moment(o.secrets.RotatedAt)
	s.PreviousSecretExpiresAt = moment(o.secrets.PreviousExpiresAt)
	if o.verdict.OK {
		s.HandledRotateSecret = app.Annotations[v1alpha1.RotateSecretAnnotation]
	}
}

// readyVerdict sums up: an application is ready when it can get tokens by at least one grant. Grants that it cannot use are named.
func readyVerdict(o *observation) kube.Verdict {
	switch {
	case o.problem != nil:
		return kube.Verdict{Reason: o.problem.Reason, Message: o.problem.Message}
	case o.app.Spec.Disabled:
		return kube.Verdict{OK: true, Reason: v1alpha1.ReasonDisabled, Message: "disabled: gets no tokens; set spec.disabled: false to let it in again"}
	case !o.verdict.OK:
		return o.verdict
	}
	usable, notes := grants(o.app.Spec.GrantTypes, o.realm.Spec.Grants)
	if len(usable) == 0 {
		return kube.Verdict{Reason: reasonNoUsableGrant, Message: "no grant can be used: " + strings.Join(notes, "; ")}
	}
	message := "gets tokens by " + strings.Join(usable, ", ")
	return kube.Verdict{OK: true, Reason: v1alpha1.ReasonReady, Message: strings.Join(append([]string{message}, notes...), "; ")}
}

// grants tells the grants that work from those that do not, with what can be done about them.
func grants(asked, allowed []v1alpha1.GrantType) (usable, notes []string) {
	for _, grant := range asked {
		if !slices.Contains(allowed, grant) {
			notes = append(notes, fmt.Sprintf("%s is not in spec.grants of the Realm; add it there or remove it here", grant))
			continue
		}
		usable = append(usable, string(grant))
	}
	if len(usable) == 1 && usable[0] == string(v1alpha1.GrantRefreshToken) {
		return nil, append(notes, "refresh_token renews what another grant gave; add one that signs people in, authorization_code for example")
	}
	return usable, notes
}

func moment(t time.Time) *metav1.Time {
	if t.IsZero() {
		return nil
	}
	at := metav1.NewTime(t)
	return &at
}
