package main

import (
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/testscript"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/watchword-io/watchword/api/v1alpha1"
	"github.com/watchword-io/watchword/test/testenv"
)

// TestClusterScripts runs testdata/cluster/*.txtar against a real API server; the scripts make namespaces of their own. No operator
// runs, so that they decide what it has published: publish-ca stands in for it.
func TestClusterScripts(t *testing.T) {
	env := testenv.StartT(t, testenv.Options{})
	nobody, err := env.ControlPlane.RESTConfigForUser("nobody")
	if err != nil {
		t.Fatal(err)
	}
	unprivileged, err := env.ControlPlane.WriteKubeconfig("nobody", nobody)
	if err != nil {
		t.Fatal(err)
	}
	// A group: its Run returns when the scripts, which are parallel tests, have ended.
	t.Run("scripts", func(t *testing.T) {
		testscript.Run(t, testscript.Params{
			Dir:                 "testdata/cluster",
			RequireExplicitExec: true,
			RequireUniqueNames:  true,
			Setup: func(e *testscript.Env) error {
				e.Setenv("HOME", e.WorkDir)
				e.Setenv("KUBECONFIG", env.ControlPlane.Kubeconfig())
				e.Setenv("UNPRIVILEGED", unprivileged)
				e.Setenv("PATH", filepath.Dir(env.ControlPlane.Kubectl())+string(os.PathListSeparator)+e.Getenv("PATH"))
				return nil
			},
			Cmds: map[string]func(*testscript.TestScript, bool, []string){
				"accepted":    accepted,
				"next-second": nextSecond,
				"publish-ca": func(ts *testscript.TestScript, neg bool, args []string) {
					publishCA(t, env.Client, ts, args)
				},
			},
		})
	})
}

// nextSecond waits until the API server's clock, which is this machine's, shows another second: creationTimestamp tells no less apart.
func nextSecond(*testscript.TestScript, bool, []string) {
	time.Sleep(time.Until(time.Now().Truncate(time.Second).Add(time.Second)))
}

// publishCA NAMESPACE REALM FILE makes the ConfigMap that the operator makes for a realm.
func publishCA(t *testing.T, c client.Client, ts *testscript.TestScript, args []string) {
	if len(args) != 3 {
		ts.Fatalf("usage: publish-ca NAMESPACE REALM FILE")
	}
	var realm v1alpha1.Realm
	ts.Check(c.Get(t.Context(), client.ObjectKey{Namespace: args[0], Name: args[1]}, &realm))
	config := &corev1.ConfigMap{
		ObjectMeta: metav1.ObjectMeta{
			Namespace: args[0], Name: caName(&realm),
			OwnerReferences: []metav1.OwnerReference{*metav1.NewControllerRef(&realm, v1alpha1.GroupVersion.WithKind("Realm"))},
		},
		Data: map[string]string{caKey: ts.ReadFile(args[2])},
	}
	ts.Check(client.IgnoreAlreadyExists(c.Create(t.Context(), config)))
}
