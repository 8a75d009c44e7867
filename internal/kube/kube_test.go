package kube

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/reconcile"

	"github.com/watchword-io/watchword/api/v1alpha1"
)

var start = time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC)

func TestNext(t *testing.T) {
	problem := errors.New("the author must act")
	tests := map[string]struct {
		problem  error
		wake     time.Time
		after    time.Duration
		terminal bool
	}{
		"nothing to do":             {},
		"problem":                   {problem: problem, terminal: true},
		"no Realm yet: wait":        {problem: RealmMissing("acme")},
		"time":                      {wake: start.Add(time.Hour), after: time.Hour},
		"time in the past: at once": {wake: start.Add(-time.Hour), after: time.Millisecond},
		"problem and time":          {problem: problem, wake: start.Add(time.Hour), after: time.Hour},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			result, err := Next(tc.problem, start, tc.wake)
			if result.RequeueAfter != tc.after {
				t.Errorf("requeue after %s, want %s", result.RequeueAfter, tc.after)
			}
			if terminal := errors.Is(err, reconcile.TerminalError(nil)); terminal != tc.terminal || (err != nil) != tc.terminal {
				t.Errorf("error %v, want a terminal one: %v", err, tc.terminal)
			}
		})
	}
}

func TestSooner(t *testing.T) {
	early, late, never := start, start.Add(time.Hour), time.Time{}
	tests := map[string]struct{ a, b, want time.Time }{
		"first":  {early, late, early},
		"second": {late, early, early},
		"never":  {never, never, never},
		"only a": {late, never, late},
		"only b": {never, late, late},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			if got := Sooner(tc.a, tc.b); !got.Equal(tc.want) {
				t.Errorf("Sooner = %s, want %s", got, tc.want)
			}
		})
	}
}

func TestQuiet(t *testing.T) {
	secrets := schema.GroupResource{Resource: "secrets"}
	other := errors.New("connection refused")
	tests := map[string]struct {
		err  error
		want error
	}{
		"conflict":       {apierrors.NewConflict(secrets, "a", errors.New("changed")), nil},
		"already exists": {apierrors.NewAlreadyExists(secrets, "a"), nil},
		"realm pending":  {fmt.Errorf("observe: %w", ErrRealmPending), nil},
		"anything else":  {other, other},
		"no error":       {nil, nil},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			given := ctrl.Result{RequeueAfter: time.Hour}
			result, err := Quiet(given, tc.err)
			if !errors.Is(err, tc.want) {
				t.Errorf("error %v, want %v", err, tc.want)
			}
			if retried := result != given; retried != (tc.err != nil && tc.want == nil) {
				t.Errorf("result %+v, want a quick retry of lost writes only", result)
			}
		})
	}
}

func TestBlocked(t *testing.T) {
	secrets := schema.GroupResource{Resource: "secrets"}
	invalid := apierrors.NewInvalid(schema.GroupKind{Kind: "Secret"}, "long-name", nil)
	invalid.ErrStatus.Message = "data: hunter2 is invalid"
	tests := map[string]struct {
		err     error
		blocked bool
		reason  string
		message string
		retry   bool
	}{
		"taken":         {&ForeignError{Kind: "Secret", Name: "a"}, true, "SecretConflict", `Secret "a" exists and was not made by Watchword`, false},
		"forbidden":     {apierrors.NewForbidden(secrets, "a", errors.New("no label")), true, "WriteForbidden", "no label", true},
		"invalid":       {invalid, true, "WriteInvalid", `"long-name"`, true},
		"outage":        {errors.New("connection refused"), false, "", "", false},
		"conflict":      {apierrors.NewConflict(secrets, "a", errors.New("changed")), false, "", "", false},
		"no error":      {nil, false, "", "", false},
		"server is ill": {apierrors.NewInternalError(errors.New("etcd")), false, "", "", false},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			verdict, retry, blocked := Blocked(tc.err, start)
			if blocked != tc.blocked || verdict.Reason != tc.reason || !strings.Contains(verdict.Message, tc.message) || verdict.OK {
				t.Errorf("Blocked = %+v, %v, want %s with %q, %v", verdict, blocked, tc.reason, tc.message, tc.blocked)
			}
			if strings.Contains(verdict.Message, "hunter2") {
				t.Error("the message quotes what was refused")
			}
			if retry.After(start) != tc.retry {
				t.Errorf("retry at %s, want one: %v", retry, tc.retry)
			}
		})
	}
}

func TestOwnedBy(t *testing.T) {
	yes := true
	owner := &v1alpha1.User{ObjectMeta: metav1.ObjectMeta{Name: "alice", UID: "uid-1"}}
	reference := metav1.OwnerReference{APIVersion: v1alpha1.GroupVersion.String(), Kind: "User", Name: "alice", UID: "uid-1", Controller: &yes}
	with := func(edit func(*metav1.OwnerReference)) *corev1.Secret {
		ref := reference
		edit(&ref)
		return &corev1.Secret{ObjectMeta: metav1.ObjectMeta{OwnerReferences: []metav1.OwnerReference{ref}}}
	}
	tests := map[string]struct {
		secret *corev1.Secret
		owned  bool
		name   string
	}{
		"nobody's":              {&corev1.Secret{}, false, ""},
		"hers":                  {with(func(*metav1.OwnerReference) {}), true, "alice"},
		"of her predecessor":    {with(func(r *metav1.OwnerReference) { r.UID = "uid-0" }), false, "alice"},
		"not as controller":     {with(func(r *metav1.OwnerReference) { r.Controller = nil }), false, ""},
		"of another group":      {with(func(r *metav1.OwnerReference) { r.APIVersion, r.UID = "example.com/v1", "uid-2" }), false, ""},
		"of another kind of us": {with(func(r *metav1.OwnerReference) { r.Kind, r.UID = "Realm", "uid-2" }), false, ""},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			if got := Owned(tc.secret, owner); got != tc.owned {
				t.Errorf("Owned = %v, want %v", got, tc.owned)
			}
			if got := OwnedBy(tc.secret, "User"); got != tc.name {
				t.Errorf("OwnedBy = %q, want %q", got, tc.name)
			}
		})
	}
}

func TestServes(t *testing.T) {
	realm := func(reason string) *v1alpha1.Realm {
		return &v1alpha1.Realm{Status: v1alpha1.RealmStatus{Conditions: []metav1.Condition{{Type: v1alpha1.ReadyCondition, Reason: reason}}}}
	}
	tests := map[string]struct {
		realm *v1alpha1.Realm
		want  bool
	}{
		"not looked at yet":   {&v1alpha1.Realm{}, false},
		"ready":               {realm(v1alpha1.ReasonReady), true},
		"certificate expired": {realm("CertificateExpired"), true},
		"conflict":            {realm(v1alpha1.ReasonConflict), false},
		"invalid":             {realm(v1alpha1.ReasonInvalid), false},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			if got := Serves(tc.realm); got != tc.want {
				t.Errorf("Serves = %v, want %v", got, tc.want)
			}
		})
	}
}
