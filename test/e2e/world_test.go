package e2e_test

import (
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/watchword-io/watchword/api/v1alpha1"
)

// Passwords that must turn up nowhere; see secrets_test.go.
const (
	alicePassword = "planted-correct-horse-battery-1"
	wrongPassword = "planted-wrong-password-2"
	laterPassword = "planted-later-password-3"
	crashPassword = "planted-crash-password-4"
)

// portalCallback is the redirect URI of the portal; nobody serves it, and browsers stop there.
const portalCallback = "https://portal.example.com/callback"

// world is what exists before the replicas start: a realm in each namespace, with people and applications in those that need them.
func world() []client.Object {
	objects := []client.Object{
		realm(acme, v1alpha1.SigningSpec{}),
		locking(),
		realm(stranger, v1alpha1.SigningSpec{}),
		spinning(),
		&corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: "research", Labels: map[string]string{"team": "research"}}},
		role(acme, "viewer", "view"),
		person(acme, "alice", "alice-password", "researchers"),
		secret(acme, "alice-password", alicePassword),
		&v1alpha1.User{ObjectMeta: meta(acme, "bob"), Spec: v1alpha1.UserSpec{Email: "bob@example.com", Username: "bob"}},
		rule(acme, "researchers-view", v1alpha1.SubjectGroup, "researchers"),
		rule(acme, "pipeline-views", v1alpha1.SubjectClientApplication, "pipeline"),
		public(acme), portal(),
	}
	for _, namespace := range []string{acme, beta, spin, stranger} {
		objects = append(objects, confidential(namespace, "pipeline"))
	}
	return objects
}

func meta(namespace, name string) metav1.ObjectMeta {
	return metav1.ObjectMeta{Namespace: namespace, Name: name}
}

// realm is one that never locks anybody out: specs ask until they are let in, all from one address.
func realm(namespace string, signing v1alpha1.SigningSpec) *v1alpha1.Realm {
	var never int32
	return &v1alpha1.Realm{ObjectMeta: meta(namespace, namespace), Spec: v1alpha1.RealmSpec{
		Issuer: issuers[namespace], Signing: signing,
		Password: v1alpha1.PasswordPolicy{Lockout: v1alpha1.PasswordLockout{Attempts: &never, SourceAttempts: &never}},
		Grants: []v1alpha1.GrantType{
			v1alpha1.GrantClientCredentials, v1alpha1.GrantPassword, v1alpha1.GrantAuthorizationCode, v1alpha1.GrantRefreshToken,
			v1alpha1.GrantDeviceCode,
		},
	}}
}

// locking is a realm with the locks that realms have if nobody says otherwise.
func locking() *v1alpha1.Realm {
	r := realm(beta, v1alpha1.SigningSpec{})
	r.Spec.Password = v1alpha1.PasswordPolicy{}
	return r
}

// spinning is a realm whose keys live for seconds. The ratios of its times are those of the defaults.
func spinning() *v1alpha1.Realm {
	seconds := func(n int) metav1.Duration { return metav1.Duration{Duration: time.Duration(n) * time.Second} }
	r := realm(spin, v1alpha1.SigningSpec{RotationPeriod: seconds(5), PublishBefore: seconds(3), KeysMaxAge: seconds(1)})
	r.Spec.Tokens.Access = seconds(10)
	return r
}

func person(namespace, name, passwordSecret string, groups ...string) *v1alpha1.User {
	return &v1alpha1.User{ObjectMeta: meta(namespace, name), Spec: v1alpha1.UserSpec{
		Email: name + "@example.com", Username: name, Groups: groups,
		Password: &v1alpha1.UserPassword{SecretRef: v1alpha1.SecretKeyReference{Name: passwordSecret, Key: "password"}},
	}}
}

func secret(namespace, name, password string) *corev1.Secret {
	return &corev1.Secret{ObjectMeta: meta(namespace, name), StringData: map[string]string{"password": password}}
}

func confidential(namespace, name string) *v1alpha1.ClientApplication {
	return &v1alpha1.ClientApplication{ObjectMeta: meta(namespace, name), Spec: v1alpha1.ClientApplicationSpec{
		Type: v1alpha1.ClientConfidential, GrantTypes: []v1alpha1.GrantType{v1alpha1.GrantClientCredentials}, Audiences: []string{"kubernetes"},
	}}
}

// public is kubectl's client: its ID is the audience of clusters.
func public(namespace string) *v1alpha1.ClientApplication {
	return &v1alpha1.ClientApplication{ObjectMeta: meta(namespace, "kubernetes"), Spec: v1alpha1.ClientApplicationSpec{
		Type: v1alpha1.ClientPublic, Audiences: []string{"kubernetes"}, RedirectURIs: []string{"http://127.0.0.1/callback"},
		GrantTypes: []v1alpha1.GrantType{
			v1alpha1.GrantPassword, v1alpha1.GrantAuthorizationCode, v1alpha1.GrantRefreshToken, v1alpha1.GrantDeviceCode,
		},
	}}
}

// portal is a web application that people sign in to.
func portal() *v1alpha1.ClientApplication {
	return &v1alpha1.ClientApplication{ObjectMeta: meta(acme, "portal"), Spec: v1alpha1.ClientApplicationSpec{
		DisplayName: "Portal", Type: v1alpha1.ClientConfidential, RedirectURIs: []string{portalCallback},
		GrantTypes: []v1alpha1.GrantType{v1alpha1.GrantAuthorizationCode, v1alpha1.GrantRefreshToken, v1alpha1.GrantDeviceCode},
	}}
}

func role(namespace, name string, clusterRoles ...string) *v1alpha1.Role {
	return &v1alpha1.Role{ObjectMeta: meta(namespace, name), Spec: v1alpha1.RoleSpec{ClusterRoles: clusterRoles}}
}

// rule lets somebody view the namespaces of the research team.
func rule(namespace, name string, kind v1alpha1.SubjectKind, subject string) *v1alpha1.AccessRule {
	return &v1alpha1.AccessRule{ObjectMeta: meta(namespace, name), Spec: v1alpha1.AccessRuleSpec{
		Subject: v1alpha1.AccessRuleSubject{Kind: kind, Name: subject},
		Role:    "viewer",
		Scope:   v1alpha1.AccessRuleScope{NamespaceSelector: &metav1.LabelSelector{MatchLabels: map[string]string{"team": "research"}}},
	}}
}
