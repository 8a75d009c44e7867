package clientapplication

import (
	"testing"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/watchword-io/watchword/api/v1alpha1"
	"github.com/watchword-io/watchword/internal/credential"
)

var start = time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC)

func testApp() *v1alpha1.ClientApplication {
	return &v1alpha1.ClientApplication{
		ObjectMeta: metav1.ObjectMeta{Namespace: "acme", Name: "ci", Generation: 2},
		Spec: v1alpha1.ClientApplicationSpec{
			Type: v1alpha1.ClientConfidential, GrantTypes: []v1alpha1.GrantType{v1alpha1.GrantClientCredentials},
		},
	}
}

func TestRotate(t *testing.T) {
	hour := &metav1.Duration{Duration: time.Hour}
	live := credential.ClientSecrets{ClientID: "ci", Current: "one", RotatedAt: start}
	inOverlap := credential.ClientSecrets{
		ClientID: "ci", Current: "two", Previous: "one", RotatedAt: start, PreviousExpiresAt: start.Add(24 * time.Hour), Request: "a",
	}
	tests := map[string]struct {
		now     credential.ClientSecrets
		at      time.Duration
		spec    *v1alpha1.ClientSecret
		asked   string
		handled string

		renewed  bool
		previous string
		request  string
		wake     time.Duration // after start; 0: never
	}{
		"first secret":                  {renewed: true},
		"first secret fulfils requests": {asked: "a", renewed: true, request: "a"},
		"at rest":                       {now: live, at: time.Hour},
		"asked":                         {now: live, at: time.Hour, asked: "a", renewed: true, previous: "one", request: "a", wake: 25 * time.Hour},
		"asked and done, status not written": {now: inOverlap, at: time.Hour, asked: "a", previous: "one", request: "a",
			wake: 24 * time.Hour},
		"asked and done, Secret made again since": {now: live, at: time.Hour, asked: "a", handled: "a"},
		"asked again during the overlap: two secrets live, not three": {now: inOverlap, at: time.Hour, asked: "b", renewed: true, previous: "two",
			request: "b", wake: 25 * time.Hour},
		"overlap over": {now: inOverlap, at: 24 * time.Hour, asked: "a", request: "a"},
		"no overlap":   {now: live, at: time.Hour, asked: "a", spec: &v1alpha1.ClientSecret{Overlap: &metav1.Duration{}}, renewed: true, request: "a"},
		"period not over": {now: live, at: 59 * time.Minute, spec: &v1alpha1.ClientSecret{RotationPeriod: hour},
			wake: time.Hour},
		"period over": {now: live, at: time.Hour, spec: &v1alpha1.ClientSecret{RotationPeriod: hour, Overlap: &metav1.Duration{Duration: 10 * time.Minute}},
			renewed: true, previous: "one", wake: 70 * time.Minute},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			app := testApp()
			app.Spec.Secret = tc.spec
			app.Annotations = map[string]string{v1alpha1.RotateSecretAnnotation: tc.asked}
			app.Status.HandledRotateSecret = tc.handled
			now := start.Add(tc.at)
			got, wake := rotate(tc.now, app, now)
			if renewed := got.Current != tc.now.Current; renewed != tc.renewed {
				t.Errorf("a new secret was made: %v, want %v", renewed, tc.renewed)
			}
			if tc.renewed && !got.RotatedAt.Equal(now) {
				t.Errorf("rotated at %s, want %s", got.RotatedAt, now)
			}
			if got.Previous != tc.previous || got.Request != tc.request || got.ClientID != "ci" {
				t.Errorf("secrets = %+v, want previous %q and request %q of ci", got, tc.previous, tc.request)
			}
			if (got.Previous == "") != got.PreviousExpiresAt.IsZero() {
				t.Errorf("previous %q ends at %s: both or none", got.Previous, got.PreviousExpiresAt)
			}
			want := time.Time{}
			if tc.wake != 0 {
				want = start.Add(tc.wake)
			}
			if !wake.Equal(want) {
				t.Errorf("wake at %s, want %s", wake, want)
			}
			if again, _ := rotate(got, app, now); again != got {
				t.Errorf("rotating again at once gives %+v, want %+v", again, got)
			}
		})
	}
}
