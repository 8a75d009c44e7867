package main

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/go-logr/logr"
	"github.com/google/go-cmp/cmp"
)

// withoutCluster keeps the surroundings of the test out of it.
func withoutCluster(t *testing.T, podNamespace string) {
	t.Helper()
	t.Setenv("POD_NAMESPACE", podNamespace)
	t.Setenv("KUBECONFIG", filepath.Join(t.TempDir(), "none"))
	t.Setenv("KUBERNETES_SERVICE_HOST", "")
}

func TestParse(t *testing.T) {
	for name, tc := range map[string]struct {
		args []string
		pod  string
		want func(*testing.T, options)
		err  string
	}{
		"defaults": {pod: "watchword-system", want: func(t *testing.T, o options) {
			if diff := cmp.Diff([]string{"watchword-system"}, o.namespaces); diff != "" {
				t.Errorf("namespaces (-want +got):\n%s", diff)
			}
			if !o.has("controllers") || !o.has("server") || !o.leaderElect || o.listen != ":8443" || o.healthListen != ":8081" ||
				o.metricsListen != ":8080" || o.drain != 15*time.Second || o.hashWorkers < 1 || o.operatorNamespace != "watchword-system" {
				t.Errorf("options %+v", o)
			}
		}},
		"namespaces repeated and separated": {args: []string{"--namespaces=b,a", "--namespaces", "c", "--namespaces=a"}, want: func(t *testing.T, o options) {
			if diff := cmp.Diff([]string{"a", "b", "c"}, o.namespaces); diff != "" {
				t.Errorf("namespaces (-want +got):\n%s", diff)
			}
		}},
		"only the server: nobody to elect": {args: []string{"--components=server"}, pod: "x", want: func(t *testing.T, o options) {
			if o.leaderElect || o.has("controllers") {
				t.Errorf("options %+v", o)
			}
		}},
		"unknown component": {args: []string{"--components=web"}, err: `unknown component "web"`},
		"no component":      {args: []string{"--components="}, err: "--components is empty"},
		"no worker":         {args: []string{"--hash-workers=0"}, err: "at least 1"},
		"argument":          {args: []string{"serve"}, err: `unexpected argument "serve"`},
		"unknown flag":      {args: []string{"--port=1"}, err: "unknown flag: --port"},
	} {
		t.Run(name, func(t *testing.T) {
			withoutCluster(t, tc.pod)
			var out bytes.Buffer
			o, err := parse(tc.args, &out)
			if tc.err != "" {
				if err == nil || !strings.Contains(err.Error(), tc.err) {
					t.Errorf("error %v; want one with %q", err, tc.err)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			tc.want(t, o)
		})
	}
}

func TestNamespaceFromKubeconfig(t *testing.T) {
	withoutCluster(t, "")
	path := filepath.Join(t.TempDir(), "config")
	kubeconfig := `{"apiVersion":"v1","kind":"Config","current-context":"c","contexts":[{"name":"c","context":{"cluster":"c","namespace":"acme"}}],` +
		`"clusters":[{"name":"c","cluster":{"server":"https://127.0.0.1:1"}}]}`
	if err := os.WriteFile(path, []byte(kubeconfig), 0o600); err != nil {
		t.Fatal(err)
	}
	o, err := parse([]string{"--kubeconfig", path}, &bytes.Buffer{})
	if err != nil || len(o.namespaces) != 1 || o.namespaces[0] != "acme" {
		t.Errorf("namespaces %v, %v; want the kubeconfig's", o.namespaces, err)
	}
}

func TestHelpAndVersion(t *testing.T) {
	withoutCluster(t, "x")
	for flag, wants := range map[string][]string{
		"--help":    {"Usage:", "Examples:", "--components=server", "--namespaces", "default", "audit log"},
		"--version": {"\n"},
	} {
		var stdout, stderr bytes.Buffer
		if err := run(t.Context(), []string{flag}, &stdout, &stderr, func(logr.Logger) {}); err != nil {
			t.Errorf("%s: %v", flag, err)
		}
		for _, want := range wants {
			if !strings.Contains(stdout.String(), want) {
				t.Errorf("%s does not say %q:\n%s", flag, want, stdout.String())
			}
		}
		if stderr.Len() > 0 {
			t.Errorf("%s writes to stderr: %s", flag, stderr.String())
		}
	}
}

func TestBadLogLevel(t *testing.T) {
	withoutCluster(t, "x")
	err := run(t.Context(), []string{"--log-level=loud"}, &bytes.Buffer{}, &bytes.Buffer{}, func(logr.Logger) {})
	if err == nil || !strings.Contains(err.Error(), "debug, info, warn or error") {
		t.Errorf("error %v; want one that lists the levels", err)
	}
}
