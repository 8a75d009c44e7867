package user

import (
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/watchword-io/watchword/api/v1alpha1"
	"github.com/watchword-io/watchword/internal/credential"
	"github.com/watchword-io/watchword/internal/kube"
	"github.com/watchword-io/watchword/internal/validate"
)

var start = time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC)

func testUser() *v1alpha1.User {
	return &v1alpha1.User{
		ObjectMeta: metav1.ObjectMeta{Namespace: "acme", Name: "alice", UID: "uid-1", Generation: 2},
		Spec:       v1alpha1.UserSpec{Email: "alice@example.com", Username: "alice", Groups: []string{"researchers"}},
	}
}

func TestComputeStatus(t *testing.T) {
	set := kube.Verdict{OK: true, Reason: reasonPasswordSet, Message: "set"}
	record := credential.Record{Hash: "$argon2id$", ChangedAt: start.Add(-time.Hour)}
	temporary := record
	temporary.MustChangeBy = start.Add(time.Hour)
	handed := &corev1.Secret{ObjectMeta: metav1.ObjectMeta{Name: "alice-temporary-password"}}
	tests := map[string]struct {
		o           observation
		disabled    bool
		ready       string // status and reason
		passwordSet string
		changed     bool
		temporary   bool
	}{
		"password set": {o: observation{record: record, password: set}, ready: "True Ready", passwordSet: "True PasswordSet", changed: true},
		"conflict, password from before": {o: observation{record: record, problem: &validate.Problem{Reason: v1alpha1.ReasonConflict, Message: "older"}},
			ready: "False Conflict", passwordSet: "True Conflict", changed: true},
		"no realm": {o: observation{problem: kube.RealmMissing("acme")}, ready: "False RealmMissing", passwordSet: "False RealmMissing"},
		"secret missing, old password stays": {o: observation{record: record, password: kube.Verdict{Reason: reasonSecretMissing, Message: "create it"}},
			ready: "False PasswordSecretMissing", passwordSet: "False PasswordSecretMissing", changed: true},
		"temporary": {o: observation{record: temporary, temporary: handed, password: kube.Verdict{OK: true, Reason: reasonTemporaryPassword, Message: "m"}},
			ready: "True Ready", passwordSet: "True TemporaryPassword", changed: true, temporary: true},
		"temporary, Secret taken away": {o: observation{record: temporary, password: kube.Verdict{OK: true, Reason: reasonTemporaryPassword, Message: "m"}},
			ready: "True Ready", passwordSet: "True TemporaryPassword", changed: true},
		"temporary expired": {o: observation{record: credential.Record{MustChangeBy: start}, password: kube.Verdict{Reason: reasonTemporaryPasswordExpired, Message: "m"}},
			ready: "False TemporaryPasswordExpired", passwordSet: "False TemporaryPasswordExpired"},
		"disabled": {o: observation{record: record, password: set}, disabled: true, ready: "True Disabled", passwordSet: "True PasswordSet", changed: true},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			user := testUser()
			user.Spec.Disabled = tc.disabled
			tc.o.now, tc.o.user = start, user
			computeStatus(user, &tc.o)
			once := user.DeepCopy()
			computeStatus(user, &tc.o)
			if diff := cmp.Diff(once.Status, user.Status); diff != "" {
				t.Errorf("the same observation gives another status (-first +second):\n%s", diff)
			}
			for kind, want := range map[string]string{v1alpha1.ReadyCondition: tc.ready, v1alpha1.PasswordSetCondition: tc.passwordSet} {
				c := meta.FindStatusCondition(user.Status.Conditions, kind)
				if c == nil || string(c.Status)+" "+c.Reason != want || c.ObservedGeneration != 2 {
					t.Errorf("%s = %+v, want %s about generation 2", kind, c, want)
				}
			}
			if got := user.Status.PasswordChangedAt != nil; got != tc.changed {
				t.Errorf("passwordChangedAt is set: %v, want %v", got, tc.changed)
			}
			if got := user.Status.TemporaryPassword != nil; got != tc.temporary {
				t.Errorf("temporaryPassword is set: %v, want %v", got, tc.temporary)
			}
			if user.Status.Username != "alice" || user.Status.Subject != "uid-1" {
				t.Errorf("username %q and subject %q, want alice and uid-1", user.Status.Username, user.Status.Subject)
			}
		})
	}
}

// TestEndOfAPassword: sessions end by when the password last changed, so that must stay when there is no password any more. A password that
// was reset because somebody else knew it would let him in again as soon as the temporary one ends unused, or its record is deleted.
func TestEndOfAPassword(t *testing.T) {
	reset := credential.Record{Hash: "$argon2id$", ChangedAt: start.Add(-time.Hour), MustChangeBy: start}
	ended := reset
	ended.Hash = ""
	for name, after := range map[string]credential.Record{"temporary password over": ended, "record deleted": {}} {
		t.Run(name, func(t *testing.T) {
			user := testUser()
			for _, record := range []credential.Record{reset, after} {
				computeStatus(user, &observation{now: start, user: user, record: record})
			}
			if at := user.Status.PasswordChangedAt; at == nil || !at.Time.Equal(reset.ChangedAt) {
				t.Errorf("passwordChangedAt = %v; want %s", at, reset.ChangedAt)
			}
		})
	}
}

func TestResetAsked(t *testing.T) {
	tests := map[string]struct {
		annotation, status, record, want string
	}{
		"never":                       {},
		"asked":                       {annotation: "a", want: "a"},
		"done, status not written":    {annotation: "a", record: "a"},
		"done":                        {annotation: "a", status: "a", record: "a"},
		"asked again":                 {annotation: "b", status: "a", record: "a", want: "b"},
		"annotation removed":          {status: "a", record: "a"},
		"done, record replaced since": {annotation: "a", status: "a"},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			user := testUser()
			user.Annotations = map[string]string{v1alpha1.ResetPasswordAnnotation: tc.annotation}
			user.Status.HandledResetPassword = tc.status
			o := &observation{user: user, record: credential.Record{Request: tc.record}}
			if got := o.resetAsked(); got != tc.want {
				t.Errorf("resetAsked = %q, want %q", got, tc.want)
			}
		})
	}
}

func TestForgive(t *testing.T) {
	failed := func(at time.Duration) *v1alpha1.FailedLogins {
		until := metav1.NewTime(start.Add(time.Hour))
		return &v1alpha1.FailedLogins{Count: 5, Since: metav1.NewTime(start.Add(at)), LockedUntil: &until}
	}
	for name, tc := range map[string]struct {
		failed           *v1alpha1.FailedLogins
		unlock, handled  string
		changed          time.Time
		want             bool
		wantHandled      string
		wantKnownDevices bool
	}{
		"nothing tried":                     {},
		"tried":                             {failed: failed(0), want: true, wantKnownDevices: true},
		"unlock":                            {failed: failed(0), unlock: "a", wantHandled: "a"},
		"unlocked before":                   {failed: failed(0), unlock: "a", handled: "a", want: true, wantHandled: "a", wantKnownDevices: true},
		"unlock again":                      {failed: failed(0), unlock: "b", handled: "a", wantHandled: "b"},
		"annotation removed":                {failed: failed(0), handled: "a", want: true, wantHandled: "a", wantKnownDevices: true},
		"password older than the first try": {failed: failed(0), changed: start.Add(-time.Hour), want: true, wantKnownDevices: true},
		"password changed since":            {failed: failed(0), changed: start.Add(time.Second)},
		"password changed between the two counts": {failed: failed(time.Minute), changed: start.Add(time.Second), want: true},
	} {
		t.Run(name, func(t *testing.T) {
			user := testUser()
			user.Annotations = map[string]string{v1alpha1.UnlockAnnotation: tc.unlock}
			user.Status.FailedLogins, user.Status.HandledUnlock = tc.failed, tc.handled
			if tc.failed != nil {
				user.Status.FailedLoginsKnownDevice = failed(0)
			}
			o := &observation{now: start, user: user, record: credential.Record{Hash: "$argon2id$", ChangedAt: tc.changed}}
			computeStatus(user, o)
			s := user.Status
			if (s.FailedLogins != nil) != tc.want || (s.FailedLoginsKnownDevice != nil) != tc.wantKnownDevices || s.HandledUnlock != tc.wantHandled {
				t.Errorf("failedLogins %v, failedLoginsKnownDevice %v, handledUnlock %q; want kept: %t, %t, %q",
					s.FailedLogins, s.FailedLoginsKnownDevice, s.HandledUnlock, tc.want, tc.wantKnownDevices, tc.wantHandled)
			}
		})
	}
}

func TestActiveRoles(t *testing.T) {
	at := func(d time.Duration) *metav1.Time { v := metav1.NewTime(start.Add(d)); return &v }
	rule := func(role string, from, to *metav1.Time) v1alpha1.AccessRule {
		return v1alpha1.AccessRule{Spec: v1alpha1.AccessRuleSpec{
			Subject: v1alpha1.AccessRuleSubject{Kind: v1alpha1.SubjectUser, Name: "alice"}, Role: role,
			Scope: v1alpha1.AccessRuleScope{Cluster: true}, NotBefore: from, ExpiresAt: to,
		}}
	}
	broken := rule("broken", nil, nil)
	broken.Spec.Subject.Name = "system:admin"
	tests := map[string]struct {
		rules []v1alpha1.AccessRule
		want  []string
		wake  time.Time
	}{
		"none":               {},
		"sorted, each once":  {rules: []v1alpha1.AccessRule{rule("b", nil, nil), rule("a", nil, nil), rule("b", nil, nil)}, want: []string{"a", "b"}},
		"not yet":            {rules: []v1alpha1.AccessRule{rule("a", at(time.Hour), nil)}, want: []string{}, wake: start.Add(time.Hour)},
		"expired":            {rules: []v1alpha1.AccessRule{rule("a", nil, at(-time.Hour))}, want: []string{}},
		"ends, the sooner":   {rules: []v1alpha1.AccessRule{rule("a", nil, at(2*time.Hour)), rule("b", nil, at(time.Hour))}, want: []string{"a", "b"}, wake: start.Add(time.Hour)},
		"refused rule":       {rules: []v1alpha1.AccessRule{broken}, want: []string{}},
		"more than the list": {rules: many(rule, 70), want: nil},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			got, wake := activeRoles(tc.rules, start)
			if len(tc.rules) > maxRoles {
				if len(got) != maxRoles {
					t.Errorf("%d roles listed, want %d", len(got), maxRoles)
				}
				return
			}
			if strings.Join(got, ",") != strings.Join(tc.want, ",") {
				t.Errorf("roles %v, want %v", got, tc.want)
			}
			if !wake.Equal(tc.wake) {
				t.Errorf("wake at %s, want %s", wake, tc.wake)
			}
		})
	}
}

func many(rule func(string, *metav1.Time, *metav1.Time) v1alpha1.AccessRule, n int) []v1alpha1.AccessRule {
	var rules []v1alpha1.AccessRule
	for i := range n {
		rules = append(rules, rule("role-"+strings.Repeat("x", i), nil, nil))
	}
	return rules
}

func TestSourceValue(t *testing.T) {
	ref := v1alpha1.SecretKeyReference{Name: "source", Key: "password"}
	tests := map[string]struct {
		secret *corev1.Secret
		reason string
	}{
		"missing":   {nil, reasonSecretMissing},
		"wrong key": {&corev1.Secret{Data: map[string][]byte{"Password": []byte("secret-value")}}, reasonKeyMissing},
		"empty":     {&corev1.Secret{Data: map[string][]byte{"password": nil}}, reasonPasswordEmpty},
		"good":      {&corev1.Secret{Data: map[string][]byte{"password": []byte("secret-value")}}, ""},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			value, problem := sourceValue(ref, tc.secret)
			switch {
			case tc.reason == "" && (problem != nil || string(value) != "secret-value"):
				t.Errorf("sourceValue = %q, %+v, want the value", value, problem)
			case tc.reason != "" && (problem == nil || problem.Reason != tc.reason || strings.Contains(problem.Message, "secret-value")):
				t.Errorf("problem = %+v, want %s without the value", problem, tc.reason)
			}
		})
	}
}
