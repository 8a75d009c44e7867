//go:build tools

// Package binaries pins the control plane that Watchword's tests and demo run against. It owns one list of main
// packages and their versions (go.mod), and is compiled by package controlplane, never imported.
package binaries

import (
	_ "go.etcd.io/etcd/server/v3/etcdmain"
	_ "k8s.io/kubernetes/cmd/kube-apiserver"
	_ "k8s.io/kubernetes/cmd/kube-controller-manager"
	_ "k8s.io/kubernetes/cmd/kubectl"
)
