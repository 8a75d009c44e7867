package session

import (
	"time"

	"github.com/watchword-io/watchword/api/v1alpha1"
	"github.com/watchword-io/watchword/internal/kube"
)

// computeStatus writes into session.Status that the session is alive. It is pure.
func computeStatus(session *v1alpha1.Session, o *observation) {
	kube.SetCondition(session, v1alpha1.ReadyCondition, kube.Verdict{
		OK: true, Reason: v1alpha1.ReasonReady,
		Message: "signed in until " + session.Spec.ExpiresAt.UTC().Format(time.RFC3339) + " at the latest; delete it to sign the device out",
	}, o.now)
}
