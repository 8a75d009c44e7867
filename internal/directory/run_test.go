package directory_test

import (
	"context"
	"fmt"
	"testing"
	"time"

	"github.com/go-logr/logr/testr"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/wait"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/controller/controllerutil"

	"github.com/watchword-io/watchword/api/v1alpha1"
	"github.com/watchword-io/watchword/internal/credential"
	"github.com/watchword-io/watchword/internal/directory"
	"github.com/watchword-io/watchword/internal/keyring"
	"github.com/watchword-io/watchword/internal/seal"
	"github.com/watchword-io/watchword/test/testenv"
)

// TestFollowsTheAPIServer walks one realm's life on a real API server: what is written there is found here, with nothing but
// watches in between.
func TestFollowsTheAPIServer(t *testing.T) {
	env := testenv.StartT(t, testenv.Options{})
	namespace, err := env.CreateNamespace(t.Context(), "realm")
	if err != nil {
		t.Fatal(err)
	}
	source, err := directory.NewSource(env.RESTConfig())
	if err != nil {
		t.Fatal(err)
	}
	d := directory.New(directory.Config{Namespaces: []string{namespace}, Log: testr.New(t)})
	ctx, stop := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	s := &steps{T: t, client: env.Client, namespace: namespace, directory: d}

	// A page and a half of people are there before the directory starts.
	for i := range 750 {
		s.create(&v1alpha1.User{ObjectMeta: s.named(fmt.Sprintf("person-%d", i)), Spec: v1alpha1.UserSpec{Email: fmt.Sprintf("p%d@example.com", i)}})
	}
	go func() { ended <- d.Run(ctx, source) }()
	s.until("the directory has synced", d.HasSynced)

	realm := &v1alpha1.Realm{ObjectMeta: s.named("main"), Spec: v1alpha1.RealmSpec{Issuer: "https://id.example.com/realms/" + namespace}}
	s.create(realm)
	s.until("the realm serves", func() bool { return s.realm() != nil })
	if user, _ := s.realm().User("P700@example.com"); user == nil || user.Name() != "person-700" {
		t.Errorf("User(P700@example.com) = %v; want person-700 of the first list", user)
	}

	key, err := keyring.Generate("ES256", 0)
	if err != nil {
		t.Fatal(err)
	}
	secret, err := key.Secret(realm)
	if err != nil {
		t.Fatal(err)
	}
	s.own(realm, secret)
	s.create(secret)
	s.until("the key signs", func() bool { _, ok := s.realm().Signing("", time.Now().Add(time.Second)); return ok })

	s.seals(realm)

	alice := &v1alpha1.User{ObjectMeta: s.named("alice"), Spec: v1alpha1.UserSpec{Email: "alice@example.com", Groups: []string{"researchers"}}}
	s.create(alice)
	s.until("alice is found", func() bool { u, _ := s.realm().User("alice@example.com"); return u != nil })
	if _, err := source.Credential(t.Context(), namespace, "alice", alice.UID); err == nil {
		t.Error("alice has a credential before anybody made one")
	}
	password := &corev1.Secret{ObjectMeta: s.named(credential.SecretName("alice")), Data: credential.Record{Hash: "$2a$", Subject: "x"}.Data()}
	s.own(alice, password)
	s.create(password)
	if record, err := source.Credential(t.Context(), namespace, "alice", alice.UID); err != nil || record.Subject != "x" {
		t.Errorf("Credential(alice) = %+v, %v; want the record just written", record, err)
	}
	if _, err := source.Credential(t.Context(), namespace, "alice", "another-uid"); err == nil {
		t.Error("a Secret owned by another User opened alice's account")
	}

	alice.Spec.Disabled = true
	if err := env.Client.Update(t.Context(), alice); err != nil {
		t.Fatal(err)
	}
	s.until("alice is disabled", func() bool { u, _ := s.realm().User("alice@example.com"); return u != nil && u.Disabled() })
	if err := env.Client.Delete(t.Context(), alice); err != nil {
		t.Fatal(err)
	}
	s.until("alice is gone", func() bool { u, _ := s.realm().User("alice@example.com"); return u == nil })

	s.givenCertificate(realm)
	for _, stats := range d.Stats() {
		if stats.Heard.IsZero() {
			t.Errorf("%s was listed and watched, but Heard is zero", stats.Resource)
		}
	}
	stop()
	if err := <-ended; err != nil {
		t.Errorf("Run = %v; want nil when its context ends", err)
	}
}

// seals: a value sealed under one key opens after the next one has taken over, and not after its own is gone.
func (s *steps) seals(realm *v1alpha1.Realm) {
	s.Helper()
	if _, ok := s.realm().Box(time.Now()); ok {
		s.Error("there is a box before there is a key")
	}
	var secrets []*corev1.Secret
	for range 2 {
		key, err := keyring.Generate(keyring.A256GCM, 0)
		if err != nil {
			s.Fatal(err)
		}
		secret, err := key.Secret(realm)
		if err != nil {
			s.Fatal(err)
		}
		s.own(realm, secret)
		secrets = append(secrets, secret)
	}
	now := func() time.Time { return time.Now().Add(time.Second) }
	opens := func(sealed string) bool {
		box, ok := s.realm().Box(now())
		if !ok {
			return false
		}
		_, err := box.Open(seal.Code, sealed, now())
		return err == nil
	}
	s.create(secrets[0])
	s.until("the first key seals", func() bool { _, ok := s.realm().Box(now()); return ok })
	box, _ := s.realm().Box(now())
	sealed := box.Seal(seal.Code, time.Now().Add(time.Hour), []byte("state"))
	s.create(secrets[1])
	s.until("the second key is known", func() bool { return len(s.realm().Ring.Keys(keyring.A256GCM)) == 2 })
	if !opens(sealed) {
		s.Error("what the first key sealed does not open once there is a second")
	}
	if err := s.client.Delete(s.Context(), secrets[0]); err != nil {
		s.Fatal(err)
	}
	s.until("the first key is gone", func() bool { return len(s.realm().Ring.Keys(keyring.A256GCM)) == 1 })
	if opens(sealed) {
		s.Error("what a revoked key sealed still opens")
	}
}

// givenCertificate: a Realm that brings its own certificate, in a Secret without any label of ours.
func (s *steps) givenCertificate(realm *v1alpha1.Realm) {
	s.Helper()
	first, second := tlsSecret(s.T, "id.example.com"), tlsSecret(s.T, "id.example.com")
	given := &corev1.Secret{ObjectMeta: s.named("from-cert-manager"), Type: corev1.SecretTypeTLS, Data: first}
	s.create(given)
	if s.realm().Certificate != nil {
		s.Error("a certificate is used before the realm names it")
	}
	realm.Spec.Serving.CertificateSecretRef = &v1alpha1.LocalObjectReference{Name: given.Name}
	s.update(realm)
	s.until("the given certificate is used", func() bool { return s.realm().Certificate != nil })
	before := s.realm().Certificate
	given.Data = second
	s.update(given)
	s.until("the renewed certificate is used", func() bool { return s.realm().Certificate != before })
	renewed := s.realm().Certificate
	if err := s.client.Delete(s.Context(), given); err != nil {
		s.Fatal(err)
	}
	realm.Spec.DisplayName = "Renamed"
	s.update(realm)
	s.until("the realm has changed", func() bool { return s.realm().Spec.DisplayName == "Renamed" })
	if s.realm().Certificate != renewed {
		s.Error("the last good certificate is not used any more after its Secret was deleted")
	}
}

// steps are the moves of a test against one namespace.
type steps struct {
	*testing.T

	client    client.Client
	namespace string
	directory *directory.Directory
}

func (s *steps) named(name string) metav1.ObjectMeta {
	return metav1.ObjectMeta{Namespace: s.namespace, Name: name}
}

func (s *steps) create(object client.Object) {
	s.Helper()
	if err := s.client.Create(s.Context(), object); err != nil {
		s.Fatalf("create %s: %v", object.GetName(), err)
	}
}

func (s *steps) update(object client.Object) {
	s.Helper()
	if err := s.client.Update(s.Context(), object); err != nil {
		s.Fatalf("update %s: %v", object.GetName(), err)
	}
}

func (s *steps) own(owner client.Object, owned *corev1.Secret) {
	s.Helper()
	if err := controllerutil.SetControllerReference(owner, owned, testenv.Scheme()); err != nil {
		s.Fatal(err)
	}
}

func (s *steps) realm() *directory.Realm {
	for _, r := range s.directory.Snapshot().Realms {
		if r.Namespace == s.namespace {
			return r
		}
	}
	return nil
}

func (s *steps) until(what string, done func() bool) {
	s.Helper()
	err := wait.PollUntilContextTimeout(s.Context(), 10*time.Millisecond, 20*time.Second, true,
		func(context.Context) (bool, error) { return done(), nil })
	if err != nil {
		s.Fatalf("waited in vain until %s", what)
	}
}
