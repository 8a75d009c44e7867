package main

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/rogpeppe/go-internal/testscript"

	"github.com/watchword-io/watchword/internal/authnconfig"
	"github.com/watchword-io/watchword/test/controlplane"
	"github.com/watchword-io/watchword/test/fakerealm"
	"github.com/watchword-io/watchword/test/testenv"
)

// TestKubectlScripts runs testdata/kubectl/*.txtar with the real kubectl, which signs in through the plugin to a real API server that
// trusts the realm.
func TestKubectlScripts(t *testing.T) {
	realm := fakerealm.New()
	t.Cleanup(realm.Close)
	trust, err := authnconfig.Render(authnconfig.V1, authnconfig.Trust{
		Issuer: realm.Issuer(), Audience: defaultClientID, CertificateAuthority: realm.CA(), UsernamePrefix: "acme:", GroupsPrefix: "acme:",
	})
	if err != nil {
		t.Fatal(err)
	}
	env := testenv.StartT(t, testenv.Options{ControlPlane: controlplane.Options{AuthenticationConfig: trust}})
	t.Run("scripts", func(t *testing.T) {
		testscript.Run(t, testscript.Params{
			Dir:                 "testdata/kubectl",
			RequireExplicitExec: true,
			RequireUniqueNames:  true,
			Setup: func(e *testscript.Env) error {
				ca := filepath.Join(e.WorkDir, "realm-ca.crt")
				e.Values[realmKey{}] = realm
				e.Setenv("ISSUER", realm.Issuer())
				e.Setenv("REALM_CA", ca)
				e.Setenv("HOME", e.WorkDir)
				e.Setenv("DISPLAY", ":0")
				e.Setenv("KUBECONFIG", env.ControlPlane.Kubeconfig())
				e.Setenv("ADMIN", env.ControlPlane.Kubeconfig())
				e.Setenv("PATH", filepath.Dir(env.ControlPlane.Kubectl())+string(os.PathListSeparator)+e.Getenv("PATH"))
				return os.WriteFile(ca, realm.CA(), 0o600)
			},
			Cmds: map[string]func(*testscript.TestScript, bool, []string){
				"asked": asked, "realm": behave, "parallel": parallel,
				"publish-ca": func(ts *testscript.TestScript, _ bool, args []string) { publishCA(t, env.Client, ts, args) },
				"expand":     expand,
			},
		})
	})
}

// expand FILE...: replaces variables in files.
func expand(ts *testscript.TestScript, _ bool, args []string) {
	for _, file := range args {
		content := os.Expand(ts.ReadFile(file), ts.Getenv)
		ts.Check(os.WriteFile(ts.MkAbs(file), []byte(content), 0o600))
	}
}
