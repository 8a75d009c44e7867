package install_test

import (
	"context"
	"slices"
	"strings"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"
	authorizationv1 "k8s.io/api/authorization/v1"
	rbacv1 "k8s.io/api/rbac/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/yaml"

	"github.com/watchword-io/watchword/api/v1alpha1"
)

// manifest is as much of any object as the scan reads.
type manifest struct {
	Kind     string
	Metadata struct{ Name, Namespace string }
	Rules    []rbacv1.PolicyRule
	RoleRef  rbacv1.RoleRef
	Subjects []rbacv1.Subject
}

// render is what kubectl would apply.
func render(name string) []manifest {
	GinkgoHelper()
	output, err := kubectl("kustomize", config(name))
	Expect(err).NotTo(HaveOccurred(), output)
	var manifests []manifest
	for document := range strings.SplitSeq(output, "\n---\n") {
		var m manifest
		Expect(yaml.Unmarshal([]byte(document), &m)).To(Succeed())
		manifests = append(manifests, m)
	}
	return manifests
}

// dangerous says what is wrong with a rule, or nothing.
func dangerous(rule rbacv1.PolicyRule) string {
	all := slices.Concat(rule.APIGroups, rule.Resources, rule.Verbs, rule.ResourceNames, rule.NonResourceURLs)
	ownGroup := slices.Equal(rule.APIGroups, []string{v1alpha1.GroupName})
	switch {
	case slices.ContainsFunc(all, func(s string) bool { return strings.Contains(s, "*") }):
		return "has a wildcard"
	case slices.Contains(rule.Verbs, "escalate"):
		return "escalates"
	case slices.ContainsFunc(rule.Verbs, func(verb string) bool { return strings.HasPrefix(verb, "impersonate") }):
		return "impersonates"
	case slices.Contains(rule.Verbs, "bind") && len(rule.ResourceNames) == 0 && !ownGroup:
		return "binds anything"
	case slices.Contains(rule.Resources, "serviceaccounts/token") || slices.Contains(rule.Resources, "pods/exec"):
		return "becomes somebody else"
	}
	return ""
}

var _ = Describe("The manifests", func() {
	for _, name := range []string{"default", "split"} {
		It("of config/"+name+" hold no rule that reaches further than it says", func() {
			for _, m := range render(name) {
				for _, rule := range m.Rules {
					Expect(dangerous(rule)).To(BeEmpty(), "%s %s: %v", m.Kind, m.Metadata.Name, rule)
				}
			}
		})

		It("of config/"+name+" bring nobody Secrets of the whole cluster", func() {
			manifests := render(name)
			for _, bound := range manifests {
				if bound.Kind != "ClusterRoleBinding" {
					continue
				}
				i := slices.IndexFunc(manifests, func(m manifest) bool { return m.Kind == "ClusterRole" && m.Metadata.Name == bound.RoleRef.Name })
				Expect(i).NotTo(Equal(-1), "ClusterRoleBinding %s is for a ClusterRole that is not ours", bound.Metadata.Name)
				for _, rule := range manifests[i].Rules {
					Expect(rule.Resources).NotTo(ContainElement("secrets"), "ClusterRoleBinding %s", bound.Metadata.Name)
				}
			}
		})

		It("of config/"+name+" bind only ServiceAccounts that they hold", func() {
			manifests := render(name)
			for _, m := range manifests {
				for _, subject := range m.Subjects {
					Expect(manifests).To(ContainElement(And(
						HaveField("Kind", "ServiceAccount"), HaveField("Metadata.Name", subject.Name), HaveField("Metadata.Namespace", subject.Namespace),
					)), "%s %s", m.Kind, m.Metadata.Name)
				}
			}
		})
	}
})

// rulesOf are the rules that a ServiceAccount has in a namespace, those of every authenticated user included.
func rulesOf(ctx context.Context, api client.Client, namespace string) []rbacv1.PolicyRule {
	GinkgoHelper()
	review := &authorizationv1.SelfSubjectRulesReview{Spec: authorizationv1.SelfSubjectRulesReviewSpec{Namespace: namespace}}
	Expect(api.Create(ctx, review)).To(Succeed())
	Expect(review.Status.Incomplete).To(BeFalse())
	var rules []rbacv1.PolicyRule
	for _, r := range review.Status.ResourceRules {
		rules = append(rules, rbacv1.PolicyRule{Verbs: r.Verbs, APIGroups: r.APIGroups, Resources: r.Resources, ResourceNames: r.ResourceNames})
	}
	return rules
}

var _ = Describe("The rules that the API server reports", func() {
	It("for the operator hold no wildcard, escalation or impersonation, and bind by name only", func(ctx context.Context) {
		for _, where := range []string{system, "default", "kube-system", namespace(ctx)} {
			for _, rule := range rulesOf(ctx, operator, where) {
				Expect(dangerous(rule)).To(BeEmpty(), "in %s: %v", where, rule)
			}
		}
	})

	It("for the server of config/split hold nothing that writes", func(ctx context.Context) {
		instead(config("split"))
		server, controllers := serviceAccount(ctx, system, "watchword-server"), serviceAccount(ctx, system, "watchword-controllers")
		may := func(api client.Client, verb, resource string) []rbacv1.PolicyRule {
			return slices.DeleteFunc(rulesOf(ctx, api, system), func(r rbacv1.PolicyRule) bool {
				return !slices.Contains(r.Verbs, verb) || !slices.Contains(r.Resources, resource)
			})
		}
		Eventually(may).WithArguments(server, "list", "secrets").ShouldNot(BeEmpty())
		Eventually(may).WithArguments(controllers, "create", "rolebindings").ShouldNot(BeEmpty())
		Expect(may(controllers, "bind", "clusterroles")).NotTo(BeEmpty())
		for _, rule := range rulesOf(ctx, server, system) {
			if slices.ContainsFunc(rule.Resources, func(r string) bool { return strings.HasPrefix(r, "selfsubject") }) {
				continue // every authenticated user may ask about herself
			}
			allowed := []string{"get", "list", "watch"}
			switch {
			case slices.Equal(rule.Resources, []string{"sessions"}):
				allowed = append(allowed, "create", "patch", "delete")
			case slices.Equal(rule.Resources, []string{"configmaps"}):
				allowed = append(allowed, "create", "patch", "delete") // only with a label of sign-in: see signin_test.go
			case slices.Equal(rule.Resources, []string{"users/status"}), slices.Equal(rule.Resources, []string{"secrets"}):
				allowed = append(allowed, "patch") // only counts of wrong passwords, and passwords: see signin_test.go
			case slices.Equal(rule.Resources, []string{"leases"}):
				allowed = []string{"create"}
			case slices.Equal(rule.Resources, []string{"tokenreviews"}):
				allowed = []string{"create"} // a question, of which nothing is kept
			}
			Expect(allowed).To(ContainElements(rule.Verbs), "%v", rule)
		}
	})
})
