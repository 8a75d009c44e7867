package realm

import (
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"

	"github.com/watchword-io/watchword/api/v1alpha1"
	"github.com/watchword-io/watchword/internal/keyring"
	"github.com/watchword-io/watchword/internal/kube"
	"github.com/watchword-io/watchword/internal/validate"
)

func testRealm() *v1alpha1.Realm {
	hours := func(n int) metav1.Duration { return metav1.Duration{Duration: time.Duration(n) * time.Hour} }
	return &v1alpha1.Realm{
		ObjectMeta: metav1.ObjectMeta{Namespace: "acme", Name: "acme", Generation: 3, CreationTimestamp: metav1.NewTime(start)},
		Spec: v1alpha1.RealmSpec{
			Issuer: "https://id.example.com",
			Signing: v1alpha1.SigningSpec{Algorithm: v1alpha1.ES256, RotationPeriod: hours(720), PublishBefore: hours(1),
				KeysMaxAge: metav1.Duration{Duration: 5 * time.Minute}},
			Tokens: v1alpha1.TokenLifetimes{Access: metav1.Duration{Duration: 15 * time.Minute}, ID: metav1.Duration{Duration: 10 * time.Minute}},
		},
	}
}

func ringKey(id, algorithm string, created, ahead time.Duration) *keyring.Key {
	return &keyring.Key{ID: id, Algorithm: algorithm, CreatedAt: start.Add(created), PublishBefore: ahead, LongestToken: 15 * time.Minute, SecretName: "s-" + id}
}

func TestComputeStatus(t *testing.T) {
	good := certificateState{verdict: kube.Verdict{OK: true, Reason: "Ready", Message: "fine"}}
	both := []*keyring.Key{ringKey("a", "ES256", 0, 0), ringKey("s", keyring.A256GCM, 0, 0)}
	tests := map[string]struct {
		o       observation
		ready   metav1.ConditionStatus
		reason  string
		message string
	}{
		"all is well": {observation{keys: both, certificate: good}, metav1.ConditionTrue, "Ready", "serves https://id.example.com"},
		"conflict": {observation{problem: &validate.Problem{Reason: v1alpha1.ReasonConflict, Message: "older"}},
			metav1.ConditionFalse, v1alpha1.ReasonConflict, "older"},
		"no signing key":  {observation{keys: both[1:], certificate: good}, metav1.ConditionFalse, reasonNoActiveKey, "ES256"},
		"no sealing key":  {observation{keys: both[:1], certificate: good}, metav1.ConditionFalse, reasonNoActiveKey, "A256GCM"},
		"key not yet due": {observation{keys: []*keyring.Key{ringKey("a", "ES256", 0, time.Hour), both[1]}, certificate: good}, metav1.ConditionFalse, reasonNoActiveKey, "wait"},
		"keys cannot be written": {observation{keys: both, certificate: good, keysBlocked: &kube.Verdict{Reason: "WriteForbidden", Message: "rights"}},
			metav1.ConditionFalse, "WriteForbidden", "rights"},
		"damaged key": {observation{keys: both, certificate: good, broken: []string{"x", "y"}},
			metav1.ConditionFalse, reasonKeySecretInvalid, `Secret "x", "y" is damaged and not used; delete that Secret`},
		"bad certificate": {observation{keys: both, certificate: certificateState{verdict: kube.Verdict{Reason: reasonExpired, Message: "renew it"}}},
			metav1.ConditionFalse, reasonExpired, "renew it"},
		"certificate expires soon": {observation{keys: both, certificate: certificateState{verdict: kube.Verdict{OK: true, Reason: reasonExpiresSoon, Message: "renew it"}}},
			metav1.ConditionTrue, reasonExpiresSoon, "renew it"},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			realm := testRealm()
			tc.o.now, tc.o.realm = start.Add(time.Minute), realm
			computeStatus(realm, &tc.o)
			once := realm.DeepCopy()
			computeStatus(realm, &tc.o)
			if diff := cmp.Diff(once.Status, realm.Status); diff != "" {
				t.Errorf("the same observation gives another status (-first +second):\n%s", diff)
			}
			for _, kind := range []string{v1alpha1.ReadyCondition, v1alpha1.KeysReadyCondition, v1alpha1.CertificateReadyCondition} {
				c := meta.FindStatusCondition(realm.Status.Conditions, kind)
				if c == nil || c.ObservedGeneration != 3 {
					t.Fatalf("condition %s = %+v, want one about generation 3", kind, c)
				}
			}
			ready := meta.FindStatusCondition(realm.Status.Conditions, v1alpha1.ReadyCondition)
			if ready.Status != tc.ready || ready.Reason != tc.reason || !strings.Contains(ready.Message, tc.message) {
				t.Errorf("Ready = %s %s %q, want %s %s with %q", ready.Status, ready.Reason, ready.Message, tc.ready, tc.reason, tc.message)
			}
		})
	}
}

func TestKeyStatuses(t *testing.T) {
	realm := testRealm()
	o := &observation{realm: realm, now: start.Add(720*time.Hour + time.Minute), keys: []*keyring.Key{
		ringKey("next", "ES256", 720*time.Hour, time.Hour), ringKey("old", "ES256", 0, 0), ringKey("seal", keyring.A256GCM, 0, 0),
		ringKey("now", "ES256", 719*time.Hour, time.Hour),
	}}
	var got []string
	for _, s := range keyStatuses(o) {
		line := s.KID + " " + string(s.Phase)
		if s.RetiresAt != nil {
			line += " until " + s.RetiresAt.UTC().Format(time.RFC3339)
		}
		got = append(got, line)
	}
	// The old key ends when the last token it signed has expired (15m), caches (5m) and a margin (1m) after its successor began; the
	// active one after the next begins.
	want := []string{"old Previous until 2026-12-23T12:21:00Z", "now Active until 2026-12-23T13:21:00Z", "next Next"}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("keys (-want +got):\n%s", diff)
	}
}

func TestKeyPolicy(t *testing.T) {
	hour := &metav1.Duration{Duration: time.Hour}
	apps := []v1alpha1.ClientApplication{
		{Spec: v1alpha1.ClientApplicationSpec{SigningAlgorithm: v1alpha1.RS256}},
		{Spec: v1alpha1.ClientApplicationSpec{SigningAlgorithm: v1alpha1.ES256, Tokens: &v1alpha1.ClientTokenLifetimes{ID: hour}}},
		{},
	}
	tests := map[string]struct {
		annotations, handled   [2]string // rotate, revoke
		wantRotate, wantRevoke string
	}{
		"nothing asked":          {},
		"rotation asked":         {annotations: [2]string{"a", ""}, wantRotate: "a"},
		"rotation handled":       {annotations: [2]string{"a", ""}, handled: [2]string{"a", ""}},
		"rotation asked again":   {annotations: [2]string{"b", ""}, handled: [2]string{"a", ""}, wantRotate: "b"},
		"revocation asked":       {annotations: [2]string{"", "x"}, wantRevoke: "x"},
		"both: revocation wins":  {annotations: [2]string{"a", "x"}, wantRevoke: "x"},
		"revoked, then rotation": {annotations: [2]string{"a", "x"}, handled: [2]string{"", "x"}, wantRotate: "a"},
		"annotation removed":     {handled: [2]string{"a", "x"}},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			realm := testRealm()
			realm.Annotations = map[string]string{v1alpha1.RotateKeysAnnotation: tc.annotations[0], v1alpha1.RevokeKeysAnnotation: tc.annotations[1]}
			realm.Status.HandledRotateKeys, realm.Status.HandledRevokeKeys = tc.handled[0], tc.handled[1]
			p := keyPolicy(realm, apps)
			if p.RotateRequest != tc.wantRotate || p.RevokeRequest != tc.wantRevoke {
				t.Errorf("requests = %q, %q, want %q, %q", p.RotateRequest, p.RevokeRequest, tc.wantRotate, tc.wantRevoke)
			}
			if diff := cmp.Diff([]string{"A256GCM", "ES256", "RS256"}, p.Algorithms); diff != "" {
				t.Errorf("algorithms (-want +got):\n%s", diff)
			}
			if p.LongestToken != time.Hour {
				t.Errorf("longest token %s, want the 1h of an application", p.LongestToken)
			}
		})
	}
}

func TestJudge(t *testing.T) {
	other := func(edit func(*v1alpha1.Realm)) v1alpha1.Realm {
		r := testRealm()
		r.Namespace, r.Name, r.UID = "beta", "beta", types.UID("other")
		r.Spec.Issuer = "https://beta.example.com"
		r.CreationTimestamp = metav1.NewTime(start.Add(-time.Hour))
		edit(r)
		return *r
	}
	tests := map[string]struct {
		other   v1alpha1.Realm
		edit    func(*v1alpha1.Realm)
		reason  string
		message string
	}{
		"another realm elsewhere": {other: other(func(*v1alpha1.Realm) {})},
		"older in the namespace": {other: other(func(r *v1alpha1.Realm) { r.Namespace = "acme" }), reason: v1alpha1.ReasonConflict,
			message: `Realm "beta" is older`},
		"younger in the namespace": {other: other(func(r *v1alpha1.Realm) {
			r.Namespace, r.CreationTimestamp = "acme", metav1.NewTime(start.Add(time.Hour))
		})},
		"same issuer": {other: other(func(r *v1alpha1.Realm) { r.Spec.Issuer = "https://id.example.com" }), reason: v1alpha1.ReasonConflict,
			message: "same issuer"},
		"overlapping prefix": {other: other(func(r *v1alpha1.Realm) { r.Spec.Kubernetes.UsernamePrefix = "acme:staff:" }), reason: v1alpha1.ReasonConflict,
			message: "overlap"},
		"http issuer": {other: other(func(*v1alpha1.Realm) {}), edit: func(r *v1alpha1.Realm) { r.Spec.Issuer = "http://id.example.com" },
			reason: v1alpha1.ReasonInvalid, message: "https"},
		"system prefix": {other: other(func(*v1alpha1.Realm) {}), edit: func(r *v1alpha1.Realm) { r.Namespace = "system" },
			reason: v1alpha1.ReasonInvalid, message: "reserved"},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			realm := testRealm()
			realm.UID = "self"
			if tc.edit != nil {
				tc.edit(realm)
			}
			problem := judge(realm, []v1alpha1.Realm{*realm, tc.other})
			switch {
			case problem == nil && tc.reason != "":
				t.Errorf("no problem, want %s", tc.reason)
			case problem != nil && (problem.Reason != tc.reason || !strings.Contains(problem.Message, tc.message)):
				t.Errorf("problem %s %q, want %s with %q", problem.Reason, problem.Message, tc.reason, tc.message)
			}
		})
	}
}

func TestKeysNowFollowsTheAPIServersClock(t *testing.T) {
	o := &observation{now: start, keys: []*keyring.Key{ringKey("a", "ES256", 3*time.Second, 0)}}
	if got, want := o.keysNow(), start.Add(3*time.Second); !got.Equal(want) {
		t.Errorf("a key from our future: keysNow = %s, want %s", got, want)
	}
	r := &Reconciler{Now: func() time.Time { return start.Add(time.Hour) }}
	o = &observation{now: start.Add(time.Hour)}
	r.learnSkew(o, start)
	if got := o.keysNow(); !got.Equal(start) {
		t.Errorf("our clock an hour ahead: keysNow = %s, want %s", got, start)
	}
	r.learnSkew(o, start.Add(time.Hour-time.Second))
	if o.skew != 0 {
		t.Errorf("a second of noise: skew = %s, want 0", o.skew)
	}
}
