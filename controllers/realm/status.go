package realm

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/watchword-io/watchword/api/v1alpha1"
	"github.com/watchword-io/watchword/internal/identity"
	"github.com/watchword-io/watchword/internal/keyring"
	"github.com/watchword-io/watchword/internal/kube"
)

// Reasons of the condition KeysReady.
const (
	reasonNoActiveKey      = "NoActiveKey"
	reasonKeySecretInvalid = "KeySecretInvalid"
)

// computeStatus writes into realm.Status what o says, every field each time. It is pure: the same observation gives the same status.
func computeStatus(realm *v1alpha1.Realm, o *observation) {
	s := &realm.Status
	keys, certificate := keysVerdict(o), o.certificate.verdict
	ready := readyVerdict(realm, keys, certificate)
	if o.problem != nil {
		refused := kube.Verdict{Reason: o.problem.Reason, Message: o.problem.Message}
		keys, certificate, ready = refused, refused, refused
	}
	kube.SetCondition(realm, v1alpha1.ReadyCondition, ready, o.now)
	kube.SetCondition(realm, v1alpha1.KeysReadyCondition, keys, o.now)
	kube.SetCondition(realm, v1alpha1.CertificateReadyCondition, certificate, o.now)

	s.Endpoints = v1alpha1.RealmEndpoints{}
	s.Kubernetes = v1alpha1.KubernetesStatus{}
	if o.problem == nil {
		s.Endpoints = v1alpha1.RealmEndpoints{
			Discovery: realm.Spec.Issuer + "/.well-known/openid-configuration",
			Keys:      realm.Spec.Issuer + "/keys",
			Token:     realm.Spec.Issuer + "/token",
		}
		s.Kubernetes = v1alpha1.KubernetesStatus{UsernamePrefix: identity.UsernamePrefix(realm), GroupsPrefix: identity.GroupsPrefix(realm)}
	}
	s.Keys = keyStatuses(o)
	s.Serving = o.certificate.status
	if o.countsDue {
		s.Users, s.ClientApplications = kube.Count(o.users), kube.Count(len(o.apps))
	}
	if o.handled {
		s.HandledRotateKeys = realm.Annotations[v1alpha1.RotateKeysAnnotation]
		s.HandledRevokeKeys = realm.Annotations[v1alpha1.RevokeKeysAnnotation]
	}
}

// readyVerdict sums up a realm that serves.
func readyVerdict(realm *v1alpha1.Realm, keys, certificate kube.Verdict) kube.Verdict {
	switch {
	case !keys.OK:
		return keys
	case !certificate.OK:
		return certificate
	case certificate.Reason == reasonExpiresSoon:
		return certificate
	}
	return kube.Verdict{OK: true, Reason: v1alpha1.ReasonReady, Message: fmt.Sprintf("serves %s", realm.Spec.Issuer)}
}

// keysVerdict says whether every algorithm has a key that signs.
func keysVerdict(o *observation) kube.Verdict {
	switch {
	case o.problem != nil:
		return kube.Verdict{}
	case o.keysBlocked != nil:
		return *o.keysBlocked
	}
	ring := keyring.NewRing(o.keys...)
	var signing []string
	for _, algorithm := range keyPolicy(o.realm, o.apps).Algorithms {
		key, ok := ring.Active(algorithm, o.keysNow())
		if !ok {
			return kube.Verdict{Reason: reasonNoActiveKey, Message: fmt.Sprintf("no %s key may be used yet; wait a few seconds", algorithm)}
		}
		if !key.Sealing() {
			signing = append(signing, algorithm)
		}
	}
	if len(o.broken) > 0 {
		return kube.Verdict{Reason: reasonKeySecretInvalid, Message: fmt.Sprintf(
			"the key in Secret %s is damaged and not used; delete that Secret", strings.Join(quote(o.broken), ", "))}
	}
	return kube.Verdict{OK: true, Reason: v1alpha1.ReasonReady, Message: "keys for " + strings.Join(signing, ", ") + " sign, and rotate on schedule"}
}

// keyStatuses lists the published signing keys, oldest first.
func keyStatuses(o *observation) []v1alpha1.KeyStatus {
	ring := keyring.NewRing(o.keys...)
	var statuses []v1alpha1.KeyStatus
	for _, key := range o.keys {
		if key.Sealing() {
			continue
		}
		status := v1alpha1.KeyStatus{
			KID: key.ID, Algorithm: v1alpha1.SigningAlgorithm(key.Algorithm), Phase: ring.Phase(key, o.keysNow()), SecretName: key.SecretName,
			PublishedAt: metav1.NewTime(key.CreatedAt), SignsFrom: metav1.NewTime(key.SignsFrom()),
		}
		if at, ok := ring.RetiresAt(key, o.realm.Spec.Signing.KeysMaxAge.Duration); ok {
			end := metav1.NewTime(at)
			status.RetiresAt = &end
		}
		statuses = append(statuses, status)
	}
	slices.SortFunc(statuses, func(a, b v1alpha1.KeyStatus) int {
		return cmp.Or(a.PublishedAt.Time.Compare(b.PublishedAt.Time), a.SignsFrom.Time.Compare(b.SignsFrom.Time), cmp.Compare(a.KID, b.KID))
	})
	return statuses
}

func quote(names []string) []string {
	quoted := make([]string, len(names))
	for i, name := range names {
		quoted[i] = fmt.Sprintf("%q", name)
	}
	return quoted
}
