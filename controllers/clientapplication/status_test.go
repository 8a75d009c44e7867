package clientapplication

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/watchword-io/watchword/api/v1alpha1"
	"github.com/watchword-io/watchword/internal/credential"
	"github.com/watchword-io/watchword/internal/kube"
	"github.com/watchword-io/watchword/internal/validate"
)

func TestComputeStatus(t *testing.T) {
	realm := &v1alpha1.Realm{Spec: v1alpha1.RealmSpec{Grants: []v1alpha1.GrantType{v1alpha1.GrantClientCredentials, v1alpha1.GrantRefreshToken}}}
	made := kube.Verdict{OK: true, Reason: "Ready", Message: "in Secret"}
	tests := map[string]struct {
		o        observation
		grants   []v1alpha1.GrantType
		disabled bool
		ready    string
		message  string
		secret   string
	}{
		"ready": {o: observation{verdict: made}, ready: "True Ready", message: "gets tokens by client_credentials", secret: "ci-client-secret"},
		"some grants unusable": {o: observation{verdict: made}, ready: "True Ready", secret: "ci-client-secret",
			grants:  []v1alpha1.GrantType{v1alpha1.GrantClientCredentials, v1alpha1.GrantPassword, v1alpha1.GrantRefreshToken},
			message: "gets tokens by client_credentials, refresh_token; password is not in spec.grants of the Realm; add it there or remove it here"},
		"no grant usable": {o: observation{verdict: made}, grants: []v1alpha1.GrantType{v1alpha1.GrantPassword}, ready: "False NoUsableGrant",
			message: "password is not in spec.grants", secret: "ci-client-secret"},
		"nothing to refresh": {o: observation{verdict: made}, grants: []v1alpha1.GrantType{v1alpha1.GrantRefreshToken}, ready: "False NoUsableGrant",
			message: "renews what another grant gave", secret: "ci-client-secret"},
		"disabled": {o: observation{verdict: made}, disabled: true, ready: "True Disabled", message: "gets no tokens", secret: "ci-client-secret"},
		"secret taken": {o: observation{verdict: kube.Verdict{Reason: "SecretConflict", Message: "taken"}}, ready: "False SecretConflict",
			message: "taken"},
		"conflict keeps what was": {o: observation{problem: &validate.Problem{Reason: v1alpha1.ReasonConflict, Message: "older"}},
			ready: "False Conflict", message: "older", secret: "before"},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			app := testApp()
			app.Spec.Disabled = tc.disabled
			app.Status.SecretName = "before"
			if tc.grants != nil {
				app.Spec.GrantTypes = tc.grants
			}
			tc.o.now, tc.o.app, tc.o.realm = start, app, realm
			tc.o.secrets = credential.ClientSecrets{RotatedAt: start}
			computeStatus(app, &tc.o)
			once := app.DeepCopy()
			computeStatus(app, &tc.o)
			if diff := cmp.Diff(once.Status, app.Status); diff != "" {
				t.Errorf("the same observation gives another status (-first +second):\n%s", diff)
			}
			ready := meta.FindStatusCondition(app.Status.Conditions, v1alpha1.ReadyCondition)
			if string(ready.Status)+" "+ready.Reason != tc.ready || !strings.Contains(ready.Message, tc.message) {
				t.Errorf("Ready = %s %s %q, want %s with %q", ready.Status, ready.Reason, ready.Message, tc.ready, tc.message)
			}
			if app.Status.SecretName != tc.secret || app.Status.ClientID != "ci" {
				t.Errorf("secret %q of client %q, want %q of ci", app.Status.SecretName, app.Status.ClientID, tc.secret)
			}
		})
	}
}

func TestJudge(t *testing.T) {
	realm := &v1alpha1.Realm{}
	elder := &v1alpha1.ClientApplication{ObjectMeta: metav1.ObjectMeta{Name: "first"}}
	tests := map[string]struct {
		edit   func(*v1alpha1.ClientApplication)
		realm  *v1alpha1.Realm
		elder  *v1alpha1.ClientApplication
		reason string
	}{
		"good":           {realm: realm},
		"no realm":       {reason: v1alpha1.ReasonRealmMissing},
		"client ID used": {realm: realm, elder: elder, reason: v1alpha1.ReasonConflict},
		"public with client_credentials": {realm: realm, reason: v1alpha1.ReasonInvalid,
			edit: func(a *v1alpha1.ClientApplication) { a.Spec.Type = v1alpha1.ClientPublic }},
		"keys that are none": {realm: realm, reason: v1alpha1.ReasonInvalid, edit: func(a *v1alpha1.ClientApplication) {
			a.Spec.Authentication = &v1alpha1.ClientAuthentication{PrivateKeyJWT: &v1alpha1.PrivateKeyJWT{JWKS: "x"}}
		}},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			app := testApp()
			if tc.edit != nil {
				tc.edit(app)
			}
			got := ""
			if problem := judge(app, tc.realm, tc.elder); problem != nil {
				got = problem.Reason
			}
			if got != tc.reason {
				t.Errorf("reason %q, want %q", got, tc.reason)
			}
		})
	}
}
