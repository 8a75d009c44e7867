package controlplane

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strings"
)

// module is Watchword's own: its go.mod marks the root of the repository.
const module = "github.com/watchword-io/watchword"

// versions of the control plane, with their leading v.
type versions struct{ kubernetes, etcd string }

func readVersions(gomod string) (versions, error) {
	content, err := os.ReadFile(gomod)
	if err != nil {
		return versions{}, err
	}
	required := func(path string) string {
		match := regexp.MustCompile(`(?m)^\s*(?:require )?` + regexp.QuoteMeta(path) + ` (v\S+)`).FindSubmatch(content)
		if match == nil {
			return ""
		}
		return string(match[1])
	}
	v := versions{kubernetes: required("k8s.io/kubernetes"), etcd: required("go.etcd.io/etcd/server/v3")}
	if v.kubernetes == "" || v.etcd == "" {
		return versions{}, fmt.Errorf("%s requires no version of k8s.io/kubernetes or go.etcd.io/etcd/server/v3", gomod)
	}
	return v, nil
}

// ldflags stamp the version as Kubernetes' own release does; without it kube-apiserver reports v0.0.0 and refuses
// feature gates and emulated versions.
func (v versions) ldflags() string {
	parts := strings.SplitN(strings.TrimPrefix(v.kubernetes, "v"), ".", 3)
	flags := []string{"-s", "-w"}
	for _, pkg := range []string{"k8s.io/component-base/version", "k8s.io/client-go/pkg/version"} {
		flags = append(flags,
			"-X "+pkg+".gitVersion="+v.kubernetes,
			"-X "+pkg+".gitMajor="+parts[0],
			"-X "+pkg+".gitMinor="+parts[1])
	}
	return strings.Join(flags, " ")
}

// RepositoryRoot is the nearest folder from the working directory upwards that holds Watchword's go.mod.
func RepositoryRoot() (string, error) {
	start, err := os.Getwd()
	if err != nil {
		return "", err
	}
	for dir := start; ; dir = filepath.Dir(dir) {
		content, err := os.ReadFile(filepath.Join(dir, "go.mod"))
		if err == nil && regexp.MustCompile(`(?m)^module `+regexp.QuoteMeta(module)+`\s*$`).Match(content) {
			return dir, nil
		}
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			return "", err
		}
		if dir == filepath.Dir(dir) {
			return "", fmt.Errorf("no go.mod of module %s in %s or above: run inside the repository, or set %s",
				module, start, assetsVariable)
		}
	}
}
