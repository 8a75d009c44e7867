// Package archtest keeps the house's import rule: api ← pure ← adapters ← delivery and controllers ← commands.
//
// The table below is the documentation. Every package of the module must be in it, so a new one has to choose its place.
package archtest_test

import (
	"encoding/json"
	"errors"
	"io"
	"os/exec"
	"path"
	"slices"
	"strings"
	"testing"
)

const module = "github.com/watchword-io/watchword/"

// layer is one storey of the house. A package may import packages of lower layers, and those of its own that peers names.
type layer struct {
	name     string
	packages []string
	// peers are packages of the same layer that all others of it may import.
	peers []string
	// never are import paths that no package of this layer may import, prefixes of them included.
	never []string
}

// layers, from the ground up.
var layers = []layer{
	{name: "api", packages: []string{"api/v1alpha1"},
		never: []string{"k8s.io/client-go", "sigs.k8s.io/controller-runtime", "net/http"}},
	{name: "pure", packages: []string{
		"internal/identity", "internal/validate", "internal/keyring", "internal/credential", "internal/oauth2", "internal/token",
		"internal/authnconfig", "internal/seal", "internal/store",
	}, peers: []string{"internal/identity"}, never: []string{"k8s.io/client-go", "sigs.k8s.io/controller-runtime"}},
	// A message passes the guard before a library reads it, so the guard and what reads are peers that the rest of SAML stands on.
	{name: "SAML, pure", packages: []string{
		"internal/saml/refusal", "internal/saml/guard", "internal/saml/document", "internal/saml/xmlsec", "internal/saml",
		"internal/saml/metadata", "internal/saml/attributes",
	}, peers: []string{
		"internal/saml/refusal", "internal/saml/guard", "internal/saml/document", "internal/saml/xmlsec", "internal/saml",
	},
		never: []string{"k8s.io/client-go", "sigs.k8s.io/controller-runtime", "net/http"}},
	{name: "SAML's other side, for tests", packages: []string{"internal/saml/samltest"}},
	{name: "values that travel", packages: []string{"internal/flow"}, never: []string{"k8s.io/client-go", "net/http"}},
	{name: "judges of what is pure", packages: []string{"internal/authnconfig/validation"}},
	{name: "clients of the API server", packages: []string{"internal/apiclient"}, never: []string{"sigs.k8s.io/controller-runtime"}},
	{name: "adapters", packages: []string{
		"internal/directory", "internal/audit", "internal/kube", "internal/hasher", "internal/fetch", "internal/cluster",
		"internal/store/kube", "internal/store/memory", "internal/store/storetest",
	}},
	{name: "edge", packages: []string{"internal/server/httpx", "internal/server/pages"}, never: []string{"sigs.k8s.io/controller-runtime"}},
	{name: "what endpoints share", packages: []string{
		"internal/server/claims", "internal/server/clientauth", "internal/server/passwords", "internal/server/browser",
	}, never: []string{"sigs.k8s.io/controller-runtime"}},
	{name: "sign-in pages", packages: []string{"internal/server/signin"}, never: []string{"sigs.k8s.io/controller-runtime"}},
	{name: "endpoints", packages: []string{
		"internal/server/discovery", "internal/server/keys", "internal/server/grants", "internal/server/authorize",
		"internal/server/device", "internal/server/bearer", "internal/server/logout", "internal/server/revoke",
	},
		never: []string{"sigs.k8s.io/controller-runtime"}},
	{name: "server", packages: []string{"internal/server"}, never: []string{module + "controllers"}},
	{name: "controller kinds", packages: []string{
		"controllers/realm", "controllers/user", "controllers/role", "controllers/accessrule", "controllers/clientapplication",
		"controllers/session", "controllers/expiry",
	}, never: []string{module + "internal/server"}},
	{name: "controllers", packages: []string{"controllers"}, never: []string{module + "internal/server"}},
	{name: "sign-in parts", packages: []string{
		"internal/kubelogin/openid", "internal/kubelogin/tokencache", "internal/kubelogin/browser", "internal/kubelogin/execcred",
		"internal/kubelogin/kubeconfig",
	}, never: []string{"sigs.k8s.io/controller-runtime"}},
	{name: "sign-in", packages: []string{"internal/kubelogin"}, never: []string{"sigs.k8s.io/controller-runtime"}},
	{name: "commands", packages: []string{"cmd/watchword", "cmd/kubectl-watchword"}},
}

// heavy may be linked into the kubectl plugin and tests, never into the operator: it doubles the memory of an idle process.
const heavy = "k8s.io/apiserver"

type listed struct {
	ImportPath string
	Imports    []string
	Deps       []string
}

func TestImportsPointOneWay(t *testing.T) {
	place := map[string]int{}
	for i, l := range layers {
		for _, p := range l.packages {
			place[p] = i
		}
	}
	for _, pkg := range packages(t, "api/...", "internal/...", "controllers/...", "cmd/...") {
		from := strings.TrimPrefix(pkg.ImportPath, module)
		if path.Base(from) == "archtest" {
			continue
		}
		floor, ok := place[from]
		if !ok {
			t.Errorf("package %s has no layer: add it to the table", from)
			continue
		}
		own := layers[floor]
		for _, imported := range pkg.Imports {
			for _, never := range own.never {
				if imported == never || strings.HasPrefix(imported, never+"/") {
					t.Errorf("%s (%s) imports %s, which its layer may not", from, own.name, imported)
				}
			}
			to, ours := strings.CutPrefix(imported, module)
			if !ours {
				continue
			}
			if target, ok := place[to]; ok && (target > floor || target == floor && !slices.Contains(own.peers, to)) {
				t.Errorf("%s (%s) imports %s (%s): imports point downward only", from, own.name, to, layers[target].name)
			}
		}
	}
}

func TestOperatorStaysLight(t *testing.T) {
	for _, pkg := range packages(t, "cmd/watchword") {
		for _, dependency := range pkg.Deps {
			if dependency == heavy || strings.HasPrefix(dependency, heavy+"/") {
				t.Errorf("%s links %s", pkg.ImportPath, dependency)
			}
		}
	}
}

func packages(t *testing.T, patterns ...string) []listed {
	t.Helper()
	args := []string{"list", "-json=ImportPath,Imports,Deps"}
	for _, p := range patterns {
		args = append(args, module+p)
	}
	out, err := exec.CommandContext(t.Context(), "go", args...).Output()
	if err != nil {
		t.Fatalf("go list: %v", err)
	}
	var all []listed
	for decoder := json.NewDecoder(strings.NewReader(string(out))); ; {
		var pkg listed
		if err := decoder.Decode(&pkg); errors.Is(err, io.EOF) {
			return all
		} else if err != nil {
			t.Fatalf("read the output of go list: %v", err)
		}
		all = append(all, pkg)
	}
}
