package kube_test

import (
	"errors"
	"net/http"
	"testing"
	"time"

	"github.com/watchword-io/watchword/internal/store"
	"github.com/watchword-io/watchword/internal/store/kube"
	"github.com/watchword-io/watchword/test/testenv"
)

// testFull: strangers who ask for device codes in a realm that is full cost the API server one list a second, however many they are.
// The suite before it has left the realm so.
func testFull(t *testing.T, env *testenv.Environment, realm string) {
	var methods []string
	config := serverConfig(env)
	config.Wrap(func(rt http.RoundTripper) http.RoundTripper { return ledger{rt, &methods} })
	now := time.Now()
	s, err := kube.New(config, func() time.Time { return now })
	if err != nil {
		t.Fatal(err)
	}
	ask := func() error {
		return s.Devices().Create(t.Context(), &store.DeviceRequest{
			Realm: realm, Key: store.DeviceKey("uid", string(store.NewCodeID())), GrantID: "g", ClientID: "kubernetes",
			Interval: 5 * time.Second, ExpiresAt: now.Add(10 * time.Minute),
		})
	}
	for range 500 {
		if err := ask(); !errors.Is(err, store.ErrFull) {
			t.Fatalf("ask in a realm that is full: %v, want ErrFull", err)
		}
	}
	if n := len(methods); n != 1 {
		t.Errorf("500 strangers made %d requests, want 1", n)
	}
	now = now.Add(time.Second)
	if err := ask(); !errors.Is(err, store.ErrFull) || len(methods) != 2 {
		t.Errorf("ask a second later: %v with %d requests in all, want ErrFull with 2", err, len(methods))
	}
	now = now.Add(11 * time.Minute)
	before := len(methods)
	for range 20 {
		if err := ask(); err != nil {
			t.Fatalf("ask when all others have expired: %v", err)
		}
	}
	if n := len(methods) - before; n != 21 {
		t.Errorf("20 requests for device codes made %d requests to the API server, want 20 writes and a list", n)
	}
}
