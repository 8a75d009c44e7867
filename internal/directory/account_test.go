package directory_test

import (
	"context"
	"errors"
	"maps"
	"path/filepath"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	corev1 "k8s.io/api/core/v1"
	rbacv1 "k8s.io/api/rbac/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/apimachinery/pkg/util/wait"
	"k8s.io/client-go/rest"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/controller/controllerutil"

	"github.com/watchword-io/watchword/api/v1alpha1"
	"github.com/watchword-io/watchword/internal/credential"
	"github.com/watchword-io/watchword/internal/directory"
	"github.com/watchword-io/watchword/internal/store"
	"github.com/watchword-io/watchword/test/controlplane"
	"github.com/watchword-io/watchword/test/testenv"
)

// accounts is a realm namespace on a real API server, in which a Source has the rights of the server of config/split and no others.
type accounts struct {
	*testing.T

	env       *testenv.Environment
	namespace string
	alice     *v1alpha1.User
}

// TestAccounts: what the server writes about passwords is conditional, and it can write nothing else.
func TestAccounts(t *testing.T) {
	a := &accounts{T: t, env: testenv.StartT(t, testenv.Options{Admission: true})}
	a.prepare()
	t.Run("failures", a.failures)
	t.Run("failures at once", a.failuresAtOnce)
	t.Run("credential", a.credential)
	t.Run("outage", a.outage)
}

func (a *accounts) prepare() {
	root, err := controlplane.RepositoryRoot()
	if err != nil {
		a.Fatal(err)
	}
	if a.namespace, err = a.env.CreateNamespace(a.Context(), "realm"); err != nil {
		a.Fatal(err)
	}
	if err := a.env.Apply(a.Context(), filepath.Join(root, "config", "rbac", "realm.yaml")); err != nil {
		a.Fatal(err)
	}
	a.create(&rbacv1.RoleBinding{
		ObjectMeta: metav1.ObjectMeta{Namespace: a.namespace, Name: "watchword-realm-server"},
		RoleRef:    rbacv1.RoleRef{APIGroup: rbacv1.GroupName, Kind: "ClusterRole", Name: "watchword-realm-server"},
		Subjects:   []rbacv1.Subject{{Kind: rbacv1.ServiceAccountKind, Namespace: "watchword-system", Name: "watchword-server"}},
	})
	a.alice = &v1alpha1.User{ObjectMeta: metav1.ObjectMeta{Namespace: a.namespace, Name: "alice"}, Spec: v1alpha1.UserSpec{Email: "alice@example.com"}}
	a.create(a.alice)
	source := a.source(nil)
	err = wait.PollUntilContextTimeout(a.Context(), 20*time.Millisecond, time.Minute, true, func(ctx context.Context) (bool, error) {
		_, err := source.Failures(ctx, a.namespace, "nobody", "")
		return err == nil, nil
	})
	if err != nil {
		a.Fatalf("wait until the server may read Users: %v", err)
	}
}

func (a *accounts) create(object client.Object) {
	a.Helper()
	if err := a.env.Client.Create(a.Context(), object); err != nil {
		a.Fatal(err)
	}
}

func (a *accounts) source(edit func(*rest.Config)) *directory.Source {
	a.Helper()
	config := a.env.RESTConfig()
	config.Impersonate = rest.ImpersonationConfig{
		UserName: "system:serviceaccount:watchword-system:watchword-server",
		Groups:   []string{"system:serviceaccounts", "system:serviceaccounts:watchword-system", "system:authenticated"},
	}
	if edit != nil {
		edit(config)
	}
	source, err := directory.NewSource(config)
	if err != nil {
		a.Fatal(err)
	}
	return source
}

func (a *accounts) stored() *v1alpha1.User {
	a.Helper()
	user := &v1alpha1.User{}
	if err := a.env.Client.Get(a.Context(), client.ObjectKeyFromObject(a.alice), user); err != nil {
		a.Fatal(err)
	}
	return user
}

func (a *accounts) failures(t *testing.T) {
	ctx, source := t.Context(), a.source(nil)
	none, err := source.Failures(ctx, a.namespace, "alice", a.alice.UID)
	if err != nil || none.Elsewhere != nil || none.KnownDevice != nil || none.Version == "" {
		t.Fatalf("Failures of a new User = %+v, %v; want none, and a version", none, err)
	}
	for name, uid := range map[string]types.UID{"nobody": "", "alice": "another"} {
		if f, err := source.Failures(ctx, a.namespace, name, uid); err != nil || f.Version != "" {
			t.Errorf("Failures of %s with UID %q = %+v, %v; want nobody", name, uid, f, err)
		}
	}

	// Controllers and server write into one status: neither takes anything from the other.
	user := a.stored()
	before := user.DeepCopy()
	user.Status.Username = "alice"
	if err := a.env.Client.Status().Patch(ctx, user, client.MergeFromWithOptions(before, client.MergeFromWithOptimisticLock{})); err != nil {
		t.Fatal(err)
	}
	since, until := metav1.NewTime(time.Now().Truncate(time.Second)), metav1.NewTime(time.Now().Add(time.Hour).Truncate(time.Second))
	next := none
	next.Elsewhere = &v1alpha1.FailedLogins{Count: 5, Since: since, LockedUntil: &until}
	if err := source.SaveFailures(ctx, a.namespace, "alice", next); !errors.Is(err, store.ErrConflict) {
		t.Fatalf("SaveFailures on a User that has changed since: %v; want ErrConflict", err)
	}
	if none, err = source.Failures(ctx, a.namespace, "alice", a.alice.UID); err != nil {
		t.Fatal(err)
	}
	next.Version = none.Version
	if err := source.SaveFailures(ctx, a.namespace, "alice", next); err != nil {
		t.Fatal(err)
	}
	if got := a.stored().Status; got.Username != "alice" || got.FailedLogins == nil || !got.FailedLogins.LockedUntil.Equal(&until) {
		t.Errorf("status = %+v; want the controllers' username and the server's count", got)
	}
	before, user = a.stored(), a.stored()
	user.Status.Subject = "s"
	if err := a.env.Client.Status().Patch(ctx, user, client.MergeFromWithOptions(before, client.MergeFromWithOptimisticLock{})); err != nil {
		t.Fatal(err)
	}
	if got := a.stored().Status; got.FailedLogins == nil || got.FailedLogins.Count != 5 {
		t.Errorf("status after the controllers' write = %+v; want the count kept", got)
	}

	server, err := a.env.AsServiceAccount("watchword-system", "watchword-server")
	if err != nil {
		t.Fatal(err)
	}
	for _, other := range []string{`"username":"root"`, `"roles":["administrator"]`, `"passwordChangedAt":"2026-11-23T12:00:00Z"`} {
		patch := client.RawPatch(types.MergePatchType, []byte(`{"status":{`+other+`}}`))
		if err := server.Status().Patch(ctx, a.stored(), patch); !apierrors.IsForbidden(err) {
			t.Errorf("the server writes %s into the status: %v; want a refusal by policy", other, err)
		}
	}

	// What is cleared leaves nothing behind, not even the end of a lock.
	now, err := source.Failures(ctx, a.namespace, "alice", a.alice.UID)
	if err != nil {
		t.Fatal(err)
	}
	now.Elsewhere, now.KnownDevice = nil, &v1alpha1.FailedLogins{Count: 1, Since: since}
	if err := source.SaveFailures(ctx, a.namespace, "alice", now); err != nil {
		t.Fatal(err)
	}
	if got := a.stored().Status; got.FailedLogins != nil || got.FailedLoginsKnownDevice == nil || got.FailedLoginsKnownDevice.LockedUntil != nil {
		t.Errorf("status after clearing = %+v; want the other count only", got)
	}
	gone := directory.Failures{Version: now.Version}
	if err := source.SaveFailures(ctx, a.namespace, "nobody", gone); !errors.Is(err, store.ErrNotFound) {
		t.Errorf("SaveFailures of nobody: %v; want ErrNotFound", err)
	}
}

// failuresAtOnce: of three replicas that count at once, no one's count is lost.
func (a *accounts) failuresAtOnce(t *testing.T) {
	const replicas, each = 3, 10
	var counting sync.WaitGroup
	for range replicas {
		source := a.source(nil)
		counting.Go(func() {
			for range each {
				for done := false; !done; {
					f, err := source.Failures(t.Context(), a.namespace, "alice", a.alice.UID)
					if err != nil {
						t.Error(err)
						return
					}
					next := v1alpha1.FailedLogins{Since: metav1.Now()}
					if f.Elsewhere != nil {
						next = *f.Elsewhere
					}
					next.Count++
					f.Elsewhere = &next
					err = source.SaveFailures(t.Context(), a.namespace, "alice", f)
					if err != nil && !errors.Is(err, store.ErrConflict) {
						t.Error(err)
						return
					}
					done = err == nil
				}
			}
		})
	}
	counting.Wait()
	if got := a.stored().Status.FailedLogins; got == nil || got.Count != replicas*each {
		t.Errorf("counted %+v; want %d", got, replicas*each)
	}
}

func (a *accounts) credential(t *testing.T) {
	ctx, source := t.Context(), a.source(nil)
	first := credential.Record{
		Hash: "first", Subject: "s", ChangedAt: time.Unix(1_700_000_000, 0).UTC(), MustChangeBy: time.Unix(1_800_000_000, 0).UTC(),
		Request: "r", History: []string{"a", "b"},
	}
	secret := &corev1.Secret{ObjectMeta: metav1.ObjectMeta{
		Namespace: a.namespace, Name: credential.SecretName("alice"),
		Labels: map[string]string{v1alpha1.ComponentLabel: v1alpha1.ComponentCredential, "team": "blue"},
	}, Data: first.Data()}
	if err := controllerutil.SetControllerReference(a.alice, secret, testenv.Scheme()); err != nil {
		t.Fatal(err)
	}
	a.create(secret)
	read := func() credential.Record {
		t.Helper()
		r, err := source.Credential(ctx, a.namespace, "alice", a.alice.UID)
		if err != nil {
			t.Fatal(err)
		}
		return r
	}
	next := read()
	version := next.Version
	next.Hash, next.MustChangeBy, next.History = "second", time.Time{}, []string{"first"}
	if err := source.SaveCredential(ctx, a.namespace, "alice", next); err != nil {
		t.Fatal(err)
	}
	got := read()
	got.Version, next.Version = "", ""
	if diff := cmp.Diff(next, got); diff != "" {
		t.Errorf("the record that was written (-want +got):\n%s", diff)
	}
	next.Version = version
	if err := source.SaveCredential(ctx, a.namespace, "alice", next); !errors.Is(err, store.ErrConflict) {
		t.Errorf("SaveCredential at an older version: %v; want ErrConflict", err)
	}
	if err := source.SaveCredential(ctx, a.namespace, "nobody", next); !errors.Is(err, store.ErrNotFound) {
		t.Errorf("SaveCredential of nobody: %v; want ErrNotFound", err)
	}
	if err := a.env.Client.Get(ctx, client.ObjectKeyFromObject(secret), secret); err != nil {
		t.Fatal(err)
	}
	if _, left := secret.Data["must_change_by"]; left || secret.Labels["team"] != "blue" || len(secret.OwnerReferences) != 1 {
		t.Errorf("Secret %+v with keys %v; want must_change_by gone, and labels and owner kept", secret.ObjectMeta, slices.Collect(maps.Keys(secret.Data)))
	}

	// What is no password record is refused by policy.
	secret.Labels[v1alpha1.ComponentLabel] = v1alpha1.ComponentSigningKey
	if err := a.env.Client.Update(ctx, secret); err != nil {
		t.Fatal(err)
	}
	foreign := read()
	if err := source.SaveCredential(ctx, a.namespace, "alice", foreign); !apierrors.IsForbidden(err) {
		t.Errorf("SaveCredential on a Secret with another label: %v; want a refusal", err)
	}
}

// outage: trouble is none of the answers that say something about the object.
func (a *accounts) outage(t *testing.T) {
	source := a.source(func(c *rest.Config) { c.Host = "https://127.0.0.1:1" }) // nobody listens
	_, readErr := source.Failures(t.Context(), a.namespace, "alice", a.alice.UID)
	for what, err := range map[string]error{
		"Failures":       readErr,
		"SaveFailures":   source.SaveFailures(t.Context(), a.namespace, "alice", directory.Failures{Version: "1"}),
		"SaveCredential": source.SaveCredential(t.Context(), a.namespace, "alice", credential.Record{Version: "1"}),
	} {
		if err == nil || errors.Is(err, store.ErrConflict) || errors.Is(err, store.ErrNotFound) {
			t.Errorf("%s without an API server: %v; want trouble", what, err)
		}
	}
}
