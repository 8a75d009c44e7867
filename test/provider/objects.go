package provider

import (
	"context"
	"fmt"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/meta"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/watchword-io/watchword/api/v1alpha1"
)

// AllGrants are what a person signs in with.
func AllGrants() []v1alpha1.GrantType {
	return []v1alpha1.GrantType{v1alpha1.GrantAuthorizationCode, v1alpha1.GrantRefreshToken, v1alpha1.GrantDeviceCode}
}

// Application is a client that may do all that a person's sign-in needs.
func Application(name string, kind v1alpha1.ClientType, redirects ...string) *v1alpha1.ClientApplication {
	return &v1alpha1.ClientApplication{ObjectMeta: Meta(name), Spec: v1alpha1.ClientApplicationSpec{
		Type: kind, GrantTypes: AllGrants(), RedirectURIs: redirects,
	}}
}

// Person is somebody with a password, and the Secret that it comes from.
func Person(name, password string, groups ...string) []client.Object {
	return []client.Object{
		&corev1.Secret{ObjectMeta: Meta(name + "-chosen"), StringData: map[string]string{"password": password}},
		&v1alpha1.User{ObjectMeta: Meta(name), Spec: v1alpha1.UserSpec{
			Username: name, Email: name + "@example.com", GivenName: "Alice", FamilyName: "Archer", Groups: groups,
			Password: &v1alpha1.UserPassword{SecretRef: v1alpha1.SecretKeyReference{Name: name + "-chosen", Key: "password"}},
		}},
	}
}

// Newcomer is somebody who is to be given a temporary password.
func Newcomer(name string) *v1alpha1.User {
	user := &v1alpha1.User{ObjectMeta: Meta(name), Spec: v1alpha1.UserSpec{Username: name, Email: name + "@example.com"}}
	user.Annotations = map[string]string{v1alpha1.ResetPasswordAnnotation: "once"}
	return user
}

// ClientSecret waits for the generated secret of an application.
func (p *Provider) ClientSecret(application string) string {
	p.tb.Helper()
	return p.secret(application+"-client-secret", "client_secret")
}

// TemporaryPassword waits for the password that a newcomer was given.
func (p *Provider) TemporaryPassword(name string) string {
	p.tb.Helper()
	var user v1alpha1.User
	p.Await("a temporary password for "+name, func(ctx context.Context) error {
		if err := p.Client.Get(ctx, client.ObjectKey{Namespace: Realm, Name: name}, &user); err != nil {
			return err
		}
		if user.Status.TemporaryPassword == nil {
			return fmt.Errorf("status names none: %v", user.Status.Conditions)
		}
		return nil
	})
	return p.secret(user.Status.TemporaryPassword.SecretName, "password")
}

// Ready waits until people can sign in.
func (p *Provider) Ready(people ...string) {
	p.tb.Helper()
	for _, name := range people {
		p.Await(name+" to be ready", func(ctx context.Context) error {
			var user v1alpha1.User
			if err := p.Client.Get(ctx, client.ObjectKey{Namespace: Realm, Name: name}, &user); err != nil {
				return err
			}
			if !meta.IsStatusConditionTrue(user.Status.Conditions, "Ready") {
				return fmt.Errorf("is not: %v", user.Status.Conditions)
			}
			return nil
		})
	}
}

func (p *Provider) secret(name, key string) string {
	p.tb.Helper()
	var found corev1.Secret
	p.Await("Secret "+name, func(ctx context.Context) error {
		return p.Client.Get(ctx, client.ObjectKey{Namespace: Realm, Name: name}, &found)
	})
	return string(found.Data[key])
}
