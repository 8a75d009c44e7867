package testenv_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	admissionv1 "k8s.io/api/admissionregistration/v1"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/watchword-io/watchword/api/v1alpha1"
	"github.com/watchword-io/watchword/test/testenv"
)

func TestEnvironment(t *testing.T) {
	t.Parallel()
	began := time.Now()
	e := testenv.StartT(t, testenv.Options{Admission: true})
	t.Logf("control plane, CRDs and policies in force after %s", time.Since(began).Round(10*time.Millisecond))

	t.Run("custom resources are served", func(t *testing.T) {
		namespace := createNamespace(t, e)
		role := &v1alpha1.Role{
			ObjectMeta: metav1.ObjectMeta{Namespace: namespace, Name: "viewer"},
			Spec:       v1alpha1.RoleSpec{ClusterRoles: []string{"view"}},
		}
		if err := e.Client.Create(t.Context(), role); err != nil {
			t.Errorf("create a Role as the administrator: %v", err)
		}
	})
	t.Run("namespaces have names of their own", func(t *testing.T) {
		if one, other := createNamespace(t, e), createNamespace(t, e); one == other || !strings.HasPrefix(one, "acme-") {
			t.Errorf("the namespaces are called %q and %q, want two names that begin with acme-", one, other)
		}
	})
	t.Run("policies were in force from the first moment", func(t *testing.T) {
		namespace := createNamespace(t, e)
		author, err := e.As("author", "staff")
		if err != nil {
			t.Fatal(err)
		}
		allow(t, e, "author")
		role := &v1alpha1.Role{
			ObjectMeta: metav1.ObjectMeta{Namespace: namespace, Name: "viewer"},
			Spec:       v1alpha1.RoleSpec{ClusterRoles: []string{"view"}},
		}
		err = author.Create(t.Context(), role)
		for deadline := time.Now().Add(10 * time.Second); isRBAC(err) && time.Now().Before(deadline); {
			time.Sleep(50 * time.Millisecond) // the authorizer learns of the binding a moment later
			err = author.Create(t.Context(), role)
		}
		if err == nil || !strings.Contains(err.Error(), "ValidatingAdmissionPolicy") {
			t.Errorf("create a Role without the right to bind: %v, want a refusal by policy", err)
		}
	})
	t.Run("impersonation", func(t *testing.T) {
		nobody, err := e.As("nobody")
		if err != nil {
			t.Fatal(err)
		}
		if err := nobody.List(t.Context(), &corev1.SecretList{}); !apierrors.IsForbidden(err) {
			t.Errorf("list secrets as nobody: %v, want Forbidden", err)
		}
		account, err := e.AsServiceAccount("default", "robot")
		if err != nil {
			t.Fatal(err)
		}
		err = account.List(t.Context(), &v1alpha1.UserList{})
		if !apierrors.IsForbidden(err) || !strings.Contains(err.Error(), "system:serviceaccount:default:robot") {
			t.Errorf("list users as a ServiceAccount: %v, want it Forbidden by name", err)
		}
	})
	t.Run("nothing of the waiting is left", func(t *testing.T) {
		var policies admissionv1.ValidatingAdmissionPolicyList
		if err := e.Client.List(t.Context(), &policies); err != nil {
			t.Fatal(err)
		}
		for _, policy := range policies.Items {
			if strings.Contains(policy.Name, "testenv") {
				t.Errorf("the policy %s was left behind", policy.Name)
			}
		}
	})
	t.Run("apply", func(t *testing.T) { apply(t, e) })
}

func apply(t *testing.T, e *testenv.Environment) {
	tests := map[string]struct{ manifest, wantErr string }{
		"several documents": {"# only a comment\n---\n" + configMap("one") + "---\n" + configMap("two"), ""},
		"refused object":    {strings.Replace(configMap("three"), "  key: value", "  - value", 1), "three"},
		"not YAML":          {"{", "read"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			file := filepath.Join(t.TempDir(), "manifest.yaml")
			if err := os.WriteFile(file, []byte(test.manifest), 0o600); err != nil {
				t.Fatal(err)
			}
			err := e.Apply(t.Context(), file)
			if test.wantErr == "" && err != nil || test.wantErr != "" && (err == nil || !strings.Contains(err.Error(), test.wantErr)) {
				t.Errorf("apply: %v, want an error with %q in it", err, test.wantErr)
			}
		})
	}
	for _, name := range []string{"one", "two"} {
		key := client.ObjectKey{Namespace: "default", Name: name}
		if err := e.Client.Get(t.Context(), key, &corev1.ConfigMap{}); err != nil {
			t.Errorf("get what was applied: %v", err)
		}
	}
}

func isRBAC(err error) bool {
	return err != nil && strings.Contains(err.Error(), "cannot create resource")
}

func configMap(name string) string {
	return "apiVersion: v1\nkind: ConfigMap\nmetadata:\n  namespace: default\n  name: " + name + "\ndata:\n  key: value\n"
}

// allow lets user write Watchword's objects everywhere, and no more.
func allow(t *testing.T, e *testenv.Environment, user string) {
	t.Helper()
	file := filepath.Join(t.TempDir(), "rbac.yaml")
	manifest := `apiVersion: rbac.authorization.k8s.io/v1
kind: ClusterRole
metadata: {name: testenv-author}
rules: [{apiGroups: [identity.watchword.io], resources: ["*"], verbs: [create]}]
---
apiVersion: rbac.authorization.k8s.io/v1
kind: ClusterRoleBinding
metadata: {name: testenv-author}
roleRef: {apiGroup: rbac.authorization.k8s.io, kind: ClusterRole, name: testenv-author}
subjects: [{apiGroup: rbac.authorization.k8s.io, kind: User, name: ` + user + `}]
`
	if err := os.WriteFile(file, []byte(manifest), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := e.Apply(t.Context(), file); err != nil {
		t.Fatal(err)
	}
}

func createNamespace(t *testing.T, e *testenv.Environment) string {
	t.Helper()
	namespace, err := e.CreateNamespace(t.Context(), "acme")
	if err != nil {
		t.Fatal(err)
	}
	return namespace
}
