package directory_test

import (
	"crypto/sha256"
	"fmt"
	"testing"
	"time"

	"github.com/go-logr/logr/testr"
	"github.com/google/go-cmp/cmp"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"

	"github.com/watchword-io/watchword/api/v1alpha1"
	"github.com/watchword-io/watchword/internal/credential"
	"github.com/watchword-io/watchword/internal/directory"
	"github.com/watchword-io/watchword/internal/keyring"
)

var epoch = time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC)

// object is the metadata of something made age hours before the epoch.
func object(name string, age int) metav1.ObjectMeta {
	return metav1.ObjectMeta{
		Namespace: "acme", Name: name, UID: types.UID("uid-" + name), CreationTimestamp: metav1.NewTime(epoch.Add(-time.Duration(age) * time.Hour)),
	}
}

func realm(name string, age int) *v1alpha1.Realm {
	return &v1alpha1.Realm{ObjectMeta: object(name, age), Spec: v1alpha1.RealmSpec{
		Issuer: "https://id.example.com/" + name,
		Signing: v1alpha1.SigningSpec{
			Algorithm: v1alpha1.ES256, RotationPeriod: metav1.Duration{Duration: 48 * time.Hour}, PublishBefore: metav1.Duration{Duration: time.Hour},
			KeysMaxAge: metav1.Duration{Duration: time.Minute},
		},
	}}
}

func user(name string, age int, edit ...func(*v1alpha1.User)) *v1alpha1.User {
	u := &v1alpha1.User{ObjectMeta: object(name, age), Spec: v1alpha1.UserSpec{Email: name + "@example.com", Username: name}}
	for _, e := range edit {
		e(u)
	}
	return u
}

func application(name string, age int, edit ...func(*v1alpha1.ClientApplication)) *v1alpha1.ClientApplication {
	a := &v1alpha1.ClientApplication{ObjectMeta: object(name, age), Spec: v1alpha1.ClientApplicationSpec{Type: v1alpha1.ClientConfidential}}
	for _, e := range edit {
		e(a)
	}
	return a
}

func owned(s *corev1.Secret, owner metav1.Object, component string) *corev1.Secret {
	controller := true
	s.OwnerReferences = []metav1.OwnerReference{{Name: owner.GetName(), UID: owner.GetUID(), Controller: &controller}}
	s.Labels = map[string]string{v1alpha1.ComponentLabel: component}
	return s
}

func loaded(t *testing.T, objects ...directory.Object) (*directory.Directory, func() *directory.Realm) {
	t.Helper()
	d := directory.New(directory.Config{Namespaces: []string{"acme"}, Now: func() time.Time { return epoch }, Log: testr.New(t)})
	if d.HasSynced() {
		t.Error("a directory has synced before anything was listed")
	}
	if err := d.Load(objects...); err != nil {
		t.Fatal(err)
	}
	if !d.HasSynced() {
		t.Error("a directory has not synced after everything was listed")
	}
	return d, func() *directory.Realm {
		if realms := d.Snapshot().Realms; len(realms) > 0 {
			return realms[0]
		}
		return nil
	}
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func TestWhichRealmServes(t *testing.T) {
	d, serving := loaded(t, realm("first", 9), realm("second", 8))
	if got := serving(); got == nil || got.Name != "first" {
		t.Fatalf("%v serves; want the older", got)
	}
	broken := realm("first", 9)
	broken.Spec.Issuer = "http://id.example.com"
	must(t, d.Apply(broken))
	if got := serving(); got != nil {
		t.Errorf("%s serves; an invalid older Realm keeps the younger from serving, as its condition says", got.Name)
	}
	must(t, d.Delete(broken))
	if got := serving(); got == nil || got.Name != "second" {
		t.Errorf("%v serves; want the younger after the older is gone", got)
	}
	before := d.Snapshot()
	must(t, d.Apply(user("alice", 1)))
	if d.Snapshot() != before {
		t.Error("a User made a new snapshot; whatever is derived from it would be rendered again")
	}
	leaving := realm("second", 8)
	leaving.DeletionTimestamp = &metav1.Time{Time: epoch}
	must(t, d.Apply(leaving))
	if serving() != nil {
		t.Error("a Realm that is being deleted serves")
	}
}

// TestUsersWithOneName: of two claimants the older is found, the other is refused as a whole, and inherits when the older goes.
func TestUsersWithOneName(t *testing.T) {
	elder := user("elder", 9)
	younger := user("younger", 8, func(u *v1alpha1.User) { u.Spec.Username = "elder" })
	youngest := user("youngest", 7, func(u *v1alpha1.User) { u.Spec.Username = "elder" })
	for name, order := range map[string][]directory.Object{
		"older first": {elder, younger, youngest}, "older last": {youngest, younger, elder}, "mixed": {younger, youngest, elder},
	} {
		t.Run(name, func(t *testing.T) {
			d, serving := loaded(t, realm("main", 9))
			for _, o := range order {
				must(t, d.Apply(o))
			}
			find := func(login, want string, clash bool) {
				t.Helper()
				got, gotClash := serving().User(login)
				gotName := ""
				if got != nil {
					gotName = got.Name()
				}
				if gotName != want || gotClash != clash {
					t.Errorf("User(%q) = %q, clash %v; want %q, %v", login, gotName, gotClash, want, clash)
				}
			}
			find("elder", "elder", false)
			find("elder@example.com", "elder", false)
			find("younger@example.com", "", true)
			must(t, d.Delete(elder))
			find("elder", "younger", false)
			find("elder@example.com", "", false)
			find("youngest@example.com", "", true)
			must(t, d.Apply(user("younger", 8))) // takes another name
			find("elder", "youngest", false)
			find("younger", "younger", false)
			must(t, d.Apply(elder))
			find("elder", "elder", false)
			find("youngest@example.com", "", true)
		})
	}
}

func TestInvalidUsersKeepTheirNames(t *testing.T) {
	invalid := user("elder", 9, func(u *v1alpha1.User) { u.Spec.Groups = []string{"System:masters"} })
	younger := user("younger", 8, func(u *v1alpha1.User) { u.Spec.Username = "elder" })
	_, serving := loaded(t, realm("main", 9), invalid, younger)
	for _, login := range []string{"elder", "elder@example.com", "younger@example.com"} {
		if got, _ := serving().User(login); got != nil {
			t.Errorf("User(%q) = %s; want nobody: the controllers refuse both too", login, got.Name())
		}
	}
}

func TestUserRecord(t *testing.T) {
	_, serving := loaded(t, realm("main", 9), user("zoë", 1, func(u *v1alpha1.User) {
		u.Spec.Email, u.Spec.Username, u.Spec.GivenName, u.Spec.FamilyName = "zoe@example.com", "", "Zoë", "Ångström"
		u.Spec.Groups, u.Spec.Subject = []string{"a", "b"}, "imported|42"
		u.Spec.POSIX = &v1alpha1.POSIXAccount{UID: 1000, GID: 1001}
	}), user("bare", 1))
	u, _ := serving().User("ZOE@example.com")
	if u == nil {
		t.Fatal("not found by address")
	}
	got := []any{u.Name(), u.UID(), u.Email(), u.Username(), u.Subject(), u.GivenName(), u.FamilyName(), u.Groups(), u.Disabled(), u.POSIX().GID}
	want := []any{"zoë", types.UID("uid-zoë"), "zoe@example.com", "zoe@example.com", "imported|42", "Zoë", "Ångström", []string{"a", "b"}, false, int64(1001)}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("record (-want +got):\n%s", diff)
	}
	bare, _ := serving().User("bare")
	if bare.Subject() != "uid-bare" || bare.GivenName() != "" || bare.POSIX() != nil || len(bare.Groups()) != 0 {
		t.Errorf("defaults: sub %q, %q, %v, %v", bare.Subject(), bare.GivenName(), bare.POSIX(), bare.Groups())
	}
}

func TestApplications(t *testing.T) {
	first, second := application("first", 9, asClient("shared")), application("second", 8, asClient("shared"))
	secretOf := func(a *v1alpha1.ClientApplication, value string) *corev1.Secret {
		s := &corev1.Secret{ObjectMeta: object(a.Name+"-client-secret", 1), Data: credential.ClientSecrets{Current: value}.Data()}
		return owned(s, a, v1alpha1.ComponentClientSecret)
	}
	d, serving := loaded(t, realm("main", 9), second, first, secretOf(first, "one"), secretOf(second, "two"))
	check := func(want, secret string) {
		t.Helper()
		c, secrets, ok := serving().Client("shared")
		if !ok || c.Name != want || secrets.Current != sha256.Sum256([]byte(secret)) {
			t.Errorf("Client(shared) = %v, %v; want %s with its own secret", c, ok, want)
		}
	}
	check("first", "one")
	must(t, d.Delete(first))
	check("second", "two")

	// An application of the same name made again must not open with the secret of its predecessor.
	again := application("second", 1, asClient("shared"))
	again.UID = "another"
	must(t, d.Apply(again))
	if _, secrets, _ := serving().Client("shared"); secrets != (directory.ClientSecrets{}) {
		t.Error("the secret of a deleted application opens its successor")
	}
	must(t, d.Apply(application("public", 9, asClient("shared"), func(a *v1alpha1.ClientApplication) {
		a.Spec.Type, a.Spec.GrantTypes = v1alpha1.ClientPublic, []v1alpha1.GrantType{v1alpha1.GrantClientCredentials}
	})))
	if c, _, ok := serving().Client("shared"); ok {
		t.Errorf("Client(shared) = %s; an invalid older application keeps its client ID", c.Name)
	}
	if c, _, ok := serving().Client("nobody"); ok {
		t.Errorf("Client(nobody) = %s", c.Name)
	}
}

func asClient(id string) func(*v1alpha1.ClientApplication) {
	return func(a *v1alpha1.ClientApplication) { a.Spec.ClientID = id }
}

func TestRolesThroughGroups(t *testing.T) {
	rule := func(name string, kind v1alpha1.SubjectKind, subject, role string) *v1alpha1.AccessRule {
		return &v1alpha1.AccessRule{ObjectMeta: object(name, 1), Spec: v1alpha1.AccessRuleSpec{
			Subject: v1alpha1.AccessRuleSubject{Kind: kind, Name: subject}, Role: role, Scope: v1alpha1.AccessRuleScope{Namespaces: []string{"x"}},
		}}
	}
	d, serving := loaded(t, realm("main", 9), user("alice", 1, func(u *v1alpha1.User) { u.Spec.Groups = []string{"staff", "gpu"} }),
		&v1alpha1.Role{ObjectMeta: object("viewer", 1)}, &v1alpha1.Role{ObjectMeta: object("runner", 1)}, &v1alpha1.Role{ObjectMeta: object("admin", 1)},
		rule("a", v1alpha1.SubjectUser, "alice", "viewer"), rule("b", v1alpha1.SubjectGroup, "gpu", "runner"),
		rule("c", v1alpha1.SubjectGroup, "alice", "admin"), rule("d", v1alpha1.SubjectClientApplication, "alice", "admin"),
		rule("e", v1alpha1.SubjectGroup, "staff", "viewer"),
	)
	roles := func() []string {
		alice, _ := serving().User("alice")
		return serving().UserRoles(alice, epoch)
	}
	if diff := cmp.Diff([]string{"runner", "viewer"}, roles()); diff != "" {
		t.Errorf("roles (-want +got):\n%s", diff)
	}
	must(t, d.Delete(rule("b", v1alpha1.SubjectGroup, "gpu", "runner")))
	must(t, d.Delete(&v1alpha1.Role{ObjectMeta: object("viewer", 1)}))
	if diff := cmp.Diff([]string(nil), roles()); diff != "" {
		t.Errorf("roles after the rule and the role are gone (-want +got):\n%s", diff)
	}
}

func TestUnreadableKeysAreLeftOut(t *testing.T) {
	main := realm("main", 9)
	good, err := keyring.Generate("ES256", 0)
	must(t, err)
	secret, err := good.Secret(main)
	must(t, err)
	secret.CreationTimestamp = metav1.NewTime(epoch.Add(-time.Hour))
	damaged := secret.DeepCopy()
	damaged.Name, damaged.Data["kid"] = "damaged", []byte("another")
	d, serving := loaded(t, main, owned(secret, main, v1alpha1.ComponentSigningKey), owned(damaged, main, v1alpha1.ComponentSigningKey))
	if got := len(serving().Ring.Published()); got != 1 {
		t.Errorf("%d keys published; want the good one", got)
	}
	refused := 0
	for _, s := range d.Stats() {
		refused += s.Refused
	}
	if refused != 1 {
		t.Errorf("%d objects refused in the statistics; want 1", refused)
	}
}

func TestOtherNamespacesAndKinds(t *testing.T) {
	d, _ := loaded(t)
	stray := realm("stray", 1)
	stray.Namespace = "elsewhere"
	must(t, d.Apply(stray))
	if len(d.Snapshot().Realms) != 0 {
		t.Error("a realm of a namespace that is not served serves")
	}
	if err := d.Apply(&corev1.ConfigMap{ObjectMeta: object("x", 1)}); err == nil {
		t.Error("a ConfigMap is accepted")
	}
}

// A relist replaces everything: what is not in it is gone.
func TestLoadForgets(t *testing.T) {
	d, serving := loaded(t, realm("main", 9), user("alice", 1), application("app", 1))
	must(t, d.Load(realm("main", 9), user("bob", 1)))
	if u, _ := serving().User("alice"); u != nil {
		t.Error("alice outlived a list without her")
	}
	if _, _, ok := serving().Client("app"); ok {
		t.Error("app outlived a list without it")
	}
	for _, s := range d.Stats() {
		if want := map[string]int{"realms": 1, "users": 1}[s.Resource]; s.Objects != want {
			t.Errorf("%s: %d objects; want %d", s.Resource, s.Objects, want)
		}
	}
}

func TestConcurrentUse(t *testing.T) {
	d, serving := loaded(t, realm("main", 9), user("alice", 1), application("app", 1))
	done := make(chan struct{})
	go func() {
		defer close(done)
		for i := range 500 {
			_ = d.Apply(user(fmt.Sprintf("u%d", i), 1))
			_ = d.Apply(realm("main", 9))
			_ = d.Delete(user(fmt.Sprintf("u%d", i), 1))
		}
	}()
	for {
		select {
		case <-done:
			return
		default:
			r := serving()
			if u, _ := r.User("alice"); u == nil || r.UserRoles(u, epoch) != nil {
				t.Fatal("alice is lost while others change")
			}
			if _, _, ok := r.Client("app"); !ok {
				t.Fatal("app is lost while others change")
			}
		}
	}
}
