package kube_test

import (
	"net/http"
	"slices"
	"testing"
	"time"

	"github.com/watchword-io/watchword/internal/store"
	"github.com/watchword-io/watchword/internal/store/kube"
	"github.com/watchword-io/watchword/test/testenv"
)

// ledger notes the methods of the requests that pass.
type ledger struct {
	http.RoundTripper

	methods *[]string
}

// RoundTrip implements http.RoundTripper.
func (l ledger) RoundTrip(r *http.Request) (*http.Response, error) {
	*l.methods = append(*l.methods, r.Method)
	return l.RoundTripper.RoundTrip(r)
}

// testCosts: what each step of a person's day costs the API server.
func testCosts(t *testing.T, env *testenv.Environment, realm string) {
	var methods []string
	config := serverConfig(env)
	config.Wrap(func(rt http.RoundTripper) http.RoundTripper { return ledger{rt, &methods} })
	s, err := kube.New(config, time.Now)
	if err != nil {
		t.Fatal(err)
	}
	session := newSession(realm)
	rule := func(rule func(*store.Session) (bool, error)) func() error {
		return func() error {
			_, err := store.Change(t.Context(), s.Sessions(), realm, session.Ref(), rule)
			return err
		}
	}
	refresh := rule(func(s *store.Session) (bool, error) {
		return s.Rotate("g", "kubernetes", 1, time.Now(), store.RefreshGrace)
	})
	for _, step := range []struct {
		what string
		do   func() error
		want []string
	}{
		{"login", func() error { return s.Sessions().Create(t.Context(), session) }, []string{"POST"}},
		{"code", rule(func(s *store.Session) (bool, error) {
			return s.Redeem(store.Grant{ID: "g", ClientID: "kubernetes"}, time.Now())
		}), []string{"GET", "PATCH"}},
		{"refresh", refresh, []string{"GET", "PATCH"}},
		{"refresh at the same time", refresh, []string{"GET"}},
		{"introspection", rule(func(s *store.Session) (bool, error) {
			_, err := s.Usable("g", "kubernetes", time.Now())
			return false, err
		}), []string{"GET"}},
		{"pushed request", func() error {
			return s.Once().Use(t.Context(), realm, store.OncePAR, session.Name, time.Now().Add(time.Minute))
		}, []string{"POST"}},
		{"sign-out", func() error { return s.Sessions().Delete(t.Context(), realm, session.Name, session.UID) }, []string{"DELETE"}},
	} {
		methods = nil
		if err := step.do(); err != nil || !slices.Equal(methods, step.want) {
			t.Errorf("%s made the requests %v with error %v, want %v", step.what, methods, err, step.want)
		}
	}
}
