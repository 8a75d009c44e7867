package controlplane

import (
	"bytes"
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

func TestBinariesFromAssets(t *testing.T) {
	assets := t.TempDir()
	t.Setenv(assetsVariable, assets)
	for _, name := range []string{apiserverBinary, kubectlBinary, etcdBinary} {
		if err := os.WriteFile(filepath.Join(assets, name), nil, 0o700); err != nil {
			t.Fatal(err)
		}
	}
	_, err := Binaries(t.Context(), t.Output())
	if err == nil || !strings.Contains(err.Error(), "lacks "+managerBinary) {
		t.Errorf("Binaries with an incomplete %s: %v, want an error that names %s", assetsVariable, err, managerBinary)
	}

	if err := os.WriteFile(filepath.Join(assets, managerBinary), nil, 0o700); err != nil {
		t.Fatal(err)
	}
	if dir, err := Binaries(t.Context(), t.Output()); err != nil || dir != assets {
		t.Errorf("Binaries with a complete %s: %q, %v, want %q", assetsVariable, dir, err, assets)
	}
}

func TestReadVersions(t *testing.T) {
	tests := map[string]struct {
		gomod   string
		want    versions
		wantErr bool
	}{
		"block": {"module x\nrequire (\n\tgo.etcd.io/etcd/server/v3 v3.7.3\n\tk8s.io/kubernetes v1.37.2 // why\n)\n",
			versions{"v1.37.2", "v3.7.3"}, false},
		"single lines": {"require k8s.io/kubernetes v1.38.0-rc.1\nrequire go.etcd.io/etcd/server/v3 v3.8.0\n",
			versions{"v1.38.0-rc.1", "v3.8.0"}, false},
		"etcd missing":    {"require k8s.io/kubernetes v1.37.2\n", versions{}, true},
		"replaced module": {"replace k8s.io/kubernetes => ../k\nrequire go.etcd.io/etcd/server/v3 v3.8.0\n", versions{}, true},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			file := filepath.Join(t.TempDir(), "go.mod")
			if err := os.WriteFile(file, []byte(test.gomod), 0o600); err != nil {
				t.Fatal(err)
			}
			got, err := readVersions(file)
			if got != test.want || (err != nil) != test.wantErr {
				t.Errorf("readVersions: %v, %v, want %v, error %t", got, err, test.want, test.wantErr)
			}
		})
	}
}

func TestLdflags(t *testing.T) {
	got := versions{kubernetes: "v1.37.2"}.ldflags()
	for _, want := range []string{
		"-X k8s.io/component-base/version.gitVersion=v1.37.2",
		"-X k8s.io/component-base/version.gitMajor=1",
		"-X k8s.io/component-base/version.gitMinor=37",
	} {
		if !strings.Contains(got, want) {
			t.Errorf("ldflags are %q, want %q in them", got, want)
		}
	}
}

func TestRepositoryRoot(t *testing.T) {
	root, err := RepositoryRoot()
	if err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(filepath.Join(root, "test", "controlplane", "binaries", "go.mod")); err != nil {
		t.Errorf("the root %s does not hold this package: %v", root, err)
	}
	t.Chdir(t.TempDir())
	if root, err := RepositoryRoot(); err == nil {
		t.Errorf("outside the repository the root is %s, want an error", root)
	}
}

func TestLock(t *testing.T) {
	path := filepath.Join(t.TempDir(), "lock")
	unlock, err := lock(t.Context(), path, t.Output())
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 300*time.Millisecond)
	defer cancel()
	if _, err := lock(ctx, path, t.Output()); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("a second lock: %v, want it to wait until the deadline", err)
	}
	unlock()
	again, err := lock(t.Context(), path, t.Output())
	if err != nil {
		t.Fatalf("lock after unlock: %v", err)
	}
	again()
}

// TestBuildLeavesNoHalf compiles what does not compile.
func TestBuildLeavesNoHalf(t *testing.T) {
	source, dir := t.TempDir(), filepath.Join(t.TempDir(), "kubernetes-v1.0.0")
	if err := os.WriteFile(filepath.Join(source, "go.mod"), []byte("module x\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	var log bytes.Buffer
	err := build(t.Context(), source, dir, versions{"v1.0.0", "v3.0.0"}, &log)
	if err == nil || !strings.Contains(err.Error(), "compile kube-apiserver") {
		t.Errorf("build: %v, want that kube-apiserver does not compile", err)
	}
	if _, err := os.Stat(dir); !os.IsNotExist(err) {
		t.Errorf("a failed build left %s: %v", dir, err)
	}
	if !strings.Contains(log.String(), "compiling Kubernetes v1.0.0") {
		t.Errorf("the log says %q, want what is compiled", log.String())
	}
}

func TestOverride(t *testing.T) {
	got := override([]string{"--a=1", "--b=2"}, []string{"--a=3", "-c"})
	if want := "--b=2 --a=3 -c"; strings.Join(got, " ") != want {
		t.Errorf("override: %v, want %s", got, want)
	}
}
