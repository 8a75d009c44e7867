package kube_test

import (
	"path/filepath"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	rbacv1 "k8s.io/api/rbac/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/rest"

	"github.com/watchword-io/watchword/internal/store/kube"
	"github.com/watchword-io/watchword/internal/store/storetest"
	"github.com/watchword-io/watchword/test/controlplane"
	"github.com/watchword-io/watchword/test/testenv"
)

const system = "watchword-system"

// rounds of each race: one takes a real API server and etcd some hundred writes.
const rounds = 5

func TestOnAPIServer(t *testing.T) {
	env := testenv.StartT(t, testenv.Options{Admission: true})
	realm := realmFor(t, env, "watchword-server")
	t.Run("contract", func(t *testing.T) {
		storetest.Run(t, storetest.Subject{
			Replicas: []storetest.Replica{replica(t, env), replica(t, env), replica(t, env)}, Realm: realm, Rounds: rounds,
		})
	})
	t.Run("full", func(t *testing.T) { testFull(t, env, realm) })
	t.Run("costs", func(t *testing.T) { testCosts(t, env, realm) })
	t.Run("what is stored", func(t *testing.T) { testStored(t, env, realm) })
	t.Run("outage", func(t *testing.T) { testOutage(t, env, realm) })
}

// realmFor makes a realm namespace in which a ServiceAccount has the rights of the server, and no others.
func realmFor(t *testing.T, env *testenv.Environment, account string) string {
	t.Helper()
	root, err := controlplane.RepositoryRoot()
	if err != nil {
		t.Fatal(err)
	}
	if err := env.Client.Create(t.Context(), &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: system}}); err != nil {
		t.Fatal(err)
	}
	if err := env.Apply(t.Context(), filepath.Join(root, "config", "rbac", "realm.yaml")); err != nil {
		t.Fatal(err)
	}
	namespace, err := env.CreateNamespace(t.Context(), "realm")
	if err != nil {
		t.Fatal(err)
	}
	err = env.Client.Create(t.Context(), &rbacv1.RoleBinding{
		ObjectMeta: metav1.ObjectMeta{Namespace: namespace, Name: "watchword-realm-server"},
		RoleRef:    rbacv1.RoleRef{APIGroup: rbacv1.GroupName, Kind: "ClusterRole", Name: "watchword-realm-server"},
		Subjects:   []rbacv1.Subject{{Kind: rbacv1.ServiceAccountKind, Namespace: system, Name: account}},
	})
	if err != nil {
		t.Fatal(err)
	}
	waitAuthorized(t, env, namespace)
	return namespace
}

// serverConfig has exactly the rights of config/rbac.
func serverConfig(env *testenv.Environment) *rest.Config {
	config := env.RESTConfig()
	config.Impersonate = rest.ImpersonationConfig{
		UserName: "system:serviceaccount:" + system + ":watchword-server",
		Groups:   []string{"system:serviceaccounts", "system:serviceaccounts:" + system, "system:authenticated"},
	}
	return config
}

func newStore(t *testing.T, config *rest.Config) *kube.Store {
	t.Helper()
	s, err := kube.New(config, time.Now)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func replica(t *testing.T, env *testenv.Environment) storetest.Replica {
	t.Helper()
	s := newStore(t, serverConfig(env))
	return storetest.Replica{Sessions: s.Sessions(), Once: s.Once(), Devices: s.Devices()}
}
