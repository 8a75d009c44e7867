package controlplane

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"
)

// assetsVariable names a folder with ready-made binaries, as in controller-runtime's envtest.
const assetsVariable = "KUBEBUILDER_ASSETS"

// target is a binary of the control plane and the package it is compiled from, seen from the module in binaries/.
type target struct{ name, pkg string }

func targets() []target {
	return []target{
		{apiserverBinary, "k8s.io/kubernetes/cmd/kube-apiserver"},
		{managerBinary, "k8s.io/kubernetes/cmd/kube-controller-manager"},
		{kubectlBinary, "k8s.io/kubernetes/cmd/kubectl"},
		{etcdBinary, "./etcd"},
	}
}

// Binaries returns the folder that holds kube-apiserver, kube-controller-manager, kubectl and etcd.
//
// If KUBEBUILDER_ASSETS is set, it is that folder, and an error if one of them is missing there. Otherwise it is a
// folder below bin/ of the repository, named after the versions in binaries/go.mod; what is not there yet is compiled,
// which takes minutes and writes a line of progress to log every ten seconds. Of several processes that need the same
// binaries at once, one compiles and the others wait. The repository is found from the working directory upwards.
func Binaries(ctx context.Context, log io.Writer) (string, error) {
	if assets := os.Getenv(assetsVariable); assets != "" {
		if missing := missingIn(assets); len(missing) > 0 {
			return "", fmt.Errorf("%s=%s lacks %s: add them there, or unset it to have all of them compiled",
				assetsVariable, assets, strings.Join(missing, ", "))
		}
		return filepath.Abs(assets)
	}
	root, err := RepositoryRoot()
	if err != nil {
		return "", err
	}
	source := filepath.Join(root, "test", "controlplane", "binaries")
	v, err := readVersions(filepath.Join(source, "go.mod"))
	if err != nil {
		return "", err
	}
	cache := filepath.Join(root, "bin", "controlplane")
	dir := filepath.Join(cache, "kubernetes-"+v.kubernetes+"-etcd-"+v.etcd)
	if len(missingIn(dir)) == 0 {
		return dir, nil
	}
	if err := os.MkdirAll(cache, 0o755); err != nil {
		return "", err
	}
	unlock, err := lock(ctx, filepath.Join(cache, ".lock"), log)
	if err != nil {
		return "", err
	}
	defer unlock()
	if len(missingIn(dir)) == 0 { // another process has compiled them meanwhile
		return dir, nil
	}
	return dir, build(ctx, source, dir, v, log)
}

// build compiles into a folder beside dir and renames it, so that dir is either complete or not there.
func build(ctx context.Context, source, dir string, v versions, log io.Writer) error {
	fmt.Fprintf(log, "compiling Kubernetes %s and etcd %s, once (several minutes)\n", v.kubernetes, v.etcd)
	staging := filepath.Join(filepath.Dir(dir), ".building")
	if err := os.RemoveAll(staging); err != nil {
		return err
	}
	start := time.Now()
	for _, t := range targets() {
		if err := compile(ctx, source, filepath.Join(staging, t.name), t, v, log); err != nil {
			return err
		}
	}
	if err := os.RemoveAll(dir); err != nil {
		return err
	}
	if err := os.Rename(staging, dir); err != nil {
		return err
	}
	fmt.Fprintf(log, "compiled the control plane in %s\n", rounded(time.Since(start)))
	return nil
}

func compile(ctx context.Context, source, output string, t target, v versions, log io.Writer) error {
	stop := progress(log, "compiling "+t.name)
	defer stop()
	cmd := exec.CommandContext(ctx, "go", "build", "-trimpath", "-buildvcs=false", "-ldflags", v.ldflags(), "-o", output, t.pkg)
	cmd.Dir = source
	cmd.Env = append(os.Environ(), "CGO_ENABLED=0", "GOWORK=off", "PWD="+source)
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("compile %s: %w\n%s", t.name, err, bytes.TrimSpace(out))
	}
	return nil
}

// missingIn names the binaries that dir does not hold.
func missingIn(dir string) (missing []string) {
	for _, t := range targets() {
		info, err := os.Stat(filepath.Join(dir, t.name))
		if err != nil || info.IsDir() || info.Mode()&0o111 == 0 {
			missing = append(missing, t.name)
		}
	}
	return missing
}

// progress writes what and its age to log every ten seconds until the returned function is called.
func progress(log io.Writer, what string) (stop func()) {
	done, finished := make(chan struct{}), make(chan struct{})
	start := time.Now()
	go func() {
		defer close(finished)
		ticker := time.NewTicker(10 * time.Second)
		defer ticker.Stop()
		for {
			select {
			case <-ticker.C:
				fmt.Fprintf(log, "%s … %s\n", what, rounded(time.Since(start)))
			case <-done:
				return
			}
		}
	}()
	return func() {
		close(done)
		<-finished
	}
}

func rounded(d time.Duration) time.Duration { return d.Round(time.Second) }
