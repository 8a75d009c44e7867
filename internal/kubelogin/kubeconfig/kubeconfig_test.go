package kubeconfig_test

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"
	"k8s.io/client-go/tools/clientcmd"
	"k8s.io/client-go/tools/clientcmd/api"

	"github.com/watchword-io/watchword/internal/kubelogin/kubeconfig"
)

const existing = `apiVersion: v1
kind: Config
current-context: old
clusters:
- {name: prod, cluster: {server: "https://10.0.0.7:6443", certificate-authority: ca.crt}}
contexts:
- {name: old, context: {cluster: prod, user: admin}}
users:
- {name: admin, user: {client-certificate: admin.crt}}
`

func access(change func(*kubeconfig.Access)) kubeconfig.Access {
	a := kubeconfig.Access{
		Name: "acme@prod", ClusterName: "prod", Cluster: &api.Cluster{Server: "https://10.0.0.7:6443"},
		Args: []string{"get-token", "--issuer=https://id.example.com/realms/acme"},
	}
	if change != nil {
		change(&a)
	}
	return a
}

func file(t *testing.T, content string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "config")
	if content != "" {
		if err := os.WriteFile(path, []byte(content), 0o640); err != nil {
			t.Fatal(err)
		}
	}
	return path
}

func load(t *testing.T, path string) *api.Config {
	t.Helper()
	config, err := clientcmd.LoadFromFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return config
}

func TestMerge(t *testing.T) {
	path := file(t, existing)
	for range 2 { // again changes nothing
		if err := access(nil).Merge(path, false); err != nil {
			t.Fatal(err)
		}
	}
	config := load(t, path)
	if config.CurrentContext != "old" {
		t.Errorf("the current context became %q", config.CurrentContext)
	}
	if cluster := config.Clusters["prod"]; cluster.CertificateAuthority != "ca.crt" {
		t.Errorf("the cluster's authority became %q: it was not ours to change", cluster.CertificateAuthority)
	}
	if config.AuthInfos["admin"] == nil || config.Contexts["old"] == nil {
		t.Error("entries were lost")
	}
	if args, ok := kubeconfig.Args(config, "acme@prod"); !ok || !cmp.Equal(args, access(nil).Args) {
		t.Errorf("found arguments %v", args)
	}
	if _, ok := kubeconfig.Args(config, ""); ok {
		t.Error("the old context was taken for one of ours")
	}
	if exec := config.AuthInfos["acme@prod"].Exec; exec.APIVersion != "client.authentication.k8s.io/v1" ||
		exec.InteractiveMode != api.IfAvailableExecInteractiveMode || exec.Command != "kubectl-watchword" {
		t.Errorf("the plugin's entry is %s", exec)
	}
	if info, err := os.Stat(path); err != nil || info.Mode().Perm() != 0o640 {
		t.Errorf("the mode became %v, %v", info.Mode(), err)
	}
	if err := access(nil).Merge(path, true); err != nil {
		t.Fatal(err)
	}
	if config := load(t, path); config.CurrentContext != "acme@prod" {
		t.Errorf("the current context is %q, want the new one", config.CurrentContext)
	}
}

func TestMergeMakesTheFile(t *testing.T) {
	path := filepath.Join(t.TempDir(), ".kube", "config")
	if err := access(nil).Merge(path, false); err != nil {
		t.Fatal(err)
	}
	if config := load(t, path); config.CurrentContext != "acme@prod" {
		t.Errorf("the only context is not the current one: %q", config.CurrentContext)
	}
	if info, err := os.Stat(path); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("the mode is %v, %v; want 0600", info.Mode(), err)
	}
	if left, _ := filepath.Glob(filepath.Join(filepath.Dir(path), "*lock")); left != nil {
		t.Errorf("a lock is left: %v", left)
	}
}

func TestMergeKeepsNamespaceAndLink(t *testing.T) {
	path := file(t, existing)
	link := filepath.Join(t.TempDir(), "link")
	if err := os.Symlink(path, link); err != nil {
		t.Fatal(err)
	}
	if err := access(func(a *kubeconfig.Access) { a.Namespace = "gpu" }).Merge(link, true); err != nil {
		t.Fatal(err)
	}
	if err := access(nil).Merge(link, true); err != nil {
		t.Fatal(err)
	}
	if namespace := load(t, path).Contexts["acme@prod"].Namespace; namespace != "gpu" {
		t.Errorf("the namespace became %q", namespace)
	}
	if info, err := os.Lstat(link); err != nil || info.Mode()&os.ModeSymlink == 0 {
		t.Error("the link was replaced by a file")
	}
}

func TestForeignEntriesStay(t *testing.T) {
	tests := map[string]func(*kubeconfig.Access){
		"user":    func(a *kubeconfig.Access) { a.Name = "admin" },
		"context": func(a *kubeconfig.Access) { a.Name = "old" },
		"cluster": func(a *kubeconfig.Access) { a.Cluster = &api.Cluster{Server: "https://elsewhere:6443"} },
	}
	for name, change := range tests {
		path := file(t, existing)
		if err := access(change).Merge(path, true); !errors.Is(err, kubeconfig.ErrForeign) {
			t.Errorf("%s: got %v, want it refused", name, err)
		}
		if content, err := os.ReadFile(path); err != nil || string(content) != existing {
			t.Errorf("%s: the file changed: %s", name, content)
		}
	}
}

func TestJunkStays(t *testing.T) {
	path := file(t, "junk: [")
	if err := access(nil).Merge(path, true); err == nil {
		t.Error("junk was merged with")
	}
	if content, _ := os.ReadFile(path); string(content) != "junk: [" {
		t.Error("junk was overwritten: it may be a file that a person is editing")
	}
}

func TestParallelMerges(t *testing.T) {
	path := file(t, existing)
	var group sync.WaitGroup
	for i := range 10 {
		group.Go(func() {
			if err := access(func(a *kubeconfig.Access) { a.Name = fmt.Sprint("realm-", i) }).Merge(path, false); err != nil {
				t.Error(err)
			}
		})
	}
	group.Wait()
	if users := load(t, path).AuthInfos; len(users) != 11 {
		t.Errorf("%d users are left of 11", len(users))
	}
}

func TestArgs(t *testing.T) {
	user := func(command string, args ...string) *api.AuthInfo {
		return &api.AuthInfo{Exec: &api.ExecConfig{Command: command, Args: args}}
	}
	tests := map[string]struct {
		user *api.AuthInfo
		want bool
	}{
		"ours":            {user("kubectl-watchword", "get-token"), true},
		"ours with path":  {user("/usr/local/bin/kubectl-watchword", "get-token"), true},
		"ours on Windows": {user("kubectl-watchword.exe", "get-token"), true},
		"by kubectl":      {user("kubectl", "watchword", "get-token"), true},
		"another plugin":  {user("kubectl", "oidc-login", "get-token"), false},
		"another program": {user("aws", "eks"), false},
		"no plugin":       {&api.AuthInfo{}, false},
		"user not there":  {nil, false},
	}
	for name, test := range tests {
		config := api.NewConfig()
		config.CurrentContext = "c"
		config.Contexts["c"] = &api.Context{AuthInfo: "u"}
		if test.user != nil {
			config.AuthInfos["u"] = test.user
		}
		if _, got := kubeconfig.Args(config, ""); got != test.want {
			t.Errorf("%s: taken for ours: %v, want %v", name, got, test.want)
		}
	}
}
