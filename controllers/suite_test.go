package controllers_test

import (
	"context"
	"fmt"
	"path/filepath"
	"sync/atomic"
	"testing"
	"time"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"
	corev1 "k8s.io/api/core/v1"
	rbacv1 "k8s.io/api/rbac/v1"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/rest"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/config"
	"sigs.k8s.io/controller-runtime/pkg/metrics/server"

	"github.com/go-logr/logr"

	"github.com/watchword-io/watchword/api/v1alpha1"
	"github.com/watchword-io/watchword/controllers"
	"github.com/watchword-io/watchword/internal/credential"
	"github.com/watchword-io/watchword/internal/hasher"
	"github.com/watchword-io/watchword/test/controlplane"
	"github.com/watchword-io/watchword/test/testenv"
	"github.com/watchword-io/watchword/test/testenv/specs"
)

const (
	operatorNamespace = "watchword-system"
	operatorAccount   = "watchword"
)

// env is the control plane of this suite. Every spec has a namespace, and so a realm, and an operator of its own.
var env *testenv.Environment

// passwords hashes cheaply for all of them.
var passwords *hasher.Pool

func TestControllers(t *testing.T) {
	ctrl.SetLogger(logr.Discard()) // errors that specs provoke are theirs to check
	specs.Run(t, "controllers")
}

var _ = BeforeSuite(func(ctx SpecContext) {
	SetDefaultEventuallyTimeout(20 * time.Second)
	SetDefaultEventuallyPollingInterval(30 * time.Millisecond)
	var err error
	env, err = testenv.Start(context.Background(), testenv.Options{Admission: true})
	Expect(err).NotTo(HaveOccurred(), "start the control plane")
	DeferCleanup(func() { Expect(env.Stop()).To(Succeed()) })
	passwords = hasher.New(hasher.Config{Workers: 2, Queue: 64, Params: credential.Params{Memory: 64, Time: 1, Threads: 1}})
	DeferCleanup(passwords.Close)
	namespace := &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: operatorNamespace}}
	Expect(env.Client.Create(ctx, namespace)).To(Succeed())
	root, err := controlplane.RepositoryRoot()
	Expect(err).NotTo(HaveOccurred())
	for _, file := range []string{"service_account", "bindable_clusterroles", "controllers", "realm", "instance", "people"} {
		Expect(env.Apply(ctx, filepath.Join(root, "config", "rbac", file+".yaml"))).To(Succeed())
	}
})

// clock is a clock that can be put forward: what a spec waits for takes days.
type clock struct{ ahead atomic.Int64 }

func (c *clock) Now() time.Time          { return time.Now().Add(time.Duration(c.ahead.Load())) }
func (c *clock) Advance(d time.Duration) { c.ahead.Add(int64(d)) }

// realmSpec starts before every spec of a container: a namespace with the operator's rights in it, and an operator.
type world struct {
	namespace string
	clock     *clock
	stop      func()
}

// newWorld makes a realm namespace without a Realm, and runs an operator for it until the spec ends.
func newWorld(ctx context.Context) *world {
	GinkgoHelper()
	w := &world{namespace: newRealmNamespace(ctx), clock: &clock{}}
	w.start()
	return w
}

func newRealmNamespace(ctx context.Context) string {
	GinkgoHelper()
	namespace, err := env.CreateNamespace(ctx, "realm")
	Expect(err).NotTo(HaveOccurred())
	Expect(env.Client.Create(ctx, &rbacv1.RoleBinding{
		ObjectMeta: metav1.ObjectMeta{Namespace: namespace, Name: "watchword-realm-controllers"},
		RoleRef:    rbacv1.RoleRef{APIGroup: rbacv1.GroupName, Kind: "ClusterRole", Name: "watchword-realm-controllers"},
		Subjects:   []rbacv1.Subject{{Kind: "ServiceAccount", Namespace: operatorNamespace, Name: operatorAccount}},
	})).To(Succeed())
	return namespace
}

// operatorConfig has exactly the rights of config/rbac.
func operatorConfig() *rest.Config {
	c := rest.CopyConfig(env.RESTConfig())
	account := "system:serviceaccount:" + operatorNamespace + ":" + operatorAccount
	c.Impersonate = rest.ImpersonationConfig{UserName: account, Groups: []string{
		"system:serviceaccounts", "system:serviceaccounts:" + operatorNamespace, "system:authenticated",
	}}
	return c
}

// start runs an operator; stop, or the end of the spec, ends it.
func (w *world) start(wrap ...func(client.Client) client.Client) {
	GinkgoHelper()
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	skip := true
	mgr, err := ctrl.NewManager(operatorConfig(), ctrl.Options{
		Scheme:     testenv.Scheme(),
		Cache:      controllers.CacheOptions([]string{w.namespace}),
		Client:     controllers.ClientOptions(),
		Metrics:    server.Options{BindAddress: "0"},
		Controller: config.Controller{SkipNameValidation: &skip},
	})
	Expect(err).NotTo(HaveOccurred())
	Expect(controllers.Add(mgr, controllers.Options{
		Namespaces: []string{w.namespace}, Passwords: passwords, Now: w.clock.Now,
	})).To(Succeed())
	go func() { done <- mgr.Start(ctx) }()
	stopped := false
	w.stop = func() {
		if !stopped {
			stopped = true
			cancel()
			Expect(<-done).To(Succeed(), "the operator ends without an error")
		}
	}
	DeferCleanup(func() { w.stop() })
}

// meta is the metadata of an object in the world's namespace.
func (w *world) meta(name string) metav1.ObjectMeta {
	return metav1.ObjectMeta{Namespace: w.namespace, Name: name}
}

// realm makes a Realm and waits until it serves.
func (w *world) realm(ctx context.Context, edits ...func(*v1alpha1.Realm)) *v1alpha1.Realm {
	GinkgoHelper()
	realm := &v1alpha1.Realm{ObjectMeta: w.meta("acme"), Spec: v1alpha1.RealmSpec{
		Issuer: fmt.Sprintf("https://id.example.com/%s", w.namespace),
	}}
	for _, edit := range edits {
		edit(realm)
	}
	Expect(env.Client.Create(ctx, realm)).To(Succeed())
	eventuallyReady(ctx, realm)
	return realm
}

// update changes an object, whatever happens to it meanwhile.
func update[T client.Object](ctx context.Context, obj T, edit func(T)) {
	GinkgoHelper()
	Eventually(func(g Gomega) {
		g.Expect(env.Client.Get(ctx, client.ObjectKeyFromObject(obj), obj)).To(Succeed())
		edit(obj)
		g.Expect(env.Client.Update(ctx, obj)).To(Succeed())
	}).Should(Succeed())
}

// annotate sets an annotation.
func annotate[T client.Object](ctx context.Context, obj T, key, value string) {
	GinkgoHelper()
	update(ctx, obj, func(obj T) {
		annotations := obj.GetAnnotations()
		if annotations == nil {
			annotations = map[string]string{}
		}
		annotations[key] = value
		obj.SetAnnotations(annotations)
	})
}

// poke makes the operator look at an object again: time that a clock was put forward wakes nobody.
func poke[T client.Object](ctx context.Context, obj T) {
	GinkgoHelper()
	annotate(ctx, obj, "test/poke", time.Now().String())
}

type conditioned interface {
	client.Object
	v1alpha1.ConditionedObject
}

// condition reads an object and returns one of its conditions, if that is about the newest spec.
func condition(ctx context.Context, obj conditioned, kind string) metav1.Condition {
	if err := env.Client.Get(ctx, client.ObjectKeyFromObject(obj), obj); err != nil {
		return metav1.Condition{Message: err.Error()}
	}
	found := meta.FindStatusCondition(*obj.GetConditions(), kind)
	if found == nil || found.ObservedGeneration != obj.GetGeneration() {
		return metav1.Condition{}
	}
	return *found
}

func eventuallyReady(ctx context.Context, obj conditioned) {
	GinkgoHelper()
	Eventually(func() metav1.Condition { return condition(ctx, obj, v1alpha1.ReadyCondition) }).Should(
		HaveField("Status", metav1.ConditionTrue), "%T %s should become ready", obj, obj.GetName())
}

// eventuallyCondition waits for a condition with a status, a reason and parts of a message, and checks that no other spec is hurt.
func eventuallyCondition(ctx context.Context, obj conditioned, kind string, status metav1.ConditionStatus, reason string, message ...string) {
	GinkgoHelper()
	parts := And(HaveField("Status", status), HaveField("Reason", reason))
	for _, part := range message {
		parts = And(parts, HaveField("Message", ContainSubstring(part)))
	}
	Eventually(func() metav1.Condition { return condition(ctx, obj, kind) }).Should(parts)
}

// secret reads a Secret of the world; nil if there is none.
func (w *world) secret(ctx context.Context, name string) *corev1.Secret {
	GinkgoHelper()
	found := &corev1.Secret{}
	err := env.Client.Get(ctx, client.ObjectKey{Namespace: w.namespace, Name: name}, found)
	if client.IgnoreNotFound(err) == nil && err != nil {
		return nil
	}
	Expect(err).NotTo(HaveOccurred())
	return found
}

// secrets lists the Secrets of one component.
func (w *world) secrets(ctx context.Context, component string) []corev1.Secret {
	GinkgoHelper()
	var list corev1.SecretList
	Expect(env.Client.List(ctx, &list, client.InNamespace(w.namespace), client.MatchingLabels{v1alpha1.ComponentLabel: component})).To(Succeed())
	return list.Items
}
