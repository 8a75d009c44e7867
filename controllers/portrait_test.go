package controllers_test

import (
	"context"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"sort"
	"strings"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"
	corev1 "k8s.io/api/core/v1"
	rbacv1 "k8s.io/api/rbac/v1"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/watchword-io/watchword/api/v1alpha1"
	"github.com/watchword-io/watchword/internal/credential"
)

// portrait is the state of a realm without what differs from run to run: names, UIDs, times, keys and secrets. Two runs that did the same
// have equal portraits.
type portrait struct {
	// Objects are conditions and status of each object, Secrets what each Secret is, Bindings who is bound to what and where.
	Objects, Secrets, Bindings []string
	// Facts are what must hold between secret values, which cannot be compared themselves.
	Facts []string

	namespace string
	data      map[string]map[string][]byte
}

// lines are the portrait as comparable text.
func (p *portrait) lines() []string {
	return strings.Split(strings.Join(slices.Concat(p.Objects, p.Secrets, p.Bindings, p.Facts), "\n"), "\n")
}

var (
	instants = regexp.MustCompile(`\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ`)
	keyNames = regexp.MustCompile(`(signing|sealing)-key-[0-9a-f]{10}`)
)

// portray reads the state of the world's namespace.
func (w *world) portray(ctx context.Context) *portrait {
	GinkgoHelper()
	p := &portrait{namespace: w.namespace, data: map[string]map[string][]byte{}}
	for _, list := range []client.ObjectList{
		&v1alpha1.RealmList{}, &v1alpha1.ClientApplicationList{}, &v1alpha1.UserList{}, &v1alpha1.RoleList{}, &v1alpha1.AccessRuleList{},
	} {
		Expect(env.Client.List(ctx, list, client.InNamespace(w.namespace))).To(Succeed())
		each(list, func(obj client.Object) { p.Objects = append(p.Objects, p.object(obj.(conditioned))) })
	}
	var secrets corev1.SecretList
	Expect(env.Client.List(ctx, &secrets, client.InNamespace(w.namespace))).To(Succeed())
	for i := range secrets.Items {
		p.secret(&secrets.Items[i])
	}
	p.bindings(ctx)
	sort.Strings(p.Objects)
	sort.Strings(p.Secrets)
	return p
}

// plain takes out what differs from run to run.
func (p *portrait) plain(text string) string {
	text = instants.ReplaceAllString(text, "<time>")
	text = keyNames.ReplaceAllString(text, "$1-key")
	return strings.ReplaceAll(text, p.namespace, "<namespace>")
}

func (p *portrait) object(obj conditioned) string {
	lines := []string{fmt.Sprintf("%T %s finalizers=%v", obj, obj.GetName(), obj.GetFinalizers())}
	for _, c := range *obj.GetConditions() {
		lines = append(lines, fmt.Sprintf("%s=%s %s: %s (current: %v)", c.Type, c.Status, c.Reason, c.Message, c.ObservedGeneration == obj.GetGeneration()))
	}
	switch o := obj.(type) {
	case *v1alpha1.Realm:
		var keys []string
		for _, key := range o.Status.Keys {
			keys = append(keys, fmt.Sprintf("%s %s", key.Algorithm, key.Phase))
		}
		sort.Strings(keys)
		lines = append(lines, fmt.Sprint(keys, o.Status.Serving.SecretName, o.Status.Serving.CAConfigMapName, o.Status.HandledRotateKeys, o.Status.HandledRevokeKeys))
	case *v1alpha1.ClientApplication:
		lines = append(lines, fmt.Sprint(o.Status.ClientID, o.Status.SecretName, o.Status.PreviousSecretExpiresAt != nil, o.Status.HandledRotateSecret))
	case *v1alpha1.User:
		lines = append(lines, fmt.Sprint(o.Status.Username, o.Status.Roles, o.Status.TemporaryPassword != nil, o.Status.PasswordChangedAt != nil, o.Status.HandledResetPassword))
	case *v1alpha1.AccessRule:
		lines = append(lines, fmt.Sprint(o.Status.Subject, o.Status.Scope, o.Status.Bindings))
	}
	return p.plain(strings.Join(lines, "\n"))
}

func (p *portrait) secret(secret *corev1.Secret) {
	GinkgoHelper()
	owner := "nobody"
	if ref := metav1.GetControllerOf(secret); ref != nil {
		owner = ref.Kind + " " + ref.Name
	}
	annotations := slices.Sorted(maps.Keys(secret.Annotations))
	for i, key := range annotations {
		annotations[i] = key + "=" + secret.Annotations[key]
	}
	p.Secrets = append(p.Secrets, p.plain(fmt.Sprintf("%s of %s labels=%v annotations=%v keys=%v algorithm=%s request=%s", secret.Name, owner,
		secret.Labels, annotations, slices.Sorted(maps.Keys(secret.Data)), secret.Data["algorithm"], secret.Data["request"])))
	p.data[secret.Name] = secret.Data
}

func (p *portrait) bindings(ctx context.Context) {
	GinkgoHelper()
	ours := client.MatchingLabels{v1alpha1.ManagedByLabel: v1alpha1.ManagedBy}
	var namespaced rbacv1.RoleBindingList
	Expect(env.Client.List(ctx, &namespaced, ours)).To(Succeed())
	var cluster rbacv1.ClusterRoleBindingList
	Expect(env.Client.List(ctx, &cluster, ours)).To(Succeed())
	add := func(obj client.Object, ref rbacv1.RoleRef, subjects []rbacv1.Subject) {
		if rule := obj.GetAnnotations()[v1alpha1.GroupName+"/access-rule"]; strings.HasPrefix(rule, p.namespace+"/") {
			p.Bindings = append(p.Bindings, p.plain(fmt.Sprintf("%s in %q: %s to %v", rule, obj.GetNamespace(), ref.Name, subjects)))
		}
	}
	for i := range namespaced.Items {
		add(&namespaced.Items[i], namespaced.Items[i].RoleRef, namespaced.Items[i].Subjects)
	}
	for i := range cluster.Items {
		add(&cluster.Items[i], cluster.Items[i].RoleRef, cluster.Items[i].Subjects)
	}
	sort.Strings(p.Bindings)
}

// compareSecrets adds the facts that link secret values with one another and with what they were before.
func (p *portrait) compareSecrets(before *portrait) {
	fact := func(format string, args ...any) { p.Facts = append(p.Facts, fmt.Sprintf(format, args...)) }
	for name, data := range p.data {
		if password := data["password"]; len(password) > 0 {
			record := p.data[strings.TrimSuffix(name, "-temporary-password")+"-credential"]
			ok, _, _ := credential.Verify(string(record["hash"]), password, credential.DefaultParams())
			fact("the password in %s opens: %v", name, ok)
			fact("the password in %s is as before: %v", name, string(before.data[name]["password"]) == string(password))
		}
		if current := data["client_secret"]; len(current) > 0 {
			old := string(before.data["ci-client-secret"]["client_secret"])
			fact("the secret in %s is as before: %v, the previous one is the one before: %v", name, old == string(current), old == string(data["previous_client_secret"]))
		}
	}
	sort.Strings(p.Facts)
}

// each calls f for every item of a list.
func each(list client.ObjectList, f func(client.Object)) {
	GinkgoHelper()
	Expect(meta.EachListItem(list, func(item runtime.Object) error { f(item.(client.Object)); return nil })).To(Succeed())
}

// names are the names of a list's items.
func names(list client.ObjectList) []string {
	var out []string
	each(list, func(obj client.Object) { out = append(out, obj.GetName()) })
	return out
}

// keepItems drops the items of a list that do not match.
func keepItems(list client.ObjectList, match func(client.Object) bool) error {
	items, err := meta.ExtractList(list)
	if err != nil {
		return err
	}
	return meta.SetList(list, slices.DeleteFunc(items, func(item runtime.Object) bool { return !match(item.(client.Object)) }))
}
