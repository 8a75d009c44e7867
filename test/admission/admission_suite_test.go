// Package admission_test tries to escalate as an author of custom resources, on a real kube-apiserver with the policies of
// config/admission.
//
// It owns what authors may write; what the operator may write, and what its RBAC and the shipped ClusterRoles allow, is in
// test/install. Its one invariant: every attempt is made with the RBAC that lets it reach admission, so that a refusal is
// the policy's doing.
package admission_test

import (
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"
	authorizationv1 "k8s.io/api/authorization/v1"
	rbacv1 "k8s.io/api/rbac/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/rand"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/watchword-io/watchword/api/v1alpha1"
	"github.com/watchword-io/watchword/test/controlplane"
	"github.com/watchword-io/watchword/test/testenv"
	"github.com/watchword-io/watchword/test/testenv/specs"
)

var (
	env *testenv.Environment
	// older holds objects that were there before the policies.
	older string
)

func TestAdmission(t *testing.T) {
	specs.Run(t, "Admission")
}

func TestMain(m *testing.M) {
	SetDefaultEventuallyTimeout(time.Minute)
	os.Exit(m.Run())
}

var _ = BeforeSuite(func(ctx context.Context) {
	var err error
	env, err = testenv.Start(ctx, testenv.Options{ControlPlane: controlplane.Options{ControllerManager: true}})
	Expect(err).NotTo(HaveOccurred())
	DeferCleanup(func() { Expect(env.Stop()).To(Succeed()) })

	older = namespace(ctx)
	Expect(env.Client.Create(ctx, role(older, "older", "cluster-admin"))).To(Succeed())
	Expect(env.Client.Create(ctx, user(older, "older", "fake：group", "ｓystem:masters"))).To(Succeed())
	Expect(env.Client.Create(ctx, rule(older, "older", "older"))).To(Succeed())

	output, err := kubectl("apply", "-k", config("admission"))
	Expect(err).NotTo(HaveOccurred(), output)
	Expect(env.WaitEnforced(ctx)).To(Succeed())
})

// author returns a client for a new user who may write custom resources everywhere and has the given rights in a namespace,
// or in the whole cluster if it is empty. It returns when the API server knows of them.
func author(ctx context.Context, namespace string, rights ...rbacv1.PolicyRule) client.Client {
	GinkgoHelper()
	name := "author-" + rand.String(6)
	grant(ctx, name, "", rbacv1.PolicyRule{
		APIGroups: []string{v1alpha1.GroupName},
		Resources: []string{"realms", "users", "roles", "accessrules", "users/status", "roles/status", "accessrules/status", "users/scale"},
		Verbs:     []string{"get", "list", "create", "update", "patch", "delete"},
	})
	grant(ctx, name, namespace, rights...)
	api, err := env.As(name)
	Expect(err).NotTo(HaveOccurred())
	return api
}

func grant(ctx context.Context, user, namespace string, rules ...rbacv1.PolicyRule) {
	GinkgoHelper()
	role := &rbacv1.ClusterRole{ObjectMeta: metav1.ObjectMeta{GenerateName: "right-"}, Rules: rules}
	Expect(env.Client.Create(ctx, role)).To(Succeed())
	ref := rbacv1.RoleRef{APIGroup: rbacv1.GroupName, Kind: "ClusterRole", Name: role.Name}
	subjects := []rbacv1.Subject{{APIGroup: rbacv1.GroupName, Kind: rbacv1.UserKind, Name: user}}
	meta := metav1.ObjectMeta{Name: role.Name, Namespace: namespace}
	if namespace == "" {
		Expect(env.Client.Create(ctx, &rbacv1.ClusterRoleBinding{ObjectMeta: meta, RoleRef: ref, Subjects: subjects})).To(Succeed())
	} else {
		Expect(env.Client.Create(ctx, &rbacv1.RoleBinding{ObjectMeta: meta, RoleRef: ref, Subjects: subjects})).To(Succeed())
	}
	for _, rule := range rules {
		Eventually(allowed).WithContext(ctx).WithArguments(user, namespace, rule).Should(BeTrue(), "the authorizer does not learn of %v", rule)
	}
}

// allowed asks about the last of everything in a rule.
func allowed(ctx context.Context, user, namespace string, rule rbacv1.PolicyRule) (bool, error) {
	attributes := &authorizationv1.ResourceAttributes{
		Namespace: namespace, Group: rule.APIGroups[0], Resource: rule.Resources[0], Verb: rule.Verbs[len(rule.Verbs)-1],
	}
	if len(rule.ResourceNames) > 0 {
		attributes.Name = rule.ResourceNames[len(rule.ResourceNames)-1]
	}
	review := &authorizationv1.SubjectAccessReview{
		Spec: authorizationv1.SubjectAccessReviewSpec{User: user, ResourceAttributes: attributes},
	}
	err := env.Client.Create(ctx, review)
	return review.Status.Allowed, err
}

func bindClusterRoles(names ...string) rbacv1.PolicyRule {
	return rbacv1.PolicyRule{APIGroups: []string{rbacv1.GroupName}, Resources: []string{"clusterroles"}, ResourceNames: names, Verbs: []string{"bind"}}
}

func bindRoles(names ...string) rbacv1.PolicyRule {
	return rbacv1.PolicyRule{APIGroups: []string{v1alpha1.GroupName}, Resources: []string{"roles"}, ResourceNames: names, Verbs: []string{"bind"}}
}

func assignGroups(names ...string) rbacv1.PolicyRule {
	return rbacv1.PolicyRule{APIGroups: []string{v1alpha1.GroupName}, Resources: []string{"groups"}, ResourceNames: names, Verbs: []string{"assign"}}
}

func namespace(ctx context.Context) string {
	GinkgoHelper()
	name, err := env.CreateNamespace(ctx, "acme")
	Expect(err).NotTo(HaveOccurred())
	return name
}

func role(namespace, name string, clusterRoles ...string) *v1alpha1.Role {
	return &v1alpha1.Role{TypeMeta: kind("Role"), ObjectMeta: meta(namespace, name), Spec: v1alpha1.RoleSpec{ClusterRoles: clusterRoles}}
}

func user(namespace, name string, groups ...string) *v1alpha1.User {
	return &v1alpha1.User{
		TypeMeta: kind("User"), ObjectMeta: meta(namespace, name),
		Spec: v1alpha1.UserSpec{Email: name + "@example.com", Groups: groups},
	}
}

func rule(namespace, name, role string) *v1alpha1.AccessRule {
	return &v1alpha1.AccessRule{
		TypeMeta: kind("AccessRule"), ObjectMeta: meta(namespace, name),
		Spec: v1alpha1.AccessRuleSpec{
			Subject: v1alpha1.AccessRuleSubject{Kind: v1alpha1.SubjectUser, Name: "mallory"},
			Role:    role,
			Scope:   v1alpha1.AccessRuleScope{Namespaces: []string{"research"}},
		},
	}
}

func kind(kind string) metav1.TypeMeta {
	return metav1.TypeMeta{APIVersion: v1alpha1.GroupVersion.String(), Kind: kind}
}

func meta(namespace, name string) metav1.ObjectMeta {
	return metav1.ObjectMeta{Namespace: namespace, Name: name}
}

// config is the path of a folder below config/.
func config(name string) string {
	GinkgoHelper()
	root, err := controlplane.RepositoryRoot()
	Expect(err).NotTo(HaveOccurred())
	return filepath.Join(root, "config", name)
}

// kubectl runs kubectl as the administrator.
func kubectl(args ...string) (string, error) {
	args = append([]string{"--kubeconfig", env.ControlPlane.Kubeconfig(), "--cache-dir", filepath.Join(env.ControlPlane.Dir(), "kubectl")}, args...)
	output, err := exec.Command(env.ControlPlane.Kubectl(), args...).CombinedOutput()
	return string(output), err
}
