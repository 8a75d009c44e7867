package kube_test

import (
	"context"
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	coordinationv1 "k8s.io/api/coordination/v1"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/util/wait"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/watchword-io/watchword/api/v1alpha1"
	"github.com/watchword-io/watchword/internal/store"
	"github.com/watchword-io/watchword/test/testenv"
)

// waitAuthorized returns when the authorizer knows the binding, a moment after it was made.
func waitAuthorized(t *testing.T, env *testenv.Environment, namespace string) {
	t.Helper()
	sessions := newStore(t, serverConfig(env)).Sessions()
	err := wait.PollUntilContextTimeout(t.Context(), 20*time.Millisecond, time.Minute, true, func(ctx context.Context) (bool, error) {
		_, err := sessions.Get(ctx, namespace, "s-nobody")
		return errors.Is(err, store.ErrNotFound), nil
	})
	if err != nil {
		t.Fatalf("wait until the server may read sessions: %v", err)
	}
}

func newSession(realm string) *store.Session {
	return &store.Session{
		Realm: realm, Name: store.NewSessionName(), User: "alice", Subject: "sub-of-alice", Method: v1alpha1.SessionPassword,
		AuthenticatedAt: time.Now(), ExpiresAt: time.Now().Add(time.Hour),
	}
}

// testStored: what others add to a Session stays, what is over tells so, and nothing that was used can be read from its marker.
func testStored(t *testing.T, env *testenv.Environment, realm string) {
	ctx, s := t.Context(), newStore(t, serverConfig(env))
	session := newSession(realm)
	if err := s.Sessions().Create(ctx, session); err != nil {
		t.Fatal(err)
	}
	object := &v1alpha1.Session{}
	name := client.ObjectKey{Namespace: realm, Name: session.Name}
	if err := env.Client.Get(ctx, name, object); err != nil {
		t.Fatal(err)
	}
	if object.Labels[v1alpha1.ComponentLabel] != v1alpha1.ComponentSession {
		t.Errorf("labels of the session are %v", object.Labels)
	}
	object.Labels["team"], object.Finalizers = "blue", []string{"example.com/keep"}
	if err := env.Client.Update(ctx, object); err != nil {
		t.Fatal(err)
	}
	_, err := store.Change(ctx, s.Sessions(), realm, session.Ref(), func(s *store.Session) (bool, error) {
		return s.Redeem(store.Grant{ID: "g1", ClientID: "kubernetes"}, time.Now())
	})
	if err != nil {
		t.Fatal(err)
	}
	if err := env.Client.Get(ctx, name, object); err != nil {
		t.Fatal(err)
	}
	if object.Labels["team"] != "blue" || !slices.Contains(object.Finalizers, "example.com/keep") || len(object.Spec.Grants) != 1 {
		t.Errorf("after an update the session is %+v %+v, want another's label and finalizer kept and the grant added", object.ObjectMeta, object.Spec)
	}
	if err := s.Sessions().Delete(ctx, realm, session.Name, session.UID); err != nil {
		t.Fatal(err)
	}
	if _, err := s.Sessions().Get(ctx, realm, session.Name); !errors.Is(err, store.ErrNotFound) {
		t.Errorf("a session that a finalizer keeps can still be used: %v", err)
	}

	until := time.Now().Add(90 * time.Second)
	if err := s.Once().Use(ctx, realm, store.OncePAR, "planted-secret", until); err != nil {
		t.Fatal(err)
	}
	var leases coordinationv1.LeaseList
	if err := env.Client.List(ctx, &leases, client.InNamespace(realm), client.MatchingLabels{v1alpha1.ComponentLabel: v1alpha1.ComponentOneTime}); err != nil {
		t.Fatal(err)
	}
	for _, lease := range leases.Items {
		end, err := time.Parse(time.RFC3339, lease.Annotations[v1alpha1.ExpiresAtAnnotation])
		if err != nil || strings.Contains(lease.String(), "planted-secret") || lease.Spec.LeaseDurationSeconds == nil {
			t.Errorf("marker %+v: %v; want an end and no value", lease, err)
		}
		if lease.Name == "once-"+store.OnceKey(realm, store.OncePAR, "planted-secret") && end.Before(until.Add(store.OnceMargin-time.Second)) {
			t.Errorf("a value used until %s is forgotten at %s, want the margin added", until, end)
		}
	}

	foreign := &corev1.ConfigMap{}
	foreign.Namespace, foreign.Name = realm, "device-"+store.DeviceKey("uid", "BCDFGHJK")
	if err := env.Client.Create(ctx, foreign); err != nil {
		t.Fatal(err)
	}
	if _, err := s.Devices().Get(ctx, realm, store.DeviceKey("uid", "BCDFGHJK")); !errors.Is(err, store.ErrNotFound) {
		t.Errorf("a ConfigMap without our label is a device authorization: %v", err)
	}
	if err := s.Devices().Delete(ctx, realm, store.DeviceKey("uid", "BCDFGHJK"), string(foreign.UID)); !apierrors.IsForbidden(err) {
		t.Errorf("delete somebody else's ConfigMap: %v, want a refusal by policy", err)
	}
}

// testOutage: trouble behind the store is none of the contract's errors, so that nobody is told that a good code was bad.
func testOutage(t *testing.T, env *testenv.Environment, realm string) {
	config := serverConfig(env)
	config.Host = "https://127.0.0.1:1" // nobody listens
	s, session := newStore(t, config), newSession(realm)
	request := &store.DeviceRequest{Realm: realm, Key: store.DeviceKey("uid", "x"), ExpiresAt: time.Now().Add(time.Minute)}
	for what, do := range map[string]func(context.Context) error{
		"create a session": func(ctx context.Context) error { return s.Sessions().Create(ctx, session) },
		"get a session":    func(ctx context.Context) error { _, err := s.Sessions().Get(ctx, realm, "s-1"); return err },
		"update a session": func(ctx context.Context) error { return s.Sessions().Update(ctx, session) },
		"delete a session": func(ctx context.Context) error { return s.Sessions().Delete(ctx, realm, "s-1", "1") },
		"use a value": func(ctx context.Context) error {
			return s.Once().Use(ctx, realm, store.OncePAR, "v", time.Now().Add(time.Minute))
		},
		"create a request": func(ctx context.Context) error { return s.Devices().Create(ctx, request) },
		"get a request":    func(ctx context.Context) error { _, err := s.Devices().Get(ctx, realm, request.Key); return err },
		"update a request": func(ctx context.Context) error { return s.Devices().Update(ctx, request) },
		"delete a request": func(ctx context.Context) error { return s.Devices().Delete(ctx, realm, request.Key, "1") },
		"change a session": func(ctx context.Context) error {
			_, err := store.Change(ctx, s.Sessions(), realm, session.Ref(), func(*store.Session) (bool, error) { return true, nil })
			return err
		},
	} {
		ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
		err := do(ctx)
		cancel()
		if err == nil {
			t.Errorf("%s without an API server succeeds", what)
		}
		for _, promised := range []error{store.ErrNotFound, store.ErrConflict, store.ErrExists, store.ErrUsed, store.ErrFull, store.ErrRefused} {
			if errors.Is(err, promised) {
				t.Errorf("%s without an API server: %v, which tells something about the object", what, err)
			}
		}
	}
}
