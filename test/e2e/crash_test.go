package e2e_test

import (
	"context"
	"crypto/x509"
	"fmt"
	"math/rand/v2"
	"net"
	"net/url"
	"time"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"
	corev1 "k8s.io/api/core/v1"
	rbacv1 "k8s.io/api/rbac/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/watchword-io/watchword/api/v1alpha1"
	"github.com/watchword-io/watchword/test/operator"
)

var _ = Describe("An operator that is killed again and again", func() {
	const deaths = 12

	It("ends up where an undisturbed one does, without anything left over", func(ctx context.Context) {
		endpoint, err := url.Parse(issuers[crash])
		Expect(err).NotTo(HaveOccurred())
		// A realm is there from the start; each life finds one thing more to do.
		work := []client.Object{
			realm(crash, v1alpha1.SigningSpec{}),
			public(crash), role(crash, "viewer", "view"), secret(crash, "password", crashPassword),
			person(crash, "carol", "password", "researchers"), confidential(crash, "pipeline"),
			rule(crash, "carol-views", v1alpha1.SubjectUser, "carol"), rule(crash, "pipeline-views", v1alpha1.SubjectClientApplication, "pipeline"),
			&v1alpha1.User{ObjectMeta: meta(crash, "dave"), Spec: v1alpha1.UserSpec{Email: "dave@example.com", Username: "dave"}},
		}
		seed := uint64(GinkgoRandomSeed())
		random := rand.New(rand.NewPCG(seed, seed))
		secrets := map[string]string{} // client secrets as they were first seen
		for life := range deaths {
			if life < len(work) {
				Expect(admin.Create(ctx, work[life])).To(Succeed())
			}
			o := startAlone(endpoint.Host, life)
			time.Sleep(100*time.Millisecond + time.Duration(random.Int64N(int64(700*time.Millisecond)))) // the moment is the point
			o.Kill()
			remember(ctx, secrets)
		}

		survivor := startAlone(endpoint.Host, deaths)
		DeferCleanup(survivor.Kill)
		converged(ctx, survivor)
		remember(ctx, secrets)
		nothingLeftOver(ctx)
	})
})

// startAlone starts an operator for realm crash that needs no lease: the dead one would hold it for a while.
func startAlone(address string, life int) *operator.Operator {
	GinkgoHelper()
	o, err := operator.Start(operator.Options{
		Binary: binary, Dir: logs, Name: fmt.Sprintf("life-%d", life), Kubeconfig: kubeconfig, Namespaces: []string{crash},
		Listen: address, Flags: []string{"--leader-elect=false"},
	})
	Expect(err).NotTo(HaveOccurred())
	return o
}

// remember holds that a client secret, once made, stays.
func remember(ctx context.Context, secrets map[string]string) {
	GinkgoHelper()
	var list corev1.SecretList
	Expect(admin.List(ctx, &list, client.InNamespace(crash), client.MatchingLabels{v1alpha1.ComponentLabel: v1alpha1.ComponentClientSecret})).To(Succeed())
	for _, s := range list.Items {
		value := string(s.Data["client_secret"])
		if first, known := secrets[s.Name]; known {
			Expect(value).To(Equal(first), "client secret %s changed although nobody asked for it", s.Name)
		}
		secrets[s.Name] = value
	}
}

// converged waits until everything that was asked for works.
func converged(ctx context.Context, o *operator.Operator) {
	GinkgoHelper()
	Expect(o.WaitReady(ctx)).To(Succeed())
	roots := x509.NewCertPool()
	roots.AppendCertsFromPEM(authority(ctx, crash))
	_, port, err := net.SplitHostPort(o.Listen)
	Expect(err).NotTo(HaveOccurred())
	r := &replica{Operator: o, port: port}
	r.trust(roots)
	r.applicationToken(ctx, crash, "pipeline")
	r.personToken(ctx, crash, "carol", crashPassword)
	for _, list := range []client.ObjectList{
		&v1alpha1.RealmList{}, &v1alpha1.UserList{}, &v1alpha1.RoleList{}, &v1alpha1.AccessRuleList{}, &v1alpha1.ClientApplicationList{},
	} {
		Eventually(notReady).WithContext(ctx).WithArguments(list).Should(BeEmpty())
	}
}

// notReady are the objects of realm crash that are not Ready for their newest spec.
func notReady(ctx context.Context, list client.ObjectList) (names []string, err error) {
	if err := admin.List(ctx, list, client.InNamespace(crash)); err != nil {
		return nil, err
	}
	for _, object := range conditioned(list) {
		ready := false
		for _, condition := range *object.GetConditions() {
			if condition.Type == v1alpha1.ReadyCondition {
				ready = condition.Status == metav1.ConditionTrue && condition.ObservedGeneration == object.GetGeneration()
			}
		}
		if !ready {
			names = append(names, object.GetName())
		}
	}
	return names, nil
}

func conditioned(list client.ObjectList) (objects []v1alpha1.ConditionedObject) {
	switch l := list.(type) {
	case *v1alpha1.RealmList:
		for i := range l.Items {
			objects = append(objects, &l.Items[i])
		}
	case *v1alpha1.UserList:
		for i := range l.Items {
			objects = append(objects, &l.Items[i])
		}
	case *v1alpha1.RoleList:
		for i := range l.Items {
			objects = append(objects, &l.Items[i])
		}
	case *v1alpha1.AccessRuleList:
		for i := range l.Items {
			objects = append(objects, &l.Items[i])
		}
	case *v1alpha1.ClientApplicationList:
		for i := range l.Items {
			objects = append(objects, &l.Items[i])
		}
	}
	return objects
}

// nothingLeftOver counts what twelve lives have made: as much as one would have.
func nothingLeftOver(ctx context.Context) {
	GinkgoHelper()
	count := func(component string) func() (int, error) {
		return func() (int, error) {
			var list corev1.SecretList
			err := admin.List(ctx, &list, client.InNamespace(crash), client.MatchingLabels{v1alpha1.ComponentLabel: component})
			return len(list.Items), err
		}
	}
	for component, want := range map[string]int{
		v1alpha1.ComponentSigningKey: 1, v1alpha1.ComponentSealingKey: 1, v1alpha1.ComponentServingCertificate: 1,
		v1alpha1.ComponentClientSecret: 1, v1alpha1.ComponentCredential: 2, v1alpha1.ComponentTemporaryPassword: 1,
	} {
		Eventually(count(component)).Should(Equal(want), "Secrets of component %s", component)
	}
	var bindings rbacv1.RoleBindingList
	Expect(admin.List(ctx, &bindings, client.InNamespace("research"), client.HasLabels{v1alpha1.AccessRuleUIDLabel})).To(Succeed())
	subjects := map[string]int{}
	for _, binding := range bindings.Items {
		for _, subject := range binding.Subjects {
			subjects[subject.Name]++
		}
	}
	Expect(subjects["crash:carol"]).To(Equal(1))
	Expect(subjects["crash:application:pipeline"]).To(Equal(1))
}
