package api_test

import (
	"os/exec"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/yaml"

	"github.com/watchword-io/watchword/api/v1alpha1"
	"github.com/watchword-io/watchword/test/testenv"
)

// checkDefaults compares what is stored of the shortest valid objects.
func checkDefaults(t *testing.T, e *testenv.Environment) {
	namespace, err := e.CreateNamespace(t.Context(), "acme")
	if err != nil {
		t.Fatal(err)
	}
	wants := map[string]string{
		"Realm": `
issuer: https://id.example.com/realms/acme
grants: [client_credentials, authorization_code, refresh_token, "urn:ietf:params:oauth:grant-type:device_code"]
signing: {algorithm: ES256, rotationPeriod: 720h, publishBefore: 1h, keysMaxAge: 5m}
tokens: {access: 15m, id: 15m, refreshIdle: 24h, refreshAbsolute: 168h}
password:
  {minLength: 12, temporaryLifetime: 72h, history: 0, lockout: {attempts: 5, window: 15m, duration: 15m, sourceAttempts: 50}}
kubernetes: {audience: kubernetes, allowedScopes: {cluster: false}}
serving: {}`,
		"User":       `{email: alice@example.com, disabled: false}`,
		"Role":       `{clusterRoles: [view]}`,
		"AccessRule": `{subject: {kind: User, name: alice}, role: viewer, scope: {namespaces: [research]}}`,
		"ClientApplication": `
{type: Confidential, disabled: false, grantTypes: [client_credentials], accessTokenFormat: RFC9068,
scopes: [openid, profile, email, groups, roles]}`,
	}
	for _, table := range tables() {
		want, ok := wants[table.kind]
		if !ok {
			continue
		}
		t.Run(table.kind, func(t *testing.T) {
			object := table.object(t, namespace, "shortest")
			if err := e.Client.Create(t.Context(), object); err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(text(t, parse(t, want)), text(t, object.Object["spec"])); diff != "" {
				t.Errorf("the API server stores another spec (-want +got):\n%s", diff)
			}
		})
	}
	t.Run("User with a Secret", func(t *testing.T) {
		user := users().object(t, namespace, "with-secret")
		user.Object["spec"] = parse(t, `{email: bob@example.com, password: {secretRef: {name: bob}}}`)
		if err := e.Client.Create(t.Context(), user); err != nil {
			t.Fatal(err)
		}
		if key, _, _ := unstructured.NestedString(user.Object, "spec", "password", "secretRef", "key"); key != "password" {
			t.Errorf("spec.password.secretRef.key is %q, want password", key)
		}
	})
}

// text renders a value the same way wherever it comes from: YAML and the API server's client disagree about number types.
func text(t *testing.T, value any) string {
	t.Helper()
	rendered, err := yaml.Marshal(value)
	if err != nil {
		t.Fatal(err)
	}
	return string(rendered)
}

// checkStatus holds that people write specs and Watchword writes statuses: neither endpoint takes the other's half.
func checkStatus(t *testing.T, e *testenv.Environment) {
	namespace, err := e.CreateNamespace(t.Context(), "acme")
	if err != nil {
		t.Fatal(err)
	}
	user := &v1alpha1.User{
		ObjectMeta: meta(namespace, "alice"),
		Spec:       v1alpha1.UserSpec{Email: "alice@example.com"},
		Status:     v1alpha1.UserStatus{Username: "forged"},
	}
	if err := e.Client.Create(t.Context(), user); err != nil {
		t.Fatal(err)
	}
	if user.Status.Username != "" {
		t.Errorf("a User is created with the status %+v, want none", user.Status)
	}
	user.Status.Username = "alice@example.com"
	user.Spec.Groups = []string{"admins"}
	if err := e.Client.Status().Update(t.Context(), user); err != nil {
		t.Fatal(err)
	}
	if err := e.Client.Get(t.Context(), client.ObjectKeyFromObject(user), user); err != nil {
		t.Fatal(err)
	}
	if user.Status.Username != "alice@example.com" || len(user.Spec.Groups) != 0 {
		t.Errorf("after a write to /status the User has groups %q and username %q, want the username alone", user.Spec.Groups, user.Status.Username)
	}
}

// checkKubectl looks at the API as people do: tables, short names, the category, explanations.
func checkKubectl(t *testing.T, e *testenv.Environment) {
	namespace, err := e.CreateNamespace(t.Context(), "acme")
	if err != nil {
		t.Fatal(err)
	}
	for _, table := range tables() {
		object := table.object(t, namespace, "sample")
		if table.kind == "AccessRule" {
			object.Object["spec"] = merge(object.Object["spec"], parse(t, `expiresAt: "2099-01-01T00:00:00Z"`))
		}
		if err := e.Client.Create(t.Context(), object); err != nil {
			t.Fatal(err)
		}
	}
	kubectl := func(args ...string) string {
		t.Helper()
		args = append([]string{"--kubeconfig", e.ControlPlane.Kubeconfig(), "-n", namespace, "--cache-dir", t.TempDir()}, args...)
		output, err := exec.Command(e.ControlPlane.Kubectl(), args...).CombinedOutput()
		if err != nil {
			t.Errorf("kubectl %s: %v\n%s", strings.Join(args, " "), err, output)
		}
		return string(output)
	}
	columns := map[string]string{
		"realms":                       "NAME READY ISSUER USERS APPLICATIONS AGE",
		"users":                        "NAME USERNAME READY REASON ROLES LOCKED UNTIL AGE",
		"roles.identity.watchword.io":  "NAME READY CLUSTERROLES RULES AGE",
		"accessrules":                  "NAME KIND SUBJECT ROLE SCOPE READY EXPIRES AGE",
		"clientapplications":           "NAME CLIENT ID TYPE READY SECRET AGE",
		"sessions":                     "NAME USER METHOD DEVICE LAST USED EXPIRES AGE",
		"idu":                          "NAME USERNAME READY REASON ROLES LOCKED UNTIL AGE",
		"idr":                          "NAME READY CLUSTERROLES RULES AGE",
		"ar":                           "NAME KIND SUBJECT ROLE SCOPE READY EXPIRES AGE",
		"cap":                          "NAME CLIENT ID TYPE READY SECRET AGE",
		"users -o wide":                "NAME USERNAME READY REASON ROLES LOCKED UNTIL GROUPS MESSAGE AGE",
		"realms,users,accessrules,cap": "NAME READY ISSUER USERS APPLICATIONS AGE",
	}
	for what, want := range columns {
		header, _, _ := strings.Cut(kubectl(append([]string{"get"}, strings.Fields(what)...)...), "\n")
		if got := strings.Join(strings.Fields(header), " "); got != want {
			t.Errorf("kubectl get %s has the columns %q, want %q", what, got, want)
		}
	}
	if rules := kubectl("get", "accessrules"); !strings.Contains(rules, "2099-01-01T00:00:00Z") {
		t.Errorf("kubectl get accessrules does not tell when a rule ends:\n%s", rules)
	}
	if all := kubectl("get", "watchword"); strings.Count(all, "/sample ") != len(tables()) {
		t.Errorf("kubectl get watchword lists %d kinds, want %d:\n%s", strings.Count(all, "/sample "), len(tables()), all)
	}
	for kind, schema := range definitions(t) {
		text := kubectl("explain", strings.ToLower(kind)+"s.spec", "--api-version", v1alpha1.GroupVersion.String())
		for field := range schema.Properties["spec"].Properties {
			if !strings.Contains(text, "\n  "+field+"\t<") {
				t.Errorf("kubectl explain says nothing of spec.%s of %s:\n%s", field, kind, text)
			}
		}
		if strings.Contains(text, "no description") {
			t.Errorf("kubectl explain %s.spec lacks descriptions:\n%s", kind, text)
		}
	}
}
