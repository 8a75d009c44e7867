// Package kubeconfig writes into a kubeconfig how a person of a realm signs in to a cluster, and finds it there again.
//
// It owns the shape of the entries and how they get into a file that other programs write too; which cluster and which realm is the
// caller's business. Its invariant: an entry that somebody else made is never changed, and a file is the old one or the new one.
package kubeconfig

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	v1 "k8s.io/client-go/pkg/apis/clientauthentication/v1"
	"k8s.io/client-go/tools/clientcmd"
	"k8s.io/client-go/tools/clientcmd/api"
)

// Command is the plugin that kubeconfig entries call. It is called directly, so that programs without kubectl can use them too.
const Command = "kubectl-watchword"

const installHint = `kubectl-watchword is not in the PATH. It signs you in to the clusters of a Watchword realm;
ask whoever gave you this file where to get it.`

// ErrForeign means that an entry of that name exists and was not made by this package, or is about something else.
var ErrForeign = errors.New("belongs to something else")

// Access is one cluster as the people of one realm reach it.
type Access struct {
	// Name of the context and of the user entry.
	Name string
	// ClusterName and Cluster are the cluster's entry.
	ClusterName string
	Cluster     *api.Cluster
	// Namespace of the context; empty is default.
	Namespace string
	// Args of the plugin, beginning with its command.
	Args []string
}

// Config is a kubeconfig with nothing else in it.
func (a Access) Config() *api.Config {
	config := api.NewConfig()
	config.Clusters[a.ClusterName] = a.Cluster
	config.AuthInfos[a.Name] = &api.AuthInfo{Exec: &api.ExecConfig{
		APIVersion: v1.SchemeGroupVersion.String(), Command: Command, Args: a.Args,
		InteractiveMode: api.IfAvailableExecInteractiveMode, InstallHint: installHint,
	}}
	config.Contexts[a.Name] = &api.Context{Cluster: a.ClusterName, AuthInfo: a.Name, Namespace: a.Namespace}
	config.CurrentContext = a.Name
	return config
}

// Merge puts the access into a file, which is made if it is missing, and optionally chooses its context. An error is ErrForeign if an
// entry is in the way.
func (a Access) Merge(path string, choose bool) error {
	// A kubeconfig is often a link into a folder under version control; the link stays.
	if target, err := filepath.EvalSymlinks(path); err == nil {
		path = target
	}
	if err := os.MkdirAll(filepath.Dir(path), 0o750); err != nil {
		return fmt.Errorf("write kubeconfig: %w", err)
	}
	unlock, err := lock(path)
	if err != nil {
		return err
	}
	defer unlock()
	config, err := clientcmd.LoadFromFile(path)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		config = api.NewConfig()
	case err != nil:
		return fmt.Errorf("read kubeconfig: %w", err)
	}
	if err := a.into(config, choose); err != nil {
		return err
	}
	return write(path, config)
}

func (a Access) into(config *api.Config, choose bool) error {
	if cluster, ok := config.Clusters[a.ClusterName]; ok && cluster.Server != a.Cluster.Server {
		return fmt.Errorf("cluster %q of the kubeconfig %w: its server is %s", a.ClusterName, ErrForeign, cluster.Server)
	}
	if user, ok := config.AuthInfos[a.Name]; ok && !ours(user) {
		return fmt.Errorf("user %q of the kubeconfig %w", a.Name, ErrForeign)
	}
	if c, ok := config.Contexts[a.Name]; ok && (c.Cluster != a.ClusterName || c.AuthInfo != a.Name) {
		return fmt.Errorf("context %q of the kubeconfig %w", a.Name, ErrForeign)
	}
	added := a.Config()
	if _, ok := config.Clusters[a.ClusterName]; !ok {
		config.Clusters[a.ClusterName] = added.Clusters[a.ClusterName]
	}
	config.AuthInfos[a.Name] = added.AuthInfos[a.Name]
	if c, ok := config.Contexts[a.Name]; ok && a.Namespace == "" {
		added.Contexts[a.Name].Namespace = c.Namespace
	}
	config.Contexts[a.Name] = added.Contexts[a.Name]
	if choose || config.CurrentContext == "" {
		config.CurrentContext = a.Name
	}
	return nil
}

// Args are those of the plugin's command in the user entry of a context, or of the current one for an empty name.
func Args(config *api.Config, context string) ([]string, bool) {
	if context == "" {
		context = config.CurrentContext
	}
	chosen, ok := config.Contexts[context]
	if !ok {
		return nil, false
	}
	user, ok := config.AuthInfos[chosen.AuthInfo]
	if !ok || !ours(user) {
		return nil, false
	}
	return user.Exec.Args, true
}

// ours recognizes entries of this package, and those that a person wrote as kubectl watchword get-token.
func ours(user *api.AuthInfo) bool {
	if user.Exec == nil {
		return false
	}
	switch command := strings.TrimSuffix(filepath.Base(user.Exec.Command), ".exe"); command {
	case Command:
		return true
	case "kubectl":
		return slices.Contains(user.Exec.Args, "watchword")
	}
	return false
}

// lockPatience is how long another program may hold its lock.
const lockPatience = 5 * time.Second

// lock is kubectl's: a file beside the kubeconfig.
func lock(path string) (unlock func(), err error) {
	name := path + ".lock"
	for deadline := time.Now().Add(lockPatience); ; time.Sleep(50 * time.Millisecond) {
		file, err := os.OpenFile(name, os.O_CREATE|os.O_EXCL, 0)
		if err == nil {
			_ = file.Close()
			return func() { _ = os.Remove(name) }, nil
		}
		if !errors.Is(err, fs.ErrExist) || time.Now().After(deadline) {
			return nil, fmt.Errorf("lock kubeconfig: %w", err)
		}
	}
}

// write replaces the file by a rename, keeping its mode.
func write(path string, config *api.Config) error {
	document, err := clientcmd.Write(*config)
	if err != nil {
		return fmt.Errorf("render kubeconfig: %w", err)
	}
	mode := fs.FileMode(0o600)
	if info, err := os.Stat(path); err == nil {
		mode = info.Mode().Perm()
	}
	staged, err := os.CreateTemp(filepath.Dir(path), ".kubeconfig-*")
	if err != nil {
		return fmt.Errorf("write kubeconfig: %w", err)
	}
	defer os.Remove(staged.Name())
	_, err = staged.Write(document)
	if err == nil {
		err = staged.Chmod(mode)
	}
	if closed := staged.Close(); err == nil {
		err = closed
	}
	if err == nil {
		err = os.Rename(staged.Name(), path)
	}
	if err != nil {
		return fmt.Errorf("write kubeconfig: %w", err)
	}
	return nil
}
